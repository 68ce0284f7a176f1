"""Spreadsheet number formats: cell values as text, for dates, percentages, currencies and decimals.

Interprets an Excel format code (ECMA-376 part 1, 18.8.30) as far as it changes the words: dates
come out in ISO 8601, thousands are not grouped, colours and conditions are ignored. Knows numbers
and format codes; not cells or files.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

# Format id → code of the formats that a workbook does not write down (ECMA-376 part 1, 18.8.30).
BUILT_IN_FORMATS = {
    **{1: "0", 2: "0.00", 3: "0", 4: "0.00", 9: "0%", 10: "0.00%"},
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys(range(18, 22), "hh:mm"),
    **{22: "yyyy-mm-dd hh:mm", 37: "0", 38: "0", 39: "0.00", 40: "0.00"},
    **{45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"},
}
_MAX_CODE = 255  # characters of a format code, as in Excel
_MAX_DECIMALS = 15
# Quoted and escaped literals, brackets, fillers, digit placeholders, other characters.
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|\[([^\]]*)\]|[_*].|([0#?][0#?.,]*)|(.)', re.DOTALL)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_EPOCH = datetime(1899, 12, 30)  # day 0, because Excel counts 29 February 1900
_EPOCH_1904 = datetime(1904, 1, 1)
_MAX_FORMATTED = 1e12  # larger numbers ignore their format
_MAX_DAY = 2_958_466  # the day after 9999-12-31


class NumberFormat(NamedTuple):
    """A parsed format code."""

    kind: str = "general"  # general, number, percent, date, elapsed
    decimals: int = 0
    before: str = ""  # literal before the number: "€ "
    after: str = ""  # literal after it: " kg"


GENERAL = NumberFormat()


@lru_cache(maxsize=1000)
def parse_format(code: str) -> NumberFormat:
    """Parse a format code such as `#,##0.00 [$€-407]`. Only its first section counts.

    Never fails: a code without digits or date letters is `GENERAL`.
    """
    before, after, digits, kind = "", "", "", "number"
    if code.casefold() == "general":
        return GENERAL
    for quoted, escaped, bracket, number, symbol in _TOKEN.findall(code[:_MAX_CODE]):
        if symbol == ";":
            break
        if (special := _special_format(bracket, symbol, digits)) is not None:
            return special
        literal = quoted or escaped or symbol.strip("@%")
        if bracket.startswith("$"):  # a currency: [$€-407]
            literal = bracket[1:].partition("-")[0]
        digits = digits or number
        kind = "percent" if symbol == "%" else kind
        if digits:
            after += literal
        else:
            before += literal
    if not digits:
        return GENERAL
    decimals = len(digits.partition(".")[2].rstrip(","))
    return NumberFormat(kind, min(decimals, _MAX_DECIMALS), before.lstrip(), after.rstrip())


def _special_format(bracket: str, symbol: str, digits: str) -> NumberFormat | None:
    """Return the format that a single token decides (date, elapsed time, general), or None."""
    if _ELAPSED.fullmatch(bracket):
        return NumberFormat("elapsed")
    if symbol and digits and symbol in "eE/":  # scientific notation and fractions
        return GENERAL
    if symbol and symbol in "dDmMyYhHsSgGbBeE":
        return NumberFormat("date")
    return None


def format_number(
    value: float, number_format: NumberFormat, *, use_1904_epoch: bool = False
) -> str:
    """Return a cell's number as text; "" if it is not finite.

    `use_1904_epoch`: day 0 is 1904-01-01 (the workbook's `date1904`), else 1899-12-30.
    """
    if number_format is GENERAL and value.is_integer() and abs(value) < _MAX_FORMATTED:
        return str(int(value))  # the most frequent case first
    if number_format.kind == "date" and 0 <= value < _MAX_DAY:
        return _format_date(value, use_1904_epoch)
    if number_format.kind == "elapsed" and abs(value) < _MAX_DAY:
        seconds = round(abs(value) * 86400)
        sign = "-" if value < 0 else ""
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if number_format.kind in {"percent", "number"} and abs(value) < _MAX_FORMATTED:
        sign, percent, scale = ("-" if value < 0 else ""), "", 1
        if number_format.kind == "percent":
            percent, scale = "%", 100
        digits = _round_half_up(abs(value), scale, number_format.decimals)
        return f"{sign}{number_format.before}{digits}{percent}{number_format.after}"
    if not math.isfinite(value):
        return ""
    is_integer = value == round(value) and abs(value) < _MAX_FORMATTED
    return f"{value:.0f}" if is_integer else f"{value:.12g}"


def _round_half_up(value: float, scale: int, decimals: int) -> str:
    """Round as spreadsheets do: half up, on the shortest decimal form of the number."""
    exact = Decimal(repr(value)) * scale
    return str(exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))


def _format_date(value: float, use_1904_epoch: bool) -> str:
    """Return a day, a time of day, or both: whatever the serial number contains."""
    epoch = _EPOCH_1904 if use_1904_epoch else _EPOCH
    if 0 < value < 60 and not use_1904_epoch:  # before Excel's 29 February 1900
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
