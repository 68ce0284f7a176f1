"""Wait for file changes below some folders, as reported by the operating system."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ragkit.errors import BusyError

Result = TypeVar("Result")

RETRY_SECONDS = 1.0  # between two attempts to take the writer lock
DEBOUNCE_MS = 1_000  # a burst of changes (a checkout, say) counts as one


def watch_changes(
    paths: Sequence[str | Path], ignored_folder: Path, stop: threading.Event | None = None
) -> Iterator[None]:
    """Yield after each burst of changes below `paths`, until `stop` is set.

    Changes in `ignored_folder`, the collection's own folder, are ignored. Raises
    KeyboardInterrupt on Ctrl-C.
    """
    import watchfiles

    ignored = ignored_folder.resolve()
    for _ in watchfiles.watch(
        *(Path(path).expanduser().resolve() for path in paths),
        watch_filter=lambda change, path: not Path(path).is_relative_to(ignored),
        debounce=DEBOUNCE_MS,
        stop_event=stop,
        raise_interrupt=True,
    ):
        yield


def retry_while_busy(
    run: Callable[[], Result], notify: Callable[[str], None], stop: threading.Event | None = None
) -> Result | None:
    """Return `run()`, repeated while another process holds the writer lock.

    The first BusyError is passed to `notify`. Returns None if `stop` is set before `run` succeeds.
    """
    has_notified = False
    while stop is None or not stop.is_set():
        try:
            return run()
        except BusyError as error:
            if not has_notified:
                notify(f"{error}. Waiting for it")
            has_notified = True
        time.sleep(RETRY_SECONDS) if stop is None else stop.wait(RETRY_SECONDS)
    return None
