"""The change log: which passages, texts and vectors were added or removed since a generation.

An index is a file of one generation (`database.IndexFile`) plus the changes since, which are read
here. Functions over a connection of `database`; they neither begin nor commit a transaction. Knows
neither FAISS nor tantivy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ragkit.records.text import embedded_text
from ragkit.storage.sqlite import passages
from ragkit.storage.sqlite.connection import report_damage
from ragkit.storage.sqlite.sharding.row_ids import first_row_id
from ragkit.storage.sqlite.state import set_value, value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LANGUAGE_SAMPLE = 2000  # characters of a document that decide its language
# Two queries, each with an index of its own: one with OR would scan the table. CROSS JOIN fixes the
# order of the tables and "+" rules an index out; otherwise SQLite would begin with all vectors of
# the model.
_NEW_PASSAGES = (
    "FROM passages CROSS JOIN vectors ON vectors.hash = passages.hash "
    "AND vectors.model_id = :model WHERE passages.generation > :since"
)
_NEW_VECTORS = (
    "FROM vectors CROSS JOIN passages ON passages.hash = vectors.hash "
    "WHERE +vectors.model_id = :model AND vectors.generation > :since "
    "AND passages.generation <= :since"
)


def vectors_since(
    connection: sqlite3.Connection, model_id: int, generation: int
) -> Iterator[tuple[int, bytes]]:
    """Yield (passage id, float32 blob) of the passages that became searchable after `generation`.

    Generation 0 yields all passages, sorted by id. With other generations the rows are not sorted,
    because sorting would keep all vectors in memory. Vectors that are not as they were written are
    left out and reported.
    """
    columns = "passages.id, vectors.vector, vectors.checksum, vectors.id"
    sql = f"SELECT {columns} {_NEW_PASSAGES}"
    if generation:
        sql += f" UNION ALL SELECT {columns} {_NEW_VECTORS}"
    rows = connection.execute(sql, {"model": model_id, "since": generation})
    yield from passages.intact_vectors(connection, model_id, rows)


def report_without_vector(
    connection: sqlite3.Connection,
    model_id: int,
    indexed: Callable[[], NDArray[np.int64]],
    count: int,
) -> None:
    """Report the passages without a vector in an index that should have all: `count` vectors, with
    the passage ids that `indexed` returns, (n,) int64.

    SQLite does not notice a changed bit in an index of its own, by which vectors are found.
    """
    if passages.has_pending(connection, model_id):
        return
    unreadable = passages.count_unreadable(connection, model_id)
    if passages.count(connection) - unreadable == count:
        return
    known = set(indexed().tolist())
    rows = connection.execute(
        "SELECT id FROM passages NOT INDEXED WHERE hash NOT IN "
        "(SELECT hash FROM unreadable_texts WHERE model_id = ?)",
        (model_id,),
    )
    report_damage(connection, without_vector=[row[0] for row in rows if row[0] not in known])


def texts_since(
    connection: sqlite3.Connection,
    generation: int,
    language_of: Callable[[str], str] | None = None,
) -> Iterator[tuple[int, str, str | None]]:
    """Yield (id, header and text, language) of the passages added after `generation`, by id.

    The language is the one that the document declares, else what `language_of` returns for the
    document's beginning; None without it.
    """
    by = "+id" if generation else "id"  # some are found by generation, all are read in file order
    rows = connection.execute(
        f"SELECT id, header, text, document_id FROM passages WHERE generation > ? ORDER BY {by}",
        (generation,),
    )
    document = language = None
    for row in rows:
        if row[3] != document:  # a join would read its text for each passage
            document, language = row[3], _document_language(connection, row[3], language_of)
        yield row[0], embedded_text(row[1], row[2]), language


def _document_language(
    connection: sqlite3.Connection, document_id: int, language_of: Callable[[str], str] | None
) -> str | None:
    row = connection.execute(
        "SELECT json_extract(metadata, '$.language'), substr(text, 1, ?) FROM documents "
        "WHERE id = ?",
        (_LANGUAGE_SAMPLE if language_of else 0, document_id),
    ).fetchone()
    if row is None:
        return None
    if isinstance(row[0], str):
        return row[0]
    return language_of(row[1]) if language_of else None


def has_newer_text(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether any passage was added after this generation."""
    sql = "SELECT 1 FROM passages WHERE generation > ? LIMIT 1"
    return connection.execute(sql, (generation,)).fetchone() is not None


def count_changes_since(
    connection: sqlite3.Connection, model_id: int, generation: int
) -> tuple[int, int]:
    """Return how many passages became searchable, and how many were removed, after `generation`."""
    row = connection.execute(
        f"SELECT (SELECT count(*) {_NEW_PASSAGES}) + (SELECT count(*) {_NEW_VECTORS}), "
        "(SELECT count(*) FROM removals WHERE generation > :since)",
        {"model": model_id, "since": generation},
    ).fetchone()
    return int(row[0]), int(row[1])


def has_removals(connection: sqlite3.Connection) -> bool:
    """Whether there are removed passages that an index file may still contain."""
    return connection.execute("SELECT 1 FROM removals LIMIT 1").fetchone() is not None


def has_removals_since(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether any passage was deleted after this generation."""
    sql = "SELECT 1 FROM removals WHERE generation > ? LIMIT 1"
    return connection.execute(sql, (generation,)).fetchone() is not None


def removed_since(connection: sqlite3.Connection, generation: int) -> list[int]:
    """Return the ids of the passages that were deleted after this generation."""
    rows = connection.execute("SELECT passage_id FROM removals WHERE generation > ?", (generation,))
    return [row[0] for row in rows]


def count_ever_removed(connection: sqlite3.Connection) -> int:
    """Return how many passages were removed since the collection exists."""
    row = connection.execute(  # an id is never used again, so the last one counts all passages
        "SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'passages') - "
        "(SELECT count(*) FROM passages)"
    ).fetchone()
    return max(0, int(row[0] or 0) - (first_row_id(connection) or 0))


def delete_unused_rows(connection: sqlite3.Connection) -> None:
    """Delete vectors without a passage, and removals that both index files already contain."""
    newest = connection.execute("SELECT max(generation) FROM removals").fetchone()[0]
    if newest is not None and newest > int(value(connection, "swept") or 0):
        # By id: SQLite answers the inner query from indexes, without reading any vector.
        connection.execute(
            "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors WHERE NOT EXISTS "
            "(SELECT 1 FROM passages WHERE passages.hash = vectors.hash))"
        )
        connection.execute(
            "DELETE FROM unreadable_texts WHERE NOT EXISTS "
            "(SELECT 1 FROM passages WHERE passages.hash = unreadable_texts.hash)"
        )
        set_value(connection, "swept", newest)
    oldest, file_count = connection.execute(
        "SELECT min(generation), count(*) FROM index_files WHERE kind IN ('vectors', 'words')"
    ).fetchone()
    if file_count == 2 and oldest > int(value(connection, "trimmed") or 0):
        connection.execute("DELETE FROM removals WHERE generation <= ?", (oldest,))
        set_value(connection, "trimmed", oldest)
