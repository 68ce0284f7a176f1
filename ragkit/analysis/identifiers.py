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
_MAX_NUMBER = 6  # digits of a number before a unit


def joined_spellings(text: str, *, is_query: bool = False) -> list[str]:
    """Return the spellings without separators of the identifiers in a normalized text, and its
    definitions as `class=name`; each once.

    In a query, lower case is read like upper case (`dec 0054`): what the index lacks is ignored.
    """
    return list(dict.fromkeys(joined for _, joined in joined_matches(text, is_query=is_query)))


def is_definition(chunk: str) -> bool:
    """Whether a text without white space may be the beginning of a definition."""
    return chunk.endswith(_KINDS)


def joined_matches(text: str, *, is_query: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the identifiers and definitions of a text, as it has them, with each spelling that
    `joined_spellings` returns."""
    if _DIGIT.search(text):
        for code in _code_matches(text.upper() if is_query else text):
            for joined in _joined_prefixes(code):
                yield code, joined
    yield from unit_matches(text)
    end = 0
    for start in sorted(_definition_starts(text)):
        if start >= end and (match := _definitions().match(text, start)):
            yield match[0], f"{match[1]}={match[2]}"
            end = match.end()


def unit_matches(text: str) -> Iterator[tuple[str, str]]:
    """Yield the amounts with the sign of a unit, as a text has them, each with its spelling without
    a space: `5 kg` and 5kg; of a range both ends, `5–10 kg` and 5kg, 10kg."""
    if not _DIGIT.search(text):
        return
    for run in _digits_and_space().finditer(text):
        if match := _quantities().match(text, run.start()):
            yield match[0], match[1] + match[2]
    for sign in range_signs().finditer(text):
        first = _last_number().search(text, max(0, sign.start() - _MAX_NUMBER), sign.start() + 1)
        last = _quantities().match(text, sign.end())
        if not first or not last or follows_number(text, first.start()):
            continue
        if int(first[0]) < int(last[1]):
            yield text[first.start() : last.end()], first[0] + last[2]


def follows_number(text: str, start: int) -> bool:
    """Whether a number that begins at `start` is not the first of a row, such as of a date."""
    return bool(_number_before().match(text, max(0, start - 2), start))


def _code_matches(text: str) -> Iterator[str]:
    """Yield what `_codes` matches. It is tried only where a second group with a digit follows a
    capital or a digit: at every word it would take long."""
    end = 0
    for second in _second_group().finditer(text):
        if second.start() < end:
            continue
        start = second.start() + 1
        while start > end and text[start - 1] in _CODE_CHARACTERS:
            start -= 1
        match = _codes().match(text, start - 1) if text[start - 1 : start] == "+" else None
        match = match or _codes().match(text, start)
        if match:
            yield match[0]
            end = match.end()


def _definition_starts(text: str) -> Iterator[int]:
    for kind in _KINDS:
        if kind in text:
            for space in " \t":
                start = text.find(kind + space)
                while start >= 0:
                    yield start
                    start = text.find(kind + space, start + 1)


def _joined_prefixes(code: str) -> list[str]:
    """`ISO 27001 2022` → ISO27001, ISO270012022; nothing for numbers that only stand together."""
    groups = re.split(_SEPARATOR, code.lstrip("+"))
    if all(map(str.isdigit, groups)):
        joined = "".join(groups)
        is_number = (
            _MIN_NUMBER_GROUPS <= len(groups) <= _MAX_NUMBER_GROUPS and len(joined) >= _MIN_DIGITS
        )
        return [joined] if is_number else []
    groups = groups[:MAX_JOINED_LENGTH]  # each has a character
    prefixes = ["".join(groups[:count]) for count in range(2, len(groups) + 1)]
    return [joined for joined in prefixes if _MIN_LENGTH <= len(joined) <= MAX_JOINED_LENGTH]


_KINDS = (
    "class", "def", "func", "function", "fn", "struct", "interface", "enum", "trait", "protocol",
    "namespace", "macro",
)  # fmt: skip
_SEPARATOR = "[ \\-\u2010-\u2013]"
_DIGIT = re.compile("[0-9]")
_CODE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


# Compiled for the first text with a digit.
@cache
def _digits_and_space() -> re.Pattern[str]:
    return re.compile("[0-9]{1,6} (?=[A-Zµa-z])")


@cache
def _number_before() -> re.Pattern[str]:
    return re.compile("[0-9][-/\u2010-\u2014]")


@cache
def _second_group() -> re.Pattern[str]:
    return re.compile(f"[A-Z0-9](?={_SEPARATOR}[A-Z]{{0,3}}[0-9])")


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
        r"(?<![\w.])([0-9]{1,6}) ?"
        r"([kcmµn]?m|[km]?g|[mc]?l|[mµn]?s|min|h|[km]?[VWA]|[km]?Wh|mAh|[kMG]?Hz|[kKMGT]i?B|px|pt|rpm|dB)"
        r"(?!\w)"
    )


@cache
def _last_number() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,])[0-9]{{1,{_MAX_NUMBER}}}$")


@cache
def range_signs() -> re.Pattern[str]:
    """What stands between the numbers of a range, from the last digit of the first one to the
    number, or its currency, at the end: `5–10`, `EUR 5 to EUR 10`."""
    words = "to|till|bis|à|a|al|até|do|до|til|tot"
    return re.compile(
        f"[0-9](?: ?[-\u2010-\u2014~～〜] ?| (?:{words}) | ?(?:至|到|から) ?)"
        r"(?=[€$£¥₹₽₴₩₪₺₫₱฿]? ?[0-9]|[A-Za-z]{3} ?[0-9])"
    )


@cache
def _definitions() -> re.Pattern[str]:
    return re.compile(
        rf"\b({'|'.join(_KINDS)})"
        r"[ \t]{1,4}([A-Za-z_]\w{1,60})"
    )
