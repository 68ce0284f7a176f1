"""xls → Document: the workbooks of Excel 97 to 2003 (BIFF), with the same result as `xlsx`.

xlrd parses the file. It is pure Python, so a damaged file ends in an exception and cannot crash
the process. Knows no macros and no charts.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from ragkit.documents.formats.office.spreadsheets import number_formats
from ragkit.documents.layout.grid import Grid, GridFullError, column_letters, is_year
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Sheet

_MAX_DETAIL = 100  # characters of xlrd's error message


def read_xls(data: bytes, name: str) -> Document:
    """Read a workbook: a line and a locator for each row. A damaged sheet becomes a warning.

    Raises `DocumentError` if the file is encrypted or damaged, or if every sheet is damaged.
    """
    book = _open_workbook(data)
    grid = Grid()
    failures: list[str] = []
    hidden = 0
    for index in range(book.nsheets):
        try:
            sheet = book.sheet_by_index(index)
            hidden += bool(sheet.visibility)
            _read_sheet(book, sheet, grid)
        except Exception as error:  # xlrd does not check what it reads
            failures.append(f"sheet {index + 1} is damaged: {_error_detail(error)}")
        book.unload_sheet(index)
    if failures and len(failures) == book.nsheets:
        raise DocumentError(f"damaged xls: {failures[0]}")
    grid.warnings += failures
    if hidden:
        grid.warnings.append(f"{hidden} hidden sheets are read")
    return grid.document(media_types.XLS)


def _open_workbook(data: bytes) -> Book:
    import xlrd

    try:
        return xlrd.open_workbook(
            file_contents=data,
            logfile=StringIO(),
            formatting_info=True,
            on_demand=True,
            ragged_rows=True,
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise DocumentError("encrypted xls: needs a password", kind="encrypted") from error
        raise DocumentError(f"damaged xls: {_error_detail(error)}") from error
    except Exception as error:  # xlrd does not check what it reads
        raise DocumentError(f"damaged xls: {_error_detail(error)}") from error


def _error_detail(error: Exception) -> str:
    return " ".join(str(error).split())[:_MAX_DETAIL] or type(error).__name__


def _read_sheet(book: Book, sheet: Sheet, grid: Grid) -> None:
    """Add the rows of one sheet to `grid`, until the grid is full."""
    from xlrd import XL_CELL_TEXT

    grid.begin_sheet(sheet.name)
    try:
        for row in range(sheet.nrows):
            if grid.full:
                raise GridFullError
            kinds = sheet.row_types(row)
            texts = [_cell_text(book, sheet, row, col, kind) for col, kind in enumerate(kinds)]
            words = all(
                kind == XL_CELL_TEXT or is_year(text)
                for kind, text in zip(kinds, texts, strict=True)
                if text
            )
            grid.add_row(row + 1, [*enumerate(texts)], is_text=words)
        for (row, column), note in sorted(sheet.cell_note_map.items()):
            grid.add_comment(f"{column_letters(column)}{row + 1}", note.text)
    except GridFullError:
        grid.warn_truncated(sheet.nrows)


def _cell_text(book: Book, sheet: Sheet, row: int, column: int, kind: int) -> str:
    """Return the displayed text of a cell; "" for an empty one."""
    import xlrd

    if kind in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
        return ""
    value = sheet.cell_value(row, column)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(value, ""))
    if kind not in {xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE}:
        number_format = number_formats.parse_format(_format_code(book, sheet, row, column))
        return number_formats.format_text(str(value), number_format)
    number_format = number_formats.parse_format(_format_code(book, sheet, row, column))
    return number_formats.format_number(value, number_format, use_1904_epoch=book.datemode == 1)


def _format_code(book: Book, sheet: Sheet, row: int, column: int) -> str:
    """Return the format code of a cell. Built-in formats may have no record in the file."""
    try:
        key = book.xf_list[sheet.cell_xf_index(row, column)].format_key
        code = book.format_map[key].format_str
    except (IndexError, KeyError):  # the workbook does not define the cell's style
        return "General"
    return code or number_formats.BUILT_IN_FORMATS.get(key, "General")
