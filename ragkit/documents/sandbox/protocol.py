"""Frames between the program and the process that reads files for it: JSON fields and bytes.

The process may have been taken over by the file it reads, so nothing in a frame is believed: it is
plain data, never pickle; its size is checked before it is read, its types and offsets before they
are used. Knows records and bytes; starts no process.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple, TypeVar

from ragkit.documents.ocr import Image, Recognised
from ragkit.records.documents import Document, Heading, Locator, Recognition, Record, Table

SETUP, READY, READ, RECORD, END = b"S", b"Y", b"R", b"D", b"E"  # kinds of frames
IMAGE, TEXT = b"I", b"T"  # a page whose text is asked for, and the answer
_KINDS = frozenset({SETUP, READY, READ, RECORD, END, IMAGE, TEXT})
_HEAD = struct.Struct("!cQQ")  # kind, bytes of JSON, bytes behind it


Fields = dict[str, Any]
_Kind = TypeVar("_Kind")


class WireError(Exception):
    """A frame that is cut off or makes no sense."""


class TooLargeError(WireError):
    """A frame that is larger than it may be."""


class Frame(NamedTuple):
    """What one side tells the other."""

    kind: bytes
    fields: Fields
    data: bytes
    size: int  # bytes


def send(file: IO[bytes], kind: bytes, fields: Mapping[str, Any], data: bytes = b"") -> None:
    """Write one frame. Raises UnicodeEncodeError for lone surrogates, before it writes."""
    packed = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    file.write(_HEAD.pack(kind, len(packed), len(data)))
    file.write(packed)
    file.write(data)
    file.flush()


def receive(file: IO[bytes], most: int | None = None) -> Frame:
    """Read one frame.

    Raises TooLargeError where it has over `most` bytes, or over a quarter of that in fields;
    WireError where the other side has ended, and where the fields are no JSON object.
    """
    kind, packed_size, size = _HEAD.unpack(_exactly(file, _HEAD.size))
    if kind not in _KINDS:
        raise WireError("no frame")
    if most is not None and max(packed_size + size, 4 * packed_size) > most:
        raise TooLargeError("too large")
    packed = _exactly(file, packed_size)
    try:
        fields = json.loads(packed)
    except (ValueError, RecursionError) as error:
        raise WireError("no JSON") from error
    if not isinstance(fields, dict):
        raise WireError("no JSON object")
    return Frame(kind, fields, _exactly(file, size), packed_size + size)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise WireError("cut off")
    return data


def packed(record: Record) -> tuple[Fields, bytes]:
    """A record as fields and bytes (its text). Raises UnicodeEncodeError for lone surrogates."""
    fields: Fields = {
        "name": record.name,
        "reason": record.reason,
        "skipped": record.skipped,
        "kind": record.kind,
    }
    document = record.document
    if document is None:
        return fields, b""
    fields["document"] = {
        "media_type": document.media_type,
        "title": document.title,
        "headings": [(each.start, each.end, each.level, each.text) for each in document.headings],
        "fences": document.fences,
        "pages": document.pages,
        "lines": document.lines,
        "locators": [(each.start, each.kind, each.value) for each in document.locators],
        "tables": [(each.start, each.end, each.header_end) for each in document.tables],
        "encoding": document.encoding,
        "encoding_by": document.encoding_by,
        "media_type_by": document.media_type_by,
        "metadata": dict(document.metadata),
        "warnings": document.warnings,
        "recognition": _packed_recognition(document.recognition),
    }
    return fields, document.text.encode()


def unpacked(fields: Fields, data: bytes) -> Record:
    """The record that `packed` made these of. Raises WireError where no record could be so."""
    try:
        told = fields.get("document")
        return Record(
            _text(fields["name"]),
            None if told is None else _document(told, data),
            _text_or_none(fields["reason"]),
            _of(bool, fields["skipped"]),
            _text(fields["kind"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WireError("no record") from error


def _document(told: Fields, data: bytes) -> Document:
    text = data.decode()  # strictly: no lone surrogates
    if "\0" in text:
        raise ValueError
    end = len(text)
    return Document(
        text,
        _text(told["media_type"]),
        title=_text_or_none(told["title"]),
        headings=tuple(
            Heading(*_span(end, row[:2]), _of(int, row[2]), _text(row[3]))
            for row in _rows(told["headings"], 4)
        ),
        fences=tuple(_span(end, row) for row in _rows(told["fences"], 2)),
        pages=tuple(_offsets(end, told["pages"])),
        lines=_of(bool, told["lines"]),
        locators=tuple(
            Locator(_offsets(end, row[:1])[0], _text(row[1]), _text(row[2]))
            for row in _rows(told["locators"], 3)
        ),
        tables=tuple(Table(*_offsets(end, row)) for row in _rows(told["tables"], 3)),
        encoding=_text_or_none(told["encoding"]),
        encoding_by=_text_or_none(told["encoding_by"]),
        media_type_by=_text_or_none(told["media_type_by"]),
        metadata={_text(name): _text(value) for name, value in told["metadata"].items()},
        warnings=tuple(map(_text, told["warnings"])),
        recognition=_recognition(told["recognition"]),
    )


def _packed_recognition(made: Recognition | None) -> list[Any] | None:
    if made is None:
        return None
    return [made.pages, made.engine, made.languages, made.confidence, made.left]


def _recognition(told: list[Any] | None) -> Recognition | None:
    if told is None:
        return None
    pages, engine, languages, confidence, left = told
    return Recognition(
        tuple(_of(int, page) for page in pages),
        _text_or_none(engine),
        _text_or_none(languages),
        None if confidence is None else _of(float, confidence),
        _of(int, left),
    )


def send_image(file: IO[bytes], image: Image) -> None:
    """Ask what is written in an image."""
    shape = {"width": image.width, "height": image.height, "dpi": image.dpi}
    send(file, IMAGE, shape, image.pixels)


def image_of(frame: Frame, most: int) -> Image:
    """The image that is asked about. Raises WireError where it is none, or over `most`
    pixels large."""
    try:
        width, height = _of(int, frame.fields["width"]), _of(int, frame.fields["height"])
        dpi = _of(int, frame.fields["dpi"])
    except (KeyError, ValueError) as error:
        raise WireError("no image") from error
    fits = 0 < width * height <= most and width > 0 and 0 < dpi <= 5000
    if not fits or len(frame.data) != width * height:
        raise WireError("no image")
    return Image(width, height, frame.data, dpi)


def send_text(file: IO[bytes], found: Recognised) -> None:
    """Answer what is written in an image."""
    fields = {"confidence": found.confidence, "reason": found.reason}
    send(file, TEXT, fields, found.text.encode())


def receive_text(file: IO[bytes], most: int | None = None) -> Recognised:
    """The answer. Raises WireError where it makes no sense."""
    frame = receive(file, most)
    try:
        confidence = frame.fields["confidence"]
        return Recognised(
            frame.data.decode(),
            None if confidence is None else _of(float, confidence),
            _text_or_none(frame.fields["reason"]),
        )
    except (KeyError, ValueError) as error:
        raise WireError("no text") from error


def _rows(rows: list[Any], width: int) -> Iterator[list[Any]]:
    for row in rows:
        if type(row) is not list or len(row) != width:
            raise ValueError
        yield row


def _offsets(end: int, values: list[Any]) -> list[int]:
    """These values, which are offsets into a text of so many characters."""
    for value in values:
        if type(value) is not int or not 0 <= value <= end:
            raise ValueError
    return values


def _span(end: int, values: list[Any]) -> tuple[int, int]:
    first, last = _offsets(end, values)
    return first, last


def _of(kind: type[_Kind], value: object) -> _Kind:
    if type(value) is not kind:
        raise ValueError
    return value


def _text(value: object) -> str:
    text = _of(str, value)
    text.encode()  # raises for lone surrogates, which JSON may spell
    return text


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)
