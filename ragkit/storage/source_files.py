"""Read the user's files: only regular files, and only those inside their root.

Between the listing of a folder and the reading of a file, another program may replace the file, or
a folder on its path, by a symbolic link, a FIFO or a device. So a file is opened relative to the
descriptors of its folders, follows no link below its root, never blocks, and is checked on its
descriptor. Where the system cannot open relative to a folder (Windows), the path is checked before
and after opening; a link that is set and removed between these checks is not noticed there.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass

_IN_FOLDERS = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FILE = (
    os.O_RDONLY
    | _NO_LINK
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO, or a file in /proc, may block
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_READ_BYTES = 1 << 16  # at least, per call
_LEASE_SECONDS = 2.0  # another process (a file server) gives up its lease on a file within this
_SAMPLE_BLOCKS, _SAMPLE_BYTES = 8, 4096


@dataclass(frozen=True, slots=True)
class SourceBytes:
    """The content of a file, and its status when it was opened."""

    data: bytes
    status: os.stat_result
    is_stable: bool  # it did not change while it was read


def open_source(root: str, path: str) -> int:
    """Return a descriptor, open for reading, of the regular file `path` ("/" between its parts)
    in the folder `root`. The caller closes it.

    `root` itself may be reached through links. Raises OSError whose `strerror` says why the file
    cannot be read: also if it or a folder on its path is a link, or it is not a regular file.
    """
    *folders, name = path.split("/")
    if not {"", ".", ".."}.isdisjoint((*folders, name)):  # of a database made by somebody else
        raise OSError(errno.EINVAL, "it is not a path inside its folder", path)
    if not _IN_FOLDERS:
        return _open_by_path(root, path)
    if not folders:
        return _open_regular(f"{root}/{name}", None)
    descriptor = os.open(root, _FOLDER)
    try:
        for folder in folders:
            try:
                inner = os.open(folder, _FOLDER | _NO_LINK, dir_fd=descriptor)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENOTDIR):
                    error.strerror = f"the folder {folder} on its path is not a folder any more"
                raise
            os.close(descriptor)
            descriptor = inner
        return _open_regular(name, descriptor)
    finally:
        os.close(descriptor)


def _open_regular(path: str, folder: int | None) -> int:
    """Open a file whose last part is no link. Looks before it opens: opening a device or a FIFO
    may have effects."""
    _expect_regular(os.stat(path, dir_fd=folder, follow_symlinks=False), path)
    deadline = time.monotonic() + _LEASE_SECONDS
    while True:
        try:
            descriptor = os.open(path, _FILE, dir_fd=folder)
            break
        except OSError as error:
            if error.errno == errno.ELOOP:
                error.strerror = "it is a symbolic link now"
            if error.errno != errno.EWOULDBLOCK or time.monotonic() > deadline:
                raise
            time.sleep(0.02)  # the holder of the lease was asked to give it up
    try:
        _expect_regular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _open_by_path(root: str, path: str) -> int:
    """Open a file without descriptors of folders: check the path before and after."""
    full_path = os.path.join(root, *path.split("/"))  # noqa: PTH118
    before = os.lstat(full_path)
    _expect_regular(before, full_path)
    descriptor = os.open(full_path, _FILE)
    try:
        opened = os.fstat(descriptor)
        _expect_regular(opened, full_path)
        real_path, real_root = os.path.realpath(full_path), os.path.realpath(root)
        is_inside = os.path.commonpath([real_path, real_root]) == real_root
        if not (is_inside and os.path.samestat(before, opened)):
            raise OSError(errno.ELOOP, "it was replaced while it was opened", full_path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _expect_regular(status: os.stat_result, path: str) -> None:
    mode = status.st_mode
    if not stat.S_ISREG(mode):
        kinds = (
            (stat.S_ISLNK, "symbolic link"),
            (stat.S_ISDIR, "folder"),
            (stat.S_ISFIFO, "FIFO"),
            (stat.S_ISSOCK, "socket"),
        )
        kind = next((name for is_kind, name in kinds if is_kind(mode)), "device")
        raise OSError(errno.EINVAL, f"it is a {kind} now, not a regular file", path)


def read_source(root: str, path: str, max_bytes: int) -> SourceBytes:
    """Return the content of a file; `root`, `path` and the errors are those of `open_source`.

    Raises OSError with the number EFBIG if there are more than `max_bytes`, whatever the listing
    said: the file may have grown, and files in /proc have no size.
    """
    descriptor = open_source(root, path)
    try:
        status = os.fstat(descriptor)
        if status.st_size > max_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        data = _read_all(descriptor, status.st_size, max_bytes, path)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    before = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    is_stable = before == (len(data), after.st_mtime_ns, after.st_ctime_ns)
    return SourceBytes(data, status, is_stable)


def _read_all(descriptor: int, expected: int, max_bytes: int, path: str) -> bytes:
    chunks: list[bytes] = []
    count = 0
    while True:
        # One byte more than allowed reveals a file that grows.
        size = min(max(expected - count, _READ_BYTES), max_bytes + 1 - count)
        try:
            chunk = os.read(descriptor, size)
        except BlockingIOError as error:
            error.strerror = "nothing can be read without waiting for it"
            raise
        if not chunk:
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.append(chunk)
        count += len(chunk)
        if count > max_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)


def sample_source(root: str, path: str) -> str:
    """Return the sample of a file without reading all of it: see `sample`. Errors as in
    `open_source`."""
    descriptor = open_source(root, path)
    try:

        def read_at(offset: int, length: int) -> bytes:
            os.lseek(descriptor, offset, os.SEEK_SET)
            return os.read(descriptor, length)

        return _sample(os.fstat(descriptor).st_size, read_at)
    finally:
        os.close(descriptor)


def sample(data: bytes) -> str:
    """Return a hash, as hexadecimal digits, of eight blocks of 4 KiB spread over `data`, its first
    and last bytes included; of all of it up to 32 KiB."""
    return _sample(len(data), lambda offset, length: data[offset : offset + length])


def _sample(size: int, read_at: Callable[[int, int], bytes]) -> str:
    from hashlib import blake2b

    digest = blake2b(str(size).encode(), digest_size=16)
    if size <= _SAMPLE_BLOCKS * _SAMPLE_BYTES:
        digest.update(read_at(0, size))
    else:
        for block in range(_SAMPLE_BLOCKS):
            offset = (size - _SAMPLE_BYTES) * block // (_SAMPLE_BLOCKS - 1)
            digest.update(read_at(offset, _SAMPLE_BYTES))
    return digest.hexdigest()
