"""The writer lock of a collection: one process writes at a time, and the lock names it.

It is an advisory lock of the operating system, so it ends with its process; `writer.json` beside it
is for people. A reader takes it only to repair or update an index file, and only if it is free.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import BusyError, CollectionError, UsageError
from ragkit.storage.atomic_files import create_file
from ragkit.storage.collection_files import OpenFile

# Seconds to wait for another writer, such as a reader that repairs an index file.
LOCK_TIMEOUT = 2.0
_MAX_NOTE_SIZE = 4096  # bytes
_PLAIN = re.compile(r"[^ -~]")


def lock_timeout(wait: float | None) -> float:
    """Return the seconds to wait for the writer lock. Raises UsageError for an invalid number."""
    if wait is None:
        return LOCK_TIMEOUT
    if not 0 <= wait < math.inf:
        raise UsageError(f"wait is {wait:g}; expected a number of seconds, 0 or more")
    return wait


@contextlib.contextmanager
def writer_lock(folder: Path, purpose: str, timeout: float = 0) -> Iterator[None]:
    """Hold the writer lock of the collection in `folder`; `purpose` is shown to other writers.

    Raises BusyError if another process holds it for longer than `timeout` seconds, CollectionError
    if the lock file cannot be written.
    """
    import socket  # not for a query: it brings the modules of every kind of connection

    from filelock import FileLock, Timeout

    lock = FileLock(folder / "writer.lock", timeout=timeout, thread_local=False)
    note = folder / "writer.json"
    _check_lock_file(folder / "writer.lock")
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(
            f"{folder} is being written by {_holder(note)}; try again later, or add --wait SECONDS"
        ) from None
    except OSError as error:
        raise CollectionError(f"cannot write to {folder}: {error.strerror or error}") from error
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "purpose": purpose,
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with contextlib.suppress(OSError), create_file(note) as file:
            file.write(json.dumps(holder).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            note.unlink()
        lock.release()


def _check_lock_file(path: Path) -> None:
    """Raise CollectionError if the lock file is not an empty file of its own: some versions of
    filelock follow a link and empty the file behind it, and a pipe has no locks."""
    try:
        status = path.lstat()
    except OSError:
        return  # missing; or filelock will report why it cannot be used
    if not stat.S_ISREG(status.st_mode) or (status.st_nlink > 1 and status.st_size):
        raise CollectionError(
            f"cannot write to {path.parent}: {path.name} is a link or a special file. Delete it if "
            "no ragkit is writing there"
        )


def _holder(note: Path) -> str:
    """Return who wrote the note. It may come from somebody else, so only plain text is shown."""
    try:
        holder = json.loads(OpenFile(note).read_up_to(_MAX_NOTE_SIZE))
        pid, *texts = (holder[key] for key in ("pid", "host", "purpose", "since"))
        host, purpose, since = (_PLAIN.sub("?", str(text))[:80] for text in texts)
        return f"process {int(pid)} on {host} ({purpose}, since {since})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
