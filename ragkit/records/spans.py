"""Arithmetic on spans `[start, end)`: group those that overlap, shift those of a document.

Offsets are characters. Knows the records of `records/documents` and no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.records.documents import Document


def group_overlapping(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Group the spans of one text that overlap or touch.

    Returns lists of indexes into `spans`. The groups, and the indexes in each, are in the order of
    the spans' starts; equal starts keep the order given.
    """
    groups: list[list[int]] = []
    group_end = -1
    for index in sorted(range(len(spans)), key=lambda index: spans[index][0]):
        start, end = spans[index]
        if groups and start <= group_end:
            groups[-1].append(index)
            group_end = max(group_end, end)
        else:
            groups.append([index])
            group_end = end
    return groups


def shift_offsets(document: Document, distance: int) -> Document:
    """Add `distance` to every offset of `document`, as if that many characters came before its
    text: headings, fences, tables, pages and locators. The text itself is not changed."""
    from dataclasses import replace

    from ragkit.records.documents import Heading, Locator, Table  # not for a query

    if not distance:
        return document
    return replace(
        document,
        headings=tuple(
            Heading(heading.start + distance, heading.end + distance, heading.level, heading.text)
            for heading in document.headings
        ),
        fences=tuple((start + distance, end + distance) for start, end in document.fences),
        tables=tuple(
            Table(table.start + distance, table.end + distance, table.header_end + distance)
            for table in document.tables
        ),
        pages=tuple(page + distance for page in document.pages),
        locators=tuple(
            Locator(locator.start + distance, locator.kind, locator.value)
            for locator in document.locators
        ),
    )
