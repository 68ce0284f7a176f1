"""OLE2 files of Office programs: their streams, and the properties of the document.

olefile parses the container. Knows no format of a stream but that of the properties.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents.layout.cleaning import property_title, strip_invalid_characters
from ragkit.errors import DocumentError

if TYPE_CHECKING:
    from olefile import OleFileIO

DAMAGE = (OSError, struct.error, IndexError, ValueError, KeyError, OverflowError, TypeError)
_SECTOR = 512  # bytes
_MAX_VALUE = 1000  # characters of a property
_MAX_PROPERTIES = 100
_CODE_PAGE, _TITLE, _AUTHOR = 1, 2, 4
_TEXTS = {_TITLE: "title", 3: "subject", _AUTHOR: "author", 5: "keywords", 6: "description"}
_DATES = {12: "created", 13: "modified"}
_SHORT, _TEXT, _WIDE_TEXT, _FILE_TIME = 2, 30, 31, 64
_UTF_16 = 1200
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@contextmanager
def open_ole2(data: bytes, kind: str) -> Iterator[OleFileIO]:
    """Open an OLE2 file; damage that shows up inside the `with` block becomes a `DocumentError`.

    `kind` is what errors call the file: "doc".
    """
    import olefile

    try:
        # Some programs do not fill the last sector, which olefile takes for damage.
        with olefile.OleFileIO(BytesIO(data + bytes(-len(data) % _SECTOR))) as file:
            yield file
    except DocumentError:
        raise
    except DAMAGE as error:
        detail = " ".join(str(error).split())[:100] or type(error).__name__
        raise DocumentError(f"damaged {kind}: {detail}") from error


def read_stream(file: OleFileIO, name: str) -> bytes:
    """Return the content of a stream of the root; empty if there is none."""
    if not file.exists(name):
        return b""
    content: bytes = file.openstream(name).read()
    return content


def read_document_properties(file: OleFileIO, name: str) -> tuple[str | None, dict[str, str]]:
    """Return the title and the metadata of a document ([MS-OLEPS]); damaged properties are left
    out. `name` is the file's name, which is no title.

    olefile has a parser of its own, which has no bounds for damaged files.
    """
    data = read_stream(file, "\x05SummaryInformation")
    metadata = {}
    title = ""
    code_page = 1252
    for number, kind, at in _property_places(data):
        if number == _CODE_PAGE and kind == _SHORT:
            code_page = int.from_bytes(data[at : at + 2], "little")
        elif number in _DATES and kind == _FILE_TIME:
            if moment := _file_time(data[at : at + 8]):
                metadata[_DATES[number]] = moment
        elif number in _TEXTS:
            text = _property_text(data, kind, at, code_page)
            if number == _TITLE:
                title = text
            elif text and (number != _AUTHOR or property_title(text, "")):
                metadata[_TEXTS[number]] = text
    return property_title(title, name), metadata


def _property_places(data: bytes) -> list[tuple[int, int, int]]:
    """Return (number, type, offset of the value) of the properties; () if they are damaged."""
    try:
        start = struct.unpack_from("<I", data, 44)[0]
        count = min(struct.unpack_from("<I", data, start + 4)[0], _MAX_PROPERTIES)
        pairs = struct.unpack_from(f"<{2 * count}I", data, start + 8)
        places = zip(pairs[::2], pairs[1::2], strict=True)
        return sorted(
            (number, struct.unpack_from("<I", data, start + at)[0] & 0xFFF, start + at + 4)
            for number, at in places
        )
    except struct.error:
        return []


def _property_text(data: bytes, kind: int, at: int, code_page: int) -> str:
    """Return a property as one line of text; "" for values of other types."""
    size = int.from_bytes(data[at : at + 4], "little")
    if kind == _WIDE_TEXT or (kind == _TEXT and code_page == _UTF_16):
        size = 2 * size if kind == _WIDE_TEXT else size
        text = data[at + 4 : at + 4 + size].decode("utf-16-le", "replace")
    elif kind == _TEXT:
        encoding = {65001: "utf-8", 10000: "mac_roman"}.get(code_page, f"cp{code_page}")
        content = data[at + 4 : at + 4 + size]
        try:
            text = content.decode(encoding, "replace")
        except LookupError:
            text = content.decode("cp1252", "replace")
    else:
        return ""
    return " ".join(strip_invalid_characters(text.partition("\0")[0]).split())[:_MAX_VALUE]


def _file_time(value: bytes) -> str | None:
    """Return a FILETIME, in units of 100 ns since 1601, in ISO 8601 (UTC); None if invalid."""
    ticks = int.from_bytes(value, "little")
    try:
        moment = _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None
    return moment.replace(microsecond=0).isoformat() if moment.year > 1601 else None
