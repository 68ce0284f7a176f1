"""Index runs in the background: one at a time, with progress that can be polled.

A run is a thread of this process. Searches continue meanwhile and see each step once it is
committed. When the server stops, the run stops at its next progress report; what was done is kept.
Knows no HTTP.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ragkit.errors import BusyError, RagkitError, UnavailableError

if TYPE_CHECKING:
    from ragkit.collection import Collection
    from ragkit.ingest.writer import Progress

REPORT_COUNTS = (
    "added", "updated", "unchanged", "moved", "removed", "failed", "skipped", "unsupported",
    "passages", "embedded", "reused", "tokens", "truncated_tokens",
)  # fmt: skip
logger = logging.getLogger("ragkit")


@dataclass(frozen=True, slots=True)
class IndexRun:
    """The progress of a run, or its result."""

    state: str = "never"  # never, running, done, failed or stopped
    roots: tuple[str, ...] = ()  # their labels
    files: int = 0
    files_total: int = 0
    embedded: int = 0
    pending: int = 0
    seconds: float = 0.0
    report: Mapping[str, Any] | None = None  # the REPORT_COUNTS of an IndexReport
    error: str | None = None


class _Stopped(Exception):  # noqa: N818 (nothing went wrong)
    """Raised in the run's thread when the server stops."""


class IndexRuns:
    """The latest run of each collection, by the collection's name. Thread-safe."""

    def __init__(self) -> None:
        self._latest: dict[str, IndexRun] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._starting = threading.Lock()

    def latest(self, name: str) -> IndexRun:
        """Return the collection's latest run; one in the state "never" if there is none."""
        return self._latest.get(name, IndexRun())

    def start(
        self,
        name: str,
        collection: Collection,
        roots: Mapping[str, str],
        wait: float | None = None,
    ) -> IndexRun:
        """Start to index these roots (label → path). Raises BusyError during another run.

        `wait` is that of `Collection.index`: the time for another writer, as a watch, to end.
        """
        with self._starting:
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                raise BusyError("another index run is in progress; poll its state and retry")
            self._latest[name] = run = IndexRun("running", tuple(roots))
            self._thread = threading.Thread(
                target=self._run,
                args=(name, collection, list(roots.values()), wait),
                name="ragkit-index",
            )
            try:
                self._thread.start()
            except RuntimeError as error:
                self._thread = None
                self._latest[name] = replace(run, state="failed", error="no thread can be started")
                raise UnavailableError(f"indexing cannot be started: {error}") from error
            return run

    def close(self) -> None:
        """Stop the run in progress and wait for its end."""
        with self._starting:
            self._stop.set()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self, name: str, collection: Collection, paths: list[str], wait: float | None) -> None:
        started = time.monotonic()

        def report_progress(progress: Progress) -> None:
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
            report = collection.index(paths, on_progress=report_progress, wait=wait)
            counts = {count: getattr(report, count) for count in REPORT_COUNTS}
            result = IndexRun("done", report=counts, embedded=report.embedded)
        except _Stopped:
            result = IndexRun("stopped")
        except RagkitError as error:
            logger.error("indexing %s: %s", name, error)
            result = IndexRun("failed", error="indexing failed; the server's log says why")
        except BaseException:  # a panic of a library is no Exception; a poller waits for the end
            logger.exception("indexing %s", name)
            result = IndexRun("failed", error="internal error; the server's log has the details")
        latest = self._latest[name]
        self._latest[name] = replace(
            latest,
            state=result.state,
            report=result.report,
            error=result.error,
            embedded=result.embedded or latest.embedded,
            seconds=round(time.monotonic() - started, 3),
        )
