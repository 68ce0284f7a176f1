"""Decide whether the time stamps of a file show every change of its content.

A local file system sets `st_ctime` at every change of a file, and no program can set it back. On
network file systems, FAT and Windows it may be the time of creation, a copy of the time of
modification, or come from a clock that differs from ours. There a sample of the content is compared
too. Reads no files of the user.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
# Types of file systems whose change time a local clock sets at every change. A type that is not
# listed is not trusted. "fuse…" and network file systems are left out on purpose.
_RELIABLE_TYPES = frozenset(
    (
        "ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "reiser4",
        "bcachefs", "nilfs2", "erofs", "squashfs", "ubifs", "tmpfs", "ramfs", "overlay", "aufs",
    )
)  # fmt: skip
_STEP_NS = 2_000_000_000  # the coarsest steps of time stamps (FAT)
_TICK_NS = 20_000_000  # more than a step of the kernel's clock; local file systems stamp by it
# A server's clock may differ by so much. (Kerberos, which such servers use, allows half of it.)
_SERVER_CLOCK_NS = 600_000_000_000


@dataclass(slots=True)
class ChangeTimes:
    """The reliability of change times by device; each device is looked up once."""

    _by_device: dict[int, bool] = field(default_factory=dict)

    def are_reliable(self, device: int, folder: str) -> bool:
        """Whether each change of a file on this device (`st_dev`) changes its `st_ctime`.

        `folder` is the absolute path of a folder on it.
        """
        reliable = self._by_device.get(device)
        if reliable is None:
            reliable = self._by_device[device] = _is_reliable(device, folder)
        return reliable


def _is_reliable(device: int, folder: str) -> bool:
    if os.name == "nt":
        return False
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:  # not Linux: macOS and the BSDs have local disks that keep change times
        return True
    return _file_system(lines, device, os.path.realpath(folder)) in _RELIABLE_TYPES


def _file_system(mounts: list[str], device: int, folder: str) -> str | None:
    """Return the type of the file system of a device, or of the innermost mount above `folder`
    where the device is not listed (subvolumes have devices of their own)."""
    number = f"{os.major(device)}:{os.minor(device)}"
    best, best_type = "", None
    for line in mounts:
        fields = line.split(" ")
        if "-" not in fields[6:] or len(fields) < 8:
            continue
        kind = fields[fields.index("-", 6) + 1]
        if fields[2] == number:
            return kind
        point = fields[4].encode().decode("unicode_escape", errors="replace").rstrip("/") or "/"
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, best_type = point, kind
    return best_type


def wait_for_next_tick(ctime_ns: int | None) -> None:
    """Wait until a change after this moment gets another change time than `ctime_ns`.

    Returns at once unless the file changed within the last tick of the clock.
    """
    if ctime_ns is not None and 0 <= (age := time.time_ns() - ctime_ns) < _TICK_NS:
        time.sleep((_TICK_NS - age) / 1e9)


def may_repeat(status: os.stat_result, now_ns: int, *, reliable: bool) -> bool:
    """Whether a later change may leave a file, read at `now_ns`, with the same time stamps.

    Such stamps must not be stored: the file is read again in the next run. A stamp in the future
    counts, because it comes from a clock ahead of ours, or ours was set back.
    """
    mtime_age = now_ns - status.st_mtime_ns
    if not reliable:
        return mtime_age < _SERVER_CLOCK_NS
    ctime_age = now_ns - status.st_ctime_ns
    is_coarse = status.st_ctime_ns % 1_000_000_000 == 0
    return 0 <= mtime_age < _STEP_NS or ctime_age < (_STEP_NS if is_coarse else _TICK_NS)
