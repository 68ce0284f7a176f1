"""Resolve the paths that a user names to stored files.

A path may be absolute, relative to the working folder or to a root, a folder, or lead into an
archive or a mailbox. Reads no documents and no ignore rules.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.records.reports import FileStatus
from ragkit.storage.sqlite import file_status, files
from ragkit.storage.sqlite.files import Root


@dataclass(frozen=True, slots=True)
class RootPath:
    """A path in a root, relative to the root's folder; "" for the root itself."""

    root: Root
    path: str

    @property
    def absolute(self) -> Path:
        """The absolute path."""
        return Path(self.root.folder, self.path)


def list_files(
    connection: sqlite3.Connection, paths: Sequence[str | Path], statuses: Sequence[str]
) -> list[FileStatus]:
    """Return the stored rows of these files and folders, or of all files; each is compared with
    the disk.

    A path into an archive or a mailbox names the archive. `statuses` restricts the result. Raises
    UsageError for a path without a stored row.
    """
    if not paths:
        return file_status.coverage_report(connection, statuses=statuses, verify=True)
    rows_by_path: dict[tuple[str, str], FileStatus] = {}
    for path in paths:
        rows = _rows_of_path(connection, str(path))
        if not rows:
            raise UsageError(
                f"{path} is not in this collection; why: ragkit ls --why {shlex.quote(str(path))}"
            )
        rows_by_path |= {(row.root, row.path): row for row in rows}
    return [
        rows_by_path[key]
        for key in sorted(rows_by_path)
        if not statuses or rows_by_path[key].status in statuses
    ]


def _rows_of_path(connection: sqlite3.Connection, path: str) -> list[FileStatus]:
    rows: list[FileStatus] = []
    for root_path in resolve_path(connection, path):
        rows += rows_at(connection, root_path)
        if not rows and (
            above := file_status.enclosing_file(connection, root_path.root.id, root_path.path)
        ):
            rows = [above]
    return rows


def rows_at(connection: sqlite3.Connection, root_path: RootPath) -> list[FileStatus]:
    """Return the stored rows at or below a path; each file is compared with the disk."""
    return file_status.coverage_report(
        connection, root_ids=[root_path.root.id], under=root_path.path, verify=True
    )


def resolve_path(connection: sqlite3.Connection, path: str) -> list[RootPath]:
    """Return the roots that contain a path, the innermost first, and the roots inside it.

    If no root contains it: the roots with stored rows for it as a relative path.
    """
    roots = sorted(files.roots(connection), key=lambda root: -len(root.path))
    absolute = absolute_path(path)
    in_roots = [
        RootPath(root, "" if relative == "." else relative)
        for root in roots
        if absolute.is_relative_to(root.path)
        for relative in [absolute.relative_to(root.folder).as_posix()]
    ]
    in_roots += [RootPath(root, "") for root in roots if absolute in Path(root.path).parents]
    relative = os.path.normpath(path)
    if os.path.lexists(absolute) or Path(relative).is_absolute() or relative.startswith(".."):
        return in_roots
    relative_paths = [RootPath(root, relative) for root in roots]
    stored_paths = [root_path for root_path in relative_paths if _is_known(connection, root_path)]
    return (
        stored_paths
        if stored_paths and not any(_is_known(connection, root_path) for root_path in in_roots)
        else in_roots
    )


def _is_known(connection: sqlite3.Connection, root_path: RootPath) -> bool:
    rows = files.files(connection, root_path.root.id, root_path.path)
    return next(rows, None) is not None or (
        file_status.enclosing_file(connection, root_path.root.id, root_path.path) is not None
    )


def absolute_path(path: str) -> Path:
    """Return the absolute path, with the links of all but its last part resolved.

    Raises UsageError for a path with a NUL character.
    """
    full_path = Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 (no errors)
    try:
        return Path(os.path.realpath(full_path.parent)) / full_path.name
    except ValueError as error:  # a NUL in it
        raise UsageError(f"{path!r} is not a path") from error
