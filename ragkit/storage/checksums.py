"""Checksums of index files: what is recorded of a file, and whether the file is still that.

The database keeps a *record* for each index file: a JSON object with the BLAKE2b checksum and the
*stamp* of the file (inode, size and times). A file with the recorded stamp is trusted without being
read. Any other file is read once and compared by checksum. The folder of a lexical index has a
checksum for each file; its stamps are remembered by this process only. Names and records come from
the database, which somebody else may have made, so nothing in them is trusted. Knows nothing of the
files' content.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ragkit.storage import collection_files
from ragkit.storage.collection_files import OpenFile, Stamp, shorten_name
from ragkit.storage.sqlite.database import FILE_NAME
from ragkit.storage.sqlite.state import IndexFile

MAX_SIZE_RATIO = 256  # bytes of an index file for each byte of the database: more is not ragkit's
_MAX_TICK_MS = 12  # between two ticks of the clock that file systems use
_MAX_MANAGED_SIZE = 1 << 20  # bytes of tantivy's list of files
# Of a lexical index that is open: lists of files, which are not read again, and stored fields, of
# which ragkit has none.
_NOT_SEARCHED = (".json", ".store")
_KIND_NAMES = {"vectors": ".faiss", "codes": ".codes", "words": ""}


def file_checksum(file: OpenFile) -> str:
    """Return the BLAKE2b checksum (16 bytes, hexadecimal) of a file's content. Raises OSError."""
    checksum = blake2b(digest_size=16)
    for part in file.parts():
        checksum.update(part)
    return checksum.hexdigest()


def checksum_record(path: Path, fields: Mapping[str, object] | None = None) -> str:
    """Return the record of a file just written: a JSON object with `checksum`, `stamp` and the
    entries of `fields`."""
    file = OpenFile(path)
    checksum = file_checksum(file)
    _wait_for_clock([file.stamp])
    return json.dumps({"checksum": checksum, "stamp": recorded_stamp(file), **(fields or {})})


def _wait_for_clock(stamps: Iterable[Stamp]) -> None:
    """Wait until a later change of files just written will have another time than their stamps.

    A file's times are those of a clock that ticks every few milliseconds.
    """
    clock = getattr(time, "CLOCK_REALTIME_COARSE", None)
    if clock is None:
        return
    newest = max((stamp[3] for stamp in stamps), default=0)
    for _ in range(_MAX_TICK_MS):  # not for ever: a file server has a clock of its own
        if time.clock_gettime_ns(clock) > newest:
            return
        time.sleep(0.001)


def recorded_stamp(file: OpenFile) -> list[int]:
    """Return what changes with every write of a file: inode, size in bytes, and the times of the
    last write and of the last change in nanoseconds."""
    return list(file.stamp[:4])


def parse_record(record: str) -> dict[str, Any]:
    """Return the fields of a record. The oldest collections store only the checksum, without JSON.

    Raises ValueError for a record that ragkit did not write.
    """
    if not isinstance(record, str):
        raise ValueError("its record in the database is not a text")
    fields = _parse_json(record) if record.startswith("{") else {"checksum": record}
    if not isinstance(fields, dict) or not isinstance(fields.get("checksum"), str):
        raise ValueError("its record in the database has no checksum")
    return fields


