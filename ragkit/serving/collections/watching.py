"""`serve --watch`: a thread per collection that indexes changed files while the server runs.

Searches see each change once it is committed. An error ends nothing but is logged; the watch starts
again after a pause. Knows no HTTP.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

from ragkit.errors import RagkitError
from ragkit.serving.collections.library import ServedCollection

_RETRY_SECONDS = 30.0
logger = logging.getLogger("ragkit")


@dataclass(slots=True)
class _Watch:
    thread: threading.Thread
    stop: threading.Event


class Watchers:
    """The watches of a server. Close it before its collections are closed."""

    def __init__(self) -> None:
        self._watches: dict[str, _Watch] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, served: ServedCollection) -> None:
        """Watch the roots of a collection; does nothing without roots, or if it is watched."""
        with self._lock:
            if self._is_closed or served.name in self._watches or not served.roots:
                return
            stop = threading.Event()
            thread = threading.Thread(
                target=_watch, args=(served, list(served.roots.values()), stop),
                name=f"ragkit-watch-{served.name}",
            )  # fmt: skip
            self._watches[served.name] = _Watch(thread, stop)
            thread.start()

    def restart(self, served: ServedCollection) -> None:
        """Watch the roots that the collection has now."""
        with self._lock:
            watch = self._watches.pop(served.name, None)
        if watch is not None:
            watch.stop.set()
            watch.thread.join()
        self.start(served)

    def close(self) -> None:
        """Stop all watches and wait for the runs in progress."""
        with self._lock:
            self._is_closed = True
            watches = list(self._watches.values())
        for watch in watches:
            watch.stop.set()
        for watch in watches:
            watch.thread.join()


def _watch(served: ServedCollection, roots: list[str], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            for report in served.collection.watch(roots, stop=stop):
                logger.info(
                    "%s: %d added, %d updated, %d moved, %d removed",
                    served.name, report.added, report.updated, report.moved, report.removed,
                )  # fmt: skip
        except RagkitError as error:
            logger.error("watching %s: %s", served.name, error)
        except Exception:
            logger.exception("watching %s", served.name)
        stop.wait(_RETRY_SECONDS)
