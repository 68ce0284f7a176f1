"""MHTML (a web page saved as one file) → Document: the page itself, read as HTML.

Takes the mail-like file apart only as far as it must: the first HTML part, or the one that the
file calls its start. Time is linear. Knows MIME headers and encodings; pictures and styles are
left where they are.
"""

from __future__ import annotations

import base64
import quopri
import re
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesHeaderParser

from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.titles import property_title
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import MHTML

_DEEPEST = 5  # multiparts in multiparts
_MOST_PARTS = 10_000
_LONGEST_HEADER = 1 << 16  # bytes of one part's headers
_BLANK = re.compile(rb"\r?\n\r?\n")


def read_mhtml(data: bytes, name: str) -> Document:
    """The page in a web archive. Raises `DocumentError` where there is none."""
    headers, body = _split(data.lstrip(b"\xef\xbb\xbf\r\n"))
    found = _page(headers, body, _DEEPEST)
    if found is None:
        raise DocumentError("damaged MHTML: it has no HTML part")
    part, content = found
    document = read_html(_decoded(part, content), name)
    metadata = dict(document.metadata)
    address = part["Content-Location"] or headers["Snapshot-Content-Location"]
    if address and str(address).startswith(("http:", "https:")):
        metadata.setdefault("canonical", "".join(str(address).split()))
    title = document.title or property_title(_subject(headers), name)
    return replace(document, media_type=MHTML, title=title, metadata=metadata)


def _split(part: bytes) -> tuple[Message, bytes]:
    """A part's headers and its body."""
    end = _BLANK.search(part, 0, _LONGEST_HEADER)
    head = part[: end.start()] if end else part[:_LONGEST_HEADER]
    return BytesHeaderParser().parsebytes(head), part[end.end() :] if end else b""


def _page(headers: Message, body: bytes, deeper: int) -> tuple[Message, bytes] | None:
    """The headers and the body of the page in this part, if it is there."""
    kind = headers.get_content_type()
    if kind in {"text/html", "application/xhtml+xml"}:
        return headers, body
    boundary = headers.get_boundary()
    if not kind.startswith("multipart/") or not boundary or not deeper:
        return None
    start = headers.get_param("start")
    first = None
    for piece in _pieces(body, boundary.encode("latin-1", "replace")):
        part, content = _split(piece)
        if (found := _page(part, content, deeper - 1)) is None:
            continue
        if start is None or part["Content-ID"] == start:
            return found
        first = first or found
    return first


def _pieces(body: bytes, boundary: bytes) -> list[bytes]:
    """The parts between the lines that begin with the boundary."""
    mark = b"\n--" + boundary
    pieces = (b"\n" + body).split(mark, _MOST_PARTS)[1:]
    return [piece.lstrip(b" \t").removeprefix(b"\r").removeprefix(b"\n") for piece in pieces]


def _decoded(headers: Message, body: bytes) -> bytes:
    """The page's own bytes, with the encoding the headers tell where the page does not."""
    way = str(headers["Content-Transfer-Encoding"] or "").strip().lower()
    if way == "quoted-printable":
        body = quopri.decodestring(body)
    elif way == "base64":
        body = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        body = base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + b"==")
    charset = headers.get_content_charset()
    if charset and charset.isascii() and b"charset" not in body[:2048].lower():
        return b"<meta charset=" + charset.encode()[:40] + b">" + body
    return body


def _subject(headers: Message) -> str:
    try:
        return str(make_header(decode_header(str(headers["Subject"] or ""))))
    except (LookupError, ValueError):
        return ""
