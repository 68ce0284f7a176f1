"""Rows of documents: the texts of files, found by id or by the path of a citation.

A file is one document or contains several; then each has a record, its place in the file. Functions
over a connection of `database`; they neither begin nor commit a transaction. Of passages it knows
only how many there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ragkit.errors import CollectionError, UsageError
from ragkit.storage.sqlite.checksums import DOCUMENT_COLUMNS, fields_checksum, text_checksum
from ragkit.storage.sqlite.connection import by_id, remembered, report_damage
from ragkit.storage.sqlite.sharding.gathering import (
    ShardedConnection,
    by_ids,
    constant,
    distinct,
    first_found,
    from_all,
    joined,
    limited,
)
from ragkit.storage.sqlite.sharding.row_ids import next_row_id

if TYPE_CHECKING:
    from ragkit.records.documents import Document
    from ragkit.records.reports import DocumentEntry

_PATHS_PER_STATEMENT = 100
# The path that a document is shown and cited by: that of its file, and its record.
DISPLAY_PATH = "files.path || iif(documents.record = '', '', '/' || documents.record)"

_DOCUMENT = (
    f"SELECT documents.*, files.path AS file_path, {DISPLAY_PATH} AS path, files.size, "
    "files.mtime_ns, files.ctime_ns, files.hash AS file_hash, roots.folder AS root {more} "
    "FROM documents "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
)

_ENTRY = (
    f"SELECT documents.id, {DISPLAY_PATH} AS path, documents.title, files.media_type, "
    "length(documents.text) AS characters, documents.metadata, roots.folder AS root, "
    "(SELECT count(*) FROM passages WHERE document_id = documents.id) AS passages FROM documents "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
)


def save_document(
    connection: sqlite3.Connection, file_id: int, document: Document, record: str = ""
) -> int:
    """Insert or update a document of a file; return its id, which an update keeps.

    `record` is its place in the file, "" if the file is one document.
    """
    locators = [(locator.start, locator.kind, locator.value) for locator in document.locators]
    fields = (
        file_id,
        record,
        document.title,
        json.dumps(document.pages),
        json.dumps(locators, ensure_ascii=False),
        int(document.lines),
        json.dumps(dict(document.metadata), ensure_ascii=False),
    )
    row = connection.execute(
        "INSERT INTO documents (id, file_id, record, title, pages, locators, lines, metadata, "
        "fields_checksum, text, checksum) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file_id, record) DO UPDATE SET "
        "title = excluded.title, pages = excluded.pages, locators = excluded.locators, "
        "lines = excluded.lines, metadata = excluded.metadata, "
        "fields_checksum = excluded.fields_checksum, text = excluded.text, "
        "checksum = excluded.checksum RETURNING id",
        (
            next_row_id(connection, "documents"), *fields, fields_checksum(fields), document.text,
            text_checksum(document.text),
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


def remove_documents(connection: sqlite3.Connection, file_id: int, keep: Iterable[str] = ()) -> int:
    """Delete the documents of a file, except the records `keep`; the row of the file stays.

    Return 1 if those were all of its documents; 0 if it had none or if some are left.
    """
    rows = connection.execute("SELECT id, record FROM documents WHERE file_id = ?", (file_id,))
    kept_records = set(keep)
    documents = rows.fetchall()
    deleted = [(row[0],) for row in documents if row[1] not in kept_records]
    connection.executemany("DELETE FROM documents WHERE id = ?", deleted)
    return int(bool(documents) and len(deleted) == len(documents))


def records(connection: sqlite3.Connection, file_id: int) -> list[str]:
    """Return the names of the documents of a file: "" for its own document."""
    sql = "SELECT record FROM documents WHERE file_id = ? ORDER BY id"
    return [row[0] for row in connection.execute(sql, (file_id,))]


def remove_document(connection: sqlite3.Connection, document_id: int) -> None:
    """Delete one document of a file; the next `ragkit index` reads the file again."""
    connection.execute(
        "UPDATE files SET recipe = NULL WHERE id = (SELECT file_id FROM documents WHERE id = ?)",
        (document_id,),
    )
    connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))


@by_ids()
def document_of_passage(connection: sqlite3.Connection, passage_id: int) -> sqlite3.Row | None:
    """Return the document of a passage, with the passage's `start` and `end` (characters)."""
    row: sqlite3.Row | None = connection.execute(
        _DOCUMENT.format(more=', passages.start, passages."end"')
        + "JOIN passages ON passages.document_id = documents.id WHERE passages.id = ?",
        (passage_id,),
    ).fetchone()
    return row


