"""A folder → its files, with a reason for each one that is not taken.

The walk is deterministic (by name) and costs one `stat` a file. It follows no symbolic link: a
target inside the root is met anyway, one outside is none of its business. Opens no file but
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
from ragkit.ingest.ignore_rules import IgnoreRules, from_above

_SPECIAL = (
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


@dataclass(frozen=True, slots=True)
class SkippedPath:
    """A file that is not taken, or a folder (its path ends in "/") with all that is in it."""

    path: str  # as in Found, but printable where it is not UTF-8
    reason: str
    size: int = 0  # bytes, where known
    unreadable: bool = False  # the system refused: what is there is not known to have gone
    kind: str = "unreadable"  # the reason in a word: see docs/formats.md


@dataclass(frozen=True, slots=True)
class _Walk:
    """What does not change during one walk."""

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
    """Every file below `root`, sorted by name, depth first, each found or passed over.

    `include` and `exclude` are gitignore-style patterns over paths relative to the root. With
    `under` (a relative path) only that file or folder is walked, under the same rules. A root that
    is a file is taken whatever its name: only `max_bytes` applies to it.

    Raises `UsageError` where the root is not there or `under` leads out of it.
    """
    try:
        status = root.stat()
    except OSError as error:
        raise UsageError(f"no file or folder at {root}") from error
    if not stat.S_ISDIR(status.st_mode):
        yield _sized(root.name, status, max_bytes)
        return
    wanted = [part for part in PurePosixPath(under).parts if part != "."]
    if ".." in wanted or under.startswith("/"):
        raise UsageError(f"{under} is not inside {root}")
    root = Path(os.path.realpath(root))
    walk = _Walk(
        str(root),
        IgnoreRules().extended(include, [f"--include {pattern!r}" for pattern in include]),
        IgnoreRules().extended(exclude, [f"--exclude {pattern!r}" for pattern in exclude]),
        max_bytes,
    )
    yield from _entries(walk, from_above(root), wanted)


def _entries(
    walk: _Walk, rules: IgnoreRules, wanted: list[str]
) -> Iterator[ScannedFile | SkippedPath]:
    """Walk the tree with its own stack: a path can be deeper than Python's."""
    # Open folders: path from the root, the rules in them, the entries that are left.
    first = _listed(walk, "", rules, wanted[:1])
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
        listed = _listed(walk, inner, rules, wanted[depth : depth + 1])
        if isinstance(listed, SkippedPath):
            yield listed
        else:
            open_folders.append((inner, *listed))


def _listed(
    walk: _Walk, path: str, rules: IgnoreRules, only: Sequence[str]
) -> tuple[IgnoreRules, Iterator[os.DirEntry[str]]] | SkippedPath:
    """A folder's rules and its entries by name, or why it cannot be listed. `only`: the one name
    that is wanted, if not all are."""
    folder = os.path.join(walk.root, path)  # noqa: PTH118 (pathlib takes ten times as long)
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        return SkippedPath(path or "./", _why(error), unreadable=True)
    names = {entry.name for entry in entries}
    if names & {".gitignore", ".ragkitignore"}:
        rules = rules.with_files(Path(folder), path)
    if only:
        entries = [entry for entry in entries if entry.name in only]
    return rules, iter(entries)


def _entry(
    walk: _Walk, rules: IgnoreRules, path: str, entry: os.DirEntry[str]
) -> ScannedFile | SkippedPath | None:
    """What becomes of one entry: found, passed over, or None for a folder to go into."""
    try:
        is_folder = entry.is_dir(follow_symlinks=False)
        shown = f"{path}/" if is_folder else path
        against = _against(walk, rules, shown, entry)
        if against is not None:
            kind, reason = against
            return SkippedPath(_printable(shown), reason, kind=kind)
        if is_folder:
            return None
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return SkippedPath(_printable(path), _why(error), unreadable=True)
    if not _is_included(walk.include, path):
        return SkippedPath(path, "not matched by --include", status.st_size, kind="excluded")
    return _sized(path, status, walk.max_bytes)


def _against(
    walk: _Walk, rules: IgnoreRules, path: str, entry: os.DirEntry[str]
) -> tuple[str, str] | None:
    """Why an entry is not even looked at, as kind and reason; None where nothing is against it."""
    if not path.isascii() and not _is_utf8(path):
        return "unreadable", "name is not UTF-8"
    if entry.name.startswith("."):
        return "hidden", "hidden"
    if entry.is_symlink():
        return "link", _link(walk.root, entry.path)
    if (label := rules.match(path)) is not None:
        return "ignored", f"ignored by {label}"
    label = walk.exclude.match(path)
    return None if label is None else ("excluded", f"excluded by {label}")


def _is_included(include: IgnoreRules, path: str) -> bool:
    """Whether the patterns take a file: they may name it, or a folder it is in."""
    if include.spec is None:
        return True
    while path:
        taken, _ = include.verdict(path)
        if taken is not None:
            return taken
        path = path.rstrip("/").rpartition("/")[0]
        path += "/" if path else ""
    return False


def _sized(path: str, status: os.stat_result, max_bytes: int) -> ScannedFile | SkippedPath:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in _SPECIAL if is_kind(status.st_mode)), "unknown")
        return SkippedPath(path, f"not a regular file ({kind})", kind="special")
    if status.st_size > max_bytes:
        reason = f"larger than {_bytes(max_bytes)}"
        return SkippedPath(path, reason, status.st_size, kind="too_large")
    return ScannedFile(path, status.st_size, status.st_mtime_ns, status.st_ino)


def _link(root: str, path: str) -> str:
    """Why a symbolic link is not followed."""
    try:
        target = os.path.realpath(path, strict=True)
    except FileNotFoundError:
        return "broken symbolic link"
    except OSError as error:
        return "link loop" if error.errno == errno.ELOOP else _why(error)
    inside = os.path.relpath(target, root)
    if inside == ".." or inside.startswith("../"):
        return "symbolic link out of the folder"
    if path.startswith(target + "/"):
        return "link loop"
    return f"symbolic link to {_printable(inside)}, inside this folder"


def _why(error: OSError) -> str:
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


def _bytes(number: int) -> str:
    """A size in the largest unit that leaves at least 1: "50 MB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number} bytes"
