"""Rows of passages: written with their document, read back for what shows them.

Functions over a connection of `database`; they neither begin nor commit. Knows no vectors.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from ragkit.records.documents import Passage, embedded_text
from ragkit.storage.sqlite import documents
from ragkit.storage.sqlite.database import by_id


def text_hash(embedded: str) -> bytes:
    """The key of a vector: 20 bytes of BLAKE2b over what the encoder is given."""
    return blake2b(embedded.encode(), digest_size=20).digest()


def save_passages(
    connection: sqlite3.Connection, document_id: int, passages: Sequence[Passage], generation: int
) -> None:
    """Make these the passages of a document.

    One whose embedded text was there before keeps its id and its vector, wherever it moved to in
    the text; only what is really new is inserted, only what is really gone deleted.
    """
    known: dict[bytes, list[int]] = defaultdict(list)
    for row in connection.execute(
        "SELECT hash, id FROM passages WHERE document_id = ? ORDER BY id DESC", (document_id,)
    ):
        known[row[0]].append(row[1])
    for passage in passages:
        digest = text_hash(embedded_text(passage.header, passage.text))
        place = (
            passage.start, passage.end, passage.page, passage.locator, passage.start_line,
            passage.end_line, json.dumps(passage.heading, ensure_ascii=False),
        )  # fmt: skip
        if known[digest]:
            connection.execute(
                'UPDATE passages SET start = ?, "end" = ?, page = ?, locator = ?, start_line = ?, '
                "end_line = ?, heading = ? WHERE id = ?",
                (*place, known[digest].pop()),
            )
        else:
            connection.execute(
                'INSERT INTO passages (start, "end", page, locator, start_line, end_line, heading, '
                "document_id, text, header, tokens, hash, generation) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *place, document_id, passage.text, passage.header, passage.tokens, digest,
                    generation,
                ),
            )  # fmt: skip
    connection.executemany(
        "DELETE FROM passages WHERE id = ?", ((id,) for ids in known.values() for id in ids)
    )


def count(connection: sqlite3.Connection) -> int:
    """How many passages there are."""
    return int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])


def embedded_texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Passage id → header and text, for those of `ids` that are there."""
    rows = by_id(connection, "SELECT id, header, text FROM passages WHERE id", ids)
    return {row[0]: embedded_text(row[1], row[2]) for row in rows}


def existing(connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are there."""
    return {row[0] for row in by_id(connection, "SELECT id FROM passages WHERE id", ids)}


def documents_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Passage id → id of its document, for those of `ids` that are there."""
    rows = by_id(connection, "SELECT id, document_id FROM passages WHERE id", ids)
    return {row[0]: row[1] for row in rows}


def rows_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, sqlite3.Row]:
    """Passage id → everything a hit shows: passage, document, file and root, joined."""
    rows = by_id(
        connection,
        "SELECT passages.*, documents.title, documents.metadata, documents.lines, "
        "documents.pages, documents.locators, files.path AS file_path, "
        f"{documents.SHOWN} AS path, files.size, files.mtime_ns, "
        "files.hash AS file_hash, roots.folder AS root "
        "FROM passages JOIN documents ON documents.id = passages.document_id "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE passages.id",
        ids,
    )
    return {row["id"]: row for row in rows}


def neighbourhood(
    connection: sqlite3.Connection, document_id: int, passage_id: int, reach: int
) -> sqlite3.Row:
    """The span from `reach` passages before one to `reach` after it, with its text and lines."""
    row: sqlite3.Row = connection.execute(
        "WITH numbered AS (SELECT *, row_number() OVER (ORDER BY start, id) AS place "
        "FROM passages WHERE document_id = :document), "
        "here AS (SELECT place FROM numbered WHERE id = :passage), "
        'span AS (SELECT min(start) AS start, max("end") AS "end", '
        "min(start_line) AS start_line, max(end_line) AS end_line "
        "FROM numbered, here "
        "WHERE numbered.place BETWEEN here.place - :reach AND here.place + :reach) "
        'SELECT span.*, substr(documents.text, span.start + 1, span."end" - span.start) AS text '
        "FROM span, documents WHERE documents.id = :document",
        {"document": document_id, "passage": passage_id, "reach": reach},
    ).fetchone()
    return row
