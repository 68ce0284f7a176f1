"""Parts read one by one (slides, chapters, sheets) → one document with the place of each.

Knows no format: what the parts are called, and where they come from, is the readers' business.
"""

from __future__ import annotations

from collections.abc import Iterable

from ragkit.documents.layout.blocks import Flow
from ragkit.records.documents import Document, Heading, Locator, Table
from ragkit.records.spans import shift_offsets


def laid_out(flow: Flow, media_type: str = "") -> Document:
    """What a flow holds, as a document."""
    text, headings, fences = flow.layout()
    return Document(text, media_type, headings=headings, fences=fences, tables=flow.tables)


def joined(parts: Iterable[tuple[str, Document]], kind: str, media_type: str) -> Document:
    """The parts one after the other, a blank line between two, a locator of `kind` at each.

    `parts`: the value of each locator, with what stands there. Parts without text are left out.
    Titles, metadata, pages and locators of the parts are not looked at.
    """
    texts: list[str] = []
    headings: list[Heading] = []
    fences: list[tuple[int, int]] = []
    tables: list[Table] = []
    locators: list[Locator] = []
    at = 0
    for value, part in parts:
        if not part.text.strip():
            continue
        locators.append(Locator(at, kind, value))
        shifted = shift_offsets(part, at)
        headings += shifted.headings
        fences += shifted.fences
        tables += shifted.tables
        texts.append(part.text)
        at += len(part.text) + 2
    return Document(
        "\n\n".join(texts),
        media_type,
        headings=tuple(headings),
        fences=tuple(fences),
        tables=tuple(tables),
        locators=tuple(locators),
    )
