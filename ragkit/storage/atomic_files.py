"""Atomic writing of index files and folders, and the deletion of those no longer in use.

A file or folder is written under a temporary name, flushed to disk, and renamed to its final name:
`vectors-<model>-<generation>.faiss` or `.codes`, `words-v<version>-<generation>`. The database
records it only after that. So whenever a process dies, the database names either a complete file or
a file that can be rebuilt. Knows bytes and names, not what the files contain.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

_TEMPORARY = ".tmp-"
_DAMAGED = "damaged-"


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file for writing that appears at `path` complete or not at all.

    An exception inside the `with` deletes the temporary file. Raises OSError.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def new_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Create a folder that appears at `path` complete or not at all.

    `fill` gets the path of the temporary folder and writes the files. Raises OSError.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        fill(temporary)
        mode = temporary.stat().st_mode & 0o666  # tantivy makes some files readable to us alone
        for entry in temporary.iterdir():
            entry.chmod(mode)
            with entry.open("r+b") as file:  # Windows can flush only a file opened for writing
                os.fsync(file.fileno())
        fsync_folder(temporary)
        if path.exists():
            shutil.rmtree(path)  # left by a process that died before it recorded the folder
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename survives a power cut. Not on Windows."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_files(source: Path, target: Path) -> None:
    """Hard-link all files of the folder `source` into the folder `target`; copy where the file
    system has no hard links."""
    for entry in source.iterdir():
        try:
            os.link(entry, target / entry.name)
        except OSError:
            shutil.copyfile(entry, target / entry.name)


def disk_size(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder; 0 if `path` does not exist."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def set_aside(path: Path) -> None:
    """Rename a damaged file or folder to free its name; `delete_unused_files` deletes it."""
    with contextlib.suppress(OSError):
        aside = path.with_name(f"{_DAMAGED}{path.name}")
        if aside.is_dir():
            shutil.rmtree(aside)
        path.replace(aside)


def delete_unused_files(folder: Path, keep: set[str]) -> None:
    """Delete the index files and temporary files in `folder` whose names are not in `keep`.

    On POSIX a file that a reader has open stays readable for it. On Windows the deletion fails and
    the next call tries again.
    """
    for entry in folder.iterdir():
        is_ours = entry.name.startswith(("vectors-", "words-", _TEMPORARY, _DAMAGED))
        if is_ours and entry.name not in keep:
            with contextlib.suppress(OSError):
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
