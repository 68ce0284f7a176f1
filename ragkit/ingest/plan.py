"""What a run of `index` has to do: compares the folders with the ledger, changes nothing.

An unchanged file costs one `stat`. A file that was moved is recognised by its inode and stamp, or
by its content where a vanished file had the same size. Knows no text and no vectors.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.documents.folder import Found, Passed, scan
from ragkit.errors import UsageError
from ragkit.storage import ledger
from ragkit.storage.ledger import FileRow, Root, content_hash

READ = ("indexed", "empty")  # statuses of files whose text is in the collection
_MANY = 20  # vanished files; fewer are believed whatever their share


@dataclass(frozen=True, slots=True)
class Target:
    """A part of a root that is scanned: all of it, or what lies at or below `under`."""

    path: str  # absolute: the root's
    folder: str  # what relative paths are relative to
    under: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    absorbs: tuple[Root, ...] = ()  # roots inside this new one, which become part of it


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
    moved: list[tuple[FileRow, Task]] = field(
        default_factory=list
    )  # (its old row, where it is now)
    gone: list[FileRow] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)  # not read, newly or for a new reason
    unchanged: int = 0
    warnings: list[str] = field(default_factory=list)


def targets(
    roots: Sequence[Root],
    paths: Sequence[str | Path],
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
) -> tuple[list[Target], list[str]]:
    """What to scan for these paths, and warnings; all known roots where no path is named.

    Raises UsageError for a path that is not there, and where there is nothing to do at all.
    """
    if not paths:
        if not roots:
            raise UsageError("nothing to index yet: name a folder, as in: ragkit index FOLDER")
        there = [root for root in roots if Path(root.path).exists()]
        warnings = [
            f"{root.path} is not there; its documents are kept. Take them out with: "
            f"ragkit remove {root.path}"
            for root in roots
            if root not in there
        ]
        return [_target(root, "", include, exclude) for root in there], warnings
    found: dict[tuple[str, str], Target] = {}
    for path in paths:
        target = _named(Path(path), roots, include, exclude)
        found[target.path, target.under] = target
    return [each for each in found.values() if not _covered(each, found.values())], []


def _target(
    root: Root, under: str, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> Target:
    return Target(
        root.path,
        root.folder,
        under,
        root.include if include is None else tuple(include),
        root.exclude if exclude is None else tuple(exclude),
    )


def _named(
    path: Path, roots: Sequence[Root], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> Target:
    try:
        absolute = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise UsageError(f"no file or folder at {path}") from error
    for root in roots:
        if absolute == Path(root.path):
            return _target(root, "", include, exclude)
    for root in roots:
        if absolute.is_relative_to(root.path):  # a part of a known root stays a part of it
            if include is not None or exclude is not None:
                raise UsageError(
                    f"{path} is part of the root {root.path}, whose globs hold for all of it; "
                    f"change them with: ragkit index {root.path} --include … --exclude …"
                )
            under = absolute.relative_to(root.folder).as_posix()
            return _target(root, under, None, None)
    folder = absolute if absolute.is_dir() else absolute.parent
    absorbs = [
        root
        for root in roots
        if Path(root.path).is_relative_to(absolute) and not (root.include or root.exclude)
    ]
    return Target(
        str(absolute),
        str(folder),
        "",
        tuple(include or ()),
        tuple(exclude or ()),
        tuple(absorbs),
    )


def _covered(target: Target, others: Iterable[Target]) -> bool:
    """Whether another target of the same run scans all of this one."""
    return any(
        other is not target
        and Path(target.folder, target.under).is_relative_to(Path(other.folder, other.under))
        and Path(other.path).is_dir()
        for other in others
    )


def make(
    connection: sqlite3.Connection,
    target: Target,
    *,
    recipe: str,
    max_bytes: int,
    skip: Path,
    prune: bool,
) -> Plan:
    """Compare one target with the ledger.

    `recipe` says how files are read and cut now: those read by another one are read again.
    `skip` is the collection's own folder. `prune` believes that vanished files are gone, however
    many they are.
    """
    plan = Plan(target)
    known = _known(connection, target)
    apart = _apart(connection, target)
    seen: set[str] = set()
    new: list[Task] = []
    unreadable: list[str] = []
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
        if isinstance(entry, Passed):
            if entry.unreadable:
                unreadable.append(entry.path)
                if row is not None and row.has_text:
                    continue
            if row is None or (row.status, row.reason) != ("skipped", entry.reason):
                plan.passed.append(entry)
        elif row is None:
            new.append(Task(target.folder, entry, None))
        elif row.unchanged(entry.size, entry.mtime_ns, entry.inode, recipe):
            plan.unchanged += row.status in READ
        else:
            plan.read.append(Task(target.folder, entry, row))
    folders = tuple(path for path in seen if path.endswith("/"))
    plan.target, known = _reached(target, known, folders)
    # Files in a folder that could not be listed have not vanished.
    closed = tuple("" if path == "./" else path for path in unreadable if path.endswith("/"))
    gone = [row for path, row in known.items() if path not in seen and not path.startswith(closed)]
    prefixes = {row.id: path for path, row in known.items()}
    plan.moved, rest = _moves(new, gone, recipe)
    moved_ids = {row.id for row, _ in plan.moved}
    gone = [row for row in gone if row.id not in moved_ids]
    plan.read += rest
    # Nor have files in a folder that is passed over now: they are left out, as the rules say.
    left_out = [row for row in gone if (prefixes[row.id]).startswith(folders)]
    lost = [row for row in gone if not (prefixes[row.id]).startswith(folders)]
    plan.gone = left_out + (lost if prune else _believed(plan, lost, len(known), bool(seen)))
    return plan


def _known(connection: sqlite3.Connection, target: Target) -> dict[str, FileRow]:
    """The ledger's rows by their path below the target's folder, those of absorbed roots too."""
    rows: dict[str, FileRow] = {}
    for root in ledger.roots(connection):
        if root.path == target.path:
            prefix, under = "", target.under
        elif root in target.absorbs:
            prefix, under = inner_prefix(root, target.folder), ""
        else:
            continue
        for row in ledger.files(connection, root.id, under):
            rows[prefix + row.path] = row
    return rows


def _apart(connection: sqlite3.Connection, target: Target) -> tuple[str, ...]:
    """Folders inside the target that are roots with globs of their own, and stay so."""
    return tuple(
        inner_prefix(root, target.folder)
        for root in ledger.roots(connection)
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


def inner_prefix(root: Root, folder: str) -> str:
    """What turns a path of the inner root into one below `folder`: "", or "sub/folder/"."""
    relative = Path(root.folder).relative_to(folder).as_posix()
    return "" if relative == "." else f"{relative}/"


def _moves(
    new: list[Task], gone: list[FileRow], recipe: str
) -> tuple[list[tuple[FileRow, Task]], list[Task]]:
    """Which new files are vanished ones under another name, and the new files that are not."""
    by_size: dict[int, list[FileRow]] = defaultdict(list)
    for row in gone:
        if row.status in READ and row.recipe == recipe:
            by_size[row.size].append(row)
    moved: list[tuple[FileRow, Task]] = []
    rest: list[Task] = []
    for task in new:
        same = _same_file(task, by_size.get(task.found.size, []))
        if same is None or _kind(same.path) != _kind(task.found.path):
            rest.append(task)
        else:
            by_size[task.found.size].remove(same)
            moved.append((same, task))
    return moved, rest


def _kind(path: str) -> str:
    """What a name says of the format: equal bytes are read alike only under a like name."""
    return Path(path).suffix.lower() or Path(path).name


def _same_file(task: Task, candidates: list[FileRow]) -> FileRow | None:
    if not candidates:
        return None
    found = task.found
    for row in candidates:
        if (row.inode, row.mtime_ns) == (found.inode, found.mtime_ns):
            return row
    try:
        digest = content_hash(task.absolute.read_bytes())
    except OSError:
        return None
    return next((row for row in candidates if row.hash == digest), None)


def _believed(plan: Plan, gone: list[FileRow], known: int, anything_left: bool) -> list[FileRow]:
    """The vanished files, unless so much has vanished that a disk may not be mounted."""
    read = [row for row in gone if row.has_text]
    emptied = not anything_left and len(read) > 1
    if not emptied and (len(read) < _MANY or len(read) * 2 <= known):
        return gone
    where = Path(plan.target.folder, plan.target.under)
    plan.warnings.append(
        f"{len(read)} of {known} files in {where} have vanished; their passages are kept, in case "
        f"a disk is not mounted. If they are really gone: ragkit index --prune {where}"
    )
    return []
