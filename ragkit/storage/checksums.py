"""Checksums of index files: what is recorded of a file, and whether the file is still that.

The database keeps a *record* for each index file: a JSON object with the BLAKE2b checksum and the
*stamp* of the file (inode, size and times). A file with the recorded stamp is trusted without being
read. Any other file is read once and compared by checksum. Knows nothing of the files' content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ragkit.storage.sqlite.database import IndexFile


def file_checksum(path: Path) -> str:
    """Return the BLAKE2b checksum (16 bytes, hexadecimal) of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()


def file_stamp(path: Path) -> list[int]:
    """Return what changes with every write of a file: inode, size in bytes, and the times of the
    last write and of the last change in nanoseconds. Raises OSError."""
    status = path.stat()
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def checksum_record(path: Path, fields: Mapping[str, object] | None = None) -> str:
    """Return the record of a file just written: a JSON object with `checksum`, `stamp` and the
    entries of `fields`."""
    record = {"checksum": file_checksum(path), "stamp": file_stamp(path), **(fields or {})}
    return json.dumps(record)


def parse_record(record: str) -> dict[str, Any]:
    """Return the fields of a record. The oldest collections store only the checksum, without
    JSON."""
    fields: dict[str, Any] = json.loads(record) if record.startswith("{") else {"checksum": record}
    return fields


def verify_record(path: Path, record: str) -> str:
    """Check a file against its record. Return the record, with the file's present stamp if that has
    changed.

    A file with the recorded stamp is not read, because reading takes seconds for a million vectors.
    Raises ValueError if the checksum differs, OSError if the file cannot be read.
    """
    fields = parse_record(record)
    stamp = file_stamp(path)
    if fields.get("stamp") == stamp:
        return record
    if file_checksum(path) != fields["checksum"]:
        raise ValueError(f"{path.name} is damaged: its checksum is not the recorded one")
    return json.dumps({**fields, "stamp": stamp})


def folder_checksum(folder: Path, known_checksums: Mapping[str, str] | None = None) -> str:
    """Return the checksums of a folder's files as a JSON object: file name → checksum.

    `known_checksums` (file name → checksum) are those of files that cannot have changed, which
    are hard links to the files of an older generation; these files are not read again.
    """
    # Lock files appear and disappear with the process that has the folder open.
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix != ".lock")
    known = known_checksums or {}
    return json.dumps({name: known.get(name) or file_checksum(folder / name) for name in names})


class ChecksumCache:
    """The index files in `folder` that this process has verified.

    A file is verified once in each process. A damaged file stays in `damaged` until it is written
    again. The readers and the writer of one collection share one cache.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.damaged: set[IndexFile] = set()
        # By kind: intact files whose stamp is not the recorded one, as after copying a collection.
        self.restamped: dict[str, IndexFile] = {}
        self._verified: dict[str, str] = {}  # file name → the record that was verified

    def add_written(self, file: IndexFile) -> None:
        """Trust a file that this process has just written."""
        self._verified[file.name] = file.checksum

    def verify_file(self, kind: str, file: IndexFile) -> Path:
        """Return the path of an index file after verifying it.

        Raises ValueError if its content is not what was written, OSError if it cannot be read.
        """
        path = self.folder / file.name
        record = verify_record(path, self._verified.get(file.name, file.checksum))
        self._verified[file.name] = record
        if record != file.checksum:
            self.restamped[kind] = replace(file, checksum=record)
        return path

    def verify_folder(self, file: IndexFile) -> Path:
        """Return the path of an index folder after verifying all of its files.

        A folder has no stamp, so its files are read once in each process. Raises as `verify_file`.
        """
        path = self.folder / file.name
        if self._verified.get(file.name) != file.checksum:
            if folder_checksum(path) != file.checksum:
                raise ValueError(f"{file.name} is damaged: its checksum is not the recorded one")
            self._verified[file.name] = file.checksum
        return path
