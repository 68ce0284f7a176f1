"""Decide which missing files are removed, and which are kept until `--prune`.

A missing file may have been deleted, or the disk that it is on may not be mounted. Single missing
files count as deleted. Missing files are kept if

- their file system was mounted when they were indexed, and is not mounted now,
- their folder is empty or missing and had contained more than one file or document, or
- they are many: MANY_FILES or more and over a quarter of the files, or MANY_DOCUMENTS or more and
  over a quarter of the documents.

Reads no files.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.storage.sqlite.files import FileRow

MANY_FILES = 10
MANY_DOCUMENTS = 20
_LARGE_SHARE = 4  # a quarter
_LISTED_FOLDERS = 3  # that a warning names


@dataclass(frozen=True, slots=True)
class MissingPath:
    """A missing file: its row, its path below the scanned folder, its documents."""

    row: FileRow
    path: str
    documents: int


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """The stored files that a scan should have met, and what it met."""

    files: int  # with text
    documents: int
    present_folders: frozenset[str]  # in which there are files, at any depth; "" is the root
    unmounted: tuple[str, ...] = ()  # "a/b/": file systems that are not mounted now; "": all


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with missing files."""

    removable: Sequence[FileRow]
    kept: Sequence[MissingPath]
    folders: Sequence[str] = ()  # all of whose files are kept; "" is the root
    unmounted: Sequence[str] = ()  # as in `KnownFiles`, those with kept files


def decide(missing: Sequence[MissingPath], known: KnownFiles) -> Decision:
    """Return which missing files may be removed without the user's word, and which are kept."""
    removable: list[FileRow] = []
    kept: list[MissingPath] = []
    unmounted: dict[str, None] = {}
    by_folder: dict[str, list[MissingPath]] = defaultdict(list)
    single: list[MissingPath] = []
    for file in missing:
        if not file.row.has_text:  # nothing is lost with it
            removable.append(file.row)
            continue
        mount = next((mount for mount in known.unmounted if file.path.startswith(mount)), None)
        folder = empty_folder(file.path, known.present_folders)
        if mount is not None:
            kept.append(file)
            unmounted[mount] = None
        elif folder is None:
            single.append(file)
        else:
            by_folder[folder].append(file)
    folders = []
    for folder, files in by_folder.items():
        if not folder or len(files) > 1 or files[0].documents > 1:
            folders.append(folder)
            kept += files
        else:
            single += files
    if _are_many(single, known):
        kept += single
    else:
        removable += [file.row for file in single]
    return Decision(removable, kept, folders, list(unmounted))


def empty_folder(path: str, present_folders: frozenset[str]) -> str | None:
    """Return the outermost folder around a path in which no file is left; None if there is none."""
    if "" not in present_folders:
        return ""
    parts = path.split("/")
    for depth in range(1, len(parts)):
        folder = "/".join(parts[:depth])
        if folder not in present_folders:
            return folder
    return None


def _are_many(files: Sequence[MissingPath], known: KnownFiles) -> bool:
    documents = sum(file.documents for file in files)
    return (len(files) >= MANY_FILES and len(files) * _LARGE_SHARE > known.files) or (
        documents >= MANY_DOCUMENTS and documents * _LARGE_SHARE > known.documents
    )


def format_warning(decision: Decision, known: KnownFiles, scanned: Path) -> str:
    """Return one line for the user about the kept files below the path `scanned`."""
    import shlex

    kept = decision.kept
    count = f"{len(kept):,} of {known.files:,} files"
    documents = sum(file.documents for file in kept)
    if documents > len(kept):
        count += f" ({documents:,} of {known.documents:,} documents)"
    places = [f"{place or './'}" for place in decision.unmounted]
    detail = f"; not mounted now: {_list(places)}" if places else ""
    folders = [f"{folder}/" for folder in decision.folders if folder]
    if folders:
        detail += f"; no files are left in {_list(folders)}"
    return (
        f"{count} in {scanned} {'is' if len(kept) == 1 else 'are'} missing{detail}; their passages "
        "are kept, in case a disk is not mounted. To delete them: ragkit index --prune "
        f"{shlex.quote(str(scanned))}"
    )


def _list(names: Sequence[str]) -> str:
    more = len(names) - _LISTED_FOLDERS
    listed = ", ".join(names[:_LISTED_FOLDERS])
    return f"{listed} and {more:,} more" if more > 0 else listed


def mount_points(folder: str, file_devices: Mapping[str, int]) -> frozenset[str]:
    """Return the mount points that contain a scanned folder or files in it, as absolute paths.

    `folder` is the absolute path of the folder; `file_devices` maps the absolute paths of folders
    with files to the device (`st_dev`) of these files. The root of the file system is left out.
    """
    own = _device(folder)
    if own is None:
        return frozenset()
    points = {_mount_point(folder, own)}
    points |= {
        _mount_point(inner, device) for inner, device in file_devices.items() if device != own
    }
    return frozenset(point for point in points if point is not None)


def _mount_point(folder: str, device: int) -> str | None:
    """Return the outermost folder at or above `folder` on `device`; None if that is the root of
    all, or if `folder` itself is on another device (overlays report such devices for files)."""
    if _device(folder) != device:
        return None
    while True:
        parent = os.path.dirname(folder)  # noqa: PTH120
        if parent == folder:
            return None
        if _device(parent) != device:
            return folder
        folder = parent


def is_mounted(point: str) -> bool:
    """Whether the folder `point` is on another device than the folder around it."""
    own, outer = _device(point), _device(os.path.dirname(point))  # noqa: PTH120
    return own is not None and outer is not None and own != outer


def unmounted_prefixes(stored: Iterable[str], scanned: str, folder: str) -> dict[str, str]:
    """Return the stored mount points that matter to a scan and are not mounted now: prefix of the
    paths in them → mount point.

    `scanned` is the absolute path of what is scanned, `folder` that of the folder to which paths
    are relative; "" is the prefix of a mount point that contains all that is scanned.
    """
    prefixes: dict[str, str] = {}
    for point in sorted(stored):
        if Path(scanned).is_relative_to(point):
            prefix = ""
        elif Path(point).is_relative_to(scanned):
            prefix = f"{Path(point).relative_to(folder).as_posix()}/"
        else:
            continue
        if not is_mounted(point):
            prefixes[prefix] = point
    return prefixes


def _device(path: str) -> int | None:
    try:
        return os.lstat(path).st_dev
    except OSError:
        return None
