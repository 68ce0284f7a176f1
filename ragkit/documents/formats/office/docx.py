"""docx → Document: paragraphs, headings, lists, tables, notes and comments of a Word file.

Streams each XML part, so memory use is flat and deep nesting is cheap. Knows transitional and
Strict WordprocessingML (ECMA-376 part 1, 17); runs no macros and follows no links.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ragkit.documents.formats.office.docx_headings import SizedBlock, mark_headings
from ragkit.documents.formats.office.docx_numbering import Numbering
from ragkit.documents.formats.office.docx_styles import (
    PLAIN,
    ParagraphStyle,
    StylesHandler,
    heading_level,
    letter_size,
    list_depth,
)
from ragkit.documents.formats.office.embedded_text import read_embedded_text
from ragkit.documents.formats.office.omml import FormulaBuilder
from ragkit.documents.formats.office.ooxml import Relationship, read_relationships
from ragkit.documents.formats.office.ooxml_drawings import write_drawing
from ragkit.documents.formats.office.symbol_fonts import replace_symbols, symbol
from ragkit.documents.layout.blocks import Block, BlockLayout
from ragkit.documents.layout.cleaning import image_description, property_title
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts
from ragkit.documents.layout.speakers import find_speakers
from ragkit.documents.unpacking.limits import ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml_leniently
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_BODY = re.compile(r"word/document\d*\.xml")
_NOTES = ("word/footnotes.xml", "word/endnotes.xml", "word/comments.xml")
_HEADER_OR_FOOTER = re.compile(r"word/(?:header|footer)\d*\.xml")

_STYLES, _NUMBERING = "word/styles.xml", "word/numbering.xml"
_SKIPPED = frozenset(
    {"mc:Fallback", "w:del", "w:moveFrom", "w:sectPr", "w:pPrChange", "w:rPrChange", "w:rt"}
)
_NOTE = frozenset({"w:footnote", "w:endnote"})
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:ptab": "\t"}
_CHECKED, _UNCHECKED = "☒", "☐"
_OFF = frozenset({"0", "false", "off"})
# Elements that refer to a part with content of its own: tag → attribute with the relationship's id.
_LINKS = {"c:chart": "r:id", "dgm:relIds": "r:dm", "w:altChunk": "r:id"}


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
    if _STYLES in names:
        parse_xml_leniently(package, _STYLES, styles.start, styles.end, tags=styles.TAGS)
    numbering = Numbering()
    if _NUMBERING in names:
        parse_xml_leniently(package, _NUMBERING, numbering.start, numbering.end)
    handler = _BodyHandler(styles.resolve(), numbering, package, read_relationships(package, body))
    handler.default_size = styles.default_size
    damage = parse_xml_leniently(package, body, handler.start, handler.end, handler.text)
    if damage is not None and not handler.layout.blocks:
        raise damage
    if not any(block.level and block.text != handler.title for block in handler.layout.blocks):
        mark_headings(handler.sized)
    for part in filter(names.__contains__, _NOTES):
        handler.links = read_relationships(package, part)
        parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
    for text in dict.fromkeys(_headers_and_footers(package, handler.styles)):
        handler.layout.add(text)
    properties = read_properties(package, CORE)
    document = handler.layout.document(media_types.DOCX)
    speakers = ", ".join(find_speakers(document.text))
    return replace(
        document,
        title=handler.title or properties.title(name),
        metadata=properties.metadata() | ({"from": speakers} if speakers else {}),
        warnings=tuple(package.warnings),
    )


def _headers_and_footers(package: ZipPackage, styles: dict[str, ParagraphStyle]) -> Iterator[str]:
    """Yield the paragraphs of page headers and footers, except those with a page number."""
    for part in sorted(filter(_HEADER_OR_FOOTER.fullmatch, package.names)):
        handler = _BodyHandler(styles, Numbering(), package, {}, in_margin=True)
        parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
        yield from (block.text for block in handler.layout.blocks)


@dataclass(slots=True)
class _Paragraph:
    """An open paragraph. The paragraphs of a text box are nested in the one that anchors it."""

    pieces: list[str] = field(default_factory=list)
    style: ParagraphStyle = PLAIN
    style_id: str = ""
    level: int | None = None  # heading level set on the paragraph; None: that of its style
    item: int | None = None  # list depth set on the paragraph; None: that of its style
    list_id: str | None = None  # list set on the paragraph; None: that of its style
    has_page_number: bool = False
    links: list[str] = field(default_factory=list)  # relationship ids of its charts and diagrams
    size: int = 0  # of its smallest letters, in half points; 0: no letters yet
    bold: bool = True  # all of its letters


@dataclass(slots=True)
class _Run:
    """The properties of the open run that change its characters."""

    script: tuple[str, str] | None = None  # the marks around raised or lowered text
    font: str = ""
    size: int = 0  # in half points; 0: that of the paragraph's style
    bold: bool | None = None  # None: as the paragraph's style


@dataclass(slots=True)
class _BodyHandler:
    """Builds blocks from the elements of the body, the notes, the headers and the footers."""

    styles: dict[str, ParagraphStyle]  # by style id
    numbering: Numbering
    package: ZipPackage
    links: dict[str, Relationship]  # of the part that is read, by id
    in_margin: bool = False  # the part is a page header or footer
    layout: BlockLayout = field(default_factory=BlockLayout)
    sized: list[SizedBlock] = field(default_factory=list)  # paragraphs of the body
    default_size: int = 20  # of letters, in half points
    title: str | None = None
    paragraphs: list[_Paragraph] = field(default_factory=list)
    tables: list[bool] = field(default_factory=list)  # per open table: its first row is to come
    skipped: int = 0  # open elements inside a skipped one, itself included
    properties: int = 0  # open w:pPr
    in_text: bool = False
    in_field_code: bool = False
    fields: list[bool] = field(default_factory=list)  # per open field: its result has begun
    run: _Run = field(default_factory=_Run)
    run_properties: int = 0  # open w:rPr
    formula: FormulaBuilder | None = None
    comment: str = ""  # prefix of the next paragraph: "Comment by Ada: "
    in_list: bool = False  # the paragraph before was a list item

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        if self.skipped or tag in _SKIPPED or (tag in _NOTE and _is_separator(attributes)):
            self.skipped += 1
        elif self.formula is not None:
            self.formula.start(tag, attributes)
        elif tag == "w:rPr":
            self.run_properties += 1
        elif self.run_properties:
            self._set_run_property(tag, attributes)
        elif tag == "w:t":
            self.in_text = True
        elif tag == "w:p":
            self.paragraphs.append(_Paragraph())
            self.in_text = False
        elif tag == "w:pPr":
            self.properties += 1
        elif self.properties:
            self._set_property(tag, attributes.get("w:val", ""))
        elif tag == "w:r":
            self.run = _Run()
        else:
            self._start_content(tag, attributes)

    def _start_content(self, tag: str, attributes: Attributes) -> None:
        """Handle an element that is part of a paragraph or contains paragraphs."""
        if tag in _CHARACTERS:
            self._append(_CHARACTERS[tag])
        elif tag == "m:oMath":
            self.formula = FormulaBuilder()
        elif tag == "w:tbl":
            self.tables.append(True)
        elif tag == "w:comment":
            author = property_title(attributes.get("w:author"), "")
            self.comment = f"Comment by {author}: " if author else "Comment: "
        elif tag == "w:tr":
            self.layout.open_row()
        elif tag == "w:tc":
            self.layout.open_cell()
        elif tag in _LINKS:
            self._follow_link(tag, attributes.get(_LINKS[tag], ""))
        elif tag == "docPr":
            if description := image_description(attributes.get("descr")):
                self._append(f" [{description}] ")
        elif tag == "w:sym":
            self._append(symbol(attributes.get("w:char", ""), attributes.get("w:font", "")))
        else:
            self._start_field_element(tag, attributes)

    def _start_field_element(self, tag: str, attributes: Attributes) -> None:
        if tag == "w:instrText":
            self.in_field_code = True
        elif tag == "w:fldSimple":
            self._field_code(attributes.get("w:instr", ""))
        elif tag == "w:fldChar":
            kind = attributes.get("w:fldCharType")
            if kind == "begin":
                self.fields.append(False)
            elif self.fields and kind == "separate":
                self.fields[-1] = True
            elif self.fields and kind == "end":
                self.fields.pop()
        elif tag == "w:checkBox":  # of a form; its state follows, or it is not checked
            self._append(_UNCHECKED)
        elif tag in {"w:default", "w:checked"} and self.paragraphs:
            pieces = self.paragraphs[-1].pieces
            if pieces and pieces[-1] in {_CHECKED, _UNCHECKED}:
                is_off = attributes.get("w:val", "1") in _OFF
                pieces[-1] = _UNCHECKED if is_off else _CHECKED

    def _append(self, text: str) -> None:
        """Append text to the open paragraph, unless it is part of a field's instruction."""
        if self.paragraphs and (len(self.fields) < 2 or all(self.fields[:-1])):
            self.paragraphs[-1].pieces.append(text)

    def _follow_link(self, tag: str, link: str) -> None:
        if tag == "w:altChunk" and link in self.links:
            for block in read_embedded_text(self.package, self.links[link].part):
                self.layout.append(block)
        elif self.paragraphs:
            self.paragraphs[-1].links.append(link)

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if self.skipped:
            self.skipped -= 1
        elif tag == "m:oMath" and self.formula is not None:
            formula, self.formula = self.formula.formula(), None
            self._append(formula)
        elif tag == "m:oMathPara":
            self._append("\n")
        elif self.formula is not None:
            self.formula.end(tag)
        elif tag == "w:rPr":
            self.run_properties -= 1
        elif tag == "w:t":
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
        if self.formula is not None and not self.skipped:
            self.formula.text(characters)
        elif self.in_text and not self.skipped:
            self._append_run_text(characters)
        elif self.in_field_code and not self.skipped:
            self._field_code(characters)

    def _append_run_text(self, characters: str) -> None:
        if self.run.font:
            characters = replace_symbols(characters, self.run.font)
        if self.run.script is not None:
            start, end = self.run.script
            characters = f"{start}{characters}{end}"
        elif self.paragraphs and characters.strip():
            self._note_letters(self.paragraphs[-1])
        self._append(characters)

    def _note_letters(self, paragraph: _Paragraph) -> None:
        size = self.run.size or paragraph.style.size or self.default_size
        paragraph.size = min(size, paragraph.size or size)
        is_bold = paragraph.style.bold if self.run.bold is None else self.run.bold
        paragraph.bold = paragraph.bold and is_bold

    def _set_run_property(self, tag: str, attributes: Attributes) -> None:
        if tag == "w:vertAlign":
            self.run.script = SCRIPT_MARKS.get(attributes.get("w:val", ""))
        elif tag == "w:sz":
            self.run.size = letter_size(attributes.get("w:val", ""))
        elif tag == "w:b":
            self.run.bold = attributes.get("w:val", "1") not in _OFF
        elif tag == "w:rFonts":
            self.run.font = attributes.get("w:ascii") or attributes.get("w:hAnsi") or ""

    def _field_code(self, code: str) -> None:
        """Note page-number fields. The result of a field is read as text."""
        if self.paragraphs and code.split()[:1] in (["PAGE"], ["NUMPAGES"]):
            self.paragraphs[-1].has_page_number = True

    def _set_property(self, tag: str, value: str) -> None:
        if not self.paragraphs:
            return
        paragraph = self.paragraphs[-1]
        if tag == "w:pStyle":
            paragraph.style, paragraph.style_id = self.styles.get(value, PLAIN), value
        elif tag == "w:outlineLvl":
            paragraph.level = heading_level(value)
        elif tag == "w:ilvl" and value.isdecimal():
            paragraph.item = list_depth(value)
        elif tag == "w:numId":  # 0 removes the list that the style sets
            paragraph.item = (paragraph.item or 0) if value != "0" else -1
            paragraph.list_id = value if value != "0" else ""

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        content = write_scripts("".join(paragraph.pieces))
        text = "\n".join(map(str.strip, content.split("\n"))).strip()
        style = paragraph.style
        if text and not style.contents:
            self._add_paragraph(paragraph, text)
        for link in paragraph.links:
            if link in self.links:
                write_drawing(self.package, self.links[link], self.layout)

    def _add_paragraph(self, paragraph: _Paragraph, text: str) -> None:
        style = paragraph.style
        if self.in_margin:
            if not paragraph.has_page_number:
                self.layout.add(text)
            return
        text, self.comment = self.comment + text, ""
        level = style.level if paragraph.level is None else paragraph.level
        if style.title and self.title is None:
            self.title, level = " ".join(text.split()), 1
        item, label = self._number(paragraph)
        if level:
            self.layout.add(" ".join(f"{label} {text}".split()), level=level)
        elif item >= 0:
            mark = f"{label} " if label else "- "
            self.layout.add("  " * item + mark + text, tight=self.in_list)
        else:
            block = Block(text)
            self.layout.append(block)
            if not self.tables and paragraph.size:
                self.sized.append(SizedBlock(block, paragraph.size, paragraph.bold))
        self.in_list = not level and item >= 0

    def _number(self, paragraph: _Paragraph) -> tuple[int, str]:
        """Return the list depth of a paragraph, -1 outside of lists, and its number or ""."""
        style = paragraph.style
        item = style.item if paragraph.item is None else paragraph.item
        list_id = style.list_id if paragraph.list_id is None else paragraph.list_id
        if item < 0 or not list_id:
            return item, ""
        if paragraph.item is None:
            of_style = self.numbering.level_of_style(list_id, paragraph.style_id)
            item = item if of_style is None else of_style
        return item, self.numbering.next_label(list_id, item) or ""


def _is_separator(note: Attributes) -> bool:
    """Return whether a note is the line above the notes, which Word stores as a note."""
    return note.get("w:type", "normal") != "normal"
