"""Extend hits to whole paragraphs, from which an answer is written.

A passage may begin or end inside a long paragraph, list or table. Each hit is extended to the
boundaries of its paragraphs if they are close; hits of one document that then overlap or touch
become one, with the rank and the scores of the best of them; of hits with the same words the first
is kept. Knows no ranking and no rendering.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from ragkit.records.hits import Hit
from ragkit.records.spans import group_overlapping
from ragkit.retrieval.citations import build_excerpt
from ragkit.storage.sqlite import documents

MAX_EXTENSION = 800  # characters on either side
_PARAGRAPH_BREAK = re.compile(r"\n[^\S\n]*\n")


def expand_to_paragraphs(connection: sqlite3.Connection, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits of one query extended, merged and without duplicates, ranked from 1.

    A hit whose document was removed meanwhile, or is not as it was written, is left out.
    """
    rows = {
        hit.passage_id: documents.document_of_passage(connection, hit.passage_id) for hit in hits
    }
    intact = documents.intact_ids(
        connection, list({row["id"]: None for row in rows.values() if row is not None})
    )
    spans: dict[int, list[tuple[int, int, int]]] = {}  # document → start, end, position of a hit
    for position, hit in enumerate(hits):
        row = rows[hit.passage_id]
        if row is not None and row["id"] in intact:
            start, end = expand_span(row["text"], hit.start, hit.end)
            spans.setdefault(row["id"], []).append((start, end, position))
    merged = sorted(
        (position, start, end)
        for document_spans in spans.values()
        for start, end, position in _merge(document_spans)
    )
    expanded: list[Hit] = []
    seen: set[str] = set()
    for position, start, end in merged:
        hit = hits[position]
        row = rows[hit.passage_id]
        assert row is not None  # noqa: S101 (such hits have no span)
        words = " ".join(row["text"][start:end].split())
        if words not in seen:
            seen.add(words)
            cited_path = hit.citation.rpartition("#")[0]
            excerpt = build_excerpt(row, (start, end), cited_path)
            expanded.append(
                replace(
                    hit,
                    rank=len(expanded) + 1,
                    text=excerpt.text,
                    start=start,
                    end=end,
                    page=hit.page if start == hit.start else excerpt.page,
                    locator=excerpt.locator,
                    start_line=excerpt.start_line,
                    end_line=excerpt.end_line,
                    citation=excerpt.citation,
                )
            )
    return expanded


def expand_span(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span `[start, end)` extended to the paragraph boundaries around it.

    Each end moves only if a boundary is at most MAX_EXTENSION characters away.
    """
    earliest = max(0, start - MAX_EXTENSION)
    breaks = [match.end() for match in _PARAGRAPH_BREAK.finditer(text, earliest, start)]
    if breaks or earliest == 0:
        begin = breaks[-1] if breaks else 0
        start = min(start, begin + len(text[begin:start]) - len(text[begin:start].lstrip()))
    latest = min(len(text), end + MAX_EXTENSION)
    following = _PARAGRAPH_BREAK.search(text, max(start, end - 1), latest)
    if following is not None:
        end = max(end, following.start())
    elif latest == len(text):
        end = max(end, len(text.rstrip()))
    return start, end


def _merge(spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Merge the spans that overlap or touch; each result has the smallest position of its parts."""
    groups = group_overlapping([(start, end) for start, end, _ in spans])
    merged = []
    for group in groups:
        starts, ends, positions = zip(*(spans[index] for index in group), strict=True)
        merged.append((min(starts), max(ends), min(positions)))
    return merged
