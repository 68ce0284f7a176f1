"""The ledger as people see it: what became of each file, and how many were read.

Functions over a connection of `database` that change nothing. The rows are written by `ledger`.
Knows no index files, and looks at the files themselves only where it is asked to.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ragkit.records.reports import Coverage, FileStatus, Missing, NotRead, Unread
from ragkit.storage.sqlite.files import has_changed

# Kinds of reasons for which a file is not missing: the user's own rules, what is met elsewhere or
# holds no bytes, and what is no document.
LEFT_OUT = ("ignored", "excluded", "hidden", "link", "special", "image", "no_document")

_STATUSES = """
SELECT files.*, roots.folder AS root,
       (SELECT coalesce(sum(length(text)), 0) FROM documents WHERE file_id = files.id)
           AS characters,
       count(DISTINCT documents.id) AS documents, count(passages.id) AS passages,
       coalesce(sum(passages.tokens), 0) AS tokens,
       coalesce(sum(max(passages.tokens - model.window, 0)), 0) AS truncated
FROM files JOIN roots ON roots.id = files.root_id
LEFT JOIN documents ON documents.file_id = files.id
LEFT JOIN passages ON passages.document_id = documents.id
LEFT JOIN models AS model
    ON model.id = (SELECT value FROM collection WHERE key = 'model_id')
WHERE {where} GROUP BY files.id ORDER BY roots.folder, files.path
"""
_NOT_READ = "status IN ('skipped', 'failed')"
_KIND = "coalesce(json_extract(files.details, '$.kind'), 'damaged')"
_PART_KIND = "coalesce(json_extract(part.value, '$[3]'), 'damaged')"
_IN_LEFT_OUT = f"IN ({', '.join('?' * len(LEFT_OUT))})"
_HAS_MISSING_PART = (
    "EXISTS (SELECT 1 FROM json_each(files.details, '$.unread') AS part "
    f"WHERE {_PART_KIND} NOT {_IN_LEFT_OUT})"
)
PARTS = 100  # of a file that is not wholly read, that are named with it


def statuses(
    connection: sqlite3.Connection,
    *,
    wanted: Sequence[str] = (),
    root_ids: Sequence[int] = (),
    under: str = "",
    verify: bool = False,
) -> list[FileStatus]:
    """The ledger as records, by root and path; only these statuses or roots where any are named.

    `under`: only what is at or below this relative path. `verify` looks at each file, whether it
    has changed since.
    """
    where, arguments = ["1"], list[object]()
    for column, values in (("files.status", wanted), ("files.root_id", root_ids)):
        if values:
            where.append(f"{column} IN ({', '.join('?' * len(values))})")
            arguments += values
    if under:
        # "/" sorts just before "0", so this range is exactly what lies below the folder.
        where.append("(files.path IN (?, ?) OR (files.path > ? AND files.path < ?))")
        arguments += [under, f"{under}/", f"{under}/", f"{under}0"]
    rows = connection.execute(_STATUSES.format(where=" AND ".join(where)), arguments)
    return [_status(row, verify=verify) for row in rows]


def around(connection: sqlite3.Connection, root_id: int, path: str) -> FileStatus | None:
    """The nearest row that holds a relative path: an archive or a mailbox, or a folder that was
    passed over as a whole."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        above = "/".join(parts[:depth])
        row = connection.execute(
            _STATUSES.format(where="files.root_id = ? AND files.path IN (?, ?)"),
            (root_id, above, f"{above}/"),
        ).fetchone()
        if row is not None:
            return _status(row, verify=True)
    return None


def _status(row: sqlite3.Row, *, verify: bool) -> FileStatus:
    details = json.loads(row["details"])
    return FileStatus(
        path=row["path"],
        status=row["status"],
        reason=row["reason"],
        media_type=row["media_type"],
        encoding=row["encoding"],
        size=row["size"],
        warnings=tuple(json.loads(row["warnings"])),
        root=row["root"],
        characters=row["characters"],
        passages=row["passages"],
        tokens=row["tokens"],
        documents=row["documents"],
        unread=tuple(Unread(*each) for each in details.get("unread", ())),
        unread_count=details.get("unread_count", 0),
        kind=details.get("kind"),
        media_type_by=details.get("media_type_by"),
        encoding_by=details.get("encoding_by"),
        pages=details.get("pages", 0),
        empty_pages=details.get("empty_pages", 0),
        ocr_pages=details.get("ocr_pages", 0),
        ocr_engine=details.get("ocr_engine"),
        ocr_languages=details.get("ocr_languages"),
        ocr_confidence=details.get("ocr_confidence"),
        tables=details.get("tables", 0),
        truncated_tokens=row["truncated"],
        seconds=details.get("seconds"),
        indexed_at=details.get("indexed_at"),
        stale=verify and _is_stale(row),
    )


