"""xls → Document: the workbooks of Excel 97 to 2003, as `sheets` reads those of today.

xlrd takes the file apart: pure Python, so a damaged file ends in an exception and never in the end
of the process. Knows no macros and no charts.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from ragkit.documents.formats.office import number_formats
from ragkit.documents.layout.grid import FullError, Grid, is_year
from ragkit.errors import DocumentError
from ragkit.records import media_types
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from xlrd.book import Book
    from xlrd.sheet import Sheet


def read_xls(data: bytes, name: str) -> Document:
    """A workbook's text, one locator a row.

    Raises `DocumentError` where the file is damaged or encrypted.
    """
    book = _opened(data)
    grid = Grid()
    failed, hidden = [], 0
    for index in range(book.nsheets):
        try:
            sheet = book.sheet_by_index(index)
            hidden += bool(sheet.visibility)
            _read_sheet(book, sheet, grid)
        except Exception as error:  # xlrd trusts what it reads
            failed.append(f"sheet {index + 1} is damaged: {_detail(error)}")
        book.unload_sheet(index)
    if failed and len(failed) == book.nsheets:
        raise DocumentError(f"damaged xls: {failed[0]}")
    grid.warnings += failed
    if hidden:
        grid.warnings.append(f"{hidden} hidden sheets are read")
    return grid.document(media_types.XLS)


def _opened(data: bytes) -> Book:
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
        raise DocumentError(f"damaged xls: {_detail(error)}") from error
    except Exception as error:  # xlrd trusts what it reads
        raise DocumentError(f"damaged xls: {_detail(error)}") from error


def _detail(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__


def _read_sheet(book: Book, sheet: Sheet, grid: Grid) -> None:
    """Add one sheet's rows to `grid`, as many as it takes."""
    from xlrd import XL_CELL_TEXT

    grid.sheet(sheet.name)
    try:
        for number in range(sheet.nrows):
            if grid.full:
                raise FullError
            kinds = sheet.row_types(number)
            texts = [_text(book, sheet, number, at, kind) for at, kind in enumerate(kinds)]
            words = all(
                kind == XL_CELL_TEXT or is_year(text)
                for kind, text in zip(kinds, texts, strict=True)
                if text
            )
            grid.row(number + 1, [*enumerate(texts)], words=words)
    except FullError:
        grid.stopped(sheet.nrows)


def _text(book: Book, sheet: Sheet, row: int, column: int, kind: int) -> str:
    """A cell as a person reads it."""
    import xlrd

    if kind in {xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK}:
        return ""
    value = sheet.cell_value(row, column)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return "TRUE" if value else "FALSE"
    if kind == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(value, ""))
    if kind not in {xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE}:
        return str(value)
    try:
        key = book.xf_list[sheet.cell_xf_index(row, column)].format_key
        code = book.format_map[key].format_str
    except (IndexError, KeyError):  # a style that is not there
        code = "General"
    return number_formats.shown(value, number_formats.parsed(code), since_1904=book.datemode == 1)
