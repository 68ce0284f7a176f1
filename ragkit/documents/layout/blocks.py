"""Blocks → text: lays out headings, paragraphs, list items, table rows and code as plain text.

Readers of structured formats (HTML, docx) say what comes, in order; `Flow` decides what stands
between, and keeps the offsets of headings, fences and tables right. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit.documents.decoding import without_controls
from ragkit.records.documents import Heading, Table

_ROW_CHARACTERS = 2000  # a "row" longer than this is a page laid out in a table
_BELOW_ALL = 7  # a level: h1 to h6 are above
_DEEPEST_ROW = 4  # rows in rows in rows: below, cells are plain blocks, or time would explode


@dataclass(slots=True)
class Block:
    """One piece of text: a paragraph unless it says otherwise."""

    text: str
    level: int = 0  # of a heading, from 1
    fence: bool = False
    tight: bool = False  # no blank line between it and the block before
    item: bool = False  # begins a list item
    bold: bool = False  # a short line that is bold throughout: a heading, if text follows it
    row: bool = False  # of a table
    header: bool | None = None  # of a row: it names the columns; None: the first one does


@dataclass(slots=True)
class Flow:
    """A document being written. Rows may hold rows: a table in a cell is written out plainly."""

    blocks: list[Block] = field(default_factory=list)
    tables: tuple[Table, ...] = ()  # once laid out
    _rows: list[list[list[Block]]] = field(default_factory=list)  # open rows: cells: blocks
    _flattened: int = 0  # open rows below the deepest that counts

    @property
    def in_row(self) -> bool:
        """Whether what is added now goes into a table."""
        return bool(self._rows)

    def add(self, text: str, *, level: int = 0, fence: bool = False, tight: bool = False) -> None:
        """Append a block; an empty one is dropped. `level` above 0 makes it a heading."""
        self.append(Block(text, level, fence, tight))

    def append(self, block: Block) -> None:
        """Append a block; an empty one is dropped."""
        block.text = without_controls(block.text)
        if block.text.strip():
            self._open().append(block)

    def promote_bold_lines(self) -> None:
        """Make headings, below all others, of bold lines that plain text of their own follows.

        Many pages mark their questions, limits or steps so, and have no other headings there. A
        list of bold items is a list.
        """
        for block, following in pairwise(self.blocks):
            unfinished = block.text.endswith((":", ",", ";"))
            alone = following.bold or following.item or following.level
            alone = alone or (block.item and not following.tight)  # the list ends here
            if block.bold and not unfinished and not alone:
                block.level = _BELOW_ALL

    def open_row(self) -> None:
        """Begin a table row; `close_row` must follow."""
        if len(self._rows) < _DEEPEST_ROW:
            self._rows.append([])
        else:
            self._flattened += 1

    def cell(self) -> None:
        """Begin the next cell of the open row."""
        if self._rows and not self._flattened:
            self._rows[-1].append([])

    def close_row(self, *, first: bool = False, header: bool | None = None) -> bool:
        """End the row: one line if its cells are short, else their blocks one after the other.

        `first`: the row opens its table, so a blank line goes before it. `header`: whether it
        names the columns; where the format does not say, the first row is taken to. Returns
        whether a line was added.
        """
        if self._flattened:
            self._flattened -= 1
            return False
        cells = self._rows.pop()
        blocks = [block for cell in cells for block in cell]
        if not blocks:
            return False
        if any(block.level or block.fence for block in blocks) or (
            sum(len(block.text) for block in blocks) > _ROW_CHARACTERS
        ):
            self._open().extend(blocks)
            return False
        line = " | ".join(
            " ".join(" ".join(block.text.split()) for block in cell) for cell in cells
        )
        self.append(Block(line.strip(), tight=not first, row=True, header=header))
        return True

    def _open(self) -> list[Block]:
        """Where the next block goes: the open cell, or the document."""
        if not self._rows:
            return self.blocks
        cells = self._rows[-1]
        if not cells:
            cells.append([])
        return cells[-1]

    def layout(self) -> tuple[str, tuple[Heading, ...], tuple[tuple[int, int], ...]]:
        """The text, its headings and its fences (character offsets into the text). Its tables
        are in `tables` from then on."""
        parts: list[str] = []
        headings: list[Heading] = []
        fences: list[tuple[int, int]] = []
        rows: list[tuple[int, int, Block]] = []
        at = 0
        for block in self.blocks:
            if parts:
                separator = "\n" if block.tight else "\n\n"
                parts.append(separator)
                at += len(separator)
            end = at + len(block.text)
            if block.level:
                headings.append(Heading(at, end, block.level, block.text.lstrip("- ")))
            elif block.fence:
                fences.append((at, end))
            elif block.row:
                rows.append((at, end, block))
            parts.append(block.text)
            at = end
        self.tables = tuple(_tables(rows))
        return "".join(parts), tuple(headings), tuple(fences)


def _tables(rows: list[tuple[int, int, Block]]) -> Iterator[Table]:
    """Rows that follow each other as tables. The header of one row alone heads nothing."""
    first = 0
    for index, (_, end, _) in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else None
        if following is not None and following[2].tight and following[0] == end + 1:
            continue
        table = rows[first : index + 1]
        named = next((at for at, row in enumerate(table) if not row[2].header), len(table))
        if table[0][2].header is None:
            named = 1
        start = table[0][0]
        yield Table(start, end, table[named][0] if 0 < named < len(table) else start)
        first = index + 1
