"""Rows of spreadsheets → text: a heading a sheet, a line a row, with cell ranges and tables.

Keeps count of the cells and characters, so that a sheet of a million rows costs no more than it
may. Knows rows of strings; not where they come from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from ragkit.documents.decoding import without_controls
from ragkit.documents.unpacking.limits import MAX_CHARACTERS
from ragkit.records.documents import Document, Heading, Locator, Table

MAX_CELLS = 1_000_000  # with something in them, of one file
_LONGEST_ROW = 200_000  # characters; what stands further right is left out
_WIDEST_GAP = 50  # empty cells between two of a row; more are one
_YEAR = re.compile(r"(?:19|20)\d\d(?:-\d\d){0,2}")
_LONGEST_NAME = 100  # characters of a header's cell; longer is a text


class FullError(Exception):
    """Enough has been read: no further row is taken."""


class _Row(NamedTuple):
    start: int
    end: int
    cells: tuple[str, ...]
    right: int  # column of the last cell
    words: bool  # every cell that holds anything holds text, or a year


@dataclass(slots=True)
class Grid:
    """The sheets of one file as they are read."""

    headings: list[Heading] = field(default_factory=list)
    locators: list[Locator] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    full: bool = False  # no further row is taken
    _lines: list[str] = field(default_factory=list)
    _at: int = 0  # characters so far
    _cells: int = 0  # so far
    _rows: int = 0  # so far, of the open sheet
    _sheet: str = ""
    _block: list[_Row] = field(default_factory=list)  # rows without an empty one between
    _wide: bool = False  # the block has a row of several cells
    _left: int = 0  # column where the block begins
    _last: int = 0  # number of the row before

    def sheet(self, name: str) -> None:
        """Begin a sheet; its name will be a heading, if a row follows."""
        self.end()
        self._sheet = " ".join(without_controls(name).split()) or "Sheet"
        self._last, self._rows = -1, 0

    def row(self, number: int, cells: Sequence[tuple[int, str]], *, words: bool) -> None:
        """A row: its number from 1, and from left to right its columns (from 0) with their texts.

        A row without text is left out, and ends a table. `words`: whether every text is one in
        the sheet, too, and no number, or a year. Raises `FullError` where no further row is taken.
        """
        used = self._used(cells)
        if not used:
            return
        if number != self._last + 1:
            self.end()
        if not self._wide:
            self._left = used[0][0]  # no row of a table yet
        self._wide = self._wide or len(used) > 1
        texts: list[str] = []
        before = self._left - 1
        for at, text in used:
            texts += [""] * min(at - before - 1, _WIDEST_GAP)
            texts.append(text)
            before = at
        top = None if self._rows else self._heading()
        start = self._add(" | ".join(texts).strip(), blank=not self._block)
        place = f"{self._sheet}!{column(used[0][0])}{number}"
        if len(used) > 1:
            place += f":{column(before)}{number}"
        # The name of the sheet stands with its first row.
        self.locators.append(Locator(start if top is None else top, "sheet", place))
        self._block.append(_Row(start, self._at, tuple(texts), before, words))
        self._last = number
        self._rows += 1
        self._cells += len(used)
        self.full = self._cells >= MAX_CELLS or self._at >= MAX_CHARACTERS
        if self.full:
            raise FullError

    def _heading(self) -> int:
        """Add the open sheet's name; where it starts."""
        start = self._add(self._sheet, blank=True)
        self.headings.append(Heading(start, self._at, 1, self._sheet))
        return start

    def _used(self, cells: Sequence[tuple[int, str]]) -> list[tuple[int, str]]:
        """The cells with text, each on one line."""
        used, left = [], _LONGEST_ROW
        for at, cell in cells:
            if text := " ".join(without_controls(cell).split()):
                left -= len(text)
                if left < 0:
                    self._warn("rows longer than 200,000 characters are cut")
                    break
                used.append((at, text))
        return used

    def comment(self, cell: str, text: str) -> None:
        """What somebody has noted on a cell ("B2") of the open sheet; it goes after the rows."""
        if self.full or not (text := " ".join(without_controls(text).split())):
            return
        self.end()
        top = None if self._rows else self._heading()
        start = self._add(f"Comment on {cell}: {text}", blank=True)
        self.locators.append(
            Locator(start if top is None else top, "sheet", f"{self._sheet}!{cell}")
        )
        self._last, self._rows = -1, self._rows + 1
        self.full = self._at >= MAX_CHARACTERS

    def stopped(self, height: int) -> None:
        """The open sheet has more rows than were taken: of `height`, or nobody knows how many."""
        known = f" of {height:,}" if height > self._rows else ""
        name = self._sheet[:40]
        self._warn(f"sheet {name}: only the first {self._rows:,}{known} rows are read")

    def _warn(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)

    def end(self) -> None:
        """The open block of rows ends: it is a table if it has two rows of two cells."""
        rows, self._block, self._wide = self._block, [], False
        first = 0
        while first < len(rows) and len(rows[first].cells) == 1:  # what the table is called
            first += 1
        if len(rows) - first < 2:
            return
        head = rows[first]
        last = max(row.right for row in rows)
        header = rows[first + 1].start if _is_header(head, rows[first + 1], last) else head.start
        self.tables.append(Table(head.start, rows[-1].end, header))

    def document(self, media_type: str) -> Document:
        """All that was added."""
        self.end()
        return Document(
            "".join(self._lines),
            media_type,
            headings=tuple(self.headings),
            locators=tuple(self.locators),
            tables=tuple(self.tables),
            warnings=tuple(self.warnings),
        )

    def _add(self, line: str, *, blank: bool) -> int:
        """Append a line, after a blank one or not; where it starts."""
        separator = ("\n\n" if blank else "\n") if self._lines else ""
        self._lines += (separator, line)
        start = self._at + len(separator)
        self._at = start + len(line)
        return start


def is_year(text: str) -> bool:
    """Whether a number may name a column: a year, or a date."""
    return _YEAR.fullmatch(text) is not None


def _is_header(row: _Row, following: _Row, last: int) -> bool:
    """Whether a table's first row names its columns up to the `last`: all text, all different.

    The corner above the names of rows may be empty. A year that has another one below it is data.
    """
    names = [name.casefold() for name in row.cells]
    below = dict(zip(_columns(following), following.cells, strict=True))
    columns = zip(_columns(row), row.cells, strict=True)
    return (
        row.words
        and row.right == last
        and all(name and len(name) <= _LONGEST_NAME and name[-1] != ":" for name in names)
        and len(set(names)) == len(names)
        and row.cells != following.cells
        and not any(is_year(name) and is_year(below.get(at, "")) for at, name in columns)
    )


def _columns(row: _Row) -> range:
    return range(row.right + 1 - len(row.cells), row.right + 1)


@lru_cache(maxsize=20_000)
def column(index: int) -> str:
    """A column's letters: A for 0, Z for 25, AA for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
