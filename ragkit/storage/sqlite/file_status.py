"""File status as users see it: the coverage report, its sums, and the collection in figures.

`files` writes the rows that are shown here. Nothing here changes the database. The files themselves
are read only to verify them.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from ragkit.records.reports import (
    UNREAD_STATUSES,
    CollectionStatus,
    Coverage,
    FileStatus,
    Missing,
    NotRead,
    SecretFinding,
    Unread,
)
from ragkit.storage.sqlite import documents, files, passages
from ragkit.storage.sqlite.checksums import FILE_COLUMNS, fields_checksum
from ragkit.storage.sqlite.connection import report_damage
from ragkit.storage.sqlite.database import Database, UntrustedRow
from ragkit.storage.sqlite.files import has_changed
from ragkit.storage.sqlite.sharding.gathering import (
    counts_by_key,
    from_all,
    joined,
    limited,
    sorted_rows,
)
from ragkit.storage.sqlite.state import generation

# Kinds of reasons for which an unread file does not count as missing: it is excluded by the user's
# rules, is indexed under another path, has no content, or is not a document.
LEFT_OUT_KINDS = (
    "ignored", "excluded", "hidden", "link", "special", "image", "no_document", "secret",
    "generated",
)  # fmt: skip

_FILE_STATUS = """
SELECT files.*, roots.folder AS root,
       (SELECT coalesce(sum(length(text)), 0) FROM documents WHERE file_id = files.id)
           AS characters,
       count(DISTINCT documents.id) AS documents, count(passages.id) AS passages,
       coalesce(sum(passages.tokens), 0) AS tokens,
       coalesce(sum(max(passages.tokens - model.window, 0)), 0) AS truncated,
       count(unreadable.hash) AS unreadable
FROM files JOIN roots ON roots.id = files.root_id
LEFT JOIN documents ON documents.file_id = files.id
LEFT JOIN passages ON passages.document_id = documents.id
LEFT JOIN models AS model
    ON model.id = (SELECT value FROM collection WHERE key = 'model_id')
LEFT JOIN unreadable_texts AS unreadable
    ON unreadable.model_id = model.id AND unreadable.hash = passages.hash
WHERE {where} GROUP BY files.id ORDER BY roots.folder, files.path
"""
_NOT_READ = f"status IN {UNREAD_STATUSES!r}"
_KIND = "coalesce(json_extract(files.details, '$.kind'), 'damaged')"
_PART_KIND = "coalesce(json_extract(part.value, '$[3]'), 'damaged')"
_IN_LEFT_OUT = f"IN ({', '.join('?' * len(LEFT_OUT_KINDS))})"
_HAS_MISSING_PART = (
    "EXISTS (SELECT 1 FROM json_each(files.details, '$.unread') AS part "
    f"WHERE {_PART_KIND} NOT {_IN_LEFT_OUT})"
)
MAX_PARTS = 100  # unread parts that are named with a file


@from_all(sorted_rows(lambda file: (file.root, file.path)))
def coverage_report(
    connection: sqlite3.Connection,
    *,
    statuses: Sequence[str] = (),
    root_ids: Sequence[int] = (),
    under: str = "",
    verify: bool = False,
) -> list[FileStatus]:
    """Return the status of each file, by root and path.

    `statuses`, `root_ids` and `under` (a relative path: itself and what is below it) restrict the
    files. `verify` checks whether each file has changed since it was read.
    """
    where, arguments = ["1"], list[object]()
    for column, values in (("files.status", statuses), ("files.root_id", root_ids)):
        if values:
            where.append(f"{column} IN ({', '.join('?' * len(values))})")
            arguments += values
    if under:
        # "0" follows "/", so this range is exactly what is below the folder.
        where.append("(files.path IN (?, ?) OR (files.path > ? AND files.path < ?))")
        arguments += [under, f"{under}/", f"{under}/", f"{under}0"]
    rows = connection.execute(_FILE_STATUS.format(where=" AND ".join(where)), arguments)
    return [_status(connection, row, verify=verify) for row in rows]


def _nearest(found: list[FileStatus | None]) -> FileStatus | None:
    """Return the row with the longest path."""
    rows = [file for file in found if file is not None]
    return max(rows, key=lambda file: len(file.path), default=None)


@from_all(_nearest)
def enclosing_file(connection: sqlite3.Connection, root_id: int, path: str) -> FileStatus | None:
    """Return the nearest row above a relative path: an archive, a mailbox, or a skipped folder."""
    parts = path.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        parent = "/".join(parts[:depth])
        row = connection.execute(
            _FILE_STATUS.format(where="files.root_id = ? AND files.path IN (?, ?)"),
            (root_id, parent, f"{parent}/"),
        ).fetchone()
        if row is not None:
            return _status(connection, row, verify=True)
    return None


def _status(connection: sqlite3.Connection, row: sqlite3.Row, *, verify: bool) -> FileStatus:
    checksum = row["checksum"]
    if checksum not in (None, fields_checksum(row[name] for name in FILE_COLUMNS)):
        report_damage(connection, files=[row["id"]])
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
        unread=tuple(Unread(*part) for part in details.get("unread", ())),
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
        secrets=tuple(SecretFinding(*secret) for secret in details.get("secrets", ())),
        secrets_count=details.get("secrets_count", 0),
        unreadable=row["unreadable"],
    )


def _is_stale(row: sqlite3.Row) -> bool:
    if row["hash"] is None:  # it was not read: there is nothing to compare with
        return False
    if isinstance(row, UntrustedRow):  # not compared counts as changed
        return True
    return has_changed(
        row["root"], row["path"], row["size"], row["mtime_ns"], row["ctime_ns"], row["hash"]
    )


def _file_counts(
    found: list[tuple[dict[str, int], dict[str, int]]],
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the sums of the counts of several shards."""
    by_status = counts_by_key(status for status, _ in found)
    return dict(sorted(by_status.items())), counts_by_key(reasons for _, reasons in found)


