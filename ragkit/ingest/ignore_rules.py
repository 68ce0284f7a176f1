"""Match paths against ignore patterns: `.gitignore`, `.ragkitignore`, command line, as in git.

The patterns of all files that apply to a folder form one list, outermost file first, each rewritten
relative to one common folder; the last matching pattern decides. A file in an ignored folder cannot
be re-included, because the walk does not enter that folder. Reads only ignore files.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_IGNORE_FILES = (".gitignore", ".ragkitignore")  # the later one overrides the earlier
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MAX_BYTES = 1_000_000  # a larger ignore file is not read
# pathspec lets a pattern that matches a folder match all that is in it, and then has to weigh such
# matches against others, which it does not do as git does. A mark at the end of every path and
# pattern leaves only matches of the path itself. No file name can contain the mark.
_FILE, _FOLDER, _EITHER = "\0f", "\0d", "\0?"
_HALF_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\$")
_SPECIAL = re.compile(r"([\\*?\[\]])")


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Ignore patterns in ascending precedence: the last one that matches a path decides."""

    spec: GitIgnoreSpec | None = None
    labels: tuple[str, ...] = ()  # the origin of each pattern, shown to the user
    frame: str = ""  # path of the root from the folder of the patterns: "" or "x/y/"
    hints: frozenset[str] = frozenset()  # a path without any of these matches no pattern
    hint_pattern: re.Pattern[str] | None = None  # the hints as one pattern

    def match(self, path: str) -> str | None:
        """Return the label of the pattern that ignores `path`; None if it is not ignored.

        `path` is relative to the root, its parts joined by "/"; a folder's ends in "/".
        """
        is_ignored, label = self.verdict(path)
        return label if is_ignored else None

    def verdict(self, path: str) -> tuple[bool | None, str]:
        """Return whether the last pattern that matches `path` includes it, and the pattern's label;
        (None, "") if no pattern matches. Patterns that match a parent folder do not count."""
        path = self.frame + path
        if self.spec is None or (
            self.hint_pattern is not None and self.hint_pattern.search(path) is None
        ):
            return None, ""
        kind = _FOLDER if path.endswith("/") else _FILE
        result = self.spec.check_file(path.rstrip("/") + kind)
        if result.include is None or result.index is None:
            return None, ""
        return result.include, self.labels[result.index]

    def with_patterns(
        self, lines: Sequence[str], labels: Sequence[str], base: str = ""
    ) -> IgnoreRules:
        """Return these rules with the patterns `lines` of a file in the folder `base` on top."""
        from pathspec import GitIgnoreSpec

        patterns = list(self.spec.patterns) if self.spec is not None else []
        all_labels = list(self.labels)
        hints = set(self.hints)
        for line, label in zip(lines, labels, strict=True):
            rebased = _rebase(line, base)
            if rebased is None:
                continue
            try:
                patterns.extend(GitIgnoreSpec.from_lines([rebased]).patterns)
            except ValueError:  # git ignores malformed patterns too
                continue
            all_labels.append(label)
            if not rebased.startswith("!"):
                hints.add(_longest_literal(line))
        if len(all_labels) == len(self.labels):
            return self
        hint_pattern = None if "" in hints else re.compile("|".join(map(re.escape, sorted(hints))))
        return IgnoreRules(
            GitIgnoreSpec(patterns), tuple(all_labels), self.frame, frozenset(hints), hint_pattern
        )

    def with_files(self, folder: Path, path: str) -> IgnoreRules:
        """Return these rules with the ignore files of `folder` on top; `path` is the folder's path
        from the root ("" or "a/b/")."""
        rules = self
        for name in _IGNORE_FILES:
            lines = read_lines(folder / name)
            rules = rules.with_patterns(lines, _labels(path + name, lines), self.frame + path)
        return rules


def rules_above(root: Path) -> IgnoreRules:
    """Return the rules of the `.gitignore` files between `root` and the top of its git repository.

    Empty rules if they ignore the root itself: a user who names an ignored folder wants it read.
    """
    folders = [root, *root.parents]
    depth = next((at for at, folder in enumerate(folders) if _exists(folder / ".git")), 0)
    rules = IgnoreRules()
    inside = ""
    for above in range(depth, 0, -1):
        lines = read_lines(folders[above] / ".gitignore")
        labels = _labels("../" * above + ".gitignore", lines)
        rules = rules.with_patterns(lines, labels, inside)
        inside += f"{folders[above - 1].name}/"
        if rules.match(inside) is not None:
            return IgnoreRules()
    return replace(rules, frame=inside)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def read_lines(path: Path) -> list[str]:
    """Return the lines of an ignore file; [] if it is missing, unreadable or not a regular file."""
    try:
        # It may be a link, as in earlier versions, but a FIFO must not block.
        descriptor = os.open(path, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
            data = file.read(_MAX_BYTES + 1) if is_regular else None
    except OSError:
        return []
    if data is None or len(data) > _MAX_BYTES:
        return []
    text = data.decode("utf-8", errors="surrogateescape")
    return [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]


def _labels(name: str, lines: Sequence[str]) -> list[str]:
    return [f"{name}:{number}" for number in range(1, len(lines) + 1)]


def _rebase(line: str, base: str) -> str | None:
    """Return a pattern of a file in the folder `base` ("" or "a/b/") relative to the top folder,
    for marked paths only; None for comments, blank lines and patterns that match nothing."""
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


def _longest_literal(pattern: str) -> str:
    """Return the longest literal that every match of a pattern contains; "" if there is none.

    Most paths match no pattern, and one search for all literals is ten times as fast.
    """
    plain = pattern.rstrip().partition("[")[0]
    return max(re.split(r"[*?\\/]", plain), key=len)
