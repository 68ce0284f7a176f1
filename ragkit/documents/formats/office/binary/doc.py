"""doc → Document: the files of Word 97 to 2003 ([MS-DOC]), with the same result as `docx`.

Paragraphs end in marks within the text, and properties are looked up by their position. Knows no
macros, charts or page layout; pictures and embedded files are in `doc_objects`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from ragkit.documents.formats.office.binary import word_file
from ragkit.documents.formats.office.binary.ole2 import (
    DAMAGE,
    open_ole2,
    read_document_properties,
    read_stream,
)
from ragkit.documents.formats.office.binary.word_fields import field_text
from ragkit.documents.formats.office.binary.word_file import (
    Operations,
    WordFile,
    parse_positions,
    parse_word_file,
)
from ragkit.documents.formats.office.binary.word_styles import (
    parse_fonts,
    parse_numbering,
    parse_styles,
    style_elements,
)
from ragkit.documents.formats.office.docx_numbering import Numbering
from ragkit.documents.formats.office.docx_styles import (
    PLAIN,
    ParagraphStyle,
    heading_level,
    list_depth,
)
from ragkit.documents.formats.office.symbol_fonts import replace_symbols, symbol
from ragkit.documents.layout.blocks import BlockLayout
from ragkit.documents.layout.cleaning import property_title
from ragkit.documents.layout.scripts import (
    LOWERED,
    LOWERED_END,
    RAISED,
    RAISED_END,
    write_scripts,
)
from ragkit.errors import DocumentError
from ragkit.records.documents import Document
from ragkit.records.media_types import DOC

if TYPE_CHECKING:
    from olefile import OleFileIO

# The parts of the text, in the order in which they are stored ([MS-DOC] 2.4.1).
_BODY, _FOOTNOTES, _MARGINS, _MACROS, _COMMENTS, _ENDNOTES, _TEXT_BOXES, _MARGIN_BOXES = range(8)
_DELETED, _SPECIAL, _SYMBOL, _SCRIPT, _FONT = 0x0800, 0x0855, 0x6A09, 0x2A48, 0x4A4F
_DATA_OFFSET = 0x6A03
_IN_TABLE, _ROW_END, _DEPTH, _INNER_CELL, _INNER_ROW = 0x2416, 0x2417, 0x6649, 0x244B, 0x244C
_SCRIPTS = {1: (RAISED, RAISED_END), 2: (LOWERED, LOWERED_END)}
_FIELD_START, _FIELD_RESULT, _FIELD_END = "\x13", "\x14", "\x15"
_FIELD_BOUND = re.compile("[\x13\x15]")
_CELL_END = "\x07"
# Between these, text is appended as it is.
_SIGN = re.compile(r"[\x07\x0c\r\x0e\x13-\x15]|[^\x07\x0c\r\x0e\x13-\x15]+")
_CHARACTERS = str.maketrans(
    {"\x0b": "\n", "\x1e": "-", "\x1f": None, **dict.fromkeys(map(chr, range(9)), None)}
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_DEPTH = 8  # of tables in tables
_SEPARATOR_STORIES = 6  # the first headers are the lines above notes
_INITIALS_BYTES, _COMMENT_BYTES = 20, 30
_MAX_AUTHORS = 10_000
_MAX_CODE_PIECES = 100
_MAX_FORM_BYTES = 10_000


def read_doc(data: bytes, name: str) -> Document:
    """Read a Word document: body text with a line for each table row, then text boxes, footnotes,
    endnotes, comments, headers and footers.

    Raises `DocumentError` if the file is damaged, encrypted, over a limit or older than Word 97.
    """
    with open_ole2(data, "doc") as file:
        title, metadata = read_document_properties(file, name)
        document = read_doc_storage(file)
    return replace(document, title=document.title or title, metadata=metadata)


def read_doc_storage(file: OleFileIO, folder: str = "") -> Document:
    """Read the document in a storage of an OLE2 file, without its properties. Raises as `read_doc`.

    `folder` is the storage's path: "ObjectPool/_1234"; "": the root.
    """

    def stream(stream_name: str) -> bytes:
        return read_stream(file, f"{folder}/{stream_name}" if folder else stream_name)

    main = stream("WordDocument")
    if not main:
        raise DocumentError("damaged doc: it has no stream WordDocument")
    word = parse_word_file(main, (stream("0Table"), stream("1Table")))
    reader = _Reader.of(word, stream("Data"))
    reader.read_all()
    if word.cut_off and not reader.layout.blocks:
        raise DocumentError("damaged doc: its text is cut off")
    return replace(
        reader.layout.document(DOC),
        title=reader.title,
        warnings=("cut off: read as far as it goes",) if word.cut_off else (),
    )


@dataclass(slots=True)
class _Paragraph:
    """The open paragraph."""

    pieces: list[str] = field(default_factory=list)
    has_page_number: bool = False


@dataclass(slots=True)
class _Field:
    """An open field."""

    code: list[str] = field(default_factory=list)
    form: int = -1  # offset of the data of a form field
    in_result: bool = False


@dataclass(slots=True)
class _Reader:
    """Builds blocks from the parts of the text."""

    word: WordFile
    styles: dict[str, ParagraphStyle]
    numbering: Numbering
    fonts: list[str]
    data: bytes  # of form fields
    layout: BlockLayout = field(default_factory=BlockLayout)
    title: str | None = None
    paragraph: _Paragraph = field(default_factory=_Paragraph)
    fields: list[_Field] = field(default_factory=list)
    unclosed: frozenset[int] = frozenset()  # CPs of the marks of fields that have no end
    rows: list[bool] = field(default_factory=list)  # open rows: whether a cell is open
    is_first_row: list[bool] = field(default_factory=list)  # by depth of the open tables
    in_margin: bool = False  # the part is a page header or footer
    comment: str = ""  # prefix of the next paragraph: "Comment by Ada: "
    in_list: bool = False

    @classmethod
    def of(cls, word: WordFile, data: bytes) -> _Reader:
        """Return a reader of a file that has read its styles, lists and fonts."""
        return cls(
            word,
            parse_styles(word.structure(word_file.STYLES)),
            parse_numbering(word.structure(word_file.LISTS), word.structure(word_file.LIST_USES)),
            parse_fonts(word.structure(word_file.FONTS)),
            data,
        )

    def read_all(self) -> None:
        """Read every part that has text for users."""
        parts = list(pairwise(self.word.parts))
        for part in (_BODY, _TEXT_BOXES, _FOOTNOTES, _ENDNOTES):
            self._read(*parts[part])
        self._read_comments(*parts[_COMMENTS])
        texts: list[str] = []
        for start, end in self._margin_stories(*parts[_MARGINS]):
            texts += self._margin_texts(start, end)
        texts += self._margin_texts(*parts[_MARGIN_BOXES])
        for text in dict.fromkeys(texts):
            self.layout.add(text)

    def _read_comments(self, first: int, last: int) -> None:
        """Read the comments, each with its author."""
        texts = self.word.structure(word_file.COMMENT_TEXTS)
        positions, _ = parse_positions(texts, 0)
        _, references = parse_positions(self.word.structure(word_file.COMMENT_REFS), _COMMENT_BYTES)
        authors = _parse_authors(self.word.structure(word_file.COMMENT_AUTHORS))
        for place, reference in enumerate(references):
            if place + 1 >= len(positions):
                break
            index = struct.unpack_from("<H", reference, _INITIALS_BYTES)[0]
            author = property_title(authors[index] if index < len(authors) else "", "")
            self.comment = f"Comment by {author}: " if author else "Comment: "
            start, end = (min(first + cp, last) for cp in positions[place : place + 2])
            self._read(start, end)
        self.comment = ""

    def _margin_stories(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield the spans of headers and footers."""
        positions, _ = parse_positions(self.word.structure(word_file.MARGINS), 0)
        for start, end in list(pairwise(positions))[_SEPARATOR_STORIES:]:
            yield min(first + start, last), min(first + end, last)

    def _margin_texts(self, start: int, end: int) -> list[str]:
        """Return the paragraphs of a header or footer, except those with a page number."""
        reader = replace(self, layout=BlockLayout(), in_margin=True, rows=[], is_first_row=[])
        reader._read(start, end)
        return [block.text for block in reader.layout.blocks]

    def _read(self, start: int, end: int) -> None:
        """Read the text between two CPs."""
        self.paragraph, self.fields, self.in_list = _Paragraph(), [], False
        self.unclosed = _unclosed_fields(self.word.text, start, end)
        for first, last, operations in self.word.character_runs(start, end):
            run = _CharacterRun.of(operations, self.fonts)
            if run.symbol:
                self._append(run.symbol)
            else:
                self._read_run(first, self.word.text[first:last], run)
        if self.paragraph.pieces:
            self._end_paragraph("\r", end - 1)
        self._close_rows(0)

    def _read_run(self, position: int, text: str, run: _CharacterRun) -> None:
        for match in _SIGN.finditer(text):
            sign = match[0]
            if sign == _FIELD_START:
                if position + match.start() not in self.unclosed:
                    self.fields.append(_Field())
            elif sign == _FIELD_RESULT:
                if self.fields:
                    self.fields[-1].in_result = True
            elif sign == _FIELD_END:
                self._end_field()
            elif run.deleted:  # of it only the marks of fields count, which others may need
                continue
            elif sign in "\x07\x0c\r\x0e":
                self._end_paragraph(sign, position + match.start())
            else:
                if run.data_offset >= 0 and self.fields:
                    self.fields[-1].form = run.data_offset
                self._append(run.render(sign))

    def _end_field(self) -> None:
        if not self.fields:
            return
        ended = self.fields.pop()
        code = "".join(ended.code)
        if code.split()[:1] in (["PAGE"], ["NUMPAGES"]):
            self.paragraph.has_page_number = True
        if not ended.in_result:
            form = self.data[ended.form :] if ended.form >= 0 else b""
            self._append(field_text(code, form[:_MAX_FORM_BYTES]))

    def _append(self, text: str) -> None:
        """Append text to the open paragraph, or to the code of the field that it is part of."""
        code = next((field.code for field in self.fields if not field.in_result), None)
        if code is None:
            self.paragraph.pieces.append(text)
        elif len(code) < _MAX_CODE_PIECES:
            code.append(text)

    def _end_paragraph(self, mark: str, position: int) -> None:
        """End the paragraph, cell or row whose mark is at a CP."""
        paragraph, self.paragraph = self.paragraph, _Paragraph()
        style_number, operations = self.word.paragraph_operations(position)
        place = _TablePlace.of(operations, mark)
        text = _paragraph_text(paragraph)
        style = self.styles.get(str(style_number), PLAIN)
        if place.ends_row and not text:
            self._close_row(place.depth)
            return
        self._open_rows(place.depth)
        if text and self.in_margin:
            if not paragraph.has_page_number:
                self.layout.add(text)
        elif text and not style.contents:
            self._add_paragraph(text, style_number, style, operations)
        if place.ends_row:
            self._close_row(place.depth)
        elif place.ends_cell and self.rows:
            self.rows[-1] = False

    def _add_paragraph(
        self, text: str, style_number: int, style: ParagraphStyle, operations: Operations
    ) -> None:
        text, self.comment = self.comment + text, ""
        own: dict[str, str] = dict(style_elements(operations))
        level = heading_level(own["w:outlineLvl"]) if "w:outlineLvl" in own else style.level
        if style.title and self.title is None:
            self.title, level = " ".join(text.split()), 1
        item, list_id = style.item, style.list_id
        if "w:numId" in own:
            list_id = own["w:numId"] if own["w:numId"] != "0" else ""
            item = max(item, 0) if list_id else -1
        if "w:ilvl" in own and item >= 0:
            item = list_depth(own["w:ilvl"])
        elif item >= 0 and list_id and "w:numId" not in own:
            of_style = self.numbering.level_of_style(list_id, str(style_number))
            item = item if of_style is None else of_style
        label = (self.numbering.next_label(list_id, item) or "") if list_id and item >= 0 else ""
        if level:
            self.layout.add(" ".join(f"{label} {text}".split()), level=level)
        elif item >= 0:
            mark = f"{label} " if label else "- "
            self.layout.add("  " * item + mark + text, tight=self.in_list)
        else:
            self.layout.add(text)
        self.in_list = not level and item >= 0

    def _open_rows(self, depth: int) -> None:
        """Open the rows and cells that a paragraph of a table lies in."""
        self._close_rows(depth)
        while True:
            if self.rows and not self.rows[-1]:
                self.layout.open_cell()
                self.rows[-1] = True
            if len(self.rows) >= depth:
                break
            self.layout.open_row()
            self.rows.append(False)
            if len(self.is_first_row) < len(self.rows):
                self.is_first_row.append(True)
        del self.is_first_row[max(depth, len(self.rows)) :]

    def _close_row(self, depth: int) -> None:
        self._close_rows(depth)
        if self.rows and len(self.rows) == depth:
            self.rows.pop()
            is_line = self.layout.close_row(first=self.is_first_row[-1])
            self.is_first_row[-1] = not is_line
            self.in_list = False

    def _close_rows(self, depth: int) -> None:
        """Close rows that have no end of their own, down to a depth."""
        while len(self.rows) > depth:
            self.rows.pop()
            self.layout.close_row(first=True)
            self.in_list = False


