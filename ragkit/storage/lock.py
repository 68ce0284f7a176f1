"""One writer at a time: an advisory lock that says who holds it.

The lock is the operating system's, so it goes with the process that held it; the note beside it
is for people. A reader takes it only to mend an index file, and only while nobody else has it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import BusyError, CollectionError


@contextlib.contextmanager
def writer_lock(folder: Path, purpose: str, patience: float = 0) -> Iterator[None]:
    """Hold the collection's lock. Raises BusyError where another holds it for longer than
    `patience` seconds, CollectionError where it cannot be taken at all."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "writer.lock", timeout=patience, thread_local=False)
    note = folder / "writer.json"
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(f"{folder} is being written by {_holder(note)}; try again later") from None
    except OSError as error:
        raise CollectionError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with contextlib.suppress(OSError):
            note.write_text(json.dumps(holder))
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink()
        lock.release()


def _holder(note: Path) -> str:
    try:
        found = json.loads(note.read_text())
        who = f"process {found['pid']} on {found['host']}"
        return f"{who} ({found['purpose']}, since {found['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
