"""The objects of a Pages, Numbers or Keynote document: protobuf messages in Snappy blocks (IWA).

Objects have a number and a type, and refer to each other by number. Messages are read without
their definitions: a field is a number or bytes. Bounds sizes; damaged files end in an error.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from ragkit.documents.unpacking.limits import ZipPackage, limit_chunks
from ragkit.errors import DocumentError

_BLOCK_HEADER = 4
_MAX_BLOCK = 1 << 24  # bytes that a block may say it unpacks to; programs write 64 kB
_MAX_OBJECTS = 1_000_000
_MAX_REFERENCES = 100_000  # of one object

Fields = dict[int, list[int | bytes]]


def decompress_snappy(data: bytes) -> bytes:
    """Return what a raw Snappy block contains. Raises `DocumentError` if it is damaged."""
    size, at = read_varint(data, 0)
    if size > _MAX_BLOCK:
        raise DocumentError("damaged iWork file: a block is too large", kind="limit")
    output = bytearray()
    end = len(data)
    while at < end:
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            length = tag >> 2
            if length >= 60:
                size_bytes = length - 59
                length = int.from_bytes(data[at : at + size_bytes], "little")
                at += size_bytes
            output += data[at : at + length + 1]
            at += length + 1
        else:
            size_bytes = (0, 1, 2, 4)[kind]
            offset = int.from_bytes(data[at : at + size_bytes], "little")
            at += size_bytes
            length = (tag >> 2) + 1
            if kind == 1:
                offset |= tag >> 5 << 8
                length = (tag >> 2 & 7) + 4
            start = len(output) - offset
            if offset <= 0 or start < 0:
                raise DocumentError("damaged iWork file: a block refers to nothing")
            piece = output[start : start + length]
            output += (piece * (length // len(piece) + 1))[:length]
        if len(output) > size:
            break
    if len(output) != size:
        raise DocumentError("damaged iWork file: a block is cut off")
    return bytes(output)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and the offset after it."""
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
    raise DocumentError("damaged iWork file: a message is cut off")


def parse_message(data: bytes) -> Fields:
    """Return the fields of a message by their number. Raises `DocumentError` if it is damaged."""
    fields: Fields = {}
    at, end = 0, len(data)
    while at < end:
        key, at = read_varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == 0:
            value, at = read_varint(data, at)
        elif kind in {1, 5}:
            size = 8 if kind == 1 else 4
            value = data[at : at + size]
            at += size
        elif kind == 2:
            size, at = read_varint(data, at)
            value = data[at : at + size]
            at += size
        else:
            raise DocumentError("damaged iWork file: an unknown kind of field")
        if at > end:
            raise DocumentError("damaged iWork file: a message is cut off")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def number(fields: Fields, key: int, default: int = 0) -> int:
    """Return the first value of a field that is a number."""
    value = fields.get(key, [default])[0]
    return value if isinstance(value, int) else default


def content(fields: Fields, key: int) -> bytes:
    """Return the first value of a field that is text or a message; empty if there is none."""
    value = fields.get(key, [b""])[0]
    return value if isinstance(value, bytes) else b""


def contents(fields: Fields, key: int) -> Iterator[bytes]:
    """Yield the values of a repeated field that is text or a message."""
    return (value for value in fields.get(key, ()) if isinstance(value, bytes))


def reference(data: bytes) -> int:
    """Return the number of the object that a reference names; 0 if it is none."""
    return number(parse_message(data), 1) if data else 0


@dataclass(slots=True)
class IworkObject:
    """One object: its type, its message, the objects it refers to, and the part it is stored in."""

    kind: int
    message: bytes = field(repr=False)
    references: tuple[int, ...]
    part: str

    def fields(self) -> Fields:
        """Return the fields of the message."""
        return parse_message(self.message)


def read_objects(package: ZipPackage) -> dict[int, IworkObject]:
    """Return the objects of a document by number; damaged parts are warnings.

    Raises `DocumentError` if no part can be read, or at a limit.
    """
    objects: dict[int, IworkObject] = {}
    failures = 0
    parts = sorted(name for name in package.names if name.endswith(".iwa"))
    for part in parts:
        try:
            for key, value in _part_objects(package, part):
                objects.setdefault(key, value)
                if len(objects) > _MAX_OBJECTS:
                    raise DocumentError(f"over {_MAX_OBJECTS:,} objects: not read", kind="limit")
        except DocumentError as error:
            if error.kind == "limit":
                raise
            failures += 1
            package.warnings.append(f"{part[-60:]}: {error}")
    if failures == len(parts):
        raise DocumentError(package.warnings[-1] if failures else "damaged iWork file: no objects")
    return objects


def _part_objects(package: ZipPackage, part: str) -> Iterator[tuple[int, IworkObject]]:
    packed = package.read(part)
    chunks = limit_chunks(_blocks(packed), len(packed), part, package.allowance)
    data = b"".join(chunks)
    at = 0
    while at < len(data):
        size, at = read_varint(data, at)
        header = parse_message(data[at : at + size])
        at += size
        first = True
        for information in contents(header, 2):
            fields = parse_message(information)
            length = number(fields, 3)
            if at + length > len(data):
                raise DocumentError("damaged iWork file: an object is cut off")
            if first:
                yield (
                    number(header, 1),
                    IworkObject(
                        number(fields, 1),
                        data[at : at + length],
                        tuple(_packed_numbers(fields, 5)),
                        part,
                    ),
                )
            first = False
            at += length


def _blocks(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _BLOCK_HEADER <= len(data):
        head = struct.unpack_from("<I", data, at)[0]
        size = head >> 8
        at += _BLOCK_HEADER
        if head & 0xFF or at + size > len(data):
            raise DocumentError("damaged iWork file: a block is cut off")
        yield decompress_snappy(data[at : at + size])
        at += size


def _packed_numbers(fields: Fields, key: int) -> Iterator[int]:
    count = 0
    for value in fields.get(key, ()):
        if isinstance(value, int):
            yield value
            continue
        at = 0
        while at < len(value) and count < _MAX_REFERENCES:
            found, at = read_varint(value, at)
            count += 1
            yield found
