"""Scan a folder: yield its files, and a reason for each path that is skipped.

The walk is deterministic (sorted by name) and costs one `stat` per file. Symbolic links are not
followed: a target inside the root is scanned anyway, a target outside is out of scope. Opens only
ignore files.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ragkit.errors import UsageError
from ragkit.ingest.ignore_rules import IgnoreRules, rules_above
from ragkit.storage.sqlite.files import storable

ROOT = "./"  # the path of a root that cannot be read
# Mailboxes may have any size, and those of some mail programs have no extension.
MAILBOX_EXTENSIONS = frozenset({"", ".mbox", ".mbx"})
_SPECIAL_FILES = (
    (stat.S_ISFIFO, "FIFO"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "character device"),
    (stat.S_ISBLK, "block device"),
)


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file to read."""

    path: str  # relative to the root, "/" between its parts
    size: int  # bytes
    mtime_ns: int
    inode: int
    ctime_ns: int | None = None
    device: int = 0  # st_dev
    is_included: bool = False  # by a pattern of --include, or as a root of its own


@dataclass(frozen=True, slots=True)
class SkippedPath:
    """A skipped file, or a skipped folder (its path ends in "/") with all that is in it."""

    path: str  # as in ScannedFile; invalid UTF-8 is escaped
    reason: str
    size: int = 0  # bytes, where known
    unreadable: bool = False  # the system refused access; files in it are not known to be missing
    kind: str = "unreadable"  # the reason in a word: see docs/formats.md

    @property
    def status(self) -> str:
        """Return the status to store: "failed" for a root that cannot be read, else "skipped"."""
        return "failed" if self.path == ROOT else "skipped"


@dataclass(frozen=True, slots=True)
class _Walk:
    """The constant state of one walk."""

    root: str
    include: IgnoreRules
    exclude: IgnoreRules
    max_bytes: int


def scan(
    root: Path,
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    max_bytes: int = 50_000_000,
    under: str = "",
) -> Iterator[ScannedFile | SkippedPath]:
    """Yield every file below `root`, depth first, sorted by name: scanned or skipped.

    `include` and `exclude` are gitignore-style patterns over paths relative to the root. With
    `under` (a relative path) only that file or folder is walked, under the same rules. A root that
    is a file is scanned regardless of its name; only `max_bytes` applies to it.

    A root that is a file must not be a symbolic link. A root that cannot be read is one skipped
    path, `ROOT`. Raises `UsageError` if the root does not exist or `under` leads out of it.
    """
    try:
        status = root.stat()
        if not stat.S_ISDIR(status.st_mode):
            status = root.lstat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(f"no file or folder at {root}") from error
    except OSError as error:
        yield SkippedPath(ROOT, _error_text(error), unreadable=True)
        return
    if stat.S_ISLNK(status.st_mode):
        yield SkippedPath(root.name, _link_reason(str(root.parent), str(root)), kind="link")
        return
    if not stat.S_ISDIR(status.st_mode):
        yield _file_entry(root.name, str(root), status, max_bytes, is_included=True)
        return
    parts = [part for part in PurePosixPath(under).parts if part != "."]
    if ".." in parts or under.startswith("/"):
        raise UsageError(f"{under} is not inside {root}")
    root = Path(os.path.realpath(root))
    walk = _Walk(
        str(root),
        IgnoreRules().with_patterns(include, [f"--include {pattern!r}" for pattern in include]),
        IgnoreRules().with_patterns(exclude, [f"--exclude {pattern!r}" for pattern in exclude]),
        max_bytes,
    )
    yield from _entries(walk, rules_above(root), parts)


def _entries(
    walk: _Walk, rules: IgnoreRules, parts: list[str]
) -> Iterator[ScannedFile | SkippedPath]:
    """Walk the tree with an explicit stack: paths can be deeper than Python's recursion limit."""
    # Open folders: path from the root, their rules, the remaining entries.
    first = _list_folder(walk, "", rules, parts[:1])
    if isinstance(first, SkippedPath):
        yield first
        return
    open_folders = [("", *first)]
    while open_folders:
        path, rules, entries = open_folders[-1]
        entry = next(entries, None)
        if entry is None:
            open_folders.pop()
            continue
        outcome = _entry(walk, rules, path + entry.name, entry)
        if outcome is not None:
            yield outcome
            continue
        inner = f"{path}{entry.name}/"
        depth = len(open_folders)
        listed = _list_folder(walk, inner, rules, parts[depth : depth + 1])
        if isinstance(listed, SkippedPath):
            yield listed
        else:
            open_folders.append((inner, *listed))


