"""xlsx → Document: every sheet, a line a row, with the ranges the rows have in the workbook.

Streams the sheets, so a cell in the last row costs no more than one in the first; stops where a
file gets too large. Formulas come as the values they last had. Hidden sheets are read too. Cells
are kept here, `grid` makes the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ragkit.documents.formats.office import number_formats
from ragkit.documents.formats.office.number_formats import GENERAL, Format
from ragkit.documents.formats.office.ooxml import related, relations
from ragkit.documents.formats.office.xlsx_comments import comments_on
from ragkit.documents.layout.grid import FullError, Grid, is_year
from ragkit.documents.layout.properties import CORE, properties_in
from ragkit.documents.unpacking.limits import MAX_INFLATED, Package, opened
from ragkit.documents.unpacking.xml_stream import Attributes, attempt, parse
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_WORKBOOK = re.compile(r"xl/workbook\d*\.xml")
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_WIDEST = 16_384  # columns
_MOST_CELLS = 4_000_000  # of one sheet, empty or not: about ten seconds
_LONGEST_CELL = 32_767  # characters, as in Excel
_WORDS = frozenset({"s", "str", "inlineStr"})  # types of cells that hold text


def read_xlsx(data: bytes, name: str) -> Document:
    """A workbook's text, one locator a row. A sheet that cannot be read costs only itself.

    Raises `DocumentError` where the file is damaged, encrypted, or a trap.
    """
    with opened(data, "xlsx") as package:
        book = _Book()
        book.open(package)
        grid = Grid()
        failed = 0
        for title, part in book.sheets:
            try:
                grid.sheet(title)
                _read_sheet(package, part, book, grid)
                for cell, comment in comments_on(package, part):
                    grid.comment(cell, comment)
            except DocumentError as error:
                grid.warnings.append(f"sheet {title[:40]}: {error}")
                failed += 1
        if failed == len(book.sheets):
            raise DocumentError(grid.warnings[0] if failed else "damaged xlsx: it has no sheets")
        properties = properties_in(package, CORE)
    grid.warnings += package.lost
    if book.hidden:
        grid.warnings.append(f"{book.hidden} hidden sheets are read")
    return replace(
        grid.document(media_types.XLSX),
        title=properties.title(name),
        metadata=properties.metadata(),
    )


@dataclass(slots=True)
class _Book:
    """What the cells of all sheets refer to."""

    sheets: list[tuple[str, str]] = field(default_factory=list)  # name, part
    hidden: int = 0
    since_1904: bool = False
    strings: list[str] = field(default_factory=list)
    formats: list[Format] = field(default_factory=list)  # by the style of a cell

    def open(self, package: Package) -> None:
        """Read the workbook, its strings and its styles."""
        found = min(filter(_WORKBOOK.fullmatch, package.names), key=len, default=None)
        if found is None:
            raise DocumentError("damaged xlsx: it has no xl/workbook.xml")
        targets = relations(package, found)

        def start(tag: str, attributes: Attributes) -> None:
            if tag == "x:workbookPr":
                self.since_1904 = attributes.get("date1904") in {"1", "true"}
            elif tag == "x:sheet":
                target = targets.get(attributes.get("r:id", ""))
                if target is not None and target.kind == "worksheet":
                    self.sheets.append((attributes.get("name", ""), target.part))
                    self.hidden += attributes.get("state", "visible") != "visible"

        parse(package, found, start, lambda tag: None, lambda text: None)
        for part in related(package, found, "sharedStrings")[:1]:
            strings = _Strings(self.strings)
            attempt(package, part, strings.start, strings.end, strings.text)
        for part in related(package, found, "styles")[:1]:
            self._styles(package, part)

    def _styles(self, package: Package, part: str) -> None:
        codes = dict(number_formats.BUILT_IN)
        in_cells = False

        def start(tag: str, attributes: Attributes) -> None:
            nonlocal in_cells
            key = attributes.get("numFmtId", "")
            number = int(key) if key.isdecimal() and len(key) < 9 else 0
            if tag == "x:numFmt":
                codes[number] = attributes.get("formatCode", "")
            elif tag == "x:cellXfs":
                in_cells = True
            elif tag == "x:xf" and in_cells:
                self.formats.append(number_formats.parsed(codes.get(number, "general")))

        def end(tag: str) -> None:
            nonlocal in_cells
            in_cells = in_cells and tag != "x:cellXfs"

        attempt(package, part, start, end, lambda text: None)


@dataclass(slots=True)
class _Strings:
    """The table of strings as it streams by; readings above Asian characters are left out."""

    strings: list[str]
    _pieces: list[str] = field(default_factory=list)
    _in_text: bool = False
    _reading: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "x:t":
            self._in_text = not self._reading
        elif tag == "x:rPh":
            self._reading = True

    def text(self, characters: str) -> None:
        if self._in_text:
            self._pieces.append(characters)

    def end(self, tag: str) -> None:
        if tag == "x:t":
            self._in_text = False
        elif tag == "x:rPh":
            self._reading = False
        elif tag == "x:si":
            self.strings.append("".join(self._pieces)[:_LONGEST_CELL])
            self._pieces.clear()


def _read_sheet(package: Package, part: str, book: _Book, grid: Grid) -> None:
    """Add one sheet's rows to `grid`, as many as it takes."""
    sheet = _Sheet(book, grid)
    try:
        if grid.full:
            raise FullError
        parse(package, part, sheet.start, sheet.end, sheet.text, most=MAX_INFLATED)
    except FullError:
        grid.stopped(sheet.height)


