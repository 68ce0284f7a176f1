"""Web archives (WARC 1.x) → one document per page that was fetched, with its address and date.

Redirects, errors, style sheets, scripts and fonts are no documents. `.warc.gz` is unpacked before.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import IO, NamedTuple, cast
from urllib.parse import unquote, urlsplit

from ragkit.documents.decoding import decode
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.compressed import open_zstd
from ragkit.documents.unpacking.limits import MAX_MEMBER_BYTES, Budget, BudgetExceededError
from ragkit.errors import DocumentError

_VERSION = re.compile(rb"WARC/1\.\d\r?\n")
_HEADER = re.compile(rb"^([\w-]{1,60}):[ \t]{0,9}([^\r\n]{0,8000})", re.M)
_END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"HTTP/[\d.]{1,5} (\d{3})")
_MAX_HEADERS = 100_000  # bytes
_PARTS_OF_PAGES = ("text/css", "javascript", "font", "ecmascript", "octet-stream+font")
_PAGES = ("text/html", "application/xhtml+xml")
_PAGE_START = re.compile(rb"\s{0,999}<(?:!doctype|html|head|body|\?xml)\b", re.I)
_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([\w.:-]{1,40})", re.I)
_CHUNK_SIZE = re.compile(rb"\s{0,4}([0-9a-fA-F]{1,8})[^\n]{0,200}\n")


class _Response(NamedTuple):
    address: str
    date: str
    media_type: str
    charset: str  # that the server named
    encoding: str  # of the content: "gzip"
    body: bytes
    status: int


def warc_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield what was fetched, named by its address without the scheme: `example.org/a.html`.

    Raises `DocumentError` at the place where the file is damaged, `BudgetExceededError` if there is
    more than the budget allows.
    """
    for response in _responses(data):
        budget.count_member()
        path = _path(response)
        if not 200 <= response.status < 300:
            reason = f"answered with HTTP status {response.status}"
            yield Member(path, reason=reason, skipped=True, kind="no_document")
        elif any(part in response.media_type for part in _PARTS_OF_PAGES):
            reason = f"part of a web page ({response.media_type})"
            yield Member(path, reason=reason, skipped=True, kind="no_document")
        else:
            yield _member(path, response, budget)


def _member(path: str, response: _Response, budget: Budget) -> Member:
    try:
        content = _decode(response, budget, path)
    except BudgetExceededError:
        raise
    except DocumentError as error:
        return Member(path, reason=str(error), kind=error.kind)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        return Member(path, reason=f"damaged content: {error}")
    if response.media_type in _PAGES:
        content = _as_page(content, response.charset)
    metadata = {"url": response.address, "date": response.date}
    return Member(path, content, metadata={key: value for key, value in metadata.items() if value})


def _responses(data: bytes) -> Iterator[_Response]:
    """The records with content that was fetched, in the order of the file."""
    position = 0
    while (match := _VERSION.match(data, position)) is not None:
        headers, start = _headers(data, match.end())
        length = headers.get("content-length", "")
        if not length.isdecimal() or len(length) > 15:
            raise DocumentError("damaged WARC file: a record without its length")
        end = start + int(length)
        if end > len(data):
            raise DocumentError("damaged WARC file: it is cut off")
        position = end
        while data[position : position + 1] in (b"\r", b"\n"):
            position += 1
        kind = headers.get("warc-type", "")
        if kind not in ("response", "resource", "conversion"):
            continue
        body, status = data[start:end], 200
        http = {"content-type": headers.get("content-type", "")}
        if kind == "response" and (found := _STATUS.match(body)) is not None:
            status = int(found[1])
            http, body_start = _headers(body, body.index(b"\n") + 1)
            body = body[body_start:]
            if "chunked" in http.get("transfer-encoding", "").lower():
                body = _join_chunks(body)
        yield _Response(
            headers.get("warc-target-uri", "").strip("<>"),
            headers.get("warc-date", ""),
            http.get("content-type", "").partition(";")[0].strip().lower(),
            charset[1] if (charset := _CHARSET.search(http.get("content-type", ""))) else "",
            http.get("content-encoding", "").strip().lower(),
            body,
            status,
        )
    if position < len(data):
        raise DocumentError("damaged WARC file: the rest is not read")


def _headers(data: bytes, start: int) -> tuple[dict[str, str], int]:
    """Headers from `start` on, by their names in lower case, and where the content begins."""
    blank = _END_OF_HEADERS.search(data, max(0, start - 2), start + _MAX_HEADERS)
    if blank is None:
        raise DocumentError("damaged WARC file: a record without content")
    fields: dict[str, str] = {}
    for match in _HEADER.finditer(data, start, blank.start()):
        fields.setdefault(match[1].decode().lower(), match[2].decode(errors="replace").strip())
    return fields, blank.end()


def _join_chunks(body: bytes) -> bytes:
    """A body that was sent in chunks. Archives that store it joined keep the header."""
    parts: list[bytes] = []
    position = 0
    while (size := _CHUNK_SIZE.match(body, position)) is not None:
        length = int(size[1], 16)
        parts.append(body[size.end() : size.end() + length])
        position = size.end() + length + 2
        if not length or body[position - 2 : position] != b"\r\n":
            break
    return b"".join(parts) if parts else body


def _decode(response: _Response, budget: Budget, name: str) -> bytes:
    """The content without its compression. Raises what the decompressors raise."""
    body, encoding = response.body, response.encoding
    if encoding in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
        packed = cast("IO[bytes]", gzip.GzipFile(fileobj=BytesIO(body)))
        return budget.decompress(packed, len(body), name)
    if encoding == "deflate" and (inflated := _inflate(body)) is not None:
        return budget.decompress(BytesIO(inflated), len(body), name)
    if encoding == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
        return budget.decompress(open_zstd(body), len(body), name)
    if encoding in ("br", "zstd") and body.lstrip()[:1] != b"<":
        raise DocumentError(f"compressed with {encoding}: not read", kind="unsupported")
    return body


def _inflate(body: bytes) -> bytes | None:
    """A deflated body, with or without the header of zlib; None if it is not deflated."""
    for window in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        inflater = zlib.decompressobj(window)
        try:
            content = inflater.decompress(body, MAX_MEMBER_BYTES)
        except zlib.error:
            continue
        if inflater.unconsumed_tail:
            reason = f"over {MAX_MEMBER_BYTES // 1_000_000} MB when inflated: not read"
            raise DocumentError(reason, kind="limit")
        if not inflater.eof:
            raise EOFError("it is cut off")
        return content
    return None


def _as_page(content: bytes, charset: str) -> bytes:
    """A web page that is recognised as such whatever its address, in the encoding that the server
    named, which counts more than what the page says."""
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return content
    if not _PAGE_START.match(content):
        content = b"<!doctype html>" + content
    if not charset:
        return content
    return b"\xef\xbb\xbf" + decode(content, charset).text.encode(errors="replace")


def _path(response: _Response) -> str:
    """The address of a page as a path. Pages whose address names no file get `.html`."""
    try:
        parts = urlsplit(response.address)
    except ValueError:
        return response.address or "unnamed"
    path = f"{parts.netloc}{unquote(parts.path)}" or parts.scheme + parts.path
    if path.endswith("/") or not parts.path:
        path = f"{path.rstrip('/')}/index.html"
    return f"{path}?{parts.query}" if parts.query else path
