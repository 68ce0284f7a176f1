"""Identifiers that are written in several ways: with a hyphen, with spaces, in one piece.

`DEC-0054`, `ISO 27001`, `10 mm` and an account number in groups of four are also indexed without
what separates their parts, so that one spelling finds the other. A definition (`class Name`) is
also indexed as a unit, so that it comes before the places that use the name. Queries are treated
alike. Knows no language and no index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

MAX_JOINED_LENGTH = 40  # characters of a spelling without separators
_MAX_NUMBER_GROUPS = 8  # groups of digits; more are a row of a table
_MIN_NUMBER_GROUPS, _MIN_DIGITS = 3, 7  # of a number in groups, such as a telephone number
_MIN_LENGTH = 3  # characters of a code such as E-1


def joined_spellings(text: str, *, is_query: bool = False) -> list[str]:
    """Return the spellings without separators of the identifiers in a normalized text, and its
    definitions as `class=name`; each once.

    In a query, lower case is read like upper case (`dec 0054`): what the index lacks is ignored.
    """
    return list(dict.fromkeys(joined for _, joined in joined_matches(text, is_query=is_query)))


def joined_matches(text: str, *, is_query: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the identifiers and definitions of a text, as it has them, with each spelling that
    `joined_spellings` returns."""
    if any(map(str.isdigit, text)):
        for match in _codes().finditer(text.upper() if is_query else text):
            for joined in _joined_prefixes(match[0]):
                yield match[0], joined
        for match in _quantities().finditer(text):
            yield match[0], match[1] + match[2]
    for match in _definitions().finditer(text) if any(word in text for word in _KINDS) else ():
        yield match[0], f"{match[1]}={match[2]}"


def _joined_prefixes(code: str) -> list[str]:
    """`ISO 27001 2022` → ISO27001, ISO270012022; nothing for numbers that only stand together."""
    groups = re.split(_SEPARATOR, code.lstrip("+"))
    if all(map(str.isdigit, groups)):
        joined = "".join(groups)
        is_number = (
            _MIN_NUMBER_GROUPS <= len(groups) <= _MAX_NUMBER_GROUPS and len(joined) >= _MIN_DIGITS
        )
        return [joined] if is_number else []
    prefixes = ["".join(groups[:count]) for count in range(2, len(groups) + 1)]
    return [joined for joined in prefixes if _MIN_LENGTH <= len(joined) <= MAX_JOINED_LENGTH]


_KINDS = (
    "class", "def", "func", "function", "fn", "struct", "interface", "enum", "trait", "protocol",
    "namespace", "macro",
)  # fmt: skip
_SEPARATOR = "[ \\-\u2010-\u2013]"


@cache
def _codes() -> re.Pattern[str]:
    # Groups of capitals and digits with one separator between them; each but the first has a
    # digit, after at most three capitals.
    return re.compile(
        rf"(?<![\w.])\+?[A-Z0-9]{{1,20}}(?:{_SEPARATOR}[A-Z]{{0,3}}[0-9][A-Z0-9]{{0,19}})+(?!\w)"
    )


@cache
def _quantities() -> re.Pattern[str]:
    return re.compile(
        r"(?<![\w.])([0-9]{1,6}) "
        r"([kcmµn]?m|[km]?g|[mc]?l|[mµn]?s|min|h|[km]?[VWA]|[km]?Wh|mAh|[kMG]?Hz|[kKMGT]i?B|px|pt|rpm|dB)"
        r"(?!\w)"
    )


@cache
def _definitions() -> re.Pattern[str]:
    return re.compile(
        rf"\b({'|'.join(_KINDS)})"
        r"[ \t]{1,4}([A-Za-z_]\w{1,60})"
    )
