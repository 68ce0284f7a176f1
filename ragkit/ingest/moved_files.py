"""Recognise moved files and moved roots: new files that are missing ones under another path.

A file is recognised by inode, size and time stamp, or by its content if a missing file had the same
size. A moved file is not embedded again, and one with the same stamp is not even read. Does not
know text or vectors.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ragkit.ingest.change_times import wait_for_next_tick
from ragkit.ingest.mailboxes import hash_file
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.plan import READ_STATUSES, FileTask, Plan
from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.files import FileRow, Root


class MissingFile(NamedTuple):
    """A stored file that was not found at its path, or was not looked for."""

    row: FileRow
    plan: Plan | None  # None: its root is not scanned in this run
    location: Path | None  # then this path must be checked first

    def is_proved_by_content(self, plan: Plan) -> bool:
        """Whether equal content suffices to say that this file moved to a new path of `plan`.

        It does not if a disk may not be mounted: the new file may be a copy.
        """
        return self.plan is plan or (
            self.plan is not None and not self.plan.may_be_unmounted(self.row)
        )


def find_moved_roots(
    connection: sqlite3.Connection, plan: Plan, missing_roots: Sequence[Root]
) -> list[Root]:
    """Return the missing roots with more than half of their files among the new files of `plan`."""
    return [
        root
        for root in missing_roots
        if _has_more_than_half(
            [row for row in files.files(connection, root.id) if row.has_text], plan.new
        )
    ]


def _has_more_than_half(rows: Sequence[FileRow], new: Sequence[FileTask]) -> bool:
    enough = len(rows) // 2 + 1
    stamps = {(task.file.size, task.file.mtime_ns, task.file.inode) for task in new}
    if sum((row.size, row.mtime_ns, row.inode) in stamps for row in rows) >= enough:
        return True
    by_size: dict[int, list[FileRow]] = defaultdict(list)
    for row in rows:
        by_size[row.size].append(row)
    candidates = [task for task in new if task.file.size in by_size]
    matched = 0
    for position, task in enumerate(candidates):  # reads them, which an index run would do anyway
        if matched >= enough or matched + len(candidates) - position < enough:
            break
        digest = _digest(task)
        matching = [
            row
            for row in by_size[task.file.size]
            if row.hash == digest and _has_same_format(row, task)
        ]
        if matching:
            by_size[task.file.size].remove(matching[0])
            matched += 1
    return matched >= enough


def match_moved_files(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    plans: Sequence[Plan],
    read_settings: ReadSettings,
) -> None:
    """Recognise new files of the plans that are missing files under another path, and record them
    as moved in the plans. Files may move within a plan, between plans and between roots."""
    sizes = {task.file.size for plan in plans for task in plan.new}
    missing_by_size: dict[int, list[MissingFile]] = defaultdict(list)
    for candidate in (
        *_missing_in_plans(plans),
        *(_files_of_other_roots(connection, roots, plans) if sizes else ()),
    ):
        row = candidate.row
        if row.size in sizes and row.status in READ_STATUSES and read_settings.match(row.recipe):
            missing_by_size[row.size].append(candidate)
    matched_ids: set[int] = set()
    for plan in plans:
        new, plan.new = plan.new, []
        for task in new:
            candidates = [
                candidate
                for candidate in missing_by_size[task.file.size]
                if candidate.row.id not in matched_ids
            ]
            matching = _find_old_row(task, plan, candidates)
            if matching is None:
                plan.new.append(task)
            else:
                matched_ids.add(matching.id)
                plan.moved.append((matching, task))
    for plan in plans:
        plan.missing = [row for row in plan.missing if row.id not in matched_ids]
        plan.removed = [row for row in plan.removed if row.id not in matched_ids]
    note_possible_moves(plans)


def note_possible_moves(plans: Sequence[Plan]) -> None:
    """Note in the plans which missing files may be files that cannot be read now: those of the same
    size and format. Their text would be lost if they counted as deleted. The plans may be those of
    several shards."""
    missing: dict[tuple[int, str], list[tuple[Plan, FileRow]]] = defaultdict(list)
    for plan in plans:
        for row in plan.missing:
            if row.has_text:
                missing[row.size, _format_key(row.path)].append((plan, row))
    if not missing:
        return
    for plan in plans:
        # A file that could not be read in an earlier run is not new.
        unread = [task for task in plan.to_read if task.stored and not task.stored.has_text]
        for task in (*plan.new, *unread):
            same = missing.get((task.file.size, _format_key(task.file.path)), ())
            if same and _digest(task) is None:
                for of_plan, row in same:
                    of_plan.possible_moves[row.id] = task.file.path


def _missing_in_plans(plans: Sequence[Plan]) -> Iterator[MissingFile]:
    for plan in plans:
        for row in (*plan.missing, *plan.removed):
            yield MissingFile(row, plan, None)


def _files_of_other_roots(
    connection: sqlite3.Connection, roots: Sequence[Root], plans: Sequence[Plan]
) -> Iterator[MissingFile]:
    """Yield the files of roots, or parts of roots, that no plan scans."""
    scanned = {plan.target.path for plan in plans if not plan.target.under}
    absorbed_ids = {
        root.id
        for plan in plans
        for root in (*plan.target.absorbed_roots, *plan.target.moved_roots)
    }
    for root in roots:
        if root.path not in scanned and root.id not in absorbed_ids:
            for row in files.files(connection, root.id):
                yield MissingFile(row, None, Path(root.folder, row.path))


def _find_old_row(task: FileTask, plan: Plan, missing: Sequence[MissingFile]) -> FileRow | None:
    """Return the row of the missing file that `task` is, if any."""
    file = task.file
    digest: bytes | None = None
    candidates = [candidate for candidate in missing if _has_same_format(candidate.row, task)]
    candidates.sort(
        key=lambda candidate: (candidate.plan is not plan, candidate.row.inode != file.inode)
    )
    for candidate in candidates:
        row = candidate.row
        # Renaming a file itself, not a folder around it, changes its time of change on most
        # systems; then its content decides.
        has_same_stamp = row.is_unchanged(file.size, file.mtime_ns, file.inode, file.ctime_ns)
        if not has_same_stamp:
            # A file changed just before it was read has no reliable stamp: inode, content decide.
            has_same_inode = row.inode == file.inode and (
                row.mtime_ns in (None, file.mtime_ns) or row.ctime_ns == files.MAY_REPEAT
            )
            if not (has_same_inode or candidate.is_proved_by_content(plan)):
                continue
            digest = digest or _digest(task)
            if digest is None or row.hash != digest:
                continue
        if candidate.location is None or _is_gone(candidate.location):
            return row
    return None


def _is_gone(path: Path) -> bool:
    """Whether there is nothing at a path; False where the system does not say."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _digest(task: FileTask) -> bytes | None:
    """Return the hash of a file that has the size that was listed; None if it cannot be read."""
    wait_for_next_tick(task.file.ctime_ns)
    try:
        # A byte more, so that a file that has grown since is another one.
        return hash_file(task.folder, task.file.path, task.file.size + 1)
    except OSError:
        return None


def _has_same_format(row: FileRow, task: FileTask) -> bool:
    """Whether both names have the same format: only then equal bytes give equal text."""
    return _format_key(row.path) == _format_key(task.file.path)


def _format_key(path: str) -> str:
    return Path(path).suffix.lower() or Path(path).name
