"""Outlook messages (msg) → Document: the properties that [MS-OXMSG] stores in OLE2 streams.

The result is that of an eml file: headers become metadata, the text is the plain body, else the
HTML one, and attachments are members. Knows the file format; `eml` puts the headers above the text.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING

from ragkit.documents.decoding import decode
from ragkit.documents.formats.mail.compressed_rtf import decompress_rtf, visible_rtf
from ragkit.documents.formats.mail.eml import add_headers
from ragkit.documents.formats.office.rtf import read_rtf
from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import EML, MSG

if TYPE_CHECKING:
    from olefile import OleFileIO

# Property ids of [MS-OXPROPS], as four hexadecimal digits in the names of streams.
_SUBJECT, _BODY, _HTML, _MESSAGE_ID = "0037", "1000", "1013", "1035"
_SENDER, _SENDER_ADDRESS, _SENDER_SMTP = "0C1A", "0C1F", "5D01"
_TO, _CC = "0E04", "0E03"  # display names
_FILE_NAME, _LONG_FILE_NAME, _DATA, _DISPLAY_NAME = "3704", "3707", "3701", "3001"
_CONTENT_ID, _RTF = "3712", "1009"
# Numeric ids of properties of at most eight bytes, which share one stream.
_SENT, _RECEIVED = 0x0039, 0x0E06  # FILETIME
_CODE_PAGE = 0x3FDE  # of the HTML body
# Property types, as the last four digits of a stream's name.
_UNICODE, _STRING8, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_PROPERTIES = "__properties_version1.0"
_MAX_HEADER = 2000  # characters
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


def read_msg(data: bytes, name: str) -> Document:
    """Read a message without its attachments. Raises `DocumentError` if the file is damaged."""
    with _open_ole2(data) as file:
        return _message_document(file, [])


def msg_members(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield a message's own document (named ""), then its attachments, including those of attached
    messages ("Subject/a.pdf").

    Raises `DocumentError` if the file is damaged, `BudgetExceededError` if its budget is used up.
    """
    with _open_ole2(data) as file:
        yield from _members(file, [], "", budget)


def _open_ole2(data: bytes) -> OleFileIO:
    import olefile

    try:
        return olefile.OleFileIO(BytesIO(data))
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise DocumentError(f"damaged Outlook message: {error}") from error


def _members(file: OleFileIO, folder: list[str], name: str, budget: Budget) -> Iterator[Member]:
    """Yield the message in the storage `folder` under `name`, then its attachments."""
    yield Member(name, document=_message_document(file, folder))
    depth = len(folder)
    attachments = {
        path[depth]
        for path in file.listdir(streams=True, storages=True)
        if path[:depth] == folder and len(path) > depth and path[depth].startswith("__attach")
    }
    for storage in sorted(attachments):
        budget.count_member()
        attachment = [*folder, storage]
        message = [*attachment, f"__substg1.0_{_DATA}{_OBJECT}"]
        file_name = _text(file, attachment, _LONG_FILE_NAME) or _text(file, attachment, _FILE_NAME)
        if file.exists(f"{'/'.join(message)}/{_PROPERTIES}"):
            subject = _text(file, message, _SUBJECT) or file_name or "message"
            yield from _members(file, message, _member_name(name, subject), budget)
        else:
            file_name = file_name or _text(file, attachment, _DISPLAY_NAME) or "unnamed"
            yield _attachment_member(file, attachment, _member_name(name, file_name))


def _member_name(parent: str, name: str) -> str:
    name = name.replace("/", "_")
    return f"{parent}/{name}" if parent else name


def _attachment_member(file: OleFileIO, attachment: list[str], name: str) -> Member:
    content = _stream(file, attachment, f"{_DATA}{_BINARY}")
    if content is None:
        reason = "attached by reference, not in the file"
        return Member(name, reason=reason, skipped=True, kind="no_document")
    if _text(file, attachment, _CONTENT_ID) and name.lower().endswith((".png", ".jpg", ".gif")):
        return Member(name, reason="image shown in the message", skipped=True, kind="no_document")
    return Member(name, content)


