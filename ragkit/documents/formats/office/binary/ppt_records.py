"""The records of a PowerPoint 97 to 2003 file ([MS-PPT]): a tree, with a directory of its parts.

Every save appends changed parts and a directory of their offsets; the newest entry of each part
counts, so slides that were replaced or deleted are not found. Knows no meaning of a slide.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from ragkit.errors import DocumentError

CURRENT_USER, EDIT, DIRECTORY = 0x0FF6, 0x0FF5, 0x1772
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_HEADER_BYTES = 8
_MAX_EDITS = 10_000
_MAX_PARTS = 100_000


class PptRecord(NamedTuple):
    """A record: its type, its instance number and where its content lies."""

    kind: int
    instance: int
    start: int
    end: int
    is_container: bool


def iter_records(data: bytes, start: int, end: int) -> Iterator[PptRecord]:
    """Yield the records between two offsets; the last one may be cut off."""
    end = min(end, len(data))
    while start + _HEADER_BYTES <= end:
        head, kind, size = struct.unpack_from("<HHI", data, start)
        start += _HEADER_BYTES
        yield PptRecord(kind, head >> 4, start, min(start + size, end), head & 0xF == 0xF)
        start += size


def record_at(data: bytes, offset: int) -> PptRecord | None:
    """Return the record at an offset; None if there is none."""
    return next(iter_records(data, offset, len(data)), None)


def child(data: bytes, parent: PptRecord, kind: int) -> PptRecord | None:
    """Return the first record of a kind in a container."""
    records = iter_records(data, parent.start, parent.end)
    return next((record for record in records if record.kind == kind), None)


def read_directory(data: bytes, current_user: bytes) -> tuple[dict[int, int], int]:
    """Return the offsets of the parts by number, and the number of the document's part.

    Raises `DocumentError` if the file is encrypted, or if it has no directory.
    """
    edit = _last_edit(data, current_user)
    offsets: dict[int, int] = {}
    document = -1
    seen: set[int] = set()
    while edit not in seen and len(seen) < _MAX_EDITS:
        seen.add(edit)
        record = record_at(data, edit)
        if record is None or record.kind != EDIT or record.end - record.start < 28:
            break
        before, directory, number = struct.unpack_from("<8xIII", data, record.start)
        if record.end - record.start >= 32:  # it refers to the key
            raise DocumentError("encrypted ppt: needs a password", kind="encrypted")
        document = number if document < 0 else document
        for part, offset in _directory_entries(data, directory):
            offsets.setdefault(part, offset)
        if not before:
            break
        edit = before
    if document not in offsets:
        raise DocumentError("damaged ppt: it has no directory of its parts")
    return offsets, document


def _last_edit(data: bytes, current_user: bytes) -> int:
    """Return the offset of the newest edit: as the file says, else the last one in it."""
    if len(current_user) >= 20:
        token, offset = struct.unpack_from("<II", current_user, 12)
        if token == _ENCRYPTED_TOKEN:
            raise DocumentError("encrypted ppt: needs a password", kind="encrypted")
        record = record_at(data, offset)
        if record is not None and record.kind == EDIT:
            return int(offset)
    edits = [
        record.start - _HEADER_BYTES
        for record in iter_records(data, 0, len(data))
        if record.kind == EDIT
    ]
    if not edits:
        raise DocumentError("damaged ppt, or of PowerPoint 95: it has no directory of its parts")
    return edits[-1]


def _directory_entries(data: bytes, offset: int) -> Iterator[tuple[int, int]]:
    """Yield (number, offset) of the parts in one directory."""
    record = record_at(data, offset)
    if record is None or record.kind != DIRECTORY:
        return
    at, count = record.start, 0
    while at + 4 <= record.end and count < _MAX_PARTS:
        head = struct.unpack_from("<I", data, at)[0]
        at += 4
        for number in range(head >> 20):
            if at + 4 > record.end:
                return
            count += 1
            yield (head & 0xFFFFF) + number, struct.unpack_from("<I", data, at)[0]
            at += 4
