"""Answers as they are made, for many callers at once: a generator on threads, events on the loop.

`Collection.ask_stream` blocks between two events, for seconds where a language model is slow. Each
step runs on a thread; when whoever asked has gone away, the generator is closed as soon as its
step is over, which ends the request to the model. A limited number goes on at a time. Knows no
format.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.requests import Request

from ragkit.serving.transport.responses import Problem

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event

ANSWERS = 16  # being made at the same time; more are refused
T = TypeVar("T")


class Answering:
    """Makes answers, `most` at a time. Use it on one event loop."""

    def __init__(self, most: int = ANSWERS) -> None:
        self.most, self.going_on = most, 0
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="ragkit-answer")

    async def events(self, begin: Callable[[], Iterator[Event]]) -> AsyncIterator[Event]:
        """What `begin()` yields. Raises what it raises; Problem where too much goes on."""
        if self.going_on >= self.most:
            message = "too many answers are being made; try again in a moment"
            raise Problem(503, message, "overloaded", headers={"retry-after": "2"})
        self.going_on += 1
        begun = self._pool.submit(begin)
        step: Future[Any] = begun
        try:
            source = await asyncio.wrap_future(begun)
            while True:
                step = self._pool.submit(_next, source)
                event = await asyncio.wrap_future(step)
                if event is None:
                    return
                yield event
        finally:
            self.going_on -= 1
            self._pool.submit(_close, begun, step)

    def close(self) -> None:
        """Wait for what is being made."""
        self._pool.shutdown(wait=True)


def _next(source: Iterator[Event]) -> Event | None:
    """The next event; None at the end."""
    return next(source, None)


def _close(begun: Future[Any], step: Future[Any]) -> None:
    """Close the generator once it may be: when its last step is over."""
    with contextlib.suppress(Exception):
        source = begun.result()
        step.exception()
        source.close()


async def last(events: AsyncIterator[Event]) -> Answer:
    """The answer that a stream of events ends in."""
    from ragkit.records.answers import Answer

    async for event in events:
        if isinstance(event, Answer):
            return event
    raise RuntimeError("the stream ended without an answer")


async def while_here(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the caller hangs up."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hung_up(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Problem(499, "the caller has hung up")
        return task.result()
    finally:
        gone.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def with_first(first: T, rest: AsyncIterator[T]) -> AsyncIterator[T]:
    """`first`, then the rest."""
    yield first
    async for each in rest:
        yield each
