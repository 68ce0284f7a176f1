"""xlsx → Document: a line for each row of every sheet, with the row's cell range as its locator.

Streams the sheets, so a cell in the last row costs no more than one in the first, and stops where
the grid is full. Formulas are read as their cached values. Hidden sheets are read too, and so are
comments on cells. Collects cells; `layout/grid` turns them into text. Elements are those of
SpreadsheetML (ECMA-376 part 1, 18).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ragkit.documents.formats.office.ooxml import read_relationships, related_parts
from ragkit.documents.formats.office.spreadsheets import number_formats
from ragkit.documents.formats.office.spreadsheets.number_formats import GENERAL, NumberFormat
from ragkit.documents.formats.office.spreadsheets.xlsx_comments import read_comments
from ragkit.documents.formats.office.spreadsheets.xlsx_drawings import add_drawings
from ragkit.documents.formats.office.spreadsheets.xlsx_rich_values import read_cell_pictures
from ragkit.documents.layout.grid import Grid, GridFullError, is_year
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.layout.scripts import SCRIPT_MARKS, write_scripts
from ragkit.documents.unpacking.limits import MAX_TOTAL_BYTES, ZipPackage, open_zip
from ragkit.documents.unpacking.xml_stream import Attributes, parse_xml, parse_xml_leniently
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_WORKBOOK = re.compile(r"xl/workbook\d*\.xml")
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_MAX_COLUMNS = 16_384
_MAX_CELLS = 4_000_000  # of one sheet, empty ones included: about ten seconds
_MAX_CELL_TEXT = 32_767  # characters, as in Excel
_MAX_SHEET_NAME = 40  # characters in a warning
_TEXT_TYPES = frozenset({"s", "str", "inlineStr"})  # values of a cell's `t` attribute
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
# Text that a formula shows although no value is stored: =HYPERLINK("address", "text")
_LINK_TEXT = re.compile(
    r'\s{0,9}HYPERLINK\(.{0,2000}?,\s{0,9}"((?:[^"]|""){1,500})"\s{0,9}\)\s{0,9}', re.I
)
_SHEET_KINDS = frozenset({"worksheet", "chartsheet"})


def read_xlsx(data: bytes, name: str) -> Document:
    """Read a workbook: a line and a locator for each row. A damaged sheet becomes a warning.

    Raises `DocumentError` if the file is damaged, encrypted or over a size limit, or if no sheet
    can be read.
    """
    with open_zip(data, "xlsx") as package:
        workbook = _Workbook()
        workbook.read(package)
        grid = Grid()
        failures = 0
        for title, part in workbook.sheets:
            try:
                grid.begin_sheet(title)
                _read_sheet(package, part, workbook, grid)
                for cell, comment in read_comments(package, part):
                    grid.add_comment(cell, comment)
                add_drawings(package, part, grid)
            except DocumentError as error:
                grid.warnings.append(f"sheet {title[:_MAX_SHEET_NAME]}: {error}")
                failures += 1
        if failures == len(workbook.sheets):
            raise DocumentError(grid.warnings[0] if failures else "damaged xlsx: it has no sheets")
        properties = read_properties(package, CORE)
    grid.warnings += package.warnings
    if workbook.formulas:
        grid.warnings.append(
            f"{workbook.formulas} formulas have no stored value and are not read; open and save"
            " the file in a spreadsheet program"
        )
    if workbook.hidden:
        grid.warnings.append(f"{workbook.hidden} hidden sheets are read")
    return replace(
        grid.document(media_types.XLSX),
        title=properties.title(name),
        metadata=properties.metadata(),
    )


@dataclass(slots=True)
class _Workbook:
    """The sheets of a workbook, and the strings and number formats that cells refer to."""

    sheets: list[tuple[str, str]] = field(default_factory=list)  # name, part
    hidden: int = 0
    use_1904_epoch: bool = False
    strings: list[str] = field(default_factory=list)  # by shared-string index
    formats: list[NumberFormat] = field(default_factory=list)  # by cell-style index
    pictures: list[str] = field(default_factory=list)  # in cells: descriptions by value metadata
    formulas: int = 0  # without a stored value

    def read(self, package: ZipPackage) -> None:
        """Read the workbook part, its shared strings and its styles."""
        workbook = min(filter(_WORKBOOK.fullmatch, package.names), key=len, default=None)
        if workbook is None:
            raise DocumentError("damaged xlsx: it has no xl/workbook.xml")
        relationships = read_relationships(package, workbook)

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "x:workbookPr":
                self.use_1904_epoch = attributes.get("date1904") in {"1", "true"}
            elif tag == "x:sheet":
                target = relationships.get(attributes.get("r:id", ""))
                if target is not None and target.kind in _SHEET_KINDS:
                    self.sheets.append((attributes.get("name", ""), target.part))
                    self.hidden += attributes.get("state", "visible") != "visible"

        parse_xml(package, workbook, start)
        for part in related_parts(package, workbook, "sharedStrings")[:1]:
            handler = _StringsHandler(self.strings)
            parse_xml_leniently(package, part, handler.start, handler.end, handler.text)
        for part in related_parts(package, workbook, "styles")[:1]:
            self._read_styles(package, part)
        self.pictures = read_cell_pictures(package)

    def _read_styles(self, package: ZipPackage, part: str) -> None:
        codes = dict(number_formats.BUILT_IN_FORMATS)
        in_cell_formats = False

        def start(tag: str, attributes: Attributes) -> None:
            nonlocal in_cell_formats
            key = attributes.get("numFmtId", "")
            number = int(key) if key.isdecimal() and len(key) < 9 else 0
            if tag == "x:numFmt":
                codes[number] = attributes.get("formatCode", "")
            elif tag == "x:cellXfs":
                in_cell_formats = True
            elif tag == "x:xf" and in_cell_formats:
                self.formats.append(number_formats.parse_format(codes.get(number, "general")))

        def end(tag: str) -> None:
            nonlocal in_cell_formats
            in_cell_formats = in_cell_formats and tag != "x:cellXfs"

        parse_xml_leniently(package, part, start, end)


@dataclass(slots=True)
class _StringsHandler:
    """Collects the shared strings. Phonetic readings (`rPh`) of Asian text are left out."""

    strings: list[str]
    _pieces: list[str] = field(default_factory=list)
    _in_text: bool = False
    _in_phonetic: bool = False
    _script: tuple[str, str] | None = None  # marks around the open run, if it is raised or lowered

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "x:t":
            self._in_text = not self._in_phonetic
        elif tag == "x:rPh":
            self._in_phonetic = True
        elif tag == "x:r":
            self._script = None
        elif tag == "x:vertAlign":
            self._script = SCRIPT_MARKS.get(attributes.get("val", ""))

    def text(self, characters: str) -> None:
        if self._in_text and self._script is not None:
            start, end = self._script
            self._pieces.append(f"{start}{characters}{end}")
        elif self._in_text:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        if tag == "x:t":
            self._in_text = False
        elif tag == "x:rPh":
            self._in_phonetic = False
        elif tag == "x:si":
            text = write_scripts("".join(self._pieces)[:_MAX_CELL_TEXT])
            self.strings.append(_unescape(text))
            self._pieces.clear()
            self._script = None


def _read_sheet(package: ZipPackage, part: str, workbook: _Workbook, grid: Grid) -> None:
    """Add the rows of one sheet to `grid`, until the grid is full."""
    sheet = _SheetHandler(workbook, grid)
    try:
        if grid.full:
            raise GridFullError
        parse_xml(package, part, sheet.start, sheet.end, sheet.text, max_bytes=MAX_TOTAL_BYTES)
    except GridFullError:
        grid.warn_truncated(sheet.height)


@dataclass(slots=True)
class _SheetHandler:
    """Collects the cells of each row of a sheet and adds the row to the grid."""

    workbook: _Workbook
    grid: Grid
    cell_count: int = 0  # empty cells included
    height: int = 0  # number of rows that the sheet's `dimension` declares
    row: int = 0  # number of the open row, from 1
    column: int = -1  # index of the open cell, from 0
    cells: dict[int, str] = field(default_factory=dict)  # of the open row: column → text
    words: bool = True  # every cell of the row is text or a year
    kind: str = ""  # type of the open cell: "s", "n", "b", …
    number_format: NumberFormat = GENERAL
    pieces: list[str] = field(default_factory=list)
    in_value: bool = False
    in_phonetic: bool = False
    script: tuple[str, str] | None = None  # marks around the open run of an inline string
    picture: str = ""  # description of the picture in the open cell
    formula: list[str] | None = None  # pieces of the open cell's formula
    in_formula: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "x:c":
            self._open_cell(attributes)
        elif tag == "x:v":
            self.in_value = True
        elif tag == "x:f":
            self.formula, self.in_formula = [], True
        elif tag == "x:t":
            self.in_value = self.kind == "inlineStr" and not self.in_phonetic
        elif tag == "x:row":
            number = attributes.get("r", "")
            self.row = int(number) if number.isdecimal() and len(number) < 9 else self.row + 1
            self.column, self.words = -1, True
        elif tag == "x:rPh":
            self.in_phonetic = True
        elif tag == "x:dimension":
            last = attributes.get("ref", "").rpartition(":")[2]
            self.height = int(match[2]) if (match := _REFERENCE.fullmatch(last)) else 0
        elif tag == "x:vertAlign":
            self.script = SCRIPT_MARKS.get(attributes.get("val", ""))
        elif tag == "x:r":
            self.script = None

    def text(self, characters: str) -> None:
        if self.in_value:
            if self.script is not None:
                start, end = self.script
                characters = f"{start}{characters}{end}"
            self.pieces.append(characters)
        elif self.in_formula and self.formula is not None:
            self.formula.append(characters)

    def end(self, tag: str) -> None:
        if tag in {"x:v", "x:t"}:
            self.in_value = False
        elif tag == "x:f":
            self.in_formula = False
        elif tag == "x:c":
            self._close_cell()
        elif tag == "x:row":
            self.grid.add_row(self.row, sorted(self.cells.items()), is_text=self.words)
            self.cells.clear()
            if self.cell_count > _MAX_CELLS:
                raise GridFullError
        elif tag == "x:rPh":
            self.in_phonetic = False

    def _open_cell(self, attributes: Attributes) -> None:
        self.cell_count += 1
        letters = attributes.get("r", "").rstrip("0123456789")
        self.column = _column_index(letters) if letters else self.column + 1
        self.kind = attributes.get("t", "n")
        style = attributes.get("s", "")
        formats = self.workbook.formats
        valid = style.isdecimal() and len(style) < 9 and int(style) < len(formats)
        self.number_format = formats[int(style)] if valid else GENERAL
        self.pieces.clear()
        self.formula, self.script = None, None
        metadata, pictures = attributes.get("vm", ""), self.workbook.pictures
        has_picture = bool(pictures) and metadata.isdecimal() and len(metadata) < 9
        has_picture = has_picture and 0 < int(metadata) <= len(pictures)
        self.picture = pictures[int(metadata) - 1] if has_picture else ""

    def _close_cell(self) -> None:
        value = "".join(self.pieces)[:_MAX_CELL_TEXT]
        if self.picture:
            self.cells[self.column] = self.picture
            return
        if not value and self.formula is not None:
            value = self._text_without_value("".join(self.formula))
            self.kind = "str"
        if not value:
            return
        if self.kind == "s":
            strings = self.workbook.strings
            valid = value.isdecimal() and len(value) < 9 and int(value) < len(strings)
            value = strings[int(value)] if valid else ""
        elif self.kind == "b":
            value = "FALSE" if value == "0" else "TRUE"
        elif self.kind == "n":
            value = self._format_number(value)
        else:
            value = _unescape(write_scripts(value))
        if self.kind in _TEXT_TYPES and self.number_format is not GENERAL:
            value = number_formats.format_text(value, self.number_format)
        if value:
            self.cells[self.column] = value
            self.words = self.words and (self.kind in _TEXT_TYPES or is_year(value))

    def _text_without_value(self, formula: str) -> str:
        """Return what a formula shows of which the file stores no value; count the others."""
        link = _LINK_TEXT.fullmatch(formula[:_MAX_CELL_TEXT])
        if link is not None:
            return link[1].replace('""', '"')
        self.workbook.formulas += self.kind != "str"  # an empty text is a value, too
        return ""

    def _format_number(self, value: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value
        return number_formats.format_number(
            number, self.number_format, use_1904_epoch=self.workbook.use_1904_epoch
        )


@lru_cache(maxsize=20_000)
def _column_index(letters: str) -> int:
    """Return the index of a column, from 0: 0 for A, 26 for AA."""
    index = 0
    for letter in letters[:3].upper():
        index = 26 * index + ord(letter) - 64
    return min(max(index, 1), _MAX_COLUMNS) - 1


def _unescape(text: str) -> str:
    """Return text with the characters that the format writes as `_x000D_`."""
    if "_x" not in text:
        return text
    return _ESCAPE.sub(_escaped_character, text)


def _escaped_character(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character.isprintable() else " "
