"""A folder that appears complete or not at all: for backups, exports and imports.

It is written beside its place under a temporary name, flushed, and renamed. Knows bytes and names.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from ragkit.errors import CollectionError, UsageError
from ragkit.storage.atomic_files import fsync_folder

_MARK = ".ragkit-partial-"
_IS_LINUX = sys.platform == "linux"
_AT_FDCWD, _EXCHANGE = -100, 2  # of renameat2


@contextlib.contextmanager
def new_folder(target: Path, purpose: str, aside: Path | None = None) -> Iterator[Path]:
    """Yield an empty temporary folder; it gets the name `target` at the end of the `with`.

    An exception deletes it. A folder that is there before gets the name `aside`; without `aside` it
    must be empty. Raises UsageError if it is not, CollectionError if the folder cannot be written.
    `purpose` is what is written: "a backup".
    """
    target = target.absolute()
    try:
        if aside is None and os.path.lexists(target) and not _is_empty_folder(target):
            raise UsageError(
                f"{target} exists and is not an empty folder; name a new folder for {purpose}"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        _delete_leftovers(target)
        temporary = target.with_name(f".{target.name}{_MARK}{os.getpid()}")
        temporary.mkdir()
        try:
            yield temporary
            _flush(temporary)
            if aside is not None:
                _replace(target, temporary, aside)
            else:
                if os.path.lexists(target):
                    target.rmdir()
                temporary.rename(target)
            fsync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CollectionError(
            f"cannot write {purpose} to {target}: {error.strerror or error}. Remove the cause and "
            "run the same command again"
        ) from error


def _replace(target: Path, new: Path, aside: Path) -> None:
    """Rename `target` to `aside` and `new` to `target`; raises OSError, and then undoes it.

    There is a folder `target` at every moment where the system can exchange two names: a process
    that is killed leaves the old one or the new one. Elsewhere, one that is killed between two
    renames leaves no `target`, and `aside` has to be renamed by hand.
    """
    new.rename(aside)
    try:
        if exchange(aside, target):
            return
    except BaseException:
        aside.rename(new)
        raise
    aside.rename(new)
    target.rename(aside)
    try:
        new.rename(target)
    except OSError:
        aside.rename(target)
        raise


def exchange(first: Path, second: Path) -> bool:
    """Exchange the names of two folders at once; return whether the system can do that.

    Raises OSError if it can, but fails.
    """
    import ctypes  # only to restore a collection

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if _IS_LINUX else None
    if rename is None:
        return False
    if not rename(_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE):
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS):  # the file system, or the kernel, cannot
        return False
    raise OSError(code, os.strerror(code), str(second))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and not any(path.iterdir())


def _delete_leftovers(target: Path) -> None:
    """Delete the temporary folders of processes that died while they wrote this folder."""
    prefix = f".{target.name}{_MARK}"
    for entry in target.parent.iterdir():
        number = entry.name.removeprefix(prefix)
        if entry.name.startswith(prefix) and number.isdecimal() and not _is_running(int(number)):
            shutil.rmtree(entry, ignore_errors=True)


def _is_running(process: int) -> bool:
    if process == os.getpid():  # left by an earlier process of the same number
        return False
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _flush(folder: Path) -> None:
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            with (Path(parent) / name).open("r+b") as file:
                os.fsync(file.fileno())
        fsync_folder(Path(parent))


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(entry.stat().st_size for entry in folder.rglob("*") if entry.is_file())