def _is_stale(row: sqlite3.Row) -> bool:
    if row["hash"] is None:  # it was not read: nothing to compare with
        return False
    file = Path(row["root"]) / row["path"]
    return has_changed(file, row["size"], row["mtime_ns"], row["hash"])


def counts(connection: sqlite3.Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Files by status, and skipped or failed files by reason, most frequent first."""
    by_status = connection.execute("SELECT status, count(*) FROM files GROUP BY status ORDER BY 1")
    by_reason = connection.execute(
        f"SELECT reason, count(*) FROM files WHERE {_NOT_READ} GROUP BY reason ORDER BY 2 DESC, 1"
    )
    return {row[0]: row[1] for row in by_status}, {row[0]: row[1] for row in by_reason}


def coverage(connection: sqlite3.Connection) -> Coverage:
    """How many of all files that may hold documents were read."""
    read = connection.execute(f"SELECT count(*) FROM files WHERE NOT {_NOT_READ}").fetchone()
    kinds = connection.execute(
        f"SELECT json_extract(details, '$.kind') FROM files WHERE {_NOT_READ}"
    )
    parts = missing_parts(
        connection, [row[0] for row in connection.execute("SELECT id FROM roots")]
    )
    return covered(read[0], (row[0] for row in kinds), (part.kind for part in parts))


def covered(read: int, kinds: Iterable[str | None], parts: Iterable[str]) -> Coverage:
    """The sum of so many files that were read, files that were not by the kinds of their reasons,
    and parts of files that are missing by theirs."""
    counted = Counter(kind or "damaged" for kind in kinds).most_common()
    missing = {kind: number for kind, number in counted if kind not in LEFT_OUT}
    return Coverage(
        files=read + sum(missing.values()),
        read=read,
        missing=missing,
        left_out={kind: number for kind, number in counted if kind in LEFT_OUT},
        missing_parts=dict(Counter(parts).most_common()),
    )


def is_missing(file: FileStatus) -> bool:
    """Whether a file may hold a document and was not read."""
    return file.status in ("skipped", "failed") and file.kind not in LEFT_OUT


def missing_parts(connection: sqlite3.Connection, root_ids: Iterable[int]) -> list[Missing]:
    """Attachments and members of archives in the files of these roots that may hold documents and
    could not be read, where their file itself was."""
    ids = list(root_ids)
    rows = connection.execute(
        "SELECT files.path, json_extract(part.value, '$[0]') AS record, "
        f"{_PART_KIND} AS kind, "
        "json_extract(part.value, '$[1]') AS reason "
        "FROM files, json_each(files.details, '$.unread') AS part "
        f"WHERE root_id IN ({', '.join('?' * len(ids))}) AND NOT {_NOT_READ} "
        f"AND kind NOT {_IN_LEFT_OUT} ORDER BY files.root_id, files.path",
        (*ids, *LEFT_OUT),
    )
    return [
        Missing(f"{row['path']}/{row['record']}" if row["record"] else row["path"], *row[2:])
        for row in rows
    ]


def not_read(
    connection: sqlite3.Connection, after: int, limit: int, *, left_out: bool
) -> list[NotRead]:
    """Files that may hold documents and were not read, or not wholly; with `left_out` those that
    are not missing. `limit` at most, by id, those whose ids come after `after`."""
    if left_out:
        which, times = f"{_NOT_READ} AND {_KIND} {_IN_LEFT_OUT}", 1
    else:
        whole = f"{_NOT_READ} AND {_KIND} NOT {_IN_LEFT_OUT}"
        which, times = f"({whole} OR NOT {_NOT_READ} AND {_HAS_MISSING_PART})", 2
    rows = connection.execute(
        "SELECT files.*, roots.folder AS root FROM files JOIN roots ON roots.id = files.root_id "
        f"WHERE files.id > ? AND {which} ORDER BY files.id LIMIT ?",
        (after, *LEFT_OUT * times, limit),
    )
    return [_not_read(row) for row in rows]


def _not_read(row: sqlite3.Row) -> NotRead:
    details = json.loads(row["details"])
    itself = row["status"] in ("skipped", "failed")
    unread = () if itself else [Unread(*each) for each in details.get("unread", ())]
    parts = [
        Missing(f"{row['path']}/{each.record}" if each.record else row["path"], each.kind,
                each.reason)
        for each in unread
        if each.kind not in LEFT_OUT
    ]  # fmt: skip
    return NotRead(
        id=row["id"],
        path=row["path"],
        root=row["root"],
        status=row["status"],
        kind=details.get("kind", "damaged") if itself else None,
        reason=row["reason"] if itself else None,
        parts=tuple(parts[:PARTS]),
        parts_count=len(parts),
    )
