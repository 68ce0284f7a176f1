"""What a file is, by its content first and its name second.

Knows names, magic bytes and media types; reads nothing but what tells types apart. Which types
can be read is `READERS`' business, not this module's.
"""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import PurePosixPath

from ragkit.documents import media_types
from ragkit.documents.limits import too_many_entries
from ragkit.documents.text import SNIFF_BYTES, unicode_encoding

# Marks that open a document; comments and an XML declaration may stand before them.
_HTML = re.compile(r"<!doctype\s+html|<html[\s>]|<head[\s>]|<body[\s>]")
_SVG = re.compile(r"<svg[\s>]|<!doctype\s+svg")
_XML = re.compile(r"<\?xml\s")
# A message begins with headers; these come first in what mail programs and servers write.
_MAIL = re.compile(
    r"(?:Return-Path|Received|Delivered-To|X-[\w-]{1,60}|From|Date|Message-ID|MIME-Version|Subject"
    r"|To|DKIM-Signature|ARC-Seal|Content-Type): ?\S"
)
_MAILED = re.compile(r"^(Date|Message-ID|Received|MIME-Version|To|Subject): ?\S", re.M | re.I)
_MBOX = re.compile(r"From [^\n]{0,300}\n(?:[!-9;-~]{1,99}:|>From )")
_MAN_COMMENTS = ('.\\"', "'\\\"", "'''", "..")
_CONTROLS = dict.fromkeys({*range(8), *range(14, 27), *range(28, 32), 0x7F, 0xFFFD})

# Types of which a text can be one only by content: a name that claims them is not believed.
_NEVER_TEXT = media_types.BROAD.keys() - {"text/html", media_types.MHTML, media_types.EML} | {
    "image/svg+xml"
}
_BY_CONTENT = frozenset({"text/troff"})  # names that say so and much else: `syslog.1`


def media_type(data: bytes, name: str) -> str:
    """The media type of a file with this content and this name.

    `application/octet-stream` stands for bytes that are neither text nor a known format.
    """
    if (found := _by_magic(data)) is not None:
        return found
    head = data[:SNIFF_BYTES].decode(unicode_encoding(data) or "latin-1", errors="replace")
    if _is_binary(head):
        return media_types.BINARY
    opening = _opening(head)
    if _HTML.match(opening):
        return "text/html"
    if _SVG.match(opening):
        return "image/svg+xml"
    named = by_name(name)
    if named in (None, "text/plain", *_BY_CONTENT) or named in _NEVER_TEXT:
        found = _by_opening(head)
        if found is not None or named in _BY_CONTENT:
            return found or "text/plain"
    return "text/plain" if named is None or named in _NEVER_TEXT else named


def _by_opening(head: str) -> str | None:
    """Formats of text that names often do not tell: mail, manual pages, XML."""
    head = head.lstrip("\ufeff\xef\xbb\xbf").replace("\r\n", "\n")
    if _MBOX.match(head):
        return media_types.MBOX
    if _MAIL.match(head):
        headers = head.partition("\n\n")[0]
        sent = "\nFrom:" in f"\n{headers}" or headers.startswith("Received:")
        if sent and len({found.lower() for found in _MAILED.findall(headers)}) > 1:
            return media_types.EML
    if _is_man_page(head):
        return "text/troff"
    return "application/xml" if _XML.match(head) else None


def by_name(name: str) -> str | None:
    """The media type that the file's name alone promises; None where it promises nothing."""
    path = PurePosixPath(name.lower())
    return media_types.FILE_NAMES.get(path.name) or media_types.EXTENSIONS.get(
        path.suffix.removeprefix(".")
    )


def _by_magic(data: bytes) -> str | None:
    for magic, found in media_types.MAGIC:
        if data.startswith(magic):
            return found
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_zip(data)
    if data.startswith(media_types.OLE2):
        return _in_ole2(data)
    for found, pieces in media_types.MAGIC_AT:
        if all(data.startswith(piece, at) for at, piece in pieces):
            return found
    return "application/pdf" if _has_late_pdf_header(data) else None


def _has_late_pdf_header(data: bytes) -> bool:
    """Whether it is a PDF behind junk, which readers have always allowed for 1 kB (mail gateways
    and printers put lines there). A text about PDF may quote a header, but has no objects."""
    return (
        re.search(rb"%PDF-\d\.\d", data[:1024]) is not None
        and b" obj" in data
        and (b"endobj" in data)
    )


def _in_zip(data: bytes) -> str:
    # OpenDocument and EPUB store their type, uncompressed, as the first member.
    if data[30:38] == b"mimetype":
        length = int.from_bytes(data[18:22], "little")
        stored = data[38 : 38 + min(length, 100)].decode("latin-1").strip()
        if stored in media_types.ZIP_TYPES:
            return media_types.ZIP_TYPES[stored]
    try:
        if too_many_entries(data):
            return "application/zip"
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        # Cut off: the directory at the end is gone, but each member carries its name.
        names = [part for part, _ in media_types.ZIP_PARTS if part.encode() in data]
    for part, found in media_types.ZIP_PARTS:
        if any(name.startswith(part) for name in names):
            return found
    return "application/zip"


def _in_ole2(data: bytes) -> str:
    for stream, found in media_types.OLE2_STREAMS:
        if stream.encode("utf-16-le") in data:
            return found
    return "application/vnd.ms-office"


def _is_man_page(head: str) -> bool:
    """Whether the first line that is no comment is a manual page's title or date."""
    for line in head.split("\n", 200)[:200]:
        if line.strip() and not line.startswith(_MAN_COMMENTS) and line != ".":
            return line.startswith((".TH ", ".Dd ", ".Dt ", ".so man"))
    return False


def _is_binary(head: str) -> bool:
    if "\0" in head:
        return True
    # Text may hold a stray control character; one in thirty is no text.
    return 30 * (len(head) - len(head.translate(_CONTROLS))) > len(head)


def _opening(text: str) -> str:
    """The start of `text` in lower case, past white space, comments and an XML declaration."""
    text = text.lstrip("\ufeff\xef\xbb\xbf \t\r\n\f").lower()
    while text.startswith(("<!--", "<?xml")):
        end = "-->" if text.startswith("<!--") else "?>"
        _, found, rest = text.partition(end)
        if not found:
            return ""
        text = rest.lstrip()
    return text
