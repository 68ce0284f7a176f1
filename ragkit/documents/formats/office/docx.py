"""docx → Document: paragraphs, headings, lists, tables, notes and comments of a Word file.

Streams each XML part, so memory use is flat and deep nesting is cheap. Knows transitional and
Strict WordprocessingML (ECMA-376 part 1, 17); runs no macros and follows no links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ragkit.documents.formats.office.docx_styles import (
    PLAIN,
    ParagraphStyle,
    StylesHandler,
    heading_level,
    list_depth,
)
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_BODY = re.compile(r"word/document\d*\.xml")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml", "word/comments.xml")
_HEADER_OR_FOOTER = re.compile(r"word/(?:header|footer)\d*\.xml")

_SKIPPED = frozenset(
    {"mc:Fallback", "w:del", "w:moveFrom", "w:rPr", "w:sectPr", "w:pPrChange", "w:rt"}
)
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:ptab": "\t"}


def read_docx(data: bytes, name: str) -> Document:
    """Read a Word document: body text with a line for each table row, then footnotes, endnotes,
    comments, headers and footers.

    Raises `DocumentError` if the file is damaged, encrypted or over a size limit.
    """
    with open_zip(data, "docx") as package:
        return _read_package(package, name)


def _read_package(package: ZipPackage, name: str) -> Document:
    names = package.names
    body = min(filter(_BODY.fullmatch, names), key=len, default=None)
    if body is None:
        raise DocumentError("damaged docx: it has no word/document.xml")
    styles = StylesHandler()
    if "word/styles.xml" in names:
        parse_xml_leniently(package, "word/styles.xml", styles.start, styles.end, lambda text: None)
    handler = _BodyHandler(styles.resolve())
    damage = parse_xml_leniently(package, body, handler.start, handler.end, handler.text)
    if damage is not None and not handler.layout.blocks:
        raise damage
    for part in filter(names.__contains__, _NOTES):
        parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
    for text in dict.fromkeys(_headers_and_footers(package, handler.styles)):
        handler.layout.add(text)
    properties = read_properties(package, CORE)
    return replace(
        handler.layout.document(media_types.DOCX),
        title=handler.title or properties.title(name),
        metadata=properties.metadata(),
        warnings=tuple(package.warnings),
    )


def _headers_and_footers(package: ZipPackage, styles: dict[str, ParagraphStyle]) -> Iterator[str]:
    """Yield the paragraphs of page headers and footers, except those with a page number."""
    for part in sorted(filter(_HEADER_OR_FOOTER.fullmatch, package.names)):
        handler = _BodyHandler(styles, in_margin=True)
        parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
        yield from (block.text for block in handler.layout.blocks)


@dataclass(slots=True)
class _Paragraph:
    """An open paragraph. The paragraphs of a text box are nested in the one that anchors it."""

    pieces: list[str] = field(default_factory=list)
    style: ParagraphStyle = PLAIN
    level: int | None = None  # heading level set on the paragraph; None: that of its style
    item: int | None = None  # list depth set on the paragraph; None: that of its style
    has_page_number: bool = False


@dataclass(slots=True)
class _BodyHandler:
    """Builds blocks from the elements of the body, the notes, the headers and the footers."""

    styles: dict[str, ParagraphStyle]  # by style id
    in_margin: bool = False  # the part is a page header or footer
    layout: BlockLayout = field(default_factory=BlockLayout)
    title: str | None = None
    paragraphs: list[_Paragraph] = field(default_factory=list)
    tables: list[bool] = field(default_factory=list)  # per open table: its first row is to come
    skipped: int = 0  # open elements inside a skipped one, itself included
    properties: int = 0  # open w:pPr
    in_text: bool = False
    in_field_code: bool = False
    comment: str = ""  # prefix of the next paragraph: "Comment by Ada: "
    in_list: bool = False  # the paragraph before was a list item

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        if self.skipped or tag in _SKIPPED or _is_note_separator(tag, attributes):
            self.skipped += 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = True
        elif tag == "w:p":
            self.paragraphs.append(_Paragraph())
            self.in_text = False
        elif tag == "w:pPr":
            self.properties += 1
        elif self.properties:
            self._set_property(tag, attributes.get("w:val", ""))
        elif tag in _CHARACTERS and self.paragraphs:
            self.paragraphs[-1].pieces.append(_CHARACTERS[tag])
        elif tag == "w:tbl":
            self.tables.append(True)
        elif tag == "w:instrText":
            self.in_field_code = True
        elif tag == "w:fldSimple":
            self._field_code(attributes.get("w:instr", ""))
        elif tag == "w:comment":
            author = property_title(attributes.get("w:author"), "")
            self.comment = f"Comment by {author}: " if author else "Comment: "
        elif tag == "w:tr":
            self.layout.open_row()
        elif tag == "w:tc":
            self.layout.open_cell()

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if self.skipped:
            self.skipped -= 1
        elif tag in {"w:t", "m:t"}:
            self.in_text = False
        elif tag == "w:instrText":
            self.in_field_code = False
        elif tag == "w:p":
            self._end_paragraph(self.paragraphs.pop())
        elif tag == "w:pPr":
            self.properties -= 1
        elif tag == "w:tr" and self.tables:
            self.tables[-1] = not self.layout.close_row(first=self.tables[-1])
        elif tag == "w:tbl":
            self.tables.pop()

    def text(self, characters: str) -> None:
        """Handle the characters between two tags."""
        if self.in_text and not self.skipped and self.paragraphs:
            self.paragraphs[-1].pieces.append(characters)
        elif self.in_field_code and not self.skipped:
            self._field_code(characters)

    def _field_code(self, code: str) -> None:
        """Note page-number fields. The result of a field is read as text."""
        if self.paragraphs and code.split()[:1] in (["PAGE"], ["NUMPAGES"]):
            self.paragraphs[-1].has_page_number = True

    def _set_property(self, tag: str, value: str) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs[-1]
        if tag == "w:pStyle":
            paragraph.style = self.styles.get(value, PLAIN)
        elif tag == "w:outlineLvl":
            paragraph.level = heading_level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            paragraph.item = list_depth(value)
        elif tag == "w:numId":  # 0 removes the list that the style sets
            paragraph.item = (paragraph.item or 0) if value != "0" else -1

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        lines = (" ".join(line.split(" ")) for line in "".join(paragraph.pieces).split("\n"))
        text = "\n".join(line.strip() for line in lines).strip()
        style = paragraph.style
        if not text or style.contents:
            return
        if self.in_margin:
            if not paragraph.has_page_number:
                self.layout.add(text)
            return
        text, self.comment = self.comment + text, ""
        level = style.level if paragraph.level is None else paragraph.level
        if style.title and self.title is None:
            self.title, level = " ".join(text.split()), 1
        item = style.item if paragraph.item is None else paragraph.item
        if level:
            self.layout.add(" ".join(text.split()), level=level)
        elif item >= 0:
            self.layout.add("  " * item + "- " + text, tight=self.in_list)
        else:
            self.layout.add(text)
        self.in_list = not level and item >= 0


def _is_note_separator(tag: str, attributes: Attributes) -> bool:
    """Return whether a note is the line above the notes, which Word stores as a note."""
    return tag in {"w:footnote", "w:endnote"} and attributes.get("w:type", "normal") != "normal"
