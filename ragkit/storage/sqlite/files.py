"""Rows of roots and files: which files there are, and whether each has to be read again.

`file_status` shows the rows to users. Functions over a connection of `database`; they neither begin
nor commit a transaction. Knows no vectors and no index files.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Root:
    """A folder (or a single file) that was indexed, with the globs that were used."""

    id: int
    path: str  # absolute
    folder: str  # that paths are relative to: `path`, or the parent of a single file
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
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

    def is_unchanged(self, size: int, mtime_ns: int, inode: int) -> bool:
        """Whether a file with this size in bytes, time and inode has the content that was read."""
        return (self.size, self.mtime_ns, self.inode) == (size, mtime_ns, inode)


def content_hash(data: bytes) -> bytes:
    """Return 20 bytes of BLAKE2b over the bytes of a file."""
    return blake2b(data, digest_size=20).digest()


def has_changed(file: str | Path, size: int, mtime_ns: int | None, digest: bytes | None) -> bool:
    """Whether a file no longer has this size (bytes), time and content hash, or is gone.

    Takes one `stat`; if that does not decide, the content is read. A file that may not be read
    counts as unchanged.
    """
    try:
        status = os.stat(file)  # noqa: PTH116 (often a string)
        if (status.st_size, status.st_mtime_ns) == (size, mtime_ns):
            return False
        if status.st_size != size or digest is None:  # only an older content was read
            return True
        return content_hash(Path(file).read_bytes()) != digest
    except PermissionError:
        return False
    except OSError:
        return True


def roots(connection: sqlite3.Connection) -> list[Root]:
    """Return all roots, by path."""
    rows = connection.execute("SELECT id, path, folder, include, exclude FROM roots ORDER BY path")
    return [
        Root(row[0], row[1], row[2], tuple(json.loads(row[3])), tuple(json.loads(row[4])))
        for row in rows
    ]


def save_root(
    connection: sqlite3.Connection,
    path: str,
    folder: str,
    include: Sequence[str],
    exclude: Sequence[str],
) -> int:
    """Insert a root, or update its folder and globs; return its id."""
    connection.execute(
        "INSERT INTO roots (path, folder, include, exclude) VALUES (?, ?, ?, ?) ON CONFLICT (path) "
        "DO UPDATE SET folder = excluded.folder, include = excluded.include, "
        "exclude = excluded.exclude WHERE (roots.folder, roots.include, roots.exclude) "
        "!= (excluded.folder, excluded.include, excluded.exclude)",
        (path, folder, json.dumps(list(include)), json.dumps(list(exclude))),
    )
    return int(connection.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()[0])


def set_table_records(connection: sqlite3.Connection, by_records: bool) -> None:
    """Record whether each record of a table becomes a document."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES ('records', ?)", (by_records,))


def has_table_records(connection: sqlite3.Connection) -> bool:
    """Whether the last `ragkit index` made a document of each record of a table."""
    row = connection.execute("SELECT value FROM collection WHERE key = 'records'").fetchone()
    return bool(row and row[0])


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


def files(
    connection: sqlite3.Connection, root_id: int, under: str = "", *, above: bool = False
) -> Iterator[FileRow]:
    """Yield the files of a root, or only those at or below the relative path `under`.

    With `above` also the rows of skipped folders that contain it.
    """
    sql = (
        "SELECT id, root_id, path, size, mtime_ns, inode, hash, status, reason, recipe, "
        "EXISTS (SELECT 1 FROM documents WHERE file_id = files.id), "
        "json_extract(details, '$.kind') FROM files WHERE root_id = ?"
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
    digest: bytes | None = None,
    recipe: str | None = None,
    media_type: str | None = None,
    encoding: str | None = None,
    warnings: Sequence[str] = (),
    details: Mapping[str, object] | None = None,
) -> int:
    """Insert or update the row of a file; return its id. docs/storage.md describes the columns."""
    row = connection.execute(
        "INSERT INTO files (root_id, path, status, reason, size, mtime_ns, inode, hash, recipe, "
        "media_type, encoding, warnings, details) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (root_id, path) DO UPDATE SET status = excluded.status, "
        "reason = excluded.reason, size = excluded.size, mtime_ns = excluded.mtime_ns, "
        "inode = excluded.inode, hash = excluded.hash, recipe = excluded.recipe, "
        "media_type = excluded.media_type, encoding = excluded.encoding, "
        "warnings = excluded.warnings, details = excluded.details RETURNING id",
        (
            root_id, path, status, reason, size, mtime_ns, inode, digest, recipe,
            media_type, encoding, json.dumps(list(warnings), ensure_ascii=False),
            json.dumps(details or {}, ensure_ascii=False),
        ),
    ).fetchone()  # fmt: skip
    return int(row[0])


def touch_file(
    connection: sqlite3.Connection, file_id: int, size: int, mtime_ns: int | None, inode: int
) -> None:
    """Update size, time and inode of a file whose content is the same."""
    connection.execute(
        "UPDATE files SET size = ?, mtime_ns = ?, inode = ? WHERE id = ?",
        (size, mtime_ns, inode, file_id),
    )


def clear_recipes(connection: sqlite3.Connection) -> None:
    """Clear the read settings stored with the files, so that this run or the next reads all files
    again."""
    connection.execute("UPDATE files SET recipe = NULL")


def move_file(connection: sqlite3.Connection, file_id: int, root_id: int, path: str) -> None:
    """Give a file a new path; its documents, passages and vectors stay."""
    connection.execute("DELETE FROM files WHERE root_id = ? AND path = ?", (root_id, path))
    connection.execute(
        "UPDATE files SET root_id = ?, path = ? WHERE id = ?", (root_id, path, file_id)
    )


def remove_files(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Delete files with their documents and passages."""
    connection.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in file_ids))
