"""Start a thread; too little memory, or too many processes, is an error with a remedy."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ragkit.errors import UnavailableError


def start_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread that calls `run`, and return it. Raises UnavailableError."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # Python's "can't start new thread"
        raise UnavailableError(
            "cannot start a thread: there is not enough memory, or there are too many processes. "
            "Close other programs and run the same command again; finished work is kept"
        ) from error
    return thread
