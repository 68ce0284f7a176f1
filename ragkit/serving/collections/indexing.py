"""`index` in the background: one run at a time, with progress that can be asked for.

The run is a thread of this process; searches go on meanwhile and see each step as it is committed.
It stops at the next report of progress when the server stops; what was done is kept. Knows no HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragkit.errors import BusyError, RagkitError

if TYPE_CHECKING:
    from ragkit.collection import Collection
    from ragkit.ingest.writer import Progress

COUNTS = ("added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "passages",
          "embedded", "reused", "tokens", "truncated_tokens")  # fmt: skip
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class Run:
    """How far a run is, or how it ended."""

    state: str = "never"  # never, running, done, failed or stopped
    roots: tuple[str, ...] = ()  # by their labels
    files: int = 0
    files_total: int = 0
    embedded: int = 0
    pending: int = 0
    seconds: float = 0.0
    report: Mapping[str, Any] | None = None  # counts of an IndexReport
    error: str | None = None


class _Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """The server stops."""


class Runs:
    """The latest run of each collection, by its name. Safe to use from threads."""

    def __init__(self) -> None:
        self._latest: dict[str, Run] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._starting = threading.Lock()

    def latest(self, name: str) -> Run:
        """How the collection's latest run is doing."""
        return self._latest.get(name, Run())

    def start(self, name: str, collection: Collection, roots: Mapping[str, str]) -> Run:
        """Begin to index these roots (label → path). Raises BusyError while another run goes on."""
        with self._starting:
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                raise BusyError("another run of index goes on; see its progress and try again")
            self._latest[name] = started = Run("running", tuple(roots))
            self._thread = threading.Thread(
                target=self._run,
                args=(name, collection, list(roots.values())),
                name="ragkit-index",
            )
            self._thread.start()
            return started

    def close(self) -> None:
        """Stop what runs, and wait for it."""
        with self._starting:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, name: str, collection: Collection, paths: list[str]) -> None:
        started = time.monotonic()

        def show(progress: Progress) -> None:
            if self._stop.is_set():
                raise _Stopped
            self._latest[name] = replace(
                self._latest[name],
                files=progress.files,
                files_total=progress.files_total,
                embedded=progress.embedded,
                pending=progress.pending,
                seconds=round(progress.seconds, 3),
            )

        try:
            report = collection.index(paths, on_progress=show)
            counts = {each: getattr(report, each) for each in COUNTS}
            end = Run("done", report=counts, embedded=report.embedded)
        except _Stopped:
            end = Run("stopped")
        except RagkitError as error:
            logger.error("indexing %s: %s", name, error)
            end = Run("failed", error="it cannot be indexed now; the server's log says why")
        except Exception:
            logger.exception("indexing %s", name)
            end = Run("failed", error="something went wrong; the server's log says what")
        so_far = self._latest[name]
        self._latest[name] = replace(
            so_far,
            state=end.state,
            report=end.report,
            error=end.error,
            embedded=end.embedded or so_far.embedded,
            seconds=round(time.monotonic() - started, 3),
        )
