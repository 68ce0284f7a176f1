"""Which collections and project files this user trusts, kept in `trusted.json` in the data folder.

A collection that this user makes on this machine is recorded with its random id and its path. One
that lies in a version-controlled folder and is not recorded came with a checkout, so somebody else
wrote it: it is read-only until `ragkit trust`. One that lies elsewhere is adopted, which means
recorded at first use: it may be written, but names no server and no download. A project file in a
version-controlled folder may set only what is harmless until `ragkit trust`. `RAGKIT_TRUST=1`
trusts everything, for containers and continuous integration. Reads no database.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ragkit import user_dirs
from ragkit.errors import CollectionError, UsageError

FILE_NAME = "trusted.json"
PROJECT_FILE = "ragkit.toml"
VARIABLE = "RAGKIT_TRUST"
_MARKERS = (".git", ".hg", ".svn", ".jj")  # a folder, or in worktrees and submodules a file
_MAX_ENTRIES = 500  # above it, entries of folders that are gone are dropped
_LOCK_SECONDS = 5.0
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


class TrustLevel(Enum):
    """What a collection may decide on this machine."""

    OWN = "own"
    """Everything: this user made it here, or has trusted it."""
    ADOPTED = "adopted"
    """It may be read and written, but names no server and no model to download."""
    UNTRUSTED = "untrusted"
    """It is only read: no file of it is written, no index file of it is opened, no folder that it
    names is looked at, and no model is loaded that this user does not have."""


class Entry(NamedTuple):
    """A collection in the list: the absolute path of its folder, its random id, how it came in.

    `id` is "" while the collection is being created. `how` is "created", "trusted" or "adopted".
    """

    path: str
    id: str
    how: str
    since: str = ""


def list_path() -> Path:
    """Return the path of the list, which need not exist."""
    return user_dirs.data() / FILE_NAME


def canonical(folder: Path) -> str:
    """Return the absolute path of a folder, with the links above it resolved, but not itself."""
    absolute = os.path.abspath(folder)  # noqa: PTH100 (Path.absolute keeps "..")
    parent, name = os.path.split(absolute)
    return os.path.join(os.path.realpath(parent), name)  # noqa: PTH118


def is_version_controlled(folder: str) -> bool:
    """Whether a folder, or one above it, is the top of a checkout of git, Mercurial, Subversion or
    Jujutsu. If the folder is a link, the folders above the link and above its target count."""
    checked: set[str] = set()
    for start in (folder, os.path.realpath(folder)):
        current = start
        while current not in checked:
            checked.add(current)
            if any(os.path.lexists(f"{current}/{marker}") for marker in _MARKERS):
                return True
            current = os.path.dirname(current)  # noqa: PTH120
    return False


def is_in_user_folder(folder: str) -> bool:
    """Whether a folder lies in the user's data or cache folder. Who can write there can also write
    the list."""
    own = (os.path.realpath(own) for own in (user_dirs.data(), user_dirs.cache()))
    return any(folder.startswith(f"{path}{os.sep}") for path in own)


def foreign_owner(path: Path) -> int | None:
    """Return the user id of the owner of a file or folder, if that is neither this user nor root
    nor, under sudo, the user who called sudo; None otherwise."""
    if not hasattr(os, "geteuid"):
        return None
    own = {0, os.geteuid()}
    if os.geteuid() == 0 and (caller := os.environ.get("SUDO_UID", "")).isdecimal():
        own.add(int(caller))
    try:
        owner = path.stat().st_uid
    except OSError:
        return None
    return None if owner in own else owner


def is_trusted_by_environment() -> bool:
    """Whether `RAGKIT_TRUST` is set to 1. Raises UsageError for a value that is no yes or no."""
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in (*_YES, *_NO):
        raise UsageError(f"{VARIABLE} is {value!r}; expected 1 or 0")
    return value in _YES


def find(folder: str) -> Entry | None:
    """Return the entry of the collection at this canonical path; None if it is not in the list."""
    return next((entry for entry in entries() if entry.path == folder), None)


def entries() -> list[Entry]:
    """Return all collections in the list. A list that is missing or unreadable has none."""
    return _entries(_read())


def _entries(content: dict[str, object]) -> list[Entry]:
    stored = content.get("collections")
    rows = stored if isinstance(stored, list) else []
    names = ("path", "id", "how", "since")
    return [
        Entry(**{name: row.get(name, "") for name in names})
        for row in rows
        if isinstance(row, dict) and all(isinstance(row.get(name, ""), str) for name in names)
    ]


def project_folders() -> list[str]:
    """Return the folders whose project files are trusted."""
    return _project_folders(_read())


def _project_folders(content: dict[str, object]) -> list[str]:
    folders = content.get("projects")
    return [path for path in folders if isinstance(path, str)] if isinstance(folders, list) else []


def is_trusted_project(folder: Path) -> bool:
    """Whether the project file in this folder may set everything that a project file can set."""
    path = canonical(folder)
    if is_trusted_by_environment() or is_in_user_folder(path):
        return True
    is_own = not is_version_controlled(path) and foreign_owner(folder / PROJECT_FILE) is None
    return is_own or path in project_folders()


def record(path: str, collection_id: str, how: str) -> None:
    """Write the collection at this canonical path into the list, in place of an earlier entry.

    Raises CollectionError if the list cannot be written.
    """
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    entry = Entry(path, collection_id, how, since)
    _change(
        lambda entries, projects: ([*(other for other in entries if other.path != path), entry],
                                 projects)
    )  # fmt: skip


def record_project(folder: str) -> None:
    """Write the folder of a project file, a canonical path, into the list. Raises as `record`."""
    _change(lambda entries, projects: (entries, sorted({*projects, folder})))


def forget(path: str) -> bool:
    """Remove the collection and the project file at this canonical path from the list.

    Returns whether there was one. Raises as `record`.
    """
    known = find(path) is not None or path in project_folders()
    if known:
        _change(
            lambda entries, projects: ([entry for entry in entries if entry.path != path],
                                     [project for project in projects if project != path])
        )  # fmt: skip
    return known


Change = Callable[[list[Entry], list[str]], tuple[list[Entry], list[str]]]


def _change(change: Change) -> None:
    from filelock import FileLock, Timeout

    path = list_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=_LOCK_SECONDS, mode=0o600):
            content = _read()
            entries, projects = change(_entries(content), _project_folders(content))
            if len(entries) > _MAX_ENTRIES:
                entries = [entry for entry in entries if os.path.lexists(entry.path)]
            rows = [entry._asdict() for entry in entries]
            _write(path, {"version": 1, "collections": rows, "projects": projects})
    except (OSError, Timeout) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CollectionError(
            f"cannot write the list of trusted collections, {path}: {reason}. Name a folder that "
            f"can be written in RAGKIT_DATA_DIR, or set {VARIABLE}=1 where everything is trusted"
        ) from error


def _read() -> dict[str, object]:
    try:
        content = json.loads(list_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # left by a process of the same number that died
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