@dataclass(frozen=True, slots=True)
class _TablePlace:
    """Where a paragraph lies: in how many tables, and what its mark ends."""

    depth: int
    ends_cell: bool
    ends_row: bool

    @classmethod
    def of(cls, operations: Operations, mark: str) -> _TablePlace:
        """Return what the operations on a paragraph and its mark mean."""
        values = {code: int.from_bytes(operand, "little") for code, operand in operations}
        depth = values.get(_DEPTH, 0) or (1 if values.get(_IN_TABLE) else 0)
        if not values.get(_IN_TABLE) and mark != _CELL_END:
            depth = 0
        inner = depth > 1
        return cls(
            depth=min(max(depth, int(mark == _CELL_END)), _MAX_DEPTH),
            ends_cell=mark == _CELL_END or (inner and bool(values.get(_INNER_CELL))),
            ends_row=bool(values.get(_INNER_ROW if inner else _ROW_END)),
        )


@dataclass(frozen=True, slots=True)
class _CharacterRun:
    """The properties of a run that change its characters."""

    deleted: bool = False  # by a tracked change
    special: bool = False  # its characters stand for something else
    symbol: str = ""  # the character of a symbol font that it shows
    script: tuple[str, str] | None = None
    font: str = ""
    data_offset: int = -1  # in the stream of data, of a form field; -1: none

    @classmethod
    def of(cls, operations: Operations, fonts: list[str]) -> _CharacterRun:
        """Return what the operations on a run of text mean."""
        deleted, special, sign, script, font, data_offset = False, False, "", None, "", -1
        for code, operand in operations:
            if code == _DELETED:
                deleted = operand == b"\x01"
            elif code == _SPECIAL:
                special = operand == b"\x01"
            elif code == _SCRIPT and operand:
                script = _SCRIPTS.get(operand[0])
            elif code == _DATA_OFFSET:
                data_offset = int.from_bytes(operand, "little")
            elif code == _FONT:
                font = _font(fonts, operand)
            elif code == _SYMBOL and len(operand) == 4:
                number = int.from_bytes(operand[2:], "little")
                sign = symbol(f"{number:x}", _font(fonts, operand[:2]))
        return cls(deleted, special, "" if deleted else sign, script, font, data_offset)

    def render(self, text: str) -> str:
        """Return characters as they are displayed."""
        text = text.translate(_CHARACTERS)
        if self.special:
            text = text.replace("(", "")
        if self.font:
            text = replace_symbols(text, self.font)
        if self.script is not None and text:
            return f"{self.script[0]}{text}{self.script[1]}"
        return text


