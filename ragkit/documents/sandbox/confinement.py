"""What the process that reads files gives up before it reads the first: memory, files, children.

Each right is dropped where the platform can; what cannot be dropped is left. Linux drops the most.
macOS limits no memory by itself, so a thread looks after it; Windows limits nothing here. Knows
nothing of files and formats.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from ragkit.documents.sandbox import seccomp

OVER_MEMORY = 86  # exit code of a process that ends itself because it has grown too large
_LOOK = 0.05  # seconds between two looks at the memory


def out_of_memory(megabytes: int) -> str:
    """Why a file is not read that needed more memory than so many MiB."""
    return f"needed more than {megabytes:,} MB"


def confine(memory: int) -> None:
    """Keep this process from growing by over `memory` bytes, writing files and starting others."""
    if sys.platform == "win32":
        return
    import resource

    # Its own limits come down for good: nothing that is read can put them up again.
    for name, most in (("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", 0), ("RLIMIT_NPROC", 0)):
        _limit(getattr(resource, name), most)
    if sys.platform == "linux":
        seccomp.refuse()
        _limit(resource.RLIMIT_AS, _mapped() + memory)
    else:
        _watch_memory(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss + memory)


def allow_processor(seconds: float) -> None:
    """End this process when it has used so much more processor time: its parent may be gone."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + seconds) + 1, hard))


def _limit(what: int, most: int) -> None:
    import resource

    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))


def _mapped() -> int:
    """Bytes of address space in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _watch_memory(most: int) -> None:
    """End this process when it has once been larger than so many bytes (macOS counts in bytes)."""
    import resource

    def watch() -> None:
        while resource.getrusage(resource.RUSAGE_SELF).ru_maxrss <= most:
            time.sleep(_LOOK)
        os._exit(OVER_MEMORY)

    threading.Thread(target=watch, daemon=True).start()
