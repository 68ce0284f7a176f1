"""Citations: from `[n]` to the words of a source that say it, and whether they do."""

from __future__ import annotations

from ragkit.answer_records import Citation
from ragkit.records import Hit


def citation(n: int, hit: Hit, start: int, end: int) -> Citation:
    """`[n]` stands for these characters of a hit's text."""
    return Citation(
        n=n,
        passage_id=hit.passage_id,
        path=hit.path,
        page=hit.page,
        start=hit.start + start,
        end=hit.start + end,
        quote=hit.text[start:end],
        citation=hit.citation,
        title=hit.title,
        locator=hit.locator,
        start_line=hit.start_line,
        end_line=hit.end_line,
        stale=hit.stale,
    )
