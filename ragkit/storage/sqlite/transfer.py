"""Copy a database, online, and move its rows out and in: for backups, exports and imports.

An export has the rows of all tables but the caches (`removals`, `index_files`). Binary columns are
hexadecimal, JSON columns are parsed. Vectors are moved as bytes. Knows no files but the copy.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ragkit.errors import CollectionError
from ragkit.records.reports import UNREAD_STATUSES
from ragkit.storage.sqlite.database import APPLICATION_ID, foreign_schema_part
from ragkit.storage.sqlite.sharding.gathering import counts_by_key, from_all, from_any
from ragkit.storage.sqlite.state import set_value

Row = dict[str, Any]

# Parents before children: foreign keys are checked as rows are inserted.
TABLES = (
    "roots", "models", "files", "documents", "passages", "unreadable_texts", "judgements",
)  # fmt: skip
SINCE_SCHEMA = {"judgements": 5}  # of the exports that have the table
JSON_COLUMNS = frozenset(
    {"include", "exclude", "options", "warnings", "details", "pages", "locators", "metadata",
     "heading"}
)  # fmt: skip
# Values of the table `collection` that describe its content; the others describe index files and
# removals, or are the random id, which names one collection.
_VALUES = ("generation", "model_id", "complete", "records", "secrets", "tuned")
_PAGES_PER_STEP = 1024


def copy_to(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the snapshot of a connection to a new database file, while other processes may write.

    Raises sqlite3.Error.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as target:
        connection.backup(target, pages=_PAGES_PER_STEP)


def rows_digest(connection: sqlite3.Connection, tables: Iterable[str]) -> str:
    """Return a digest of all rows of these tables: the same for the same rows."""
    digest = blake2b(digest_size=16)
    for table in tables:
        for row in connection.execute(f'SELECT * FROM "{table}" ORDER BY 1, 2'):
            digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def refuse_foreign(path: Path) -> None:
    """Raise CollectionError if a database is not ragkit's, cannot be read, or has parts that ragkit
    does not make, such as triggers. Reads no table."""
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA trusted_schema = OFF")
            name = foreign_schema_part(connection)
            application = connection.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.Error as error:
        raise CollectionError(
            f"the database is damaged ({error}). See what can be repaired with: ragkit doctor"
        ) from error
    if application != APPLICATION_ID:
        raise CollectionError(f"{path.name} is a SQLite database, but not a ragkit collection")
    if name is not None:
        raise CollectionError(
            f"the database contains {name!r}, which no version of ragkit makes; it is not used"
        )


def forget_index_files(connection: sqlite3.Connection, names: Iterable[str]) -> None:
    """Delete the rows of index files that were not copied."""
    connection.executemany("DELETE FROM index_files WHERE name = ?", ((name,) for name in names))


@from_all(counts_by_key)
def counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return table → number of rows, of the tables that are exported and of the vectors."""
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        for table in (*TABLES, "vectors")
    }


def settings_of(connection: sqlite3.Connection) -> Row:
    """Return the values of the collection that an export contains, with `last_passage_id`: an id is
    never used twice, not even in a copy."""
    rows = connection.execute("SELECT key, value FROM collection")
    values = {row[0]: row[1] for row in rows if row[0] in _VALUES}
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'passages'").fetchone()
    return {**values, "last_passage_id": row[0] if row else 0}


def rows(connection: sqlite3.Connection, table: str) -> Iterator[Row]:
    """Yield the rows of a table as JSON values, by id."""
    types = _columns(connection, table)
    columns = ", ".join(f'"{name}"' for name in types)
    order = "id" if "id" in types else columns
    for values in connection.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"):
        yield {name: _to_json(name, value) for name, value in zip(types, values, strict=True)}


def vector_rows(connection: sqlite3.Connection, model_id: int) -> Iterator[tuple[Row, bytes]]:
    """Yield the vectors of a model, by id: the row without the vector, and its float32 bytes."""
    for id_, digest, generation, checksum, vector in connection.execute(
        "SELECT id, hash, generation, checksum, vector FROM vectors WHERE model_id = ? ORDER BY id",
        (model_id,),
    ):
        hexadecimal = None if checksum is None else checksum.hex()
        row = {"id": id_, "hash": digest.hex(), "generation": generation, "checksum": hexadecimal}
        yield row, vector


@from_all(sum)
def count_vectors(connection: sqlite3.Connection, model_id: int) -> int:
    """Return the number of vectors of a model."""
    sql = "SELECT count(*) FROM vectors WHERE model_id = ?"
    return int(connection.execute(sql, (model_id,)).fetchone()[0])


@from_any
def model_dimensions(connection: sqlite3.Connection) -> dict[int, int]:
    """Return model id → dimension."""
    return dict(connection.execute("SELECT id, dimension FROM models ORDER BY id").fetchall())


def _to_json(column: str, value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if column in JSON_COLUMNS and isinstance(value, str):
        parsed = json.loads(value)
        # A text that would not be written in the same way again stays a text.
        return parsed if _dump(parsed) == value else value
    return value


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def insert_rows(
    connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, object]]
) -> None:
    """Insert rows of `rows` into a table.

    Raises ValueError if one has not exactly the columns of the table or a value of a wrong type,
    sqlite3.Error if it violates a constraint.
    """
    types = _columns(connection, table)
    columns = ", ".join(f'"{name}"' for name in types)
    sql = f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(types))})"
    for row in rows:
        if row.keys() != types.keys():
            raise ValueError(f"has the fields {', '.join(row)}; expected {', '.join(types)}")
        connection.execute(
            sql, [_from_json(name, type_, row[name]) for name, type_ in types.items()]
        )


