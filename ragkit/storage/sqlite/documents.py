"""Rows of documents: the texts of files, and finding one by what it is cited by.

A file is one document, or holds several: then each has its place in the file, its record. Functions
over a connection of `database`; they neither begin nor commit. Knows no passages.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ragkit.errors import UsageError
from ragkit.records.documents import Document

if TYPE_CHECKING:
    from ragkit.records.reports import DocumentEntry

# How a document is shown and cited: the path of its file, and its place in there.
SHOWN = "files.path || iif(documents.record = '', '', '/' || documents.record)"

_DOCUMENT = (
    f"SELECT documents.*, files.path AS file_path, {SHOWN} AS path, files.size, files.mtime_ns, "
    "files.hash AS file_hash, roots.folder AS root {more} FROM documents "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
)

_ENTRY = (
    f"SELECT documents.id, {SHOWN} AS path, documents.title, files.media_type, "
    "length(documents.text) AS characters, documents.metadata, roots.folder AS root, "
    "(SELECT count(*) FROM passages WHERE document_id = documents.id) AS passages FROM documents "
    "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
)


def save_document(
    connection: sqlite3.Connection, file_id: int, document: Document, record: str = ""
) -> int:
    """Write a document of a file, new or again; returns its id, kept when it was there.

    `record` is its place in the file, "" for the file's own.
    """
    row = connection.execute(
        "INSERT INTO documents (file_id, record, title, text, pages, locators, lines, metadata) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (file_id, record) DO UPDATE SET "
        "title = excluded.title, text = excluded.text, pages = excluded.pages, "
        "locators = excluded.locators, lines = excluded.lines, metadata = excluded.metadata "
        "RETURNING id",
        (
            file_id,
            record,
            document.title,
            document.text,
            json.dumps(document.pages),
            json.dumps(
                [(place.start, place.kind, place.value) for place in document.locators],
                ensure_ascii=False,
            ),
            document.lines,
            json.dumps(dict(document.metadata), ensure_ascii=False),
        ),
    ).fetchone()
    return int(row[0])


def remove_documents(connection: sqlite3.Connection, file_id: int, but: Iterable[str] = ()) -> int:
    """Take out what was read from a file, `but` these records; its row in the ledger stays.

    Returns 1 where that were all of its documents, 0 where there was none or some are left.
    """
    rows = connection.execute("SELECT id, record FROM documents WHERE file_id = ?", (file_id,))
    kept = set(but)
    found = rows.fetchall()
    gone = [(row[0],) for row in found if row[1] not in kept]
    connection.executemany("DELETE FROM documents WHERE id = ?", gone)
    return int(bool(found) and len(gone) == len(found))


def remove_document(connection: sqlite3.Connection, document_id: int) -> None:
    """Take one document of a file out; the file is read again by the next run."""
    connection.execute(
        "UPDATE files SET recipe = NULL WHERE id = (SELECT file_id FROM documents WHERE id = ?)",
        (document_id,),
    )
    connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))


def document_of_passage(connection: sqlite3.Connection, passage_id: int) -> sqlite3.Row | None:
    """The document a passage is in, with the passage's start and end."""
    row: sqlite3.Row | None = connection.execute(
        _DOCUMENT.format(more=', passages.start, passages."end"')
        + "JOIN passages ON passages.document_id = documents.id WHERE passages.id = ?",
        (passage_id,),
    ).fetchone()
    return row


def document_at(connection: sqlite3.Connection, path: str, absolute: str) -> sqlite3.Row | None:
    """The document with this relative or absolute path, which may lead into a file.

    Raises UsageError where a relative path is in several roots.
    """
    files, arguments = _files_on(path, absolute)
    rows = connection.execute(
        _DOCUMENT.format(more="") + f"WHERE ({files}) "
        f"AND ({SHOWN} = ? OR roots.folder || '/' || {SHOWN} = ?) ORDER BY documents.id",
        (*arguments, path, absolute),
    ).fetchall()
    exact = [row for row in rows if f"{row['root']}/{row['path']}" == absolute]
    if len({row["root"] for row in rows}) > 1 and not exact:
        places = ", ".join(f"{row['root']}/{row['path']}" for row in rows)
        raise UsageError(f"{path} is in several roots; name one of {places}")
    found: list[sqlite3.Row] = exact or rows
    return found[0] if found else None


