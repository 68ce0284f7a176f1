"""Rows of roots, files and documents: which files there are and what became of each.

Functions over a connection of `database`; they neither begin nor commit. Knows no passages'
vectors and no index files.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from ragkit.records import FileStatus, Unread


@dataclass(frozen=True, slots=True)
class Root:
    """A folder (or single file) that was indexed, with the globs it was indexed with."""

    id: int
    path: str  # absolute
    folder: str  # what the paths of its files are relative to: `path`, or its parent for a file
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """What the ledger knows of a file; enough to tell whether it needs work."""

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
    has_text: bool  # of documents; a file that fails to open may keep what it had

    def unchanged(self, size: int, mtime_ns: int, inode: int, recipe: str) -> bool:
        """Whether a file that looks like this now would be read to the same result."""
        known = (self.size, self.mtime_ns, self.inode, self.recipe)
        return known == (size, mtime_ns, inode, recipe)


def content_hash(data: bytes) -> bytes:
    """20 bytes of BLAKE2b over a file's bytes: whether it has changed."""
    return blake2b(data, digest_size=20).digest()


def roots(connection: sqlite3.Connection) -> list[Root]:
    """All roots, by path."""
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
    """Add a root, or change its globs and whether it is a folder; returns its id."""
    connection.execute(
        "INSERT INTO roots (path, folder, include, exclude) VALUES (?, ?, ?, ?) ON CONFLICT (path) "
        "DO UPDATE SET folder = excluded.folder, include = excluded.include, "
        "exclude = excluded.exclude WHERE (roots.folder, roots.include, roots.exclude) "
        "!= (excluded.folder, excluded.include, excluded.exclude)",
        (path, folder, json.dumps(list(include)), json.dumps(list(exclude))),
    )
    return int(connection.execute("SELECT id FROM roots WHERE path = ?", (path,)).fetchone()[0])


def keep_records(connection: sqlite3.Connection, by_records: bool) -> None:
    """Note whether tables are read by their records."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES ('records', ?)", (by_records,))


def kept_records(connection: sqlite3.Connection) -> bool:
    """Whether tables were read by their records the last time."""
    row = connection.execute("SELECT value FROM collection WHERE key = 'records'").fetchone()
    return bool(row and row[0])


def remove_root(connection: sqlite3.Connection, root_id: int) -> None:
    """Take out a root with all its files."""
    connection.execute("DELETE FROM roots WHERE id = ?", (root_id,))


def absorb_root(connection: sqlite3.Connection, inner: Root, outer_id: int, prefix: str) -> None:
    """Make the files of `inner` files of the root around it; nothing is read again."""
    connection.execute(
        "UPDATE OR REPLACE files SET root_id = ?, path = ? || path WHERE root_id = ?",
        (outer_id, prefix, inner.id),
    )
    remove_root(connection, inner.id)


def files(
    connection: sqlite3.Connection, root_id: int, under: str = "", *, above: bool = False
) -> Iterator[FileRow]:
    """The files of a root, or only those at or below the relative path `under`.

    With `above` also the rows of folders around it, where they were passed over.
    """
    sql = (
        "SELECT id, root_id, path, size, mtime_ns, inode, hash, status, reason, recipe, "
        "EXISTS (SELECT 1 FROM documents WHERE file_id = files.id) FROM files WHERE root_id = ?"
    )
    arguments: list[object] = [root_id]
    if under:
        # "/" sorts just before "0", so this range is exactly what lies below the folder.
        parts = under.split("/") if above else []
        around = ["/".join(parts[:depth]) + "/" for depth in range(1, len(parts))]
        names = [under, f"{under}/", *around]
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
    """Write a file's row, new or again; returns its id."""
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
    """The same content under a new stamp."""
    connection.execute(
        "UPDATE files SET size = ?, mtime_ns = ?, inode = ? WHERE id = ?",
        (size, mtime_ns, inode, file_id),
    )


def forget_recipes(connection: sqlite3.Connection) -> None:
    """Make every file be read again, by the next run if this one breaks off."""
    connection.execute("UPDATE files SET recipe = NULL")


def move_file(connection: sqlite3.Connection, file_id: int, root_id: int, path: str) -> None:
    """The same file under a new name; its documents, passages and vectors stay as they are."""
    connection.execute("DELETE FROM files WHERE root_id = ? AND path = ?", (root_id, path))
    connection.execute(
        "UPDATE files SET root_id = ?, path = ? WHERE id = ?", (root_id, path, file_id)
    )


def remove_files(connection: sqlite3.Connection, file_ids: Iterable[int]) -> None:
    """Take files out, with their documents and passages."""
    connection.executemany("DELETE FROM files WHERE id = ?", ((file_id,) for file_id in file_ids))


_STATUSES = """
SELECT files.path, files.status, files.reason, files.media_type, files.encoding, files.size,
       files.warnings, roots.folder AS root,
       (SELECT coalesce(sum(length(text)), 0) FROM documents WHERE file_id = files.id),
       count(passages.id), coalesce(sum(passages.tokens), 0),
       count(DISTINCT documents.id), files.details
FROM files JOIN roots ON roots.id = files.root_id
LEFT JOIN documents ON documents.file_id = files.id
LEFT JOIN passages ON passages.document_id = documents.id
WHERE {where} GROUP BY files.id ORDER BY roots.folder, files.path
"""


def statuses(
    connection: sqlite3.Connection, *, wanted: Sequence[str] = (), root_ids: Sequence[int] = ()
) -> list[FileStatus]:
    """The ledger as records, by root and path; only these statuses or roots where any are named."""
    where, arguments = ["1"], list[object]()
    for column, values in (("files.status", wanted), ("files.root_id", root_ids)):
        if values:
            where.append(f"{column} IN ({', '.join('?' * len(values))})")
            arguments += values
    return [
        FileStatus(
            path=row[0],
            status=row[1],
            reason=row[2],
            media_type=row[3],
            encoding=row[4],
            size=row[5],
            warnings=tuple(json.loads(row[6])),
            root=row[7],
            characters=row[8],
            passages=row[9],
            tokens=row[10],
            documents=row[11],
            unread=tuple(Unread(*each) for each in json.loads(row[12]).get("unread", ())),
            unread_count=json.loads(row[12]).get("unread_count", 0),
        )
        for row in connection.execute(_STATUSES.format(where=" AND ".join(where)), arguments)
    ]


def broken_parts(connection: sqlite3.Connection, root_ids: Iterable[int]) -> int:
    """How many attachments and members of archives are broken in the files of these roots."""
    ids = list(root_ids)
    row = connection.execute(
        "SELECT count(*) FROM files, json_each(files.details, '$.unread') AS part "
        f"WHERE NOT json_extract(part.value, '$[2]') AND root_id IN ({', '.join('?' * len(ids))})",
        ids,
    ).fetchone()
    return int(row[0])


def counts(connection: sqlite3.Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Files by status, and skipped or failed files by reason, most frequent first."""
    by_status = connection.execute("SELECT status, count(*) FROM files GROUP BY status ORDER BY 1")
    by_reason = connection.execute(
        "SELECT reason, count(*) FROM files WHERE status IN ('skipped', 'failed') "
        "GROUP BY reason ORDER BY 2 DESC, 1"
    )
    return {row[0]: row[1] for row in by_status}, {row[0]: row[1] for row in by_reason}
