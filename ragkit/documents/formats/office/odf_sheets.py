"""The content of an OpenDocument spreadsheet, streamed into a `Grid`.

Reads the displayed text of cells, which the file stores beside their values, and below them what
pictures show (their alternative text) and what shapes on the sheet say. Knows the elements of
`office:spreadsheet` (OpenDocument 1.3 part 3, 9), where one element may stand for a million cells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.formats.office.odf_scripts import OdfScripts
from ragkit.documents.layout.cleaning import image_description
from ragkit.documents.layout.grid import Grid, column_letters, is_year
from ragkit.documents.layout.scripts import write_scripts
from ragkit.documents.unpacking.xml_stream import Attributes

_SKIPPED = frozenset({"office:annotation", "office:forms", "text:ruby-text"})
_DESCRIPTIONS = frozenset({"svg:title", "svg:desc"})
_DRAWINGS = frozenset({"draw:frame", "table:shapes", *_DESCRIPTIONS})
_CELLS = frozenset({"table:table-cell", "table:covered-table-cell"})
_SPACES = frozenset({"text:s", "text:tab", "text:line-break"})
_MAX_REPEATED = 1_048_576  # rows of a sheet; it has fewer columns
_MAX_COPIES = 1000  # written copies of a repeated row or cell with text
_MAX_CELL_TEXT = 32_767  # characters
_MAX_COMMENTS = 10_000  # of one sheet


@dataclass(slots=True)
class SpreadsheetHandler:
    """Collects the cells of each row from the elements of the content, and fills the grid."""

    grid: Grid
    scripts: OdfScripts = field(default_factory=OdfScripts)
    _row: int = 0  # number of the open row, from 1
    _row_copies: int = 1  # rows that the open row stands for
    _column: int = 0  # index of the open cell, from 0
    _copies: int = 1  # cells that the open cell stands for
    _cells: list[tuple[int, str]] = field(default_factory=list)  # of the open row: column, text
    _words: bool = True  # every cell of the row is text or a year
    _is_text_cell: bool = True
    _pieces: list[str] | None = None  # of the open cell
    _in_paragraph: int = 0  # open text:p
    _skipped: int = 0  # open elements inside a skipped one, itself included
    _comment: list[str] | None = None  # pieces of the open cell's comment
    _comments: list[tuple[str, str]] = field(default_factory=list)  # of the open sheet
    _drawings: list[tuple[str, str]] = field(default_factory=list)  # cell, text; as the comments
    _shape_text: list[str] | None = None  # pieces of what the shapes of the open sheet say
    _frames: list[dict[str, str]] = field(default_factory=list)  # open ones: what describes them
    _description: list[str] | None = None  # pieces of the open svg:title or svg:desc

    def start(self, tag: str, attributes: Attributes) -> None:
        """Handle a start tag."""
        if self._skipped or tag in _SKIPPED:
            self._start_skipped(tag)
        elif tag in _CELLS:
            self._copies = _repetitions(attributes.get("table:number-columns-repeated", "1"))
            self._is_text_cell = attributes.get("office:value-type", "string") == "string"
            self._pieces = []
        elif tag in _DRAWINGS:
            self._start_drawing(tag)
        elif tag == "text:p":
            self._in_paragraph += 1
            if self._pieces:
                self._pieces.append(" ")
        elif tag == "text:span":
            mark = self.scripts.open_span(attributes)
            if mark and self._pieces is not None:
                self._pieces.append(mark)
        elif tag in _SPACES and self._pieces is not None:
            self._pieces.append(" ")
        elif tag == "style:style":
            self.scripts.start_style(attributes)
        elif tag == "style:text-properties":
            self.scripts.start_properties(attributes)
        elif tag == "table:table-row":
            self._row_copies = _repetitions(attributes.get("table:number-rows-repeated", "1"))
            self._column, self._words = 0, True
        elif tag == "table:table":
            self.grid.begin_sheet(attributes.get("table:name", ""))
            self._row = 1

    def text(self, characters: str) -> None:
        """Handle the characters between two tags."""
        if self._description is not None and not self._skipped:
            self._description.append(characters)
            return
        shown = self._pieces if self._shape_text is None else self._shape_text
        pieces = self._comment if self._skipped else shown
        if self._in_paragraph and pieces is not None:
            pieces.append(characters)

    def end(self, tag: str) -> None:
        """Handle an end tag."""
        if self._skipped:
            self._end_skipped(tag)
        elif tag in _CELLS and self._pieces is not None:
            self._end_cell(write_scripts("".join(self._pieces)).strip()[:_MAX_CELL_TEXT])
        elif tag in _DRAWINGS:
            self._end_drawing(tag)
        elif tag == "text:p":
            self._in_paragraph -= 1
            self._end_shape_text()
        elif tag == "text:span":
            mark = self.scripts.close_span()
            if mark and self._pieces is not None:
                self._pieces.append(mark)
        elif tag == "table:table-row":
            for copy in range(min(self._row_copies, _MAX_COPIES) if self._cells else 0):
                self.grid.add_row(self._row + copy, self._cells, is_text=self._words)
            self._row = min(self._row + self._row_copies, _MAX_REPEATED)
            self._cells = []
        elif tag == "table:table":
            for cell, comment in self._comments:
                self.grid.add_comment(cell, comment)
            for cell, text in self._drawings:
                self.grid.add_text([text], cell)
            self._comments.clear()
            self._drawings.clear()

    def _start_drawing(self, tag: str) -> None:
        if tag == "draw:frame":
            self._frames.append({})
        elif tag == "table:shapes":
            self._shape_text = []
        elif self._frames:
            self._description = []

    def _end_drawing(self, tag: str) -> None:
        """Keep the description of a frame; at its end, place it at the open cell."""
        if tag == "table:shapes":
            self._end_shape_text()
            self._shape_text = None
        elif tag in _DESCRIPTIONS:
            if self._frames and self._description is not None:
                self._frames[-1][tag] = "".join(self._description)
            self._description = None
        elif self._frames:
            frame = self._frames.pop()
            described = map(image_description, map(frame.get, ("svg:desc", "svg:title")))
            if text := next(filter(None, described), ""):
                self._add_drawing(f"[{text}]")

    def _end_shape_text(self) -> None:
        """Keep a paragraph of a shape that belongs to no cell."""
        if self._shape_text:
            self._add_drawing(" ".join("".join(self._shape_text).split())[:_MAX_CELL_TEXT])
            self._shape_text.clear()

    def _add_drawing(self, text: str) -> None:
        if text and len(self._drawings) < _MAX_COMMENTS:
            cell = "A1" if self._pieces is None else f"{column_letters(self._column)}{self._row}"
            self._drawings.append((cell, text))

    def _start_skipped(self, tag: str) -> None:
        """Enter a skipped element. The paragraphs of a cell's comment are collected."""
        self._skipped += 1
        if tag == "office:annotation" and self._pieces is not None:
            self._comment = []
        elif tag == "text:p":
            self._in_paragraph += 1

    def _end_skipped(self, tag: str) -> None:
        self._skipped -= 1
        if tag == "text:p":
            self._in_paragraph -= 1
            if self._comment is not None:
                self._comment.append(" ")
        if not self._skipped and self._comment is not None:
            if len(self._comments) < _MAX_COMMENTS:
                cell = f"{column_letters(self._column)}{self._row}"
                self._comments.append((cell, "".join(self._comment)[:_MAX_CELL_TEXT]))
            self._comment = None

    def _end_cell(self, text: str) -> None:
        if text:
            copies = min(self._copies, _MAX_COPIES)
            self._cells += [(self._column + copy, text) for copy in range(copies)]
            self._words = self._words and (self._is_text_cell or is_year(text))
        self._column = min(self._column + self._copies, _MAX_REPEATED)
        self._pieces = None


def _repetitions(value: str) -> int:
    """Return how many cells or rows an element stands for; 1 for an invalid value."""
    return min(int(value), _MAX_REPEATED) if value.isdecimal() and 0 < len(value) < 9 else 1
