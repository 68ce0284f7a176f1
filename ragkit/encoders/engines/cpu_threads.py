"""How encoders share the processor: as many workers as cores, one thread each.

Contract: `workers` are the process's, and never more than its cores, whoever asks.
`one_blas_thread` is re-entrant and safe to use from threads; the setting found at first is
restored when the last user leaves. Knows nothing of models.

Why: OpenBLAS lets its threads spin and wait for each other. Beside other work on the same two
cores a query of 32 tokens took 974 ms with two threads, 24 ms with one; alone, 8.6 and 12 ms
for 11 tokens. In bulk two workers of one thread are 1.36 times as fast as one of two, since
all that lies between two products then runs on both cores as well.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_lock = threading.Lock()
_users = 0
_limit: Any = None


def available_cores() -> int:
    """Physical cores this process may use: a second thread on a core has no arithmetic unit of
    its own, and two products on it get in each other's way."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    return min(len({_siblings(each) for each in allowed}), _quota() or len(allowed))


def _siblings(processor: int) -> str:
    """The processors that share a core with this one; itself where the system does not say."""
    place = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    try:
        return place.read_text(encoding="ascii")
    except OSError:
        return str(processor)


def _quota() -> int | None:
    """Whole processors a container may use at once, where there is a limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, int(limit) // int(period))
    except (OSError, ValueError):  # no such file; "max"
        return None


@cache
def workers() -> ThreadPoolExecutor:
    """The process's workers, one a core."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(available_cores(), thread_name_prefix="ragkit-encoder")


def has_gpu_driver() -> bool:
    """Whether torch might find an accelerator here, told without importing torch, which takes
    seconds: the driver's device (NVIDIA; AMD), the driver's library (Windows), Apple silicon."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32/nvcuda.dll").exists()
    return Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()


def use_one_blas_thread() -> None:
    """For a program of our own, before it imports NumPy: a pool of threads that is never used is
    not started (20 ms of a processor), and need not be looked for (15 ms) to be switched off."""
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _has_one_blas_thread() -> bool:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        return False
    import numpy.__config__ as build

    return "openblas" in str(build.CONFIG["Build Dependencies"]["blas"].get("name"))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Inside, products of matrices run on the calling thread alone, in the whole process."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users, _limit  # noqa: PLW0603 - the setting is one per process, and so is its count
    with _lock:
        if _users == 0 and not _has_one_blas_thread():
            _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1


def _leave() -> None:
    global _users, _limit  # noqa: PLW0603
    with _lock:
        _users -= 1
        if _users == 0 and _limit is not None:
            _limit.restore_original_limits()
            _limit = None


_found: Any = None


def _controller() -> Any:  # noqa: ANN401 - threadpoolctl has no types
    global _found  # noqa: PLW0603 - looking through the loaded libraries takes a millisecond
    if _found is None:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

        _found = ThreadpoolController()
    return _found