def why_not_read(connection: sqlite3.Connection, path: str, absolute: str) -> str | None:
    """The reason why what has this relative or absolute path was skipped or failed."""
    files, arguments = _files_on(path, absolute)
    rows = connection.execute(
        "SELECT files.path, roots.folder, files.reason, files.details FROM files "
        f"JOIN roots ON roots.id = files.root_id WHERE {files}",
        arguments,
    )
    for file_path, folder, reason, details in rows:
        whole = f"{folder}/{file_path}"
        if path == file_path or absolute == whole:
            return None if reason is None else str(reason)
        for record, why, *_ in json.loads(details).get("unread", ()):
            if path == f"{file_path}/{record}" or absolute == f"{whole}/{record}":
                return str(why)
    return None


def is_file(connection: sqlite3.Connection, path: str, absolute: str) -> bool:
    """Whether a file has this relative or absolute path."""
    row = connection.execute(
        "SELECT 1 FROM files JOIN roots ON roots.id = files.root_id "
        "WHERE files.path = ? OR roots.folder || '/' || files.path = ?",
        (path, absolute),
    ).fetchone()
    return row is not None


def records_of(connection: sqlite3.Connection, root: str, path: str) -> dict[str, tuple[int, int]]:
    """The documents of a file (of the root with this folder): record → id and passages."""
    rows = connection.execute(
        "SELECT record, documents.id, "
        "(SELECT count(*) FROM passages WHERE document_id = documents.id) FROM documents "
        "JOIN files ON files.id = documents.file_id JOIN roots ON roots.id = files.root_id "
        "WHERE roots.folder = ? AND files.path = ?",
        (root, path),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def document_count(connection: sqlite3.Connection) -> int:
    """How many documents there are."""
    return int(connection.execute("SELECT count(*) FROM documents").fetchone()[0])


def entries(connection: sqlite3.Connection, after: int, limit: int) -> list[DocumentEntry]:
    """The documents whose ids come after this one, `limit` at most, by id."""
    rows = connection.execute(_ENTRY + "WHERE documents.id > ? ORDER BY documents.id LIMIT ?",
                              (after, limit))  # fmt: skip
    return [_entry(row) for row in rows]


def entry(
    connection: sqlite3.Connection, document_id: int, start: int, length: int
) -> tuple[DocumentEntry, str] | None:
    """A document and `length` characters of its text from `start` on; None where it is not."""
    row = connection.execute(_ENTRY + "WHERE documents.id = ?", (document_id,)).fetchone()
    if row is None:
        return None
    text = connection.execute(
        "SELECT substr(text, ?, ?) FROM documents WHERE id = ?", (start + 1, length, document_id)
    ).fetchone()
    return _entry(row), text[0]


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


def document_paths(connection: sqlite3.Connection) -> list[str]:
    """The relative paths of all documents."""
    sql = f"SELECT {SHOWN} FROM documents JOIN files ON files.id = documents.file_id"
    return [row[0] for row in connection.execute(sql)]


def _files_on(path: str, absolute: str) -> tuple[str, list[str]]:
    """The condition that a file is at a path or holds what is there, and its arguments."""
    inner, whole = _prefixes(path), _prefixes(absolute)
    condition = (
        f"files.path IN ({', '.join('?' * len(inner))}) "
        f"OR roots.folder || '/' || files.path IN ({', '.join('?' * len(whole))})"
    )
    return condition, inner + whole


def _prefixes(path: str) -> list[str]:
    """A path and those above it: a/b/c, a/b, a. Paths that are too deep for files only as whole."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), max(0, len(parts) - 100), -1)]
