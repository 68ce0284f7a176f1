"""EPUB → Document: the chapters of a book in reading order, each read as the web page it is.

The container names the package file, its spine the order, the table of contents the titles of
chapters that show none. Knows fonts that are scrambled from chapters that are; breaks no lock.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import unquote

from ragkit.documents.formats.web.html import read_html
from ragkit.documents.layout.properties import properties_in
from ragkit.documents.parts import joined
from ragkit.documents.unpacking.limits import Package, opened
from ragkit.documents.unpacking.xml_stream import Attributes, parse
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document, Heading
from ragkit.records.spans import shift_offsets

_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_SCRAMBLED_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES = frozenset({"application/xhtml+xml", "text/html", "text/x-oeb1-document"})
_NCX = "application/x-dtbncx+xml"
_ELEMENTS = {"dc:date": "date"}  # beside those that all formats share
# XHTML may close any element at once; HTML would take `<title/>` for one that never ends.
_CLOSED = re.compile(rb"<((?!br|hr|img|meta|link|col|input)[a-zA-Z][\w:-]{0,40})((?:\s[^<>]*)?)/>")


class _Item(NamedTuple):
    path: str
    media_type: str
    properties: str


def read_epub(data: bytes, name: str) -> Document:
    """A book's text, one locator a chapter; a chapter that cannot be read costs only itself.

    Raises `DocumentError` where the file is damaged, locked (DRM), or a trap.
    """
    with opened(data, "epub") as package:
        book = _book(package)
        _refuse_locked(package, book)
        titles = _titles(package, book)
        chapters: list[tuple[str, Document]] = []
        lost = []
        for number, item in enumerate(book.spine, start=1):
            try:
                chapters.append((str(number), _chapter(package, item, titles.get(item.path))))
            except DocumentError as error:
                lost.append(f"chapter {number}: {error}")
        if not chapters:
            raise DocumentError(lost[0] if lost else "damaged epub: it has no chapters")
        properties = properties_in(package, book.path, _ELEMENTS)
    return replace(
        joined(chapters, "chapter", media_types.EPUB),
        title=properties.title(name),
        metadata=properties.metadata(),
        warnings=(*lost, *package.lost),
    )


@dataclass(slots=True)
class _Book:
    """The package file: what there is, and in which order it is read."""

    path: str
    items: dict[str, _Item] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "item":
            path = _resolved(self.path, attributes.get("href", ""))
            item = _Item(path, attributes.get("media-type", ""), attributes.get("properties", ""))
            self.items[attributes.get("id", "")] = item
        elif tag == "itemref":
            self.order.append(attributes.get("idref", ""))

    @property
    def spine(self) -> list[_Item]:
        """The chapters in reading order, each once, without the table of contents."""
        items = (self.items[key] for key in dict.fromkeys(self.order) if key in self.items)
        pages = (item for item in items if item.media_type in _PAGES)
        return [item for item in pages if "nav" not in item.properties.split()]


def _book(package: Package) -> _Book:
    paths: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "rootfile":
            paths.append(unquote(attributes.get("full-path", "")))

    parse(package, _CONTAINER, start, lambda tag: None, lambda text: None)
    if not paths:
        raise DocumentError("damaged epub: its container names no package file")
    book = _Book(paths[0])
    parse(package, book.path, book.start, lambda tag: None, lambda text: None)
    return book


def _resolved(base: str, href: str) -> str:
    """The member that a reference in `base` means, without its fragment."""
    path = unquote(href.partition("#")[0])
    return posixpath.normpath(posixpath.join("/" + posixpath.dirname(base), path)).lstrip("/")


def _refuse_locked(package: Package, book: _Book) -> None:
    """Raise where the chapters themselves are encrypted, not only fonts."""
    if _ENCRYPTION not in package.names:
        return
    locked: set[str] = set()
    algorithms = [""]

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "EncryptedData":
            algorithms[:] = [""]
        elif tag == "EncryptionMethod":
            algorithms.append(attributes.get("Algorithm", ""))
        elif tag == "CipherReference" and algorithms[-1] not in _SCRAMBLED_FONTS:
            locked.add(_resolved("", attributes.get("URI", "")))

    parse(package, _ENCRYPTION, start, lambda tag: None, lambda text: None)
    if any(item.path in locked for item in book.spine):
        raise DocumentError("encrypted epub: locked by its shop (DRM)", kind="encrypted")


def _titles(package: Package, book: _Book) -> dict[str, str]:
    """What the table of contents calls each file; none where it cannot be read."""
    found: dict[str, str] = {}
    tables = [each for each in book.items.values() if "nav" in each.properties.split()]
    tables += [each for each in book.items.values() if each.media_type == _NCX]
    for item in tables[:2]:
        try:
            entries = _ncx(package, item.path) if item.media_type == _NCX else _nav(package, item)
            for href, title in entries:
                if title:
                    found.setdefault(_resolved(item.path, href), title)
        except DocumentError:  # the chapters can do without
            continue
    return found


def _nav(package: Package, item: _Item) -> Iterator[tuple[str, str]]:
    """The links of an EPUB 3 table of contents."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(_opened_elements(package.read(item.path)).decode("utf-8", "replace"))
    for link in tree.css("nav a[href]"):
        yield link.attributes.get("href") or "", " ".join(link.text().split())


def _ncx(package: Package, part: str) -> list[tuple[str, str]]:
    """The points of an EPUB 2 table of contents."""
    found: list[tuple[str, str]] = []
    pieces: list[str] = []

    def start(tag: str, attributes: Attributes) -> None:
        if tag == "navLabel":
            pieces.clear()
        elif tag == "content":
            found.append((attributes.get("src", ""), " ".join("".join(pieces).split())))

    parse(package, part, start, lambda tag: None, pieces.append)
    return found


def _chapter(package: Package, item: _Item, title: str | None) -> Document:
    """One file of the book, under its title where it shows none."""
    chapter = read_html(_opened_elements(package.read(item.path)), item.path)
    if chapter.headings or not title or not chapter.text:
        return chapter
    return replace(
        shift_offsets(chapter, len(title) + 2),
        text=f"{title}\n\n{chapter.text}",
        headings=(Heading(0, len(title), 1, title),),
    )


def _opened_elements(page: bytes) -> bytes:
    return _CLOSED.sub(rb"<\1\2></\1>", page)
