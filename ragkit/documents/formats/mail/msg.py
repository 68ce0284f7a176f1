"""Outlook messages (msg) → Document, by the properties that [MS-OXMSG] keeps in OLE2 streams.

A message is the same to a reader whether it came as eml or as msg: headers to metadata, the plain
body else the HTML one, attachments as members. Knows the file format; `mail` lays out the text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents.budget import Budget
from ragkit.documents.containers import Member
from ragkit.documents.decoding import decode, without_controls
from ragkit.documents.formats.mail.eml import EML, with_headers
from ragkit.documents.formats.web.html import read_html
from ragkit.errors import DocumentError
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from olefile import OleFileIO

MSG = "application/vnd.ms-outlook"

_SUBJECT, _BODY, _HTML, _MESSAGE_ID = "0037", "1000", "1013", "1035"
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = "0C1A", "0C1F", "5D01"
_TO, _CC = "0E04", "0E03"  # as they are shown
_FILE, _LONG_FILE, _DATA, _SHOWN = "3704", "3707", "3701", "3001"
_CONTENT_ID = "3712"
_SENT, _RECEIVED = 0x0039, 0x0E06  # dates, kept in the stream of small properties
_CODE_PAGE = 0x3FDE  # of the HTML body
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read_msg(data: bytes, name: str) -> Document:
    """A message's own text. Raises DocumentError where it is damaged."""
    with _opened(data) as file:
        return _document(file, [])


def msg_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """A message's own document, then its attachments, those of attached messages too."""
    with _opened(data) as file:
        yield from _members(file, [], "", budget)


def _opened(data: bytes) -> OleFileIO:
    import olefile

    try:
        return olefile.OleFileIO(BytesIO(data))
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise DocumentError(f"damaged Outlook message: {error}") from error


def _members(file: OleFileIO, folder: list[str], name: str, budget: Budget) -> Iterator[Member]:
    yield Member(name, document=_document(file, folder))
    depth = len(folder)
    attached = {
        path[depth]
        for path in file.listdir(streams=True, storages=True)
        if path[:depth] == folder and len(path) > depth and path[depth].startswith("__attach")
    }
    for storage in sorted(attached):
        budget.member()
        inside = [*folder, storage]
        message = [*inside, f"__substg1.0_{_DATA}000D"]
        own = _text(file, inside, _LONG_FILE) or _text(file, inside, _FILE)
        if file.exists(f"{'/'.join(message)}/__properties_version1.0"):
            own = _text(file, message, _SUBJECT) or own or "message"
            inner = f"{name}/{own.replace('/', '_')}" if name else own.replace("/", "_")
            yield from _members(file, message, inner, budget)
            continue
        own = (own or _text(file, inside, _SHOWN) or "unnamed").replace("/", "_")
        inner = f"{name}/{own}" if name else own
        content = _stream(file, inside, f"{_DATA}0102")
        if content is None:
            yield Member(
                inner,
                reason="attached by reference, not in the file",
                skipped=True,
                kind="no_document",
            )
        elif _text(file, inside, _CONTENT_ID) and own.lower().endswith((".png", ".jpg", ".gif")):
            yield Member(
                inner, reason="image shown in the message", skipped=True, kind="no_document"
            )
        else:
            yield Member(inner, content)


def _document(file: OleFileIO, folder: list[str]) -> Document:
    small = _small_properties(file, folder)
    sender, address = _text(file, folder, _SENDER), _text(file, folder, _SENDER_SMTP)
    address = address or _text(file, folder, _SENDER_ADDRESS)
    if address and "@" in address and address != sender:
        sender = f"{sender} <{address}>" if sender else address
    found = {
        "from": sender,
        "to": _text(file, folder, _TO),
        "cc": _text(file, folder, _CC),
        "date": _date(small.get(_SENT) or small.get(_RECEIVED)),
        "message_id": _text(file, folder, _MESSAGE_ID),
    }
    metadata = {key: " ".join(value.split())[:2000] for key, value in found.items() if value}
    subject = " ".join((_text(file, folder, _SUBJECT) or "").split())
    body = _body(file, folder, small.get(_CODE_PAGE))
    return with_headers(body, subject, metadata, MSG)


def _body(file: OleFileIO, folder: list[str], code_page: bytes | None) -> Document:
    plain = _text(file, folder, _BODY)
    if plain and plain.strip():
        return Document(plain.strip("\n"), EML)
    page = _stream(file, folder, f"{_HTML}0102")
    if page is None:
        text = _text(file, folder, _HTML)
        return read_html(b"\xef\xbb\xbf" + text.encode(), "") if text else Document("", EML)
    number = struct.unpack("<I", code_page[:4])[0] if code_page else 0
    charset = "utf-8" if number in (0, 65001) else f"cp{number}"
    return read_html(b"\xef\xbb\xbf" + decode(page, charset).text.encode(), "")


def _stream(file: OleFileIO, folder: list[str], property_and_type: str) -> bytes | None:
    path = [*folder, f"__substg1.0_{property_and_type}"]
    if not file.exists("/".join(path)):
        return None
    try:
        content: bytes = file.openstream(path).read()
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise DocumentError(f"damaged Outlook message: {error}") from error
    return content


def _text(file: OleFileIO, folder: list[str], tag: str) -> str | None:
    """A text property: UTF-16, or bytes in a code page that nothing names."""
    wide = _stream(file, folder, f"{tag}001F")
    if wide is not None:
        text = wide.decode("utf-16-le", "replace")
    else:
        narrow = _stream(file, folder, f"{tag}001E")
        if narrow is None:
            return None
        text = decode(narrow).text
    return re.sub(r"\r\n?", "\n", without_controls(text))


def _small_properties(file: OleFileIO, folder: list[str]) -> dict[int, bytes]:
    """Properties of 8 bytes or less, by their number. A header of 32 or 24 bytes goes before."""
    path = [*folder, "__properties_version1.0"]
    if not file.exists("/".join(path)):
        raise DocumentError("damaged Outlook message: it has no properties")
    content = file.openstream(path).read()
    start = 24 if folder else 32
    return {
        struct.unpack_from("<H", content, at + 2)[0]: content[at + 8 : at + 16]
        for at in range(start, len(content) - 15, 16)
    }


def _date(value: bytes | None) -> str | None:
    """A FILETIME, tenths of microseconds since 1601, as ISO 8601 in UTC."""
    if value is None or len(value) < 8:
        return None
    try:
        tenths = int.from_bytes(value, "little")
        found = _WINDOWS_EPOCH + timedelta(microseconds=tenths // 10)
    except OverflowError:
        return None
    return found.replace(microsecond=0).isoformat() if found.year > 1601 else None
