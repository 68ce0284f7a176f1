"""What a run of `index` has to do with one target: compares it with the ledger, changes nothing.

An unchanged file costs one `stat`. Which new files are vanished ones under another name is decided
afterwards, over all targets of a run (`moves`). Knows no text and no vectors.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.scan import ScannedFile, SkippedPath, scan
from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.files import FileRow, Root

READ = ("indexed", "empty")  # statuses of files whose text is in the collection
_MANY = 20  # vanished files; fewer are believed whatever their share


@dataclass(frozen=True, slots=True)
class ScanTarget:
    """A part of a root that is scanned: all of it, or what lies at or below `under`."""

    path: str  # absolute: the root's
    folder: str  # what relative paths are relative to
    under: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    absorbs: tuple[Root, ...] = ()  # roots inside this new one, which become part of it
    moved: tuple[Root, ...] = ()  # roots that are gone, most of whose files are here now
    turned: bool = False  # a file where the collection knows a folder, or the other way round

    @property
    def place(self) -> Path:
        """What is scanned."""
        return Path(self.folder, self.under) if self.under else Path(self.path)


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file that has to be read, or that was moved."""

    folder: str
    found: ScannedFile
    known: FileRow | None  # its row, where it was there before

    @property
    def absolute(self) -> Path:
        """Where the file lies."""
        return Path(self.folder) / self.found.path


@dataclass(slots=True)
class Plan:
    """All that one run has to do with one target."""

    target: ScanTarget
    read: list[FileTask] = field(default_factory=list)
    moved: list[tuple[FileRow, FileTask]] = field(
        default_factory=list
    )  # (its old row, where it is)
    gone: list[FileRow] = field(default_factory=list)
    passed: list[tuple[SkippedPath, FileRow | None]] = field(
        default_factory=list
    )  # newly, with its row
    still: list[FileRow] = field(default_factory=list)  # not read before, nor now
    unchanged: int = 0
    carried: list[tuple[FileRow, str]] = field(default_factory=list)  # of moved roots: (row, path)
    along: int = 0  # of those, how many are as they were
    warnings: list[str] = field(default_factory=list)
    # Until `decide`: what was not known, what is not there, and whether to believe that.
    new: list[FileTask] = field(default_factory=list)
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


def targets(
    roots: Sequence[Root],
    paths: Sequence[str | Path],
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
) -> list[ScanTarget]:
    """What to scan for these paths; all known roots that are there where no path is named.

    Raises UsageError for a path that is not there, and where there is nothing to do at all.
    """
    if not paths:
        if not roots:
            raise UsageError("nothing to index yet: name a folder, as in: ragkit index FOLDER")
        there = [root for root in roots if Path(root.path).exists()]
        return [_target(root, "", include, exclude) for root in there]
    found: dict[tuple[str, str], ScanTarget] = {}
    for path in paths:
        target = _named(Path(path), roots, include, exclude)
        found[target.path, target.under] = target
    return [each for each in found.values() if not _covered(each, found.values())]


def with_moved(target: ScanTarget, moved: Sequence[Root], *, is_new: bool) -> ScanTarget:
    """The target as the home of these roots, a new one under the globs of the first."""
    target = replace(target, moved=tuple(moved))
    if is_new and not (target.include or target.exclude):
        return replace(target, include=moved[0].include, exclude=moved[0].exclude)
    return target


def inner_prefix(root: Root, folder: str) -> str:
    """What turns a path of the inner root into one below `folder`: "", or "sub/folder/"."""
    relative = Path(root.folder).relative_to(folder).as_posix()
    return "" if relative == "." else f"{relative}/"


def _target(
    root: Root, under: str, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ScanTarget:
    folder = _folder(Path(root.path))
    turned = folder != root.folder
    return ScanTarget(
        root.path,
        folder,
        "" if turned else under,
        root.include if include is None else tuple(include),
        root.exclude if exclude is None else tuple(exclude),
        turned=turned,
    )


def _folder(path: Path) -> str:
    return str(path if path.is_dir() else path.parent)


def _named(
    path: Path, roots: Sequence[Root], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ScanTarget:
    try:
        absolute = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
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
            return _target(root, absolute.relative_to(root.path).as_posix(), None, None)
    absorbs = [
        root
        for root in roots
        if Path(root.path).is_relative_to(absolute) and not (root.include or root.exclude)
    ]
    return ScanTarget(
        str(absolute),
        _folder(absolute),
        "",
        tuple(include or ()),
        tuple(exclude or ()),
        tuple(absorbs),
    )


def _covered(target: ScanTarget, others: Iterable[ScanTarget]) -> bool:
    """Whether another target of the same run scans all of this one."""
    return any(
        other is not target
        and Path(target.folder, target.under).is_relative_to(Path(other.folder, other.under))
        and Path(other.path).is_dir()
        for other in others
    )


def compare(
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    target: ScanTarget,
    *,
    read_settings: ReadSettings,
    max_bytes: int,
    skip: Path,
) -> Plan:
    """Compare one target with the ledger.

    `roots` are all known ones. `read_settings` says how files are read and cut now: those read by another
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
        if isinstance(entry, ScannedFile):
            _found(plan, entry, row, read_settings)
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


def _found(
    plan: Plan, found: ScannedFile, row: FileRow | None, read_settings: ReadSettings
) -> None:
    task = FileTask(plan.target.folder, found, row)
    if row is None:
        plan.new.append(task)
    elif not (
        row.is_unchanged(found.size, found.mtime_ns, found.inode)
        and read_settings.match(row.recipe)
    ):
        plan.read.append(task)
    elif row.status in READ:
        along = any(row.root_id == root.id for root in plan.target.moved)
        plan.along += along
        plan.unchanged += not along
    else:
        plan.still.append(row)


def _passed(plan: Plan, passed: SkippedPath, row: FileRow | None) -> None:
    current = ("skipped", passed.reason, passed.kind)
    if row is not None and (row.status, row.reason, row.kind) == current:
        plan.still.append(row)
    else:
        plan.passed.append((passed, row))


def _known(
    connection: sqlite3.Connection, roots: Sequence[Root], target: ScanTarget
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


def _apart(roots: Sequence[Root], target: ScanTarget) -> tuple[str, ...]:
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
    target: ScanTarget, known: dict[str, FileRow], passed: tuple[str, ...]
) -> tuple[ScanTarget, dict[str, FileRow]]:
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
