"""Plan an index run: what to scan, and what each scanned file needs. Changes nothing.

`find_targets` turns the user's paths into the parts of roots to scan. `compare` scans one target
and compares it with the stored files; an unchanged file costs one `stat`. `moved_files` then
recognises moved files over all targets of a run. Does not know text or vectors.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.ingest import missing_files
from ragkit.ingest.change_times import ChangeTimes
from ragkit.ingest.missing_files import KnownFiles, MissingPath
from ragkit.ingest.options import ReadSettings
from ragkit.ingest.scan import ROOT, ScannedFile, SkippedPath, scan
from ragkit.storage.shards.placement import shard_of
from ragkit.storage.source_files import sample_source
from ragkit.storage.sqlite import files
from ragkit.storage.sqlite.files import FileRow, Root

READ_STATUSES = ("indexed", "empty")  # of files whose text is in the collection


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
    """A file to read, or a moved one. Open it with `storage/source_files` only."""

    folder: str
    file: ScannedFile
    stored: FileRow | None  # the row of the database, if there is one
    # The patterns of its root, for the file that it is read with (`registry.Format.beside`). That
    # one is no document of its own here: `--include` need not match it.
    exclude: tuple[str, ...] = ()


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
    # (file id, time of change) of unchanged files for which an earlier version stored none.
    change_times: list[tuple[int, int]] = field(default_factory=list)
    mount_points: frozenset[str] = frozenset()  # that contain the scanned files
    forgotten_mount_points: frozenset[str] = frozenset()  # not mounted, and nothing is kept in them
    warnings: list[str] = field(default_factory=list)
    # Valid until `finish`: files without a row, rows without a file, ids of rows with text.
    new: list[FileTask] = field(default_factory=list)
    missing: list[FileRow] = field(default_factory=list)
    known_ids: list[int] = field(default_factory=list)
    known_paths: dict[int, str] = field(default_factory=dict)  # of missing files: id → path
    present_folders: frozenset[str] = frozenset()  # in which the scan met files; "" is the root
    unmounted: dict[str, str] = field(default_factory=dict)  # prefix of paths → mount point
    document_counts: dict[int, int] = field(default_factory=dict)  # see `count_documents`
    left_count: int = 0  # files with text in `removed` that another shard has now
    # Missing files that may be files which cannot be read: id → path of the latter.
    possible_moves: dict[int, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether the scan met no file at all."""
        return not self.present_folders

    def may_be_unmounted(self, row: FileRow) -> bool:
        """Whether a missing file of this plan may be on a disk that is not mounted: its folder is
        empty or missing, or its file system is not mounted."""
        path = self.known_paths.get(row.id, row.path)
        return path.startswith(tuple(self.unmounted)) or (
            missing_files.empty_folder(path, self.present_folders) is not None
        )

    def count_documents(self, connection: sqlite3.Connection) -> None:
        """Count the documents of the known files, if some are missing: `finish` needs them."""
        if any(row.has_text for row in self.missing):
            self.document_counts = files.count_documents(connection, self.known_ids)

    def finish(self, *, prune: bool) -> None:
        """Decide about the files that `moved_files` has not matched: read the new ones, remove the
        missing ones.

        Missing files are kept where a disk may not be mounted (see `missing_files`), and where they
        may have moved to a file that cannot be read, unless `prune` is set.
        """
        finish_together([self], prune=prune)

    def missing_paths(self) -> list[MissingPath]:
        """Return the missing files to decide about: not those that may have moved."""
        return [
            MissingPath(
                row, self.known_paths.get(row.id, row.path), self.document_counts.get(row.id, 1)
            )
            for row in self.missing
            if row.id not in self.possible_moves
        ]

    def apply(self, decision: missing_files.Decision, *, prune: bool) -> None:
        """Carry out what was decided about the missing files of this plan, and maybe of others."""
        own_ids = {row.id for row in self.missing}
        removable = [row for row in decision.removable if row.id in own_ids]
        self.to_read += self.new
        self.removed += self.missing if prune else removable
        kept_mounts = () if prune else decision.unmounted
        scanned = self.target.scanned_path
        # Nothing is kept below them: the files are there without them now, or were pruned.
        self.forgotten_mount_points = frozenset(
            point
            for prefix, point in self.unmounted.items()
            if prefix not in kept_mounts and not (self.target.under and not prefix)
        )
        if not prune:
            self.warnings += [
                f"{self.known_paths.get(row.id, row.path)} is missing, and its text is kept: it "
                f"may have moved to {self.possible_moves[row.id]}, which cannot be read. Make "
                f"that file readable, or remove the text with: ragkit index --prune {scanned}"
                for row in self.missing
                if row.id in self.possible_moves
            ]
        self.new, self.missing = [], []


