"""Build hits from ranked passage ids: text, locator, citation, and whether the file has changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, reduce
from typing import TYPE_CHECKING, NamedTuple

from ragkit.records.hit_parts import Location, NewerVersion
from ragkit.records.hits import Hit
from ragkit.records.spans import group_overlapping
from ragkit.storage.sqlite import documents, passages
from ragkit.storage.sqlite.database import UntrustedRow
from ragkit.storage.sqlite.files import has_changed

if TYPE_CHECKING:
    from ragkit.records.documents import Locator
    from ragkit.retrieval.rankers import ScoredPassage

MAX_LOCATIONS = 100  # other places of a hit's text that are listed


class _Span(NamedTuple):
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
    connection: sqlite3.Connection,
    rankings: Sequence[Sequence[ScoredPassage]],
    context: int = 0,
    matching: Callable[[Sequence[int]], set[int]] | None = None,
) -> list[list[Hit]]:
    """Return the hits of each ranking, in order.

    Each hit is extended by `context` passages on either side. Extended spans of one document that
    overlap or touch become one hit, with the rank and the scores of the best of them. A passage
    that is no longer in this snapshot is left out, and so is one that is not as it was written,
    which is reported. Rows of several rankings are read once.

    `Hit.also_at` names the other passages with the same text. `matching` returns those of these ids
    that the filter of the search matches; without it all of them count.
    """
    ids = dict.fromkeys(passage.passage_id for ranking in rankings for passage in ranking)
    rows = passages.rows_by_id(connection, list(ids))
    if context:  # then the text of the document is shown, not that of the passage
        documents_shown = list({row["document_id"]: None for row in rows.values()})
        intact = documents.intact_ids(connection, documents_shown)
        rows = {id_: row for id_, row in rows.items() if row["document_id"] in intact}
    places = _Places(connection)
    places.find_repeated({row["path"] for row in rows.values()})
    places.find_newer({row["document_id"] for row in rows.values()})
    copies = passages.ids_by_hash(connection, list({row["hash"]: None for row in rows.values()}))
    others = [id_ for same in copies.values() if len(same) > 1 for id_ in same]
    if others and matching is not None:
        matches = matching(others)
        copies = {
            digest: [id_ for id_ in same if id_ in matches] for digest, same in copies.items()
        }
    return [
        [
            _hit(
                rank,
                span,
                places,
                [id_ for id_ in copies.get(span.row["hash"], ()) if id_ != span.row["id"]],
            )
            for rank, span in enumerate(_spans(connection, ranking, rows, context), start=1)
        ]
        for ranking in rankings
    ]


class _Places:
    """What is shown of the place of a passage; each document is looked at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        # Only where there are several roots, documents may have the same path.
        self._has_roots = len(documents.root_folders(connection)) > 1
        self._known: dict[int, tuple[bool, str]] = {}
        self._newest: dict[int, NewerVersion] = {}
        self._unique: set[str] = set()  # paths that only one root has

    def find_repeated(self, paths: Collection[str]) -> None:
        """Look up, at once, which of these paths several roots have, for `of`."""
        if self._has_roots:
            self._unique |= set(paths) - documents.repeated_paths(self._connection, paths)

    def find_newer(self, document_ids: Collection[int]) -> None:
        """Look up which of these documents have a newer version, for `newest`."""
        newer = documents.newer_versions(self._connection, sorted(document_ids))
        if not newer:
            return
        places = documents.roots_and_paths(
            self._connection, sorted({ids[-1] for ids in newer.values()})
        )
        for document_id, ids in newer.items():
            if (place := places.get(ids[-1])) is not None:
                path = documents.cited_path(self._connection, *place)
                self._newest[document_id] = NewerVersion(path, ids[-1])

    def newest(self, document_id: int) -> NewerVersion | None:
        """Return the newest version of a document; None if there is no newer one."""
        return self._newest.get(document_id)

    def of(self, row: sqlite3.Row) -> tuple[bool, str]:
        """Return whether the passage's file has changed, and its path as citations name it."""
        document_id = row["document_id"]
        if document_id not in self._known:
            path = row["path"]
            if self._has_roots and path not in self._unique:
                path = documents.cited_path(self._connection, row["root"], path)
            self._known[document_id] = (is_stale(row), path)
        return self._known[document_id]

    def locations(self, ids: Sequence[int]) -> tuple[Location, ...]:
        """Return the places of these passages; those that are damaged are left out."""
        if not ids:
            return ()
        rows = passages.rows_by_id(self._connection, ids)
        return tuple(self._location(rows[id_]) for id_ in ids if id_ in rows)

    def _location(self, row: sqlite3.Row) -> Location:
        is_changed, cited_path = self.of(row)
        lines = row["start_line"], row["end_line"]
        return Location(
            passage_id=row["id"],
            path=row["path"],
            title=row["title"] or row["path"].rpartition("/")[2],
            page=row["page"],
            locator=row["locator"],
            start_line=lines[0],
            end_line=lines[1],
            start=row["start"],
            end=row["end"],
            citation=format_citation(cited_path, row["locator"], *lines, row["start"], row["end"]),
            stale=is_changed,
            root=row["root"],
            document_id=row["document_id"],
        )


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
    pages = json.loads(row["pages"])
    if not (locators := json.loads(row["locators"])):
        return pages, []
    from ragkit.records.documents import Locator  # not for texts with lines or pages

    return pages, [Locator(*values) for values in locators]


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
        span._replace(scored=spans[rank].scored, row=spans[rank].row)
        for rank, span in sorted(merged, key=lambda pair: pair[0])
    ]


def _union(first: _Span, second: _Span) -> _Span:
    """Return two spans of a document as one; `second` starts no earlier than `first`."""
    from ragkit.passages import locators as passage_locators

    end = max(first.end, second.end)
    end_lines = [line for line in (first.end_line, second.end_line) if line is not None]
    pages, locators = document_locators(first.row)
    return first._replace(
        end=end,
        text=first.text + second.text[first.end - second.start :],
        end_line=max(end_lines, default=None),
        locator=passage_locators.format_locator(pages, locators, first.start, end),
    )


@lru_cache(256)  # passages of one section have the same
def _parse_heading(heading: str) -> tuple[str, ...]:
    return tuple(map(str, json.loads(heading)))  # of a database made by somebody else, too


def _hit(rank: int, span: _Span, places: _Places, copies: Sequence[int]) -> Hit:
    row, scored = span.row, span.scored
    stale, cited_path = places.of(row)
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
        copies=len(copies),
        also_at=places.locations(copies[:MAX_LOCATIONS]),
        newer_version=places.newest(row["document_id"]),
    )
