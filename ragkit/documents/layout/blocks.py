"""Blocks → text: lays out headings, paragraphs, list items, table rows and code as plain text.

Readers of structured formats (HTML, docx) add blocks in order; `BlockLayout` chooses the separators
and keeps the offsets of headings, fences and tables right. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Document, Heading, Table

_MAX_ROW_CHARACTERS = 2000  # a longer "row" is a page laid out in a table
_LOWEST_LEVEL = 7  # of headings; h1 to h6 are above
_MAX_ROW_DEPTH = 4  # of nested tables; deeper cells are plain blocks, else time is exponential


@dataclass(slots=True)
class Block:
    """One piece of text: a paragraph unless its fields say otherwise."""

    text: str
    level: int = 0  # of a heading, from 1
    fence: bool = False
    tight: bool = False  # no blank line between the previous block and this one
    item: bool = False  # begins a list item
    bold: bool = False  # a short line that is entirely bold: a heading, if text follows it
    row: bool = False  # of a table
    header: bool | None = None  # of a row: it names the columns; None: the format does not say


@dataclass(slots=True)
class BlockLayout:
    """The blocks of a document in order. Rows may be nested: a table in a cell becomes text."""

    blocks: list[Block] = field(default_factory=list)
    _rows: list[list[list[Block]]] = field(default_factory=list)  # open rows → cells → blocks
    _rows_too_deep: int = 0  # open rows below `_MAX_ROW_DEPTH`

    @property
    def in_row(self) -> bool:
        """Whether the next block goes into a table row."""
        return bool(self._rows)

    def add(self, text: str, *, level: int = 0, fence: bool = False, tight: bool = False) -> None:
        """Append a block; an empty one is dropped. `level` above 0 makes it a heading."""
        self.append(Block(text, level, fence, tight))

    def append(self, block: Block) -> None:
        """Append a block; an empty one is dropped."""
        block.text = strip_invalid_characters(block.text)
        if block.text.strip():
            self._target().append(block)

    def promote_bold_lines(self) -> None:
        """Turn bold lines that are followed by plain text into headings of the lowest level.

        Many pages mark questions, limits or steps like this, without heading elements. A list of
        bold items stays a list.
        """
        for block, following in pairwise(self.blocks):
            is_unfinished = block.text.endswith((":", ",", ";"))
            has_no_text = following.bold or following.item or following.level
            has_no_text = has_no_text or (block.item and not following.tight)  # the list ends here
            if block.bold and not is_unfinished and not has_no_text:
                block.level = _LOWEST_LEVEL

    def open_row(self) -> None:
        """Begin a table row; `close_row` must follow."""
        if len(self._rows) < _MAX_ROW_DEPTH:
            self._rows.append([])
        else:
            self._rows_too_deep += 1

    def open_cell(self) -> None:
        """Begin the next cell of the open row."""
        if self._rows and not self._rows_too_deep:
            self._rows[-1].append([])

    def close_row(self, *, first: bool = False, header: bool | None = None) -> bool:
        """End the row: one line if its cells are short, else their blocks one after the other.

        `first`: the row opens its table, so a blank line precedes it. `header`: whether it names
        the columns; None if the format does not say: then the first row counts as the header.
        Returns whether a line was added.
        """
        if self._rows_too_deep:
            self._rows_too_deep -= 1
            return False
        cells = self._rows.pop()
        blocks = [block for cell in cells for block in cell]
        if not blocks:
            return False
        if any(block.level or block.fence for block in blocks) or (
            sum(len(block.text) for block in blocks) > _MAX_ROW_CHARACTERS
        ):
            self._target().extend(blocks)
            return False
        line = " | ".join(
            " ".join(" ".join(block.text.split()) for block in cell) for cell in cells
        )
        self.append(Block(line.strip(), tight=not first, row=True, header=header))
        return True

    def _target(self) -> list[Block]:
        """The list that gets the next block: the open cell, or the document."""
        if not self._rows:
            return self.blocks
        cells = self._rows[-1]
        if not cells:
            cells.append([])
        return cells[-1]

    def document(self, media_type: str = "") -> Document:
        """Lay the blocks out as a document with headings, fences and tables."""
        parts: list[str] = []
        headings: list[Heading] = []
        fences: list[tuple[int, int]] = []
        rows: list[tuple[int, int, Block]] = []
        offset = 0
        for block in self.blocks:
            if parts:
                separator = "\n" if block.tight else "\n\n"
                parts.append(separator)
                offset += len(separator)
            end = offset + len(block.text)
            if block.level:
                headings.append(Heading(offset, end, block.level, block.text.lstrip("- ")))
            elif block.fence:
                fences.append((offset, end))
            elif block.row:
                rows.append((offset, end, block))
            parts.append(block.text)
            offset = end
        return Document(
            "".join(parts),
            media_type,
            headings=tuple(headings),
            fences=tuple(fences),
            tables=tuple(_join_rows(rows)),
        )


def _join_rows(rows: list[tuple[int, int, Block]]) -> Iterator[Table]:
    """Consecutive rows as tables. A table of one row has no header."""
    first = 0
    for index, (_, end, _) in enumerate(rows):
        following = rows[index + 1] if index + 1 < len(rows) else None
        if following is not None and following[2].tight and following[0] == end + 1:
            continue
        table = rows[first : index + 1]
        header_rows = next((n for n, row in enumerate(table) if not row[2].header), len(table))
        if table[0][2].header is None:
            header_rows = 1
        start = table[0][0]
        yield Table(start, end, table[header_rows][0] if 0 < header_rows < len(table) else start)
        first = index + 1
