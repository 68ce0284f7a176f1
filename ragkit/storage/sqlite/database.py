"""`Database`: the SQLite file of a collection, with its connections and transactions.

The database is the source of truth. A *generation* (`state`) counts the commits that changed
passages or vectors; `changes` reads what came after one. The other modules of this folder read and
write the tables. Knows no FAISS, no tantivy and no models.

Durability: WAL with `synchronous=FULL`, so an acknowledged commit survives a power cut.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from ragkit.errors import CollectionError
from ragkit.storage.collection_files import is_index_name, refuse_links
from ragkit.storage.sqlite.connection import (
    CAUSED_BY_DAMAGE,
    Connection,
    Damage,
    SnapshotError,
    file_stamp,
    log_has_content,
    settled_stamp,
)
from ragkit.storage.sqlite.error_messages import (
    BUSY_TIMEOUT_MS,
    damaged_message,
    to_collection_error,
)
from ragkit.storage.sqlite.state import advance, generation, index_names, value
from ragkit.trust import TrustLevel, canonical

SCHEMA_VERSION = 7
APPLICATION_ID = 0x72676B74  # "rgkt": tells a collection from other SQLite databases

FILE_NAME = "ragkit.db"
MAX_IDLE_LOG_BYTES = 4_000_000  # to which the write-ahead log is cut when it starts over
_LOCK_PAUSE = 0.01  # seconds
RETRY_PAUSES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds


Result = TypeVar("Result")


class UntrustedRow(sqlite3.Row):
    """A row of an untrusted collection: the files that it names are not looked at."""


class Database:
    """A pool of connections to one file. Safe to use from many threads; one process writes.

    `notify` is called with a line of text for the user when damaged rows are found.
    """

    is_sharded = False  # see `storage/shards`

    def __init__(
        self,
        folder: Path,
        *,
        create: bool = False,
        trust: TrustLevel = TrustLevel.OWN,
        published: bool = False,
    ) -> None:
        """Open `folder`/ragkit.db; with `create`, make the folder and the file if they are missing.

        An older schema is migrated. With `trust` = UNTRUSTED nothing in the folder is created,
        written or migrated; nor with `published`, the folder of a published shard. Raises
        CollectionError if there is no collection, if the file is not a
        ragkit database, is damaged, has a newer schema, or cannot be opened.
        """
        self.folder = folder
        self.path = folder / FILE_NAME
        self.trust = trust
        self.opened_version = SCHEMA_VERSION  # of the schema, before a migration
        self.read_only = False
        self.is_published = published
        self._mode = "rwc"
        # Not a queue.Queue: Ctrl-C while its lock is held would leave it locked for ever.
        self._idle: deque[Connection] = deque()
        self._closings = 0  # how often `close` was called
        self.notify: Callable[[str], None] = lambda line: None
        self._told: set[tuple[str, int]] = set()  # lines about damaged rows, and generations
        self._intact_stamps: object = None  # of the files, when a check found no damage
        refuse_links(folder, FILE_NAME)
        if not self._exists():
            if not create:
                raise CollectionError(f"no collection at {folder}. {_way_to_one(folder)}")
            self._make_folder()
        else:
            self._refuse_emptied()
            self._detect_read_only()
        try:
            self._check_until_settled()
            self._mode = "rw"  # a file that was deleted must not be created again, empty
        except sqlite3.Error as error:
            self.close()
            raise to_collection_error(error, self.path) from error
        except BaseException:
            self.close()
            raise

    def _exists(self) -> bool:
        try:
            return self.path.is_file()
        except OSError as error:
            raise CollectionError(
                f"cannot open {self.folder}: {error.strerror or error}"
            ) from error

    def _refuse_emptied(self) -> None:
        """Raise CollectionError for a file of 0 bytes beside index files: SQLite would make a new,
        empty database of it. Without index files it is one whose creation was interrupted."""
        if self.path.stat().st_size or log_has_content(self.path):
            return
        names: list[str] = []
        with contextlib.suppress(OSError):
            names = os.listdir(self.folder)  # noqa: PTH208 (only the names)
        if any(map(is_index_name, names)):
            raise CollectionError(damaged_message(self.path, "it is empty"))

    def _make_folder(self) -> None:
        from ragkit.storage.atomic_files import fsync_folder  # only to create a collection

        try:
            new = [folder for folder in self.folder.parents if not folder.exists()]
            self.folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.folder, *new):  # else a power cut loses the folder with its content
                fsync_folder(folder.parent)
            if not any(self.folder.iterdir()):  # a folder that is ours alone is no source for git
                with (
                    contextlib.suppress(FileExistsError),
                    (self.folder / ".gitignore").open("x") as file,
                ):
                    file.write("*\n")
        except OSError as error:
            raise CollectionError(
                f"cannot create a collection at {self.folder}: {error.strerror or error}"
            ) from error

    def _check_until_settled(self) -> None:
        """`_check`, and again if another process opens or deletes the write-ahead log meanwhile."""
        for pause in RETRY_PAUSES:
            try:
                return self._check()
            except SnapshotError:
                pass
            except sqlite3.Error as error:
                if not self.read_only or error.sqlite_errorcode not in _RETRYABLE:
                    raise
            self._close_idle()
            time.sleep(pause)
        return self._check()

    def _check(self) -> None:
        """Check that the file is a collection of this version; migrate an older one."""
        connection = self._connect()
        try:
            # In this order: another process may commit all three at any moment.
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if application != APPLICATION_ID and tables:
                raise CollectionError(
                    f"{self.path} is a SQLite database, but not a ragkit collection. "
                    "Name another folder with: ragkit -c DIR"
                )
            if version > SCHEMA_VERSION:
                raise CollectionError(
                    f"{self.path} was made by a newer ragkit (schema {version}; this one knows "
                    f"{SCHEMA_VERSION}). Upgrade with: pip install --upgrade ragkit-search"
                )
            self.opened_version = version
            if self.is_untrusted:
                self._check_untrusted(connection, version)
            elif version < SCHEMA_VERSION:
                self._migrate(connection)
        finally:
            self._idle.append(connection)

    def _check_untrusted(self, connection: sqlite3.Connection, version: int) -> None:
        """Check that reading the tables runs nothing but plain reads of stored rows."""
        if version < SCHEMA_VERSION:
            purpose = f"its schema {version} is not migrated to schema {SCHEMA_VERSION}"
            raise CollectionError(untrusted_message(self.folder, purpose))
        if (name := foreign_schema_part(connection)) is not None:
            raise CollectionError(
                f"{self.path} contains {name!r}, which no version of ragkit makes, and it is not "
                "trusted: it came with a checkout. Name another collection with: ragkit -c DIR"
            )

    def _migrate(self, connection: sqlite3.Connection) -> None:
        from ragkit.storage.sqlite import migrations

        connection.execute("PRAGMA page_size = 16384")  # fits vectors of 1.5 kB better
        _keep_write_ahead_log(connection)
        if self.opened_version:
            migrations.import_upgrader()
        connection.execute("BEGIN IMMEDIATE")  # another process may be creating it at this moment
        try:
            migrations.apply(connection)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.commit()
        except BaseException:
            connection.rollback()
            raise

    def _connect(self) -> Connection:
        if self.is_untrusted:
            # Opening it in any other way may create files in the folder.
            connection = self._connect_immutable()
            connection.row_factory = UntrustedRow
            return connection
        if self.read_only:
            return self._connect_read_only()
        return self._open(f"mode={self._mode}")

    def _connect_read_only(self) -> Connection:
        """Open a file in a folder that this user may not write, whether or not somebody writes."""
        try:
            return self._open("mode=ro")  # possible if a write-ahead log is there and readable
        except sqlite3.OperationalError as error:
            if log_has_content(self.path):
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_CANTOPEN:
                    raise
                raise CollectionError(
                    f"{self.path} has a write-ahead log that cannot be read: {self.folder} is "
                    "read-only, and no process has the collection open. Open it once where it can "
                    "be written: ragkit status"
                ) from error
        return self._connect_immutable()

    def _connect_immutable(self) -> Connection:
        """Open the file without locks; each snapshot has to compare its stamp."""
        stamp = settled_stamp(self.path)
        connection = self._open("mode=ro&immutable=1")
        connection.stamp = stamp
        return connection

    def _open(self, options: str) -> Connection:
        uri = f"{self.path.absolute().as_uri()}?{options}"
        return self._configure(sqlite3.connect(uri, uri=True, factory=Connection, **_CONNECT))

    def _is_current(self, connection: Connection) -> bool:
        """Whether the file is still the one that was opened, as far as it is read without locks."""
        if connection.stamp is None:
            return True
        try:
            return file_stamp(self.path) == connection.stamp
        except OSError:
            return False

    @property
    def is_untrusted(self) -> bool:
        """Whether somebody else made the collection and the user has not trusted it."""
        return self.trust is TrustLevel.UNTRUSTED

    def refuse_untrusted(self, purpose: str) -> None:
        """Raise CollectionError if the collection is untrusted; `purpose` is what was refused."""
        if self.is_untrusted:
            raise CollectionError(untrusted_message(self.folder, purpose))

    def refuse_sharded(self) -> None:
        """Raise CollectionError for a sharded collection, which is only read: this is none."""

    def refuse_copies(self, command: str) -> None:
        """Raise CollectionError if `ragkit COMMAND` cannot copy the collection: it can."""

    def accept(self) -> None:
        """Open an untrusted collection again as a trusted one, which also migrates it.

        Raises CollectionError if its schema has parts that no version of ragkit makes.
        """
        if not self.is_untrusted:
            return
        self.close()
        self.trust, self.read_only, self._mode = TrustLevel.OWN, False, "rw"
        try:
            self._detect_read_only()
            with self.reading() as connection:
                name = foreign_schema_part(connection)
            if name is not None:
                raise CollectionError(
                    f"{self.path} contains {name!r}, which no version of ragkit makes. If it is "
                    "yours, drop it before you trust the collection"
                )
            self._check()
        except BaseException:
            self.close()
            self.trust, self.read_only = TrustLevel.UNTRUSTED, True
            raise

    def _detect_read_only(self) -> None:
        """Set `read_only` if the folder or the file cannot be written."""
        if self.is_untrusted:
            self._refuse_untrusted_log()
            self.read_only = True
            return
        if self.is_published:  # its files may be hard links to those that others read
            self.read_only = True
            return
        effective = os.access in os.supports_effective_ids
        self.read_only = not all(
            os.access(path, os.W_OK, effective_ids=effective) for path in (self.folder, self.path)
        )

    def _refuse_untrusted_log(self) -> None:
        """Raise CollectionError if an untrusted collection has a write-ahead log: only a process
        that may write in the folder can read it."""
        log = self.path.with_name(f"{FILE_NAME}-wal")
        if os.path.lexists(log) and (not log.is_file() or log.lstat().st_size):
            raise CollectionError(
                untrusted_message(self.folder, "its write-ahead log is not merged")
            )

    def _configure(self, connection: Connection) -> Connection:
        try:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")  # https://sqlite.org/security.html
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute(f"PRAGMA journal_size_limit = {MAX_IDLE_LOG_BYTES}")
            connection.execute(
                "SELECT count(*) FROM sqlite_master"
            ).fetchone()  # the first real read
        except sqlite3.Error:
            connection.close()
            raise
        except UnicodeDecodeError as error:  # in SQLite's message, which quotes the schema
            connection.close()
            raise sqlite3.DatabaseError("malformed database schema") from error
        return connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection on one snapshot: it does not see what others commit meanwhile.

        Raises CollectionError for SQLite's errors.
        """
        with self._borrow() as connection:
            connection.begin_snapshot()
            try:
                yield connection
            finally:
                connection.end_snapshot()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection in a transaction, committed at the end, rolled back on any error.

        Raises CollectionError for SQLite's errors, and if the collection is read-only.
        """
        self.refuse_untrusted("nothing is written to it")
        if self.read_only:
            raise CollectionError(f"cannot write to {self.path}: it is read-only")
        with self._borrow() as connection:
            connection.forget()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.commit()
            except BaseException:
                connection.rollback()
                raise

    @contextlib.contextmanager
    def changing(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """Like `writing`, for changes of passages or vectors: yield also their new generation."""
        with self.writing() as connection:
            yield connection, advance(connection)

    @contextlib.contextmanager
    def _borrow(self) -> Iterator[Connection]:
        closings = self._closings
        connection = self._idle_connection()
        usable = True
        try:
            yield connection
            if not self._is_current(connection):
                raise self._snapshot_error()
        except sqlite3.Error as error:
            usable = not self.read_only
            if not usable and (
                not self._is_current(connection) or error.sqlite_errorcode in _RETRYABLE
            ):
                raise self._snapshot_error() from error
            raise to_collection_error(error, self.path) from error
        except MemoryError as error:
            raise CollectionError(
                f"not enough memory to read {self.path}; close other programs, or ask for less"
            ) from error
        except CAUSED_BY_DAMAGE as error:
            if not self._is_current(connection):
                raise self._snapshot_error() from error
            self._raise_if_damaged(connection, error)
            raise
        finally:
            if connection.in_transaction:  # Ctrl-C may strike just after BEGIN
                connection.rollback()
            damage = connection.take_damage()
            if usable and self._is_current(connection):
                self._idle.append(connection)
                if self._closings != closings:  # while this thread was reading
                    self._close_idle()
            else:
                connection.close()
            if damage:
                self._handle_damage(damage)

    def _idle_connection(self) -> Connection:
        """Return a connection to the file as it is now, from the pool or a new one."""
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            has_new_log = connection.stamp is not None and log_has_content(self.path)
            if self._is_current(connection) and not has_new_log:
                return connection
            connection.close()
        try:
            return self._connect()
        except sqlite3.Error as error:
            if self.read_only and error.sqlite_errorcode in _RETRYABLE:
                raise self._snapshot_error() from error
            raise to_collection_error(error, self.path) from error

    def retry(self, operation: Callable[[], Result]) -> Result:
        """Return the result of `operation`, which reads, and run it again if another process has
        changed the file meanwhile.

        That can happen only where the folder cannot be written. Raises BusyError if it goes on for
        some seconds.
        """
        for pause in RETRY_PAUSES:
            try:
                return operation()
            except SnapshotError:
                time.sleep(pause)
        return operation()

    def _snapshot_error(self) -> SnapshotError:
        return SnapshotError(
            f"{self.path} was changed by another process while it was read; run the same command "
            "again"
        )

    def _raise_if_damaged(self, connection: Connection, error: Exception) -> None:
        """Raise CollectionError if the database is damaged, which then has caused `error`.

        A damaged row may hold any value of any type; no code expects that.
        """
        stamps = [file_stamp(path) for path in self._files()]
        if stamps == self._intact_stamps:
            return
        from ragkit.storage.sqlite import integrity  # only for a damaged database

        if connection.in_transaction:
            connection.rollback()
        findings = [finding for finding in integrity.check(connection) if finding.is_damage]
        if findings:
            raise CollectionError(damaged_message(self.path, findings[0].message)) from error
        self._intact_stamps = stamps

    def _handle_damage(self, damage: Damage) -> None:
        """Tell the user about damaged rows, and let the next `ragkit index` make them again."""
        from ragkit.storage.sqlite import integrity

        with contextlib.suppress(CollectionError), self.reading() as connection:
            for line in integrity.describe(connection, damage):
                if (told := (line, generation(connection))) not in self._told:
                    self._told.add(told)  # not again for every search
                    self.notify(line)
        if not self.read_only:
            with contextlib.suppress(CollectionError), self.writing() as connection:
                integrity.mark_damaged(connection, damage)

    def checkpoint(self) -> None:
        """Merge the write-ahead log into the database and empty it, as far as no reader needs it.

        Waits for nobody. SQLite does the same at times and when the last process closes the
        database.
        """
        if self.read_only:
            return
        with contextlib.suppress(CollectionError), self._borrow() as connection:
            connection.execute("PRAGMA busy_timeout = 0")
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")

    def _files(self) -> list[Path]:
        files = (self.path, self.path.with_name(f"{FILE_NAME}-wal"))
        return [file for file in files if file.exists()]

    def size(self) -> int:
        """Return the bytes of the database on disk, with its write-ahead log."""
        return sum(file.stat().st_size for file in self._files())

    @property
    def trust_place(self) -> str:
        """The name of the collection in the list of trusted ones: its absolute path."""
        return canonical(self.folder)

    def index_size(self) -> int:
        """Return the bytes of the index files on disk."""
        from ragkit.storage.atomic_files import disk_size

        with self.reading() as connection:
            names = index_names(connection)
        return sum(disk_size(self.folder, name) for name in names)

    @property
    def shard_count(self) -> int | None:
        """The number of shards of a sharded collection; None: it is in one piece."""
        return None

    @property
    def is_small(self) -> bool | None:
        """Whether one process can be expected to search all shards; None without shards."""
        return None

    def close(self) -> None:
        """Close all idle connections, and those in use when they are returned; closing the last
        one merges the write-ahead log."""
        self._closings += 1
        self._close_idle()

    def _close_idle(self) -> None:
        while True:
            try:
                self._idle.pop().close()
            except IndexError:
                return


# Transactions are explicit; a pooled connection serves one thread at a time.
# Another process opens, recovers or deletes the write-ahead log at this moment.
_RETRYABLE = frozenset({
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_BUSY_RECOVERY,
    sqlite3.SQLITE_READONLY_RECOVERY, sqlite3.SQLITE_READONLY_CANTLOCK,
    sqlite3.SQLITE_READONLY_CANTINIT, sqlite3.SQLITE_READONLY_ROLLBACK,
})  # fmt: skip
_CONNECT: dict[str, Any] = {"isolation_level": None, "check_same_thread": False}


def _keep_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Change to a write-ahead log. Where another process does so too, SQLite does not wait for it
    as long as it waits for other locks, but fails at once."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_LOCK_PAUSE)
        else:
            return


def _way_to_one(folder: Path) -> str:
    """Return how to get a collection at `folder`, where there is none."""
    # A restoration that was killed between two renames leaves it under its new name.
    prefix = f"{folder.name}.before-restore-"
    with contextlib.suppress(OSError):
        names = [path.name for path in folder.absolute().parent.iterdir()]
        asides = sorted(name for name in names if name.startswith(prefix))
        if asides and not os.path.lexists(folder):
            import shlex

            old, new = (shlex.quote(str(path)) for path in (folder.with_name(asides[-1]), folder))
            return f"The one before the last `ragkit restore` is still there: mv {old} {new}"
    return f"Make one with: ragkit -c {folder} index FOLDER"


def untrusted_message(folder: Path, purpose: str) -> str:
    """Return the message that something was refused because a collection is not trusted."""
    import shlex  # not for a query

    return (
        f"{folder} is in a checkout and not in your list of trusted collections, so {purpose}. If "
        f"you made it or trust its authors: ragkit trust {shlex.quote(str(folder))}"
    )


def stored_id(folder: Path) -> str | None:
    """Return the random id of the collection in `folder` without migrating it; None if it has none.

    Raises CollectionError if the database cannot be read.
    """
    path = folder / FILE_NAME
    last: sqlite3.Error | None = None
    for options in ("mode=ro", "mode=ro&immutable=1"):  # the second where no file can be created
        uri = f"{path.absolute().as_uri()}?{options}"
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, **_CONNECT)) as connection:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
                identifier = value(connection, "id")
                return identifier if isinstance(identifier, str) else None
        except sqlite3.Error as error:
            if "no such table" in str(error):  # another process is creating it at this moment
                return None
            last = error
    assert last is not None  # noqa: S101 - the loop returns or fails
    raise to_collection_error(last, path) from last


# The only trigger of the schema, as SQLite stores it.
_TRIGGER = """CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
    INSERT OR REPLACE INTO removals
    VALUES (old.id, (SELECT value FROM collection WHERE key = 'generation'));
END"""
# What would run when a table is read: views, virtual tables, computed columns; and other triggers.
_FOREIGN = (
    "SELECT name FROM sqlite_schema WHERE type = 'view' OR (type = 'table' AND rootpage = 0) "
    "OR (type = 'trigger' AND sql IS NOT ?) UNION ALL "
    "SELECT items.name FROM sqlite_schema AS items JOIN pragma_table_xinfo(items.name) AS columns "
    "WHERE items.type = 'table' AND columns.hidden <> 0 LIMIT 1"
)


def foreign_schema_part(connection: sqlite3.Connection) -> str | None:
    """Return the name of a view, trigger, virtual table, or table with computed columns that ragkit
    does not make; None if there is none."""
    row = connection.execute(_FOREIGN, (_TRIGGER,)).fetchone()
    return None if row is None else str(row[0])
