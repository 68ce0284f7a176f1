"""Check a whole database: what SQLite notices, and what only the checksums of rows show.

`check` reads every row; `ragkit doctor` shows what it finds and `repair` does what can be done
without the files. Queries check only the rows that they show. Knows no index files.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ragkit.storage.sqlite import documents, passages
from ragkit.storage.sqlite.checksums import (
    DOCUMENT_COLUMNS,
    FILE_COLUMNS,
    PASSAGE_COLUMNS,
    blob_checksum,
    fields_checksum,
)
from ragkit.storage.sqlite.connection import CAUSED_BY_DAMAGE, Damage
from ragkit.storage.sqlite.passages import HAS_PASSAGES, UNIT_TOLERANCE
from ragkit.storage.sqlite.state import advance, generation, set_value, value

MAX_SHOWN = 5  # paths that are named in a line
MAX_LISTED = 20  # lines of SQLite's own check that are kept

# What is repaired by which means; other kinds of findings cannot be repaired from the database.
READ_AGAIN = ("document_text", "document_fields", "passage", "passage_span")
READ_FILE_AGAIN = ("file",)
EMBED_AGAIN = ("vector",)
REINDEX = ("sqlite_index",)
DELETE_UNUSED = ("unused_vectors",)
RECOUNT = ("pending",)
DELETE_DERIVED = ("derived_row",)
# Tables that are made of others, their columns that refer to a row, and where: parents first.
_DERIVED = (
    ("passages", "document_id", "documents"),
    ("vectors", "model_id", "models"),
    ("unreadable_texts", "model_id", "models"),
    ("topics", "model_id", "models"),
    ("topics", "parent_id", "topics"),
    ("passage_topics", "passage_id", "passages"),
    ("passage_topics", "topic_id", "topics"),
    ("version_keys", "document_id", "documents"),
    ("newer_versions", "document_id", "documents"),
    ("newer_versions", "newer_id", "documents"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong in the database.

    `kind` is a stable name, `message` one line for people, `ids` those of the rows: documents for
    the kinds in READ_AGAIN, files for READ_FILE_AGAIN, vectors for EMBED_AGAIN and
    `unused_vectors`. `is_damage` is False for what the next `ragkit index` puts in order anyway.
    """

    kind: str
    message: str
    ids: tuple[int, ...] = ()
    is_damage: bool = True


def check(connection: sqlite3.Connection) -> list[Finding]:
    """Return everything that is wrong in this snapshot; [] for an intact database.

    Reads every row: about a second for each gigabyte. Never raises for damage: a part that
    SQLite cannot read is a finding.
    """
    findings: list[Finding] = []
    checks: tuple[Callable[[sqlite3.Connection], Iterator[Finding]], ...] = (
        _check_sqlite, _check_schema, _check_foreign_keys, _check_files, _check_documents,
        _check_passages, _check_vectors, _check_counts, _check_model, _check_types, _check_json,
    )  # fmt: skip
    for run in checks:
        try:
            findings += run(connection)
        except (sqlite3.Error, *CAUSED_BY_DAMAGE) as error:
            part = run.__name__.removeprefix("_check_")
            findings.append(Finding("sqlite", f"the check of {part} cannot read on: {error}"))
    return findings


def repair(connection: sqlite3.Connection, findings: Sequence[Finding], at_generation: int) -> None:
    """Repair what these findings name and what needs no file: in a transaction of `changing`, which
    yields `at_generation`.

    Documents are marked to be read again by the next `ragkit index`, which embeds nothing that has
    an intact vector; damaged vectors are deleted and then embedded again; SQLite's indexes are
    rebuilt. Nothing that cannot be made again is deleted.
    """
    for kinds, action in (
        (REINDEX, lambda ids: connection.execute("REINDEX")),
        (READ_FILE_AGAIN, lambda ids: _mark_files(connection, ids)),
        (READ_AGAIN, lambda ids: mark_to_read_again(connection, ids)),
        (EMBED_AGAIN, lambda ids: delete_damaged_vectors(connection, ids, at_generation)),
        (DELETE_UNUSED, lambda ids: _delete_unused_vectors(connection, ids)),
        (DELETE_DERIVED, lambda ids: _delete_derived(connection)),
        (RECOUNT, lambda ids: set_value(connection, "complete", 0)),
    ):
        selected = [finding for finding in findings if finding.kind in kinds]
        if selected:
            action([id_ for finding in selected for id_ in finding.ids])