def document_at(connection: sqlite3.Connection, path: str, absolute: str) -> sqlite3.Row | None:
    """Return the document with this relative or absolute path, which may name a record of a file.

    A relative path is relative to a root; folders of the root may precede it, as `cited_path`
    writes them. None if there is none. Raises UsageError if a relative path is in several roots.
    """
    rows = _documents_at(connection, path, absolute)
    exact = [row for row in rows if f"{row['root']}/{row['path']}" == absolute]
    relative = [row for row in rows if row["path"] == path]
    if len({row["root"] for row in relative}) == 1:
        return relative[0]
    found = exact or relative or list(_below_named_roots(connection, path))
    if len({row["root"] for row in found}) > 1:
        paths = ", ".join(f"{row['root']}/{row['path']}" for row in found)
        raise UsageError(f"{path} is in several roots; name one of {paths}")
    return found[0] if found else None


@from_all(joined)
def _documents_at(connection: sqlite3.Connection, path: str, absolute: str) -> list[sqlite3.Row]:
    """The documents with this path relative to any root, or with this absolute path."""
    files, arguments = _file_condition(path, absolute)
    return connection.execute(
        _DOCUMENT.format(more="") + f"WHERE ({files}) "
        f"AND ({DISPLAY_PATH} = ? OR roots.folder || '/' || {DISPLAY_PATH} = ?) "
        "ORDER BY documents.id",
        (*arguments, path, absolute),
    ).fetchall()


def _below_named_roots(connection: sqlite3.Connection, path: str) -> Iterator[sqlite3.Row]:
    """The documents whose absolute path ends with `path`, which begins with folders of the root."""
    for root in root_folders(connection):
        for named in root_names(root):
            if path.startswith(f"{named}/"):
                absolute = f"{root}/{path[len(named) + 1 :]}"
                rows = _documents_at(connection, absolute, absolute)
                yield from (row for row in rows if row["root"] == root)


def root_names(root: str) -> list[str]:
    """The names of a root, by its last folder, its last two folders, …"""
    parts = root.strip("/").split("/")
    return ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]


@constant
@from_all(distinct)
@remembered
def root_folders(connection: sqlite3.Connection) -> list[str]:
    """Return the folders of all roots, each once."""
    sql = "SELECT DISTINCT folder FROM roots ORDER BY id"
    return [row[0] for row in connection.execute(sql)]


def cited_path(connection: sqlite3.Connection, root: str, path: str) -> str:
    """Return the path that a citation of this document begins with, which `document_at` finds.

    That is its path relative to its root. Where another root has a document of the same path, the
    names of as many of the root's last folders precede it as make it unique: `notes/faq.md`.
    """
    if path not in repeated_paths(connection, [path]):
        return path
    for name in root_names(root):
        cited = f"{name}/{path}"
        try:
            row = document_at(connection, cited, cited)
        except UsageError:  # another root ends with these folders, too
            continue
        if row is not None and (row["root"], row["path"]) == (root, path):
            return cited
    return f"{root}/{path}"


def repeated_paths(connection: sqlite3.Connection, paths: Collection[str]) -> set[str]:
    """Return those of the paths, relative to a root, at which several roots have documents."""
    folders: dict[str, set[str]] = {}
    for path, folder in _paths_with_roots(connection, list(dict.fromkeys(paths))):
        folders.setdefault(path, set()).add(folder)
    return {path for path, roots in folders.items() if len(roots) > 1}


