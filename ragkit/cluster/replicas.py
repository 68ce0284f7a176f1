"""Replicas of shards as Ray actors, and what the router calls.

A replica fetches its shard to the local disk of its node, verified, and answers for the generations
that its callers name. Ray starts a lost one again, on another node if its own is gone.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ragkit.cluster.router import ReplicaLostError, RoutedShard
from ragkit.errors import RagkitError
from ragkit.storage.shards import cache
from ragkit.storage.shards.location import ShardLocation
from ragkit.storage.shards.shard import LocalShard, plain, whole_of

if TYPE_CHECKING:
    from ragkit.storage.shards.manifest import Manifest, ShardEntry

KEPT_GENERATIONS = 2  # the current one, and the one that requests in progress may still read
MAX_CALLS = 8  # of one replica at the same time
_REPLICA_CPUS = 0  # a part of a CPU could not be used by anything else


class ShardReplica:
    """One shard of a collection, in a process of its own. Safe to use from many threads."""

    def __init__(self, address: str, number: int, candidates: int | None) -> None:
        self._location, self._number, self._candidates = ShardLocation(address), number, candidates
        self._shards: OrderedDict[int, LocalShard] = OrderedDict()  # generation → shard
        self._opening = threading.Lock()

    def open(self, manifest: Manifest) -> int:
        """Fetch and open the shard of this generation; return the number of its passages.

        Raises CollectionError.
        """
        self._shard(manifest)
        return manifest.shards[self._number].passages

    def call(
        self,
        manifest: Manifest,
        kind: str,
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> Any:  # noqa: ANN401
        """Return what a method of `LocalShard` returns, so that it can be sent."""
        return plain(getattr(self._shard(manifest), kind)(*arguments, **keywords))

    def _shard(self, manifest: Manifest) -> LocalShard:
        shard = self._shards.get(manifest.generation)
        if shard is not None:
            return shard
        with self._opening:
            if (shard := self._shards.get(manifest.generation)) is None:
                folder = cache.fetch_shard(self._location, manifest, self._number)
                shard = LocalShard(
                    folder, manifest.shards[self._number], whole_of(manifest),
                    candidates=self._candidates,
                )  # fmt: skip
                self._shards[manifest.generation] = shard
                while len(self._shards) > KEPT_GENERATIONS:
                    _, old = self._shards.popitem(last=False)
                    old.close()
        return shard


class RayReplica:
    """Calls of one replica, for one generation."""

    def __init__(self, handle: Any, name: str, manifest: Any) -> None:  # noqa: ANN401 - Ray's own types
        """`handle`: of the actor; `manifest`: `ray.put(manifest)`, which each node fetches once."""
        self.handle, self.name, self._manifest = handle, name, manifest

    def call(
        self, kind: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Future[Any]:
        """See `router.Replica`."""
        return to_future(self.handle.call.remote(self._manifest, kind, arguments, dict(keywords)))


class WriterReplica:
    """Answers for a shard that is not published yet, by its writer."""

    def __init__(self, handle: Any, entries: Sequence[ShardEntry]) -> None:  # noqa: ANN401
        """`entries`: of all shards of the coming generation."""
        self.handle, self.name, self._entries = handle, "writer", tuple(entries)

    def call(
        self, kind: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Future[Any]:
        """See `router.Replica`."""
        return to_future(self.handle.call.remote(self._entries, kind, arguments, dict(keywords)))


def to_future(reference: Any) -> Future[Any]:  # noqa: ANN401
    """Return Ray's promise as a future that raises ReplicaLostError if the actor or its node is
    gone, and otherwise what the method raised."""
    answer: Future[Any] = Future()
    source: Future[Any] = reference.future()

    def finish(done: Future[Any]) -> None:
        error = done.exception()
        with contextlib.suppress(Exception):  # the caller may have cancelled it
            if error is None:
                answer.set_result(done.result())
            else:
                answer.set_exception(own_error(error))

    source.add_done_callback(finish)
    return answer


def own_error(error: BaseException) -> BaseException:
    """Return what a method of an actor raised; ReplicaLostError for what Ray itself raises."""
    cause = getattr(error, "cause", None)
    for raised in (cause, error):
        if isinstance(raised, RagkitError):
            return type(raised)(*raised.args)  # without the traces of another process
    if isinstance(cause, Exception):
        return cause
    return ReplicaLostError(str(error).strip().split("\n", 1)[0])


class ReplicaSet:
    """The replicas of all shards of one collection. Close it at the end."""

    def __init__(
        self, address: str, shards: int, replicas: int, candidates: int | None = None
    ) -> None:
        """Start `replicas` of each shard. Those of one shard are on different nodes, as far as
        there are so many."""
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
        actor = ray.remote(ShardReplica)
        self._handles = [
            [
                actor.options(
                    num_cpus=_REPLICA_CPUS,
                    max_restarts=-1,
                    max_task_retries=0,  # the router retries, on another replica
                    max_concurrency=MAX_CALLS,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(
                        nodes[(number + copy) % len(nodes)], soft=True
                    ),
                ).remote(address, number, candidates)
                for copy in range(replicas)
            ]
            for number in range(shards)
        ]

    def open(self, manifest: Manifest, deadline_seconds: float) -> list[RoutedShard]:
        """Return the shards of a generation, once one replica of each has opened it.

        Raises CollectionError if a shard cannot be fetched or opened, ReplicaLostError if no
        replica of a shard can be started.
        """
        import ray

        stored = ray.put(manifest)
        opening = [
            [to_future(handle.open.remote(stored)) for handle in handles]
            for handles in self._handles
        ]
        for futures in opening:
            _first_result(futures)
        return [
            RoutedShard(
                number,
                [
                    RayReplica(handle, f"shard {number}, replica {copy}", stored)
                    for copy, handle in enumerate(handles)
                ],
                deadline_seconds,
            )
            for number, handles in enumerate(self._handles)
        ]

    def close(self) -> None:
        """End all replicas."""
        import ray

        for handles in self._handles:
            for handle in handles:
                with contextlib.suppress(Exception):  # it has ended
                    ray.kill(handle)


def _first_result(futures: Sequence[Future[Any]]) -> Any:  # noqa: ANN401
    """Return the first result. Raises the last error if all futures raise one."""
    from concurrent.futures import as_completed

    failure: Exception = ReplicaLostError("there is no replica")
    for future in as_completed(futures):
        try:
            return future.result()
        except Exception as error:
            failure = error
    raise failure