@from_all(_file_counts)
def count_files(connection: sqlite3.Connection) -> tuple[dict[str, int], dict[str, int]]:
    """Return status → files, and reason → skipped or failed files, the most frequent first."""
    by_status = connection.execute("SELECT status, count(*) FROM files GROUP BY status ORDER BY 1")
    by_reason = connection.execute(
        f"SELECT reason, count(*) FROM files WHERE {_NOT_READ} GROUP BY reason ORDER BY 2 DESC, 1"
    )
    return {row[0]: row[1] for row in by_status}, {row[0]: row[1] for row in by_reason}


@from_all(counts_by_key)
def count_secrets(connection: sqlite3.Connection) -> dict[str, int]:
    """Return kind of secret → number of files that contain one, the most frequent kind first."""
    rows = connection.execute(
        "SELECT json_extract(secret.value, '$[0]') AS kind, count(DISTINCT files.id) "
        "FROM files, json_each(files.details, '$.secrets') AS secret "
        "GROUP BY kind ORDER BY 2 DESC, 1"
    )
    return {row[0]: row[1] for row in rows}


def whole_coverage(found: list[Coverage]) -> Coverage:
    """Return the coverage of several shards together."""
    return Coverage(
        files=sum(part.files for part in found),
        read=sum(part.read for part in found),
        missing=counts_by_key(part.missing for part in found),
        left_out=counts_by_key(part.left_out for part in found),
        missing_parts=counts_by_key(part.missing_parts for part in found),
    )


@from_all(whole_coverage)
def coverage(connection: sqlite3.Connection) -> Coverage:
    """Return how many of the files that may contain documents were read."""
    read_count = connection.execute(f"SELECT count(*) FROM files WHERE NOT {_NOT_READ}").fetchone()[
        0
    ]
    kinds = connection.execute(
        f"SELECT json_extract(details, '$.kind') FROM files WHERE {_NOT_READ}"
    )
    parts = missing_parts(
        connection, [row[0] for row in connection.execute("SELECT id FROM roots")]
    )
    return sum_coverage(read_count, (row[0] for row in kinds), (part.kind for part in parts))


def sum_coverage(read_count: int, kinds: Iterable[str | None], parts: Iterable[str]) -> Coverage:
    """Return a `Coverage`: `read_count` files that were read, plus counts by kind of reason.

    `kinds` has the kind of reason of each unread file, `parts` that of each missing part of a file.
    """
    counted = Counter(kind or "damaged" for kind in kinds).most_common()
    missing = {kind: number for kind, number in counted if kind not in LEFT_OUT_KINDS}
    return Coverage(
        files=read_count + sum(missing.values()),
        read=read_count,
        missing=missing,
        left_out={kind: number for kind, number in counted if kind in LEFT_OUT_KINDS},
        missing_parts=dict(Counter(parts).most_common()),
    )


