"""Convert the values of a filter: to a text, a number, a date or a media type.

The field decides. `page` and `size` take numbers, `mtime` a date, `type` a media type, an extension
(`pdf`) or a glob (`image/*`); for other fields the form of the value decides, and a quoted value is
text. Raises UsageError. Knows no syntax of filters.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable

from ragkit.errors import UsageError
from ragkit.storage.sqlite.filters import Date, Value

_NUMBER = re.compile(r"[+-]?(\d{1,18}(\.\d{0,18})?|\.\d{1,18})$", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"([T ](?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d))?)?)?)?"
    r"(?P<zone>Z|(?<=:\d\d)[+-]\d\d(:?\d\d)?)?$",
    re.ASCII,
)
_EQUALITY = ("=", "!=", "in", "not in", "~", "!~")


def parse_value(field: str, operator: str, text: str, *, quoted: bool) -> Value:
    """Return the value that `text` stands for in an expression. Raises UsageError."""
    if "\0" in text:
        raise UsageError(f"{text[:40]!r} contains a NUL character")
    if operator in ("~", "!~"):
        if field in ("page", "size", "mtime"):
            raise UsageError(f"{field} cannot be compared with {operator}; expected < <= = >= >")
        return text
    if field in ("type", "language") and operator not in _EQUALITY:
        raise UsageError(f"{field} cannot be compared with {operator}; expected =, !=, in or ~")
    if field in _PARSERS:
        return _PARSERS[field](field, text)
    if quoted or field in ("path", "root", "title", "language"):
        return text
    return float(text) if _NUMBER.match(text) else _date(text) or text


def convert_value(field: str, operator: str, value: object) -> Value:
    """Return the filter value of a Python or JSON value. Raises UsageError.

    Text counts as quoted, unless it is a date.
    """
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        value = value.astimezone(datetime.UTC).replace(tzinfo=None)
    if isinstance(value, datetime.date):
        value = value.isoformat()[:19]
    if isinstance(value, str):
        is_date = operator not in ("~", "!~") and "-" in value and _date(value) is not None
        return parse_value(field, operator, value, quoted=not is_date)
    if isinstance(value, (int, float)) and math.isfinite(value):
        if field == "mtime" and operator not in ("~", "!~"):  # seconds since 1970, as of `os.stat`
            return _second(field, value)
        return parse_value(field, operator, f"{value:.15g}", quoted=False)
    raise UsageError(f"{field} is {value!r}; expected a text, a number or a date")


def _second(field: str, seconds: float) -> Date:
    """Return the second that starts `seconds` after 1970 began, UTC."""
    try:
        start = datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{field} is {seconds!r}; expected seconds since 1970") from None
    return Date(start.isoformat(), start, start + datetime.timedelta(seconds=1))


def _date(text: str) -> Date | None:
    """Return the interval of a date, as precise as it is written; None where it is no date."""
    match = _DATE.match(text)
    if match is None:
        return None
    groups = match.groupdict()
    zone = groups.pop("zone")
    parts = {name: int(part) for name, part in groups.items() if part is not None}
    try:
        start = datetime.datetime(
            parts["year"],
            parts.get("month", 1),
            parts.get("day", 1),
            parts.get("hour", 0),
            parts.get("minute", 0),
            parts.get("second", 0),
        )
        if "month" not in parts:
            end = start.replace(year=start.year + 1)
        elif "day" not in parts:
            end = (start + datetime.timedelta(days=31)).replace(day=1)
        else:
            last = next(name for name in ("second", "minute", "day") if name in parts)
            end = start + datetime.timedelta(**{f"{last}s": 1})
        start, end = start - _offset(zone), end - _offset(zone)
    except (ValueError, OverflowError):  # the 30th of February, or the year 0
        return None
    return Date(text.rstrip("Z").replace(" ", "T"), start, end)


def _offset(zone: str | None) -> datetime.timedelta:
    """Return the distance from UTC of "Z", "+01", "-0500" or "+05:30"."""
    if zone in (None, "Z"):
        return datetime.timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    distance = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -distance if zone[0] == "-" else distance


def _number(field: str, text: str) -> float:
    if not _NUMBER.match(text):
        raise UsageError(f"{field} is {text[:40]!r}; expected a number")
    return float(text)


def _time(field: str, text: str) -> Date:
    date = _date(text)
    if date is None:
        raise UsageError(
            f"{field} is {text[:40]!r}; expected a date: 2024, 2024-03, 2024-03-05 or "
            "2024-03-05T10:30"
        )
    return date


def _type(field: str, text: str) -> str:
    name = text.lower().removeprefix(".")
    if "/" in name:
        return name
    from ragkit.documents.registry import BY_EXTENSION  # only for queries that filter by type

    if name not in BY_EXTENSION:
        raise UsageError(f"{field} is {text[:40]!r}; expected pdf, docx, text/html, …")
    return BY_EXTENSION[name].media_type


_PARSERS: dict[str, Callable[[str, str], Value]] = {
    "page": _number,
    "size": _number,
    "mtime": _time,
    "type": _type,
}
