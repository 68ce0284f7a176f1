"""Ask the shards of a collection: one replica each, with retries, hedged calls and a deadline.

A `RoutedShard` is a `Shard` as the merge of `storage/shards` asks it. A call goes to the replica
with the fewest calls in progress. One that is lost, or that fails, is replaced by another replica;
one that is slow gets company: after a delay that 95 of 100 calls stay below, the same call goes to
a second replica, and the first answer counts. Dean and Barroso, "The Tail at Scale", Communications
of the ACM 56 (2013). All calls of one request share one deadline. A shard that does not answer in
time is missing from the result, and the request says so. Knows no Ray.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ragkit.errors import UnavailableError, UsageError

MIN_HEDGE_SECONDS = 0.02  # two calls at once cost more than they save below this
FIRST_HEDGE_SECONDS = 0.25  # while there are few observations
MIN_OBSERVATIONS = 20
OBSERVATIONS = 200  # of the latest calls
RETRY_SECONDS = 0.05  # after every replica has failed
SUSPECT_SECONDS = 0.25  # for a shard all of whose replicas failed in their last call
MAX_THREADS = 64  # calls of all requests at the same time

T = TypeVar("T")


class ReplicaLostError(Exception):
    """A replica does not run (any more): its process or its machine has ended."""


class MissingShardError(UnavailableError):
    """No replica of a shard has answered by the deadline."""


class Replica(Protocol):
    """A process with one shard."""

    name: str

    def call(
        self, kind: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> Future[Any]:
        """Start a call of the shard's method `kind`. The future raises ReplicaLostError if the
        replica is lost, and what the method raises."""
        ...


@dataclass(slots=True)
class Request:
    """What the calls of one request share."""

    deadline: float  # time.monotonic()
    shard_seconds: float  # the maximum time of one call; then its shard is missing
    missing: set[int] = field(default_factory=set)  # numbers of shards that have not answered


_request: ContextVar[Request | None] = ContextVar("ragkit_request", default=None)


@contextlib.contextmanager
def new_request(seconds: float, shard_seconds: float) -> Iterator[Request]:
    """Context manager of one request: a shard that does not answer a call within `shard_seconds` is
    in `Request.missing` instead of an error, and the calls of all shards end within `seconds`."""
    request = Request(time.monotonic() + seconds, shard_seconds)
    token = _request.set(request)
    try:
        yield request
    finally:
        _request.reset(token)


class ReplicaState:
    """A replica and what its calls have shown. Guarded by the lock of its shard."""

    __slots__ = ("failed", "in_progress", "replica")

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.in_progress = 0
        self.failed = False  # in its last call


class RoutedShard:
    """A shard on replicas. Safe to share between threads."""

    def __init__(
        self, number: int, replicas: Sequence[Replica], deadline_seconds: float = 10.0
    ) -> None:
        """`deadline_seconds`: of a call outside of a request."""
        self.number = number
        self.hedged = 0  # calls that were sent to a second replica
        self.retried = 0  # calls that another replica answered after a failure
        self._deadline_seconds = deadline_seconds
        self._lock = threading.Lock()
        self._states = [ReplicaState(replica) for replica in replicas]
        self._seconds: deque[float] = deque(maxlen=OBSERVATIONS)
        self._hedge_seconds = FIRST_HEDGE_SECONDS

    @property
    def replicas(self) -> list[Replica]:
        """The replicas that calls go to."""
        with self._lock:
            return [state.replica for state in self._states]

    def replace(self, replicas: Sequence[Replica]) -> None:
        """Send later calls to these replicas. Those that stay keep their state."""
        with self._lock:
            known = {id(state.replica): state for state in self._states}
            self._states = [known.get(id(one)) or ReplicaState(one) for one in replicas]

    def read(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        """Return `function(connection, *arguments, **keywords)` of the shard's snapshot."""
        return self._call("read", (function, *arguments), keywords)

    def vectors(self, method: str, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        """Return what this method of the shard's `VectorIndex` returns."""
        return self._call("vectors", (method, *arguments), keywords)

    def words(self, method: str, *arguments: Any, **keywords: Any) -> Any:  # noqa: ANN401
        """Return what this method of the shard's `LexicalIndex` returns."""
        return self._call("words", (method, *arguments), keywords)

    def _call(self, kind: str, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:  # noqa: ANN401
        """Return the first answer of a replica.

        Raises MissingShardError if there is none in time, UsageError at once, and another error
        once all replicas have raised one.
        """
        request = _request.get()
        if request is not None and self.number in request.missing:
            raise self._missing()
        now = time.monotonic()
        deadline = now + self._deadline_seconds
        if request is not None:
            deadline = min(request.deadline, now + request.shard_seconds)
        with self._lock:
            if all(state.failed for state in self._states):
                deadline = min(deadline, now + SUSPECT_SECONDS)
        attempts = _Attempts(self, kind, arguments, keywords)
        try:
            return attempts.run(deadline)
        except MissingShardError:
            if request is not None:
                request.missing.add(self.number)
            raise

    def _missing(self) -> MissingShardError:
        return MissingShardError(
            f"shard {self.number} has no replica that answers; its replicas are started again, so "
            "try again later"
        )

    def ordered(self) -> list[ReplicaState]:
        """The replicas in the order in which a call tries them."""
        with self._lock:
            states = list(self._states)
        return sorted(states, key=lambda state: (state.failed, state.in_progress))

    def begin(self, state: ReplicaState) -> None:
        """Count a call that begins."""
        with self._lock:
            state.in_progress += 1

    def end(self, state: ReplicaState, *, failed: bool, seconds: float) -> None:
        """Count a call that has ended."""
        with self._lock:
            state.in_progress -= 1
            state.failed = failed
            if failed:
                return
            self._seconds.append(seconds)
            if len(self._seconds) >= MIN_OBSERVATIONS and len(self._seconds) % 10 == 0:
                ordered = sorted(self._seconds)
                late = ordered[int(len(ordered) * 0.95)]
                self._hedge_seconds = max(MIN_HEDGE_SECONDS, late)

    def suspect(self, state: ReplicaState) -> None:
        """Prefer the other replicas to this one, which has not answered in time."""
        with self._lock:
            state.failed = True

    @property
    def hedge_seconds(self) -> float:
        """The time after which a call goes to a second replica as well."""
        return self._hedge_seconds


class _Attempts:
    """The attempts of one call at the replicas of a shard."""

    def __init__(
        self,
        shard: RoutedShard,
        kind: str,
        arguments: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> None:
        self._shard, self._kind = shard, kind
        self._arguments, self._keywords = arguments, keywords
        self._running: dict[Future[Any], tuple[ReplicaState, float]] = {}
        self._untried: deque[ReplicaState] = deque(shard.ordered())
        self._error: Exception | None = None  # of a replica that is not lost

    def run(self, deadline: float) -> Any:  # noqa: ANN401
        """See `RoutedShard._call`."""
        shard = self._shard
        hedge_at = 0.0
        while (now := time.monotonic()) < deadline:
            if self._untried and (not self._running or now >= hedge_at):
                shard.hedged += bool(self._running)
                self._start(self._untried.popleft())
                hedge_at = time.monotonic() + shard.hedge_seconds
            if not self._running:
                if self._error is not None:
                    raise self._error
                time.sleep(min(RETRY_SECONDS, max(0.0, deadline - now)))
                self._untried.extend(shard.ordered())
                continue
            until = min(deadline, hedge_at) if self._untried else deadline
            done, _ = wait(
                self._running, max(0.0, until - time.monotonic()), return_when=FIRST_COMPLETED
            )
            for future in done:
                state, started = self._running.pop(future)
                error = future.exception()
                failed = error is not None and not isinstance(error, UsageError)
                shard.end(state, failed=failed, seconds=time.monotonic() - started)
                if not failed:
                    self._abandon()
                    return future.result()  # raises a UsageError
                shard.retried += bool(self._untried)
                if isinstance(error, Exception) and not isinstance(error, ReplicaLostError):
                    self._error = error
        for state, _ in self._running.values():
            shard.suspect(state)
        self._abandon()
        raise shard._missing()

    def _start(self, state: ReplicaState) -> None:
        started = time.monotonic()
        self._shard.begin(state)
        try:
            future = state.replica.call(self._kind, self._arguments, self._keywords)
        except ReplicaLostError as error:
            future = Future()
            future.set_exception(error)
        self._running[future] = (state, started)

    def _abandon(self) -> None:
        """Count the calls whose answer is not needed any more when they end."""
        shard = self._shard
        for future, (state, started) in self._running.items():

            def count(
                done: Future[Any], state: ReplicaState = state, start: float = started
            ) -> None:
                failed = done.cancelled() or done.exception() is not None
                shard.end(state, failed=failed, seconds=time.monotonic() - start)

            future.add_done_callback(count)
        self._running.clear()


class Router:
    """Asks all shards at the same time. Close it at the end."""

    def __init__(self, shards: int, max_threads: int = MAX_THREADS) -> None:
        """`shards`: the number of shards of the collection."""
        self._numbers = set(range(shards))
        self._threads = ThreadPoolExecutor(max_threads, thread_name_prefix="ragkit-router")

    def ask_all(
        self, shards: Sequence[RoutedShard], question: Callable[[RoutedShard], T]
    ) -> list[T | None]:
        """Return `question(shard)` of each shard; None for one that is missing.

        Raises MissingShardError if one is missing outside of `new_request`, or if all are.
        """
        if len(shards) == 1:
            answers = [self._ask(shards[0], question)]
        else:
            tasks = [
                self._threads.submit(copy_context().run, self._ask, shard, question)
                for shard in shards
            ]
            answers = [task.result() for task in tasks]
        request = _request.get()
        missing = [answer for answer in answers if isinstance(answer, MissingShardError)]
        if missing and (request is None or request.missing >= self._numbers):
            raise missing[0]
        return [None if isinstance(answer, MissingShardError) else answer for answer in answers]

    @staticmethod
    def _ask(shard: RoutedShard, question: Callable[[RoutedShard], T]) -> T | MissingShardError:
        try:
            return question(shard)
        except MissingShardError as error:
            return error

    def close(self) -> None:
        """End the threads. Calls in progress end by their deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)
