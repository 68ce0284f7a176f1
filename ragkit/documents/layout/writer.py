"""Builds a `Document` block by block and keeps its offsets right.

For readers that know the locator (cell, cue, row, slide, chapter) of every block, and for joining
documents read one by one. Knows no format.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ragkit.documents.layout.cleaning import strip_invalid_characters
from ragkit.records.documents import Document, Heading, Locator, Table
from ragkit.records.spans import shift_offsets


@dataclass(slots=True)
class DocumentWriter:
    """A document in the making: its text so far, with headings, fences, locators and tables."""

    pieces: list[str] = field(default_factory=list)
    length: int = 0  # characters so far
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
        separator: str = "\n\n",
        locator: tuple[str, str] | None = None,
    ) -> None:
        """Append a block after `separator`; an empty one is dropped.

        `level` above 0 makes it a heading, `fence` a code block; `locator`: kind and value.
        """
        text = strip_invalid_characters(text)
        if not text.strip():
            return
        self._add_separator(separator)
        self._add_locator(locator)
        start, end = self.length, self.length + len(text)
        if level:
            self.headings.append(Heading(start, end, level, " ".join(text.split())))
        elif fence:
            self.fences.append((start, end))
        self.pieces.append(text)
        self.length = end

    def add_document(self, document: Document, locator: tuple[str, str] | None = None) -> None:
        """Append a document as one block, with its headings, fences and tables.

        Its title, metadata, pages and locators are ignored; one without text is dropped.
        """
        if not document.text.strip():
            return
        self._add_separator("\n\n")
        self._add_locator(locator)
        if document.headings or document.fences or document.tables:
            shifted = shift_offsets(document, self.length)
            self.headings += shifted.headings
            self.fences += shifted.fences
            self.tables += shifted.tables
        self.pieces.append(document.text)
        self.length += len(document.text)

    def _add_separator(self, separator: str) -> None:
        if self.pieces:
            self.pieces.append(separator)
            self.length += len(separator)

    def _add_locator(self, locator: tuple[str, str] | None) -> None:
        if locator is None or (self.locators and locator == self._last_locator()):
            return
        self.locators.append(Locator(self.length, *locator))

    def _last_locator(self) -> tuple[str, str]:
        return self.locators[-1].kind, self.locators[-1].value

    def document(self, media_type: str) -> Document:
        """Return everything that was added as a document."""
        return Document(
            "".join(self.pieces),
            media_type,
            headings=tuple(self.headings),
            fences=tuple(self.fences),
            locators=tuple(self.locators),
            tables=tuple(self.tables),
        )


def join_documents(
    parts: Iterable[tuple[str, Document]], locator_kind: str, media_type: str
) -> Document:
    """Join parts read one by one (slides, chapters) with a blank line between two.

    `parts`: the locator's value and the document of each part. Parts without text are left out.
    """
    writer = DocumentWriter()
    for value, document in parts:
        writer.add_document(document, (locator_kind, value))
    return writer.document(media_type)
