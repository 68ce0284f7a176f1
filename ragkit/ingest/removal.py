"""Remove roots, folders and documents from a collection. The caller must hold the writer lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Match:
    """What a path names in one root: the root itself, files of it, or one document of a file."""

    root: str
    root_id: int | None = None
    files: tuple[FileRow, ...] = ()
    document_id: int | None = None
    file_id: int | None = None  # of the document


class Taken:
    """What paths before a path name, so that it is not there any more when its turn comes."""

    def __init__(self) -> None:
        self._roots: set[int] = set()
        self._files: set[int] = set()
        self._documents: set[int] = set()

    def without(self, matches: Sequence[Match]) -> list[Match]:
        """Return the matches of which something is left."""
        return [match for match in matches if self._has_rest(match)]

    def add(self, matches: Sequence[Match]) -> None:
        """Take what the matches name, too."""
        for match in matches:
            self._files.update(row.id for row in match.files)
            if match.root_id is not None:
                self._roots.add(match.root_id)
            if match.document_id is not None:
                self._documents.add(match.document_id)

    def _has_rest(self, match: Match) -> bool:
        if match.root_id is not None:
            return match.root_id not in self._roots
        if match.document_id is not None:
            return match.document_id not in self._documents and match.file_id not in self._files
        return any(row.id not in self._files for row in match.files)


def find_matches(connection: sqlite3.Connection, path: str | Path) -> list[Match]:
    """Return what a path names: nothing, one thing, or, if it is relative, files of several roots.

    Raises UsageError if it names documents in files of several roots.
    """
    absolute = _absolute(path)
    roots = files.roots(connection)
    for root in roots:
        if Path(root.path) == absolute:
            return [Match(root.path, root.id, tuple(files.files(connection, root.id)))]
    found = []
    for root in roots:
        is_inside = absolute.is_relative_to(root.folder)
        relative = absolute.relative_to(root.folder) if is_inside else Path(path)
        rows = tuple(files.files(connection, root.id, relative.as_posix()))
        if rows and is_inside:
            return [Match(root.path, files=rows)]
        if rows:
            found.append(Match(root.path, files=rows))
    if not found:
        document = documents.document_at(connection, str(path), str(absolute))
        if document is not None:  # in an archive or a mailbox
            found.append(
                Match(document["root"], document_id=document["id"], file_id=document["file_id"])
            )
    return found


def was_removed(connection: sqlite3.Connection, path: str | Path) -> bool:
    """Whether a removal of the path was committed, whose index files were not updated yet."""
    return str(_absolute(path)) in files.unfinished_removal(connection)


def one_match(path: str | Path, matches: Sequence[Match]) -> None:
    """Raise UsageError unless the matches are in one root: those of several shards may be."""
    roots = dict.fromkeys(match.root for match in matches)
    if len(roots) > 1:
        raise UsageError(
            f"{path} is in several roots, {', '.join(roots)}; name it by its absolute path"
        )
    if not roots:
        raise UsageError(
            f"{path} is neither a root nor a document of this collection; see: ragkit ls"
        )


def _remove_path(connection: sqlite3.Connection, path: str | Path) -> int:
    matches = find_matches(connection, path)
    one_match(path, matches)
    match = matches[0]
    if match.document_id is not None:
        documents.remove_document(connection, match.document_id)
        return 1
    if match.root_id is not None:
        files.remove_root(connection, match.root_id)
    else:
        files.remove_files(connection, [row.id for row in match.files])
    return sum(row.has_text for row in match.files)
