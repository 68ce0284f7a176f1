"""Measure whole processes from outside: wall time, CPU time and peak memory."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

PEAK_SCALE = 1024 if sys.platform != "darwin" else 1024 * 1024  # of the system's unit, in a MB


@dataclass(frozen=True)
class Run:
    """The time and memory that one process took, and its output."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: float  # MB resident
    output: str


def ragkit(*arguments: str) -> list[str]:
    """Return the command line that runs ragkit with this Python interpreter."""
    return [sys.executable, "-m", "ragkit", *arguments]


def measure(command: Sequence[str]) -> Run:
    """Run a command to its end. Raises SystemExit if it fails."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / PEAK_SCALE, output)


def measure_median(command: Sequence[str], runs: int = 5) -> Run:
    """Return the medians of several runs, after one warm-up run."""
    measure(command)
    measured = [measure(command) for _ in range(runs)]
    return Run(
        statistics.median(run.wall for run in measured),
        statistics.median(run.cpu for run in measured),
        statistics.median(run.peak for run in measured),
        measured[-1].output,
    )
