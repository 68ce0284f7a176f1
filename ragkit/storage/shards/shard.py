"""One shard of a collection, as the rest of the collection sees it.

`Shard` is what searching asks of it, in a few calls whose arguments and results can be sent to
another process. `LocalShard` is a shard that this process has opened.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ragkit.errors import CollectionError
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.lexical.padding import IndexTotals, Padding
from ragkit.storage.shards import cache
from ragkit.storage.shards.manifest import Manifest, ShardEntry
from ragkit.storage.sqlite import state
from ragkit.storage.sqlite.database import Database
from ragkit.trust import TrustLevel

if TYPE_CHECKING:
    from ragkit.storage.lexical.index import LexicalIndex

# A shard gets at most so many documents that are no passages: more than any distribution needs.
_MAX_EMPTY, _MAX_RATIO = 5_000, 100


class Shard(Protocol):
    """The reading operations of one shard. Safe to use from several threads at the same time."""

    number: int

    def read(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a reading function of `storage/sqlite` returns for the shard's database."""

    def vectors(self, method: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a method of the shard's `VectorIndex` returns."""

    def words(self, method: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a method of the shard's `LexicalIndex` returns. Queries are `QueryPlan`s."""


def totals_of(entries: Iterable[ShardEntry]) -> IndexTotals:
    """Return what BM25 counts of these shards together."""
    tokens: dict[str, int] = {}
    passages = 0
    for entry in entries:
        passages += entry.counted
        for field, count in entry.tokens.items():
            tokens[field] = tokens.get(field, 0) + count
    return IndexTotals(passages, tokens)


class LocalShard:
    """A shard in a local folder. `whole`: what BM25 counts of all shards (`totals_of`)."""

    def __init__(
        self,
        folder: Path,
        entry: ShardEntry,
        whole: IndexTotals,
        *,
        trust: TrustLevel = TrustLevel.OWN,
        candidates: int | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Raises CollectionError if the database cannot be opened."""
        self.number = entry.number
        self._own, self._whole = totals_of([entry]), whole
        self._store = Database(folder, trust=trust, published=True)
        self._store.notify = notify
        self._indexes = IndexReader(self._store, notify, candidates)
        self._lock = threading.Lock()
        self._lexical: LexicalIndex | None = None
        self._hold = cache.hold(folder)

    def read(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a reading function returns, with iterators as lists."""

        def read() -> Any:  # noqa: ANN401
            with self._store.reading() as connection:
                result = function(connection, *arguments, **options)
                return list(result) if isinstance(result, Iterator) else result

        return self._store.retry(read)

    def vectors(self, method: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a method of the vector index returns."""
        with self._store.reading() as connection:
            index = self._indexes.vectors(connection)
        if index is None:
            raise ValueError(f"shard {self.number} has no model")
        return getattr(index, method)(*arguments, **options)

    def words(self, method: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """Return what a method of the lexical index returns, by the collection's averages."""
        result = getattr(self._padded_index(), method)(*arguments, **options)
        return list(result) if isinstance(result, Iterator) else result

    def _padded_index(self) -> LexicalIndex:
        with self._lock:
            if self._lexical is None:
                with self._store.reading() as connection:
                    index = self._indexes.lexical(connection)
                    file = state.index_file(connection, "words")
                path = None
                if not index.memory and file is not None:
                    path = self._store.folder / file.name
                padding = Padding.between(self._own, self._whole)
                if padding.documents > _MAX_EMPTY + _MAX_RATIO * self._own.passages:
                    raise CollectionError(
                        f"shard {self.number}: the manifest's numbers of terms cannot be right. "
                        "Publish the collection again where it was made: ragkit index"
                    )
                self._lexical = index.padded(padding, path) if padding.documents else index
            return self._lexical

    def close(self) -> None:
        """Close the database connections."""
        self._store.close()
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    def __del__(self) -> None:
        """Let others delete the folder."""
        descriptor = getattr(self, "_hold", None)  # not set where the database did not open
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


class PlainRow:
    """A row of a result that was sent to another process. Has what is used of `sqlite3.Row`."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
        self._names, self._values = names, values

    def __getitem__(self, key: int | str | slice) -> Any:  # noqa: ANN401
        return self._values[self._names.index(key) if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self._names)


def plain(result: Any) -> Any:  # noqa: ANN401
    """Return a result of `Shard.read` with its rows as `PlainRow`s, which can be pickled."""
    if isinstance(result, sqlite3.Row):
        return PlainRow(tuple(result.keys()), tuple(result))
    if type(result) is list:
        return [plain(row) for row in result]
    if isinstance(result, Mapping):
        return {key: plain(value) for key, value in result.items()}
    return result


def whole_of(manifest: Manifest) -> IndexTotals:
    """Return what BM25 counts of a collection."""
    return totals_of(manifest.shards)
