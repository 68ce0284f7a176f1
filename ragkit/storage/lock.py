"""The writer lock of a collection: one process writes at a time, and the lock names it.

It is an advisory lock of the operating system, so it ends with its process; `writer.json` beside it
is for people. A reader takes it only to repair or update an index file, and only if it is free.
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
def writer_lock(folder: Path, purpose: str, timeout: float = 0) -> Iterator[None]:
    """Hold the writer lock of the collection in `folder`; `purpose` is shown to other writers.

    Raises BusyError if another process holds it for longer than `timeout` seconds, CollectionError
    if the lock file cannot be written.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / "writer.lock", timeout=timeout, thread_local=False)
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
        holder = json.loads(note.read_text())
        process = f"process {holder['pid']} on {holder['host']}"
        return f"{process} ({holder['purpose']}, since {holder['since']})"
    except (OSError, ValueError, KeyError):
        return "another process"
