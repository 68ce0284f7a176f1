"""The library that makes file calls fail (`shim.c`): compiled once, used in child processes.

Knows how to build it and how to configure it in the process that it is loaded into. Needs Linux and
a C compiler; `compiler()` says whether there is one.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

KINDS = ("open", "read", "write", "fsync", "rename", "unlink", "mkdir", "link", "truncate", "map")
ERRORS = {"open": ("EMFILE", "EACCES", "EIO"), "read": ("EIO",), "write": ("ENOSPC", "EIO"),
          "fsync": ("EIO", "ENOSPC"), "rename": ("EIO", "ENOSPC", "EACCES"),
          "unlink": ("EIO", "EACCES"), "mkdir": ("ENOSPC", "EACCES"), "link": ("EMLINK", "EIO"),
          "truncate": ("EIO", "ENOSPC"), "map": ("ENOMEM",)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What a process suffers. The default is nothing; calls are counted from 1."""

    kind: str | None = None  # of the call that fails
    nth: int = -1
    permanently: bool = False  # every later call of this kind fails, too
    error: str = "EIO"
    kill_at: int = -1  # SIGKILL instead of this call, counting those that change something
    budget: int = -1  # bytes that can be written before the disk is full
    log: str | None = None  # file that all calls are logged to

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def compiler() -> str | None:
    """Return the C compiler; None if there is none, or on another system than Linux."""
    return (shutil.which("cc") or shutil.which("gcc")) if sys.platform == "linux" else None


def build() -> Path | None:
    """Return the compiled library; None without a compiler. It is compiled once for each source."""
    source = Path(__file__).with_name("shim.c")
    digest = blake2b(source.read_bytes(), digest_size=8).hexdigest()
    library = Path(tempfile.gettempdir()) / f"ragkit-faults-{os.getuid()}-{digest}.so"
    if library.exists():
        return library
    program = compiler()
    if program is None:
        return None
    temporary = library.with_suffix(f".{os.getpid()}")
    options = ["-O1", "-shared", "-fPIC", "-ldl", "-lpthread"]
    command = [program, "-o", str(temporary), str(source), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    temporary.replace(library)
    return library


def configure(folders: tuple[str, str], fault: Fault) -> None:
    """Apply `fault` to the calls of this process on files below `folders`."""
    library = ctypes.CDLL(None)
    log = -1
    if fault.log is not None:
        log = os.open(fault.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    library.faults_configure(
        os.fsencode(folders[0]),
        os.fsencode(folders[1]),
        ctypes.c_int(-1 if fault.kind is None else KINDS.index(fault.kind)),
        ctypes.c_long(fault.nth),
        ctypes.c_int(fault.permanently),
        ctypes.c_int(getattr(errno, fault.error)),
        ctypes.c_long(fault.kill_at),
        ctypes.c_long(fault.budget),
        ctypes.c_int(log),
    )


def mark(text: str) -> None:
    """Write `text` into the log, between the calls: what was acknowledged until here."""
    ctypes.CDLL(None).faults_mark(text.encode())


def counts() -> dict[str, int]:
    """Return how many calls of each kind were made; "all": those that change something."""
    library = ctypes.CDLL(None)
    library.faults_count.restype = ctypes.c_long
    numbers = {kind: library.faults_count(ctypes.c_int(i)) for i, kind in enumerate(KINDS)}
    return {**numbers, "all": library.faults_count(ctypes.c_int(-1))}
