"""Work on threads of a server: whatever ends it, the request gets a result or an Exception.

A panic of a library written in Rust, SystemExit and KeyboardInterrupt are no Exceptions. asyncio
would not pass some of them on to the request that waits, and others would stop the server.
"""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from ragkit.errors import UnavailableError

P = ParamSpec("P")
R = TypeVar("R")
# Exceptions that a future cannot carry: asyncio refuses StopIteration, and takes the error of a
# cancelled future for the cancellation of the one that waits for it.
_CONTROL_FLOW = (StopIteration, StopAsyncIteration, concurrent.futures.CancelledError)


class OverloadedError(UnavailableError):
    """Too much work is in progress."""


class WorkerError(RuntimeError):
    """Work on a thread ended with something that is no error of a request, such as a panic."""


def run_guarded(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return `work(*args, **kwargs)`. What it raises is raised too, as WorkerError unless it is an
    ordinary Exception."""
    try:
        return work(*args, **kwargs)
    except BaseException as error:
        if isinstance(error, Exception) and not isinstance(error, _CONTROL_FLOW):
            raise
        raise WorkerError(f"the work ended with {type(error).__name__}") from error