def finish_together(plans: Sequence[Plan], *, prune: bool) -> None:
    """Decide as `Plan.finish` for the plans that several shards of a collection have for one
    target: a missing file is one of all files, not one of the few of its shard."""
    known = KnownFiles(
        sum(len(plan.known_ids) for plan in plans),
        sum(sum(plan.document_counts.values()) for plan in plans),
        frozenset[str]().union(*(plan.present_folders for plan in plans)),
        tuple(dict.fromkeys(prefix for plan in plans for prefix in plan.unmounted)),
    )
    missing = [path for plan in plans for path in plan.missing_paths()]
    decision = missing_files.decide(missing, known)
    if decision.kept and not prune:
        scanned = plans[0].target.scanned_path
        plans[0].warnings.append(missing_files.format_warning(decision, known, scanned))
    for plan in plans:
        plan.apply(decision, prune=prune)


class FileListing:
    """The files below the targets of a run, listed once for all shards of a collection."""

    def __init__(self) -> None:
        self._entries: dict[ScanTarget, list[ScannedFile | SkippedPath]] = {}

    def entries(self, target: ScanTarget, max_bytes: int) -> list[ScannedFile | SkippedPath]:
        """Return what a scan of the target meets. Raises UsageError as `scan`."""
        key = replace(target, absorbed_roots=(), moved_roots=(), type_changed=False)
        if key not in self._entries:
            self._entries[key] = list(_scan_target(target, max_bytes))
        return self._entries[key]


@dataclass(frozen=True, slots=True)
class FilePart:
    """The files that a shard has of all files. `shards`: their number."""

    number: int
    shards: int
    listing: FileListing

    def has(self, target: ScanTarget, path: str) -> bool:
        """Whether a file belongs to this shard. `path` is relative to the target's folder."""
        return shard_of((target.path, path), self.shards) == self.number


def _scan_target(target: ScanTarget, max_bytes: int) -> Iterator[ScannedFile | SkippedPath]:
    return scan(
        Path(target.path),
        include=target.include,
        exclude=target.exclude,
        max_bytes=max_bytes,
        under=target.under,
    )


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
        existing = [root for root in roots if not is_missing(root.path)]
        return [_target_in_root(root, "", include, exclude) for root in existing]
    targets: dict[tuple[str, str], ScanTarget] = {}
    for path in paths:
        target = _target_of_path(Path(path), roots, include, exclude)
        targets[target.path, target.under] = target
    return [target for target in targets.values() if not _is_covered(target, targets.values())]


def is_missing(path: str | Path) -> bool:
    """Whether there is no file or folder at a path ("~" is expanded); False where the system does
    not say."""
    try:
        os.stat(os.path.expanduser(path))  # noqa: PTH111, PTH116 (no errors but OSError)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:
        return False
    return False


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
    folder = _folder_of(Path(root.path), root.folder)
    type_changed = folder != root.folder
    return ScanTarget(
        root.path,
        folder,
        "" if type_changed else under,
        root.include if include is None else tuple(include),
        root.exclude if exclude is None else tuple(exclude),
        type_changed=type_changed,
    )


def _folder_of(path: Path, stored: str | None = None) -> str:
    """Return the folder to which paths are relative; `stored` if the system does not say."""
    try:
        return str(path if path.is_dir() else path.parent)
    except OSError:
        if stored is None:
            raise
        return stored


