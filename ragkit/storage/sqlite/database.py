"""The SQLite file of a collection: opening, transactions, generations. The only truth.

A *generation* counts the commits that changed passages or vectors; index files name the one they
hold, and what came later is read from here. Rows themselves are the business of `ledger` and
`passages` beside this file. Knows no FAISS, no tantivy, no models.

Durability: WAL with `synchronous=FULL`, so an acknowledged commit survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ragkit.errors import CollectionError

SCHEMA_VERSION = 2
APPLICATION_ID = 0x72676B74  # "rgkt", so that `file` and we can tell it from other databases
BUSY_TIMEOUT_MS = 10_000
FILE_NAME = "ragkit.db"
CHUNK = 500  # rows asked for by id in one statement; SQLite allows 32,766 parameters


class Database:
    """A pool of connections to one file. Safe to use from many threads; one process writes."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        """Open `folder`/ragkit.db; make both where `create` is true.

        Raises CollectionError: nothing there, not SQLite, not ragkit's, newer than this program,
        or not to be opened.
        """
        self.folder = folder
        self.path = folder / FILE_NAME
        self.read_only = False
        self._mode = "rwc"
        # Not a queue: Ctrl-C while one holds its lock would leave it locked for ever.
        self._idle: deque[sqlite3.Connection] = deque()
        if not self._is_there():
            if not create:
                raise CollectionError(
                    f"no collection at {folder}. Make one with: ragkit -c {folder} index FOLDER"
                )
            self._make_folder()
        else:
            self._decide_how_to_open()
        try:
            self._check()
            self._mode = "rw"  # a file that vanishes is not to be made again, empty
        except sqlite3.Error as error:
            self.close()
            raise explained(error, self.path) from error
        except BaseException:
            self.close()
            raise

    def _is_there(self) -> bool:
        try:
            return self.path.is_file()
        except OSError as error:
            raise CollectionError(
                f"cannot look into {self.folder}: {error.strerror or error}"
            ) from error

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not any(self.folder.iterdir()):  # a folder of ours alone is no source
                (self.folder / ".gitignore").write_text("*\n")
        except OSError as error:
            raise CollectionError(
                f"cannot make a collection at {self.folder}: {error.strerror or error}"
            ) from error

    def _check(self) -> None:
        """See that the file is ours and of this version; bring an older one up to date."""
        connection = self._connect()
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if application != APPLICATION_ID and tables:
                raise CollectionError(
                    f"{self.path} is a SQLite database, but not a ragkit collection. "
                    "Name another folder with: ragkit -c DIR"
                )
            if version > SCHEMA_VERSION:
                raise CollectionError(
                    f"{self.path} was made by a newer ragkit (schema {version}, this one knows "
                    f"{SCHEMA_VERSION}). Upgrade with: pip install --upgrade ragkit"
                )
            if version < SCHEMA_VERSION:
                self._migrate(connection)
        finally:
            self._idle.append(connection)

    def _migrate(self, connection: sqlite3.Connection) -> None:
        from ragkit.storage.sqlite import migrations

        connection.execute("PRAGMA page_size = 16384")  # vectors of 1.5 kB sit better in it
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")  # another process may be making it just now
        try:
            migrations.apply(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def _connect(self) -> sqlite3.Connection:
        place = self.path.absolute().as_uri()
        if self.read_only:
            # WAL needs to write beside the file, so promise that nobody does.
            return self._configured(
                sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True, **_CONNECT)
            )
        return self._configured(sqlite3.connect(f"{place}?mode={self._mode}", uri=True, **_CONNECT))

    def _decide_how_to_open(self) -> None:
        """Read-only, once and for all, where the folder cannot be written."""
        if os.access(self.folder, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            return
        wal = self.path.with_name(f"{FILE_NAME}-wal")
        if wal.exists() and wal.stat().st_size:
            raise CollectionError(
                f"{self.path} holds changes that a writer has not folded in yet, and {self.folder} "
                "is read-only. Open it once where it can be written: ragkit status"
            )
        self.read_only = True

    def _configured(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # really reads
        except sqlite3.Error:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent snapshot: what other connections commit meanwhile is not seen."""
        with self._borrowed() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, committed at the end, rolled back on any error."""
        if self.read_only:
            raise CollectionError(f"cannot write to {self.path}: it is read-only")
        with self._borrowed() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextlib.contextmanager
    def changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """`writing`, for changes of passages or vectors: yields the generation they come in."""
        with self.writing() as connection:
            yield connection, advance(connection)

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            try:
                connection = self._connect()
            except sqlite3.Error as error:
                raise explained(error, self.path) from error
        try:
            yield connection
        except sqlite3.Error as error:
            raise explained(error, self.path) from error
        finally:
            if connection.in_transaction:  # Ctrl-C may strike just after BEGIN
                connection.rollback()
            self._idle.append(connection)

    def size(self) -> int:
        """Bytes of the database on disk, its write-ahead log included."""
        files = (self.path, self.path.with_name(f"{FILE_NAME}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def close(self) -> None:
        """Close all idle connections; the last one folds the WAL into the file."""
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return


# Transactions are begun and ended by hand; a pooled connection serves one thread at a time.
_CONNECT: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}


def generation(connection: sqlite3.Connection) -> int:
    """Which generation this snapshot holds."""
    return int(value(connection, "generation") or 0)


def advance(connection: sqlite3.Connection) -> int:
    """Begin a new generation in this transaction, before passages or vectors change."""
    connection.execute("UPDATE collection SET value = value + 1 WHERE key = 'generation'")
    return generation(connection)


def value(connection: sqlite3.Connection, key: str) -> int | str | None:
    """One value of the table `collection`, None where it was never set."""
    row = connection.execute("SELECT value FROM collection WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def set_value(connection: sqlite3.Connection, key: str, value: int | str) -> None:
    """Set one value of the table `collection`."""
    connection.execute("INSERT OR REPLACE INTO collection VALUES (?, ?)", (key, value))


def by_id(
    connection: sqlite3.Connection, sql: str, ids: Sequence[int], *before: object
) -> Iterator[sqlite3.Row]:
    """The rows of `sql`, which ends in the name of a column, whose column is one of `ids`.

    `before` are the values of the marks that stand in `sql` itself.
    """
    for first in range(0, len(ids), CHUNK):
        chunk = ids[first : first + CHUNK]
        yield from connection.execute(
            f"{sql} IN ({', '.join('?' * len(chunk))})", (*before, *chunk)
        )


def explained(error: sqlite3.Error, path: Path) -> CollectionError:
    """SQLite's error as ours, with what can be done about it."""
    text = str(error)
    if "not a database" in text:
        return CollectionError(
            f"{path} is not a SQLite database. Move it away, or name another folder: ragkit -c DIR"
        )
    if "malformed" in text:
        return CollectionError(
            f"{path} is damaged ({text}). Move {path.parent} away and index the folders again"
        )
    if "readonly" in text or "read-only" in text:
        return CollectionError(f"cannot write to {path}: it is read-only")
    if "full" in text:
        return CollectionError(
            f"the disk is full: {path} keeps all that was committed. Free some space and run "
            "the same command again"
        )
    if "locked" in text:
        return CollectionError(
            f"{path} stayed locked for {BUSY_TIMEOUT_MS // 1000} s by another program; "
            "try again when it has finished"
        )
    return CollectionError(f"{path} cannot be used: {text}")
