"""MHTML (a web page saved as one file) → Document: the page itself, read as HTML.

Finds the page among the MIME parts: the first HTML part, or the one that the `start` parameter
names. Images and styles are not decoded. Time is linear in the size of the file.
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
from ragkit.documents.layout.cleaning import property_title
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import MHTML

_MAX_DEPTH = 5  # multiparts in multiparts
_MAX_PARTS = 10_000
_MAX_HEADER_BYTES = 1 << 16  # of one part
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")


def read_mhtml(data: bytes, name: str) -> Document:
    """Read the page in a web archive. Raises `DocumentError` if it has no HTML part."""
    headers, body = _split_part(data.lstrip(b"\xef\xbb\xbf\r\n"))
    page = _find_page(headers, body, _MAX_DEPTH)
    if page is None:
        raise DocumentError("damaged MHTML: it has no HTML part")
    page_headers, content = page
    document = read_html(_decode_page(page_headers, content), name)
    metadata = dict(document.metadata)
    address = page_headers["Content-Location"] or headers["Snapshot-Content-Location"]
    if address and str(address).startswith(("http:", "https:")):
        metadata.setdefault("canonical", "".join(str(address).split()))
    title = document.title or property_title(_decode_subject(headers), name)
    return replace(document, media_type=MHTML, title=title, metadata=metadata)


def _split_part(part: bytes) -> tuple[Message, bytes]:
    """Return the headers and the body of a MIME part."""
    end = _BLANK_LINE.search(part, 0, _MAX_HEADER_BYTES)
    head = part[: end.start()] if end else part[:_MAX_HEADER_BYTES]
    return BytesHeaderParser().parsebytes(head), part[end.end() :] if end else b""


def _find_page(headers: Message, body: bytes, depth: int) -> tuple[Message, bytes] | None:
    """Return the headers and the encoded body of the page in a part, or None if it has none.

    `depth` is the number of levels of multiparts that may still be opened.
    """
    media_type = headers.get_content_type()
    if media_type in {"text/html", "application/xhtml+xml"}:
        return headers, body
    boundary = headers.get_boundary()
    if not media_type.startswith("multipart/") or not boundary or not depth:
        return None
    start = headers.get_param("start")
    first = None
    for part in _split_multipart(body, boundary.encode("latin-1", "replace")):
        part_headers, content = _split_part(part)
        if (page := _find_page(part_headers, content, depth - 1)) is None:
            continue
        if start is None or part_headers["Content-ID"] == start:
            return page
        first = first or page
    return first


def _split_multipart(body: bytes, boundary: bytes) -> list[bytes]:
    """Return the parts between the lines that begin with the boundary."""
    parts = (b"\n" + body).split(b"\n--" + boundary, _MAX_PARTS)[1:]
    return [part.lstrip(b" \t").removeprefix(b"\r").removeprefix(b"\n") for part in parts]


def _decode_page(headers: Message, body: bytes) -> bytes:
    """Return the page without its transfer encoding.

    The character set of the headers is written before a page that does not declare its own.
    """
    transfer_encoding = str(headers["Content-Transfer-Encoding"] or "").strip().lower()
    if transfer_encoding == "quoted-printable":
        body = quopri.decodestring(body)
    elif transfer_encoding == "base64":
        body = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        body = base64.b64decode(body[: len(body) - (len(body) % 4 == 1)] + b"==")
    charset = headers.get_content_charset()
    if charset and charset.isascii() and b"charset" not in body[:2048].lower():
        return b"<meta charset=" + charset.encode()[:40] + b">" + body
    return body


def _decode_subject(headers: Message) -> str:
    """Return the Subject header as text; "" if it cannot be decoded."""
    try:
        return str(make_header(decode_header(str(headers["Subject"] or ""))))
    except (LookupError, ValueError):
        return ""
