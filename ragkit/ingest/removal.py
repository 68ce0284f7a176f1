"""Takes roots, folders and documents out of a collection. The writer's lock must be held."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import changes, documents, files
from ragkit.storage.sqlite.database import Database, advance
from ragkit.storage.sqlite.files import FileRow


def remove(store: Database, index_writer: IndexWriter, paths: Sequence[str | Path]) -> int:
    """Take these out, all or none; returns how many files that had been read are gone."""
    removed = 0
    with store.writing() as connection:
        advance(connection)
        for path in paths:
            removed += _remove(connection, path)
    index_writer.update_lexical()
    with store.writing() as connection:
        changes.delete_unused_rows(connection)
    index_writer.update_vectors()
    return removed


def _remove(connection: sqlite3.Connection, path: str | Path) -> int:
    absolute = Path(path).expanduser().resolve()
    roots = files.roots(connection)
    named = next((root for root in roots if Path(root.path) == absolute), None)
    if named is not None:
        rows = list(files.files(connection, named.id))
        files.remove_root(connection, named.id)
        return _read(rows)
    found: dict[str, list[FileRow]] = {}
    for root in roots:
        inside = absolute.is_relative_to(root.folder)
        relative = absolute.relative_to(root.folder) if inside else Path(path)
        rows = list(files.files(connection, root.id, relative.as_posix()))
        if rows and inside:
            found = {root.path: rows}
            break
        if rows:
            found[root.path] = rows
    if len(found) > 1:
        raise UsageError(f"{path} is in several roots, {', '.join(found)}; name it whole")
    for rows in found.values():
        files.remove_files(connection, [row.id for row in rows])
        return _read(rows)
    inner = documents.document_at(connection, str(path), str(absolute))
    if inner is not None:  # in an archive or a mailbox
        documents.remove_document(connection, inner["id"])
        return 1
    raise UsageError(f"{path} is neither a root nor a document of this collection; see: ragkit ls")


def _read(rows: Sequence[FileRow]) -> int:
    return sum(row.has_text for row in rows)
