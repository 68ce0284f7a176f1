"""Paragraphs and cells of an RTF file → blocks of a document: headings, list items, table rows.

Gets whole texts; where they come from, and in which characters, is `rtf`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.formats.office.rtf_header import Style
from ragkit.documents.layout.blocks import Flow


@dataclass(slots=True)
class Body:
    """What has been put together of the text so far, and what is open."""

    flow: Flow = field(default_factory=Flow)
    style: Style = field(default_factory=Style)  # of the open paragraph
    in_table: bool = False
    title: str | None = None
    cell: list[str] = field(default_factory=list)  # paragraphs of the open cell
    _row: list[str] = field(default_factory=list)  # cells before it
    _after_row: bool = False  # what was added last is a table row
    _after_item: bool = False

    def plain(self) -> None:
        """The open paragraph has no style, and is in no table."""
        self.in_table, self.style = False, Style()

    def end_paragraph(self, text: str, mark: str) -> None:
        """A paragraph has ended; `mark` is its number or bullet."""
        if self.in_table:
            self.cell.append(text)
            return
        self.end_row()  # of a table that lacks its end
        if not text:
            return
        self._after_row = False
        if self.style.title and self.title is None:
            self.title = " ".join(text.split())
        if depth := self.style.level or int(self.style.title):
            self.flow.add(" ".join(text.split()), level=depth)
        elif mark:
            mark = mark if any(map(str.isalnum, mark)) else "-"
            self.flow.add(f"{mark} {text}", tight=self._after_item)
        else:
            self.flow.add(text)
        self._after_item = bool(mark)

    def end_cell(self, text: str = "") -> None:
        """A cell has ended; `text` is its last paragraph."""
        self._row.append(" ".join(filter(None, (*self.cell, text))))
        self.cell.clear()

    def end_row(self) -> None:
        """A row has ended."""
        if self.cell:
            self.end_cell()
        if not self._row:
            return
        self.flow.open_row()
        for cell in self._row:
            self.flow.cell()
            self.flow.add(cell)
        self._after_row |= self.flow.close_row(first=not self._after_row)
        self._after_item = False
        self._row.clear()