@from_all(distinct)
def _paths_with_roots(
    connection: sqlite3.Connection, paths: Sequence[str]
) -> list[tuple[str, str]]:
    """Return (path, folder of the root) of each of these paths in each root that has it."""
    found: dict[tuple[str, str], None] = {}
    for first in range(0, len(paths), _PATHS_PER_STATEMENT):
        chunk = paths[first : first + _PATHS_PER_STATEMENT]
        # The path of a record begins with that of its file.
        files = list(dict.fromkeys(prefix for path in chunk for prefix in _prefixes(path)))
        rows = connection.execute(
            f"SELECT DISTINCT {DISPLAY_PATH}, roots.folder FROM roots "
            "CROSS JOIN files ON files.root_id = roots.id "  # in this order: by files' index
            "JOIN documents ON documents.file_id = files.id "
            f"WHERE files.path IN ({', '.join('?' * len(files))}) "
            f"AND {DISPLAY_PATH} IN ({', '.join('?' * len(chunk))})",
            (*files, *chunk),
        )
        found.update(dict.fromkeys((row[0], row[1]) for row in rows))
    return list(found)


@from_all(joined)
def all_ids(connection: sqlite3.Connection, first_id: int = 0) -> list[int]:
    """Return the ids of all documents from `first_id`, ascending."""
    sql = "SELECT id FROM documents WHERE id >= ? ORDER BY id"
    return [row[0] for row in connection.execute(sql, (first_id,))]


