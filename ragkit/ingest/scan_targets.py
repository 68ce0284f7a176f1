"""Which parts of which roots a run of `index` scans. Looks at paths, never into files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.storage.sqlite.files import Root


@dataclass(frozen=True, slots=True)
class Target:
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


def targets(
    roots: Sequence[Root],
    paths: Sequence[str | Path],
    include: Sequence[str] | None,
    exclude: Sequence[str] | None,
) -> list[Target]:
    """What to scan for these paths; all known roots that are there where no path is named.

    Raises UsageError for a path that is not there, and where there is nothing to do at all.
    """
    if not paths:
        if not roots:
            raise UsageError("nothing to index yet: name a folder, as in: ragkit index FOLDER")
        there = [root for root in roots if Path(root.path).exists()]
        return [_target(root, "", include, exclude) for root in there]
    found: dict[tuple[str, str], Target] = {}
    for path in paths:
        target = _named(Path(path), roots, include, exclude)
        found[target.path, target.under] = target
    return [each for each in found.values() if not _covered(each, found.values())]


def with_moved(target: Target, moved: Sequence[Root], *, is_new: bool) -> Target:
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
) -> Target:
    folder = _folder(Path(root.path))
    turned = folder != root.folder
    return Target(
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
) -> Target:
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
    return Target(
        str(absolute),
        _folder(absolute),
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
