"""The files in a collection's folder: which names are ragkit's, and how one is opened.

A collection may come from somebody else, so neither a name in its database nor an entry of its
folder is trusted. Only names that ragkit generates are used, only directly inside the folder, and
only regular files are opened: no symbolic link is followed, and no pipe or device is waited for.
The folder itself may be a link; that is the user's choice. Knows names and bytes, no formats.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.errors import CollectionError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy import generic
    from numpy.typing import NDArray

# Most commands need none of these patterns, so they are compiled where they are used first.
_NAME = (
    r"(?:vectors-[0-9a-f]{12}-(?P<vectors>[0-9]{1,18})\.(?:faiss|codes)"
    r"|words-(?:v[0-9]{1,9}-)?(?P<words>[0-9]{1,18}))"
)
_LEFTOVER_NAME = rf"(?:\.tmp-[0-9]{{1,10}}-|damaged-){_NAME}"
# A segment's file, named by a random number, and the two files that list the segments.
_MEMBER_NAME = r"[0-9a-f]{32}(?:\.[0-9]{1,20})?\.[a-z]{1,16}|meta\.json|\.managed\.json"
_OPEN_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)
_PART = 1 << 20  # bytes read at a time
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")  # of SQLite's rollback journals

# Inode, bytes, times of the last write and of the last change in nanoseconds, number of hard links.
Stamp = tuple[int, int, int, int, int]


def is_index_name(name: object) -> bool:
    """Whether ragkit gives this name to an index file or folder."""
    return isinstance(name, str) and re.fullmatch(_NAME, name) is not None


def is_leftover_name(name: str) -> bool:
    """Whether ragkit gives this name to an index file that is being written, or to a damaged one
    that was set aside."""
    return re.fullmatch(_LEFTOVER_NAME, name) is not None


def name_generation(name: str) -> int:
    """Return the generation in the name of an index file. Raises ValueError for another name."""
    match = re.fullmatch(_NAME, name)
    if match is None:
        raise ValueError(f"{shorten_name(name)} is not the name of an index file")
    return int(match["vectors"] or match["words"])


def name_part(fingerprint: str) -> str:
    """Return the 12 hexadecimal digits that stand for an encoder in the names of its files."""
    start = fingerprint[:12]
    if re.fullmatch("[0-9a-f]{12}", start):
        return start
    from hashlib import blake2b  # only for a fingerprint that ragkit did not compute

    return blake2b(fingerprint.encode("utf-8", "replace"), digest_size=6).hexdigest()


def shorten_name(name: object) -> str:
    """Return a name from a database as it may appear in a message: on one line, and not long."""
    text = ascii(name)
    return text if len(text) <= 80 else f"{text[:77]}…"


def is_link(path: Path) -> bool:
    """Whether `path` is a symbolic link, or a junction of Windows. Raises OSError."""
    status = os.lstat(path)
    return stat.S_ISLNK(status.st_mode) or bool(
        getattr(status, "st_reparse_tag", 0) == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", -1)
    )


def is_real_folder(path: Path) -> bool:
    """Whether `path` is a folder and not a link to one; False if it cannot be examined."""
    try:
        return not is_link(path) and stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def is_regular_file(path: Path) -> bool:
    """Whether `path` is a regular file and not a link; False if it cannot be examined."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def refuse_links(folder: Path, name: str) -> None:
    """Check the files of the database `name` in `folder` before SQLite opens them.

    SQLite follows symbolic links. It also deletes any file that a rollback journal names as its
    super-journal; ragkit writes no such journal. Raises CollectionError.
    """
    for suffix in ("", "-wal", "-shm", "-journal"):
        path = folder / f"{name}{suffix}"
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            continue  # missing, or SQLite will report why it cannot be used
        if not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
            raise CollectionError(
                f"{path} is {kind}; ragkit opens only regular files inside a collection. "
                "Delete it if you do not know why it is there"
            )
        if suffix == "-journal" and _names_super_journal(path):
            raise CollectionError(
                f"{path} names another file, which SQLite would delete; ragkit does not write such "
                "journals. Do not use this collection unless you trust its origin; if you do, "
                "delete that file"
            )


def _names_super_journal(path: Path) -> bool:
    try:
        file = OpenFile(path)
        return file.size >= 16 and file.read(file.size - 8, 8) == _JOURNAL_MAGIC
    except (OSError, ValueError):
        return False  # SQLite cannot read it either


