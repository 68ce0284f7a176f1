"""Remove roots, folders and documents from a collection. The caller must hold the writer lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from ragkit.errors import CollectionError, UsageError
from ragkit.storage.index_writer import IndexWriter
from ragkit.storage.sqlite import changes, documents, files
from ragkit.storage.sqlite.database import Database
from ragkit.storage.sqlite.files import FileRow
from ragkit.storage.sqlite.state import advance


def remove_paths(
    store: Database,
    index_writer: IndexWriter,
    paths: Sequence[str | Path],
    notify: Callable[[str], None],
) -> int:
    """Remove these roots, folders, files or records from the collection, all or none.

    Returns the number of removed files that had been read. Once the removal is committed, it
    counts: an error while the index files are updated is passed to `notify`. A removal that was
    interrupted after that point can be repeated. Raises UsageError for a path that is not in the
    collection, or is in several roots.
    """
    removed = 0
    absolute_paths = {str(_absolute(path)) for path in paths}
    with store.writing() as connection:
        advance(connection)
        unfinished = files.unfinished_removal(connection)
        for path in paths:
            try:
                removed += _remove_path(connection, path)
            except UsageError:
                if str(_absolute(path)) not in unfinished:
                    raise
                notify(f"{path} was removed before")
        files.set_unfinished_removal(connection, unfinished | absolute_paths)
    try:
        index_writer.update_lexical()
        with store.writing() as connection:
            changes.delete_unused_rows(connection)
        index_writer.update_vectors()
        with store.writing() as connection:
            files.set_unfinished_removal(connection, ())
    except (CollectionError, OSError) as error:
        notify(
            "removed; searches do not find it any more. Updating the index files failed, and the "
            f"next `ragkit index` does it: {error}"
        )
    return removed


def _absolute(path: str | Path) -> Path:
    return Path(path).expanduser().resolve()


def _remove_path(connection: sqlite3.Connection, path: str | Path) -> int:
    absolute = _absolute(path)
    roots = files.roots(connection)
    exact = next((root for root in roots if Path(root.path) == absolute), None)
    if exact is not None:
        rows = list(files.files(connection, exact.id))
        files.remove_root(connection, exact.id)
        return _count_read(rows)
    rows_by_root: dict[str, list[FileRow]] = {}
    for root in roots:
        is_inside = absolute.is_relative_to(root.folder)
        relative = absolute.relative_to(root.folder) if is_inside else Path(path)
        rows = list(files.files(connection, root.id, relative.as_posix()))
        if rows and is_inside:
            rows_by_root = {root.path: rows}
            break
        if rows:
            rows_by_root[root.path] = rows
    if len(rows_by_root) > 1:
        raise UsageError(
            f"{path} is in several roots, {', '.join(rows_by_root)}; name it by its absolute path"
        )
    for rows in rows_by_root.values():
        files.remove_files(connection, [row.id for row in rows])
        return _count_read(rows)
    record = documents.document_at(connection, str(path), str(absolute))
    if record is not None:  # in an archive or a mailbox
        documents.remove_document(connection, record["id"])
        return 1
    raise UsageError(f"{path} is neither a root nor a document of this collection; see: ragkit ls")


def _count_read(rows: Sequence[FileRow]) -> int:
    return sum(row.has_text for row in rows)
