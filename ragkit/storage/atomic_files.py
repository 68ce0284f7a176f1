"""Atomic writing of index files and folders, and the deletion of those no longer in use.

A file or folder is written under a temporary name, flushed to disk, and renamed to its final name:
`vectors-<model>-<generation>.faiss` or `.codes`, `words-v<version>-<generation>`. The database
records it only after that. So whenever a process dies, the database names either a complete file or
a file that can be rebuilt. No symbolic link is followed: everything is created exclusively, and
only entries with a name of ragkit's are renamed or deleted. Knows bytes and names, not what the
files contain.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ragkit.storage.collection_files import (
    is_index_name,
    is_leftover_name,
    is_real_folder,
    is_regular_file,
    members,
)

_TEMPORARY = ".tmp-"
_DAMAGED = "damaged-"
_CREATE_FLAGS = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
# What file systems answer that cannot flush a folder, such as those of network shares, memory cards
# and some containers. Any other error means that data may be lost.
_NO_FOLDER_FLUSH = {
    errno.EINVAL,
    errno.EBADF,
    errno.EISDIR,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOTTY,
    errno.EACCES,
    errno.EPERM,
}


@contextlib.contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file for writing that appears at `path` complete or not at all.

    An exception inside the `with` deletes the temporary file. Raises OSError.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        with create_file(temporary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if is_real_folder(path):
            _delete(path)
        temporary.replace(path)  # a link of that name is replaced, not followed
        fsync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def create_file(path: Path) -> BinaryIO:
    """Create `path` and open it for writing; whatever has that name is deleted first, never
    followed. Raises OSError."""
    _delete(path)
    return os.fdopen(os.open(path, _CREATE_FLAGS, 0o666), "wb")


def new_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Create a folder that appears at `path` complete or not at all.

    `fill` gets the path of the temporary folder and writes the files. Raises OSError.
    """
    temporary = path.with_name(f"{_TEMPORARY}{os.getpid()}-{path.name}")
    try:
        _delete(temporary)
        temporary.mkdir()
        fill(temporary)
        mode = temporary.stat().st_mode & 0o666  # tantivy makes some files readable to us alone
        for entry in temporary.iterdir():
            _finish(entry, mode)
        fsync_folder(temporary)
        _delete(path)  # left by a process that died before it recorded the folder
        temporary.replace(path)
        fsync_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):
            _delete(temporary)


def _finish(path: Path, mode: int) -> None:
    """Give a new file this mode and flush it. A file with other hard links is left as it is: it was
    flushed before it was linked, and its other names may be somebody else's."""
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        return
    with contextlib.suppress(OSError):  # not every file system has modes
        path.chmod(mode)
    with path.open("r+b") as file:  # Windows can flush only a file opened for writing
        os.fsync(file.fileno())


def fsync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk, so that a rename survives a power cut.

    Does nothing on Windows, and on file systems that cannot do it. Raises OSError.
    """
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except PermissionError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_FLUSH:
            raise
    finally:
        os.close(descriptor)


def link_files(source: Path, target: Path) -> None:
    """Hard-link the files of the lexical index `source` into the folder `target`; copy where the
    file system has no hard links.

    Raises OSError; ValueError if one of them is not a regular file of this folder.
    """
    for name in members(source):
        try:
            os.link(source / name, target / name)
        except OSError:
            import shutil  # not for a query

            shutil.copyfile(source / name, target / name)


def disk_size(folder: Path, name: str) -> int:
    """Return the bytes of the index file `name` in `folder`, or of all files of an index folder.

    0 for a name that is not an index file's, and if there is no such file.
    """
    if not is_index_name(name):
        return 0
    path = folder / name
    try:
        if is_real_folder(path):
            return sum(entry.lstat().st_size for entry in path.iterdir())
        return path.lstat().st_size if is_regular_file(path) else 0
    except OSError:
        return 0  # deleted at this moment


def set_aside(folder: Path, name: str) -> None:
    """Rename a damaged index file or folder to free its name; `delete_unused_files` deletes it.

    Does nothing for a name that is not an index file's, and for a symbolic link.
    """
    path, aside = folder / str(name), folder / f"{_DAMAGED}{name}"
    if is_index_name(name) and (is_real_folder(path) or is_regular_file(path)):
        with contextlib.suppress(OSError):
            _delete(aside)
            path.replace(aside)


def delete_unused_files(folder: Path, keep: set[str]) -> None:
    """Delete the index files and temporary files in `folder` whose names are not in `keep`.

    Symbolic links are left alone. On POSIX a file that a reader has open stays readable for it. On
    Windows the deletion fails and the next call tries again.
    """
    for entry in folder.iterdir():
        is_ours = is_index_name(entry.name) or is_leftover_name(entry.name)
        if is_ours and entry.name not in keep and not entry.is_symlink():
            with contextlib.suppress(OSError):
                _delete(entry)


def _delete(path: Path) -> None:
    """Delete a file, a link (never what it points to) or a folder, if there is one."""
    if is_real_folder(path):
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
