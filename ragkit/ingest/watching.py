"""Waits until something below some folders changes, by the operating system's own notice."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

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
