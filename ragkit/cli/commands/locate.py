"""Which collection is meant: -c, else RAGKIT_COLLECTION or a settings file, else the nearest
`.ragkit/` in this folder or one above it, else the user's default collection."""

from __future__ import annotations

import os
from pathlib import Path

from ragkit import user_dirs
from ragkit.storage.sqlite.database import FILE_NAME

LOCAL = ".ragkit"


def locate(named: str | None) -> Path:
    """The collection's folder, whether or not it is there yet."""
    if named is not None:
        folder = Path(named).expanduser()
        inside = folder / LOCAL
        if not _holds_one(folder) and _holds_one(inside):
            return inside
        return folder
    here = Path.cwd()
    for parent in (here, *here.parents):
        if _holds_one(parent / LOCAL):
            return parent / LOCAL
    return default_folder()


def _holds_one(folder: Path) -> bool:
    # pathlib's raises where a folder is closed to us
    return os.path.exists(folder / FILE_NAME)  # noqa: PTH110


def default_folder() -> Path:
    """The user's default collection, in the platform's data folder."""
    return user_dirs.data() / "default"
