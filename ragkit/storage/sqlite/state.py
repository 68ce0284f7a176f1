"""The state of a collection: its generation, values by key, and the current index files.

The tables `collection` and `index_files`. Functions over a connection of `database`; they neither
begin nor commit a transaction.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from ragkit.storage.sqlite.connection import remembered
from ragkit.storage.sqlite.sharding.gathering import ShardedConnection, constant, from_any


def generation(connection: sqlite3.Connection) -> int:
    """Return the generation of this snapshot."""
    return int(value(connection, "generation") or 0)


def advance(connection: sqlite3.Connection) -> int:
    """Begin a new generation, before passages or vectors change; return it."""
    connection.execute("UPDATE collection SET value = value + 1 WHERE key = 'generation'")
    return generation(connection)


def value(connection: sqlite3.Connection, key: str) -> int | str | None:
    """Return the value of `key` in the table `collection`; None if it was never set."""
    if isinstance(connection, ShardedConnection) and key in connection.values:
        return connection.values[key]
    return _stored_value(connection, key)


@constant
@from_any
@remembered
def _stored_value(connection: sqlite3.Connection, key: str) -> int | str | None:
    row = connection.execute("SELECT value FROM collection WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def set_value(connection: sqlite3.Connection, key: str, value: int | str) -> None:
    """Set the value of `key` in the table `collection`."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES (?, ?)", (key, value))


class IndexFile(NamedTuple):
    """A row of `index_files`: an index file and the generation that it contains."""

    name: str
    generation: int
    checksum: str  # a record of `checksums`; of a lexical index JSON: file name → checksum
    model_id: int | None


@remembered
def index_file(connection: sqlite3.Connection, kind: str) -> IndexFile | None:
    """Return the current index file of this kind (`vectors`, `codes` or `words`); None if there is
    none."""
    row = connection.execute(
        "SELECT name, generation, checksum, model_id FROM index_files WHERE kind = ?", (kind,)
    ).fetchone()
    return None if row is None else IndexFile(*row)


def index_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of all current index files."""
    return [row[0] for row in connection.execute("SELECT name FROM index_files ORDER BY name")]


def record_index_file(connection: sqlite3.Connection, kind: str, file: IndexFile) -> None:
    """Store this file as the current one of its kind, unless a newer one is recorded for the same
    model."""
    connection.execute(
        "INSERT INTO index_files VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind) DO UPDATE SET "
        "name = excluded.name, generation = excluded.generation, checksum = excluded.checksum, "
        "model_id = excluded.model_id WHERE excluded.generation >= index_files.generation "
        "OR excluded.model_id IS NOT index_files.model_id",
        (kind, file.name, file.generation, file.checksum, file.model_id),
    )


def forget_index_file(connection: sqlite3.Connection, kind: str) -> None:
    """Delete the row of this kind of index file."""
    connection.execute("DELETE FROM index_files WHERE kind = ?", (kind,))
