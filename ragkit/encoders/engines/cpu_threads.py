"""CPU cores and threads for the encoders: one worker per core, one BLAS thread per worker.

Contract: `worker_pool` is shared by the process and has as many workers as cores, whoever uses it.
`one_blas_thread` is re-entrant and thread-safe; the previous setting is restored when the last
user leaves. Knows nothing of models.

Why: the threads of OpenBLAS wait for each other in busy loops. Beside other work on the same two
cores a query of 32 tokens took 974 ms with two threads and 24 ms with one; alone, a query of 11
tokens took 8.6 and 12 ms. In bulk, two workers of one thread are 1.36 times as fast as one of two,
since the work between two matrix products then uses both cores as well.
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
_max_cores: int | None = None


def limit_cores(count: int) -> None:
    """Use at most this number of cores in this process, before the first encoder is loaded: what a
    scheduler has assigned to it. Raises ValueError below 1."""
    global _max_cores  # noqa: PLW0603 - the setting belongs to the process
    if count < 1:
        raise ValueError(f"{count} cores; expected 1 or more")
    _max_cores = count


def available_cores() -> int:
    """Return the number of physical cores that this process may use. A second thread of a core
    shares its arithmetic units and slows matrix products down."""
    cores = _allowed_cores()
    return cores if _max_cores is None else min(cores, _max_cores)


def _allowed_cores() -> int:
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    allowed = os.sched_getaffinity(0)
    return min(len({_siblings(processor) for processor in allowed}), _quota() or len(allowed))


def _siblings(processor: int) -> str:
    """The logical processors that share a core with this one, or itself if they are unknown."""
    place = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
    try:
        return place.read_text(encoding="ascii")
    except OSError:
        return str(processor)


def _quota() -> int | None:
    """The number of processors that a container may use; None without a limit."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, int(limit) // int(period))
    except (OSError, ValueError):  # no such file; "max"
        return None


@cache
def worker_pool() -> ThreadPoolExecutor:
    """Return the thread pool of the process, with one worker per core."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(available_cores(), thread_name_prefix="ragkit-encoder")


def has_gpu_driver() -> bool:
    """Whether torch may find an accelerator, without importing torch, which takes seconds: looks
    for the driver's device (NVIDIA, AMD), its library (Windows) or Apple silicon."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32/nvcuda.dll").exists()
    return Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()


def use_one_blas_thread() -> None:
    """Limit OpenBLAS to one thread, for a command-line program before it imports NumPy: saves
    starting unused threads (20 ms of CPU time) and finding them to limit them (15 ms)."""
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _has_one_blas_thread() -> bool:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        return False
    import numpy.__config__ as build

    return "openblas" in str(build.CONFIG["Build Dependencies"]["blas"].get("name"))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Context manager that limits BLAS to the calling thread, in the whole process."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users, _limit  # noqa: PLW0603 - the setting belongs to the process, and so does the count
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


_blas_controller: Any = None


def _controller() -> Any:  # noqa: ANN401 - threadpoolctl has no types
    global _blas_controller  # noqa: PLW0603 - searching the loaded libraries takes a millisecond
    if _blas_controller is None:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

        _blas_controller = ThreadpoolController()
    return _blas_controller