def is_missing(file: FileStatus) -> bool:
    """Whether a file may contain a document and was not read."""
    return file.status in UNREAD_STATUSES and file.kind not in LEFT_OUT_KINDS


@from_all(joined)
def missing_parts(connection: sqlite3.Connection, root_ids: Iterable[int]) -> list[Missing]:
    """Return the attachments and archive members that may contain documents and could not be read,
    in files of these roots that were read."""
    ids = list(root_ids)
    rows = connection.execute(
        "SELECT files.path, json_extract(part.value, '$[0]') AS record, "
        f"{_PART_KIND} AS kind, "
        "json_extract(part.value, '$[1]') AS reason "
        "FROM files, json_each(files.details, '$.unread') AS part "
        f"WHERE root_id IN ({', '.join('?' * len(ids))}) AND NOT {_NOT_READ} "
        f"AND kind NOT {_IN_LEFT_OUT} ORDER BY files.root_id, files.path",
        (*ids, *LEFT_OUT_KINDS),
    )
    return [
        Missing(f"{row['path']}/{row['record']}" if row["record"] else row["path"], *row[2:])
        for row in rows
    ]


@limited(1, order=lambda file: file.id)
def list_not_read(
    connection: sqlite3.Connection, after: int, limit: int, *, left_out: bool
) -> list[NotRead]:
    """Return files that may contain documents and were not read completely, by id.

    With `left_out`, return those that were left out on purpose instead. Ids above `after`, at most
    `limit` files.
    """
    if left_out:
        condition, repeats = f"{_NOT_READ} AND {_KIND} {_IN_LEFT_OUT}", 1
    else:
        unread_file = f"{_NOT_READ} AND {_KIND} NOT {_IN_LEFT_OUT}"
        condition, repeats = f"({unread_file} OR NOT {_NOT_READ} AND {_HAS_MISSING_PART})", 2
    rows = connection.execute(
        "SELECT files.*, roots.folder AS root FROM files JOIN roots ON roots.id = files.root_id "
        f"WHERE files.id > ? AND {condition} ORDER BY files.id LIMIT ?",
        (after, *LEFT_OUT_KINDS * repeats, limit),
    )
    return [_not_read(row) for row in rows]


def _not_read(row: sqlite3.Row) -> NotRead:
    details = json.loads(row["details"])
    is_unread = row["status"] in UNREAD_STATUSES
    unread = () if is_unread else [Unread(*part) for part in details.get("unread", ())]
    parts = [
        Missing(f"{row['path']}/{part.record}" if part.record else row["path"], part.kind,
                part.reason)
        for part in unread
        if part.kind not in LEFT_OUT_KINDS
    ]  # fmt: skip
    return NotRead(
        id=row["id"],
        path=row["path"],
        root=row["root"],
        status=row["status"],
        kind=details.get("kind", "damaged") if is_unread else None,
        reason=row["reason"] if is_unread else None,
        parts=tuple(parts[:MAX_PARTS]),
        parts_count=len(parts),
    )


def collection_status(store: Database, version: str) -> CollectionStatus:
    """Return counts, sizes in bytes, the model and the coverage of the collection.

    `version` is the version of this program. Loads no model and opens no index file.
    """
    with store.reading() as connection:
        model = passages.model(connection)
        by_status, by_reason = count_files(connection)
        return CollectionStatus(
            collection=str(store.folder),
            roots=tuple(root.path for root in files.roots(connection)),
            files=by_status,
            reasons=by_reason,
            coverage=coverage(connection),
            documents=documents.document_count(connection),
            passages=passages.count(connection),
            pending=passages.count_pending(connection, model["id"]) if model else 0,
            model=model["name"] if model else None,
            fingerprint=model["fingerprint"] if model else None,
            dimension=model["dimension"] if model else None,
            window=model["window"] if model else None,
            database_bytes=store.size(),
            index_bytes=store.index_size(),
            generation=generation(connection),
            version=version,
            secrets=count_secrets(connection),
            unreadable=passages.count_unreadable(connection, model["id"]) if model else 0,
            shards=store.shard_count,
            in_process=store.is_small,
        )
