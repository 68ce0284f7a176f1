"""How index files are written, checked and thrown away: never half, never in place.

An index file (or folder) is written under a temporary name, flushed to disk, and renamed to a name
that says what it holds: `vectors-<model>-<generation>.faiss` or `.codes`,
`words-v<version>-<generation>`. Its checksum goes into the database only after that, so at every
instant the database names a whole file or one that can be made again. Knows bytes and names, not
what is in them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

_TEMPORARY = ".tmp-"
_DAMAGED = "damaged-"


def file_checksum(path: Path) -> str:
    """Checksum of a whole file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()


def sealed(path: Path, **facts: object) -> str:
    """What is recorded of a file just written, as JSON: checksum, stamp, and these facts."""
    return json.dumps({"checksum": file_checksum(path), "stamp": stamp(path), **facts})


def facts(seal: str) -> dict[str, Any]:
    """What a seal says. Early collections recorded the checksum alone."""
    known: dict[str, Any] = json.loads(seal) if seal.startswith("{") else {"checksum": seal}
    return known


def stamp(path: Path) -> list[int]:
    """What changes with every write: inode, size, and the times of the last write and change."""
    found = path.stat()
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def checked(path: Path, seal: str) -> str:
    """The seal of a file that is what was written; another where only its stamp is.

    A file under the stamp that was recorded is not read: that would take seconds where there are
    a million vectors. Raises ValueError where the checksum is another, OSError.
    """
    known = facts(seal)
    now = stamp(path)
    if known.get("stamp") == now:
        return seal
    if file_checksum(path) != known["checksum"]:
        raise ValueError(f"{path.name} is damaged: its checksum is not the recorded one")
    return json.dumps({**known, "stamp": now})


def folder_checksum(folder: Path, known: dict[str, str] | None = None) -> str:
    """Checksum of a folder of files, as JSON from name to digest.

    `known` gives digests of files that cannot have changed (links to an older generation's).
    """
    # Locks come and go with whoever has the folder open.
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix != ".lock")
    return json.dumps(
        {name: (known or {}).get(name) or file_checksum(folder / name) for name in names}
    )


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file that appears at `path` whole or not at all."""
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def new_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """A folder that appears at `path` whole or not at all; `fill` writes its files."""
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        fill(temporary)
        readers = temporary.stat().st_mode & 0o666  # tantivy keeps some of its files to itself
        for entry in temporary.iterdir():
            entry.chmod(readers)
            with entry.open("r+b") as file:  # Windows flushes only what may be written
                os.fsync(file.fileno())
        flush_folder(temporary)
        if path.exists():
            shutil.rmtree(path)  # the leftover of a run that died before it recorded this one
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_folder(folder: Path) -> None:
    """Make renames in this folder survive a power cut, where the platform can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def link_files(source: Path, target: Path) -> None:
    """Give `target` all files of `source` without copying bytes, where the file system can."""
    for entry in source.iterdir():
        try:
            os.link(entry, target / entry.name)
        except OSError:
            shutil.copyfile(entry, target / entry.name)


def disk_size(path: Path) -> int:
    """Bytes of a file, or of the files of a folder; 0 where nothing is there."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def set_aside(path: Path) -> None:
    """Rename a damaged file or folder out of the way; the next sweep deletes it."""
    with contextlib.suppress(OSError):
        aside = path.with_name(f"{_DAMAGED}{path.name}")
        if aside.is_dir():
            shutil.rmtree(aside)
        path.replace(aside)


def sweep(folder: Path, keep: set[str]) -> None:
    """Delete index files and temporary ones that are not to be kept.

    What a reader still has open stays readable for it on POSIX; on Windows the deletion fails and
    the next sweep tries again.
    """
    for entry in folder.iterdir():
        ours = entry.name.startswith(("vectors-", "words-", _TEMPORARY, _DAMAGED))
        if ours and entry.name not in keep:
            with contextlib.suppress(OSError):
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()
