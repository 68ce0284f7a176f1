"""Starts and limits the processes that read files and recognise text: environment, command line,
memory, processor time, files, child processes.

The parent's side is `environment`, `command` and `limit_memory`; the child confines itself by
`confine` and `limit_cpu_time`. Each right is dropped where the platform can; Linux drops the most.
macOS does not limit memory, so a thread watches it; Windows limits nothing here. Knows no files and
no formats.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from ragkit.documents.sandbox import seccomp

OUT_OF_MEMORY_EXIT_CODE = 86  # of a process that ends itself because it has grown too large
_POLL_SECONDS = 0.05  # between two looks at the memory
# The only environment variables that are passed on: what finding libraries may need.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TZ")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from ragkit.documents.sandbox.{module} import main; main()"
)


def environment(more: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment of a child process: `_ENVIRONMENT` and the variables in `more`."""
    return {name: os.environ[name] for name in (*_ENVIRONMENT, *more) if name in os.environ}


def command(module: str) -> list[str]:
    """Return the command line that runs `main` of a module of this folder in this interpreter.

    Raises OSError if this program is no Python interpreter (frozen, embedded).
    """
    program = Path(sys.executable or "").name.lower()
    if getattr(sys, "frozen", False) or not program.startswith(("python", "pypy")):
        raise OSError(f"{sys.executable or 'the program'} is not a Python interpreter")
    # What this program imports from, but not the working folder ("").
    path = [os.path.abspath(folder) for folder in sys.path if folder]  # noqa: PTH100
    own = str(Path(__file__).absolute().parents[3])
    path += [] if own in path else [own]
    # Isolated: no variable and no file of the user's is used.
    start = _START.format(module=module)
    return [sys.executable, "-I", "-B", "-c", start, json.dumps(path)]


def hide_window() -> int:
    """Return the flags that start a program without a window, on Windows."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


def limit_memory(process: int, memory_mb: int) -> None:
    """Limit the address space of a child process (by its id) to `memory_mb` MiB, on Linux."""
    if sys.platform == "linux":
        import resource

        max_bytes = memory_mb << 20
        with contextlib.suppress(OSError, ValueError):  # it has ended, or has less already
            resource.prlimit(process, resource.RLIMIT_AS, (max_bytes, max_bytes))


def out_of_memory(memory_mb: int) -> str:
    """Return the reason for a file that needed more than `memory_mb` MiB of memory."""
    return f"needed more than {memory_mb:,} MB"


def confine(memory_bytes: int) -> None:
    """Keep this process from growing by more than `memory_bytes`, writing files, opening
    connections and starting programs. It cannot be undone."""
    if sys.platform == "win32":
        return
    import resource

    # Hard limits: nothing that is read can raise them again.
    for name in ("RLIMIT_CORE", "RLIMIT_FSIZE", "RLIMIT_NPROC"):
        _set_hard_limit(getattr(resource, name), 0)
    if sys.platform == "linux":
        seccomp.install_filter()
        _set_hard_limit(resource.RLIMIT_AS, _address_space_bytes() + memory_bytes)
    else:
        _watch_memory(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + memory_bytes)


def limit_cpu_time(seconds: float) -> None:
    """End this process after `seconds` more seconds of CPU time, in case its parent has died."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def _set_hard_limit(resource_id: int, limit: int) -> None:
    import resource

    _, hard = resource.getrlimit(resource_id)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource_id, (limit, limit))


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _watch_memory(max_bytes: int) -> None:
    """End this process when its peak memory exceeds `max_bytes` (macOS counts in bytes)."""
    import resource

    def watch() -> None:
        while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= max_bytes:
            time.sleep(_POLL_SECONDS)
        os._exit(OUT_OF_MEMORY_EXIT_CODE)

    threading.Thread(target=watch, daemon=True).start()
