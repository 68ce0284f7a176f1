"""Plan an index run: what to scan, and what each scanned file needs. Changes nothing.

`find_targets` turns the user's paths into the parts of roots to scan. `compare` scans one target
and compares it with the stored files; an unchanged file costs one `stat`. `moved_files` then
recognises moved files over all targets of a run. Does not know text or vectors.
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

READ_STATUSES = ("indexed", "empty")  # of files whose text is in the collection
_MANY_MISSING = 20  # files; fewer missing files are always removed


@dataclass(frozen=True, slots=True)
class ScanTarget:
    """A part of a root to scan: all of it, or the file or folder `under`."""

    path: str  # absolute path of the root
    folder: str  # absolute; the stored paths are relative to it
    under: str  # relative to `folder`; "" for all of the root
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    absorbed_roots: tuple[Root, ...] = ()  # roots inside this new root, which become part of it
    moved_roots: tuple[Root, ...] = ()  # missing roots, most of whose files are in this one now
    type_changed: bool = False  # a file where the collection knows a folder, or vice versa

    @property
    def scanned_path(self) -> Path:
        """The absolute path of the file or folder that is scanned."""
        return Path(self.folder, self.under) if self.under else Path(self.path)


@dataclass(frozen=True, slots=True)
class FileTask:
    """A file to read, or a moved one."""

    folder: str
    file: ScannedFile
    stored: FileRow | None  # the row of the database, if there is one

    @property
    def absolute(self) -> Path:
        """The absolute path of the file."""
        return Path(self.folder) / self.file.path


@dataclass(slots=True)
class Plan:
    """The work of one run on one target: which files to read, to move, to skip and to remove."""

    target: ScanTarget
    to_read: list[FileTask] = field(default_factory=list)
    # (old row, new file)
    moved: list[tuple[FileRow, FileTask]] = field(default_factory=list)
    removed: list[FileRow] = field(default_factory=list)
    # Skipped for a new reason, with the stored row.
    skipped: list[tuple[SkippedPath, FileRow | None]] = field(default_factory=list)
    still_unread: list[FileRow] = field(default_factory=list)  # not read before, nor in this run
    unchanged_count: int = 0
    moved_with_root: list[tuple[FileRow, str]] = field(default_factory=list)  # (row, new path)
    moved_with_root_count: int = 0  # of those, the unchanged ones
    warnings: list[str] = field(default_factory=list)
    # Valid until `finish`: files without a row, rows without a file, rows in all.
    new: list[FileTask] = field(default_factory=list)
    missing: list[FileRow] = field(default_factory=list)
    known_count: int = 0
    is_empty: bool = False  # the scan met no file at all

    def finish(self, *, prune: bool) -> None:
        """Decide about the files that `moved_files` has not matched: read the new ones, remove the
        missing ones.

        Missing files are kept if so many are missing that a disk may not be mounted, unless `prune`
        is set.
        """
        self.to_read += self.new
        self.removed += self.missing if prune else self._removable()
        self.new, self.missing = [], []

    def _removable(self) -> list[FileRow]:
        """Return the missing files, or none, with a warning, if a disk may not be mounted."""
        count = sum(row.has_text for row in self.missing)
        is_emptied = self.is_empty and count > 1
        if not is_emptied and (count < _MANY_MISSING or count * 2 <= self.known_count):
            return self.missing
        path = self.target.scanned_path
        self.warnings.append(
            f"{count} of {self.known_count} files in {path} are missing; their passages are kept, "
            f"in case a disk is not mounted. To delete them: ragkit index --prune {path}"
        )
        return []


def find_targets(
    roots: Sequence[Root],
    paths: Sequence[str | Path],
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
) -> list[ScanTarget]:
    """Return what to scan for these paths; without paths, all known roots that exist.

    `include` and `exclude` are globs; None: those stored with the root. Raises UsageError for a
    path that does not exist, and if there are neither paths nor roots.
    """
    if not paths:
        if not roots:
            raise UsageError("nothing to index yet: name a folder, as in: ragkit index FOLDER")
        existing = [root for root in roots if Path(root.path).exists()]
        return [_target_in_root(root, "", include, exclude) for root in existing]
    targets: dict[tuple[str, str], ScanTarget] = {}
    for path in paths:
        target = _target_of_path(Path(path), roots, include, exclude)
        targets[target.path, target.under] = target
    return [target for target in targets.values() if not _is_covered(target, targets.values())]


def with_moved_roots(target: ScanTarget, moved: Sequence[Root], *, is_new: bool) -> ScanTarget:
    """Return `target` with the missing roots `moved` recorded as moved to it.

    If the target is a new root (`is_new`), it takes over the globs of the first of them.
    """
    target = replace(target, moved_roots=tuple(moved))
    if is_new and not (target.include or target.exclude):
        return replace(target, include=moved[0].include, exclude=moved[0].exclude)
    return target


def inner_prefix(root: Root, folder: str) -> str:
    """Return the path of an inner root below `folder`, as a prefix: "" or "a/b/"."""
    relative = Path(root.folder).relative_to(folder).as_posix()
    return "" if relative == "." else f"{relative}/"


def _target_in_root(
    root: Root, under: str, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ScanTarget:
    folder = _folder_of(Path(root.path))
    type_changed = folder != root.folder
    return ScanTarget(
        root.path,
        folder,
        "" if type_changed else under,
        root.include if include is None else tuple(include),
        root.exclude if exclude is None else tuple(exclude),
        type_changed=type_changed,
    )


def _folder_of(path: Path) -> str:
    return str(path if path.is_dir() else path.parent)


def _target_of_path(
    path: Path, roots: Sequence[Root], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ScanTarget:
    try:
        absolute = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"no file or folder at {path}") from error
    for root in roots:
        if absolute == Path(root.path):
            return _target_in_root(root, "", include, exclude)
    for root in roots:
        if absolute.is_relative_to(root.path):  # a part of a known root stays a part of it
            if include is not None or exclude is not None:
                raise UsageError(
                    f"{path} is part of the root {root.path}, whose globs apply to all of it; "
                    f"change them with: ragkit index {root.path} --include … --exclude …"
                )
            return _target_in_root(root, absolute.relative_to(root.path).as_posix(), None, None)
    absorbed = [
        root
        for root in roots
        if Path(root.path).is_relative_to(absolute) and not (root.include or root.exclude)
    ]
    return ScanTarget(
        str(absolute),
        _folder_of(absolute),
        "",
        tuple(include or ()),
        tuple(exclude or ()),
        tuple(absorbed),
    )


def _is_covered(target: ScanTarget, targets: Iterable[ScanTarget]) -> bool:
    """Whether another target of the same run scans all of this one."""
    return any(
        other is not target
        and Path(target.folder, target.under).is_relative_to(Path(other.folder, other.under))
        and Path(other.path).is_dir()
        for other in targets
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
    """Scan one target and compare it with the stored files.

    `roots` are all known roots. Files that were read with other `read_settings` are read again.
    `skip` is the collection's own folder. New and missing files stay in `Plan.new` and
    `Plan.missing` until `Plan.finish`.
    """
    plan = Plan(target)
    rows_by_path, certainly_removed = _known_files(connection, roots, target)
    separate = _separate_roots(roots, target)
    scanned_paths: set[str] = set()
    unlisted: list[str] = []  # folders that could not be listed
    for entry in scan(
        Path(target.path),
        include=target.include,
        exclude=target.exclude,
        max_bytes=max_bytes,
        under=target.under,
    ):
        path = Path(target.folder) / entry.path
        if path.is_relative_to(skip) or entry.path.startswith(separate):
            continue
        scanned_paths.add(entry.path)
        row = rows_by_path.get(entry.path)
        if isinstance(entry, ScannedFile):
            _add_file(plan, entry, row, read_settings)
            continue
        if entry.unreadable and entry.path.endswith("/"):
            unlisted.append("" if entry.path == "./" else entry.path)
        if not (entry.unreadable and row is not None and row.has_text):
            _add_skipped(plan, entry, row)
    skipped_folders = tuple(path for path in scanned_paths if path.endswith("/"))
    plan.target, rows_by_path = _without_skipped_roots(target, rows_by_path, skipped_folders)
    plan.known_count, plan.is_empty = len(rows_by_path), not scanned_paths
    moved_ids = {root.id for root in plan.target.moved_roots}
    plan.removed = certainly_removed
    for path_in_root, row in rows_by_path.items():
        if path_in_root in scanned_paths:
            if row.root_id in moved_ids:
                plan.moved_with_root.append((row, path_in_root))
        elif path_in_root.startswith(tuple(unlisted)):
            pass  # the folder could not be listed, so the file is not known to be missing
        elif path_in_root.startswith(skipped_folders) or row.root_id in moved_ids:
            plan.removed.append(row)  # excluded by the rules as they are now
        else:
            plan.missing.append(row)
    return plan


def _add_file(
    plan: Plan, file: ScannedFile, row: FileRow | None, read_settings: ReadSettings
) -> None:
    task = FileTask(plan.target.folder, file, row)
    if row is None:
        plan.new.append(task)
    elif not (
        row.is_unchanged(file.size, file.mtime_ns, file.inode) and read_settings.match(row.recipe)
    ):
        plan.to_read.append(task)
    elif row.status in READ_STATUSES:
        moved = any(row.root_id == root.id for root in plan.target.moved_roots)
        plan.moved_with_root_count += moved
        plan.unchanged_count += not moved
    else:
        plan.still_unread.append(row)


def _add_skipped(plan: Plan, skipped: SkippedPath, row: FileRow | None) -> None:
    current = ("skipped", skipped.reason, skipped.kind)
    if row is not None and (row.status, row.reason, row.kind) == current:
        plan.still_unread.append(row)
    else:
        plan.skipped.append((skipped, row))


def _known_files(
    connection: sqlite3.Connection, roots: Sequence[Root], target: ScanTarget
) -> tuple[dict[str, FileRow], list[FileRow]]:
    """Return the stored rows by their path below the target's folder, including those of absorbed
    and moved roots; and the rows whose files cannot exist any more."""
    rows: dict[str, FileRow] = {}
    certainly_removed: list[FileRow] = []
    for root in roots:
        if root.path != target.path:
            continue
        if target.type_changed:
            certainly_removed += files.files(connection, root.id)
        else:
            stored = files.files(connection, root.id, target.under, above=True)
            rows = {row.path: row for row in stored}
    for root in target.absorbed_roots:
        prefix = inner_prefix(root, target.folder)
        rows |= {prefix + row.path: row for row in files.files(connection, root.id)}
    for root in target.moved_roots:
        prefix = f"{target.under}/" if target.under else ""
        for row in files.files(connection, root.id):
            if rows.setdefault(prefix + row.path, row) is not row:
                certainly_removed.append(row)
    return rows, certainly_removed


def _separate_roots(roots: Sequence[Root], target: ScanTarget) -> tuple[str, ...]:
    """Return the folders inside the target that stay roots, because they have their own globs."""
    return tuple(
        inner_prefix(root, target.folder)
        for root in roots
        if (root.include or root.exclude)
        and root.path != target.path
        and root.path == root.folder
        and Path(root.path).is_relative_to(target.folder)
    )


def _without_skipped_roots(
    target: ScanTarget, rows_by_path: dict[str, FileRow], skipped_folders: tuple[str, ...]
) -> tuple[ScanTarget, dict[str, FileRow]]:
    """Return the target and rows without the inner roots that its rules skip: they stay roots."""
    skipped = [
        root
        for root in target.absorbed_roots
        if inner_prefix(root, target.folder).startswith(skipped_folders)
    ]
    if not skipped:
        return target, rows_by_path
    ids = {root.id for root in skipped}
    absorbed = tuple(root for root in target.absorbed_roots if root not in skipped)
    rows = {path: row for path, row in rows_by_path.items() if row.root_id not in ids}
    return replace(target, absorbed_roots=absorbed), rows