@by_ids()
def display_paths(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return id → path of these documents, relative to their root."""
    sql = (
        f"SELECT documents.id, {DISPLAY_PATH} FROM documents "
        "JOIN files ON files.id = documents.file_id WHERE documents.id"
    )
    return {row[0]: row[1] for row in by_id(connection, sql, ids)}


@by_ids()
def folders_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, str]:
    """Return id → the folder that the path of the document is relative to."""
    sql = (
        "SELECT documents.id, roots.folder FROM documents JOIN files ON files.id = "
        "documents.file_id JOIN roots ON roots.id = files.root_id WHERE documents.id"
    )
    return {row[0]: row[1] for row in by_id(connection, sql, ids)}


class PathRow(NamedTuple):
    """A document, or a file without one, with its place."""

    document_id: int | None  # None: the file was not read
    path: str  # relative to `root`
    file_path: str  # of the file that is or contains the document
    root: str
    media_type: str | None
    title: str | None
    reason: str | None


@from_all(joined)
def path_rows(connection: sqlite3.Connection) -> Iterator[PathRow]:
    """Yield all documents, and all files without documents. Reads no text."""
    sql = (
        "SELECT documents.id, files.path, documents.record, roots.folder, files.media_type, "
        "documents.title, files.reason FROM files JOIN roots ON roots.id = files.root_id "
        "LEFT JOIN documents ON documents.file_id = files.id"
    )
    for id_, file_path, record, root, media_type, title, reason in connection.execute(sql):
        path = f"{file_path}/{record}" if record else file_path
        yield PathRow(id_, path, file_path, root, media_type, title, reason)


_VERSION = (
    f"SELECT documents.id, {DISPLAY_PATH}, files.mtime_ns, roots.folder FROM documents "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
)


class VersionRow(NamedTuple):
    """What tells which of two documents is newer."""

    document_id: int
    path: str  # as it is shown
    mtime_ns: int | None  # of its file, where it is known
    root: str


def version_rows(
    connection: sqlite3.Connection, ids: Sequence[int] | None = None
) -> Iterator[VersionRow]:
    """Yield the path and the time of modification of all documents, or of those of `ids`. Reads no
    text."""
    if ids is None:
        return _all_version_rows(connection)
    return _version_rows_of(connection, ids)


@from_all(joined)
def _all_version_rows(connection: sqlite3.Connection) -> Iterator[VersionRow]:
    for row in connection.execute(f"{_VERSION} ORDER BY documents.id"):
        yield VersionRow(*row)


@by_ids()
def _version_rows_of(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[VersionRow]:
    for row in by_id(connection, f"{_VERSION} WHERE documents.id", ids):
        yield VersionRow(*row)


def save_version_keys(
    connection: sqlite3.Connection, keys: Mapping[int, str], *, of_all: bool
) -> None:
    """Store document id → the part of its name that all versions share; "" is none. `of_all`: in
    place of those of all documents. In the caller's transaction."""
    if of_all:
        connection.execute("DELETE FROM version_keys")
    else:
        removed = ((id_,) for id_ in keys)
        connection.executemany("DELETE FROM version_keys WHERE document_id = ?", removed)
    stored = ((id_, key) for id_, key in keys.items() if key)
    connection.executemany("INSERT INTO version_keys VALUES (?, ?)", stored)


@from_all(joined)
def ids_of_version_keys(connection: sqlite3.Connection, keys: Iterable[str]) -> list[int]:
    """Return the documents with one of these keys, by key."""
    sql = "SELECT document_id FROM version_keys WHERE key = ? ORDER BY document_id"
    return [row[0] for key in keys for row in connection.execute(sql, (key,))]


def save_newer_versions(
    connection: sqlite3.Connection, pairs: Iterable[tuple[int, int]], ids: Sequence[int] | None
) -> None:
    """Store pairs of a document and a newer version of it, in place of those of the documents
    `ids`, or of all. In the caller's transaction."""
    if ids is None:
        connection.execute("DELETE FROM newer_versions")
    else:
        for column in ("document_id", "newer_id"):
            connection.executemany(
                f"DELETE FROM newer_versions WHERE {column} = ?", ((id_,) for id_ in ids)
            )
    connection.executemany("INSERT OR IGNORE INTO newer_versions VALUES (?, ?)", pairs)


def newer_versions(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return document id → ids of its newer versions, also of those of these, the newest last; for
    those of `ids` that have any."""
    if isinstance(connection, ShardedConnection):
        stored: Mapping[int, Sequence[int]] | None = connection.newer_versions
    elif not _has_newer_versions(connection):
        stored = {}
    else:
        stored = None
    if stored is not None and not stored:
        return {}
    successors: dict[int, list[int]] = {}
    pending = list(dict.fromkeys(ids))
    while pending:
        found: dict[int, list[int]] = {id_: [] for id_ in pending}
        sql = "SELECT document_id, newer_id FROM newer_versions WHERE document_id"
        if stored is not None:
            found |= {id_: list(stored.get(id_, ())) for id_ in pending}
        else:
            for id_, newer in by_id(connection, sql, pending):
                found[id_].append(newer)
        successors |= found
        pending = [
            id_ for id_ in dict.fromkeys(n for new in found.values() for n in new)
            if id_ not in successors
        ]  # fmt: skip
    return {id_: _reachable(successors, id_) for id_ in ids if successors[id_]}


@remembered
def _has_newer_versions(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM newer_versions LIMIT 1").fetchone() is not None


def _reachable(successors: Mapping[int, Sequence[int]], first: int) -> list[int]:
    """The documents that follow the first one, each after all those that it follows."""
    ordered: list[int] = []
    entered = {first}
    stack = [(first, iter(sorted(successors[first])))]
    while stack:  # depth first, so that a document is complete after all of its successors
        id_, rest = stack[-1]
        for newer in rest:
            if newer not in entered:
                entered.add(newer)
                stack.append((newer, iter(sorted(successors[newer]))))
                break
        else:
            stack.pop()
            ordered.append(id_)
    return ordered[-2::-1]


@by_ids()
def roots_and_paths(
    connection: sqlite3.Connection, ids: Sequence[int]
) -> dict[int, tuple[str, str]]:
    """Return document id → folder of its root, and path relative to it."""
    sql = (
        f"SELECT documents.id, roots.folder, {DISPLAY_PATH} FROM documents "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE documents.id"
    )
    return {row[0]: (row[1], row[2]) for row in by_id(connection, sql, ids)}


@by_ids()
def mtimes_of(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return document id → time of modification of its file in ns since 1970, where it is known."""
    rows = by_id(
        connection,
        "SELECT documents.id, files.mtime_ns FROM documents "
        "JOIN files ON files.id = documents.file_id WHERE documents.id",
        ids,
    )
    return {row[0]: row[1] for row in rows if row[1] is not None}


@by_ids()
def text_lengths(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, int]:
    """Return id → number of characters of these documents."""
    rows = by_id(connection, "SELECT id, length(text) FROM documents WHERE id", ids)
    return {row[0]: row[1] for row in rows}


@by_ids()
def rows_with_text(connection: sqlite3.Connection, ids: Sequence[int]) -> Iterator[sqlite3.Row]:
    """Yield the documents of these ids, ascending, as `document_at` returns them. Those that are
    not as they were written are left out and reported."""
    sql = _DOCUMENT.format(more="") + "WHERE documents.id = ?"
    for document_id in ids:
        row = connection.execute(sql, (document_id,)).fetchone()
        if row is None:
            continue
        if is_intact(row):
            yield row
        else:
            report_damage(connection, documents=[document_id])


@from_all(first_found)
def unread_reason(connection: sqlite3.Connection, path: str, absolute: str) -> str | None:
    """Return why the file or record with this relative or absolute path was skipped or failed.

    None if it was not, or if it is unknown.
    """
    files, arguments = _file_condition(path, absolute)
    rows = connection.execute(
        "SELECT files.path, roots.folder, files.reason, files.details FROM files "
        f"JOIN roots ON roots.id = files.root_id WHERE {files}",
        arguments,
    )
    for file_path, folder, reason, details in rows:
        absolute_file = f"{folder}/{file_path}"
        if path == file_path or absolute == absolute_file:
            return None if reason is None else str(reason)
        for record, record_reason, *_ in json.loads(details).get("unread", ()):
            if path == f"{file_path}/{record}" or absolute == f"{absolute_file}/{record}":
                return str(record_reason)
    return None


@from_all(any)
def is_file(connection: sqlite3.Connection, path: str, absolute: str) -> bool:
    """Whether a file has this relative or absolute path."""
    row = connection.execute(
        "SELECT 1 FROM files JOIN roots ON roots.id = files.root_id "
        "WHERE files.path = ? OR roots.folder || '/' || files.path = ?",
        (path, absolute),
    ).fetchone()
    return row is not None


@from_all(joined)
def list_records(
    connection: sqlite3.Connection, root: str, path: str
) -> dict[str, tuple[int, int]]:
    """Return the documents of a file: record → (id, number of passages). `root` is the folder of
    its root."""
    rows = connection.execute(
        "SELECT record, documents.id, "
        "(SELECT count(*) FROM passages WHERE document_id = documents.id) FROM documents "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE roots.folder = ? AND files.path = ?",
        (root, path),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


@from_all(sum)
def document_count(connection: sqlite3.Connection) -> int:
    """Return the number of documents."""
    return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])


@limited(1, order=lambda entry: entry.id)
def list_entries(connection: sqlite3.Connection, after: int, limit: int) -> list[DocumentEntry]:
    """Return the documents with ids above `after`, by id, at most `limit`."""
    rows = connection.execute(_ENTRY + "WHERE documents.id > ? ORDER BY documents.id LIMIT ?",
                              (after, limit))  # fmt: skip
    return [_entry(row) for row in rows]


@by_ids()
def file_facts(
    connection: sqlite3.Connection, document_ids: Sequence[int]
) -> dict[int, tuple[str, str | None, int | None, int | None]]:
    """Return document id → its title ("" without one), and of its file the media type, the size in
    bytes and the time of change in ns."""
    sql = (
        "SELECT documents.id, documents.title, files.media_type, files.size, files.mtime_ns "
        "FROM documents "
        "JOIN files ON files.id = documents.file_id WHERE documents.id"
    )
    return {
        row["id"]: (row["title"], row["media_type"], row["size"], row["mtime_ns"])
        for row in by_id(connection, sql, document_ids)
    }


@by_ids()
def get_entry(
    connection: sqlite3.Connection, document_id: int, start: int, length: int
) -> tuple[DocumentEntry, str] | None:
    """Return a document and `length` characters of its text from `start`; None if it is unknown.

    Raises CollectionError if the stored text or title is damaged.
    """
    row = connection.execute(_ENTRY + "WHERE documents.id = ?", (document_id,)).fetchone()
    if row is None:
        return None
    document = connection.execute("SELECT * FROM documents WHERE id = ?", (document_id,)).fetchone()
    require_intact(connection, document, row["path"])
    text: str = document["text"]
    return _entry(row), text[start : start + length]


def has_intact_fields(row: sqlite3.Row) -> bool:
    """Whether title, place, pages and metadata of a document are as they were written.

    `row` has DOCUMENT_COLUMNS and `fields_checksum`.
    """
    checksum = row["fields_checksum"]
    return checksum is None or checksum == fields_checksum(row[name] for name in DOCUMENT_COLUMNS)


def is_intact(row: sqlite3.Row) -> bool:
    """Whether a document is as it was written, its text included. `row` has all columns of the
    table. Takes a millisecond for each megabyte of text."""
    text = row["text"]
    return (
        isinstance(text, str)
        and row["checksum"] in (None, text_checksum(text))
        and has_intact_fields(row)
    )


def require_intact(connection: sqlite3.Connection, row: sqlite3.Row, path: str) -> None:
    """Raise CollectionError if a document is not as it was written; see `is_intact`."""
    if not is_intact(row):
        report_damage(connection, documents=[row["id"]])
        raise CollectionError(
            f"{path}: the stored text has changed since it was written, so it is not shown"
        )


@by_ids()
def intact_ids(connection: sqlite3.Connection, ids: Iterable[int]) -> set[int]:
    """Return those of these documents that are as they were written; report the others."""
    rows = by_id(connection, "SELECT * FROM documents WHERE id", list(ids))
    intact, damaged = set[int](), set[int]()
    for row in rows:
        (intact if is_intact(row) else damaged).add(row["id"])
    report_damage(connection, documents=damaged)
    return intact


@by_ids()
def file_paths(connection: sqlite3.Connection, file_ids: Sequence[int]) -> list[str]:
    """Return the relative paths of these files, for messages."""
    return [str(row[0]) for row in by_id(connection, "SELECT path FROM files WHERE id", file_ids)]


@by_ids()
def paths_by_id(connection: sqlite3.Connection, ids: Sequence[int]) -> list[str]:
    """Return the relative paths of these documents, for messages."""
    sql = (
        f"SELECT {DISPLAY_PATH} FROM documents JOIN files ON files.id = documents.file_id "
        "WHERE documents.id"
    )
    return [str(row[0]) for row in by_id(connection, sql, ids)]


def _entry(row: sqlite3.Row) -> DocumentEntry:
    from ragkit.records.reports import DocumentEntry  # not for a query

    return DocumentEntry(
        id=row["id"],
        path=row["path"],
        title=row["title"] or row["path"].rpartition("/")[2],
        media_type=row["media_type"],
        characters=row["characters"],
        passages=row["passages"],
        metadata=json.loads(row["metadata"]),
        root=row["root"],
    )


@from_all(joined)
def document_paths(connection: sqlite3.Connection) -> list[str]:
    """Return the relative paths of all documents."""
    sql = f"SELECT {DISPLAY_PATH} FROM documents JOIN files ON files.id = documents.file_id"
    return [row[0] for row in connection.execute(sql)]


@from_all(joined)
def document_places(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Return (root, relative path) of all documents."""
    sql = (
        f"SELECT roots.folder, {DISPLAY_PATH} FROM documents "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id"
    )
    return [(row[0], row[1]) for row in connection.execute(sql)]


def _file_condition(path: str, absolute: str) -> tuple[str, list[str]]:
    """Return the SQL condition that a file has a path or contains it, and its parameters."""
    relative, full = _prefixes(path), _prefixes(absolute)
    condition = (
        f"files.path IN ({', '.join('?' * len(relative))}) "
        f"OR roots.folder || '/' || files.path IN ({', '.join('?' * len(full))})"
    )
    return condition, relative + full


def _prefixes(path: str) -> list[str]:
    """Return a path and those above it: a/b/c, a/b, a. At most 100, the longest ones."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), max(0, len(parts) - 100), -1)]
