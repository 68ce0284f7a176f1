"""Find the collection's folder: -c, else RAGKIT_COLLECTION or a settings file, else the nearest
`.ragkit/` in this folder or one above it, else the user's default collection."""

from __future__ import annotations

import os
from pathlib import Path

from ragkit import trust, user_dirs
from ragkit.errors import CollectionError
from ragkit.storage.sqlite.database import FILE_NAME

LOCAL_FOLDER = ".ragkit"


def locate_collection(named: str | None) -> Path:
    """Return the collection's folder, which need not exist. `named`: the folder that the user
    named, if any. Raises CollectionError for one found above that belongs to another user."""
    if named is not None:
        folder = Path(named).expanduser()
        inside = folder / LOCAL_FOLDER
        if not _contains_collection(folder) and _contains_collection(inside):
            return inside
        return folder
    working_folder = Path.cwd()
    for parent in (working_folder, *working_folder.parents):
        if _contains_collection(parent / LOCAL_FOLDER):
            _refuse_foreign(parent / LOCAL_FOLDER)
            return parent / LOCAL_FOLDER
    return default_folder()


def _refuse_foreign(folder: Path) -> None:
    """Raise CollectionError for a collection that was found, not named, and belongs to another
    user: anyone can put one into a folder such as /tmp."""
    owner = trust.foreign_owner(folder)
    if owner is not None and not trust.is_trusted_by_environment():
        import shlex  # not for a query

        raise CollectionError(
            f"{folder} belongs to another user (id {owner}), so it has to be named: "
            f"ragkit -c {shlex.quote(str(folder))} …"
        )


def _contains_collection(folder: Path) -> bool:
    # Path.exists raises for a folder without permission
    return os.path.exists(folder / FILE_NAME)  # noqa: PTH110


def default_folder() -> Path:
    """Return the folder of the user's default collection, in the platform's data folder."""
    return user_dirs.data() / "default"
