"""Rows of roots and files: which files there are, and whether each has to be read again.

`file_status` shows the rows to users. Functions over a connection of `database`; they neither begin
nor commit a transaction. Knows no vectors and no index files.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from ragkit.storage.sqlite.checksums import fields_checksum
from ragkit.storage.sqlite.sharding.gathering import by_ids, from_all, from_any, joined
from ragkit.storage.sqlite.sharding.row_ids import next_row_id, shared_row_id
from ragkit.storage.sqlite.state import set_value, value

# A time of change that no file has, for stamps that a later change may repeat: the file is read
# again in the next run. The time of modification is stored all the same, to be shown and filtered.
MAY_REPEAT = -1


class Root(NamedTuple):
    """A folder (or a single file) that was indexed, with the globs that were used."""

    id: int
    path: str  # absolute
    folder: str  # that paths are relative to: `path`, or the parent of a single file
    include: tuple[str, ...]
    exclude: tuple[str, ...]


class FileRow(NamedTuple):
    """A row of `files`: what decides whether a file has to be read again."""

    id: int
    root_id: int
    path: str
    size: int
    mtime_ns: int | None
    inode: int | None
    hash: bytes | None
    status: str
    reason: str | None
    recipe: str | None
    has_text: bool  # whether it has documents; a file that now fails to open keeps them
    kind: str | None = None  # of the reason
    ctime_ns: int | None = None  # None: stored by an earlier version; the other values decide

    def is_unchanged(self, size: int, mtime_ns: int, inode: int, ctime_ns: int | None) -> bool:
        """Whether a file with this size in bytes, times of modification and of change, and inode
        has the content that was read."""
        return (self.size, self.mtime_ns, self.inode) == (size, mtime_ns, inode) and (
            self.ctime_ns in (None, ctime_ns)
        )


def content_hash(data: bytes) -> bytes:
    """Return 20 bytes of BLAKE2b over the bytes of a file."""
    return blake2b(data, digest_size=20).digest()


def storable(number: int) -> int:
    """Return a time in nanoseconds or an inode as SQLite stores it: the last 64 bits, signed.

    A time after the year 2262 and some inodes do not fit; they still differ from each other.
    """
    if 0 <= number < 2**63:  # nearly always, and quicker
        return number
    return (number + 2**63) % 2**64 - 2**63


def has_changed(
    root: str,
    path: str,
    size: int,
    mtime_ns: int | None,
    ctime_ns: int | None,
    digest: bytes | None,
) -> bool:
    """Whether the file `path` in the folder `root` no longer has this size (bytes), times and
    content hash, is not a regular file any more, or is gone.

    Takes one `stat`; if that does not decide, the content is read. A file that may not be read
    counts as unchanged. `ctime_ns` is None where an earlier version stored no time of change.
    """
    try:
        status = os.lstat(f"{root}/{path}")
        if not stat.S_ISREG(status.st_mode):
            return True
        if (status.st_size, status.st_mtime_ns) == (size, mtime_ns) and (
            ctime_ns in (None, status.st_ctime_ns)
        ):
            return False
        if status.st_size != size or digest is None:  # only an older content was read
            return True
        from ragkit.storage.source_files import read_source  # only for a file that was touched

        return content_hash(read_source(root, path, size).data) != digest
    except PermissionError:
        return False
    except (OSError, ValueError):  # ValueError: a NUL in a path of a damaged database
        return True


def _distinct_roots(found: list[list[Root]]) -> list[Root]:
    """Return the roots of several shards, each once, by path."""
    by_path = {root.path: root for roots in found for root in roots}
    return [by_path[path] for path in sorted(by_path)]


@from_all(_distinct_roots)
def roots(connection: sqlite3.Connection) -> list[Root]:
    """Return all roots, by path. Raises ValueError as `files` does."""
    rows = connection.execute("SELECT id, path, folder, include, exclude FROM roots ORDER BY path")
    matches = []
    for id_, path, folder, include, exclude in rows:
        globs = tuple(json.loads(include)), tuple(json.loads(exclude))
        texts = (path, folder, *globs[0], *globs[1])
        if any(not isinstance(text, str) or "\0" in text for text in texts):
            raise ValueError(f"row {id_} of roots is not valid")
        matches.append(Root(id_, path, folder, *globs))
    return matches


def save_root(
    connection: sqlite3.Connection,
    path: str,
    folder: str,
    include: Sequence[str],
    exclude: Sequence[str],
) -> int:
    """Insert a root, or update its folder and globs; return its id."""
    connection.execute(
        "INSERT INTO roots (id, path, folder, include, exclude) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (path) "
        "DO UPDATE SET folder = excluded.folder, include = excluded.include, "
        "exclude = excluded.exclude WHERE (roots.folder, roots.include, roots.exclude) "
        "!= (excluded.folder, excluded.include, excluded.exclude)",
        (
            shared_row_id(connection, path),
            path,
            folder,
            json.dumps(list(include)),
            json.dumps(list(exclude)),
        ),
    )
    return int(connection.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()[0])


def set_table_records(connection: sqlite3.Connection, by_records: bool) -> None:
    """Record whether each record of a table becomes a document."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES ('records', ?)", (by_records,))