def insert_vectors(
    connection: sqlite3.Connection,
    model_id: int,
    vectors: Iterable[tuple[Mapping[str, object], bytes]],
) -> None:
    """Insert the vectors of `vector_rows` of one model. Raises as `insert_rows`."""
    rows = ({**row, "model_id": model_id, "vector": vector} for row, vector in vectors)
    insert_rows(connection, "vectors", rows)


def _from_json(column: str, type_: str, value: object) -> object:
    if column in JSON_COLUMNS and not isinstance(value, str):
        return _dump(value)
    if type_ == "BLOB" and isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, (dict, list)):
        raise ValueError(f"{column} is a JSON {type(value).__name__}")
    expected = {"INTEGER": int, "TEXT": str, "BLOB": bytes}[type_]
    if value is not None and not isinstance(value, expected):
        raise ValueError(f"{column} is {value!r}; expected {expected.__name__}")
    return value


def set_settings(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Store the values of `settings_of` in a collection just filled.

    Raises ValueError for a value that is missing or has a wrong type.
    """
    for key in ("generation", "last_passage_id"):
        if not isinstance(values.get(key), int):
            raise ValueError(f"{key} is {values.get(key)!r}; expected a number")
    for key in _VALUES:
        value = values.get(key)
        if isinstance(value, (int, str)):
            set_value(connection, key, value)
    generation = values["generation"]
    assert isinstance(generation, int)  # noqa: S101 (checked above)
    set_value(connection, "trimmed", generation)  # removals are not exported
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'passages'")
    if values["last_passage_id"]:
        connection.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES ('passages', ?)",
            (values["last_passage_id"],),
        )


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, str]:
    """Return the columns of a table with their declared types, in order."""
    return {row[1]: row[2] for row in connection.execute(f"PRAGMA table_info({table})")}


def file_statistics(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Return how many files have which status, media type and kind of reason."""
    columns = {
        "status": "status",
        "media_type": "media_type",
        "kind": "json_extract(details, '$.kind')",
    }
    return {
        name: {
            str(row[0]): row[1]
            for row in connection.execute(
                f"SELECT {column}, count(*) FROM files WHERE {column} IS NOT NULL GROUP BY 1"
            )
        }
        for name, column in columns.items()
    }


def stored_names(connection: sqlite3.Connection) -> list[str]:
    """Return the names of roots, models and unread files, which messages may repeat."""
    sql = (
        "SELECT path FROM roots UNION SELECT folder FROM roots UNION SELECT name FROM models "
        f"UNION SELECT path FROM files WHERE status IN {UNREAD_STATUSES!r}"
    )
    return [row[0] for row in connection.execute(sql) if isinstance(row[0], str)]


def replace_all_rows(path: Path, source: Path, keep: Iterable[str] = ()) -> None:
    """Replace the rows of the database `path` by those of the database `source`, in one
    transaction; those of the tables `keep` stay. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in ("trusted_schema = OFF", "synchronous = FULL", "busy_timeout = 5000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("ATTACH DATABASE ? AS copy", (str(source),))
        connection.execute("BEGIN IMMEDIATE")
        try:
            replace_rows(connection, "copy", keep=keep)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise


def replace_rows(connection: sqlite3.Connection, source: str, keep: Iterable[str] = ()) -> None:
    """Replace the rows of all tables but `keep` by those of the attached database `source`, which
    has the same schema. Foreign keys must be off. Judgements of documents that are gone stay,
    without their document.

    The rows about index files are deleted: they name files of the folder of `source`. The caller
    begins and commits the transaction. Raises sqlite3.Error.
    """
    kept = set(keep)
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' "
            "AND (name NOT LIKE 'sqlite\\_%' ESCAPE '\\' OR name = 'sqlite_sequence')"
        )
    ]
    # A trigger writes a removal for each deleted passage, with the generation in `collection`.
    last = ("removals", "collection")
    for name in sorted(names, key=lambda name: last.index(name) if name in last else -1):
        if name in kept:
            continue
        if name == "sqlite_sequence":
            marks = ", ".join("?" * len(kept))
            connection.execute(
                f"DELETE FROM main.sqlite_sequence WHERE name NOT IN ({marks})", [*kept]
            )
            connection.execute(
                f"INSERT INTO main.sqlite_sequence SELECT * FROM {source}.sqlite_sequence "
                f"WHERE name NOT IN ({marks})",
                [*kept],
            )
            continue
        connection.execute(f'DELETE FROM main."{name}"')
        if name != "index_files":
            connection.execute(f'INSERT INTO main."{name}" SELECT * FROM {source}."{name}"')
    connection.execute(
        "UPDATE judgements SET document_id = NULL WHERE document_id NOT IN "
        "(SELECT id FROM documents)"
    )


def copy_snapshot(connection: sqlite3.Connection, path: Path) -> None:
    """Write one snapshot of a database to the new file `path`, without a write-ahead log: reading
    the copy writes nothing."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE").fetchone()
