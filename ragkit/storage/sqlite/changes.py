"""What came and went since a generation, and which index file holds which generation.

An index file is a base, what came after it is read here: together they are all there is. Functions
over a connection of `database`; they neither begin nor commit. Knows no FAISS and no tantivy.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from ragkit.records.documents import embedded_text
from ragkit.storage.sqlite.database import set_value, value


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index file as the database knows it."""

    name: str
    generation: int
    checksum: str  # of a vector file its seal, of a word folder JSON from name to digest
    model_id: int | None


def index_file(connection: sqlite3.Connection, kind: str) -> IndexFile | None:
    """The current index file of this kind (`vectors`, `codes` or `words`)."""
    row = connection.execute(
        "SELECT name, generation, checksum, model_id FROM index_files WHERE kind = ?", (kind,)
    ).fetchone()
    return None if row is None else IndexFile(*row)


def index_names(connection: sqlite3.Connection) -> list[str]:
    """The names of all current index files."""
    return [row[0] for row in connection.execute("SELECT name FROM index_files ORDER BY name")]


def record_index_file(connection: sqlite3.Connection, kind: str, file: IndexFile) -> None:
    """Make this the current index file, unless a newer one is recorded for the same model."""
    connection.execute(
        "INSERT INTO index_files VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind) DO UPDATE SET "
        "name = excluded.name, generation = excluded.generation, checksum = excluded.checksum, "
        "model_id = excluded.model_id WHERE excluded.generation >= index_files.generation "
        "OR excluded.model_id IS NOT index_files.model_id",
        (kind, file.name, file.generation, file.checksum, file.model_id),
    )


def forget_index_file(connection: sqlite3.Connection, kind: str) -> None:
    """There is no file of this kind any more."""
    connection.execute("DELETE FROM index_files WHERE kind = ?", (kind,))


# Two questions, each with an index of its own, where one with OR would read the whole table.
# Otherwise SQLite would look at all vectors of the model first: CROSS JOIN fixes the order of the
# tables, "+" keeps an index out.
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
    """(passage id, vector blob) of what became searchable after this generation.

    Generation 0 yields everything, by id: an index is built and caught up by the same rows. No
    sorting, which would hold all vectors in memory.
    """
    sql = f"SELECT passages.id, vectors.vector {_NEW_PASSAGES}"
    if generation:
        sql += f" UNION ALL SELECT passages.id, vectors.vector {_NEW_VECTORS}"
    rows = connection.execute(sql, {"model": model_id, "since": generation})
    for row in rows:
        yield row[0], row[1]


def texts_since(
    connection: sqlite3.Connection, generation: int
) -> Iterator[tuple[int, str, str | None]]:
    """(passage id, text with its header, language) of passages that came after this generation.

    By id; the language is what the document says of itself, None where it says nothing.
    """
    by = "+id" if generation else "id"  # few are found by generation, all are read as they lie
    rows = connection.execute(
        f"SELECT id, header, text, document_id FROM passages WHERE generation > ? ORDER BY {by}",
        (generation,),
    )
    document = language = None
    for row in rows:
        if row[3] != document:  # not by a join, which would read its text for each passage
            document, language = row[3], _declared_language(connection, row[3])
        yield row[0], embedded_text(row[1], row[2]), language


def _declared_language(connection: sqlite3.Connection, document_id: int) -> str | None:
    row = connection.execute(
        "SELECT json_extract(metadata, '$.language') FROM documents WHERE id = ?", (document_id,)
    ).fetchone()
    return row[0] if row is not None and isinstance(row[0], str) else None


def has_newer_text(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether any passage came after this generation."""
    sql = "SELECT 1 FROM passages WHERE generation > ? LIMIT 1"
    return connection.execute(sql, (generation,)).fetchone() is not None


def changes_since(
    connection: sqlite3.Connection, model_id: int, generation: int
) -> tuple[int, int]:
    """How many passages became searchable, and how many went, after this generation."""
    row = connection.execute(
        f"SELECT (SELECT count(*) {_NEW_PASSAGES}) + (SELECT count(*) {_NEW_VECTORS}), "
        "(SELECT count(*) FROM removals WHERE generation > :since)",
        {"model": model_id, "since": generation},
    ).fetchone()
    return int(row[0]), int(row[1])


def any_removed(connection: sqlite3.Connection) -> bool:
    """Whether passages went that index files may still name."""
    return connection.execute("SELECT 1 FROM removals LIMIT 1").fetchone() is not None


def has_removed(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether any passage was deleted after this generation."""
    sql = "SELECT 1 FROM removals WHERE generation > ? LIMIT 1"
    return connection.execute(sql, (generation,)).fetchone() is not None


def removed_since(connection: sqlite3.Connection, generation: int) -> list[int]:
    """Ids of passages that were deleted after this generation."""
    rows = connection.execute("SELECT passage_id FROM removals WHERE generation > ?", (generation,))
    return [row[0] for row in rows]


def forget_unused(connection: sqlite3.Connection) -> None:
    """Delete vectors that no passage has, and removals that both index files have seen."""
    newest = connection.execute("SELECT max(generation) FROM removals").fetchone()[0]
    if newest is not None and newest > int(value(connection, "swept") or 0):
        # By id: the inner question is answered from indexes, without reading any vector.
        connection.execute(
            "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors WHERE NOT EXISTS "
            "(SELECT 1 FROM passages WHERE passages.hash = vectors.hash))"
        )
        set_value(connection, "swept", newest)
    seen = connection.execute(
        "SELECT min(generation), count(*) FROM index_files WHERE kind IN ('vectors', 'words')"
    ).fetchone()
    if seen[1] == 2 and seen[0] > int(value(connection, "trimmed") or 0):
        connection.execute("DELETE FROM removals WHERE generation <= ?", (seen[0],))
        set_value(connection, "trimmed", seen[0])
