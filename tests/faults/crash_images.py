"""Power cuts: from the log of a process's file calls to the states that a disk may hold.

The model is that of a disk with a write cache under a POSIX file system: the content of a file is
durable when the file was flushed, a name when its folder was flushed. Everything else may be lost,
arrive in another order, or arrive in part. `Disk` replays a log (`shim.c` writes it) on top of the
files that were there before; `Disk.crash` writes one of the possible states into a folder.
"""

from __future__ import annotations

import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = struct.Struct("<B3xIIIQq")
CREATE, WRITE, FSYNC, TRUNCATE, RENAME, UNLINK, MKDIR, LINK, MARK = range(1, 10)
STRATEGIES = ("lost", "ordered", "reordered", "torn")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the log."""

    record: int
    path: str
    path2: str
    inode: int
    offset: int
    data: bytes


def read_log(path: Path) -> list[Call]:
    """Return the calls in the order in which the kernel saw them."""
    return list(_calls(path.read_bytes()))


def _calls(log: bytes) -> Iterator[Call]:
    at = 0
    while at + _HEADER.size <= len(log):
        record, first, second, size, inode, offset = _HEADER.unpack_from(log, at)
        at += _HEADER.size
        parts = []
        for length in (first, second, size):
            parts.append(log[at : at + length])
            at += length
        yield Call(record, parts[0].decode(), parts[1].decode(), inode, offset, parts[2])


@dataclass(slots=True, eq=False)
class File:
    """A file: its content now, on the disk, and the changes that are not flushed."""

    live: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: truncated there


@dataclass(slots=True, eq=False)
class Folder:
    """A folder: its entries now."""

    live: dict[str, File | Folder] = field(default_factory=dict)


@dataclass(slots=True)
class NameChange:
    """One change of names; a rename changes two at once."""

    changes: list[tuple[Folder, str, File | Folder | None]]
    durable: bool = False


class Disk:
    """The files below one folder, while a log is replayed."""

    def __init__(self, folder: Path) -> None:
        """Take the files that are in `folder` now as durable."""
        self._base = str(folder.parent)
        self._root = Folder()  # stands for `folder.parent`, with only the one entry
        self._inodes: dict[int, File] = {}
        self._start: dict[int, dict[str, File | Folder]] = {}
        self._folders: list[Folder] = [self._root]
        self._names: list[NameChange] = []
        self.marks: list[str] = []
        if folder.exists():
            self._root.live[folder.name] = self._scan(folder)
        self._start = {id(folder): dict(folder.live) for folder in self._folders}

    def _scan(self, path: Path) -> File | Folder:
        if path.is_dir():
            folder = Folder({entry.name: self._scan(entry) for entry in path.iterdir()})
            self._folders.append(folder)
            return folder
        inode = path.stat().st_ino
        if inode not in self._inodes:
            content = path.read_bytes()
            self._inodes[inode] = File(bytearray(content), content)
        return self._inodes[inode]

    def apply(self, call: Call) -> None:
        """Replay one call. Calls outside the folder are ignored."""
        if call.record == MARK:
            self.marks.append(call.data.decode())
        elif call.record == CREATE:
            self._rename([(call.path, File())], call.inode)
        elif call.record == MKDIR:
            self._rename([(call.path, Folder())], 0)
        elif call.record == UNLINK:
            self._rename([(call.path, None)], 0)
        elif call.record == LINK:
            self._rename([(call.path2, self._find(call.path))], 0)
        elif call.record == RENAME:
            self._rename([(call.path2, self._find(call.path)), (call.path, None)], 0)
        elif call.record == FSYNC:
            self._flush(call)
        else:
            self._write(call)

    def _place(self, path: str) -> tuple[Folder, str] | None:
        if not path.startswith(self._base + "/"):
            return None
        *parents, name = path[len(self._base) + 1 :].split("/")
        folder: File | Folder = self._root
        for part in parents:
            if not isinstance(folder, Folder) or part not in folder.live:
                return None
            folder = folder.live[part]
        return (folder, name) if isinstance(folder, Folder) else None

    def _find(self, path: str) -> File | Folder | None:
        place = self._place(path)
        return place[0].live.get(place[1]) if place else None

    def _rename(self, entries: list[tuple[str, File | Folder | None]], inode: int) -> None:
        change = NameChange([])
        for path, target in entries:
            place = self._place(path)
            if place is None:
                continue
            folder, name = place
            change.changes.append((folder, name, target))
            if target is None:
                folder.live.pop(name, None)
            else:
                folder.live[name] = target
            if isinstance(target, Folder) and id(target) not in self._start:
                self._start[id(target)] = {}
                self._folders.append(target)
            if inode and isinstance(target, File):
                self._inodes[inode] = target
        if change.changes:
            self._names.append(change)

    def _flush(self, call: Call) -> None:
        named = self._root if call.path == self._base else self._find(call.path)
        if isinstance(named, Folder):  # it was opened just before, so its path is its own
            for change in self._names:
                change.durable |= any(folder is named for folder, _, _ in change.changes)
            return
        target = self._inodes.get(call.inode)
        if target is not None:  # which may have another name by now
            target.durable, target.pending = bytes(target.live), []

    def _write(self, call: Call) -> None:
        target = self._inodes.get(call.inode)
        if target is None:
            return
        if call.record == TRUNCATE:
            target.pending.append((call.offset, None))
            _truncate(target.live, call.offset)
        else:
            target.pending.append((call.offset, call.data))
            _overwrite(target.live, call.offset, call.data)

    def crash(self, folder: Path, strategy: str, chance: random.Random) -> None:
        """Make `folder` what it may be after a power cut at this moment.

        - "lost": nothing that was not flushed has arrived
        - "ordered": changes of names arrived up to some moment, changes of content all
        - "reordered": any of the changes arrived
        - "torn": the same, and of each write any of its sectors
        """
        entries = {key: dict(names) for key, names in self._start.items()}
        until = chance.randrange(len(self._names) + 1)
        for number, change in enumerate(self._names):
            may_arrive = {"lost": False, "ordered": number < until}
            if change.durable or may_arrive.get(strategy, chance.random() < 0.5):
                for parent, name, target in change.changes:
                    if target is None:
                        entries[id(parent)].pop(name, None)
                    else:
                        entries[id(parent)][name] = target
        shutil.rmtree(folder, ignore_errors=True)
        top = entries[id(self._root)].get(folder.name)
        if top is not None:
            self._materialise(folder, top, entries, strategy, chance)

    def _materialise(
        self, path: Path, target: File | Folder, entries: dict[int, dict[str, File | Folder]],
        strategy: str, chance: random.Random,
    ) -> None:  # fmt: skip
        if isinstance(target, Folder):
            path.mkdir()
            for name, inner in entries[id(target)].items():
                if not name.endswith("-shm"):  # shared memory: never flushed, made again
                    self._materialise(path / name, inner, entries, strategy, chance)
            return
        content = bytearray(target.durable)
        for offset, data in target.pending:
            if strategy == "lost" or (strategy != "ordered" and chance.random() < 0.5):
                continue
            if data is None:
                _truncate(content, offset)
            elif strategy == "torn":
                for start, sector in _sectors(offset, data, chance.choice((512, 4096))):
                    if chance.random() < 0.5:
                        _overwrite(content, start, sector)
            else:
                _overwrite(content, offset, data)
        path.write_bytes(content)


def _truncate(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))


def _overwrite(content: bytearray, offset: int, data: bytes) -> None:
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def _sectors(offset: int, data: bytes, size: int) -> Iterator[tuple[int, bytes]]:
    start = offset
    while start < offset + len(data):
        end = min(offset + len(data), (start // size + 1) * size)
        yield start, data[start - offset : end - offset]
        start = end
