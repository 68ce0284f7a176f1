"""What a run of `index` has to do with one target: compares it with the ledger, changes nothing.

An unchanged file costs one `stat`. Which new files are vanished ones under another name is decided
afterwards, over all targets of a run (`moves`). Knows no text and no vectors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.ingest.read_settings import Recipe
from ragkit.ingest.scan import Found, Passed, scan
from ragkit.ingest.scan_targets import Target, inner_prefix
from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.files import FileRow, Root

READ = ("indexed", "empty")  # statuses of files whose text is in the collection
_MANY = 20  # vanished files; fewer are believed whatever their share


@dataclass(frozen=True, slots=True)
class Task:
    """A file that has to be read, or that was moved."""

    folder: str
    found: Found
    known: FileRow | None  # its row, where it was there before

    @property
    def absolute(self) -> Path:
        """Where the file lies."""
        return Path(self.folder) / self.found.path


@dataclass(slots=True)
class Plan:
    """All that one run has to do with one target."""

    target: Target
    read: list[Task] = field(default_factory=list)
    moved: list[tuple[FileRow, Task]] = field(default_factory=list)  # (its old row, where it is)
    gone: list[FileRow] = field(default_factory=list)
    passed: list[tuple[Passed, FileRow | None]] = field(default_factory=list)  # newly, with its row
    still: list[FileRow] = field(default_factory=list)  # not read before, nor now
    unchanged: int = 0
    carried: list[tuple[FileRow, str]] = field(default_factory=list)  # of moved roots: (row, path)
    along: int = 0  # of those, how many are as they were
    warnings: list[str] = field(default_factory=list)
    # Until `decide`: what was not known, what is not there, and whether to believe that.
    new: list[Task] = field(default_factory=list)
    lost: list[FileRow] = field(default_factory=list)
    known: int = 0
    emptied: bool = False

    def decide(self, *, prune: bool) -> None:
        """Settle what `moves` has left: new files are read, lost ones gone, if that is likely.

        `prune` believes it, however many they are.
        """
        self.read += self.new
        self.gone += self.lost if prune else self._believed()
        self.new, self.lost = [], []

    def _believed(self) -> list[FileRow]:
        """The lost files, unless so much is lost that a disk may not be mounted."""
        read = sum(row.has_text for row in self.lost)
        emptied = self.emptied and read > 1
        if not emptied and (read < _MANY or read * 2 <= self.known):
            return self.lost
        where = self.target.place
        self.warnings.append(
            f"{read} of {self.known} files in {where} have vanished; their passages are kept, in "
            "case a disk is not mounted. If they are really gone: "
            f"ragkit index --prune {where}"
        )
        return []


def compare(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    target: Target,
    *,
    recipe: Recipe,
    max_bytes: int,
    skip: Path,
) -> Plan:
    """Compare one target with the ledger.

    `roots` are all known ones. `recipe` says how files are read and cut now: those read by another
    one are read again. `skip` is the collection's own folder.
    """
    plan = Plan(target)
    known, certain = _known(connection, roots, target)
    apart = _apart(roots, target)
    seen: set[str] = set()
    closed: list[str] = []
    for entry in scan(
        Path(target.path),
        include=target.include,
        exclude=target.exclude,
        max_bytes=max_bytes,
        under=target.under,
    ):
        if (Path(target.folder) / entry.path).is_relative_to(skip) or entry.path.startswith(apart):
            continue
        seen.add(entry.path)
        row = known.get(entry.path)
        if isinstance(entry, Found):
            _found(plan, entry, row, recipe)
            continue
        if entry.unreadable and entry.path.endswith("/"):
            closed.append("" if entry.path == "./" else entry.path)
        if not (entry.unreadable and row is not None and row.has_text):
            _passed(plan, entry, row)
    folders = tuple(path for path in seen if path.endswith("/"))
    plan.target, known = _reached(target, known, folders)
    plan.known, plan.emptied = len(known), not seen
    moved = {root.id for root in plan.target.moved}
    plan.gone = certain
    for path, row in known.items():
        if path in seen:
            if row.root_id in moved:
                plan.carried.append((row, path))
            continue
        if path.startswith(tuple(closed)):  # in a folder that could not be listed: not vanished
            continue
        # Nor have those in a folder that is passed over now: they are left out, as the rules say.
        sure = path.startswith(folders) or row.root_id in moved
        (plan.gone if sure else plan.lost).append(row)
    return plan


def _found(plan: Plan, found: Found, row: FileRow | None, recipe: Recipe) -> None:
    task = Task(plan.target.folder, found, row)
    if row is None:
        plan.new.append(task)
    elif not (row.is_unchanged(found.size, found.mtime_ns, found.inode) and recipe.fits(row.recipe)):
        plan.read.append(task)
    elif row.status in READ:
        along = any(row.root_id == root.id for root in plan.target.moved)
        plan.along += along
        plan.unchanged += not along
    else:
        plan.still.append(row)


def _passed(plan: Plan, passed: Passed, row: FileRow | None) -> None:
    as_now = ("skipped", passed.reason, passed.kind)
    if row is not None and (row.status, row.reason, row.kind) == as_now:
        plan.still.append(row)
    else:
        plan.passed.append((passed, row))


def _known(
    connection: sqlite3.Connection, roots: Sequence[Root], target: Target
) -> tuple[dict[str, FileRow], list[FileRow]]:
    """The ledger's rows by their path below the target's folder, those of absorbed and moved roots
    too; and rows of files that cannot be there any more."""
    rows: dict[str, FileRow] = {}
    certain: list[FileRow] = []
    for root in roots:
        if root.path != target.path:
            continue
        if target.turned:
            certain += files.files(connection, root.id)
        else:
            found = files.files(connection, root.id, target.under, above=True)
            rows = {row.path: row for row in found}
    for root in target.absorbs:
        prefix = inner_prefix(root, target.folder)
        rows |= {prefix + row.path: row for row in files.files(connection, root.id)}
    for root in target.moved:
        prefix = f"{target.under}/" if target.under else ""
        for row in files.files(connection, root.id):
            if rows.setdefault(prefix + row.path, row) is not row:
                certain.append(row)
    return rows, certain


def _apart(roots: Sequence[Root], target: Target) -> tuple[str, ...]:
    """Folders inside the target that are roots with globs of their own, and stay so."""
    return tuple(
        inner_prefix(root, target.folder)
        for root in roots
        if (root.include or root.exclude)
        and root.path != target.path
        and root.path == root.folder
        and Path(root.path).is_relative_to(target.folder)
    )


def _reached(
    target: Target, known: dict[str, FileRow], passed: tuple[str, ...]
) -> tuple[Target, dict[str, FileRow]]:
    """The target without the roots inside it that its own rules pass over: they stay roots."""
    hidden = [
        root for root in target.absorbs if inner_prefix(root, target.folder).startswith(passed)
    ]
    if not hidden:
        return target, known
    ids = {root.id for root in hidden}
    left = tuple(root for root in target.absorbs if root not in hidden)
    rows = {path: row for path, row in known.items() if row.root_id not in ids}
    return replace(target, absorbs=left), rows
