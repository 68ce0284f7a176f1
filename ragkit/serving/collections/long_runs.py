"""Work that takes long in a large collection: topics, a map, duplicates. One run at a time.

Equal requests share one run, few others wait, and nobody waits for ever: a run cannot be stopped,
but the request that waits for it ends. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ragkit.serving.collections.threads import OverloadedError, run_guarded

MAX_RUNS = 4  # the one in progress and those that wait
SECONDS = 180.0  # that a request waits
T = TypeVar("T")


class LongRuns:
    """Runs functions one after the other on a thread. May be used on several event loops."""

    def __init__(self, max_runs: int = MAX_RUNS, seconds: float = SECONDS) -> None:
        self._max_runs, self._seconds = max_runs, seconds
        self._runs: dict[Hashable, Future[Any]] = {}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="ragkit-long-run")

    async def run(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return `work()`, or the result of the run with the same key that has not ended yet.

        Raises OverloadedError if too many runs wait, or if the result takes too long: the run goes
        on then, and a later request may get its result.
        """
        future = self._runs.get(key)
        if future is None:
            if len(self._runs) >= self._max_runs:
                raise OverloadedError("too much is being computed; try again in a moment")
            future = self._pool.submit(run_guarded, work)
            self._runs[key] = future
            future.add_done_callback(lambda _: self._runs.pop(key, None))
        waiting = asyncio.wrap_future(future)
        try:
            result: T = await asyncio.wait_for(asyncio.shield(waiting), self._seconds)
        except TimeoutError:
            raise OverloadedError(
                f"this takes longer than {self._seconds:g} seconds; try again later"
            ) from None
        return result

    def close(self) -> None:
        """Wait for the run in progress; those that wait are cancelled."""
        self._pool.shutdown(wait=True, cancel_futures=True)
