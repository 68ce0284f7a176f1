"""Which of two names is the newer version: names that are equal but for a date, a number or a word
such as "draft".

Contract: paths in, keys and order out. Knows no texts and no database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = (
    "january february march april may june july august september october november december "  # noqa: SIM905
    "januar februar märz april mai juni juli august september oktober november dezember".split()
)
_DATE = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?:[-_. ]?(?P<month>0[1-9]|1[0-2]))?"
    r"(?:[-_. ]?(?P<day>0[1-9]|[12]\d|3[01]))?(?!\d)"
)
_DAY_FIRST = re.compile(
    r"(?<!\d)(?P<day>0?[1-9]|[12]\d|3[01])[-_. ](?P<month>0?[1-9]|1[0-2])[-_. ]"
    r"(?P<year>(?:19|20)\d\d)(?!\d)"
)
_NUMBER = re.compile(r"\d+")
_WORDS = re.compile(
    r"(?<![^\W\d_])(?:v|ver|version|rev|revision|draft|final|copy|old|new|latest|entwurf|kopie|alt|neu|"
    r"endfassung|fassung|stand|"
    + "|".join({*_MONTHS, *(m[:3] for m in _MONTHS)})
    + r")(?![^\W\d_])"
)
_OTHER = re.compile(r"[\W_]+")
_MIN_KEY = 3  # letters that two names must share


@dataclass(frozen=True, slots=True)
class VersionName:
    """A path, taken apart: what names the document, and what tells its version."""

    key: str  # the same for all versions; "" where the name says too little
    date: tuple[int, ...]  # year, month, day, as far as they are named; () without a year
    numbers: tuple[int, ...]  # the others, in order


def version_name(path: str) -> VersionName:
    """Take the path of a document apart. A date in a folder's name counts where the document's own
    name has none."""
    folder, _, name = path.lower().rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix) > 5 or not stem:
        stem, suffix = name, ""
    dates = [_find_date(stem), _find_date(folder)]
    rest = _DATE.sub(" ", _DAY_FIRST.sub(" ", stem))
    numbers = tuple(int(digits) for digits in _NUMBER.findall(rest)[:8] if len(digits) < 10)
    key = _OTHER.sub(" ", _WORDS.sub(" ", _NUMBER.sub(" ", rest))).strip()
    if sum(map(str.isalpha, key)) < _MIN_KEY:
        key = ""
    return VersionName(key, dates[0] or dates[1], numbers)


def _find_date(text: str) -> tuple[int, ...]:
    match = _DAY_FIRST.search(text) or _DATE.search(text)
    if match is None:
        return ()
    parts = []
    for name in ("year", "month", "day"):
        if match[name] is None:
            break
        parts.append(int(match[name]))
    return tuple(parts)


def is_newer(
    first: VersionName, second: VersionName, mtimes: tuple[int, int] = (0, 0)
) -> bool | None:
    """Return whether `second` is a newer version of `first`'s document; None if they are no
    versions of one document, or if nothing tells which is newer.

    The dates of the names decide, then their numbers, then the times of modification.
    """
    if not first.key or first.key != second.key:
        return None
    if first.date and second.date and first.date != second.date:
        return first.date < second.date
    if first.numbers and second.numbers and first.numbers != second.numbers:
        return first.numbers < second.numbers
    if mtimes[0] == mtimes[1]:
        return None
    return mtimes[0] < mtimes[1]