def _message_document(file: OleFileIO, folder: list[str]) -> Document:
    fixed = _fixed_properties(file, folder)
    sender, address = _text(file, folder, _SENDER), _text(file, folder, _SENDER_SMTP)
    address = address or _text(file, folder, _SENDER_ADDRESS)
    if address and "@" in address and address != sender:
        sender = f"{sender} <{address}>" if sender else address
    values = {
        "from": sender,
        "to": _text(file, folder, _TO),
        "cc": _text(file, folder, _CC),
        "date": _parse_filetime(fixed.get(_SENT) or fixed.get(_RECEIVED)),
        "message_id": _text(file, folder, _MESSAGE_ID),
    }
    metadata = {
        key: " ".join(value.split())[:_MAX_HEADER] for key, value in values.items() if value
    }
    subject = " ".join((_text(file, folder, _SUBJECT) or "").split())
    body = _body(file, folder, fixed.get(_CODE_PAGE))
    return add_headers(body, subject, metadata, MSG)


def _body(file: OleFileIO, folder: list[str], code_page: bytes | None) -> Document:
    """Return the plain body, else the HTML body, else the RTF body, else an empty document."""
    plain = _text(file, folder, _BODY)
    if plain and plain.strip():
        return Document(plain.strip("\n"), EML)
    html = _stream(file, folder, f"{_HTML}{_BINARY}")
    if html is None:
        text = _text(file, folder, _HTML)
        if text:
            return read_html(b"\xef\xbb\xbf" + text.encode(), "")
        return _rtf_body(file, folder)
    number = struct.unpack("<I", code_page[:4])[0] if code_page else 0
    charset = "utf-8" if number in (0, 65001) else f"cp{number}"
    return read_html(b"\xef\xbb\xbf" + decode(html, charset).text.encode(), "")


def _rtf_body(file: OleFileIO, folder: list[str]) -> Document:
    """Return the body that is stored as compressed RTF. HTML in it stands in groups that an RTF
    reader skips, and its text between them."""
    compressed = _stream(file, folder, f"{_RTF}{_BINARY}")
    if compressed is None:
        return Document("", EML)
    try:
        rtf = visible_rtf(decompress_rtf(compressed))
        return replace(read_rtf(rtf, ""), title=None, metadata={})
    except DocumentError as error:
        return Document("", EML, warnings=(f"its text is not read: {error}",))


def _stream(file: OleFileIO, folder: list[str], property_and_type: str) -> bytes | None:
    """Return the stream of one property; None if the message does not have it."""
    path = [*folder, f"__substg1.0_{property_and_type}"]
    if not file.exists("/".join(path)):
        return None
    try:
        content: bytes = file.openstream(path).read()
    except (OSError, struct.error, IndexError, ValueError) as error:
        raise DocumentError(f"damaged Outlook message: {error}") from error
    return content


def _text(file: OleFileIO, folder: list[str], property_id: str) -> str | None:
    """Return a text property: UTF-16, or bytes in a code page that the file does not name."""
    wide = _stream(file, folder, f"{property_id}{_UNICODE}")
    if wide is not None:
        text = wide.decode("utf-16-le", "replace")
    else:
        narrow = _stream(file, folder, f"{property_id}{_STRING8}")
        if narrow is None:
            return None
        text = decode(narrow).text
    return re.sub(r"\r\n?", "\n", strip_invalid_characters(text))


def _fixed_properties(file: OleFileIO, folder: list[str]) -> dict[int, bytes]:
    """Return the eight bytes of each fixed-length property by its id ([MS-OXMSG] 2.4).

    The stream's header has 32 bytes, or 24 in an attached message.
    """
    path = [*folder, _PROPERTIES]
    if not file.exists("/".join(path)):
        raise DocumentError("damaged Outlook message: it has no properties")
    content = file.openstream(path).read()
    start = 24 if folder else 32
    return {
        struct.unpack_from("<H", content, at + 2)[0]: content[at + 8 : at + 16]
        for at in range(start, len(content) - 15, 16)
    }


def _parse_filetime(value: bytes | None) -> str | None:
    """Return a FILETIME, in units of 100 ns since 1601, in ISO 8601 (UTC); None if invalid."""
    if value is None or len(value) < 8:
        return None
    try:
        ticks = int.from_bytes(value, "little")
        moment = _WINDOWS_EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None
    return moment.replace(microsecond=0).isoformat() if moment.year > 1601 else None
