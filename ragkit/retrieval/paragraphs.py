"""Hits widened to whole paragraphs: what an answer is made from.

A passage may begin or end inside a long paragraph, list or table. Here each hit is widened to the
paragraph's borders, as far as those are near; hits of one document that then overlap or touch
become one, in the place and with the scores of the best of them; and of hits with the same words
the first is kept. Knows no ranking and no rendering.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from ragkit.records.documents import Hit
from ragkit.records.spans import group_overlapping
from ragkit.retrieval.citations import build_excerpt
from ragkit.storage.sqlite import documents

REACH = 800  # characters that a hit grows by on either side, at most
_BREAK = re.compile(r"\n[^\S\n]*\n")


def expand_to_paragraphs(connection: sqlite3.Connection, hits: Sequence[Hit]) -> list[Hit]:
    """The hits of one query, widened, joined, each text once; ranks count from 1 again."""
    rows = {
        hit.passage_id: documents.document_of_passage(connection, hit.passage_id) for hit in hits
    }
    spans: dict[int, list[tuple[int, int, int]]] = {}  # document → start, end, position of a hit
    for position, hit in enumerate(hits):
        row = rows[hit.passage_id]
        if row is not None:  # else it has gone since it was found
            start, end = expand_span(row["text"], hit.start, hit.end)
            spans.setdefault(row["id"], []).append((start, end, position))
    joined = sorted(
        (position, start, end) for each in spans.values() for start, end, position in _joined(each)
    )
    found: list[Hit] = []
    seen: set[str] = set()
    for position, start, end in joined:
        hit = hits[position]
        row = rows[hit.passage_id]
        assert row is not None  # noqa: S101 (such hits have no span)
        words = " ".join(row["text"][start:end].split())
        if words not in seen:
            seen.add(words)
            place = build_excerpt(row, (start, end))
            found.append(
                replace(
                    hit,
                    rank=len(found) + 1,
                    text=place.text,
                    start=start,
                    end=end,
                    page=hit.page if start == hit.start else place.page,
                    locator=place.locator,
                    start_line=place.start_line,
                    end_line=place.end_line,
                    citation=place.citation,
                )
            )
    return found


def expand_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with the rest of the paragraphs at its ends, where that is no more than `REACH`."""
    near = max(0, start - REACH)
    breaks = [match.end() for match in _BREAK.finditer(text, near, start)]
    if breaks or near == 0:
        begin = breaks[-1] if breaks else 0
        start = min(start, begin + len(text[begin:start]) - len(text[begin:start].lstrip()))
    far = min(len(text), end + REACH)
    found = _BREAK.search(text, max(start, end - 1), far)
    if found is not None:
        end = max(end, found.start())
    elif far == len(text):
        end = max(end, len(text.rstrip()))
    return start, end


def _joined(spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Merge the spans that overlap or touch; each result has the smallest position of its parts."""
    groups = group_overlapping([(start, end) for start, end, _ in spans])
    merged = []
    for group in groups:
        starts, ends, positions = zip(*(spans[index] for index in group), strict=True)
        merged.append((min(starts), max(ends), min(positions)))
    return merged
