"""FictionBook 2 (fb2) → Document: the chapters of a book, then its notes.

A chapter is a section with text of its own; the title of a part belongs to its first chapter. The
pictures lie at the end of the file, in base64, and are members. Knows no style sheets.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from xml.parsers.expat import ExpatError

from ragkit.documents.formats.data.xml_events import Start, Text, decode_xml, parse_events
from ragkit.documents.layout.blocks import Block, BlockLayout
from ragkit.documents.layout.cleaning import image_description, property_title
from ragkit.documents.layout.scripts import (
    LOWERED,
    LOWERED_END,
    RAISED,
    RAISED_END,
    write_scripts,
)
from ragkit.documents.layout.writer import join_documents
from ragkit.documents.registry import Member
from ragkit.documents.unpacking.limits import Budget
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import FB2

_PARAGRAPHS = frozenset({"p", "v", "subtitle", "text-author", "td", "th", "date"})
_SCRIPTS = {"sup": (RAISED, RAISED_END), "sub": (LOWERED, LOWERED_END)}
_TEXTS = {
    "book-title": "title",
    "keywords": "keywords",
    "date": "date",
    "lang": "language",
    "publisher": "publisher",
    "isbn": "identifier",
}
_INLINE = frozenset({"a", "code", "emphasis", "strong", "style", "strikethrough", "sub", "sup"})
_NAMES = frozenset({"first-name", "middle-name", "last-name", "nickname"})
_BARE_SIGN = re.compile(r"&(?!#?\w{1,30};)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_MAX_VALUE = 1000  # characters of a property
_MAX_LEVEL = 6  # of headings
_MAX_PICTURE = 20_000_000  # characters of base64


def read_fb2(data: bytes, name: str) -> Document:
    """Read a book with one locator per chapter. A damaged file is read as far as it goes.

    Raises `DocumentError` if nothing can be read, or if the file declares entities without limit.
    """
    text, encoding, warnings, encoding_by = decode_xml(data)
    text = _BARE_SIGN.sub("&amp;", _CONTROL.sub("", text))  # common, and XML allows neither
    book = _Book()
    damage = ""
    try:
        for event in parse_events(text):
            if isinstance(event, Start):
                book.start(event.tag, event.attributes)
            elif isinstance(event, Text):
                book.text(event.text)
            else:
                book.end(event.tag)
    except ExpatError as error:
        damage = f"not well-formed XML ({error})"
        warnings = (*warnings, f"{damage}: read as far as it goes")
    if damage and not any(layout.blocks for layout in book.chapters):
        raise DocumentError(f"damaged fb2: {damage}")
    chapters = (layout.document() for layout in book.chapters if layout.blocks)
    parts = ((str(number), chapter) for number, chapter in enumerate(chapters, start=1))
    return replace(
        join_documents(parts, "chapter", FB2),
        title=property_title(book.properties.pop("title", None), name),
        metadata=book.properties,
        encoding=encoding,
        encoding_by=encoding_by,
        warnings=warnings,
    )


def fb2_pictures(data: bytes, name: str, budget: Budget) -> Iterator[Member]:
    """Yield the pictures of a book. Raises `BudgetExceededError` if its budget is used up."""
    if b"<binary" not in data and b"<\0b\0i\0n" not in data:
        return
    picture = ""
    pieces: list[str] = []
    size = 0
    try:
        for event in parse_events(decode_xml(data).text):
            if isinstance(event, Start) and event.tag == "binary":
                picture, size = event.attributes.get("id", "") or "picture", 0
                pieces.clear()
            elif isinstance(event, Text):
                if picture and size < _MAX_PICTURE:
                    pieces.append(event.text)
                    size += len(event.text)
            elif picture:
                budget.count_member()
                yield _picture(picture, "".join(pieces))
                picture = ""
    except ExpatError:  # the document has a warning
        return


def _picture(name: str, content: str) -> Member:
    try:
        return Member(name, base64.b64decode(content))
    except (binascii.Error, ValueError) as error:
        return Member(name, reason=f"damaged picture: {error}", skipped=True, kind="image")


@dataclass(slots=True)
class _Book:
    """Collects the properties and the chapters of a book."""

    properties: dict[str, str] = field(default_factory=dict)
    chapters: list[BlockLayout] = field(default_factory=lambda: [BlockLayout()])
    has_text: bool = False  # the open chapter has more than titles
    path: list[str] = field(default_factory=list)  # open elements
    depth: int = 0  # open sections
    titles: int = 0  # open titles
    heading: list[str] = field(default_factory=list)  # paragraphs of the open title
    pieces: list[str] | None = None  # of the open paragraph or property
    stray: list[str] = field(default_factory=list)  # text outside of paragraphs
    author: list[str] = field(default_factory=list)
    annotation: list[str] = field(default_factory=list)
    in_notes: bool = False  # in a body of notes
    note: str = ""  # number of the open note, before its text
    reference: int = -1  # the piece with which the open reference to a note begins; -1: none
    is_first_row: bool = True
    after_verse: bool = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Handle a start tag."""
        if tag not in _INLINE:
            self._end_stray()
        self.path.append(tag)
        if tag == "body":
            self.in_notes = attributes.get("name", "") in {"notes", "comments", "footnotes"}
            self._begin_chapter()
        elif tag == "section":
            self.depth += 1
            if not self.in_notes:
                self._begin_chapter()
        elif tag == "title":
            self.titles += 1
            self.heading = []
        elif tag == "table":
            self.is_first_row = True
        elif tag == "tr" and self._in_body():
            self.layout.open_row()
        elif tag in _PARAGRAPHS or tag in _TEXTS or tag in _NAMES:
            self.pieces = []
        elif self.pieces is not None:
            self._start_inline(tag, attributes, self.pieces)
        elif tag == "image" and self._in_body():
            description = image_description(attributes.get("alt") or attributes.get("title"))
            if description:
                self._add(f"[{description}]")

    def _start_inline(self, tag: str, attributes: dict[str, str], pieces: list[str]) -> None:
        if tag in _SCRIPTS:
            pieces.append(_SCRIPTS[tag][0])
        elif tag == "a":
            self.reference = len(pieces) if attributes.get("type") == "note" else -1
        elif tag == "image" and (description := image_description(attributes.get("alt"))):
            pieces.append(f" [{description}] ")

    def _end_reference(self, pieces: list[str]) -> None:
        """Set the number of a note apart from the word before it."""
        number = " ".join("".join(pieces[self.reference :]).split()).strip("[]")
        pieces[self.reference :] = [f" [{number}]" if number else ""]
        self.reference = -1

    @property
    def layout(self) -> BlockLayout:
        """The blocks of the open chapter."""
        return self.chapters[-1]

    def _in_body(self) -> bool:
        return "body" in self.path[:4]

    def _begin_chapter(self) -> None:
        if self.has_text:
            self.chapters.append(BlockLayout())
            self.has_text = False

    def text(self, characters: str) -> None:
        """Handle characters between two tags."""
        if self.pieces is not None:
            self.pieces.append(characters)
        elif self._in_body():
            self.stray.append(characters)

    def _end_stray(self) -> None:
        """Add text outside of paragraphs, which the format does not allow, as a paragraph."""
        text, self.stray = " ".join("".join(self.stray).split()), []
        if any(map(str.isalnum, text)):
            self._end_paragraph("p", text)

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if tag not in _INLINE:
            self._end_stray()
        if self.path:
            self.path.pop()
        if tag == "section":
            self.depth -= 1
            self.note = ""
        elif tag == "title":
            self.titles -= 1
            self._end_title()
        elif tag == "tr" and self._in_body():
            self.is_first_row = not self.layout.close_row(first=self.is_first_row)
        elif tag == "a" and self.pieces is not None and self.reference >= 0:
            self._end_reference(self.pieces)
        elif tag in {"author", "stanza"}:
            self._end_group(tag)
        elif tag in _SCRIPTS and self.pieces is not None:
            self.pieces.append(_SCRIPTS[tag][1])
        elif self.pieces is not None and (tag in _PARAGRAPHS or tag in _TEXTS or tag in _NAMES):
            text = " ".join(write_scripts("".join(self.pieces)).split())
            self.pieces = None
            self._end_paragraph(tag, text)

    def _end_group(self, tag: str) -> None:
        if tag == "stanza":
            self.after_verse = False
        elif self.path[-1:] == ["title-info"] and self.author:
            names = [self.properties["author"]] if "author" in self.properties else []
            self.properties["author"] = ", ".join([*names, " ".join(self.author)])[:_MAX_VALUE]
        self.author = []

    def _end_title(self) -> None:
        title = " ".join(filter(None, self.heading))
        self.heading = []
        if self.in_notes and self.depth:
            self.note = title
        elif title and self._in_body():
            self.layout.add(title, level=min(self.depth + 1, _MAX_LEVEL))

    def _end_paragraph(self, tag: str, text: str) -> None:
        if not text:
            return
        if not self._in_body():
            self._end_property(tag, text)
        elif self.titles:
            self.heading.append(text)
        elif tag in {"td", "th"}:
            self.layout.open_cell()
            self.layout.add(text)
            self.has_text = True
        elif tag == "subtitle" and any(map(str.isalnum, text)):
            self.layout.add(text, level=min(self.depth + 2, _MAX_LEVEL))
        elif tag == "v":
            self._add(text, tight=self.after_verse)
            self.after_verse = True
        elif any(map(str.isalnum, text)):  # rows of asterisks separate scenes
            self._add(text)

    def _add(self, text: str, *, tight: bool = False) -> None:
        if self.note:
            text, self.note = f"[{self.note.strip('[]')}] {text}", ""
        self.layout.append(Block(text, tight=tight))
        self.has_text = True
        self.after_verse = False

    def _end_property(self, tag: str, text: str) -> None:
        """Keep a property of the book, not of the file or of the work that it translates."""
        if tag in _NAMES:
            self.author.append(text)
        elif "annotation" in self.path:
            self.annotation.append(text)
            self.properties["description"] = " ".join(self.annotation)[:_MAX_VALUE]
        elif self.path[-1:] in (["title-info"], ["publish-info"]) and tag in _TEXTS:
            self.properties.setdefault(_TEXTS[tag], text[:_MAX_VALUE])