def describe(connection: sqlite3.Connection, damage: Damage) -> list[str]:
    """Return one line for the user about each kind of damaged rows that a query has met."""
    lines = []
    if damage.documents or damage.files:
        paths = [
            *documents.paths_by_id(connection, sorted(damage.documents)),
            *documents.file_paths(connection, sorted(damage.files)),
        ]
        listed = ", ".join(paths[:MAX_SHOWN]) + (" …" if len(paths) > MAX_SHOWN else "")
        lines.append(
            f"{listed}: what is stored of it has changed since it was written and is not to be "
            "trusted. Read it again with: ragkit index"
        )
    if damage.vectors:
        lines.append(
            f"{len(damage.vectors):,} stored vectors have changed since they were written and are "
            "not used. Embed them again with: ragkit index"
        )
    if damage.passages:
        lines.append(
            "the database lacks passages that the index files name (number: "
            f"{len(damage.passages):,}). Repair it with: ragkit doctor --repair; then: ragkit index"
        )
    if damage.without_vector:
        lines.append(
            "the database does not find vectors that were stored (of passages: "
            f"{len(damage.without_vector):,}). Repair it with: ragkit doctor --repair; then: "
            "ragkit index"
        )
    return lines


def mark_damaged(connection: sqlite3.Connection, damage: Damage) -> None:
    """Let the next `ragkit index` make these rows again, in a transaction that writes."""
    mark_to_read_again(connection, sorted(damage.documents))
    _mark_files(connection, sorted(damage.files))
    if damage.vectors:
        delete_damaged_vectors(connection, sorted(damage.vectors), advance(connection))
    if damage.without_vector:
        set_value(connection, "complete", 0)  # the next run looks for them


def _mark_files(connection: sqlite3.Connection, file_ids: Sequence[int]) -> None:
    connection.executemany(
        "UPDATE files SET mtime_ns = NULL, recipe = NULL WHERE id = ?",
        ((file_id,) for file_id in file_ids),
    )


def mark_to_read_again(connection: sqlite3.Connection, document_ids: Sequence[int]) -> None:
    """Let the next `ragkit index` read the files of these documents again, changed or not."""
    connection.executemany(
        "UPDATE files SET mtime_ns = NULL, recipe = NULL "
        "WHERE id = (SELECT file_id FROM documents WHERE id = ?)",
        ((document_id,) for document_id in document_ids),
    )


def delete_damaged_vectors(
    connection: sqlite3.Connection, vector_ids: Sequence[int], at_generation: int
) -> None:
    """Delete these vectors, so that their texts are embedded again.

    `at_generation` is the generation of the deletion. The vector files are written again, because
    they may contain what was deleted.
    """
    connection.executemany("DELETE FROM vectors WHERE id = ?", ((id_,) for id_ in vector_ids))
    passages.forget_vector_files(connection, at_generation)


def _delete_unused_vectors(connection: sqlite3.Connection, vector_ids: Sequence[int]) -> None:
    connection.executemany(
        "DELETE FROM vectors WHERE id = ? "
        "AND NOT EXISTS (SELECT 1 FROM passages WHERE passages.hash = vectors.hash)",
        ((id_,) for id_ in vector_ids),
    )


def _delete_derived(connection: sqlite3.Connection) -> None:
    """Delete rows of derived tables that refer to no row. Every file is read again if passages were
    among them: a document, of which is not known, has lost them."""
    for table, column, parent in _DERIVED:
        deleted = connection.execute(
            f"DELETE FROM {table} WHERE {column} NOT IN (SELECT id FROM {parent})"
        )
        if table == "passages" and deleted.rowcount:
            connection.execute("UPDATE files SET mtime_ns = NULL, recipe = NULL")


def _check_sqlite(connection: sqlite3.Connection) -> Iterator[Finding]:
    lines = [row[0] for row in connection.execute(f"PRAGMA integrity_check({MAX_LISTED})")]
    for line in lines:
        if line != "ok":
            kind = "sqlite_index" if _is_about_index(line) else "sqlite"
            yield Finding(kind, f"SQLite: {line}")


def _is_about_index(line: str) -> bool:
    """Whether a line of `integrity_check` is about an index, which REINDEX makes again."""
    return any(
        words in line for words in ("missing from index", "entries in index", "non-unique entry")
    )


def _check_schema(connection: sqlite3.Connection) -> Iterator[Finding]:
    from ragkit.storage.sqlite import migrations  # not for a query

    with contextlib.closing(sqlite3.connect(":memory:")) as model:
        migrations.apply(model)
        expected, actual = _schema(model), _schema(connection)
    for name, columns in sorted(expected.items()):
        if name not in actual:
            yield Finding("schema", f"the table, index or trigger {name} is missing")
        elif missing := columns - actual[name]:
            yield Finding("schema", f"{name} has no column {', '.join(sorted(missing))}")


