"""Rows of spreadsheets → text: one heading per sheet, one line per row, cell ranges and tables.

Counts cells and characters, so that a sheet of a million rows stays within the limits. Knows rows
of strings; not where they come from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.documents.unpacking.limits import MAX_CHARACTERS
from ragkit.records.documents import Document, Heading, Locator, Table

MAX_CELLS = 1_000_000  # that are not empty, of one file
_MAX_ROW_CHARACTERS = 200_000  # cells beyond are left out
_MAX_GAP = 50  # empty cells between two cells of a row; wider gaps are shortened to this
_YEAR = re.compile(r"(?:19|20)\d\d(?:-\d\d){0,2}")
_MAX_HEADER_LENGTH = 100  # characters of a header's cell


class GridFullError(Exception):
    """The limit on cells or characters is reached: no further row is taken."""


class _Row(NamedTuple):
    start: int
    end: int
    cells: tuple[str, ...]
    last_column: int
    is_text: bool  # every cell that is not empty contains text, or a year


@dataclass(slots=True)
class Grid:
    """Collects the sheets of one file as they are read."""

    headings: list[Heading] = field(default_factory=list)
    locators: list[Locator] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    full: bool = False  # no further row is taken
    _lines: list[str] = field(default_factory=list)
    _offset: int = 0  # characters so far
    _cell_count: int = 0  # so far
    _row_count: int = 0  # so far, of the open sheet
    _sheet: str = ""
    _block: list[_Row] = field(default_factory=list)  # rows without an empty one between
    _has_wide_row: bool = False  # the block has a row of several cells
    _first_column: int = 0  # of the block
    _last_number: int = 0  # of the previous row

    def begin_sheet(self, name: str) -> None:
        """Begin a sheet; its name becomes a heading when a row follows."""
        self._end_block()
        self._sheet = " ".join(strip_invalid_characters(name).split()) or "Sheet"
        self._last_number, self._row_count = -1, 0

    def add_row(self, number: int, cells: Sequence[tuple[int, str]], *, is_text: bool) -> None:
        """Append a row: its number from 1, and (column from 0, text) from left to right.

        A row without text is left out, and ends a table. `is_text`: whether every cell contains
        text, or a year, and no other number. Raises `GridFullError` at the limit.
        """
        used = self._used_cells(cells)
        if not used:
            return
        if number != self._last_number + 1:
            self._end_block()
        if not self._has_wide_row:
            self._first_column = used[0][0]  # there is no row of a table yet
        self._has_wide_row = self._has_wide_row or len(used) > 1
        texts: list[str] = []
        previous = self._first_column - 1
        for column, text in used:
            texts += [""] * min(column - previous - 1, _MAX_GAP)
            texts.append(text)
            previous = column
        heading_start = None if self._row_count else self._add_heading()
        start = self._add_line(" | ".join(texts).strip(), blank=not self._block)
        cell_range = f"{self._sheet}!{column_letters(used[0][0])}{number}"
        if len(used) > 1:
            cell_range += f":{column_letters(previous)}{number}"
        # The name of the sheet belongs to its first row.
        locator_start = start if heading_start is None else heading_start
        self.locators.append(Locator(locator_start, "sheet", cell_range))
        self._block.append(_Row(start, self._offset, tuple(texts), previous, is_text))
        self._last_number = number
        self._row_count += 1
        self._cell_count += len(used)
        self.full = self._cell_count >= MAX_CELLS or self._offset >= MAX_CHARACTERS
        if self.full:
            raise GridFullError

    def _add_heading(self) -> int:
        """Append the open sheet's name; returns its offset."""
        start = self._add_line(self._sheet, blank=True)
        self.headings.append(Heading(start, self._offset, 1, self._sheet))
        return start

    def _used_cells(self, cells: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The cells with text, each on one line."""
        used, remaining = [], _MAX_ROW_CHARACTERS
        for column, cell in cells:
            if text := " ".join(strip_invalid_characters(cell).split()):
                remaining -= len(text)
                if remaining < 0:
                    self._warn("rows longer than 200,000 characters are cut")
                    break
                used.append((column, text))
        return used

    def add_comment(self, cell: str, text: str) -> None:
        """Append a comment on a cell ("B2") of the open sheet; call it after its rows."""
        if text := " ".join(strip_invalid_characters(text).split()):
            self.add_text([f"Comment on {cell}: {text}"], cell)

    def add_text(self, lines: Sequence[str], cell: str) -> None:
        """Append lines that belong to no row of the open sheet, with a cell as their place."""
        lines = [text for line in lines if (text := strip_invalid_characters(line).strip())]
        if self.full or not lines:
            return
        self._end_block()
        heading_start = None if self._row_count else self._add_heading()
        start = self._add_line(lines[0], blank=True)
        for line in lines[1:]:
            self._add_line(line, blank=False)
        locator_start = start if heading_start is None else heading_start
        self.locators.append(Locator(locator_start, "sheet", f"{self._sheet}!{cell}"))
        self._last_number, self._row_count = -1, self._row_count + 1
        self.full = self._offset >= MAX_CHARACTERS

    def warn_truncated(self, height: int) -> None:
        """Warn that the open sheet has more rows than were taken: `height` in all, 0 if unknown."""
        total = f" of {height:,}" if height > self._row_count else ""
        name = self._sheet[:40]
        self._warn(f"sheet {name}: only the first {self._row_count:,}{total} rows are read")

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def _end_block(self) -> None:
        """End the block of rows: it is a table if it has two rows of at least two cells."""
        rows, self._block, self._has_wide_row = self._block, [], False
        first = 0
        while first < len(rows) and len(rows[first].cells) == 1:  # the table's caption
            first += 1
        if len(rows) - first < 2:
            return
        top, second = rows[first], rows[first + 1]
        last_column = max(row.last_column for row in rows)
        header_end = second.start if _is_header(top, second, last_column) else top.start
        self.tables.append(Table(top.start, rows[-1].end, header_end))

    def document(self, media_type: str) -> Document:
        """Return everything that was added as a document."""
        self._end_block()
        return Document(
            "".join(self._lines),
            media_type,
            headings=tuple(self.headings),
            locators=tuple(self.locators),
            tables=tuple(self.tables),
            warnings=tuple(self.warnings),
        )

    def _add_line(self, line: str, *, blank: bool) -> int:
        """Append a line, after a blank one if `blank`; returns its offset."""
        separator = ("\n\n" if blank else "\n") if self._lines else ""
        self._lines += (separator, line)
        start = self._offset + len(separator)
        self._offset = start + len(line)
        return start


def is_year(text: str) -> bool:
    """Whether the text of a number may name a column: a year, or a date."""
    return _YEAR.fullmatch(text) is not None


def _is_header(row: _Row, following: _Row, last_column: int) -> bool:
    """Whether a table's first row names all columns: all text, all different.

    The top left corner may be empty. A year above another year is data.
    """
    names = [name.casefold() for name in row.cells]
    below = dict(zip(_column_range(following), following.cells, strict=True))
    columns = zip(_column_range(row), row.cells, strict=True)
    return (
        row.is_text
        and row.last_column == last_column
        and all(name and len(name) <= _MAX_HEADER_LENGTH and name[-1] != ":" for name in names)
        and len(set(names)) == len(names)
        and row.cells != following.cells
        and not any(is_year(name) and is_year(below.get(column, "")) for column, name in columns)
    )


def _column_range(row: _Row) -> range:
    return range(row.last_column + 1 - len(row.cells), row.last_column + 1)


@lru_cache(maxsize=20_000)
def column_letters(index: int) -> str:
    """Return a column's letters: A for 0, Z for 25, AA for 26."""
    letters = ""
    index += 1
    while index:
        index, remainder = divmod(index - 1, 26)
        letters = chr(65 + remainder) + letters
    return letters
