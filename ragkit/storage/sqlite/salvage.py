"""Rescue what can be read of a damaged database: its folders, its models and its vectors.

Texts are read from the files again; intact vectors need not be computed again. Every row is read on
its own, because SQLite stops at the first damaged page of a table. Changes nothing in the damaged
file.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import CollectionError
from ragkit.storage.collection_files import refuse_links
from ragkit.storage.sqlite.checksums import blob_checksum
from ragkit.storage.sqlite.database import APPLICATION_ID, SCHEMA_VERSION, Database
from ragkit.storage.sqlite.passages import UNIT_TOLERANCE
from ragkit.storage.sqlite.state import set_value

_VALUES = ("model_id", "records", "secrets", "tuned")


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many rows were copied from a damaged database into a new one."""

    roots: int
    models: int
    vectors: int


def is_rescuable(path: Path) -> bool:
    """Whether a database is ragkit's, not newer than this version, and names its folders."""
    with contextlib.suppress(sqlite3.Error, OSError), _reader(path) as damaged:
        application = damaged.execute("PRAGMA application_id").fetchone()[0]
        version = damaged.execute("PRAGMA user_version").fetchone()[0]
        is_ours = application == APPLICATION_ID and 0 < version <= SCHEMA_VERSION
        return is_ours and bool(list(_rows(damaged, "roots", ("id", "path"))))
    return False


def readable_counts(path: Path) -> dict[str, int | None]:
    """Return table → rows that can be counted; None for a table that cannot be read."""
    counts: dict[str, int | None] = {}
    for table in ("roots", "files", "documents", "passages", "vectors"):
        counts[table] = None
        with contextlib.suppress(sqlite3.Error, OSError), _reader(path) as damaged:
            # Not from an index: that may be intact where the table is not.
            sql = f"SELECT count(*) FROM {table} NOT INDEXED"
            counts[table] = damaged.execute(sql).fetchone()[0]
    return counts


def rescue(path: Path, store: Database) -> Rescued:
    """Copy roots, models, intact vectors and the user's judgements of the damaged database `path`
    into a new one. Judgements find their documents again by path."""
    with _reader(path) as damaged, store.writing() as connection:
        roots = models = vectors = 0
        for row in _rows(damaged, "roots", ("id", "path", "folder", "include", "exclude")):
            if all(isinstance(value, str) for value in row[1:]) and all(map(_is_list, row[3:])):
                roots += _insert(connection, "roots", "id, path, folder, include, exclude", row)
        columns = "id, fingerprint, name, dimension, window, options"
        dimensions: dict[object, int] = {}
        for row in _rows(damaged, "models", tuple(columns.split(", "))):
            if isinstance(row[3], int) and _is_object(row[5]):
                dimensions[row[0]] = row[3]
                models += _insert(connection, "models", columns, row)
        columns = "id, model_id, hash, generation, vector, checksum"
        for row in _rows(damaged, "vectors", tuple(columns.split(", "))):
            if _is_intact(row, dimensions):
                vectors += _insert(connection, "vectors", columns, (*row[:3], 0, *row[4:]))
        columns = "id, query, path, start, quote, relevant, judged_at"
        for row in _rows(damaged, "judgements", tuple(columns.split(", "))):
            _insert(connection, "judgements", columns, row)
        with contextlib.suppress(sqlite3.Error):
            for key, value in damaged.execute("SELECT key, value FROM collection"):
                if key in _VALUES and isinstance(value, (int, str)):
                    set_value(connection, key, value)
        if connection.execute(
            "SELECT 1 FROM collection WHERE key = 'model_id' "
            "AND value NOT IN (SELECT id FROM models)"
        ).fetchone():
            connection.execute("DELETE FROM collection WHERE key = 'model_id'")
    return Rescued(roots, models, vectors)


@contextlib.contextmanager
def _reader(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database without writing, whether or not it has a write-ahead log.

    Raises OSError for a link or a special file, which SQLite would follow or wait for.
    """
    try:
        refuse_links(path.parent, path.name)
    except CollectionError as error:
        raise OSError(str(error)) from error
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.text_factory = lambda data: data.decode(errors="replace")
        yield connection


def _rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...]
) -> Iterator[tuple[object, ...]]:
    """Yield the rows of a table that can be read: from the first one on, then from the last."""
    names, seen = ", ".join(columns), set[object]()
    for direction in ("ASC", "DESC"):
        sql = f"SELECT {names} FROM {table} ORDER BY id {direction}"
        try:
            for row in connection.execute(sql):
                if row[0] in seen:
                    if direction == "DESC":
                        return
                    continue
                seen.add(row[0])
                yield row
        except (sqlite3.DatabaseError, OverflowError):
            continue
        return


def _insert(
    connection: sqlite3.Connection, table: str, columns: str, row: tuple[object, ...]
) -> int:
    marks = ", ".join("?" * len(row))
    try:
        connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", row)
    except (sqlite3.IntegrityError, sqlite3.InterfaceError, OverflowError):
        return 0
    return 1


def _is_intact(row: tuple[object, ...], dimensions: dict[object, int]) -> bool:
    """Whether a vector has its checksum; without one nothing tells whether it has changed."""
    _, model_id, digest, _, vector, checksum = row
    dimension = dimensions.get(model_id)
    if not isinstance(vector, bytes) or not isinstance(digest, bytes) or dimension is None:
        return False
    if len(vector) != 4 * dimension or blob_checksum(vector) != checksum:
        return False
    return abs(math.hypot(*struct.unpack(f"<{dimension}f", vector)) - 1) < UNIT_TOLERANCE


def _is_list(value: object) -> bool:
    return _is_json(value, list)


def _is_object(value: object) -> bool:
    return _is_json(value, dict)


def _is_json(value: object, kind: type) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except (ValueError, RecursionError):
        return False
