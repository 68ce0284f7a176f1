"""Rows of passages, vectors and index files.

Functions over a connection of `database`; they neither begin nor commit. Vectors are little-endian
float32 blobs keyed by (model, hash of the embedded text): an equal text is never embedded twice.
A passage without a vector of the model in use is *pending*. Knows no FAISS and no encoder.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from ragkit.passages import embedded_text
from ragkit.records import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK = 500  # rows asked for by id in one statement; SQLite allows 32,766 parameters


@dataclass(frozen=True, slots=True)
class IndexFile:
    """An index file as the database knows it."""

    name: str
    generation: int
    checksum: str
    model_id: int | None


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


def use_model(
    connection: sqlite3.Connection, name: str, fingerprint: str, dimension: int, window: int
) -> int:
    """Make this the encoder of the collection; returns its id."""
    row = connection.execute(
        "INSERT INTO models (name, fingerprint, dimension, window) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (fingerprint) DO UPDATE SET name = excluded.name RETURNING id",
        (name, fingerprint, dimension, window),
    ).fetchone()
    connection.execute("INSERT OR REPLACE INTO collection VALUES ('model_id', ?)", (row[0],))
    return int(row[0])


def model(connection: sqlite3.Connection) -> sqlite3.Row | None:
    """The encoder in use: id, name, fingerprint, dimension, window; None in a new collection."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT models.* FROM models JOIN collection ON collection.value = models.id "
        "WHERE collection.key = 'model_id'"
    ).fetchone()
    return row


_PENDING = (
    "FROM passages WHERE NOT EXISTS (SELECT 1 FROM vectors "
    "WHERE vectors.model_id = ? AND vectors.hash = passages.hash)"
)


def pending_count(connection: sqlite3.Connection, model_id: int) -> int:
    """How many different texts wait for their vector."""
    sql = f"SELECT count(DISTINCT hash) {_PENDING}"
    return int(connection.execute(sql, (model_id,)).fetchone()[0])


def pending_in(connection: sqlite3.Connection, model_id: int, generation: int) -> int:
    """How many different texts of this generation wait for their vector."""
    sql = f"SELECT count(DISTINCT hash) {_PENDING} AND generation = ?"
    return int(connection.execute(sql, (model_id, generation)).fetchone()[0])


def pending(
    connection: sqlite3.Connection, model_id: int, after: int, limit: int
) -> list[tuple[int, bytes, str, int]]:
    """(id, hash, embedded text, tokens) of pending passages with an id above `after`, by id."""
    rows = connection.execute(
        f"SELECT id, hash, header, text, tokens {_PENDING} AND id > ? ORDER BY id LIMIT ?",
        (model_id, after, limit),
    )
    return [(row[0], row[1], embedded_text(row[2], row[3]), row[4]) for row in rows]


def save_vectors(
    connection: sqlite3.Connection,
    model_id: int,
    generation: int,
    hashes: Sequence[bytes],
    vectors: NDArray[np.float32],
) -> None:
    """Store one vector for each hash; `vectors` is (n, d) float32, unit rows."""
    rows = vectors.astype("<f4", copy=False)
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (model_id, hash, generation, vector) VALUES (?, ?, ?, ?)",
        (
            (model_id, digest, generation, row.tobytes())
            for digest, row in zip(hashes, rows, strict=True)
        ),
    )


