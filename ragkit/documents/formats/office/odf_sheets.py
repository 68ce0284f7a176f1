"""The content of an OpenDocument spreadsheet as it streams by → `Grid`.

Cells come as they are shown, which the file keeps beside their values. Knows the elements of
`office:spreadsheet`, and that one of them may stand for a million cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.layout.grid import Grid, column, is_year
from ragkit.documents.unpacking.xml_stream import Attributes

_SKIPPED = frozenset({"office:annotation", "table:shapes", "office:forms", "text:ruby-text"})
_MOST = 1_048_576  # rows of a sheet; of columns there are fewer
_MOST_COPIES = 1000  # of a row or a cell with text in it that stands for many; more are a pattern
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_LONGEST_CELL = 32_767  # characters
_MOST_COMMENTS = 10_000  # on one sheet


@dataclass(slots=True)
class Sheets:
    """Where in the spreadsheet the parser is."""

    grid: Grid
    _row: int = 0  # number of the open row
    _row_copies: int = 1
    _column: int = 0
    _copies: int = 1  # of the open cell
    _cells: list[tuple[int, str]] = field(default_factory=list)
    _words: bool = True
    _text_cell: bool = True
    _pieces: list[str] | None = None  # of the open cell
    _in_paragraph: int = 0
    _skipped: int = 0
    _comment: list[str] | None = None  # pieces of what is noted on the open cell
    _comments: list[tuple[str, str]] = field(default_factory=list)  # on cells of the open sheet

    def start(self, tag: str, attributes: Attributes) -> None:
        """An element opens."""
        if self._skipped or tag in _SKIPPED:
            self._skipped += 1
            if tag == "office:annotation" and self._pieces is not None:
                self._comment = []
            elif tag == "text:p":
                self._in_paragraph += 1
        elif tag in _CELLS:
            self._copies = _count(attributes.get("table:number-columns-repeated", "1"))
            self._text_cell = attributes.get("office:value-type", "string") == "string"
            self._pieces = []
        elif tag == "text:p":
            self._in_paragraph += 1
            if self._pieces:
                self._pieces.append(" ")
        elif tag in {"text:s", "text:tab", "text:line-break"} and self._pieces is not None:
            self._pieces.append(" ")
        elif tag == "table:table-row":
            self._row_copies = _count(attributes.get("table:number-rows-repeated", "1"))
            self._column, self._words = 0, True
        elif tag == "table:table":
            self.grid.sheet(attributes.get("table:name", ""))
            self._row = 1

    def text(self, characters: str) -> None:
        """Characters between two tags."""
        pieces = self._comment if self._skipped else self._pieces
        if self._in_paragraph and pieces is not None:
            pieces.append(characters)

    def end(self, tag: str) -> None:
        """An element closes."""
        if self._skipped:
            self._skipped -= 1
            if tag == "text:p":
                self._in_paragraph -= 1
                if self._comment is not None:
                    self._comment.append(" ")
            if not self._skipped and self._comment is not None:
                if len(self._comments) < _MOST_COMMENTS:
                    cell = f"{column(self._column)}{self._row}"
                    self._comments.append((cell, "".join(self._comment)[:_LONGEST_CELL]))
                self._comment = None
        elif tag in _CELLS and self._pieces is not None:
            self._end_cell("".join(self._pieces).strip()[:_LONGEST_CELL])
        elif tag == "text:p":
            self._in_paragraph -= 1
        elif tag == "table:table-row":
            for copy in range(min(self._row_copies, _MOST_COPIES) if self._cells else 0):
                self.grid.row(self._row + copy, self._cells, words=self._words)
            self._row = min(self._row + self._row_copies, _MOST)
            self._cells = []
        elif tag == "table:table":
            for cell, comment in self._comments:
                self.grid.comment(cell, comment)
            self._comments.clear()

    def _end_cell(self, text: str) -> None:
        if text:
            copies = min(self._copies, _MOST_COPIES)
            self._cells += [(self._column + copy, text) for copy in range(copies)]
            self._words = self._words and (self._text_cell or is_year(text))
        self._column = min(self._column + self._copies, _MOST)
        self._pieces = None


def _count(written: str) -> int:
    """How many cells or rows an element stands for."""
    return min(int(written), _MOST) if written.isdecimal() and 0 < len(written) < 9 else 1