@dataclass(slots=True)
class _Sheet:
    """A sheet as it streams by."""

    book: _Book
    grid: Grid
    seen: int = 0  # cells, empty ones too
    height: int = 0  # rows, as the sheet itself says
    row: int = 0
    column: int = -1
    cells: dict[int, str] = field(default_factory=dict)  # of the open row, by column
    words: bool = True  # all of them hold text
    kind: str = ""  # of the open cell
    form: Format = GENERAL
    pieces: list[str] = field(default_factory=list)
    in_value: bool = False
    reading: bool = False

    def start(self, tag: str, attributes: Attributes) -> None:
        if tag == "x:c":
            self._open_cell(attributes)
        elif tag == "x:v":
            self.in_value = True
        elif tag == "x:t":
            self.in_value = self.kind == "inlineStr" and not self.reading
        elif tag == "x:row":
            number = attributes.get("r", "")
            self.row = int(number) if number.isdecimal() and len(number) < 9 else self.row + 1
            self.column, self.words = -1, True
        elif tag == "x:rPh":
            self.reading = True
        elif tag == "x:dimension":
            last = attributes.get("ref", "").rpartition(":")[2]
            self.height = int(found[2]) if (found := _REFERENCE.fullmatch(last)) else 0

    def text(self, characters: str) -> None:
        if self.in_value:
            self.pieces.append(characters)

    def end(self, tag: str) -> None:
        if tag in {"x:v", "x:t"}:
            self.in_value = False
        elif tag == "x:c":
            self._close_cell()
        elif tag == "x:row":
            self.grid.row(self.row, sorted(self.cells.items()), words=self.words)
            self.cells.clear()
            if self.seen > _MOST_CELLS:
                raise FullError
        elif tag == "x:rPh":
            self.reading = False

    def _open_cell(self, attributes: Attributes) -> None:
        self.seen += 1
        letters = attributes.get("r", "").rstrip("0123456789")
        self.column = _index(letters) if letters else self.column + 1
        self.kind = attributes.get("t", "n")
        style = attributes.get("s", "")
        known = style.isdecimal() and len(style) < 9 and int(style) < len(self.book.formats)
        self.form = self.book.formats[int(style)] if known else GENERAL
        self.pieces.clear()

    def _close_cell(self) -> None:
        value = "".join(self.pieces)[:_LONGEST_CELL]
        if not value:
            return
        if self.kind == "s":
            known = value.isdecimal() and len(value) < 9 and int(value) < len(self.book.strings)
            value = self.book.strings[int(value)] if known else ""
        elif self.kind == "b":
            value = "FALSE" if value == "0" else "TRUE"
        elif self.kind == "n":
            value = self._number(value)
        if value:
            self.cells[self.column] = value
            self.words = self.words and (self.kind in _WORDS or is_year(value))

    def _number(self, value: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return value
        return number_formats.shown(number, self.form, since_1904=self.book.since_1904)


@lru_cache(maxsize=20_000)
def _index(letters: str) -> int:
    """A column's number from 0: 0 for A, 26 for AA."""
    index = 0
    for letter in letters[:3].upper():
        index = 26 * index + ord(letter) - 64
    return min(max(index, 1), _WIDEST) - 1
