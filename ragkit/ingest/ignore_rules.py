"""Which paths patterns leave out: `.gitignore`, `.ragkitignore` and the command line, as in git.

The patterns of all files that bear on a folder are put in one list, outermost file first, each
rewritten to start at one common folder: the last one that matches decides. That nothing comes
back from a folder that is left out is the walk's doing: it does not go in. Knows patterns and
paths; reads ignore files and no others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_FILES = (".gitignore", ".ragkitignore")  # the later one overrides the earlier
_LARGEST = 1_000_000  # bytes; a larger file holds no patterns
# pathspec lets a pattern that matches a folder match all that is in it, and then has to weigh such
# matches against others, which it does not do as git does. A mark at the end of every path and
# pattern leaves only matches of the path itself. No name can hold it.
_FILE, _FOLDER, _EITHER = "\0f", "\0d", "\0?"
_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_SPECIAL = re.compile(r"([\\*?\[\]])")


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Patterns in the order of their weight, the weightiest last."""

    spec: GitIgnoreSpec | None = None
    labels: tuple[str, ...] = ()  # where each pattern comes from, for the user
    frame: str = ""  # the root, relative to the folder the patterns start at: "" or "x/y/"
    hints: frozenset[str] = frozenset()  # a path without any of these matches no pattern
    hinted: re.Pattern[str] | None = None  # the same, to search for

    def match(self, path: str) -> str | None:
        """The label of the pattern that leaves `path` out, None where it stays.

        `path` is relative to the root, its parts joined by "/"; a folder's ends in "/".
        """
        left_out, label = self.verdict(path)
        return label if left_out else None

    def verdict(self, path: str) -> tuple[bool | None, str]:
        """Whether the last pattern that matches `path` itself takes it, and that pattern's label;
        None where no pattern matches. What patterns say of the folders above does not count."""
        path = self.frame + path
        if self.spec is None or (self.hinted is not None and self.hinted.search(path) is None):
            return None, ""
        kind = _FOLDER if path.endswith("/") else _FILE
        result = self.spec.check_file(path.rstrip("/") + kind)
        if result.include is None or result.index is None:
            return None, ""
        return result.include, self.labels[result.index]

    def extended(self, lines: Sequence[str], labels: Sequence[str], base: str = "") -> IgnoreRules:
        """These rules and, over them, the patterns in `lines` of a file in the folder `base`."""
        from pathspec import GitIgnoreSpec

        patterns = list(self.spec.patterns) if self.spec is not None else []
        all_labels = list(self.labels)
        hints = set(self.hints)
        for line, label in zip(lines, labels, strict=True):
            rebased = _rebased(line, base)
            if rebased is None:
                continue
            try:
                patterns.extend(GitIgnoreSpec.from_lines([rebased]).patterns)
            except ValueError:  # git passes over malformed patterns too
                continue
            all_labels.append(label)
            if not rebased.startswith("!"):
                hints.add(_hint(line))
        if len(all_labels) == len(self.labels):
            return self
        hinted = None if "" in hints else re.compile("|".join(map(re.escape, sorted(hints))))
        return IgnoreRules(
            GitIgnoreSpec(patterns), tuple(all_labels), self.frame, frozenset(hints), hinted
        )

    def with_files(self, folder: Path, path: str) -> IgnoreRules:
        """These rules and, over them, the ignore files in `folder`, which is `path` from the root
        ("" or "a/b/")."""
        rules = self
        for name in _FILES:
            lines = _lines(folder / name)
            rules = rules.extended(lines, _numbered(path + name, lines), self.frame + path)
        return rules


def from_above(root: Path) -> IgnoreRules:
    """The rules of the `.gitignore` files between `root` and the top of its git repository.

    None where they leave out the root itself: whoever names an ignored folder wants it read.
    """
    folders = [root, *root.parents]
    depth = next((at for at, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    rules = IgnoreRules()
    inside = ""
    for above in range(depth, 0, -1):
        lines = _lines(folders[above] / ".gitignore")
        labels = _numbered("../" * above + ".gitignore", lines)
        rules = rules.extended(lines, labels, inside)
        inside += f"{folders[above - 1].name}/"
        if rules.match(inside) is not None:
            return IgnoreRules()
    return replace(rules, frame=inside)


def _lines(path: Path) -> list[str]:
    """The lines of an ignore file; none where it is missing, unreadable or no plain file."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError:
        return []
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def _numbered(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name}:{number}" for number in range(1, len(lines) + 1)]


def _rebased(line: str, base: str) -> str | None:
    """A pattern of a file in the folder `base` ("" or "a/b/") as one that starts at the top and
    matches only marked paths; None for comments, blank lines and patterns that match nothing."""
    pattern = line if line.endswith("\\ ") else line.rstrip(" \t")
    if not pattern or pattern.startswith("#") or _HALF_ESCAPE.search(pattern):
        return None
    sign = "!" if pattern.startswith("!") else ""
    pattern = pattern.removeprefix("!")
    mark = _FOLDER if pattern.endswith("/") else _EITHER
    pattern = pattern.removesuffix("/")
    if not pattern:
        return None
    within = pattern.removeprefix("/") if "/" in pattern else f"**/{pattern}"
    if within == "**" or within.endswith(
        "/**"
    ):  # what lies below a folder, at any depth, but not the folder
        within += "/*"
    escaped = _SPECIAL.sub(r"\\\1", base)
    return f"{sign}/{escaped}{within}{mark}"


def _hint(pattern: str) -> str:
    """The longest piece of a pattern that stands in every path it matches; "" if there is none.

    Most paths match no pattern, and one search for all the hints tells so ten times as fast.
    """
    plain = pattern.rstrip().partition("[")[0]
    return max(re.split(r"[*?\\/]", plain), key=len)
