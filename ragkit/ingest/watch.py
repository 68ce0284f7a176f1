"""Waits until something below some folders changes, by the operating system's own notice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ragkit.errors import BusyError

Result = TypeVar("Result")

AGAIN = 1.0  # seconds between two tries to write
QUIET_MS = 1_000  # a burst of changes, a checkout say, is one change


def changes(
    paths: Sequence[str | Path], leave_out: Path, stop: threading.Event | None = None
) -> Iterator[None]:
    """Yield after each burst of changes below `paths`, until `stop` is set.

    What happens in `leave_out`, the collection's own folder, is no change. Raises
    KeyboardInterrupt on Ctrl-C.
    """
    import watchfiles

    own = leave_out.resolve()
    for _ in watchfiles.watch(
        *(Path(path).expanduser().resolve() for path in paths),
        watch_filter=lambda change, path: not Path(path).is_relative_to(own),
        debounce=QUIET_MS,
        stop_event=stop,
        raise_interrupt=True,
    ):
        yield


def patiently(
    run: Callable[[], Result], tell: Callable[[str], None], stop: threading.Event | None = None
) -> Result | None:
    """`run()`, again and again while another process writes; that is told once.

    None where `stop` is set before it came to that.
    """
    told = False
    while stop is None or not stop.is_set():
        try:
            return run()
        except BusyError as error:
            if not told:
                tell(f"{error}. Waiting for it")
            told = True
        time.sleep(AGAIN) if stop is None else stop.wait(AGAIN)
    return None
