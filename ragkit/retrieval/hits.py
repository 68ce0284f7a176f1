"""Ranked passage ids to hits: text, place, citation, and whether the file is still the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ragkit.records.documents import Hit
from ragkit.retrieval.citations import citation, is_stale, locator
from ragkit.retrieval.rankers import Scored
from ragkit.storage.sqlite import passages


@dataclass(frozen=True, slots=True)
class _Span:
    """What is shown of a document for a passage: characters, and lines where it has them."""

    scored: Scored
    row: sqlite3.Row
    start: int
    end: int
    text: str
    first: int | None
    last: int | None
    place: str | None


def hits(
    connection: sqlite3.Connection, rankings: Sequence[Sequence[Scored]], context: int = 0
) -> list[list[Hit]]:
    """For each ranking a hit for each passage, in order, widened by `context` on either side.

    Widened spans of one document that overlap or touch become one hit, in the place and with the
    scores of the best of them. A passage that is not in this snapshot any more is left out. What
    several rankings have is looked up once.
    """
    ids = dict.fromkeys(each.passage_id for ranked in rankings for each in ranked)
    rows = passages.rows_by_id(connection, list(ids))
    documents = {row["document_id"]: row for row in rows.values()}
    stale = {document: is_stale(row) for document, row in documents.items()}
    return [
        [
            _hit(rank, span, stale[span.row["document_id"]])
            for rank, span in enumerate(_spans(connection, ranked, rows, context), start=1)
        ]
        for ranked in rankings
    ]


def _spans(
    connection: sqlite3.Connection,
    ranked: Sequence[Scored],
    rows: Mapping[int, sqlite3.Row],
    context: int,
) -> Sequence[_Span]:
    here = [(each, rows[each.passage_id]) for each in ranked if each.passage_id in rows]
    spans = [_span(connection, scored, row, context) for scored, row in here]
    return _joined(spans) if context else spans


def ranked_by(hit: Hit) -> float:
    """The score that gave a hit its place: that of the last stage that saw it."""
    for stage in ("rerank", "fused", "lexical"):
        if (score := hit.scores[stage]) is not None:
            return score
    return hit.score


def _span(connection: sqlite3.Connection, scored: Scored, row: sqlite3.Row, context: int) -> _Span:
    around = row
    if context:
        around = passages.neighbourhood(connection, row["document_id"], row["id"], context)
    start, end = around["start"], around["end"]
    place = locator(row, start, end) if context else row["locator"]
    first, last = around["start_line"], around["end_line"]
    return _Span(scored, row, start, end, around["text"], first, last, place)


def _joined(spans: Sequence[_Span]) -> list[_Span]:
    """The spans with those joined that overlap or touch, each where the best of it stood."""
    found: list[tuple[int, _Span]] = []  # with the rank
    order = sorted(
        range(len(spans)), key=lambda each: (spans[each].row["document_id"], spans[each].start)
    )
    for rank in order:
        span = spans[rank]
        if found and _meet(found[-1][1], span):
            before, whole = found[-1]
            found[-1] = (min(before, rank), _both(whole, span))
        else:
            found.append((rank, span))
    return [
        replace(whole, scored=spans[rank].scored, row=spans[rank].row)
        for rank, whole in sorted(found, key=lambda each: each[0])
    ]


def _meet(one: _Span, later: _Span) -> bool:
    return one.row["document_id"] == later.row["document_id"] and later.start <= one.end


def _both(one: _Span, later: _Span) -> _Span:
    """Two spans of a document as one; the later begins no earlier."""
    end = max(one.end, later.end)
    lines = [line for line in (one.last, later.last) if line is not None]
    return replace(
        one,
        end=end,
        text=one.text + later.text[one.end - later.start :],
        last=max(lines, default=None),
        place=locator(one.row, one.start, end),
    )


def _hit(rank: int, span: _Span, stale: bool) -> Hit:
    row, scored = span.row, span.scored
    return Hit(
        rank=rank,
        score=scored.dense,
        passage_id=scored.passage_id,
        text=span.text,
        path=row["path"],
        title=row["title"] or row["path"].rpartition("/")[2],
        heading=tuple(json.loads(row["heading"])),
        page=row["page"],
        locator=span.place,
        start_line=span.first,
        end_line=span.last,
        start=span.start,
        end=span.end,
        citation=citation(row["path"], span.place, span.first, span.last, span.start, span.end),
        scores={
            "dense": scored.dense,
            "lexical": scored.lexical,
            "fused": scored.fused,
            "rerank": scored.rerank,
        },
        metadata=json.loads(row["metadata"]),
        stale=stale,
        root=row["root"],
        document_id=row["document_id"],
    )
