"""Mobipocket and Kindle books (mobi, azw, azw3, prc) → Document: chapters, each read as a web page.

A book is a Palm database: a header, records of compressed text, then pictures and indexes. Version
6 is one page of HTML with page breaks between chapters; version 8 (azw3) is a sequence of pages.
Decrypts nothing. Of files with both versions, the first is read.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from html import unescape

from ragkit.documents.decoding import decode
from ragkit.documents.formats.web.html import read_page
from ragkit.documents.formats.web.mobi_text import (
    PhraseDictionary,
    decompress_palmdoc,
    strip_trailing_entries,
)
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import MAX_MEMBER_BYTES, Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document, Heading
from ragkit.records.media_types import MOBI
from ragkit.records.spans import shift_offsets

_STORED, _PALMDOC, _PHRASES = 1, 2, 17480
_NONE = 0xFFFFFFFF
_PROPERTIES = {
    100: "author", 101: "publisher", 103: "description", 104: "identifier", 105: "keywords",
    106: "date", 524: "language",
}  # fmt: skip
_TITLE = 503
_MAX_PROPERTIES = 1000
_MAX_VALUE = 1000  # characters of a property
_PAGE_BREAK = re.compile(rb"<\s{0,9}(?:/\s{0,9})?mbp:(?:pagebreak|section)\b[^>]{0,200}>", re.I)
_PAGE_START = re.compile(rb"<\?xml\b|<!doctype\s+html|<html[\s>]", re.I)
_LINK = re.compile(
    rb"""<a\b[^>]{0,200}\bfilepos\s{0,9}=\s{0,9}["']?(\d{1,10})[^>]{0,200}>(.{1,300}?)</a""",
    re.I | re.S,
)
_TAG = re.compile(r"<[^<>]{0,300}>")
_TAG_TEXT = re.compile(rb"(?:^|>)[^<>]{0,200}[^\s<>][^<>]{0,200}(?:<|$)")
_MARKUP = re.compile(rb"<(?:html|p|body|div)\b", re.I)
_MAX_TITLE_DISTANCE = 300  # bytes between a page break and the place that a title links to
_PICTURES = {b"\xff\xd8\xff": "jpg", b"\x89PNG": "png", b"GIF8": "gif"}


def read_mobi(data: bytes, name: str) -> Document:
    """Read a book with one locator per chapter.

    Raises `DocumentError` if the file is damaged, encrypted (DRM) or over a limit.
    """
    book = _Book.open(data)
    raw = book.text()
    if not book.is_book and not _MARKUP.search(raw):
        text = decode(raw, book.encoding).text.replace("\r\n", "\n").replace("\r", "\n")
        return Document(text, MOBI, title=property_title(book.title, name))
    chapters = [
        (str(number), chapter)
        for number, chapter in enumerate(filter(_has_text, _chapters(book, raw)), start=1)
    ]
    return replace(
        join_documents(chapters, "chapter", MOBI),
        title=property_title(book.title, name),
        metadata=book.metadata,
        warnings=tuple(book.warnings),
    )


