"""A sharded collection whose shards are searched by replicas on a Ray cluster.

The server's process is the router: it encodes a query once, asks one replica of each shard and
merges what they return. Newer generations are opened while the current one is served.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ragkit.cluster.replicas import ReplicaSet
from ragkit.cluster.router import ReplicaLostError, Request, Router, new_request
from ragkit.collection import Collection
from ragkit.errors import CollectionError, RagkitError, UnavailableError, UsageError
from ragkit.settings import Settings
from ragkit.storage.shards import cache
from ragkit.storage.shards.database import ShardedDatabase
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.manifest import Manifest, check_schema
from ragkit.storage.sqlite.database import SCHEMA_VERSION

if TYPE_CHECKING:
    from ragkit.answers.llm import ChatModel
    from ragkit.encoders import Encoder
    from ragkit.records.answers import Event, Turn
    from ragkit.records.hits import Hit
    from ragkit.retrieval.options import SearchOptions

REQUEST_SECONDS = 10.0  # for the calls of one search
SHARD_SECONDS = 2.0  # a shard that does not answer a call for longer is missing from the result
REFRESH_SECONDS = 2.0  # between looks for a newer generation
MAX_REPLICAS = 16
DEFAULT_REPLICAS = 2
logger = logging.getLogger("ragkit.server")


class RoutedCollection(Collection):
    """A generation of a sharded collection, searched by replicas. Only read.

    A search of which a shard has no live replica returns the hits of the others; their
    `missing_shards` and a notice say so. All other methods raise MissingShardError.
    """

    def search_with(self, queries: Sequence[str], options: SearchOptions) -> list[list[Hit]]:
        """Return what `Collection.search_with` returns, with `missing_shards` set."""
        with new_request(REQUEST_SECONDS, SHARD_SECONDS) as request:
            found = super().search_with(queries, options)
        for hits in found:
            hits.missing_shards = _missing(request)  # type: ignore[attr-defined]  # `Hits`
        return found

    def search_notices(self, query: str, options: SearchOptions, hits: Sequence[Hit]) -> list[str]:
        """Return what `Collection.search_notices` returns, and that shards are missing."""
        with new_request(REQUEST_SECONDS, SHARD_SECONDS):
            notices = super().search_notices(query, options, hits)
        missing = getattr(hits, "missing_shards", ())
        return [*([missing_message(missing)] if missing else []), *notices]

    def ask_with(
        self,
        question: str,
        options: SearchOptions,
        *,
        history: Sequence[Turn] = (),
        llm: ChatModel | Literal[False] | None = None,
    ) -> Iterator[Event]:
        """Yield what `Collection.ask_with` yields; the answer has a warning if shards are
        missing. Raises as that does, before the first event."""
        events = super().ask_with(question, options, history=history, llm=llm)
        return _with_warning(events)


def _with_warning(events: Iterator[Event]) -> Iterator[Event]:
    """Yield the events of an answer; the answer names the shards that have not answered."""
    from ragkit.records.answers import Answer

    missing: set[int] = set()
    try:
        while True:
            # A request for each step: the caller may continue on another thread.
            with new_request(REQUEST_SECONDS, SHARD_SECONDS) as request:
                event = next(events, None)
            missing |= request.missing
            if event is None:
                return
            if isinstance(event, Answer) and missing:
                warning = missing_message(sorted(missing))
                event = replace(event, warnings=(*event.warnings, warning))
            yield event
    finally:
        if isinstance(events, Generator):
            events.close()  # which ends the request to the model


def _missing(request: Request) -> tuple[int, ...]:
    return tuple(sorted(request.missing))


def missing_message(shards: Sequence[int]) -> str:
    """Return the notice that shards are missing from a result."""
    numbers = ", ".join(map(str, shards))
    return (
        f"this result is partial: no replica of shard{'s' if len(shards) > 1 else ''} {numbers} "
        "has answered; its documents are not searched until one is started again"
    )


class ClusterService:
    """Serves a sharded collection by replicas on the connected Ray. Close it at the end."""

    def __init__(
        self,
        address: str,
        replicas: int,
        *,
        settings: Settings,
        encoder: Encoder | None = None,
        notify: Callable[[str], None] = logger.warning,
        chosen_settings: Sequence[str] = (),
    ) -> None:
        """Start the replicas and open the current generation.

        Raises UsageError for a number of replicas out of range; CollectionError as `open_sharded`;
        UnavailableError if a shard cannot be started.
        """
        if not 1 <= replicas <= MAX_REPLICAS:
            raise UsageError(f"--replicas is {replicas}; expected 1 to {MAX_REPLICAS}")
        self._location, self._replicas = ShardLocation(address), replicas
        self._settings, self._encoder, self._notify = settings, encoder, notify
        self._chosen_settings = chosen_settings
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        manifest = self._read_manifest()
        self._set = self._start(manifest)
        try:
            self._router = Router(len(manifest.shards))
            self.manifest = manifest
            self.collection = self._open(manifest)
        except BaseException:
            self._set.close()
            raise

    def _read_manifest(self) -> Manifest:
        manifest = cache.read_manifest(self._location)
        address = self._location.address
        if manifest is None:
            raise CollectionError(
                f"no sharded collection at {address}. Make one with: "
                f"ragkit -c {address} index FOLDER --on ray --shards N"
            )
        check_schema(manifest, SCHEMA_VERSION, address)
        return manifest

    def _start(self, manifest: Manifest) -> ReplicaSet:
        return ReplicaSet(
            self._location.address, len(manifest.shards), self._replicas, self._settings.candidates
        )

    def _open(self, manifest: Manifest) -> RoutedCollection:
        try:
            shards = self._set.open(manifest, REQUEST_SECONDS)
        except ReplicaLostError as error:
            raise UnavailableError(f"the replicas cannot be started: {error}") from error
        store = ShardedDatabase(
            self._location, manifest, shards=shards, ask_all=self._router.ask_all,
            notify=self._notify,
        )  # fmt: skip
        return RoutedCollection(
            self._location.address, store=store, settings=self._settings, encoder=self._encoder,
            notify=self._notify, chosen_settings=self._chosen_settings,
        )  # fmt: skip

    def refresh(self) -> bool:
        """Open the newest generation if it is newer; return whether it was.

        Calls of the collection that was open go on; Raises as the constructor.
        """
        manifest = self._read_manifest()
        if manifest.generation == self.manifest.generation and manifest.id == self.manifest.id:
            return False
        old_set, old_router, before = self._set, self._router, self.collection
        if len(manifest.shards) != len(self.manifest.shards):
            self._set, self._router = self._start(manifest), Router(len(manifest.shards))
        try:
            opened = self._open(manifest)
        except BaseException:
            if self._set is not old_set:
                self._set.close()
                self._set, self._router = old_set, old_router
            raise
        opened.share_encoder(before)
        self.manifest, self.collection = manifest, opened
        if self._set is not old_set:
            # Requests in progress may still ask the old replicas.
            timer = threading.Timer(REQUEST_SECONDS, old_set.close)
            timer.daemon = True
            timer.start()
        return True

    def keep_current(self, on_newer: Callable[[Collection], None]) -> None:
        """Look for newer generations on a thread; pass each collection that is opened for one."""

        def watch() -> None:
            told = ""
            while not self._stopped.wait(REFRESH_SECONDS):
                try:
                    if self.refresh():
                        on_newer(self.collection)
                    told = ""
                except Exception as error:
                    if (line := str(error)) != told:
                        logger.warning("the newest generation cannot be opened: %s", line)
                    told = line

        self._thread = threading.Thread(target=watch, name="ragkit-generations", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the replicas."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        with contextlib.suppress(RagkitError):
            self.collection.close()
        self._router.close()
        self._set.close()
