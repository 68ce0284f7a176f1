"""Vectors shared between the collections of a user: a second work tree embeds nothing twice.

A SQLite file in the user's cache folder: (encoder's fingerprint, hash of the embedded text) →
vector. Only vectors that this process has computed are stored, so a collection that somebody else
made cannot put any into another one. Every vector has a checksum over its key and its numbers. Any
number of processes read and write at the same time. It is only a cache: whatever goes wrong with it
(a read-only folder, a full disk, a damaged file) ends its use for this run and nothing else.
Knows no text and no encoder.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.user_dirs import cache as cache_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FOLDER, FILE_NAME = "vectors", "vectors.db"  # SQLite keeps two more files beside it
APPLICATION_ID = 0x726B7663  # "rkvc"
_VERSION = 1
_BUSY_SECONDS = 2.0
_KEPT_SHARE = 0.9  # of the maximum size, after the least recently used vectors are deleted
_USED_STEP = 86_400  # seconds: a time of use is only written if it is older
_KEYS_PER_STATEMENT = 400
_SCHEMA = """
CREATE TABLE IF NOT EXISTS encoders (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS vectors (
    encoder_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    vector BLOB NOT NULL,
    checksum BLOB NOT NULL,
    used INTEGER NOT NULL,
    UNIQUE (encoder_id, hash)
);
CREATE INDEX IF NOT EXISTS vectors_used ON vectors (used);
"""


@dataclass(frozen=True, slots=True)
class VectorCacheState:
    """What the cache contains, for `ragkit cache`."""

    path: Path
    vectors: int
    file_bytes: int  # on the disk, with SQLite's log


def path() -> Path:
    """Return the path of the cache's file."""
    return cache_folder() / FOLDER / FILE_NAME


def state() -> VectorCacheState:
    """Return the size of the cache; zeros if there is none. Raises nothing."""
    files = [path().with_name(f"{FILE_NAME}{suffix}") for suffix in ("", "-wal", "-shm")]
    size, count = 0, 0
    for file in files:
        with contextlib.suppress(OSError):
            size += file.stat().st_size
    if size:
        with contextlib.suppress(sqlite3.Error, OSError):
            connection = sqlite3.connect(
                f"{path().absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS
            )
            with contextlib.closing(connection):
                count = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
    return VectorCacheState(path(), count, size)


def clear() -> int:
    """Delete the cache; return the bytes that were freed. Raises OSError if a file cannot be
    deleted. A process that uses it goes on with what it has open."""
    freed = state().file_bytes
    for suffix in ("-wal", "-shm", ""):
        path().with_name(f"{FILE_NAME}{suffix}").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it is not there, or has other files
        path().parent.rmdir()
    return freed


class VectorCache:
    """The vectors of one encoder. Safe to use from several threads.

    Nothing is opened before the first look-up. After an error it is off: `get` finds nothing and
    `put` stores nothing.
    """

    def __init__(self, fingerprint: str, dimension: int, max_bytes: int) -> None:
        """`max_bytes` is the maximum size of the file; 0 turns the cache off."""
        self._fingerprint, self._dimension, self._max_bytes = fingerprint, dimension, max_bytes
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._encoder_id = 0
        self._is_off = max_bytes <= 0

    def get(self, hashes: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return hash → vector, (d,) float32, for those of `hashes` that are stored.

        A vector that is not as it was written counts as missing.
        """
        import numpy as np

        found: dict[bytes, NDArray[np.float32]] = {}
        with self._lock, self._off_after_errors():
            connection = self._open()
            stale: list[bytes] = []
            now = int(time.time())
            for first in range(0, len(hashes), _KEYS_PER_STATEMENT):
                keys = list(hashes[first : first + _KEYS_PER_STATEMENT])
                rows = connection.execute(
                    "SELECT hash, vector, checksum, used FROM vectors WHERE encoder_id = ? "
                    f"AND hash IN ({', '.join('?' * len(keys))})",
                    (self._encoder_id, *keys),
                )
                for key, blob, checksum, used in rows:
                    if len(blob) == 4 * self._dimension and self._checksum(key, blob) == checksum:
                        found[key] = np.frombuffer(blob, dtype="<f4").astype(np.float32)
                        if not now - _USED_STEP < used <= now:
                            stale.append(key)
            if stale:
                with connection:
                    connection.executemany(
                        "UPDATE vectors SET used = ? WHERE encoder_id = ? AND hash = ?",
                        ((now, self._encoder_id, key) for key in stale),
                    )
        return found

    def put(self, hashes: Sequence[bytes], vectors: NDArray[np.float32]) -> None:
        """Store the vectors that the encoder has made in this process: (n, d) float32."""
        with self._lock, self._off_after_errors():
            connection = self._open()
            now = int(time.time())
            blobs = [row.tobytes() for row in vectors.astype("<f4", copy=False)]
            with connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO vectors (encoder_id, hash, vector, checksum, used) "
                    "VALUES (?, ?, ?, ?, ?)",
                    (
                        (self._encoder_id, key, blob, self._checksum(key, blob), now)
                        for key, blob in zip(hashes, blobs, strict=True)
                    ),
                )
            self._limit_size(connection)

    def close(self) -> None:
        """Close the file."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            self._is_off = True

    def _checksum(self, key: bytes, blob: bytes) -> bytes:
        digest = blake2b(self._fingerprint.encode(), digest_size=8)
        digest.update(key)
        digest.update(blob)
        return digest.digest()

    @contextlib.contextmanager
    def _off_after_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError, _OffError):
            self._is_off = True

    def _open(self) -> sqlite3.Connection:
        """Raises _OffError if the cache is off, and what SQLite and the file system raise."""
        if self._is_off:
            raise _OffError
        if self._connection is not None:
            return self._connection
        file = path()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)  # vectors say much about their texts: not for other users
        connection = sqlite3.connect(
            file, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level="IMMEDIATE"
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")  # a lost vector is made again
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if (application, version) not in ((0, 0), (APPLICATION_ID, _VERSION)):
                raise ValueError("not a vector cache of this version")
            connection.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {_VERSION}; {_SCHEMA} COMMIT;"
            )
            with connection:
                connection.execute(
                    "INSERT OR IGNORE INTO encoders (fingerprint) VALUES (?)", (self._fingerprint,)
                )
            row = connection.execute(
                "SELECT id FROM encoders WHERE fingerprint = ?", (self._fingerprint,)
            ).fetchone()
        except BaseException:
            connection.close()
            raise
        self._connection, self._encoder_id = connection, row[0]
        return connection

    def _limit_size(self, connection: sqlite3.Connection) -> None:
        """Delete the least recently used vectors if the file is too large. Its pages are used
        again."""
        page_size, pages, free = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        used = page_size * (pages - free)
        if used <= self._max_bytes:
            return
        count = connection.execute("SELECT count(*) FROM vectors").fetchone()[0]
        share = 1 - _KEPT_SHARE * self._max_bytes / used
        with connection:
            connection.execute(
                "DELETE FROM vectors WHERE rowid IN "
                "(SELECT rowid FROM vectors ORDER BY used, rowid LIMIT ?)",
                (int(count * share) + 1,),
            )


class _OffError(Exception):
    """The cache is not used."""
