"""What ragkit keeps outside of collections: the entries of its cache folder, which can be made
again, and the user's own files, which are never deleted here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit import user_dirs
from ragkit.errors import CollectionError, UsageError

# What is known of an entry of the cache folder, by its name or the beginning of its name.
_PURPOSES = (
    ("eval", "collections of ragkit eval"),
    ("digests", "digests of model files"),
    ("questions", "questions of a language model for ragkit eval"),
    ("vectors", "vectors that collections share"),
    ("tune", "unfinished work of ragkit tune"),
    ("tokenizers", "compiled vocabularies"),
)
_DATA_PURPOSES = {
    "default": "the default collection",
    "models": "encoders of ragkit tune --train",
}


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A file or folder that ragkit keeps outside of collections."""

    name: str
    path: str
    purpose: str
    bytes: int
    is_cache: bool  # it can be deleted: ragkit makes it again


def list_entries() -> list[StoredEntry]:
    """Return the entries of the cache folder, by name, then the user's data and settings.

    Reads no file. An entry that cannot be read counts as empty.
    """
    entries = [
        StoredEntry(path.name, str(path), _purpose(path.name), _size(path), is_cache=True)
        for path in _children(user_dirs.cache())
    ]
    kept = [
        (path, _DATA_PURPOSES.get(path.name, "your data")) for path in _children(user_dirs.data())
    ]
    kept += [(path, "your settings") for path in _children(user_dirs.config())]
    entries += [
        StoredEntry(path.name, str(path), purpose, _size(path), is_cache=False)
        for path, purpose in kept
        if user_dirs.cache() not in (path, *path.parents)
    ]
    return entries


def clear(names: Sequence[str] = ()) -> list[StoredEntry]:
    """Delete entries of the cache folder; return them. Default: all.

    Links are removed, never followed. Raises UsageError, and deletes nothing, for a name that is no
    entry of the cache; CollectionError if an entry cannot be deleted.
    """
    entries = {entry.name: entry for entry in list_entries() if entry.is_cache}
    for name in names:
        if name not in entries:
            known = ", ".join(entries) or "nothing"
            raise UsageError(f"{name!r} is not in the cache, which contains: {known}")
    chosen = [entries[name] for name in names] if names else list(entries.values())
    for entry in chosen:
        path = Path(entry.path)
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            raise CollectionError(f"cannot delete {path}: {error.strerror}") from error
    return chosen


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _purpose(name: str) -> str:
    return next((text for prefix, text in _PURPOSES if name.startswith(prefix)), "other")


def _size(path: Path) -> int:
    """The bytes of a file, or of all files below a folder; links count as empty."""
    if path.is_symlink():
        return 0
    if path.is_file():
        return path.stat().st_size
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += Path(folder, name).lstat().st_size
            except OSError:  # deleted meanwhile
                continue
    return total
