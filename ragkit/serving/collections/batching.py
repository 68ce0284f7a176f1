"""Searches that wait at the same time become one call of `Collection.search_many`.

Lives on the event loop; the searches themselves run on threads. A search that comes while nothing
else runs goes at once. While others run, it waits for company: until as many wait as run in the
largest call, 2 ms at most where a thread is free, else until one is. So few callers wait for
nobody, and of many each call takes half: in a call of 24 a search takes a quarter less of the
processor than in one of 4. Those with equal options go together, equal queries among them are
asked once, and whoever has gone away meanwhile is left out. Two threads, since one can rank while
the encoder computes for the other. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ragkit.errors import RagkitError, UnavailableError, UsageError

if TYPE_CHECKING:
    from ragkit.records.documents import Hit
    from ragkit.retrieval.filter_parser import Where

WAIT = 0.002  # seconds
MOST = 32  # queries of one call
THREADS = 2
Found = list["Hit"]


@dataclass(frozen=True, slots=True)
class Options:
    """All that a search can be told but its text; `Collection.search` says what each means."""

    k: int | None = None
    mode: str | None = None
    min_score: float = -1.0
    context: int = 0
    where: Where | None = None
    per_document: int | None = None
    diverse: bool | float = False
    fusion: str | None = None
    explain: bool = False
    rerank: bool = False
    budget: float | None = None  # seconds for reranking
    exact: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for those that may be asked together; `diverse` 1 and True are not the same."""
        where = json.dumps(self.where, sort_keys=True) if self.where is not None else None
        return (
            self.k, self.mode, self.min_score, self.context, where, self.per_document,
            repr(self.diverse), self.fusion, self.explain, self.rerank, self.budget, self.exact,
        )  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """For `Collection.search` and `search_many`."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class _Group:
    """Searches with equal options, in the order they came."""

    options: Options
    waiting: list[tuple[str, asyncio.Future[Found]]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None
    is_due: bool = False  # it has waited long enough: the next free thread is its


class Batcher:
    """Groups the searches of one collection; use it on one event loop.

    `search_many(queries, options)` is run on threads. `most=1` asks each by itself.
    """

    def __init__(
        self,
        search_many: Callable[[Sequence[str], Options], list[Found]],
        *,
        most: int = MOST,
        wait: float = WAIT,
        threads: int = THREADS,
    ) -> None:
        self._search_many = search_many
        self._most, self._wait, self._threads = most, wait, threads
        self._running: list[int] = []  # the sizes of the calls
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ragkit-search")
        self._groups: dict[tuple[object, ...], _Group] = {}
        self._closed = False
        self.sizes: Counter[int] = Counter()  # searches of one call → calls

    async def search(self, query: str, options: Options) -> Found:
        """The hits of one query. Raises what `Collection.search` raises."""
        if self._closed:
            raise UnavailableError("the server is stopping")
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Found] = loop.create_future()
        group = self._groups.setdefault(options.key, _Group(options))
        group.waiting.append((query, found))
        if self._has_company(group):
            group.is_due = True
            self._start()
        elif group.timer is None:
            group.timer = loop.call_later(self._wait, self._ring, group)
        return await found

    def close(self) -> None:
        """Wait for the searches that run, refuse those that wait and those to come."""
        self._closed = True
        for group in self._groups.values():
            if group.timer is not None:
                group.timer.cancel()
            for _, future in group.waiting:
                if not (future.done() or future.get_loop().is_closed()):
                    future.set_exception(UnavailableError("the server is stopping"))
        self._groups.clear()
        self._pool.shutdown(wait=True)

    def _has_company(self, group: _Group) -> bool:
        """Whether a group is large enough not to wait for more."""
        return len(group.waiting) >= min(self._most, max(self._running, default=0))

    def _ring(self, group: _Group) -> None:
        group.is_due = True
        self._start()

    def _start(self) -> None:
        """Give free threads to the groups that are due, the oldest first."""
        for key, group in list(self._groups.items()):
            if len(self._running) == self._threads:
                return
            if not group.is_due:
                continue
            here = [each for each in group.waiting if not each[1].done()]
            batch, group.waiting = here[: self._most], here[self._most :]
            del self._groups[key]
            if group.waiting:  # behind all others, which would else never have their turn
                self._groups[key] = group
            elif group.timer is not None:
                group.timer.cancel()
            if batch:
                self._run(batch, group.options)

    def _run(self, batch: list[tuple[str, asyncio.Future[Found]]], options: Options) -> None:
        self._running.append(len(batch))
        self.sizes[len(batch)] += 1
        queries = list(dict.fromkeys(query for query, _ in batch))
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, self._each, queries, options)
        work.add_done_callback(lambda done: self._finish(done, queries, batch))

    def _each(self, queries: Sequence[str], options: Options) -> list[Found | Exception]:
        """The hits of each, or what went wrong with it: one alone spoils no other's search."""
        try:
            return list(self._search_many(queries, options))
        except Exception as error:
            shared = isinstance(error, RagkitError) and not isinstance(error, UsageError)
            if shared or len(queries) == 1:  # nothing to do with the query: the model, the disk
                return [error for _ in queries]
        return [found for query in queries for found in self._each([query], options)]

    def _finish(
        self,
        done: asyncio.Future[list[Found | Exception]],
        queries: Sequence[str],
        batch: Sequence[tuple[str, asyncio.Future[Found]]],
    ) -> None:
        self._running.remove(len(batch))
        found = {} if done.cancelled() else dict(zip(queries, done.result(), strict=True))
        for query, future in batch:
            if future.done():
                continue  # who asked has gone away
            answer = found.get(query)
            if answer is None:
                future.cancel()
            elif isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        for group in self._groups.values():
            group.is_due = group.is_due or self._has_company(group)
        self._start()
