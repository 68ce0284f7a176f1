"""The sandbox protocol: frames of JSON fields and bytes between the program and its worker.

A file may have taken over the worker that reads it, so no frame is trusted: it is plain data, never
pickle; its size is checked before it is read, its types and offsets before they are used. Knows
records and bytes; starts no process.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple, TypeVar

from ragkit.documents.ocr import OcrText, PageImage
from ragkit.records.documents import Document, Heading, Locator, Recognition, Record, Table

# Kinds of frames: limits and OCR engine, ready, a file to read, one record of it, its end.
SETUP, READY, READ, RECORD, END = b"S", b"Y", b"R", b"D", b"E"
IMAGE, TEXT = b"I", b"T"  # a page to be recognised, and its text
_KINDS = frozenset({SETUP, READY, READ, RECORD, END, IMAGE, TEXT})
_HEAD = struct.Struct("!cQQ")  # kind, size of the JSON, size of the data after it


Fields = dict[str, Any]
_T = TypeVar("_T")


class ProtocolError(Exception):
    """A frame that is cut off or invalid."""


class FrameTooLargeError(ProtocolError):
    """A frame that exceeds its size limit."""


class Frame(NamedTuple):
    """One message."""

    kind: bytes
    fields: Fields
    data: bytes
    size: int  # of fields and data together, in bytes


def send(file: IO[bytes], kind: bytes, fields: Mapping[str, Any], data: bytes = b"") -> None:
    """Write one frame. Raises UnicodeEncodeError for lone surrogates, before it writes."""
    encoded = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    file.write(_HEAD.pack(kind, len(encoded), len(data)))
    file.write(encoded)
    file.write(data)
    file.flush()


def receive(file: IO[bytes], max_bytes: int | None = None) -> Frame:
    """Read one frame.

    Raises FrameTooLargeError if it has over `max_bytes`, or over a quarter of that in fields;
    ProtocolError if the pipe is closed or the fields are no JSON object.
    """
    kind, fields_size, data_size = _HEAD.unpack(_read_exactly(file, _HEAD.size))
    if kind not in _KINDS:
        raise ProtocolError("no frame")
    if max_bytes is not None and max(fields_size + data_size, 4 * fields_size) > max_bytes:
        raise FrameTooLargeError("too large")
    encoded = _read_exactly(file, fields_size)
    try:
        fields = json.loads(encoded)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("no JSON") from error
    if not isinstance(fields, dict):
        raise ProtocolError("no JSON object")
    return Frame(kind, fields, _read_exactly(file, data_size), fields_size + data_size)


def _read_exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise ProtocolError("cut off")
    return data


def encode_record(record: Record) -> tuple[Fields, bytes]:
    """Return a record as fields and data (its text in UTF-8).

    Raises UnicodeEncodeError for lone surrogates.
    """
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
        "headings": [(h.start, h.end, h.level, h.text) for h in document.headings],
        "fences": document.fences,
        "pages": document.pages,
        "lines": document.lines,
        "locators": [(locator.start, locator.kind, locator.value) for locator in document.locators],
        "tables": [(table.start, table.end, table.header_end) for table in document.tables],
        "encoding": document.encoding,
        "encoding_by": document.encoding_by,
        "media_type_by": document.media_type_by,
        "metadata": dict(document.metadata),
        "warnings": document.warnings,
        "recognition": _encode_recognition(document.recognition),
    }
    return fields, document.text.encode()


def decode_record(fields: Fields, data: bytes) -> Record:
    """Return the record that `encode_record` encoded. Raises ProtocolError if it is invalid."""
    try:
        document = fields.get("document")
        return Record(
            _text(fields["name"]),
            None if document is None else _decode_document(document, data),
            _text_or_none(fields["reason"]),
            _of(bool, fields["skipped"]),
            _text(fields["kind"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProtocolError("no record") from error


def _decode_document(fields: Fields, data: bytes) -> Document:
    text = data.decode()  # strictly: no lone surrogates
    if "\0" in text:
        raise ValueError
    end = len(text)
    return Document(
        text,
        _text(fields["media_type"]),
        title=_text_or_none(fields["title"]),
        headings=tuple(
            Heading(*_span(end, row[:2]), _of(int, row[2]), _text(row[3]))
            for row in _rows(fields["headings"], 4)
        ),
        fences=tuple(_span(end, row) for row in _rows(fields["fences"], 2)),
        pages=tuple(_offsets(end, fields["pages"])),
        lines=_of(bool, fields["lines"]),
        locators=tuple(
            Locator(_offsets(end, row[:1])[0], _text(row[1]), _text(row[2]))
            for row in _rows(fields["locators"], 3)
        ),
        tables=tuple(Table(*_offsets(end, row)) for row in _rows(fields["tables"], 3)),
        encoding=_text_or_none(fields["encoding"]),
        encoding_by=_text_or_none(fields["encoding_by"]),
        media_type_by=_text_or_none(fields["media_type_by"]),
        metadata={_text(name): _text(value) for name, value in fields["metadata"].items()},
        warnings=tuple(map(_text, fields["warnings"])),
        recognition=_decode_recognition(fields["recognition"]),
    )


def _encode_recognition(recognition: Recognition | None) -> list[Any] | None:
    if recognition is None:
        return None
    return [
        recognition.pages,
        recognition.engine,
        recognition.languages,
        recognition.confidence,
        recognition.left,
    ]


def _decode_recognition(values: list[Any] | None) -> Recognition | None:
    if values is None:
        return None
    pages, engine, languages, confidence, left = values
    return Recognition(
        tuple(_of(int, page) for page in pages),
        _text_or_none(engine),
        _text_or_none(languages),
        None if confidence is None else _of(float, confidence),
        _of(int, left),
    )


def send_image(file: IO[bytes], image: PageImage) -> None:
    """Send an image whose text is to be recognised."""
    shape = {"width": image.width, "height": image.height, "dpi": image.dpi}
    send(file, IMAGE, shape, image.pixels)


def decode_image(frame: Frame, max_pixels: int) -> PageImage:
    """Return the image in a frame. Raises ProtocolError if it is invalid or too large."""
    try:
        width, height = _of(int, frame.fields["width"]), _of(int, frame.fields["height"])
        dpi = _of(int, frame.fields["dpi"])
    except (KeyError, ValueError) as error:
        raise ProtocolError("no image") from error
    is_valid = 0 < width * height <= max_pixels and width > 0 and 0 < dpi <= 5000
    if not is_valid or len(frame.data) != width * height:
        raise ProtocolError("no image")
    return PageImage(width, height, frame.data, dpi)


def send_text(file: IO[bytes], result: OcrText) -> None:
    """Send the text of an image."""
    fields = {"confidence": result.confidence, "reason": result.reason}
    send(file, TEXT, fields, result.text.encode())


def receive_text(file: IO[bytes], max_bytes: int | None = None) -> OcrText:
    """Read the text of an image. Raises ProtocolError if the frame is invalid."""
    frame = receive(file, max_bytes)
    try:
        confidence = frame.fields["confidence"]
        return OcrText(
            frame.data.decode(),
            None if confidence is None else _of(float, confidence),
            _text_or_none(frame.fields["reason"]),
        )
    except (KeyError, ValueError) as error:
        raise ProtocolError("no text") from error


def _rows(rows: list[Any], width: int) -> Iterator[list[Any]]:
    for row in rows:
        if type(row) is not list or len(row) != width:
            raise ValueError
        yield row


def _offsets(end: int, values: list[Any]) -> list[int]:
    """Return the values if they are offsets into a text of `end` characters."""
    for value in values:
        if type(value) is not int or not 0 <= value <= end:
            raise ValueError
    return values


def _span(end: int, values: list[Any]) -> tuple[int, int]:
    first, last = _offsets(end, values)
    return first, last


def _of(kind: type[_T], value: object) -> _T:
    if type(value) is not kind:
        raise ValueError
    return value


def _text(value: object) -> str:
    text = _of(str, value)
    text.encode()  # raises for lone surrogates, which JSON may spell
    return text


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)
