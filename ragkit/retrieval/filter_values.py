"""What a value in a filter means: a text, a number, a date, or the name of a file type.

Contract: the field decides. `page` and `size` take numbers, `mtime` a date, `type` a media type, an
extension (`pdf`) or a glob (`image/*`) and other fields whatever the value looks like; in quotes it
is text. Raises UsageError. Knows no syntax of filters.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable

from ragkit.errors import UsageError
from ragkit.records.media_types import EXTENSIONS
from ragkit.storage.sqlite.filters import Date, Value

_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})$", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"([T ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d))?)?)?)?Z?$",
    re.ASCII,
)
_TYPES = ("=", "!=", "in", "not in", "~", "!~")


def value(field: str, operator: str, text: str, *, quoted: bool) -> Value:
    """A value as it was written."""
    if "\0" in text:
        raise UsageError(f"{text[:40]!r} holds a NUL")
    if operator in ("~", "!~"):
        if field in ("page", "size", "mtime"):
            raise UsageError(f"{field} is not compared with {operator}; expected < <= = >= >")
        return text
    if field in ("type", "language") and operator not in _TYPES:
        raise UsageError(f"{field} is not compared with {operator}; expected =, !=, in or ~")
    if field in _KINDS:
        return _KINDS[field](field, text)
    if quoted or field in ("path", "root", "title", "language"):
        return text
    return float(text) if _NUMBER.match(text) else _date(text) or text


def plain(field: str, operator: str, found: object) -> Value:
    """A value as a program gives it: text as in quotes, except that a date is one."""
    if isinstance(found, bool):
        found = str(found).lower()
    if isinstance(found, datetime.datetime) and found.tzinfo is not None:
        found = found.astimezone(datetime.UTC).replace(tzinfo=None)
    if isinstance(found, datetime.date):
        found = found.isoformat()[:19]
    if isinstance(found, str):
        is_date = operator not in ("~", "!~") and "-" in found and _date(found) is not None
        return value(field, operator, found, quoted=not is_date)
    if isinstance(found, (int, float)) and math.isfinite(found):
        if field == "mtime" and operator not in ("~", "!~"):  # seconds since 1970, as of `os.stat`
            return _second(field, found)
        return value(field, operator, f"{found:.15g}", quoted=False)
    raise UsageError(f"{field} is {found!r}; expected a text, a number or a date")


def _second(field: str, seconds: float) -> Date:
    try:
        start = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{field} is {seconds!r}; expected seconds since 1970") from None
    return Date(start.isoformat(), start, start + datetime.timedelta(seconds=1))


def _date(text: str) -> Date | None:
    """A date as far as it was said; None where it is none."""
    match = _DATE.match(text)
    if match is None:
        return None
    given = {name: int(part) for name, part in match.groupdict().items() if part is not None}
    try:
        start = datetime.datetime(
            given["year"],
            given.get("month", 1),
            given.get("day", 1),
            given.get("hour", 0),
            given.get("minute", 0),
            given.get("second", 0),
        )
        if "month" not in given:
            end = start.replace(year=start.year + 1)
        elif "day" not in given:
            end = (start + datetime.timedelta(days=31)).replace(day=1)
        else:
            last = next(name for name in ("second", "minute", "day") if name in given)
            end = start + datetime.timedelta(**{f"{last}s": 1})
    except (ValueError, OverflowError):  # the 30th of February, or the year 0
        return None
    return Date(text.rstrip("Z").replace(" ", "T"), start, end)


def _number(field: str, text: str) -> float:
    if not _NUMBER.match(text):
        raise UsageError(f"{field} is {text[:40]!r}; expected a number")
    return float(text)


def _time(field: str, text: str) -> Date:
    found = _date(text)
    if found is None:
        raise UsageError(
            f"{field} is {text[:40]!r}; expected a date: 2024, 2024-03, 2024-03-05 or "
            "2024-03-05T10:30"
        )
    return found


def _type(field: str, text: str) -> str:
    name = text.lower().removeprefix(".")
    if "/" in name:
        return name
    if name not in EXTENSIONS:
        raise UsageError(f"{field} is {text[:40]!r}; expected pdf, docx, text/html, …")
    return EXTENSIONS[name]


_KINDS: dict[str, Callable[[str, str], Value]] = {
    "page": _number,
    "size": _number,
    "mtime": _time,
    "type": _type,
}