def _unclosed_fields(text: str, start: int, end: int) -> frozenset[int]:
    """Return the CPs of the marks between two CPs where a field starts that never ends; all text
    behind would count as its code."""
    waiting: list[int] = []
    for mark in _FIELD_BOUND.finditer(text, start, max(start, end)):
        if mark[0] == _FIELD_START:
            waiting.append(mark.start())
        elif waiting:
            waiting.pop()
    return frozenset(waiting)


def _font(fonts: list[str], operand: bytes) -> str:
    number = int.from_bytes(operand, "little")
    return fonts[number] if number < len(fonts) else ""


def _paragraph_text(paragraph: _Paragraph) -> str:
    content = "".join(paragraph.pieces)
    if _SURROGATE.search(content):
        content = content.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    content = write_scripts(content)
    lines = (" ".join(line.split(" ")) for line in content.split("\n"))
    return "\n".join(line.strip() for line in lines).strip()


def _parse_authors(data: bytes) -> list[str]:
    """Return the names of the authors of comments."""
    authors: list[str] = []
    at = 0
    try:
        while at + 2 <= len(data) and len(authors) < _MAX_AUTHORS:
            letters = struct.unpack_from("<H", data, at)[0]
            authors.append(data[at + 2 : at + 2 + 2 * letters].decode("utf-16-le", "replace"))
            at += 2 + 2 * letters
    except DAMAGE:
        pass
    return authors