def _parse_json(text: str | bytes) -> Any:  # noqa: ANN401
    """Return what the JSON `text` contains. Raises ValueError."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None


def verify_record(file: OpenFile, record: str, limit: int | None = None) -> str:
    """Check a file against its record. Return the record, with the file's present stamp if that has
    changed.

    A file with the recorded stamp is not read, because reading takes seconds for a million vectors.
    Raises ValueError if the checksum differs or the file has more than `limit` bytes, OSError if it
    cannot be read.
    """
    fields = parse_record(record)
    if fields.get("stamp") == recorded_stamp(file):
        return record
    if limit is not None and file.size > limit:
        raise ValueError(f"{file.name} is damaged: it is too large for this collection")
    if file_checksum(file) != fields["checksum"] or not file.is_unchanged():
        raise ValueError(f"{file.name} is damaged: its checksum is not the recorded one")
    return json.dumps({**fields, "stamp": recorded_stamp(file)})


def folder_checksum(folder: Path, known_checksums: Mapping[str, str] | None = None) -> str:
    """Return the checksums of a lexical index's files as a JSON object: file name → checksum.

    `known_checksums` (file name → checksum) are those of files that cannot have changed, which
    are hard links to the files of an older generation; these files are not read again. Raises
    OSError; ValueError if one of them is not a regular file of this folder.
    """
    known = known_checksums or {}
    return json.dumps(
        {
            name: known.get(name) or file_checksum(OpenFile(folder / name))
            for name in collection_files.members(folder)
        }
    )


def is_plausible(kind: str, file: IndexFile, newest_generation: int) -> bool:
    """Whether ragkit may have recorded this row of `index_files` in a database whose generation is
    `newest_generation`."""
    return (
        isinstance(file.name, str)
        and isinstance(file.generation, int)
        and _is_name_of(kind, file.name, file.generation)
        and file.generation <= newest_generation
    )


@lru_cache(64)  # every search asks for the same files
def _is_name_of(kind: str, name: str, generation: int) -> bool:
    return (
        collection_files.is_index_name(name)
        and name.startswith("words-") == (kind == "words")
        and name.endswith(_KIND_NAMES[kind])
        and collection_files.name_generation(name) == generation
    )


class ChecksumCache:
    """The index files in `folder` that this process has verified.

    A file is verified once in each process, and again when its stamp has changed. A damaged file
    stays in `damaged` until it is written again. The readers and the writer of one collection share
    one cache. `is_verified`: the files were compared with their checksums when they were fetched,
    and nobody writes to them, as those of a published shard.
    """

    def __init__(self, folder: Path, *, is_verified: bool = False) -> None:
        self.folder, self._is_verified = folder, is_verified
        self.damaged: set[IndexFile] = set()
        # By kind: intact files whose stamp is not the recorded one, as after copying a collection.
        self.restamped: dict[str, IndexFile] = {}
        # By kind: the row that was verified, and its record with the present stamp.
        self._verified: dict[str, tuple[IndexFile, str]] = {}
        # The lexical index that was verified: the stamp of each file at that time.
        self._folders: dict[IndexFile, dict[str, Stamp]] = {}
        # Of the same index: path and stamp of the files that searches read.
        self._searched: list[tuple[str, Stamp]] = []

    def add_written(self, file: IndexFile) -> None:
        """Trust a lexical index that this process has just written. Raises as `verify_folder`."""
        stamps = collection_files.members(self.folder / file.name)
        _wait_for_clock(stamps.values())
        self._remember_folder(file, stamps)

    def verify_file(self, kind: str, file: IndexFile) -> OpenFile:
        """Open an index file and verify it.

        Raises ValueError if its content is not what was written or its name is not ragkit's,
        OSError if it cannot be read.
        """
        opened = OpenFile(self._path(kind, file))
        if self._is_verified:
            return opened
        verified, known = self._verified.get(kind, (file, file.checksum))
        expected = known if verified == file else file.checksum
        record = verify_record(opened, expected, self.size_limit())
        if record != file.checksum:
            self.restamped[kind] = file._replace(checksum=record)
        self._verified[kind] = file, record
        return opened

    def verify_folder(self, file: IndexFile) -> Path:
        """Return the path of an index folder after verifying all of its files.

        The database has no stamp of a folder, so its files are read once in each process, and again
        when one of their stamps changes. Raises as `verify_file`.
        """
        path = self._path("words", file)
        stamps = collection_files.members(path)
        known = self._folders.get(file)
        if known is not None and _are_same(known, stamps):
            self._remember_folder(file, stamps)
            return path
        if sum(stamp[1] for stamp in stamps.values()) > self.size_limit():
            raise ValueError(f"{file.name} is damaged: it is too large for this collection")
        if not self._is_verified and folder_checksum(path) != file.checksum:
            raise ValueError(f"{file.name} is damaged: its checksum is not the recorded one")
        if not _are_same(stamps, collection_files.members(path)):
            raise ValueError(f"{file.name} has changed while it was read")
        _check_managed(path)
        self._remember_folder(file, stamps)
        return path

    def _remember_folder(self, file: IndexFile, stamps: dict[str, Stamp]) -> None:
        self._folders = {file: stamps}
        folder = self.folder / file.name
        self._searched = [
            (f"{folder}/{name}", stamp)
            for name, stamp in stamps.items()
            if not name.endswith(_NOT_SEARCHED)
        ]

    def is_unchanged_folder(self, file: IndexFile) -> bool:
        """Whether nobody has written to the files of a verified lexical index that are read by an
        open one.

        A file that is missing, or was replaced by another one, does not count: who has the folder
        open keeps the files that were verified.
        """
        if file not in self._folders:
            return False
        searched, stamp_of = self._searched, collection_files.stamp_of  # before each search
        for number, (path, before) in enumerate(searched):
            try:
                after = stamp_of(os.lstat(path))
            except OSError:
                continue
            if before == after or before[0] != after[0]:
                continue
            if not collection_files.is_same_content(before, after):
                return False
            searched[number] = path, after
        return True

    def _path(self, kind: str, file: IndexFile) -> Path:
        """Return the path of an index file; raise ValueError for a name that is not ragkit's."""
        if not collection_files.is_index_name(file.name):
            raise ValueError(
                f"the database names {shorten_name(file.name)} as an index file, which is not a "
                "name that ragkit gives"
            )
        if not is_plausible(kind, file, file.generation if isinstance(file.generation, int) else 0):
            raise ValueError(f"{file.name} is not what the database says that it is")
        return self.folder / file.name

    def size_limit(self) -> int:
        """Return the bytes that an index file of this collection may have: what is larger would
        take too long to read, and was not made by ragkit."""
        size = 0
        for name in (FILE_NAME, f"{FILE_NAME}-wal"):
            try:
                size += os.lstat(self.folder / name).st_size
            except OSError:
                continue
        return MAX_SIZE_RATIO * size


def _are_same(before: Mapping[str, Stamp], after: Mapping[str, Stamp]) -> bool:
    return before.keys() == after.keys() and all(
        collection_files.is_same_content(stamp, after[name]) for name, stamp in before.items()
    )


def _check_managed(folder: Path) -> None:
    """Check the list of the files that tantivy may delete. Raises ValueError, OSError.

    tantivy deletes every file that is named there and belongs to no segment, also outside the
    folder.
    """
    path = folder / ".managed.json"
    if not os.path.lexists(path):
        return
    file = OpenFile(path)
    names = _parse_json(file.read_up_to(_MAX_MANAGED_SIZE))
    if not isinstance(names, list) or not collection_files.are_member_names(names):
        raise ValueError(f"{folder.name} is damaged: it lists files that are not its own")
