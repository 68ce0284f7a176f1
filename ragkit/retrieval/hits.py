"""Ranked passage ids to hits: text, place, citation, and whether the file is still the same."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ragkit.records import Hit
from ragkit.retrieval.references import citation, is_stale, locator
from ragkit.retrieval.search import Scored
from ragkit.storage import passages


def hits(connection: sqlite3.Connection, ranked: Sequence[Scored], context: int = 0) -> list[Hit]:
    """A hit for each of `ranked`, in order, widened by `context` passages on either side.

    One that is not in this snapshot any more is left out.
    """
    rows = passages.rows_by_id(connection, [each.passage_id for each in ranked])
    stale: dict[int, bool] = {}
    found: list[Hit] = []
    for scored in ranked:
        row = rows.get(scored.passage_id)
        if row is None:
            continue
        document = row["document_id"]
        if document not in stale:
            stale[document] = is_stale(row)
        found.append(_hit(connection, len(found) + 1, scored, row, stale[document], context))
    return found


def _hit(
    connection: sqlite3.Connection,
    rank: int,
    scored: Scored,
    row: sqlite3.Row,
    stale: bool,
    context: int,
) -> Hit:
    start, end, text = row["start"], row["end"], row["text"]
    first, last = row["start_line"], row["end_line"]
    place = row["locator"]
    if context:
        around = passages.neighbourhood(connection, row["document_id"], row["id"], context)
        start, end, text = around["start"], around["end"], around["text"]
        first, last = around["start_line"], around["end_line"]
        place = locator(row, start, end)
    return Hit(
        rank=rank,
        score=scored.dense,
        passage_id=scored.passage_id,
        text=text,
        path=row["path"],
        title=row["title"] or Path(row["path"]).name,
        heading=tuple(json.loads(row["heading"])),
        page=row["page"],
        locator=place,
        start_line=first,
        end_line=last,
        start=start,
        end=end,
        citation=citation(row["path"], place, first, last, start, end),
        scores={
            "dense": scored.dense,
            "lexical": scored.lexical,
            "fused": scored.fused,
            "rerank": None,
        },
        metadata=json.loads(row["metadata"]),
        stale=stale,
        root=row["root"],
    )
