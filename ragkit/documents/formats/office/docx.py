"""docx → Document: paragraphs, headings, lists, tables, notes and comments of a Word file.

Streams each XML part, so memory stays flat and nesting costs nothing. Knows transitional and
Strict OOXML; runs no macro and follows no link.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ragkit.documents.formats.office import docx_styles
from ragkit.documents.layout.blocks import Flow
from ragkit.documents.layout.properties import CORE, properties_in
from ragkit.documents.layout.titles import property_title
from ragkit.documents.parts import laid_out
from ragkit.documents.unpacking.limits import Package, opened
from ragkit.documents.unpacking.xml_stream import Attributes, attempt
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_BODY = re.compile(r"word/document\d*\.xml")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml", "word/comments.xml")
_MARGINS = re.compile(r"word/(?:header|footer)\d*\.xml")

_SKIPPED = frozenset(
    {"mc:Fallback", "w:del", "w:moveFrom", "w:rPr", "w:sectPr", "w:pPrChange", "w:rt"}
)
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:ptab": "\t"}


def read_docx(data: bytes, name: str) -> Document:
    """A Word document's text, tables by row; notes, comments, headers and footers at the end.

    Raises `DocumentError` where the file is damaged, encrypted, or a trap.
    """
    with opened(data, "docx") as package:
        return _document(package, name)


def _document(package: Package, name: str) -> Document:
    names = package.names
    body = min(filter(_BODY.fullmatch, names), key=len, default=None)
    if body is None:
        raise DocumentError("damaged docx: it has no word/document.xml")
    styles = docx_styles.Styles()
    if "word/styles.xml" in names:
        attempt(package, "word/styles.xml", styles.start, styles.end, lambda text: None)
    walk = _Walk(styles.resolved())
    damage = attempt(package, body, walk.start, walk.end, walk.text)
    if damage is not None and not walk.flow.blocks:
        raise damage
    for part in filter(names.__contains__, _NOTES):
        attempt(package, part, walk.start, walk.end, walk.text)
    for text in dict.fromkeys(_margins(package, walk.styles)):
        walk.flow.add(text)
    properties = properties_in(package, CORE)
    return replace(
        laid_out(walk.flow, media_types.DOCX),
        title=walk.title or properties.title(name),
        metadata=properties.metadata(),
        warnings=tuple(package.lost),
    )


def _margins(package: Package, styles: dict[str, docx_styles.Style]) -> Iterator[str]:
    """What stands above and below the pages, but for their numbers."""
    for part in sorted(filter(_MARGINS.fullmatch, package.names)):
        walk = _Walk(styles, margin=True)
        attempt(package, part, walk.start, walk.end, walk.text)
        yield from (block.text for block in walk.flow.blocks)


@dataclass(slots=True)
class _Paragraph:
    """A paragraph being read. One may stand in another: that of a text box in its anchor's."""

    pieces: list[str] = field(default_factory=list)
    style: docx_styles.Style = docx_styles.PLAIN
    level: int | None = None  # of its own, over its style's
    item: int | None = None  # depth of the list it is in, from 0
    numbered: bool = False  # shows the page's number


@dataclass(slots=True)
class _Walk:
    """Where in the document the parser is."""

    styles: dict[str, docx_styles.Style]
    margin: bool = False  # in a header or footer
    flow: Flow = field(default_factory=Flow)
    title: str | None = None
    paragraphs: list[_Paragraph] = field(default_factory=list)
    tables: list[bool] = field(default_factory=list)  # open tables: does a row come first?
    skipped: int = 0  # open elements from one that is left out on
    properties: int = 0  # open w:pPr
    in_text: bool = False
    in_field: bool = False  # in the code of a field
    comment: str = ""  # what goes before the next paragraph
    in_list: bool = False  # the paragraph before was a list item

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        if self.skipped or tag in _SKIPPED or _is_separator(tag, attributes):
            self.skipped += 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = True
        elif tag == "w:p":
            self.paragraphs.append(_Paragraph())
            self.in_text = False
        elif tag == "w:pPr":
            self.properties += 1
        elif self.properties:
            self._property(tag, attributes.get("w:val", ""))
        elif tag in _CHARACTERS and self.paragraphs:
            self.paragraphs[-1].pieces.append(_CHARACTERS[tag])
        elif tag == "w:tbl":
            self.tables.append(True)
        elif tag == "w:instrText":
            self.in_field = True
        elif tag == "w:fldSimple":
            self._field(attributes.get("w:instr", ""))
        elif tag == "w:comment":
            author = property_title(attributes.get("w:author"), "")
            self.comment = f"Comment by {author}: " if author else "Comment: "
        elif tag == "w:tr":
            self.flow.open_row()
        elif tag == "w:tc":
            self.flow.cell()

    def end(self, tag: str) -> None:
        """An element closes."""
        if self.skipped:
            self.skipped -= 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = False
        elif tag == "w:instrText":
            self.in_field = False
        elif tag == "w:p":
            self._finish(self.paragraphs.pop())
        elif tag == "w:pPr":
            self.properties -= 1
        elif tag == "w:tr" and self.tables:
            self.tables[-1] = not self.flow.close_row(first=self.tables[-1])
        elif tag == "w:tbl":
            self.tables.pop()

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        if self.in_text and not self.skipped and self.paragraphs:
            self.paragraphs[-1].pieces.append(characters)
        elif self.in_field and not self.skipped:
            self._field(characters)

    def _field(self, code: str) -> None:
        """The code of a field: its result comes as text."""
        if self.paragraphs and code.split()[:1] in (["PAGE"], ["NUMPAGES"]):
            self.paragraphs[-1].numbered = True

    def _property(self, tag: str, value: str) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs[-1]
        if tag == "w:pStyle":
            paragraph.style = self.styles.get(value, docx_styles.PLAIN)
        elif tag == "w:outlineLvl":
            paragraph.level = docx_styles.level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            paragraph.item = min(int(value), 8)
        elif tag == "w:numId":  # 0 takes the paragraph out of the list its style puts it in
            paragraph.item = (paragraph.item or 0) if value != "0" else -1

    def _finish(self, paragraph: _Paragraph) -> None:
        lines = (" ".join(line.split(" ")) for line in "".join(paragraph.pieces).split("\n"))
        text = "\n".join(line.strip() for line in lines).strip()
        style = paragraph.style
        if not text or style.contents:
            return
        if self.margin:
            if not paragraph.numbered:
                self.flow.add(text)
            return
        text, self.comment = self.comment + text, ""
        level = style.level if paragraph.level is None else paragraph.level
        if style.title and self.title is None:
            self.title, level = " ".join(text.split()), 1
        item = style.item if paragraph.item is None else paragraph.item
        if level:
            self.flow.add(" ".join(text.split()), level=level)
        elif item >= 0:
            self.flow.add("  " * item + "- " + text, tight=self.in_list)
        else:
            self.flow.add(text)
        self.in_list = not level and item >= 0


def _is_separator(tag: str, attributes: Attributes) -> bool:
    """Whether it is the rule above the notes, which Word keeps among the notes."""
    return tag in {"w:footnote", "w:endnote"} and attributes.get("w:type", "normal") != "normal"
