"""Tables of a web page: cells that span rows and columns keep the cells after them in place.

Counts columns; lays out nothing. A cell that spans several rows is written once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_MAX_SPAN = 100  # columns and rows that one cell may cover


@dataclass(slots=True)
class HtmlTable:
    """An open table."""

    is_first_row: bool = True  # no row has become a line yet
    in_head: bool = False  # in <thead>
    only_names: bool = True  # the open row has had no other cells than <th>
    _column: int = 0  # of the next cell
    _empty: int = 0  # columns of the previous cell that are covered, not yet written
    _covered: dict[int, int] = field(default_factory=dict)  # column → rows still covered from above

    def open_group(self, *, in_head: bool) -> None:
        """Begin a head, body or foot; no cell reaches from one into the other."""
        self.in_head = in_head
        self._covered.clear()

    def open_row(self) -> None:
        """Begin a row."""
        self._column = self._empty = 0
        self.only_names = True

    def open_cell(self, cell: LexborNode) -> int:
        """Place a cell; return how many cells to open for it: one and those that are covered."""
        count, self._empty = 1 + self._empty, 0
        while self._covered.get(self._column, 0) > 0:
            self._covered[self._column] -= 1
            self._column += 1
            count += 1
        attributes = cell.attributes
        columns = _span(attributes.get("colspan"))
        rows = _span(attributes.get("rowspan"))
        for column in range(self._column, self._column + columns):
            if rows > 1 or column in self._covered:
                self._covered[column] = rows - 1
        self._column += columns
        self._empty = columns - 1
        return count


def _span(value: str | None) -> int:
    value = (value or "").strip()
    if not value.isdecimal() or len(value) > 8:
        return 1
    return min(max(int(value), 1), _MAX_SPAN)
