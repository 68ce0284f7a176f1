"""Rows of models and vectors: which encoder is in use, and what it made of which text.

Functions over a connection of `database`; they neither begin nor commit. Vectors are little-endian
float32 blobs keyed by (model, hash of the embedded text): an equal text is never embedded twice.
A passage without a vector of the model in use is *pending*. Knows no FAISS and no encoder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ragkit.passages import embedded_text
from ragkit.storage.database import by_id

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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

    rows = by_id(
        connection,
        "SELECT passages.id, vectors.vector FROM passages JOIN vectors "
        "ON vectors.hash = passages.hash AND vectors.model_id = ? WHERE passages.id",
        ids,
        model_id,
    )
    return {row[0]: np.frombuffer(row[1], dtype="<f4") for row in rows}


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