def _list_folder(
    walk: _Walk, path: str, rules: IgnoreRules, only_names: Sequence[str]
) -> tuple[IgnoreRules, Iterator[os.DirEntry[str]]] | SkippedPath:
    """Return a folder's rules and its entries sorted by name, or why it cannot be listed.

    `only_names` restricts the entries, if not empty.
    """
    folder = os.path.join(walk.root, path)  # noqa: PTH118 (pathlib takes ten times as long)
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        return SkippedPath(path or ROOT, _error_text(error), unreadable=True)
    names = {entry.name for entry in entries}
    if names & {".gitignore", ".ragkitignore"}:
        rules = rules.with_files(Path(folder), path)
    if only_names:
        entries = [entry for entry in entries if entry.name in only_names]
    return rules, iter(entries)


def _entry(
    walk: _Walk, rules: IgnoreRules, path: str, entry: os.DirEntry[str]
) -> ScannedFile | SkippedPath | None:
    """Return an entry as scanned or skipped; None for a folder to walk."""
    try:
        is_folder = entry.is_dir(follow_symlinks=False)
        display_path = f"{path}/" if is_folder else path
        skip = _skip_reason(walk, rules, display_path, entry)
        if skip is not None:
            kind, reason = skip
            return SkippedPath(_printable(display_path), reason, kind=kind)
        if is_folder:
            return None
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return SkippedPath(_printable(path), _error_text(error), unreadable=True)
    if not _is_included(walk.include, path):
        return SkippedPath(path, "not matched by --include", status.st_size, kind="excluded")
    is_included = walk.include.spec is not None
    return _file_entry(path, f"{walk.root}/{path}", status, walk.max_bytes, is_included=is_included)


def _skip_reason(
    walk: _Walk, rules: IgnoreRules, path: str, entry: os.DirEntry[str]
) -> tuple[str, str] | None:
    """Return why an entry is skipped unread, as (kind, reason); None if it is not."""
    if not path.isascii() and not _is_utf8(path):
        return "unreadable", "name is not UTF-8"
    if entry.name.startswith("."):
        return "hidden", "hidden"
    if entry.is_symlink():
        return "link", _link_reason(walk.root, entry.path)
    if (label := rules.match(path)) is not None:
        return "ignored", f"ignored by {label}"
    label = walk.exclude.match(path)
    return None if label is None else ("excluded", f"excluded by {label}")


def _is_included(include: IgnoreRules, path: str) -> bool:
    """Whether the patterns include a file: they match it, or a folder that contains it."""
    if include.spec is None:
        return True
    while path:
        is_included, _ = include.verdict(path)
        if is_included is not None:
            return is_included
        path = path.rstrip("/").rpartition("/")[0]
        path += "/" if path else ""
    return False


def _may_be_mailbox(file: str) -> bool:
    """Whether a regular file begins as a mailbox: those may have any size."""
    if PurePosixPath(file).suffix.lower() not in MAILBOX_EXTENSIONS:
        return False
    try:
        with open(file, "rb") as opened:  # noqa: PTH123
            return opened.read(5) == b"From "
    except OSError:
        return False


def _file_entry(
    path: str, file: str, status: os.stat_result, max_bytes: int, *, is_included: bool
) -> ScannedFile | SkippedPath:
    if not stat.S_ISREG(status.st_mode):
        kind = next(
            (name for is_kind, name in _SPECIAL_FILES if is_kind(status.st_mode)), "unknown"
        )
        return SkippedPath(path, f"not a regular file ({kind})", kind="special")
    if status.st_size > max_bytes and not _may_be_mailbox(file):
        reason = f"larger than {format_bytes(max_bytes)}"
        return SkippedPath(path, reason, status.st_size, kind="too_large")
    times = storable(status.st_mtime_ns), storable(status.st_ino), storable(status.st_ctime_ns)
    return ScannedFile(path, status.st_size, *times, status.st_dev, is_included)


def _link_reason(root: str, path: str) -> str:
    """Return why a symbolic link is skipped."""
    try:
        target = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return "broken symbolic link"
    except OSError as error:
        return "link loop" if error.errno == errno.ELOOP else _error_text(error)
    inside = os.path.relpath(target, root)
    if inside == ".." or inside.startswith("../"):
        return "symbolic link out of the folder"
    if path.startswith(target + "/"):
        return "link loop"
    return f"symbolic link to {_printable(inside)}, inside this folder"


def _error_text(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied"
    return (error.strerror or type(error).__name__).lower()


def _is_utf8(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def format_bytes(count: int) -> str:
    """Format a size in the largest unit that leaves at least 1: "50 MB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count} bytes"
