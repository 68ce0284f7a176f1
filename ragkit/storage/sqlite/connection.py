"""`Connection`: a SQLite connection that knows what it read: damaged rows, and which file.

A database in a folder that this user may not write is read in one of two ways. With a write-ahead
log beside it, SQLite's own locks keep a snapshot stable, although another process writes. Without
one, the file is opened as *immutable*: SQLite then takes no locks and notices no change, so the
stamp of the file is compared before and after each snapshot. Knows no tables.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from ragkit.errors import BusyError

# A file that changed more recently may change again without another time: file systems count time
# in steps of up to 10 ms.
SETTLED_SECONDS = 0.05
IDS_PER_STATEMENT = 500  # SQLite allows 32,766 parameters
# What a value of the wrong type or an invalid JSON text raises.
CAUSED_BY_DAMAGE = (
    TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip
P = ParamSpec("P")
R = TypeVar("R")


class SnapshotError(BusyError):
    """The database was changed while it was read without locks; the same call works again."""


class Damage:
    """Rows that were found damaged: files, documents and vectors by id, passages that an index
    file names and the table does not have, and passages whose vector is not found."""

    def __init__(self) -> None:
        self.files: set[int] = set()
        self.documents: set[int] = set()
        self.vectors: set[int] = set()
        self.passages: set[int] = set()
        self.without_vector: set[int] = set()  # passages

    def __bool__(self) -> bool:
        return any((self.files, self.documents, self.vectors, self.passages, self.without_vector))


class Connection(sqlite3.Connection):
    """A connection with the damage that was found since it was borrowed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 (as sqlite3's)
        super().__init__(*arguments, **options)
        self.damage = Damage()
        self.stamp: tuple[int, ...] | None = None  # of an immutable file, when it was opened
        # What `remembered` functions returned; None: no snapshot, or a transaction that writes.
        self.results: dict[Hashable, Any] | None = None
        self._kept_results: dict[Hashable, Any] = {}
        self._data_version: int | None = None  # of the snapshot that `_kept_results` are from
        # A damaged text is shown nowhere, but must not end a search with an error either.
        # Not a function in Python: a search decodes a hundred values.
        self.text_factory = partial(str, encoding="utf-8", errors="replace")
        self.row_factory = sqlite3.Row

    def begin_snapshot(self) -> None:
        """Begin a transaction that reads. What was remembered is kept if nobody has committed since
        the last one: SQLite's `data_version` changes with each commit of another connection."""
        self.execute("BEGIN")
        version = self.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self._kept_results, self._data_version = {}, version
        self.results = self._kept_results

    def end_snapshot(self) -> None:
        """End the transaction of `begin_snapshot`."""
        self.results = None
        self.rollback()

    def forget(self) -> None:
        """Forget what was remembered, before this connection writes."""
        self.results, self._kept_results, self._data_version = None, {}, None

    def take_damage(self) -> Damage:
        """Return the damage found so far, and begin anew."""
        damage = self.damage
        if damage:
            self.damage = Damage()
        return damage


def remembered(
    function: Callable[Concatenate[sqlite3.Connection, P], R],
) -> Callable[Concatenate[sqlite3.Connection, P], R]:
    """Let a reading function run once for each connection and arguments, as long as nobody commits.

    For small results that every search asks for, some of them five times. Nobody may change them.
    """

    @wraps(function)
    def read(connection: sqlite3.Connection, /, *args: P.args, **kwargs: P.kwargs) -> R:
        results = connection.results if isinstance(connection, Connection) else None
        if results is None or kwargs:
            return function(connection, *args, **kwargs)
        key = (function, *args)
        if key not in results:
            results[key] = function(connection, *args, **kwargs)
        result: R = results[key]
        return result

    return read


def report_damage(
    connection: sqlite3.Connection,
    *,
    files: Iterable[int] = (),
    documents: Iterable[int] = (),
    vectors: Iterable[int] = (),
    passages: Iterable[int] = (),
    without_vector: Iterable[int] = (),
) -> None:
    """Remember damaged rows. `Database` tells the user and lets them be made again."""
    if isinstance(connection, Connection):
        connection.damage.files.update(files)
        connection.damage.documents.update(documents)
        connection.damage.vectors.update(vectors)
        connection.damage.passages.update(passages)
        connection.damage.without_vector.update(without_vector)


def file_stamp(path: Path) -> tuple[int, ...]:
    """Return what changes with every write of a file. Raises OSError."""
    status = path.stat()
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def settled_stamp(path: Path) -> tuple[int, ...]:
    """Return the stamp of a file once it is old enough that a later write would change it."""
    for _ in range(10):
        stamp = file_stamp(path)
        if abs(time.time_ns() - max(stamp[2:])) >= SETTLED_SECONDS * 1e9:
            break
        time.sleep(SETTLED_SECONDS)
    return stamp


def log_has_content(path: Path) -> bool:
    """Whether a database has a write-ahead log with content beside it."""
    with contextlib.suppress(OSError):
        return path.with_name(f"{path.name}-wal").stat().st_size > 0
    return False


def fetch_by_id(
    connection: sqlite3.Connection, sql: str, ids: Sequence[int], *parameters: object
) -> list[sqlite3.Row]:
    """Return the rows of `by_id`. Faster for rows with many texts, unless one of them is damaged.

    SQLite's module decodes texts itself if nothing has to be replaced.
    """
    tolerant = connection.text_factory
    connection.text_factory = str
    try:
        return list(by_id(connection, sql, ids, *parameters))
    except sqlite3.OperationalError as error:
        if "decode" not in str(error):
            raise
    finally:
        connection.text_factory = tolerant
    return list(by_id(connection, sql, ids, *parameters))


def by_id(
    connection: sqlite3.Connection, sql: str, ids: Sequence[int], *parameters: object
) -> Iterator[sqlite3.Row]:
    """Run a query for `ids`, in chunks, and yield its rows.

    `sql` ends with the name of a column; ` IN (…)` is appended to it. `parameters` are the values
    of the placeholders in `sql` itself.
    """
    for first in range(0, len(ids), IDS_PER_STATEMENT):
        chunk = ids[first : first + IDS_PER_STATEMENT]
        rows = connection.execute(
            f"{sql} IN ({', '.join('?' * len(chunk))})", (*parameters, *chunk)
        )
        # Not `yield from`: an abandoned generator would close its cursor, perhaps too late.
        for row in rows:  # noqa: UP028
            yield row
