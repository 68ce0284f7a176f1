"""How the NumPy encoder shares the processor: one BLAS thread each, as many workers as cores.

Contract: `one_blas_thread` is re-entrant and safe to use from threads; the setting found at
first is restored when the last user leaves. Knows nothing of models.

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
from pathlib import Path
from typing import Any

_lock = threading.Lock()
_users = 0
_limit: Any = None


def available() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def may_have_gpu() -> bool:
    """Whether torch might find an accelerator here, told without importing torch, which takes
    seconds: the driver's device (NVIDIA; AMD), the driver's library (Windows), Apple silicon."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", "C:/Windows")) / "System32/nvcuda.dll").exists()
    return Path("/dev/nvidiactl").exists() or Path("/dev/kfd").exists()


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
        if _users == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _users += 1


def _leave() -> None:
    global _users, _limit  # noqa: PLW0603
    with _lock:
        _users -= 1
        if _users == 0:
            _limit.restore_original_limits()
            _limit = None


_found: Any = None


def _controller() -> Any:  # noqa: ANN401 - threadpoolctl has no types
    global _found  # noqa: PLW0603 - looking through the loaded libraries takes a millisecond
    if _found is None:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

        _found = ThreadpoolController()
    return _found
