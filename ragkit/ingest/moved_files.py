"""Which new files are vanished ones under another name, and which new folders are vanished roots.

A file is known by inode, size and time stamp, or by its content where a vanished file had the same
size. What is recognised is not embedded again, and what is known by its stamp not even read. Knows
no text and no vectors.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ragkit.ingest.options import ReadSettings
from ragkit.ingest.plan import READ, Plan, FileTask
from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.files import FileRow, Root, content_hash


class MissingFile(NamedTuple):
    """A file that is not where the ledger says, as far as its plan could see."""

    row: FileRow
    plan: Plan | None  # None: of a root that is not scanned now,
    place: Path | None  # so it has to be looked for here first

    def is_vouched_for(self, plan: Plan) -> bool:
        """Whether equal content alone says that this file has become a new one of `plan`.

        An emptied folder may be a disk that is not mounted, and the new file a copy of what is
        on it.
        """
        return self.plan is plan or (self.plan is not None and not self.plan.emptied)


def moved_roots(connection: sqlite3.Connection, plan: Plan, vanished: Sequence[Root]) -> list[Root]:
    """Those of the vanished roots of which more than half is among the new files of this plan."""
    return [
        root
        for root in vanished
        if _more_than_half(
            [row for row in files.files(connection, root.id) if row.has_text], plan.new
        )
    ]


def _more_than_half(rows: Sequence[FileRow], new: Sequence[FileTask]) -> bool:
    enough = len(rows) // 2 + 1
    stamps = {(task.found.size, task.found.mtime_ns, task.found.inode) for task in new}
    if sum((row.size, row.mtime_ns, row.inode) in stamps for row in rows) >= enough:
        return True
    by_size: dict[int, list[FileRow]] = defaultdict(list)
    for row in rows:
        by_size[row.size].append(row)
    alike = [task for task in new if task.found.size in by_size]
    matched = 0
    for missed, task in enumerate(alike):  # all of them would have to be read anyway
        if matched >= enough or matched + len(alike) - missed < enough:
            break
        digest = _digest(task)
        same = [row for row in by_size[task.found.size] if row.hash == digest and _like(row, task)]
        if same:
            by_size[task.found.size].remove(same[0])
            matched += 1
    return matched >= enough


def match(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    plans: Sequence[Plan],
    read_settings: ReadSettings,
) -> None:
    """Turn new files of the plans into moved ones: within a plan, between plans, from elsewhere."""
    sizes = {task.found.size for plan in plans for task in plan.new}
    lost: dict[int, list[MissingFile]] = defaultdict(list)
    for each in (*_of_plans(plans), *(_elsewhere(connection, roots, plans) if sizes else ())):
        row = each.row
        if row.size in sizes and row.status in READ and read_settings.match(row.recipe):
            lost[row.size].append(each)
    taken: set[int] = set()
    for plan in plans:
        new, plan.new = plan.new, []
        for task in new:
            left = [each for each in lost[task.found.size] if each.row.id not in taken]
            same = _same(task, plan, left)
            if same is None:
                plan.new.append(task)
            else:
                taken.add(same.id)
                plan.moved.append((same, task))
    for plan in plans:
        plan.lost = [row for row in plan.lost if row.id not in taken]
        plan.gone = [row for row in plan.gone if row.id not in taken]


def _of_plans(plans: Sequence[Plan]) -> Iterator[MissingFile]:
    for plan in plans:
        for row in (*plan.lost, *plan.gone):
            yield MissingFile(row, plan, None)


def _elsewhere(
    connection: sqlite3.Connection, roots: Sequence[Root], plans: Sequence[Plan]
) -> Iterator[MissingFile]:
    """The files of roots, or parts of roots, that no plan looks at."""
    whole = {plan.target.path for plan in plans if not plan.target.under}
    inside = {root.id for plan in plans for root in (*plan.target.absorbs, *plan.target.moved)}
    for root in roots:
        if root.path not in whole and root.id not in inside:
            for row in files.files(connection, root.id):
                yield MissingFile(row, None, Path(root.folder, row.path))


def _same(task: FileTask, plan: Plan, lost: Sequence[MissingFile]) -> FileRow | None:
    """The one of these files that the new one is."""
    found = task.found
    digest: bytes | None = None
    candidates = [each for each in lost if _like(each.row, task)]
    candidates.sort(key=lambda each: (each.plan is not plan, each.row.inode != found.inode))
    for each in candidates:
        row = each.row
        stamped = (row.inode, row.mtime_ns) == (found.inode, found.mtime_ns)
        if not stamped:
            # A stamp that was too fresh to be kept leaves the inode, and the content.
            unproved = row.inode == found.inode and row.mtime_ns is None
            if not (unproved or each.is_vouched_for(plan)):
                continue
            digest = digest or _digest(task)
            if digest is None or row.hash != digest:
                continue
        if each.place is None or not os.path.lexists(each.place):
            return row
    return None


def _digest(task: FileTask) -> bytes | None:
    try:
        return content_hash(task.absolute.read_bytes())
    except OSError:
        return None


def _like(row: FileRow, task: FileTask) -> bool:
    """Whether the names say the same of the format: equal bytes are read alike only then."""
    return _kind(row.path) == _kind(task.found.path)


def _kind(path: str) -> str:
    return Path(path).suffix.lower() or Path(path).name
