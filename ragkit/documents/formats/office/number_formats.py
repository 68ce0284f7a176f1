"""Cell values as a person reads them: dates, percentages, currencies, rounded numbers.

Follows a format code of Excel as far as it changes what is read: dates come out in ISO 8601,
thousands are not grouped, colours and conditions are ignored. Knows numbers and format codes.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

# The formats every workbook has without writing them down.
BUILT_IN = {
    **{1: "0", 2: "0.00", 3: "0", 4: "0.00", 9: "0%", 10: "0.00%"},
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys(range(18, 22), "hh:mm"),
    **{22: "yyyy-mm-dd hh:mm", 37: "0", 38: "0", 39: "0.00", 40: "0.00"},
    **{45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"},
}
_LONGEST = 255  # characters of a format code, as in Excel
# What a format code is made of: quoted and escaped literals, brackets, fillers, digits.
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|\[([^\]]*)\]|[_*].|([0#?][0#?.,]*)|(.)', re.DOTALL)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_EPOCH = datetime(1899, 12, 30)  # day 0, as if 1900 had been a leap year
_EPOCH_1904 = datetime(1904, 1, 1)
_MOST = 1e12  # larger numbers are written as they are
_LAST_DAY = 2_958_466  # after 9999-12-31


class Format(NamedTuple):
    """What a format code means for reading."""

    kind: str = "general"  # general, number, percent, date, elapsed
    decimals: int = 0
    before: str = ""  # literals around the number: "€ "
    after: str = ""


GENERAL = Format()


@lru_cache(maxsize=1000)
def parsed(code: str) -> Format:
    """The meaning of a format code; only its first section counts."""
    before, after, digits, kind = "", "", "", "number"
    if code.casefold() == "general":
        return GENERAL
    for quoted, escaped, bracket, number, other in _TOKEN.findall(code[:_LONGEST]):
        if other == ";":
            break
        if (special := _special(bracket, other, digits)) is not None:
            return special
        literal = quoted or escaped or other.strip("@%")
        if bracket.startswith("$"):  # a currency: [$€-407]
            literal = bracket[1:].partition("-")[0]
        digits = digits or number
        kind = "percent" if other == "%" else kind
        if digits:
            after += literal
        else:
            before += literal
    if not digits:
        return GENERAL
    decimals = len(digits.partition(".")[2].rstrip(","))
    return Format(kind, min(decimals, 15), before.lstrip(), after.rstrip())


def _special(bracket: str, other: str, digits: str) -> Format | None:
    """What a token makes of the whole format, if it is no plain number."""
    if _ELAPSED.fullmatch(bracket):
        return Format("elapsed")
    if other and digits and other in "eE/":  # powers of ten and fractions
        return GENERAL
    if other and other in "dDmMyYhHsSgGbBeE":
        return Format("date")
    return None


def shown(value: float, form: Format, *, since_1904: bool = False) -> str:
    """A number in the form its cell asks for; "" where it is none (infinite)."""
    if form is GENERAL and value.is_integer() and abs(value) < _MOST:  # the most frequent
        return str(int(value))
    if form.kind == "date" and 0 <= value < _LAST_DAY:
        return _date(value, since_1904)
    if form.kind == "elapsed" and abs(value) < _LAST_DAY:
        seconds = round(abs(value) * 86400)
        sign = "-" if value < 0 else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if form.kind in {"percent", "number"} and abs(value) < _MOST:
        sign, mark, scale = ("-" if value < 0 else ""), "", 1
        if form.kind == "percent":
            mark, scale = "%", 100
        digits = _rounded(abs(value), scale, form.decimals)
        return f"{sign}{form.before}{digits}{mark}{form.after}"
    if not math.isfinite(value):
        return ""
    return f"{value:.0f}" if value == round(value) and abs(value) < _MOST else f"{value:.12g}"


def _rounded(value: float, scale: int, decimals: int) -> str:
    """Half up, as spreadsheets do it, on the digits that the number is written with."""
    exact = Decimal(repr(value)) * scale
    return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def _date(value: float, since_1904: bool) -> str:
    """A day, a time of day, or both, whatever there is."""
    epoch = _EPOCH_1904 if since_1904 else _EPOCH
    if 0 < value < 60 and not since_1904:  # before the leap day that never was
        epoch += timedelta(days=1)
    try:
        moment = epoch + timedelta(seconds=round(value * 86400))
    except OverflowError:
        return f"{value:.12g}"
    time = f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    if value < 1:
        return time
    day = moment.date().isoformat()
    return day if value == int(value) else f"{day} {time}"
