"""Values of documents' metadata as filters compare them: elements of lists, and instants.

Metadata is stored as text, as the document has it: a list is joined by commas, and a date may have
any notation. Knows no SQL.
"""

from __future__ import annotations

import datetime
import re
from email.utils import parsedate_to_datetime
from functools import lru_cache

# Fields whose commas are punctuation.
PROSE_FIELDS = frozenset({
    "title", "subject", "description", "summary", "abstract", "excerpt", "comment", "location",
    "address", "publisher", "name",
})  # fmt: skip
_SEPARATOR = re.compile(r"[,;\n]")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_ISO = re.compile(
    r"(\d{4})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?"
    r"(?:[T ]{1,2}(\d{1,2}):(\d\d)(?::(\d\d))?(?:[.,]\d{1,12})?)? ?(Z|UTC|[+-]\d\d(?::?\d\d)?)?$",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:T?(\d\d)(\d\d)(\d\d)?)?(Z|[+-]\d{4})?$", re.ASCII | re.IGNORECASE
)
_DOTTED = re.compile(r"(\d{1,2})\. ?(\d{1,2})\. ?(\d{4})$", re.ASCII)  # day, month, year
_DAY_FIRST = re.compile(
    r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\.? (?P<month>[A-Za-z]{3,9})\.?,? (?P<year>\d{4})$", re.ASCII
)
_MONTH_FIRST = re.compile(
    r"(?P<month>[A-Za-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})$", re.ASCII
)
_MONTH_ONLY = re.compile(r"(?P<month>[A-Za-z]{3,9})\.?,? (?P<year>\d{4})$", re.ASCII)
_MAX_LENGTH = 60


def has_element(text: str, value: str) -> bool:
    """Whether `text` is `value`, or a list with that element: "water, bird" has "bird"."""
    if text == value:
        return True
    return value in text and value in (part.strip() for part in _SEPARATOR.split(text))


def has_number(text: str, value: float) -> bool:
    """Whether `text` is a number equal to `value`, or a list with one."""
    return any(number(part) == value for part in _SEPARATOR.split(text))


def number(text: str) -> float | None:
    """Return the number that a text is; None for any other text."""
    try:
        return float(text)
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def instant(text: str) -> float | None:
    """Return the seconds since 1970 at which the time of a date begins; None if it is no date.

    ISO 8601 with or without an offset, iCalendar, mail (RFC 5322), `5 March 2024`, `March 5, 2024`
    and `05.03.2024`. A time without an offset is in UTC. `03/05/2024` has two meanings: no date.
    """
    text = text.strip()
    if not text[:1].isalnum() or len(text) > _MAX_LENGTH:
        return None
    try:
        moment = _moment(text)
        return None if moment is None else moment.timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _moment(text: str) -> datetime.datetime | None:
    match = _ISO.match(text) or _COMPACT.match(text)
    if match is not None:
        year, month, day, hour, minute, second, zone = match.groups()
        numbers = [int(part or missing) for part, missing in (
            (year, 1), (month, 1), (day, 1), (hour, 0), (minute, 0), (second, 0),
        )]  # fmt: skip
        numbers[5] = min(numbers[5], 59)  # a leap second
        return _utc(numbers) - _offset(zone)
    if match := _DOTTED.match(text):
        return _utc([int(match[3]), int(match[2]), int(match[1])])
    named = _DAY_FIRST.match(text) or _MONTH_FIRST.match(text) or _MONTH_ONLY.match(text)
    if named and (month_number := _MONTHS.get(named["month"][:3].lower())):
        return _utc([int(named["year"]), month_number, int(named.groupdict().get("day") or 1)])
    if ":" not in text:
        return None
    parsed = parsedate_to_datetime(text)
    return parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=datetime.UTC)


def _utc(numbers: list[int]) -> datetime.datetime:
    """Year, month, day, and perhaps hour, minute, second as a moment in UTC. Raises ValueError."""
    year, month, day, hour, minute, second = (*numbers, 0, 0, 0)[:6]
    return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)


def _offset(zone: str | None) -> datetime.timedelta:
    """The distance from UTC of "Z", "+01", "-0500" or "+05:30"."""
    if not zone or zone.upper() in ("Z", "UTC"):
        return datetime.timedelta()
    digits = zone[1:].replace(":", "").ljust(4, "0")
    distance = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -distance if zone[0] == "-" else distance
