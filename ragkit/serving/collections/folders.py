"""Folders and files that requests add to a collection, where the user who started the server has
allowed it: folders below `FolderRights.add_from`, files into `FolderRights.upload_to`.

Without these rights a request can only re-index the roots that the collection had when the server
started. Names of a request are compared with the folders that exist, and no link is followed. Knows
no HTTP.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.serving.collections.library import ServedCollection, label_roots
from ragkit.serving.collections.watching import Watchers

MAX_UPLOAD_BYTES = 50_000_000
MAX_LISTED = 300  # folders
_MAX_DEPTH = 3
_MAX_NAME_BYTES = 200
_MAX_COPIES = 1000  # of files with the same name
_RESERVED = frozenset(
    (
        *("con", "prn", "aux", "nul"),
        *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)),
    )
)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
_CREATE |= getattr(os, "O_BINARY", 0)
NO_FOLDERS = (
    "this server may not add folders; add one with: ragkit index FOLDER, or start the server with "
    "--add-from DIR to allow the folders in DIR"
)
NO_UPLOADS = (
    "this server stores no files; start it with --upload-to DIR to allow files to be dropped, "
    "which are then stored in DIR"
)


@dataclass(frozen=True, slots=True)
class FolderRights:
    """What requests may add. Absolute paths of existing folders, without links."""

    add_from: tuple[str, ...] = ()  # the folders below these may become roots
    upload_to: str | None = None  # files that are sent are stored here


def folder_rights(add_from: Sequence[str], upload_to: str | None) -> FolderRights:
    """Return the rights that a user has named by folders. Raises UsageError if one is none."""
    named = [*add_from, *([upload_to] if upload_to is not None else [])]
    paths = [os.path.realpath(os.path.expanduser(folder)) for folder in named]  # noqa: PTH111
    for folder, path in zip(named, paths, strict=True):
        if not os.path.isdir(path):  # noqa: PTH112 (Path's raises for a NUL)
            raise UsageError(f"there is no folder {folder}; make it, or name another one")
    return FolderRights(
        tuple(paths[: len(add_from)]), None if upload_to is None else paths[len(add_from)]
    )


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was sent, as it is stored."""

    name: str
    is_new: bool  # False: a file with this name and content was there already


@dataclass(slots=True)
class AddedFolders:
    """Adds folders and files to the collections of a server."""

    rights: FolderRights = field(default_factory=FolderRights)
    watchers: Watchers | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def choices(self) -> list[str]:
        """Return the folders that can be added, as labels: "Documents/hr". At most MAX_LISTED."""
        labels: list[str] = []
        for label, path in label_roots(self.rights.add_from).items():
            labels += [
                label,
                *(f"{label}/{below}" for below in _folders_below(Path(path), _MAX_DEPTH)),
            ]
        return labels[:MAX_LISTED]  # fmt: skip

    def add(self, served: ServedCollection, label: str) -> str:
        """Make a folder a root of the collection; return the label of the root. Indexes nothing.

        Raises UsageError, with the reason, if there is no such folder below those that are allowed.
        """
        if not self.rights.add_from:
            raise UsageError(NO_FOLDERS)
        return self._add_root(served, self._resolve(label))

    def _resolve(self, label: str) -> str:
        bases = label_roots(self.rights.add_from)
        name = next((base for base in bases if label == base or label.startswith(f"{base}/")), None)
        if name is None:
            raise UsageError(f"no folder {label[:80]!r} can be added; those in: {', '.join(bases)}")
        path = Path(bases[name])
        for part in filter(None, label[len(name) :].split("/")):
            is_plain = part not in (".", "..") and not part.startswith(".") and "\\" not in part
            path /= part
            if not is_plain or "\0" in part or not _is_folder(path):
                raise UsageError(f"there is no folder {label[:200]!r} that can be added")
        return str(path)

    def _add_root(self, served: ServedCollection, path: str) -> str:
        with self._lock:
            known = next((label for label, root in served.roots.items() if root == path), None)
            if known is not None:
                return known
            name = label = Path(path).name or "root"
            number = 1
            while label in served.roots:
                number += 1
                label = f"{name} ({number})"
            served.roots[label] = path
        if self.watchers is not None:
            self.watchers.restart(served)
        return label

    def store(self, served: ServedCollection, name: str, data: bytes) -> tuple[StoredFile, str]:
        """Store a file that was sent in the folder for it; return it and the label of its root.

        A file is never overwritten: another one with the same name gets a number. Raises UsageError
        if no folder is allowed, and for names and types of files that are not documents.
        """
        if self.rights.upload_to is None:
            raise UsageError(NO_UPLOADS)
        _check_name(name)
        _check_type(name, data)
        if not _is_folder(folder := Path(self.rights.upload_to)):
            raise UsageError("the folder for files that are sent is gone; start the server again")
        stored = _write_new(folder, name, data)
        return stored, self._add_root(served, str(folder))


def _folders_below(folder: Path, depth: int) -> Iterator[str]:
    """Yield the folders below one, as relative paths, without hidden ones and links."""
    with contextlib.suppress(OSError):
        names = sorted(
            entry.name
            for entry in os.scandir(folder)
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
        )
        for name in names[:MAX_LISTED]:
            yield name
            if depth > 1:
                yield from (f"{name}/{below}" for below in _folders_below(folder / name, depth - 1))


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False


def _check_name(name: str) -> None:
    stem = name.partition(".")[0].strip().lower()
    is_valid = (
        name.isprintable()
        and name == name.strip()
        and not name.startswith((".", "~"))
        and not name.endswith(".")
        and not set(name) & set('/\\:*?"<>|')
        and stem not in _RESERVED
        and len(name.encode("utf-8", "replace")) <= _MAX_NAME_BYTES
    )
    if not is_valid or not name:
        raise UsageError(
            f"{name[:80]!r} cannot be the name of a stored file; expected a visible name without "
            f"folders, of at most {_MAX_NAME_BYTES} bytes"
        )


def _check_type(name: str, data: bytes) -> None:
    """Raises UsageError for files that would never be read."""
    from ragkit.documents.detect import detect
    from ragkit.documents.registry import FORMATS

    row = FORMATS[detect(data, name).media_type]
    if row.reason:
        raise UsageError(f"{name} is not stored: {row.reason}")


def _write_new(folder: Path, name: str, data: bytes) -> StoredFile:
    stem, dot, suffix = name.rpartition(".")
    for number in range(1, _MAX_COPIES):
        copy = name if number == 1 else f"{stem or suffix} ({number}){dot if stem else ''}"
        copy += suffix if number > 1 and stem else ""
        path = folder / copy
        try:
            descriptor = os.open(path, _CREATE, 0o644)
        except FileExistsError:
            if _has_content(path, data):
                return StoredFile(copy, is_new=False)
            continue
        except OSError as error:
            raise UsageError(f"{name} cannot be stored: {error.strerror}") from None
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise UsageError(f"{name} cannot be stored: {error.strerror}") from None
        return StoredFile(copy, is_new=True)
    raise UsageError(f"there are too many files called {name}")


def _has_content(path: Path, data: bytes) -> bool:
    try:
        status = path.lstat()
        is_same_size = stat.S_ISREG(status.st_mode) and status.st_size == len(data)
        return is_same_size and path.read_bytes() == data
    except OSError:
        return False