def _target_of_path(
    path: Path, roots: Sequence[Root], include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ScanTarget:
    known = {root.path: root for root in roots}
    try:
        absolute = path.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        root_path = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (no errors)
        if is_missing(root_path):
            raise UsageError(f"no file or folder at {path}") from error
        if root_path not in known:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"cannot read {path}: {reason.lower()}") from error
        absolute = Path(root_path)  # reported as failed; other roots are indexed
    if (same := known.get(str(absolute))) is not None:
        return _target_in_root(same, "", include, exclude)
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


@dataclass(slots=True)
class _Scanned:
    """What the scan of one target met. Paths are relative to the target's folder."""

    paths: set[str] = field(default_factory=set)
    unlisted: list[str] = field(default_factory=list)  # folders that could not be listed
    devices: dict[str, int] = field(default_factory=dict)  # folder with files → their device


def compare(  # noqa: PLR0912
    connection: sqlite3.Connection,
    roots: Sequence[Root],
    target: ScanTarget,
    *,
    read_settings: ReadSettings,
    max_bytes: int,
    skip: Path,
    password_file: Path | None = None,
    part: FilePart | None = None,
) -> Plan:
    """Scan one target and compare it with the stored files.

    `part`: only these files belong to the collection, which is a shard; others that it has are
    removed. Decisions about missing files are then made for all shards (`finish_together`).

    `roots` are all known roots. Files that were read with other `read_settings` are read again.
    `skip` is the collection's own folder. `password_file` is read again if it has text. New and
    missing files stay in `Plan.new` and `Plan.missing` until `Plan.finish`.
    """
    plan = Plan(target)
    rows_by_path, certainly_removed = _known_files(connection, roots, target)
    left_out = (*_separate_roots(roots, target), *_prefix_of(skip, target.folder))
    scanned = _Scanned()
    reliable_rows = _ReliableRows(connection, target.folder)
    passwords = _identity(password_file)
    list_target = _scan_target if part is None else part.listing.entries
    for entry in list_target(target, max_bytes):
        if entry.path.startswith(left_out):
            continue
        scanned.paths.add(entry.path)
        row = rows_by_path.get(entry.path)
        is_own = part is None or part.has(target, entry.path)
        if isinstance(entry, ScannedFile):
            scanned.devices.setdefault(entry.path.rpartition("/")[0], entry.device)
            if not is_own:
                continue
            row = reliable_rows.get(entry, row)
            if row and row.has_text and (entry.device, entry.inode) == passwords:
                row = row._replace(mtime_ns=None)
            _add_file(plan, entry, row, read_settings)
        else:
            _add_skipped(plan, scanned, entry, row, is_own=is_own)
    skipped_folders = tuple(path for path in scanned.paths if path.endswith("/"))
    plan.target, rows_by_path = _without_skipped_roots(target, rows_by_path, skipped_folders)
    plan.known_ids = [row.id for row in rows_by_path.values() if row.has_text]
    plan.present_folders = _with_parents(scanned.devices)
    _find_mount_points(connection, plan, scanned.devices)
    moved_ids = {root.id for root in plan.target.moved_roots}
    plan.removed = certainly_removed
    for path_in_root, row in rows_by_path.items():
        if part is not None and not part.has(target, path_in_root):
            plan.removed.append(row)  # the number of shards has changed, and another one has it
            plan.left_count += row.has_text
        elif path_in_root in scanned.paths:
            if row.root_id in moved_ids:
                plan.moved_with_root.append((row, path_in_root))
        elif path_in_root.startswith(tuple(scanned.unlisted)):
            pass  # the folder could not be listed, so the file is not known to be missing
        elif path_in_root.startswith(skipped_folders) or row.root_id in moved_ids:
            plan.removed.append(row)  # excluded by the rules as they are now
        else:
            plan.missing.append(row)
            plan.known_paths[row.id] = path_in_root
    return plan


