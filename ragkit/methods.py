"""Methods made from methods, with the same arguments: for event loops, and of streams.

They keep one signature in one place. Knows no collection.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from ragkit.records.answers import Answer, Event

P = ParamSpec("P")
R = TypeVar("R")


def awaitable(method: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """`method` on a thread: the event loop goes on meanwhile."""

    @wraps(method)
    async def run(*arguments: P.args, **named: P.kwargs) -> R:
        import asyncio

        return await asyncio.to_thread(method, *arguments, **named)

    doc = f"`{method.__name__}` for event loops: runs on a thread, so the loop goes on."
    return _called(run, f"a{method.__name__}", doc, signature(method))


def to_its_end(stream: Callable[P, Iterator[Event]]) -> Callable[P, Answer]:
    """What `stream`, called X_stream, comes to: its last event."""

    @wraps(stream)
    def run(*arguments: P.args, **named: P.kwargs) -> Answer:
        from ragkit.records.answers import Answer

        *_, last = stream(*arguments, **named)
        if not isinstance(last, Answer):
            raise TypeError(f"{stream.__name__} ended in {last!r}, not in an answer")
        return last

    name = stream.__name__.removesuffix("_stream")
    doc = f"What `{stream.__name__}` comes to.\n\n{stream.__doc__}"
    return _called(run, name, doc, signature(stream).replace(return_annotation="Answer"))


def _called(function: Callable[P, R], name: str, doc: str, takes: Signature) -> Callable[P, R]:
    function.__name__, function.__doc__ = name, doc
    function.__signature__ = takes  # type: ignore[attr-defined]  # what `help` shows
    function.__qualname__ = ".".join([*function.__qualname__.split(".")[:-1], name])
    return function
