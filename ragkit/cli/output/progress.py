"""Progress bars on stderr where that is a terminal; nothing elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from ragkit.ingest.writer import Progress


@contextlib.contextmanager
def progress() -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows the progress of a run of `index`."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[speed]}"),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        reading = bars.add_task("Reading", unit="files", speed="", total=None)
        embedding = bars.add_task("Embedding", unit="passages", speed="", total=None)

        def show(state: Progress) -> None:
            bars.update(reading, completed=state.files, total=state.files_total)
            total = state.embedded + state.pending
            rate = state.embedded / state.seconds if state.seconds else 0.0
            left = f"{_clock(state.pending / rate)} left" if rate else ""
            bars.update(
                embedding, completed=state.embedded, total=total, speed=f"{rate:.0f}/s  {left}"
            )

        yield show


def _clock(seconds: float) -> str:
    minutes, remainder = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{remainder:02}"