@from_all(any)
def has_table_records(connection: sqlite3.Connection) -> bool:
    """Whether the last `ragkit index` made a document of each record of a table."""
    row = connection.execute("SELECT value FROM collection WHERE key = 'records'").fetchone()
    return bool(row and row[0])


def set_secrets_mode(connection: sqlite3.Connection, mode: str) -> None:
    """Record what happens to documents with secrets: "warn", "mask" or "skip"."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES ('secrets', ?)", (mode,))


@from_any
def secrets_mode(connection: sqlite3.Connection) -> str:
    """Return what the last `ragkit index` did with documents that contain secrets."""
    row = connection.execute("SELECT value FROM collection WHERE key = 'secrets'").fetchone()
    return str(row[0]) if row and row[0] in ("mask", "skip") else "warn"


def remove_root(connection: sqlite3.Connection, root_id: int) -> None:
    """Delete a root with its files, documents and passages."""
    connection.execute("DELETE FROM roots WHERE id = ?", (root_id,))


def absorb_root(connection: sqlite3.Connection, inner: Root, outer_id: int, prefix: str) -> None:
    """Move the files of `inner` to the root that contains it, under the path `prefix`. No file is
    read again."""
    connection.execute(
        "UPDATE OR REPLACE files SET root_id = ?, path = ? || path WHERE root_id = ?",
        (outer_id, prefix, inner.id),
    )
    remove_root(connection, inner.id)


@from_all(joined)
def files(
    connection: sqlite3.Connection, root_id: int, under: str = "", *, above: bool = False
) -> Iterator[FileRow]:
    """Yield the files of a root, or only those at or below the relative path `under`.

    With `above` also the rows of skipped folders that contain it. Raises ValueError for a row that
    no version of ragkit writes, which `Database` turns into a CollectionError.
    """
    sql = (
        "SELECT id, root_id, path, size, mtime_ns, inode, hash, status, reason, recipe, "
        "EXISTS (SELECT 1 FROM documents WHERE file_id = files.id), "
        "json_extract(details, '$.kind'), ctime_ns FROM files WHERE root_id = ?"
    )
    arguments: list[object] = [root_id]
    if under:
        # "0" follows "/", so this range is exactly what is below the folder.
        parts = under.split("/") if above else []
        parents = ["/".join(parts[:depth]) + "/" for depth in range(1, len(parts))]
        names = [under, f"{under}/", *parents]
        sql += f" AND (path IN ({', '.join('?' * len(names))}) OR (path > ? AND path < ?))"
        arguments += [*names, f"{under}/", f"{under}0"]
    for row in connection.execute(sql, arguments):
        if not (isinstance(row[2], str) and isinstance(row[3], int) and isinstance(row[7], str)):
            raise ValueError(f"row {row[0]} of files is not valid")
        yield FileRow(*row)


def record_file(
    connection: sqlite3.Connection,
    root_id: int,
    path: str,
    *,
    status: str,
    reason: str | None = None,
    size: int = 0,
    mtime_ns: int | None = None,
    inode: int | None = None,
    ctime_ns: int | None = None,
    digest: bytes | None = None,
    recipe: str | None = None,
    media_type: str | None = None,
    encoding: str | None = None,
    warnings: Sequence[str] = (),
    details: Mapping[str, object] | None = None,
) -> int:
    """Insert or update the row of a file; return its id. docs/storage.md describes the columns."""
    warnings_text = json.dumps(list(warnings), ensure_ascii=False)
    row = connection.execute(
        "INSERT INTO files (id, root_id, path, status, reason, size, mtime_ns, inode, ctime_ns, "
        "hash, recipe, media_type, encoding, warnings, details, checksum) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (root_id, path) DO UPDATE SET status = excluded.status, "
        "reason = excluded.reason, size = excluded.size, mtime_ns = excluded.mtime_ns, "
        "inode = excluded.inode, ctime_ns = excluded.ctime_ns, "
        "hash = excluded.hash, recipe = excluded.recipe, "
        "media_type = excluded.media_type, encoding = excluded.encoding, "
        "warnings = excluded.warnings, details = excluded.details, checksum = excluded.checksum "
        "RETURNING id",
        (
            next_row_id(connection, "files"), root_id, path, status, reason, size, mtime_ns, inode,
            ctime_ns, digest, recipe, media_type, encoding, warnings_text,
            json.dumps(details or {}, ensure_ascii=False),
            fields_checksum((status, reason, media_type, encoding, warnings_text)),
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


def touch_file(
    connection: sqlite3.Connection,
    file_id: int,
    size: int,
    mtime_ns: int | None,
    inode: int,
    ctime_ns: int | None = None,
    sample: str | None = None,
) -> None:
    """Update size, times, inode and sample of a file whose content is the same.

    `sample` is stored where times of change are not reliable (`ingest/change_times`).
    """
    connection.execute(
        "UPDATE files SET size = ?1, mtime_ns = ?2, inode = ?3, ctime_ns = ?4, details = "
        "iif(?5 IS NULL, json_remove(details, '$.sample'), json_set(details, '$.sample', ?5)) "
        "WHERE id = ?6",
        (size, mtime_ns, inode, ctime_ns, sample, file_id),
    )


def save_change_times(
    connection: sqlite3.Connection, change_times: Iterable[tuple[int, int]]
) -> None:
    """Store times of change (file id, nanoseconds) that an earlier version did not store."""
    connection.executemany(
        "UPDATE files SET ctime_ns = ? WHERE id = ?",
        ((ctime_ns, file_id) for file_id, ctime_ns in change_times),
    )


@from_all(joined)
def samples(connection: sqlite3.Connection, root_id: int) -> dict[int, str]:
    """Return file id → sample of the content, for the files of a root that have one."""
    rows = connection.execute(
        "SELECT id, json_extract(details, '$.sample') AS sample FROM files "
        "WHERE root_id = ? AND sample IS NOT NULL",
        (root_id,),
    )
    return {row[0]: row[1] for row in rows}


@by_ids()
def count_documents(connection: sqlite3.Connection, file_ids: Iterable[int]) -> dict[int, int]:
    """Return file id → number of its documents, for the given files that have any."""
    ids = frozenset(file_ids)
    rows = connection.execute("SELECT file_id, count(*) FROM documents GROUP BY file_id")
    return {row[0]: row[1] for row in rows if row[0] in ids}


@from_all(joined)
def mount_points(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the absolute paths of the mounted file systems that contained indexed files."""
    return _stored_paths(connection, "mounts")


