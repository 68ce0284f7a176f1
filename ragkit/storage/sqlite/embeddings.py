"""Rows of models and vectors: which encoder is in use, and what it made of which text.

Functions over a connection of `database`; they neither begin nor commit. Vectors are little-endian
float32 blobs keyed by (model, hash of the embedded text): an equal text is never embedded twice.
A passage without a vector of the model in use is *pending*. Knows no FAISS and no encoder.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ragkit.errors import ModelError
from ragkit.records.documents import embedded_text
from ragkit.storage.sqlite.database import by_id, generation, set_value, value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


UNIT = 1e-3  # how far the length of a vector may be from 1


class Pending(NamedTuple):
    """A passage that waits for its vector."""

    place: tuple[int, int]  # generation and id
    hash: bytes
    text: str  # what the encoder is given
    tokens: int


def use_model(
    connection: sqlite3.Connection,
    name: str,
    fingerprint: str,
    dimension: int,
    window: int,
    options: str = "{}",
) -> int:
    """Make this the encoder of the collection; returns its id. `options`: a JSON object."""
    row = connection.execute(
        "INSERT INTO models (name, fingerprint, dimension, window, options) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (fingerprint) DO UPDATE "
        "SET name = excluded.name, options = excluded.options RETURNING id",
        (name, fingerprint, dimension, window, options),
    ).fetchone()
    if value(connection, "model_id") != row[0]:
        set_value(connection, "model_id", row[0])
        set_value(connection, "complete", 0)
    return int(row[0])


def model(connection: sqlite3.Connection) -> sqlite3.Row | None:
    """The encoder in use: id, name, fingerprint, dimension, window, options; None in a new
    collection."""
    row: sqlite3.Row | None = connection.execute(
        "SELECT models.* FROM models JOIN collection ON collection.value = models.id "
        "WHERE collection.key = 'model_id'"
    ).fetchone()
    return row


# Up to the generation `complete` nothing is pending, so that nobody has to look at all passages to
# learn that. Whoever takes vectors away, or the model, sets it back to 0.
_PENDING = (
    "FROM passages WHERE NOT EXISTS (SELECT 1 FROM vectors "
    "WHERE vectors.model_id = :model AND vectors.hash = passages.hash) "
)


def _complete(connection: sqlite3.Connection) -> int:
    return int(value(connection, "complete") or 0)


def is_noted_complete(connection: sqlite3.Connection) -> bool:
    """Whether it is known without looking that nothing is pending."""
    return _complete(connection) == generation(connection)


def any_pending(connection: sqlite3.Connection, model_id: int) -> bool:
    """Whether any passage waits for its vector. Cheap where none does, and where the last does."""
    if is_noted_complete(connection):
        return False
    sql = f"SELECT 1 {_PENDING} AND generation > :complete ORDER BY generation DESC LIMIT 1"
    found = connection.execute(sql, {"model": model_id, "complete": _complete(connection)})
    return found.fetchone() is not None


def note_complete(connection: sqlite3.Connection) -> None:
    """Remember that nothing is pending as of this generation."""
    set_value(connection, "complete", generation(connection))


def pending_count(connection: sqlite3.Connection, model_id: int) -> int:
    """How many different texts wait for their vector."""
    if is_noted_complete(connection):
        return 0
    sql = f"SELECT count(DISTINCT hash) {_PENDING} AND generation > :complete"
    values = {"model": model_id, "complete": _complete(connection)}
    return int(connection.execute(sql, values).fetchone()[0])


def pending_in(connection: sqlite3.Connection, model_id: int, document_id: int) -> int:
    """How many different texts of this document wait for their vector."""
    sql = f"SELECT count(DISTINCT hash) {_PENDING} AND document_id = :document"
    values = {"model": model_id, "document": document_id}
    return int(connection.execute(sql, values).fetchone()[0])


def pending_of(connection: sqlite3.Connection, model_id: int, document_id: int) -> list[Pending]:
    """The pending passages of this document."""
    sql = (
        f"SELECT id, generation, hash, header, text, tokens {_PENDING} AND document_id = :document"
    )
    rows = connection.execute(sql, {"model": model_id, "document": document_id})
    return [_pending(row) for row in rows]


def pending_after(
    connection: sqlite3.Connection, model_id: int, after: tuple[int, int], limit: int
) -> list[Pending]:
    """The next pending passages by (generation, id); begin with (0, 0)."""
    rows = connection.execute(
        f"SELECT id, generation, hash, header, text, tokens {_PENDING} "
        "AND generation > :complete AND (generation, id) > (:generation, :id) "
        "ORDER BY generation, id LIMIT :limit",
        {
            "model": model_id,
            "complete": _complete(connection),
            "generation": after[0],
            "id": after[1],
            "limit": limit,
        },
    )
    return [_pending(row) for row in rows]


def _pending(row: sqlite3.Row) -> Pending:
    text = embedded_text(row["header"], row["text"])
    return Pending((row["generation"], row["id"]), row["hash"], text, row["tokens"])


def save_vectors(
    connection: sqlite3.Connection,
    model_id: int,
    generation: int,
    hashes: Sequence[bytes],
    vectors: NDArray[np.float32],
) -> None:
    """Store one vector for each hash; `vectors` is (n, d) float32, unit rows.

    Raises ModelError where they are not: one NaN would be near everything, a longer one nearer.
    """
    _check(connection, model_id, vectors)
    rows = vectors.astype("<f4", copy=False)
    connection.executemany(
        "INSERT OR IGNORE INTO vectors (model_id, hash, generation, vector) VALUES (?, ?, ?, ?)",
        (
            (model_id, digest, generation, row.tobytes())
            for digest, row in zip(hashes, rows, strict=True)
        ),
    )


def _check(connection: sqlite3.Connection, model_id: int, vectors: NDArray[np.float32]) -> None:
    import numpy as np

    sql = "SELECT name, dimension FROM models WHERE id = ?"
    name, dimension = connection.execute(sql, (model_id,)).fetchone()
    mend = "Nothing of it was stored. Another model: ragkit index --rebuild --model NAME"
    if vectors.shape[1] != dimension:
        raise ModelError(
            f"{name} made vectors of {vectors.shape[1]} numbers; expected {dimension}. {mend}"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if (wrong := ~(np.abs(lengths - 1) < UNIT)).any():  # NaN is no length at all
        raise ModelError(
            f"{name} made {wrong.sum()} of {len(vectors)} vectors that cannot be compared: one has "
            f"length {lengths[wrong][0]:.4g}; expected 1. {mend}"
        )


def stored_vectors(
    connection: sqlite3.Connection, model_id: int, ids: Sequence[int]
) -> dict[int, NDArray[np.float32]]:
    """Passage id → (d,) float32 unit vector, for those of `ids` that are there and not pending."""
    import numpy as np

    rows = by_id(  # CROSS JOIN fixes the order: SQLite would look at all vectors of the model first
        connection,
        "SELECT passages.id, vectors.vector FROM passages CROSS JOIN vectors "
        "ON vectors.hash = passages.hash AND vectors.model_id = ? WHERE passages.id",
        ids,
        model_id,
    )
    return {row[0]: np.frombuffer(row[1], dtype="<f4") for row in rows}


def forget_vectors(connection: sqlite3.Connection, now: int) -> None:
    """Delete all vectors, so that everything is embedded anew; index files hold nothing now.

    `now` is the generation in which that happens.
    """
    connection.execute("DELETE FROM vectors")
    connection.execute("DELETE FROM index_files WHERE kind IN ('vectors', 'codes')")
    set_value(connection, "trimmed", now)
    set_value(connection, "complete", 0)