def _identity(path: Path | None) -> tuple[int, int] | None:
    """Return the device and the inode of a file, as a scan does; None if there is none."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, files.storable(status.st_ino)


def _prefix_of(skip: Path, folder: str) -> tuple[str, ...]:
    """Return the prefix of the relative paths in the absolute folder `skip`, if any are."""
    if Path(folder).is_relative_to(skip):
        return ("",)
    if skip.is_relative_to(folder):
        return (f"{skip.relative_to(folder).as_posix()}/",)
    return ()


class _ReliableRows:
    """Compares the samples of files whose change times are not reliable, before their rows are
    believed."""

    def __init__(self, connection: sqlite3.Connection, folder: str) -> None:
        self._connection, self._folder = connection, folder
        self._change_times = ChangeTimes()
        self._samples: dict[int, dict[int, str]] = {}  # root id → file id → sample

    def get(self, file: ScannedFile, row: FileRow | None) -> FileRow | None:
        """Return the row; without its time stamp, so that the file is read, if the stamp of the
        file is not reliable and its content has another sample than the stored one, or none."""
        if (
            row is None
            or self._change_times.are_reliable(file.device, self._folder)
            or not row.is_unchanged(file.size, file.mtime_ns, file.inode, file.ctime_ns)
        ):
            return row
        if row.root_id not in self._samples:
            self._samples[row.root_id] = files.samples(self._connection, row.root_id)
        stored = self._samples[row.root_id].get(row.id)
        try:
            if stored is not None and sample_source(self._folder, file.path) == stored:
                return row
        except OSError:  # reading it will say why
            pass
        return row._replace(mtime_ns=None)


def _with_parents(folders: Iterable[str]) -> frozenset[str]:
    """Return these relative folders and all folders around them, "" included."""
    outer: set[str] = set()
    for folder in folders:
        inner = folder
        while inner not in outer:
            outer.add(inner)
            inner = inner.rpartition("/")[0]
    return frozenset(outer)


def _find_mount_points(connection: sqlite3.Connection, plan: Plan, devices: dict[str, int]) -> None:
    target = plan.target
    stored = files.mount_points(connection)
    plan.unmounted = missing_files.unmounted_prefixes(
        stored, str(target.scanned_path), target.folder
    )
    if devices:
        absolute = {
            os.path.join(target.folder, folder) if folder else target.folder: device  # noqa: PTH118
            for folder, device in devices.items()
            if device
        }
        plan.mount_points = missing_files.mount_points(target.folder, absolute)


def _add_file(
    plan: Plan, file: ScannedFile, row: FileRow | None, read_settings: ReadSettings
) -> None:
    task = FileTask(plan.target.folder, file, row, plan.target.exclude)
    if row is None:
        plan.new.append(task)
    elif not (
        row.is_unchanged(file.size, file.mtime_ns, file.inode, file.ctime_ns)
        and read_settings.match(row.recipe, is_included=file.is_included)
    ):
        plan.to_read.append(task)
    elif row.status in READ_STATUSES:
        _note_change_time(plan, row, file)
        moved = any(row.root_id == root.id for root in plan.target.moved_roots)
        plan.moved_with_root_count += moved
        plan.unchanged_count += not moved
    else:
        _note_change_time(plan, row, file)
        plan.still_unread.append(row)


def _note_change_time(plan: Plan, row: FileRow, file: ScannedFile) -> None:
    """Note the change time of an unchanged file for which an earlier version stored none."""
    if row.ctime_ns is None and file.ctime_ns is not None:
        plan.change_times.append((row.id, file.ctime_ns))


def _add_skipped(
    plan: Plan,
    scanned: _Scanned,
    skipped: SkippedPath,
    row: FileRow | None,
    *,
    is_own: bool,
) -> None:
    path = skipped.path
    if not skipped.unreadable and skipped.kind != "hidden":  # its folder is not empty
        scanned.devices.setdefault(path.rstrip("/").rpartition("/")[0], 0)
    if skipped.unreadable and path.endswith("/"):
        scanned.unlisted.append("" if path == ROOT else path)
    if path == ROOT:
        plan.warnings.append(
            f"cannot read {plan.target.path}: {skipped.reason}; its documents are kept"
        )
    if not is_own or (skipped.unreadable and row is not None and row.has_text):
        return
    current = (skipped.status, skipped.reason, skipped.kind)
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
