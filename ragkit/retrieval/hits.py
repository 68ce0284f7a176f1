"""Build hits from ranked passage ids: text, locator, citation, and whether the file has changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from typing import TYPE_CHECKING

from ragkit.records.documents import Hit, Locator
from ragkit.records.spans import group_overlapping
from ragkit.storage.sqlite import documents, passages
from ragkit.storage.sqlite.database import UntrustedRow
from ragkit.storage.sqlite.files import has_changed

if TYPE_CHECKING:
    from ragkit.retrieval.rankers import ScoredPassage


@dataclass(frozen=True, slots=True)
class _Span:
    """The part of a document that one hit shows. Offsets are characters, lines count from 1."""

    scored: ScoredPassage
    row: sqlite3.Row
    start: int
    end: int
    text: str
    start_line: int | None  # None where the format has no lines
    end_line: int | None
    locator: str | None


def build_hits(
    connection: sqlite3.Connection, rankings: Sequence[Sequence[ScoredPassage]], context: int = 0
) -> list[list[Hit]]:
    """Return the hits of each ranking, in order.

    Each hit is extended by `context` passages on either side. Extended spans of one document that
    overlap or touch become one hit, with the rank and the scores of the best of them. A passage
    that is no longer in this snapshot is left out, and so is one that is not as it was written,
    which is reported. Rows of several rankings are read once.
    """
    ids = dict.fromkeys(passage.passage_id for ranking in rankings for passage in ranking)
    rows = passages.rows_by_id(connection, list(ids))
    document_rows = {row["document_id"]: row for row in rows.values()}
    if context:  # then the text of the document is shown, not that of the passage
        intact = documents.intact_ids(connection, list(document_rows))
        rows = {id_: row for id_, row in rows.items() if row["document_id"] in intact}
    stale = {document_id: is_stale(row) for document_id, row in document_rows.items()}
    cited = {}  # only where roots may have documents of the same path
    if len(documents.root_folders(connection)) > 1:
        cited = {
            document_id: documents.cited_path(connection, row["root"], row["path"])
            for document_id, row in document_rows.items()
        }
    return [
        [
            _hit(
                rank,
                span,
                stale[span.row["document_id"]],
                cited.get(span.row["document_id"], span.row["path"]),
            )
            for rank, span in enumerate(_spans(connection, ranking, rows, context), start=1)
        ]
        for ranking in rankings
    ]


def ranking_score(hit: Hit) -> float:
    """Return the score that determined a hit's rank: that of the last stage that scored it."""
    for stage in ("rerank", "fused", "lexical"):
        if (score := hit.scores[stage]) is not None:
            return score
    return hit.score if hit.score is not None else 0.0


def format_citation(
    path: str,
    locator: str | None,
    start_line: int | None,
    end_line: int | None,
    start: int,
    end: int,
) -> str:
    """Return the citation of a span: by locator, else by lines, else by characters.

    `path` is that of `documents.cited_path`.
    `citations.parse_citation` is the inverse.
    """
    if locator is not None:
        return f"{path}#{locator}"
    if start_line is not None:
        return f"{path}#L{start_line}" + (f"-L{end_line}" if end_line != start_line else "")
    return f"{path}#char={start},{end}"


def document_locators(row: sqlite3.Row) -> tuple[list[int], list[Locator]]:
    """Return the page starts and the locators of a document's row."""
    return json.loads(row["pages"]), [Locator(*values) for values in json.loads(row["locators"])]


def is_stale(row: sqlite3.Row) -> bool:
    """Return whether the file has changed or was deleted since it was indexed.

    `row` has root, file_path, size, mtime_ns, ctime_ns and file_hash.
    Files that an untrusted collection names are not looked at: they count as changed.
    """
    if isinstance(row, UntrustedRow):
        return True
    return has_changed(
        row["root"],
        row["file_path"],
        row["size"],
        row["mtime_ns"],
        row["ctime_ns"],
        row["file_hash"],
    )


def _spans(
    connection: sqlite3.Connection,
    ranking: Sequence[ScoredPassage],
    rows: Mapping[int, sqlite3.Row],
    context: int,
) -> Sequence[_Span]:
    existing = [(passage, rows.get(passage.passage_id)) for passage in ranking]
    spans = [_span(connection, passage, row, context) for passage, row in existing if row]
    return _merge(spans) if context else spans


def _span(
    connection: sqlite3.Connection, scored: ScoredPassage, row: sqlite3.Row, context: int
) -> _Span:
    extent, locator = row, row["locator"]
    if context:
        from ragkit.passages import locators as passage_locators  # not for a plain query

        extent = passages.surrounding_span(connection, row["document_id"], row["id"], context)
        pages, locators = document_locators(row)
        locator = passage_locators.format_locator(pages, locators, extent["start"], extent["end"])
    return _Span(
        scored,
        row,
        extent["start"],
        extent["end"],
        extent["text"],
        extent["start_line"],
        extent["end_line"],
        locator,
    )


def _merge(spans: Sequence[_Span]) -> list[_Span]:
    """Merge the spans of one document that overlap or touch, each at the rank of its best part."""
    ranks_by_document: dict[int, list[int]] = {}
    for rank, span in enumerate(spans):
        ranks_by_document.setdefault(span.row["document_id"], []).append(rank)
    merged: list[tuple[int, _Span]] = []  # with the rank
    for ranks in ranks_by_document.values():
        for group in group_overlapping([(spans[rank].start, spans[rank].end) for rank in ranks]):
            parts = [ranks[index] for index in group]
            merged.append((min(parts), reduce(_union, (spans[rank] for rank in parts))))
    return [
        replace(span, scored=spans[rank].scored, row=spans[rank].row)
        for rank, span in sorted(merged, key=lambda pair: pair[0])
    ]


def _union(first: _Span, second: _Span) -> _Span:
    """Return two spans of a document as one; `second` starts no earlier than `first`."""
    from ragkit.passages import locators as passage_locators

    end = max(first.end, second.end)
    end_lines = [line for line in (first.end_line, second.end_line) if line is not None]
    pages, locators = document_locators(first.row)
    return replace(
        first,
        end=end,
        text=first.text + second.text[first.end - second.start :],
        end_line=max(end_lines, default=None),
        locator=passage_locators.format_locator(pages, locators, first.start, end),
    )


@lru_cache(256)  # passages of one section have the same
def _parse_heading(heading: str) -> tuple[str, ...]:
    return tuple(json.loads(heading))


def _hit(rank: int, span: _Span, stale: bool, cited_path: str) -> Hit:
    row, scored = span.row, span.scored
    return Hit(
        rank=rank,
        score=scored.dense,
        passage_id=scored.passage_id,
        text=span.text,
        path=row["path"],
        title=row["title"] or row["path"].rpartition("/")[2],
        heading=_parse_heading(row["heading"]),
        page=row["page"],
        locator=span.locator,
        start_line=span.start_line,
        end_line=span.end_line,
        start=span.start,
        end=span.end,
        citation=format_citation(
            cited_path, span.locator, span.start_line, span.end_line, span.start, span.end
        ),
        scores={
            "dense": scored.dense,
            "lexical": scored.lexical,
            "fused": scored.fused,
            "rerank": scored.rerank,
        },
        metadata={} if row["metadata"] == "{}" else json.loads(row["metadata"]),
        stale=stale,
        root=row["root"],
        document_id=row["document_id"],
    )
