"""Rows of passages: written with their document, read to show hits.

Functions over a connection of `database`; they neither begin nor commit a transaction. Knows no
vectors.
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
    """Return the key of a vector: 20 bytes of BLAKE2b over the embedded text."""
    return blake2b(embedded.encode(), digest_size=20).digest()


def save_passages(
    connection: sqlite3.Connection, document_id: int, passages: Sequence[Passage], generation: int
) -> None:
    """Replace the passages of a document by these; new ones get this generation.

    A passage whose embedded text the document had before keeps its id and its vector, wherever it
    is in the text now. Only new texts are inserted, and only missing ones are deleted.
    """
    known: dict[bytes, list[int]] = defaultdict(list)
    for row in connection.execute(
        "SELECT hash, id FROM passages WHERE document_id = ? ORDER BY id DESC", (document_id,)
    ):
        known[row[0]].append(row[1])
    for passage in passages:
        digest = text_hash(embedded_text(passage.header, passage.text))
        position = (
            passage.start, passage.end, passage.page, passage.locator, passage.start_line,
            passage.end_line, json.dumps(passage.heading, ensure_ascii=False),
        )  # fmt: skip
        if known[digest]:
            connection.execute(
                'UPDATE passages SET start = ?, "end" = ?, page = ?, locator = ?, start_line = ?, '
                "end_line = ?, heading = ? WHERE id = ?",
                (*position, known[digest].pop()),
            )
        else:
            connection.execute(
                'INSERT INTO passages (start, "end", page, locator, start_line, end_line, heading, '
                "document_id, text, header, tokens, hash, generation) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *position, document_id, passage.text, passage.header, passage.tokens, digest,
                    generation,
                ),
            )  # fmt: skip
    connection.executemany(
        "DELETE FROM passages WHERE id = ?", ((id,) for ids in known.values() for id in ids)
    )


def count(connection: sqlite3.Connection) -> int:
    """Return the number of passages."""
    return int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])


def embedded_texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return id → header and text, as embedded, for those of `ids` that exist."""
    rows = by_id(connection, "SELECT id, header, text FROM passages WHERE id", ids)
    return {row[0]: embedded_text(row[1], row[2]) for row in rows}


def existing_ids(connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    """Return those of `ids` that exist."""
    return {row[0] for row in by_id(connection, "SELECT id FROM passages WHERE id", ids)}


def documents_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return passage id → document id for those of `ids` that exist."""
    rows = by_id(connection, "SELECT id, document_id FROM passages WHERE id", ids)
    return {row[0]: row[1] for row in rows}


def rows_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, sqlite3.Row]:
    """Return id → the row that a hit shows: passage, document, file and root, joined."""
    rows = by_id(
        connection,
        "SELECT passages.*, documents.title, documents.metadata, documents.lines, "
        "documents.pages, documents.locators, files.path AS file_path, "
        f"{documents.DISPLAY_PATH} AS path, files.size, files.mtime_ns, "
        "files.hash AS file_hash, roots.folder AS root "
        "FROM passages JOIN documents ON documents.id = passages.document_id "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE passages.id",
        ids,
    )
    return {row["id"]: row for row in rows}


def surrounding_span(
    connection: sqlite3.Connection, document_id: int, passage_id: int, reach: int
) -> sqlite3.Row:
    """Return the span from `reach` passages before a passage to `reach` after it.

    The row has `start` and `end` (characters), `start_line`, `end_line` and `text`.
    """
    row: sqlite3.Row = connection.execute(
        "WITH numbered AS (SELECT *, row_number() OVER (ORDER BY start, id) AS position "
        "FROM passages WHERE document_id = :document), "
        "center AS (SELECT position FROM numbered WHERE id = :passage), "
        'span AS (SELECT min(start) AS start, max("end") AS "end", '
        "min(start_line) AS start_line, max(end_line) AS end_line "
        "FROM numbered, center "
        "WHERE numbered.position BETWEEN center.position - :reach "
        "AND center.position + :reach) "
        'SELECT span.*, substr(documents.text, span.start + 1, span."end" - span.start) AS text '
        "FROM span, documents WHERE documents.id = :document",
        {"document": document_id, "passage": passage_id, "reach": reach},
    ).fetchone()
    return row
