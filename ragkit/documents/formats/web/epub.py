"""EPUB → Document: the chapters of a book in reading order, each read as a web page.

The container names the package file; the package file has the reading order (its spine); the table
of contents gives titles to chapters without a heading. Reads books with obfuscated fonts, refuses
books with encrypted chapters, and decrypts nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import unquote

from ragkit.documents.formats.web.html import read_page
from ragkit.documents.layout.properties import read_properties
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document, Heading
from ragkit.records.spans import shift_offsets

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_FONT_OBFUSCATION = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTER_TYPES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_NCX = "application/x-dtbncx+xml"
_PROPERTY_ELEMENTS = {"dc:date": "date"}  # in addition to those that all formats share
# XHTML allows `<title/>`; an HTML parser would read it as an element that never ends.
_SELF_CLOSED = re.compile(
    rb"<((?!br|hr|img|meta|link|col|input)[a-zA-Z][\w:-]{0,40})((?:\s[^<>]*)?)/>"
)


class _Item(NamedTuple):
    """A file that the package lists."""

    path: str  # in the archive
    media_type: str
    properties: str


def read_epub(data: bytes, name: str) -> Document:
    """Read a book with one locator per chapter; chapters that cannot be read become warnings.

    Raises `DocumentError` if the file is damaged, encrypted (DRM) or over a size limit, or if none
    of its chapters can be read.
    """
    with open_zip(data, "epub") as package:
        book = _read_package_file(package)
        _check_encryption(package, book)
        titles = _chapter_titles(package, book)
        chapters: list[tuple[str, Document]] = []
        errors = []
        for number, item in enumerate(book.spine, start=1):
            try:
                chapters.append((str(number), _read_chapter(package, item, titles.get(item.path))))
            except DocumentError as error:
                errors.append(f"chapter {number}: {error}")
        if not chapters:
            raise DocumentError(errors[0] if errors else "damaged epub: it has no chapters")
        properties = read_properties(package, book.path, _PROPERTY_ELEMENTS)
    return replace(
        join_documents(chapters, "chapter", media_types.EPUB),
        title=properties.title(name),
        metadata=properties.metadata(),
        warnings=(*errors, *package.warnings),
    )


@dataclass(slots=True)
class _Book:
    """The package file: the files of the book by their id, and the ids in reading order."""

    path: str
    items: dict[str, _Item] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "item":
            path = _resolve_path(self.path, attributes.get("href", ""))
            item = _Item(path, attributes.get("media-type", ""), attributes.get("properties", ""))
            self.items[attributes.get("id", "")] = item
        elif tag == "itemref":
            self.order.append(attributes.get("idref", ""))

    @property
    def spine(self) -> list[_Item]:
        """The chapters in reading order, without duplicates and without the table of contents."""
        items = (self.items[id_] for id_ in dict.fromkeys(self.order) if id_ in self.items)
        pages = (item for item in items if item.media_type in _CHAPTER_TYPES)
        return [item for item in pages if "nav" not in item.properties.split()]


def _read_package_file(package: ZipPackage) -> _Book:
    paths: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "rootfile":
            paths.append(unquote(attributes.get("full-path", "")))

    parse_xml(package, _CONTAINER, start)
    if not paths:
        raise DocumentError("damaged epub: its container names no package file")
    book = _Book(paths[0])
    parse_xml(package, book.path, book.start)
    return book


def _resolve_path(base: str, href: str) -> str:
    """Return the path in the archive of a reference in the file `base`, without its fragment."""
    path = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join("/" + posixpath.dirname(base), path)).lstrip("/")


def _check_encryption(package: ZipPackage, book: _Book) -> None:
    """Raise `DocumentError` if a chapter is encrypted; obfuscated fonts do not matter."""
    if _ENCRYPTION not in package.names:
        return
    encrypted: set[str] = set()
    algorithms = [""]  # of the current element; the last one counts

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "EncryptedData":
            algorithms[:] = [""]
        elif tag == "EncryptionMethod":
            algorithms.append(attributes.get("Algorithm", ""))
        elif tag == "CipherReference" and algorithms[-1] not in _FONT_OBFUSCATION:
            encrypted.add(_resolve_path("", attributes.get("URI", "")))

    parse_xml(package, _ENCRYPTION, start)
    if any(item.path in encrypted for item in book.spine):
        raise DocumentError("encrypted epub: protected by DRM", kind="encrypted")


def _chapter_titles(package: ZipPackage, book: _Book) -> dict[str, str]:
    """Return path → title from the tables of contents; empty if they cannot be read."""
    titles: dict[str, str] = {}
    contents = [item for item in book.items.values() if "nav" in item.properties.split()]
    contents += [item for item in book.items.values() if item.media_type == _NCX]
    for item in contents[:2]:
        try:
            is_ncx = item.media_type == _NCX
            entries = _read_ncx(package, item.path) if is_ncx else _read_nav(package, item)
            for href, title in entries:
                if title:
                    titles.setdefault(_resolve_path(item.path, href), title)
        except DocumentError:  # the chapters can be read without it
            continue
    return titles


def _read_nav(package: ZipPackage, item: _Item) -> Iterator[tuple[str, str]]:
    """Yield link and title of each entry of an EPUB 3 table of contents."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_expand_self_closed(package.read(item.path)).decode("utf-8", "replace"))
    for link in tree.css("nav a[href]"):
        yield link.attributes.get("href") or "", " ".join(link.text().split())


def _read_ncx(package: ZipPackage, path: str) -> list[tuple[str, str]]:
    """Return link and title of each entry of an EPUB 2 table of contents (NCX)."""
    entries: list[tuple[str, str]] = []
    pieces: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "navLabel":
            pieces.clear()
        elif tag == "content":
            entries.append((attributes.get("src", ""), " ".join("".join(pieces).split())))

    parse_xml(package, path, start, text=pieces.append)
    return entries


def _read_chapter(package: ZipPackage, item: _Item, title: str | None) -> Document:
    """Read one file of the book; `title` becomes its heading if it has none."""
    page = _expand_self_closed(package.read(item.path))
    chapter = read_page(page, in_book=True)
    if chapter.headings or not title or not chapter.text:
        return chapter
    return replace(
        shift_offsets(chapter, len(title) + 2),
        text=f"{title}\n\n{chapter.text}",
        headings=(Heading(0, len(title), 1, title),),
    )


def _expand_self_closed(page: bytes) -> bytes:
    """Return XHTML with `<a/>` written as `<a></a>`, as an HTML parser needs it."""
    return _SELF_CLOSED.sub(rb"<\1\2></\1>", page)