def _schema(connection: sqlite3.Connection) -> dict[str, set[str]]:
    """Return the tables, indexes and triggers that ragkit makes, each with its columns."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
    return {
        name: {row[0] for row in connection.execute(_COLUMNS, (name,))}
        for name in names
        if not name.startswith(("_", "sqlite_autoindex"))
    }


_COLUMNS = "SELECT name FROM pragma_table_info(?)"


def _check_foreign_keys(connection: sqlite3.Connection) -> Iterator[Finding]:
    derived, more = {table for table, _, _ in _DERIVED}, []
    for count, row in enumerate(connection.execute("PRAGMA foreign_key_check"), start=1):
        kind = "derived_row" if row[0] in derived else "foreign_key"
        if count <= MAX_LISTED:
            yield Finding(kind, f"row {row[1]} of {row[0]} refers to no row of {row[2]}")
        else:
            more.append(kind)
    if more:
        yield Finding(max(more), f"and {len(more):,} rows more")


def _check_documents(connection: sqlite3.Connection) -> Iterator[Finding]:
    columns = ", ".join(f'"{name}"' for name in DOCUMENT_COLUMNS)
    rows = connection.execute(
        f"SELECT id, CAST(text AS BLOB), checksum, fields_checksum, {columns} FROM documents"
    )
    texts, fields = [], []
    for id_, text, checksum, checksum_of_fields, *values in rows:
        if checksum is not None and blob_checksum(text or b"") != checksum:
            texts.append(id_)
        is_same = checksum_of_fields in (None, fields_checksum(values))
        if not is_same or not _is_document(values):
            fields.append(id_)
    if texts:
        yield Finding(
            "document_text",
            f"documents whose text has changed since it was written: {len(texts):,}",
            tuple(texts),
        )
    if fields:
        yield Finding(
            "document_fields",
            f"documents whose title, pages or metadata have changed: {len(fields):,}",
            tuple(fields),
        )


def _is_document(values: Sequence[object]) -> bool:
    """Whether the values of DOCUMENT_COLUMNS have the form that ragkit writes: somebody else may
    have made the database, with the right checksums."""
    row = dict(zip(DOCUMENT_COLUMNS, values, strict=True))
    try:
        pages, locators, metadata = (
            json.loads(str(row[name])) for name in ("pages", "locators", "metadata")
        )
        return (
            isinstance(metadata, dict)
            and all(type(page) is int for page in pages)
            and all(list(map(type, locator)) == [int, str, str] for locator in locators)
        )
    except (ValueError, TypeError, RecursionError):
        return False


def _check_passages(connection: sqlite3.Connection) -> Iterator[Finding]:
    columns = ", ".join(f'"{name}"' for name in PASSAGE_COLUMNS)
    newest = generation(connection)
    damaged, spans, newer = set[int](), set[int](), 0
    document_id, text = None, ""
    for header, own_text, checksum, added_at, digest, *values in connection.execute(
        f"SELECT header, text, checksum, generation, hash, {columns} FROM passages "
        "ORDER BY document_id, id"
    ):
        _, owner, start, end, *_ = values
        heading = values[PASSAGE_COLUMNS.index("heading")]
        if not is_intact_passage(header, own_text, checksum, values, digest) or not _is_json(
            heading, list
        ):
            damaged.add(owner)
            continue
        if owner != document_id:
            document_id = owner
            row = connection.execute("SELECT text FROM documents WHERE id = ?", (owner,)).fetchone()
            text = row[0] if row is not None and isinstance(row[0], str) else ""
        if text[start:end] != own_text:
            spans.add(owner)
        newer += added_at > newest
    if damaged:
        yield Finding(
            "passage",
            f"documents with passages that have changed since they were written: {len(damaged):,}",
            tuple(sorted(damaged)),
        )
    if spans := spans - damaged:
        yield Finding(
            "passage_span",
            f"documents whose passages are not spans of their text: {len(spans):,}",
            tuple(sorted(spans)),
        )
    if newer:
        yield Finding(
            "generation", f"passages of a generation after the newest ({newest}): {newer:,}"
        )


def is_intact_passage(
    header: object, text: object, checksum: object, fields: Sequence[object], digest: object
) -> bool:
    """Whether a passage is as it was written. `fields` are the values of PASSAGE_COLUMNS and
    `digest` is its stored `hash`."""
    return passages.has_intact_text(header, text, digest) and (
        checksum is None or fields_checksum(fields) == checksum
    )


def _check_files(connection: sqlite3.Connection) -> Iterator[Finding]:
    damaged = [
        row["id"]
        for row in connection.execute("SELECT * FROM files")
        if row["checksum"] not in (None, fields_checksum(row[name] for name in FILE_COLUMNS))
    ]
    if damaged:
        yield Finding(
            "file", f"files whose status or reason has changed: {len(damaged):,}", tuple(damaged)
        )


def _check_vectors(connection: sqlite3.Connection) -> Iterator[Finding]:
    dimensions = dict(connection.execute("SELECT id, dimension FROM models").fetchall())
    damaged: dict[str, list[int]] = {}
    for id_, model_id, vector, checksum in connection.execute(
        "SELECT id, model_id, vector, checksum FROM vectors"
    ):
        if reason := _vector_damage(vector, checksum, dimensions.get(model_id)):
            damaged.setdefault(reason, []).append(id_)
    for reason, ids in damaged.items():
        yield Finding("vector", f"vectors {reason}: {len(ids):,}", tuple(ids))


def _vector_damage(vector: object, checksum: object, dimension: object) -> str | None:
    """Return what is wrong with a vector; None if nothing is."""
    if not isinstance(dimension, int):
        return "of no known model"
    if not isinstance(vector, bytes) or len(vector) != 4 * dimension:
        return "of the wrong length"
    if checksum is not None and blob_checksum(vector) != checksum:
        return "that have changed since they were written"
    norm = math.hypot(*struct.unpack(f"<{dimension}f", vector))
    return None if abs(norm - 1) < UNIT_TOLERANCE else "that are not of unit length"


def _check_counts(connection: sqlite3.Connection) -> Iterator[Finding]:
    unused = connection.execute(
        "SELECT id FROM vectors WHERE NOT EXISTS "
        "(SELECT 1 FROM passages WHERE passages.hash = vectors.hash)"
    ).fetchall()
    if unused:
        yield Finding(
            "unused_vectors",
            f"vectors that belong to no passage: {len(unused):,}",
            tuple(row[0] for row in unused),
            is_damage=False,
        )
    model = passages.model(connection)
    if model is not None and passages.is_complete(connection):
        missing = passages.count_without_vector(connection, model["id"])
        if missing:
            yield Finding("pending", f"passages that have lost their vector: {missing:,}")


def _check_model(connection: sqlite3.Connection) -> Iterator[Finding]:
    key = value(connection, "model_id")
    rows = {row["id"]: row for row in connection.execute("SELECT * FROM models")}
    if key not in rows and (key is not None or connection.execute(HAS_PASSAGES).fetchone()):
        yield Finding("model", "the collection's model is missing")
    for row in rows.values():
        if not passages.is_valid_model(row):
            yield Finding("model", f"the row of the model {row['id']} is not valid")
    if not isinstance(value(connection, "generation"), int):
        yield Finding("generation", "the generation of the collection is missing")


# Column → type, for those that no checksum covers; "?": NULL is allowed.
_TYPES = {
    "roots": {"path": "text", "folder": "text"},
    "files": {
        "root_id": "integer", "path": "text", "size": "integer", "mtime_ns": "integer?",
        "ctime_ns": "integer?", "inode": "integer?", "hash": "blob?", "status": "text",
        "reason": "text?", "recipe": "text?", "media_type": "text?", "encoding": "text?",
    },
    "passages": {"generation": "integer"},
    "vectors": {"generation": "integer", "hash": "blob"},
    "removals": {"generation": "integer"},
    "index_files": {
        "name": "text", "generation": "integer", "checksum": "text", "model_id": "integer?",
    },
}  # fmt: skip
_STATUSES = "('indexed', 'empty', 'skipped', 'failed', 'unsupported')"


def _check_types(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table, columns in _TYPES.items():
        for column, type_ in columns.items():
            allowed = f"('{type_.rstrip('?')}', '{'null' if type_.endswith('?') else ''}')"
            sql = f"SELECT count(*) FROM {table} WHERE typeof({column}) NOT IN {allowed}"
            if count := connection.execute(sql).fetchone()[0]:
                yield Finding(
                    "type", f"rows of {table} whose {column} has no valid type: {count:,}"
                )
    for table, column in (("roots", "path"), ("roots", "folder"), ("files", "path")):
        sql = f"SELECT count(*) FROM {table} WHERE instr({column}, char(0)) > 0"
        if count := connection.execute(sql).fetchone()[0]:
            yield Finding("type", f"rows of {table} whose {column} contains a NUL: {count:,}")
    sql = f"SELECT count(*) FROM files WHERE status NOT IN {_STATUSES}"
    if count := connection.execute(sql).fetchone()[0]:
        yield Finding("type", f"rows of files with an unknown status: {count:,}")


def _check_json(connection: sqlite3.Connection) -> Iterator[Finding]:
    for table, column, kind in (
        ("roots", "include", list), ("roots", "exclude", list),
        ("files", "warnings", list), ("files", "details", dict),
        ("models", "options", dict),
    ):  # fmt: skip
        rows = connection.execute(f"SELECT {column} FROM {table}")
        count = sum(not _is_json(row[0], kind) for row in rows)
        if count:
            yield Finding("json", f"rows of {table} whose {column} is not valid: {count:,}")


def _is_json(text: object, kind: type) -> bool:
    """Whether a text is a JSON object, or with `list` a JSON array of strings."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return False
    if kind is list:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, kind)
