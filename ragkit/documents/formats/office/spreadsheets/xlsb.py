"""xlsb → Document: binary workbooks of Excel ([MS-XLSB]), with the same result as `xlsx`.

The package and its drawings are those of xlsx; workbook, sheets, strings, styles and comments are
sequences of binary records. Knows no formulas: their stored values are read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ragkit.documents.formats.office.ooxml import read_relationships, related_parts
from ragkit.documents.formats.office.spreadsheets import number_formats
from ragkit.documents.formats.office.spreadsheets.number_formats import GENERAL, NumberFormat
from ragkit.documents.formats.office.spreadsheets.xlsx_drawings import add_drawings
from ragkit.documents.layout.grid import Grid, GridFullError, column_letters, is_year
from ragkit.documents.layout.properties import CORE, read_properties
from ragkit.documents.unpacking.limits import MAX_TOTAL_BYTES, ZipPackage, open_zip
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

_WORKBOOK = re.compile(r"xl/workbook\d*\.bin")
# Types of records ([MS-XLSB] 2.3.2).
_ROW = 0
_COMPACT_NUMBER, _ERROR, _BOOLEAN, _NUMBER, _TEXT, _SHARED_TEXT = 2, 3, 4, 5, 6, 7
_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOLEAN, _FORMULA_ERROR, _RICH_TEXT = 8, 9, 10, 11, 62
_SHARED_STRING, _FORMAT, _CELL_FORMAT = 19, 44, 47
_CELL_FORMATS, _CELL_FORMATS_END = 617, 618
_WORKBOOK_PROPERTIES, _SHEET = 153, 156
_COMMENT, _COMMENT_TEXT = 635, 637
_CELLS = frozenset(
    {
        *(_COMPACT_NUMBER, _ERROR, _BOOLEAN, _NUMBER, _TEXT, _SHARED_TEXT, _RICH_TEXT),
        *(_FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOLEAN, _FORMULA_ERROR),
    }
)
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!",
    0x2A: "#N/A", 0x2B: "#GETTING_DATA",
}  # fmt: skip
_SHEET_KINDS = frozenset({"worksheet", "chartsheet"})
_NO_TEXT = 0xFFFFFFFF
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384
_MAX_CELL_TEXT = 32_767  # characters, as in Excel
_MAX_SHEET_NAME = 40  # characters in a warning


def read_xlsb(data: bytes, name: str) -> Document:
    """Read a workbook: a line and a locator for each row. A damaged sheet becomes a warning.

    Raises `DocumentError` if the file is damaged, encrypted or over a size limit, or if no sheet
    can be read.
    """
    with open_zip(data, "xlsb") as package:
        workbook = _Workbook()
        workbook.read(package)
        grid = Grid()
        failures = 0
        for title, part in workbook.sheets:
            try:
                grid.begin_sheet(title)
                _read_sheet(package, part, workbook, grid)
                _read_comments(package, part, grid)
                add_drawings(package, part, grid)
            except DocumentError as error:
                grid.warnings.append(f"sheet {title[:_MAX_SHEET_NAME]}: {error}")
                failures += 1
        if failures == len(workbook.sheets):
            raise DocumentError(grid.warnings[0] if failures else "damaged xlsb: it has no sheets")
        properties = read_properties(package, CORE)
    grid.warnings += package.warnings
    if workbook.hidden:
        grid.warnings.append(f"{workbook.hidden} hidden sheets are read")
    return replace(
        grid.document(media_types.XLSB),
        title=properties.title(name),
        metadata=properties.metadata(),
    )


def _records(package: ZipPackage, part: str) -> Iterator[tuple[int, bytes]]:
    """Yield (type, content) of the records of a part. Raises `DocumentError` where it is cut off.

    Type and size are numbers of seven bits a byte.
    """
    data = b"".join(package.iter_chunks(part, MAX_TOTAL_BYTES))
    at, end = 0, len(data)
    while at < end:
        kind, at = _number(data, at, 2)
        size, at = _number(data, at, 4)
        if at + size > end:
            raise DocumentError(f"damaged xlsb: {part[-60:]} is cut off")
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int, max_bytes: int) -> tuple[int, int]:
    """Return a number of up to `max_bytes` bytes, and the offset after it."""
    value = 0
    for place in range(max_bytes):
        if at >= len(data):
            raise DocumentError("damaged xlsb: cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            break
    return value, at


def _wide_text(data: bytes, at: int) -> tuple[str, int]:
    """Return a counted text, and the offset after it. Raises `struct.error` if there is none."""
    letters = struct.unpack_from("<I", data, at)[0]
    if letters == _NO_TEXT:
        return "", at + 4
    content = data[at + 4 : at + 4 + 2 * letters]
    return content.decode("utf-16-le", "replace"), at + 4 + 2 * letters


@dataclass(slots=True)
class _Workbook:
    """The sheets of a workbook, and the strings and number formats that cells refer to."""

    sheets: list[tuple[str, str]] = field(default_factory=list)  # name, part
    hidden: int = 0
    use_1904_epoch: bool = False
    strings: list[str] = field(default_factory=list)
    formats: list[NumberFormat] = field(default_factory=list)

    def read(self, package: ZipPackage) -> None:
        """Read the workbook part, its shared strings and its styles."""
        part = min(filter(_WORKBOOK.fullmatch, package.names), key=len, default=None)
        if part is None:
            raise DocumentError("damaged xlsb: it has no xl/workbook.bin")
        try:
            self._read_sheets(package, part)
            for strings in related_parts(package, part, "sharedStrings")[:1]:
                for kind, content in _records(package, strings):
                    if kind == _SHARED_STRING:
                        self.strings.append(_wide_text(content, 1)[0][:_MAX_CELL_TEXT])
            for styles in related_parts(package, part, "styles")[:1]:
                self._read_styles(package, styles)
        except struct.error as error:
            raise DocumentError(f"damaged xlsb: {error}") from error

    def _read_sheets(self, package: ZipPackage, part: str) -> None:
        relationships = read_relationships(package, part)
        for kind, content in _records(package, part):
            if kind == _WORKBOOK_PROPERTIES:
                self.use_1904_epoch = bool(content[:1] and content[0] & 1)
            elif kind == _SHEET:
                state = struct.unpack_from("<I", content)[0]
                link, at = _wide_text(content, 8)
                if link not in relationships:  # test versions of Excel 2007 have one number more
                    link, at = _wide_text(content, 12)
                target = relationships.get(link)
                if target is not None and target.kind in _SHEET_KINDS:
                    self.sheets.append((_wide_text(content, at)[0], target.part))
                    self.hidden += state != 0

    def _read_styles(self, package: ZipPackage, part: str) -> None:
        codes = dict(number_formats.BUILT_IN_FORMATS)
        in_cell_formats = False
        for kind, content in _records(package, part):
            if kind == _FORMAT:
                codes[struct.unpack_from("<H", content)[0]] = _wide_text(content, 2)[0]
            elif kind in {_CELL_FORMATS, _CELL_FORMATS_END}:
                in_cell_formats = kind == _CELL_FORMATS
            elif kind == _CELL_FORMAT and in_cell_formats:
                number = struct.unpack_from("<H", content, 2)[0]
                self.formats.append(number_formats.parse_format(codes.get(number, "general")))


def _read_sheet(package: ZipPackage, part: str, workbook: _Workbook, grid: Grid) -> None:
    """Add the rows of one sheet to `grid`, until the grid is full."""
    row, last_row = 0, -1
    cells: list[tuple[int, str]] = []
    is_text = True
    try:
        if grid.full:
            raise GridFullError
        for kind, content in _records(package, part):
            if kind == _ROW:
                if cells:
                    grid.add_row(row + 1, cells, is_text=is_text)
                row = min(struct.unpack_from("<I", content)[0], _MAX_ROWS - 1)
                if row <= last_row:
                    raise DocumentError("damaged xlsb: its rows are out of order")
                last_row, cells, is_text = row, [], True
            elif kind in _CELLS:
                column, style = struct.unpack_from("<II", content)
                text = _cell_text(kind, content, style & 0xFFFFFF, workbook)
                if text and column < _MAX_COLUMNS and (not cells or column > cells[-1][0]):
                    cells.append((column, text))
                    is_text = is_text and (_is_text(kind) or is_year(text))
        if cells:
            grid.add_row(row + 1, cells, is_text=is_text)
    except GridFullError:
        grid.warn_truncated(0)
    except struct.error as error:
        raise DocumentError(f"damaged xlsb: {error}") from error


def _is_text(kind: int) -> bool:
    return kind in {_TEXT, _SHARED_TEXT, _FORMULA_TEXT, _RICH_TEXT}


def _cell_text(kind: int, content: bytes, style: int, workbook: _Workbook) -> str:
    """Return the displayed text of a cell."""
    if kind in {_BOOLEAN, _FORMULA_BOOLEAN}:
        return "TRUE" if content[8:9] != b"\0" else "FALSE"
    if kind in {_ERROR, _FORMULA_ERROR}:
        return _ERRORS.get(content[8] if len(content) > 8 else -1, "")
    number_format = workbook.formats[style] if style < len(workbook.formats) else GENERAL
    if kind == _SHARED_TEXT:
        index = struct.unpack_from("<I", content, 8)[0]
        text = workbook.strings[index] if index < len(workbook.strings) else ""
    elif _is_text(kind):
        text = _wide_text(content, 9 if kind == _RICH_TEXT else 8)[0][:_MAX_CELL_TEXT]
    else:
        value = _compact(content) if kind == _COMPACT_NUMBER else _real(content)
        return number_formats.format_number(
            value, number_format, use_1904_epoch=workbook.use_1904_epoch
        )
    return number_formats.format_text(text, number_format)


def _real(content: bytes) -> float:
    value: float = struct.unpack_from("<d", content, 8)[0]
    return value


def _compact(content: bytes) -> float:
    """Return a number of four bytes: an integer or the high half of a float, perhaps times 100."""
    code = struct.unpack_from("<I", content, 8)[0]
    if code & 2:
        value = float(struct.unpack_from("<i", content, 8)[0] >> 2)
    else:
        value = struct.unpack("<d", struct.pack("<Q", (code & 0xFFFFFFFC) << 32))[0]
    return value / 100 if code & 1 else value


def _read_comments(package: ZipPackage, part: str, grid: Grid) -> None:
    """Add the comments on the cells of a sheet."""
    for comments in related_parts(package, part, "comments"):
        cell = ""
        try:
            for kind, content in _records(package, comments):
                if kind == _COMMENT:
                    row, _, column = struct.unpack_from("<III", content, 4)
                    cell = f"{column_letters(min(column, _MAX_COLUMNS))}{row + 1}"
                elif kind == _COMMENT_TEXT and cell:
                    grid.add_comment(cell, _wide_text(content, 1)[0][:_MAX_CELL_TEXT])
        except struct.error as error:
            raise DocumentError(f"damaged xlsb: {error}") from error
