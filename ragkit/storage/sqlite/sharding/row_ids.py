"""Row ids in a shard of a collection: no two shards have a passage, document or file of one id.

A shard's ids begin above a number that is stored with it, so that an id tells its shard. Roots and
encoders, which several shards have, get the same id in each, made of their path or fingerprint.
In an ordinary collection SQLite chooses the ids.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b
from typing import Literal

from ragkit.storage.sqlite.state import set_value, value

_FIRST = "first_row_id"  # of the table `collection`


def set_first_row_id(connection: sqlite3.Connection, first: int) -> None:
    """Make an empty database that of a shard: its row ids will be above `first`."""
    set_value(connection, _FIRST, first)


def first_row_id(connection: sqlite3.Connection) -> int | None:
    """Return the number that all row ids of a shard are above; None in an ordinary collection."""
    stored = value(connection, _FIRST)
    return stored if isinstance(stored, int) else None


def next_row_id(connection: sqlite3.Connection, table: Literal["documents", "files"]) -> int | None:
    """Return the id of a new row of a shard; None where SQLite chooses it."""
    first = first_row_id(connection)
    if first is None:
        return None
    largest = connection.execute(f"SELECT max(id) FROM {table}").fetchone()[0]
    return max(first, largest or 0) + 1


def shared_row_id(connection: sqlite3.Connection, text: str) -> int | None:
    """Return the id of a root or an encoder, the same in all shards; None where SQLite chooses
    it."""
    if first_row_id(connection) is None:
        return None
    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=6).digest()
    return int.from_bytes(digest, "little") + 1