def mobi_pictures(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the pictures of a book. Raises `DocumentError` if it is damaged or encrypted."""
    book = _Book.open(data)
    number = 0
    for record in book.records[book.first_picture :]:
        kind = next((kind for magic, kind in _PICTURES.items() if record.startswith(magic)), "")
        if kind:
            number += 1
            budget.count_member()
            yield Member(f"picture {number}.{kind}", record)


@dataclass(slots=True)
class _Book:
    """The records of a book, and what its header says."""

    records: list[bytes]
    compression: int
    text_records: int
    is_book: bool  # with a header of Mobipocket; otherwise plain text for Palm
    version: int
    encoding: str
    trailing: int  # flags of entries behind the text of each record
    phrases: tuple[int, int]  # first record of the dictionary of phrases, and their number
    first_picture: int
    flows: int  # record with the offsets of the parts of the text; -1: none
    title: str
    metadata: dict[str, str]
    warnings: list[str]

    @classmethod
    def open(cls, data: bytes) -> _Book:
        """Read the headers. Raises `DocumentError` if they are damaged, or the book encrypted."""
        try:
            return cls._open(data)
        except (struct.error, IndexError) as error:
            raise DocumentError("damaged mobi: cut off") from error

    @classmethod
    def _open(cls, data: bytes) -> _Book:
        count = struct.unpack_from(">H", data, 76)[0]
        offsets = [struct.unpack_from(">I", data, 78 + 8 * n)[0] for n in range(count)]
        ends = [*offsets[1:], len(data)]
        if not offsets or sorted(offsets) != offsets:
            raise DocumentError("damaged mobi: its records are out of order")
        records = [data[start:end] for start, end in zip(offsets, ends, strict=True)]
        head = records[0]
        compression, text_records, encryption = struct.unpack_from(">H6xH2xH", head)
        if encryption:
            raise DocumentError("encrypted mobi: protected by DRM", kind="encrypted")
        is_book = head[16:20] == b"MOBI"
        size = struct.unpack_from(">I", head, 20)[0] if is_book else 0

        def number(offset: int, default: int = 0) -> int:
            is_there = is_book and offset + 4 <= min(16 + size, len(head))
            return int.from_bytes(head[offset : offset + 4], "big") if is_there else default

        version = number(36)
        encoding = "utf-8" if number(28) == 65001 else "cp1252"
        title = data[:32].partition(b"\0")[0].decode(encoding, "replace").replace("_", " ")
        name_at, name_size = number(84), number(88)
        if name_size and name_at + name_size <= len(head):
            title = head[name_at : name_at + name_size].decode(encoding, "replace")
        properties = {}
        if number(128) & 0x40:
            properties = _read_properties(head[16 + size :], encoding)
        title = properties.pop("title", title)
        has_trailing = number(20, 0) >= 228 and version >= 5
        return cls(
            records,
            compression,
            text_records,
            is_book,
            version,
            encoding,
            number(240) if has_trailing else 0,
            (number(112, _NONE), number(116)),
            min(number(108, _NONE), len(records)),
            number(192, _NONE) if version >= 8 else -1,
            " ".join(unescape(title).split()),
            properties,
            [],
        )

    def text(self) -> bytes:
        """Return the text. Raises `DocumentError` if it cannot be unpacked."""
        unpack: Callable[[bytes], bytes]
        if self.compression == _PHRASES:
            first, count = self.phrases
            unpack = PhraseDictionary(self.records[first : first + count] or [b""]).decompress
        elif self.compression == _PALMDOC:
            unpack = decompress_palmdoc
        elif self.compression == _STORED:
            unpack = bytes
        else:
            raise DocumentError(f"damaged mobi: unknown compression {self.compression}")
        records = self.records[1 : 1 + self.text_records]
        if len(records) < self.text_records:
            self.warnings.append("cut off: read as far as it goes")
        pieces, size = [], 0
        for record in records:
            piece = unpack(strip_trailing_entries(record, self.trailing & 0xFFFF))
            pieces.append(piece)
            size += len(piece)
            if size > MAX_MEMBER_BYTES:
                limit = f"{MAX_MEMBER_BYTES // 1_000_000} MB"
                raise DocumentError(f"mobi with over {limit} of text", kind="limit")
        text = b"".join(pieces)
        if text.startswith(b"%MOP"):
            reason = "Kindle print replica (a PDF in a mobi) is not supported yet"
            raise DocumentError(reason, kind="unsupported", skipped=True)
        return self._first_flow(text)

    def _first_flow(self, text: bytes) -> bytes:
        """Return the pages of a book of version 8 without its styles and drawings."""
        table = self.records[self.flows] if 0 <= self.flows < len(self.records) else b""
        if table[:4] == b"FDST" and len(table) >= 20:
            start, end = struct.unpack_from(">II", table, 12)
            if start < end <= len(text):
                return text[start:end]
        return text


def _read_properties(data: bytes, encoding: str) -> dict[str, str]:
    """Read the properties behind the header (EXTH); damaged ones end them."""
    properties: dict[str, list[str]] = {}
    if data[:4] != b"EXTH":
        return {}
    count, at = min(struct.unpack_from(">I", data, 8)[0], _MAX_PROPERTIES), 12
    for _ in range(count):
        if at + 8 > len(data):
            break
        kind, size = struct.unpack_from(">II", data, at)
        key = "title" if kind == _TITLE else _PROPERTIES.get(kind)
        value = data[at + 8 : at + size].decode(encoding, "replace")
        value = " ".join(unescape(_TAG.sub(" ", unescape(value))).split())[:_MAX_VALUE]
        if key and value:
            properties.setdefault(key, []).append(value)
        at += max(size, 8)
    joined = {"author", "keywords"}
    return {
        key: ", ".join(dict.fromkeys(values)) if key in joined else values[0]
        for key, values in properties.items()
    }


def _chapters(book: _Book, raw: bytes) -> Iterator[Document]:
    """Yield the chapters; one without a heading gets the title that the book's links give it."""
    borders = (_PAGE_START.finditer if book.version >= 8 else _PAGE_BREAK.finditer)(raw)
    titles = sorted(_link_titles(raw, book.encoding).items())
    places = [place for place, _ in titles]
    for start, end in _spans(raw, borders):
        markup = raw[start:end].decode(book.encoding, "replace")
        page = read_page(b"\xef\xbb\xbf" + markup.encode(), in_book=True)
        title = page.title if book.version >= 8 and page.title != book.title else None
        nearest = bisect_left(places, start)
        if nearest < len(places) and places[nearest] < min(end, start + _MAX_TITLE_DISTANCE):
            title = titles[nearest][1]
        yield _with_title(page, title)


def _spans(raw: bytes, borders: Iterable[re.Match[bytes]]) -> Iterator[tuple[int, int]]:
    start = 0
    for match in borders:
        # `<?xml` and `<html` open the same page.
        if match.start() - start > 500 or _TAG_TEXT.search(raw, start, match.start()):
            yield start, match.start()
            start = match.start()
    yield start, len(raw)


def _link_titles(raw: bytes, encoding: str) -> dict[int, str]:
    """Return the texts of links by the place they lead to: a table of contents consists of them."""
    titles: dict[int, str] = {}
    for match in _LINK.finditer(raw):
        text = _TAG.sub(" ", match[2].decode(encoding, "replace"))
        text = " ".join(unescape(text).split())
        if any(map(str.isalpha, text)):
            titles.setdefault(int(match[1]), text)
    return titles


def _with_title(chapter: Document, title: str | None) -> Document:
    if chapter.headings or not title or not chapter.text:
        return chapter
    first_line = chapter.text.partition("\n")[0]
    if " ".join(first_line.split()).casefold() == title.casefold():
        return replace(chapter, headings=(Heading(0, len(first_line), 1, title),))
    return replace(
        shift_offsets(chapter, len(title) + 2),
        text=f"{title}\n\n{chapter.text}",
        headings=(Heading(0, len(title), 1, title),),
    )


def _has_text(chapter: Document) -> bool:
    return bool(chapter.text.strip())
