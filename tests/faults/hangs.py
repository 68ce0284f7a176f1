"""Whether a process hangs: by the work it does, not by the time it takes.

On a busy machine a healthy process may take minutes, so its wall time says little. A process hangs
when it and its descendants neither use the processor nor wait for it or for a disk, when they have
used far more of it than any case needs, or, last, when a generous time has passed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

PERIOD = 0.5  # seconds between two looks
IDLE_LOOKS = 60  # in a row without work
POLLING = 0.05  # of a processor: a loop that waits for something uses less, work more
MAX_CPU = 300.0  # seconds; a case needs one, the longest 60
MAX_WALL = 1800.0  # seconds: for a process that wakes up now and then and never ends
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True, slots=True)
class Use:
    """What a process and its descendants do: processor seconds so far, and whether any thread is
    running, waiting for a processor, or waiting for a disk right now."""

    cpu: float
    active: bool


def use_of(pid: int) -> Use:
    """Return what the process `pid` and its descendants do; nothing if it has ended."""
    ticks, active = 0, False
    open_pids = [pid]
    while open_pids:
        folder = Path("/proc", str(open_pids.pop()))
        try:
            values = _stat(folder)
            ticks += sum(map(int, values[11:15]))  # own and of descendants that have ended
            for task in (folder / "task").iterdir():
                active |= _stat(task)[0] in "RD"
                open_pids += map(int, (task / "children").read_text().split())
        except OSError:  # it ended just now
            continue
    return Use(ticks / _TICK, active)


def _stat(folder: Path) -> list[str]:
    """Return the fields of a stat file after the name, which may contain spaces: the state is
    first."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


@dataclass(slots=True)
class Watch:
    """Looks at one process now and then; `look` says why it counts as hanging."""

    pid: int
    started: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _cpu: float = -1.0  # when it worked last
    _idle: int = 0  # looks since then

    def look(self) -> str | None:
        """Return why the process hangs; None if it does not, or was looked at just now."""
        now = time.monotonic()
        if now - self._looked < PERIOD:
            return None
        self._looked = now
        return self.judge(use_of(self.pid), now - self.started)

    def judge(self, use: Use, wall: float) -> str | None:
        """Take one look into account, `wall` seconds after the start."""
        used = use.cpu - self._cpu
        if use.active or used > POLLING * PERIOD * (self._idle + 1) + 2 / _TICK:
            self._idle, self._cpu = 0, use.cpu
        else:
            self._idle += 1
        if self._idle >= IDLE_LOOKS:
            return f"does nothing any more, after {use.cpu:.1f} s of CPU time"
        if use.cpu > MAX_CPU:
            return f"has used {use.cpu:.0f} s of CPU time"
        if wall > MAX_WALL:
            return f"is not finished after {wall:.0f} s"
        return None
