"""The terms of all shards with their numbers of passages: `statistics.db`, a SQLite file.

Written when a generation is published, from the terms of each shard. The file never changes. Knows
no lexical index and no queries.
"""

from __future__ import annotations

import contextlib
import heapq
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ragkit.errors import CollectionError

Frequency = tuple[str, str, int]  # field, term, passages
_SCHEMA = (
    "CREATE TABLE terms (field TEXT NOT NULL, term TEXT NOT NULL, passages INTEGER NOT NULL, "
    "PRIMARY KEY (field, term)) WITHOUT ROWID"
)
_VERSIONS = "CREATE TABLE newer_versions (document_id INTEGER NOT NULL, newer_id INTEGER NOT NULL)"
_LAST = "\U0010ffff"  # sorts after every text of terms


def write(
    path: Path, parts: Iterable[Iterable[Frequency]], newer: Iterable[tuple[int, int]] = ()
) -> None:
    """Write the sums of the frequencies of several shards to the new file `path`.

    Each part is sorted by field and term. `newer`: pairs of a document and a newer version of it.
    """
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute(_SCHEMA)
        connection.execute(_VERSIONS)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO terms VALUES (?, ?, ?)", _sums(parts))
        connection.executemany("INSERT INTO newer_versions VALUES (?, ?)", sorted(newer))
        connection.execute("COMMIT")


def _sums(parts: Iterable[Iterable[Frequency]]) -> Iterator[Frequency]:
    merged = heapq.merge(*parts, key=lambda row: row[:2])
    for (field, term), rows in groupby(merged, key=lambda row: row[:2]):
        yield field, term, sum(count for _, _, count in rows)


class TermCounts:
    """The content of `statistics.db`. Safe to share between threads.

    Methods raise CollectionError if the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def count(self, field: str, term: str) -> int:
        """Return the number of passages with a term, removed ones included."""
        row = self._read("SELECT passages FROM terms WHERE field = ? AND term = ?", field, term)
        return int(row[0][0]) if row else 0

    def with_prefix(self, field: str, prefix: str, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent terms that begin with a prefix: (term, passages)."""
        rows = self._read(
            "SELECT term, passages FROM terms WHERE field = ? AND term >= ? AND term < ? "
            "ORDER BY passages DESC, term LIMIT ?",
            field, prefix, prefix + _LAST, limit,
        )  # fmt: skip
        return [(row[0], row[1]) for row in rows]

    def newer_versions(self) -> dict[int, list[int]]:
        """Return document id → ids of newer versions, for those that have any."""
        found: dict[int, list[int]] = {}
        for document_id, newer_id in self._read("SELECT document_id, newer_id FROM newer_versions"):
            found.setdefault(document_id, []).append(newer_id)
        return found

    def _read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                uri = f"{self._path.absolute().as_uri()}?mode=ro&immutable=1"
                connection = self._local.connection = sqlite3.connect(uri, uri=True)
                connection.execute("PRAGMA trusted_schema = OFF")
            return list(connection.execute(sql, values))
        except sqlite3.Error as error:
            raise CollectionError(
                f"{self._path} is damaged ({error}). Delete it; it is read again from the "
                "published files"
            ) from error