def set_mount_points(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Store the paths that `mount_points` returns."""
    _store_paths(connection, "mounts", paths)


def unfinished_removal(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the absolute paths of a removal that was committed, but whose index files were not
    updated yet."""
    return _stored_paths(connection, "removing")


def set_unfinished_removal(connection: sqlite3.Connection, paths: Iterable[str]) -> None:
    """Store the paths that `unfinished_removal` returns; none if the removal is finished."""
    _store_paths(connection, "removing", paths)


def _stored_paths(connection: sqlite3.Connection, key: str) -> frozenset[str]:
    stored = value(connection, key)
    try:
        paths = json.loads(stored) if isinstance(stored, str) else []
    except ValueError:
        return frozenset()
    return frozenset(path for path in paths if isinstance(path, str))


def _store_paths(connection: sqlite3.Connection, key: str, paths: Iterable[str]) -> None:
    if rows := sorted(paths):
        set_value(connection, key, json.dumps(rows))
    else:
        connection.execute("DELETE FROM collection WHERE key = ?", (key,))


def clear_recipes(connection: sqlite3.Connection) -> None:
    """Clear the read settings stored with the files, so that this run or the next reads all files
    again."""
    connection.execute("UPDATE files SET recipe = NULL")


def rename_model_in_recipes(connection: sqlite3.Connection, before: str, after: str) -> None:
    """Note that the files count as cut for the model of fingerprint `after`, where they were cut
    for `before`, so that they are not read again for that."""
    connection.execute(
        "UPDATE files SET recipe = replace(recipe, ?, ?) WHERE recipe IS NOT NULL",
        (f"model {before[:16]}", f"model {after[:16]}"),
    )


def move_file(connection: sqlite3.Connection, file_id: int, root_id: int, path: str) -> None:
    """Give a file a new path; its documents, passages and vectors stay."""
    connection.execute("DELETE FROM files WHERE root_id = ? AND path = ?", (root_id, path))
    connection.execute(
        "UPDATE files SET root_id = ?, path = ? WHERE id = ?", (root_id, path, file_id)
    )


def remove_files(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Delete files with their documents and passages."""
    connection.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in file_ids))