def stored_vectors(
    connection: sqlite3.Connection, model_id: int, ids: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """Passage id → (d,) float32 unit vector, for those of `ids` that are there and not pending."""
    import numpy as np

    found = {}
    for chunk in _chunks(ids):
        rows = connection.execute(
            "SELECT passages.id, vectors.vector FROM passages JOIN vectors "
            "ON vectors.hash = passages.hash AND vectors.model_id = ? "
            f"WHERE passages.id IN ({_marks(chunk)})",
            (model_id, *chunk),
        )
        found.update({row[0]: np.frombuffer(row[1], dtype="<f4") for row in rows})
    return found


# Two questions, each with an index of its own, where one with OR would read the whole table.
_SINCE = (
    "FROM passages JOIN vectors ON vectors.hash = passages.hash "
    "AND vectors.model_id = :model WHERE {}.generation > :since"
)


def vectors_since(
    connection: sqlite3.Connection, model_id: int, generation: int
) -> Iterator[tuple[int, bytes]]:
    """(passage id, vector blob) of what became searchable after this generation.

    Generation 0 yields everything, by id: an index is built and caught up by the same rows. No
    sorting, which would hold all vectors in memory.
    """
    sql = f"SELECT passages.id, vectors.vector {_SINCE.format('passages')}"
    if generation:
        sql += (
            f" UNION ALL SELECT passages.id, vectors.vector {_SINCE.format('vectors')} "
            "AND passages.generation <= :since"
        )
    rows = connection.execute(sql, {"model": model_id, "since": generation})
    for row in rows:
        yield row[0], row[1]


def texts_since(connection: sqlite3.Connection, generation: int) -> Iterator[tuple[int, str]]:
    """(passage id, text with its header) of passages that came after this generation, by id."""
    rows = connection.execute(
        "SELECT id, header, text FROM passages WHERE generation > ? ORDER BY id", (generation,)
    )
    for row in rows:
        yield row[0], embedded_text(row[1], row[2])


def has_newer_text(connection: sqlite3.Connection, generation: int) -> bool:
    """Whether any passage came after this generation."""
    sql = "SELECT 1 FROM passages WHERE generation > ? LIMIT 1"
    return connection.execute(sql, (generation,)).fetchone() is not None


def changes_since(connection: sqlite3.Connection, model_id: int, generation: int) -> int:
    """How many passages became searchable or went after this generation."""
    row = connection.execute(
        f"SELECT (SELECT count(*) {_SINCE.format('passages')}) "
        f"+ (SELECT count(*) {_SINCE.format('vectors')} AND passages.generation <= :since) "
        "+ (SELECT count(*) FROM removals WHERE generation > :since)",
        {"model": model_id, "since": generation},
    ).fetchone()
    return int(row[0])


def any_removed(connection: sqlite3.Connection) -> bool:
    """Whether passages went that index files may still name."""
    return connection.execute("SELECT 1 FROM removals LIMIT 1").fetchone() is not None


def removed_since(connection: sqlite3.Connection, generation: int) -> list[int]:
    """Ids of passages that were deleted after this generation."""
    rows = connection.execute("SELECT passage_id FROM removals WHERE generation > ?", (generation,))
    return [row[0] for row in rows]


def count(connection: sqlite3.Connection) -> int:
    """How many passages there are."""
    return int(connection.execute("SELECT count(*) FROM passages").fetchone()[0])


def searchable_count(connection: sqlite3.Connection, model_id: int) -> int:
    """How many passages have a vector of this model."""
    row = connection.execute(
        "SELECT count(*) FROM passages JOIN vectors ON vectors.hash = passages.hash "
        "AND vectors.model_id = ?",
        (model_id,),
    ).fetchone()
    return int(row[0])


def forget_vectors(connection: sqlite3.Connection, generation: int) -> None:
    """Delete all vectors, so that everything is embedded anew; index files hold nothing now."""
    connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM index_files WHERE kind = 'vectors'")
    connection.execute("UPDATE collection SET value = ? WHERE key = 'trimmed'", (generation,))


def forget_unused(connection: sqlite3.Connection) -> None:
    """Delete vectors that no passage has, and removals that both index files have seen."""
    connection.execute("DELETE FROM vectors WHERE hash NOT IN (SELECT hash FROM passages)")
    seen = connection.execute("SELECT min(generation), count(*) FROM index_files").fetchone()
    if seen[1] == 2:
        connection.execute("DELETE FROM removals WHERE generation <= ?", (seen[0],))
        connection.execute("UPDATE collection SET value = ? WHERE key = 'trimmed'", (seen[0],))


def index_file(connection: sqlite3.Connection, kind: str) -> IndexFile | None:
    """The current index file of this kind (`vectors` or `words`)."""
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


def embedded_texts(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Passage id → header and text, for those of `ids` that are there."""
    found = {}
    for chunk in _chunks(ids):
        rows = connection.execute(
            f"SELECT id, header, text FROM passages WHERE id IN ({_marks(chunk)})", chunk
        )
        found.update({row[0]: embedded_text(row[1], row[2]) for row in rows})
    return found


def existing(connection: sqlite3.Connection, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that are there."""
    return {
        row[0]
        for chunk in _chunks(ids)
        for row in connection.execute(
            f"SELECT id FROM passages WHERE id IN ({_marks(chunk)})", chunk
        )
    }


def rows_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> Mapping[int, sqlite3.Row]:
    """Passage id → everything a hit shows: passage, document, file and root, joined."""
    found = {}
    for chunk in _chunks(ids):
        rows = connection.execute(
            "SELECT passages.*, documents.title, documents.metadata, documents.lines, "
            "documents.pages, documents.locators, files.path, files.size, files.mtime_ns, files.hash AS file_hash, "
            "roots.folder AS root "
            "FROM passages JOIN documents ON documents.id = passages.document_id "
            "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
            f"WHERE passages.id IN ({_marks(chunk)})",
            chunk,
        )
        found.update({row["id"]: row for row in rows})
    return found


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


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(ids), CHUNK):
        yield ids[first : first + CHUNK]
