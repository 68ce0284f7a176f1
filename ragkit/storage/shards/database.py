"""`ShardedDatabase` and `ShardedIndexReader`: a published generation of a sharded collection, which
is read like one database with its index files. Nothing of it is written."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ragkit import trust
from ragkit.errors import CollectionError
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.manifest import FILE_NAME, Manifest, check_schema
from ragkit.storage.shards.placement import shard_of_id
from ragkit.storage.shards.shard import LocalShard, Shard, whole_of
from ragkit.storage.sqlite.database import SCHEMA_VERSION, Database
from ragkit.storage.sqlite.sharding.gathering import ShardedConnection
from ragkit.trust import TrustLevel

if TYPE_CHECKING:
    from ragkit.storage.lexical.index import LexicalIndex
    from ragkit.storage.lexical.statistics import Phrase
    from ragkit.storage.vectors.index import VectorIndex

T = TypeVar("T")
AskAll = Callable[[Any, Callable[[Any], Any]], list[Any]]  # of shards of any kind

MAX_IN_PROCESS = 5_000_000  # passages that are searched in one process without a warning
_MAX_THREADS = 16


def open_sharded(
    address: str | Path,
    *,
    shards: Sequence[Shard] | None = None,
    ask_all: AskAll | None = None,
    candidates: int | None = None,
    notify: Callable[[str], None] = lambda line: None,
) -> ShardedDatabase:
    """Open the current generation of a sharded collection.

    - `shards`: who answers for each shard, in their order. Default: they are fetched and opened
      here, when they are first asked.
    - `ask_all`: calls a function for several shards and returns the results in their order; None
      for a shard that did not answer. Default: threads of this process.
    - `candidates`: as in `IndexReader`. `notify`: called with a line of text for the user.

    Raises CollectionError if there is no collection, if its manifest is damaged or of a newer
    version, or if the address cannot be reached; UnavailableError without fsspec.
    """
    location = ShardLocation(address)
    manifest = cache.read_manifest(location)
    if manifest is None:
        raise CollectionError(
            f"no sharded collection at {location.address}. Make one with: "
            f"ragkit -c {location.address} index FOLDER --shards N"
        )
    check_schema(manifest, SCHEMA_VERSION, location.address)
    return ShardedDatabase(
        location, manifest, shards=shards, ask_all=ask_all, candidates=candidates, notify=notify
    )


class ShardedDatabase(Database):
    """One generation of a sharded collection. Safe to use from many threads; never written.

    `missing`: numbers of shards that have not answered, until `take_missing`.
    """

    is_sharded = True

    def __init__(
        self,
        location: ShardLocation,
        manifest: Manifest,
        *,
        shards: Sequence[Shard] | None = None,
        ask_all: AskAll | None = None,
        candidates: int | None = None,
        trust_level: TrustLevel | None = None,
        notify: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.location, self.manifest = location, manifest
        self.folder = location.folder or cache.cache_folder(manifest.id)
        self.path = self.folder / FILE_NAME
        self.read_only, self.opened_version = True, SCHEMA_VERSION
        self.notify = notify
        self.missing: set[int] = set()
        self._constants: dict[Any, tuple[Any, ...]] = {}  # results of `gathering.constant`
        self._idle = deque()
        self._closings = 0
        self._candidates = candidates
        self.trust = trust_level or find_trust_level(location, manifest.id, notify)
        self._opened: dict[int, Shard] = {}
        self._opening = threading.Lock()
        self._given = None if shards is None else list(shards)
        self._pool: ThreadPoolExecutor | None = None
        self._ask_all: AskAll = ask_all or self._ask_in_threads
        self._connection = self._connection_to_all()

    def _connection_to_all(self) -> ShardedConnection:
        connection: ShardedConnection = sqlite3.connect(
            ":memory:", factory=ShardedConnection, isolation_level=None, check_same_thread=False
        )
        connection.ask = self.read_shards
        connection.first, connection.shards = 0, len(self.manifest.shards)
        connection.shard_of_id = shard_of_id
        connection.values = {
            "generation": self.manifest.generation,
            "id": self.manifest.id,
            "fusion": self.manifest.fusion,
        }
        connection.load_newer_versions = self._newer_versions
        return connection

    def _newer_versions(self) -> Mapping[int, Sequence[int]]:
        from ragkit.storage.sqlite.sharding.term_counts import TermCounts

        path = cache.fetch_statistics(self.location, self.manifest)
        return {} if path is None else TermCounts(path).newer_versions()

    @property
    def shard_count(self) -> int:
        """The number of shards."""
        return len(self.manifest.shards)

    @property
    def is_small(self) -> bool:
        """Whether one process can be expected to search it."""
        return self.manifest.passages <= MAX_IN_PROCESS

    def is_current(self) -> bool:
        """Whether no newer generation has been published. Reads the manifest."""
        manifest = cache.read_manifest(self.location)
        own = self.manifest
        return manifest is not None and (manifest.id, manifest.generation) == (
            own.id, own.generation
        )  # fmt: skip

    def take_missing(self) -> set[int]:
        """Return the shards that have not answered since the last call."""
        missing, self.missing = self.missing, set()
        return missing

    def shard(self, number: int) -> Shard:
        """Return a shard; it is fetched and opened on the first call."""
        if self._given is not None:
            return self._given[number]
        shard = self._opened.get(number)
        if shard is not None:
            return shard
        with self._opening:
            if number not in self._opened:
                folder = cache.fetch_shard(self.location, self.manifest, number)
                self._opened[number] = LocalShard(
                    folder, self.manifest.shards[number], whole_of(self.manifest),
                    trust=self.trust, candidates=self._candidates, notify=self.notify,
                )  # fmt: skip
            return self._opened[number]

    def read_shards(
        self,
        function: Callable[..., Any],
        arguments: Mapping[int, tuple[Any, ...]] | tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> list[Any]:
        """Run a reading function on shards; see `gathering.AskShards`."""
        is_constant = getattr(function, "is_constant", False) and not options
        own = tuple(arguments.items()) if isinstance(arguments, Mapping) else arguments
        if is_constant and (known := self._constants.get((function, own))) is not None:
            return list(known)
        results = self._ask(arguments, lambda shard, own: shard.read(function, *own, **options))
        wanted = len(arguments) if isinstance(arguments, Mapping) else self.shard_count
        if is_constant and len(results) == wanted:  # no shard is missing
            self._constants[function, own] = tuple(results)
        return results

    def ask_vectors(
        self,
        method: str,
        arguments: Mapping[int, tuple[Any, ...]] | tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> list[Any]:
        """Call a method of the vector indexes of shards."""
        return self._ask(arguments, lambda shard, own: shard.vectors(method, *own, **options))

    def ask_words(
        self,
        method: str,
        arguments: Mapping[int, tuple[Any, ...]] | tuple[Any, ...],
        options: Mapping[str, Any],
    ) -> list[Any]:
        """Call a method of the lexical indexes of shards."""
        return self._ask(arguments, lambda shard, own: shard.words(method, *own, **options))

    def _ask(
        self,
        arguments: Mapping[int, tuple[Any, ...]] | tuple[Any, ...],
        call: Callable[[Shard, tuple[Any, ...]], Any],
    ) -> list[Any]:
        count = len(self.manifest.shards)
        if isinstance(arguments, tuple):
            own = dict.fromkeys(range(count), arguments)
        else:  # ids of other collections are in no shard
            own = {number: each for number, each in arguments.items() if 0 <= number < count}
        shards = [self.shard(number) for number in own]
        # A tuple each: a result may be None.
        found = self._ask_all(shards, lambda shard: (call(shard, own[shard.number]),))
        answers = list(zip(own, found, strict=True))
        self.missing.update(number for number, answer in answers if answer is None)
        return [answer[0] for _, answer in answers if answer is not None]

    def _ask_in_threads(
        self, shards: Sequence[Shard], call: Callable[[Shard], T]
    ) -> list[T | None]:
        if len(shards) < 2:
            return [call(shard) for shard in shards]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(
                min(_MAX_THREADS, len(self.manifest.shards)), thread_name_prefix="ragkit-shard"
            )
        return list(self._pool.map(call, shards))

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield what reading functions take for a connection to all shards."""
        yield self._connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Raise CollectionError: published shards are never written to."""
        raise CollectionError(read_only_message(self.location.address))
        yield self._connection

    def retry(self, operation: Callable[[], T]) -> T:
        """Return the result of `operation`: published shards do not change."""
        return operation()

    @property
    def trust_place(self) -> str:
        """The name of the collection in the list of trusted ones: its absolute path, or address."""
        folder = self.location.folder
        return self.location.address if folder is None else trust.canonical(folder)

    def refuse_sharded(self) -> None:
        """Raise CollectionError: published shards are never written to."""
        raise CollectionError(read_only_message(self.location.address))

    def refuse_copies(self, command: str) -> None:
        """Raise CollectionError: a copy of a sharded collection is made of its files."""
        address, folder = self.location.address, self.location.folder
        how = "Copy all files below the address, with the tool of the storage"
        if folder is not None:
            how = (
                f"Copy its folder as it is, or {command} one shard after the other: "
                f"ragkit -c {folder}/work/shard-0000 {command} TARGET"
            )
        raise CollectionError(
            f"ragkit {command} does not work on a sharded collection ({address}). {how}"
        )

    def set_candidates(self, candidates: int | None) -> None:
        """Set how many candidates the quantized vectors propose, before a shard is opened."""
        self._candidates = candidates

    def checkpoint(self) -> None:
        """Do nothing: there is no log."""

    def accept(self) -> None:
        """Open the shards again as trusted ones."""
        self.close()
        self.trust = TrustLevel.OWN

    def size(self) -> int:
        """Return the bytes of the databases of all shards."""
        return sum(
            file.bytes
            for shard in self.manifest.shards
            for file in shard.files
            if file.name.endswith(".db")
        )

    def index_size(self) -> int:
        """Return the bytes of the index files of all shards."""
        return sum(file.bytes for file in self.manifest.all_files()) - self.size()

    def close(self) -> None:
        """Close the shards that this process has opened; the next call opens them again."""
        for shard in self._opened.values():
            if isinstance(shard, LocalShard):
                shard.close()
        self._opened.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False)
            self._pool = None


class ShardedIndexReader(IndexReader):
    """The vectors and words of a `ShardedDatabase`. Safe to use from many threads."""

    def __init__(self, store: ShardedDatabase) -> None:
        self._sharded = store
        self._words: LexicalIndex | None = None

    def vectors(self, connection: sqlite3.Connection) -> VectorIndex | None:
        """Return the vectors of all shards; None if the collection has no model yet."""
        from ragkit.storage.shards.vectors import ShardedVectorIndex

        manifest = self._sharded.manifest
        if manifest.encoder is None:
            return None
        count = sum(shard.vectors for shard in manifest.shards)
        return ShardedVectorIndex(
            self._sharded.ask_vectors, manifest.encoder.dimension, manifest.generation, count
        )

    def lexical(self, connection: sqlite3.Connection) -> LexicalIndex:
        """Return the words of all shards."""
        if self._words is None:
            from ragkit.storage.shards.lexical import ShardedLexicalIndex
            from ragkit.storage.shards.statistics import StatisticsFile

            store = self._sharded
            path = cache.fetch_statistics(store.location, store.manifest)
            if path is None:
                raise CollectionError(
                    f"{store.location.address} has no statistics of its words. Publish it again "
                    "where it was made: ragkit index"
                )
            statistics = StatisticsFile(path, store.manifest.passages, self._occurs)
            self._words = ShardedLexicalIndex(
                store.ask_words, statistics, store.manifest.generation
            )
        return self._words

    def _occurs(self, phrase: Phrase) -> bool:
        return any(self._sharded.ask_words("occurs", (phrase,), {}))

    def discard_lexical(self, index: LexicalIndex, error: Exception) -> None:
        """Open the index again for the next search."""
        self._words = None

    def repair(self) -> None:
        """Do nothing: published files are never written to."""


def index_reader(store: Database, candidates: int | None) -> ShardedIndexReader:
    """Return the vectors and words of a sharded collection. `candidates`: as in `IndexReader`."""
    assert isinstance(store, ShardedDatabase)  # noqa: S101
    store.set_candidates(candidates)
    return ShardedIndexReader(store)


def read_only_message(address: str) -> str:
    """Return that a sharded collection is only read, and the commands that update it."""
    import shlex

    name = shlex.quote(address)
    return (
        f"{address} is a sharded collection, which this command only reads. Update it with: "
        f"ragkit -c {name} index FOLDER --shards N (or, on a Ray cluster: --on ray), or "
        f"ragkit -c {name} remove PATH"
    )


def find_trust_level(
    location: ShardLocation, collection_id: str, notify: Callable[[str], None]
) -> TrustLevel:
    """Return how far the user trusts the collection; one outside of version control is adopted."""
    if trust.is_trusted_by_environment():
        return TrustLevel.OWN
    if location.folder is None:
        entry = trust.find(location.address)
        is_own = entry is not None and entry.id == collection_id and entry.how != "adopted"
        return TrustLevel.OWN if is_own else TrustLevel.ADOPTED
    path = trust.canonical(location.folder)
    if trust.is_in_user_folder(path):
        return TrustLevel.OWN
    entry = trust.find(path)
    is_known = entry is not None and entry.id == collection_id
    if trust.is_version_controlled(path):
        return TrustLevel.OWN if is_known else TrustLevel.UNTRUSTED
    if is_known and entry is not None and entry.how != "adopted":
        return TrustLevel.OWN
    if not is_known:
        with contextlib.suppress(CollectionError):
            trust.record(path, collection_id, "adopted")
            notify(
                f"{location.address} was not made by you on this machine; it is used from now on, "
                f"but may name no server and no download until: ragkit trust {location.address}"
            )
    return TrustLevel.ADOPTED