class OpenFile:
    """A regular file that is open for reading. Safe to share between threads.

    Its descriptor is closed with the last reference. `stamp` is that of the moment of opening, or
    of the last `is_unchanged` that returned True.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` without following a link or waiting. Raises OSError; ValueError if it is not
        a regular file."""
        if not stat.S_ISREG(os.lstat(path).st_mode):  # opening a device may already do something
            raise ValueError(f"{path.name} is not a regular file")
        self.path, self.name = path, path.name
        self._lock = threading.Lock()
        self.descriptor = os.open(path, _OPEN_FLAGS)
        self._finalizer = weakref.finalize(self, os.close, self.descriptor)
        status = os.fstat(self.descriptor)
        if not stat.S_ISREG(status.st_mode):
            self._finalizer()
            raise ValueError(f"{path.name} is not a regular file")
        self.stamp = stamp_of(status)

    @property
    def size(self) -> int:
        """The bytes of the file when it was opened."""
        return self.stamp[1]

    def is_unchanged(self) -> bool:
        """Whether nobody has written to this file since it was opened. One system call.

        Only a time of the last change that is newer by itself counts: hard links and the deletion
        of the name change it too.
        """
        try:
            stamp = stamp_of(os.fstat(self.descriptor))
        except OSError:  # such as a file server that no longer knows it
            return False
        is_same = is_same_content(self.stamp, stamp)
        if is_same:
            self.stamp = stamp
        return is_same

    def path_of_descriptor(self) -> str:
        """Return a path for libraries that open files by name: of this very file where the system
        has such paths, so that it cannot be replaced by a link in between."""
        path = f"/dev/fd/{self.descriptor}"
        return path if Path(path).exists() else str(self.path)

    def read(self, start: int, size: int) -> bytes:
        """Return `size` bytes from the byte `start` on. Raises OSError; ValueError if the file is
        shorter than that."""
        data = self._read(start, size)
        while len(data) < size:
            part = self._read(start + len(data), size - len(data))
            if not part:
                raise ValueError(f"{self.name} is shorter than when it was opened")
            data += part
        return data

    def read_up_to(self, limit: int) -> bytes:
        """Return the whole content. Raises OSError; ValueError if it has more than `limit`
        bytes."""
        if self.size > limit:
            raise ValueError(f"{self.name} is larger than {limit} bytes")
        return self.read(0, self.size)

    def read_all(self, starts: Sequence[int], sizes: Sequence[int]) -> bytes:
        """Return several parts of the file, one after the other. Raises as `read`."""
        if hasattr(os, "pread"):
            descriptor, parts = self.descriptor, zip(starts, sizes, strict=True)
            data = b"".join([os.pread(descriptor, size, start) for start, size in parts])
            if len(data) == sum(sizes):
                return data
        return b"".join(map(self.read, starts, sizes))

    def read_into(self, buffer: NDArray[generic], start: int) -> None:
        """Fill `buffer`, a contiguous array, from the byte `start` on. Raises as `read`."""
        view = buffer.reshape(-1).view("u1").data
        if hasattr(os, "preadv") and os.preadv(self.descriptor, [view], start) == len(view):
            return
        for first in range(0, len(view), _PART):
            part = view[first : first + _PART]
            part[:] = self.read(start + first, len(part))

    def parts(self) -> Iterator[bytes]:
        """Yield the content in parts, up to the present end. Raises OSError."""
        start = 0
        while part := self._read(start, _PART):
            yield part
            start += len(part)

    def _read(self, start: int, size: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self.descriptor, size, start)
        with self._lock:  # Windows
            os.lseek(self.descriptor, start, os.SEEK_SET)
            return os.read(self.descriptor, size)


def stamp_of(status: os.stat_result) -> Stamp:
    """Return the stamp of a file with this status."""
    return (
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_nlink,
    )


def is_same_content(before: Stamp, after: Stamp) -> bool:
    """Whether two stamps of a file tell that nobody has written to it in between.

    A new number of hard links explains a new time of the last change: ragkit links the files of a
    lexical index into its next generation, and deletes old ones.
    """
    return before[:3] == after[:3] and (before[3] == after[3] or before[4] != after[4])


def members(folder: Path) -> dict[str, Stamp]:
    """Return the stamps of the files of a lexical index, by name. Other entries are left out.

    Raises OSError; ValueError if `folder` is no real folder, or if an entry that tantivy would open
    is not a regular file of this folder.
    """
    if not stat.S_ISDIR(os.lstat(folder).st_mode) or is_link(folder):
        raise ValueError(f"{folder.name} is not a folder")
    stamps = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            is_lock = entry.name.endswith(".lock")  # tantivy creates and empties these
            if not is_lock and re.fullmatch(_MEMBER_NAME, entry.name) is None:
                continue
            status = os.lstat(entry.path)
            is_empty_lock = is_lock and (status.st_nlink == 1 or not status.st_size)
            if not stat.S_ISREG(status.st_mode) or (is_lock and not is_empty_lock):
                raise ValueError(
                    f"{folder.name} is damaged: {shorten_name(entry.name)} is not its own"
                )
            if not is_lock:
                stamps[entry.name] = stamp_of(status)
    return dict(sorted(stamps.items()))


def are_member_names(names: Iterable[object]) -> bool:
    """Whether tantivy gives each of these names to a file of its folder."""
    return all(isinstance(name, str) and re.fullmatch(_MEMBER_NAME, name) for name in names)
