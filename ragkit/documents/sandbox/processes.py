"""What programs get that ragkit starts: an environment, a place to import from, a limit of memory.

Knows not what they do.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

# All that they learn of this program's environment: what finding libraries may need.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TZ")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from ragkit.documents.sandbox.{module} import main; main()"
)


def environment(more: Iterable[str] = ()) -> dict[str, str]:
    """The variables of this program that others need, and those named."""
    return {name: os.environ[name] for name in (*_ENVIRONMENT, *more) if name in os.environ}


def command(module: str) -> list[str]:
    """How `main` of a module of `documents` is run by this interpreter. Raises OSError where this
    program is no Python to start."""
    program = Path(sys.executable or "").name.lower()
    if getattr(sys, "frozen", False) or not program.startswith(("python", "pypy")):
        raise OSError(f"{sys.executable or 'the program'} is not a Python interpreter")
    # What this program imports from, but not the folder it happens to stand in ("").
    path = [os.path.abspath(each) for each in sys.path if each]  # noqa: PTH100
    own = str(Path(__file__).absolute().parents[3])
    path += [] if own in path else [own]
    # Isolated: no variable and no file of the user's has a say.
    start = _START.format(module=module)
    return [sys.executable, "-I", "-B", "-c", start, json.dumps(path)]


def hide_window() -> int:
    """Flags for a program without a window, on Windows."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0)


def limit_memory(process: int, megabytes: int) -> None:
    """Let a process of ours have so many MiB, where the system can still be told: on Linux."""
    if sys.platform == "linux":
        import resource

        most = megabytes << 20
        with contextlib.suppress(OSError, ValueError):  # it has ended, or has less already
            resource.prlimit(process, resource.RLIMIT_AS, (most, most))
