"""Paths that a user names → what the ledger knows there.

A path may be absolute, relative to the working folder or to a root, a folder, or lead into an
archive or a mailbox. Reads no document and no rules.
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
    """A path as a root has it: relative to the root's folder, "" for the root itself."""

    root: Root
    path: str

    @property
    def absolute(self) -> Path:
        """Where it lies."""
        return Path(self.root.folder, self.path)


def listed(
    connection: sqlite3.Connection, paths: Sequence[str | Path], wanted: Sequence[str]
) -> list[FileStatus]:
    """The rows of these files and folders, of all where none is named; each file is looked at.

    A path into an archive or a mailbox names the file that holds it. Raises UsageError for a path
    of which the ledger knows nothing.
    """
    if not paths:
        return file_status.coverage_report(connection, statuses=wanted, verify=True)
    found: dict[tuple[str, str], FileStatus] = {}
    for path in paths:
        rows = _rows(connection, str(path))
        if not rows:
            raise UsageError(
                f"nothing is known of {path}; why: ragkit ls --why {shlex.quote(str(path))}"
            )
        found |= {(row.root, row.path): row for row in rows}
    return [found[key] for key in sorted(found) if not wanted or found[key].status in wanted]


def _rows(connection: sqlite3.Connection, path: str) -> list[FileStatus]:
    rows: list[FileStatus] = []
    for place in places(connection, path):
        rows += at(connection, place)
        if not rows and (
            above := file_status.enclosing_file(connection, place.root.id, place.path)
        ):
            rows = [above]
    return rows


def at(connection: sqlite3.Connection, place: RootPath) -> list[FileStatus]:
    """The rows at or below a place; each file is looked at."""
    return file_status.coverage_report(
        connection, root_ids=[place.root.id], under=place.path, verify=True
    )


def places(connection: sqlite3.Connection, path: str) -> list[RootPath]:
    """Where the roots have a path, the innermost first; all roots inside it where it is a folder
    around them. Where it is in none, the roots that know it by a relative path."""
    roots = sorted(files.roots(connection), key=lambda root: -len(root.path))
    absolute = absolute_path(path)
    inside = [
        RootPath(root, "" if relative == "." else relative)
        for root in roots
        if absolute.is_relative_to(root.path)
        for relative in [absolute.relative_to(root.folder).as_posix()]
    ]
    inside += [RootPath(root, "") for root in roots if absolute in Path(root.path).parents]
    relative = os.path.normpath(path)
    if os.path.lexists(absolute) or Path(relative).is_absolute() or relative.startswith(".."):
        return inside
    named = [RootPath(root, relative) for root in roots]
    known = [place for place in named if _is_known(connection, place)]
    return known if known and not any(_is_known(connection, each) for each in inside) else inside


def _is_known(connection: sqlite3.Connection, place: RootPath) -> bool:
    rows = files.files(connection, place.root.id, place.path)
    return next(rows, None) is not None or (
        file_status.enclosing_file(connection, place.root.id, place.path) is not None
    )


def absolute_path(path: str) -> Path:
    """The path from the top, its links followed but for the last part: a link is a file too."""
    whole = Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 (no errors)
    try:
        return Path(os.path.realpath(whole.parent)) / whole.name
    except ValueError as error:  # a NUL in it
        raise UsageError(f"{path!r} is no path") from error
