"""Pieces → text: puts lines and blocks one after the other and keeps all offsets right.

For readers whose places (cells, cues, rows) have to be known for every block. Knows no format.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ragkit.documents.decoding import without_controls
from ragkit.records.documents import Document, Heading, Locator, Table
from ragkit.records.spans import shift_offsets


@dataclass(slots=True)
class Writing:
    """A text being written, with what stands where in it."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0
    headings: list[Heading] = field(default_factory=list)
    fences: list[tuple[int, int]] = field(default_factory=list)
    locators: list[Locator] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)

    def add(
        self,
        text: str,
        *,
        level: int = 0,
        fence: bool = False,
        between: str = "\n\n",
        place: tuple[str, str] | None = None,
    ) -> None:
        """Append a block behind `between`; an empty one is dropped. `place` is its locator's."""
        text = without_controls(text)
        if not text.strip():
            return
        self._separate(between)
        self._place(place)
        start, end = self.length, self.length + len(text)
        if level:
            self.headings.append(Heading(start, end, level, " ".join(text.split())))
        elif fence:
            self.fences.append((start, end))
        self.pieces.append(text)
        self.length = end

    def include(self, document: Document, place: tuple[str, str] | None = None) -> None:
        """Append a whole document as a block, with its headings, fences and tables."""
        if not document.text.strip():
            return
        self._separate("\n\n")
        self._place(place)
        shifted = shift_offsets(document, self.length)
        self.headings += shifted.headings
        self.fences += shifted.fences
        self.tables += shifted.tables
        self.pieces.append(document.text)
        self.length += len(document.text)

    def _separate(self, between: str) -> None:
        if self.pieces:
            self.pieces.append(between)
            self.length += len(between)

    def _place(self, place: tuple[str, str] | None) -> None:
        if place is None or (self.locators and place == self._last_place()):
            return
        self.locators.append(Locator(self.length, *place))

    def _last_place(self) -> tuple[str, str]:
        return self.locators[-1].kind, self.locators[-1].value

    def document(self, media_type: str) -> Document:
        """What was written, as a document."""
        return Document(
            "".join(self.pieces),
            media_type,
            headings=tuple(self.headings),
            fences=tuple(self.fences),
            locators=tuple(self.locators),
            tables=tuple(self.tables),
        )
