"""Wait for file changes below some folders and of some files.

The operating system reports changes below folders. Every second the watched paths themselves are
looked at, because no report says that a path has come back: a folder that was deleted and made
again, a disk that was mounted, a file that an editor has replaced.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ragkit.errors import BusyError

Result = TypeVar("Result")

RETRY_SECONDS = 1.0  # between two attempts to take the writer lock
DEBOUNCE_MS = 1_000  # a burst of changes (a checkout, say) counts as one
POLL_SECONDS = 1.0  # between two looks at the watched paths


def watch_changes(
    paths: Sequence[str | Path], ignored_folder: Path, stop: threading.Event | None = None
) -> Iterator[None]:
    """Yield after each burst of changes of `paths` or below them, until `stop` is set, and once
    when a watch has begun.

    A path need not exist; it is watched when it appears. Changes in `ignored_folder`, the
    collection's own folder, are ignored. Raises KeyboardInterrupt on Ctrl-C.
    """
    watched = [Path(os.path.realpath(os.path.expanduser(path))) for path in paths]  # noqa: PTH111
    states = [_state(path) for path in watched]
    while stop is None or not stop.is_set():
        folders = _folders(watched, states)
        has_changes = True  # perhaps, before the watch began
        for is_reported in _reports(list(folders), ignored_folder.resolve(), stop):
            earlier, states = states, [_state(path) for path in watched]
            if has_changes or is_reported or states != earlier:
                yield
            has_changes = False
            if _folders(watched, states) != folders:  # watch those that are there now
                break


def _folders(
    paths: Sequence[Path], states: Sequence[tuple[int, ...] | None]
) -> dict[Path, tuple[int, ...]]:
    """Return the existing folders among `paths` with their states."""
    return {
        path: state
        for path, state in zip(paths, states, strict=True)
        if state is not None and stat.S_ISDIR(state[0])
    }


def _state(path: Path) -> tuple[int, ...] | None:
    """Return what identifies a folder, or the content of a file; None if there is neither."""
    try:
        status = os.stat(path)  # noqa: PTH116 (once a second)
    except (OSError, ValueError):
        return None
    if stat.S_ISDIR(status.st_mode):
        return status.st_mode, status.st_dev, status.st_ino
    return (
        status.st_mode, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns,
        status.st_ctime_ns,
    )  # fmt: skip


def _reports(
    folders: Sequence[Path], ignored: Path, stop: threading.Event | None
) -> Iterator[bool]:
    """Yield True after each burst of changes below existing folders, False after each pause.

    Ends when `stop` is set, or when a folder does not exist.
    """
    if not folders:
        is_stopped = False
        while not is_stopped:
            if stop is None:
                time.sleep(POLL_SECONDS)
            else:
                is_stopped = stop.wait(POLL_SECONDS)
            yield False
        return
    import watchfiles

    try:
        for changes in watchfiles.watch(
            *folders,
            watch_filter=lambda change, path: not Path(path).is_relative_to(ignored),
            debounce=DEBOUNCE_MS,
            stop_event=stop,
            rust_timeout=int(POLL_SECONDS * 1000),
            yield_on_timeout=True,
            raise_interrupt=True,
            ignore_permission_denied=True,  # the folder is reported by the index run
        ):
            yield bool(changes)
    except FileNotFoundError:  # a folder was deleted a moment ago
        yield False


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
