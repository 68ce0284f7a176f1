"""Spreadsheet number formats: cell values as text, for dates, percentages, currencies and decimals.

Interprets an Excel format code (ECMA-376 part 1, 18.8.30 and 18.8.31): sections and their
conditions, placeholders with literals between them, scaling, fractions. Dates come out in ISO 8601,
thousands are not grouped, colours are ignored, and negative numbers keep their sign. What cannot be
formatted is shown as the stored value. Knows numbers and format codes; not cells or files.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

# Format id → code of the formats that a workbook does not write down (ECMA-376 part 1, 18.8.30).
BUILT_IN_FORMATS = {
    **{1: "0", 2: "0.00", 3: "0", 4: "0.00", 9: "0%", 10: "0.00%", 12: "# ?/?", 13: "# ??/??"},
    **dict.fromkeys((*range(14, 18), *range(27, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys(range(18, 22), "hh:mm"),
    **{22: "yyyy-mm-dd hh:mm", 37: "0", 38: "0", 39: "0.00", 40: "0.00"},
    **{45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss"},
}
_MAX_CODE = 255  # characters of a format code, as in Excel
_MAX_DECIMALS = 15
# Quoted and escaped literals, brackets, fillers, digit placeholders, other characters.
_TOKEN = re.compile(
    r'"([^"]*)"|\\(.)|\[([^\]]*)\]|[_*].|([0#?][0#?.,]*|\.[0#?]+)|(general|am/pm|a/p|.)',
    re.DOTALL | re.IGNORECASE,
)
_DECIMAL_SECONDS = re.compile(r"s\.(0{1,3})", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)
_CONDITION = re.compile(r"(<=|>=|<>|<|>|=)(-?\d{1,15}(?:\.\d{1,15})?)")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "=": operator.eq, "<>": operator.ne,
}  # fmt: skip
_DATE_LETTERS = frozenset("dDmMyYhHsSgGbBeE")
_EPOCH = datetime(1899, 12, 30)  # day 0, because Excel counts 29 February 1900
_EPOCH_1904 = datetime(1904, 1, 1)
_MAX_FORMATTED = 1e15  # larger numbers ignore their format
_MAX_INTEGER = 1e12
_MAX_DAY = 2_958_466  # the day after 9999-12-31
_QUANTA = tuple(Decimal(1).scaleb(-decimals) for decimals in range(_MAX_DECIMALS + 1))
_MAX_SECTIONS = 4
_VALUE = "\0"  # placeholder of the text (`@`), or of the number in General format


class FormatSection(NamedTuple):
    """A part of a format code, for numbers of one sign, or for text."""

    kind: str = "general"  # general, number, fraction, literal, date, elapsed
    pieces: tuple[tuple[bool, str], ...] = ()  # in order: (are placeholders, text)
    decimals: int = 0  # of a fraction: index of the piece with its slash
    required: int = 0  # decimals that are written even if they are 0
    scale: int = 0  # power of ten: 2 for percentages, -3 for each scaling comma
    condition: tuple[str, float] | None = None
    has_sign: bool = False  # writes the sign of negative numbers itself
    has_text: bool = False  # contains @
    around: tuple[str, str] | None = None  # literals around a number whose digits need no filling


class NumberFormat(NamedTuple):
    """A parsed format code: its sections, for positive and negative numbers, zero and text."""

    sections: tuple[FormatSection, ...] = (FormatSection(),)


GENERAL = NumberFormat()


@lru_cache(maxsize=1000)
def parse_format(code: str) -> NumberFormat:
    """Parse a format code such as `#,##0.00 [$€-407];(0.00)`.

    Never fails: what cannot be interpreted shows the stored value.
    """
    if code.casefold() in {"general", ""}:
        return GENERAL
    sections: list[list[tuple[str, ...]]] = [[]]
    for token in _TOKEN.findall(code[:_MAX_CODE]):
        if token[4] == ";":
            sections.append([])
        else:
            sections[-1].append(token)
    return NumberFormat(tuple(_parse_section(tokens) for tokens in sections[:_MAX_SECTIONS]))


def _parse_section(tokens: list[tuple[str, ...]]) -> FormatSection:
    pieces: list[tuple[bool, str]] = []
    condition, percents, has_text, has_digits, is_general = None, 0, False, False, False
    slash = 0  # index of a slash between two numbers
    for quoted, escaped, bracket, digits, symbol in tokens:
        if (kind := _special_kind(bracket, symbol, has_digits)) is not None:
            code = "".join(map("".join, tokens)) if kind != "general" else ""
            seconds = _DECIMAL_SECONDS.search(code)
            return FormatSection(kind, decimals=len(seconds[1]) if seconds else 0)
        if match := _CONDITION.fullmatch(bracket):
            condition = (match[1], float(match[2]))
        is_general = is_general or symbol.casefold() == "general"
        has_text = has_text or symbol == "@"
        percents += symbol == "%"
        is_value = symbol == "@" or symbol.casefold() == "general"
        literal = quoted or escaped or ("" if len(symbol) > 1 else symbol)
        if bracket.startswith("$"):  # a currency: [$€-407]
            literal = bracket[1:].partition("-")[0]
        if slash and len(pieces) == slash + 2 and _continues(pieces[-1], digits or symbol):
            pieces[-1] = (False, pieces[-1][1] + (digits or symbol))  # the 16 of `# ??/16`
        elif digits:
            has_digits = True
            pieces.append((True, digits))
        elif literal or is_value:
            if symbol == "/":  # one in quotation marks is a literal
                slash = len(pieces)
            pieces.append((False, _VALUE if is_value else literal))
    if is_general or (has_text and not has_digits):
        return FormatSection("general", tuple(pieces), condition=condition, has_text=has_text)
    if not has_digits:
        kind = "literal" if any(text.strip() for _, text in pieces) else "general"
        return FormatSection(kind, tuple(pieces), condition=condition, has_sign=kind == "literal")
    if 0 < slash < len(pieces) - 1 and pieces[slash - 1][0]:
        below = pieces[slash + 1]
        if below[0] or below[1].isdecimal():
            return FormatSection("fraction", tuple(pieces), slash, condition=condition)
    return _number_section(pieces, condition, percents)


def _continues(before: tuple[bool, str], digits: str) -> bool:
    """Whether these digits are the rest of a number that has begun, the denominator 16 or 100."""
    return not before[0] and before[1].isdecimal() and digits.isdecimal()


def _special_kind(bracket: str, symbol: str, has_digits: bool) -> str | None:
    """Return the kind that a single token decides, or None.

    A letter behind a placeholder is no date: many write `0.0 kg` without quotation marks.
    """
    if _ELAPSED.fullmatch(bracket):
        return "elapsed"
    if symbol in {"E", "e"} and has_digits:  # scientific notation: the stored value is clearer
        return "general"
    return "date" if symbol in _DATE_LETTERS and symbol and not has_digits else None


def _number_section(
    pieces: list[tuple[bool, str]], condition: tuple[str, float] | None, percents: int
) -> FormatSection:
    last = max(index for index, (is_digits, _) in enumerate(pieces) if is_digits)
    placeholders = "".join(text for is_digits, text in pieces if is_digits)
    integer, _, decimals = placeholders.partition(".")
    scale = 2 * percents
    for part in (integer if "." in placeholders else "", pieces[last][1]):
        scale -= 3 * (len(part) - len(part.rstrip(",")))
    decimals = decimals.replace(",", "").replace(".", "")[:_MAX_DECIMALS]
    cleaned = [(digits, text.replace(",", "") if digits else text) for digits, text in pieces]
    literals = "".join(text for is_digits, text in pieces if not is_digits)
    around = None
    places = integer.replace(",", "")
    if sum(digits for digits, _ in pieces) == 1 and places.count("0") == places.endswith("0") == 1:
        before = "".join(text for _, text in pieces[:last])
        after = "".join(text for _, text in pieces[last + 1 :])
        if "#" not in decimals and "(" not in before:
            around = before.lstrip(), after.rstrip()
    return FormatSection(
        "number",
        tuple(cleaned),
        len(decimals),
        len(decimals.rstrip("#")),
        scale,
        condition,
        "-" in literals or "−" in literals,
        around=around,
    )


def format_number(
    value: float, number_format: NumberFormat, *, use_1904_epoch: bool = False
) -> str:
    """Return a cell's number as text; "" if it is not finite.

    `use_1904_epoch`: day 0 is 1904-01-01 (the workbook's `date1904`), else 1899-12-30.
    """
    if number_format is GENERAL and value.is_integer() and abs(value) < _MAX_INTEGER:
        return str(int(value))  # the most frequent case first
    section, is_signed = _choose_section(value, number_format)
    if section.kind == "date" and 0 <= value < _MAX_DAY:
        return _format_date(value, use_1904_epoch, section.decimals)
    if section.kind == "elapsed" and abs(value) < _MAX_DAY:
        return ("-" if value < 0 else "") + _format_span(abs(value), section.decimals)
    if section.kind in {"number", "fraction", "literal"} and abs(value) < _MAX_FORMATTED:
        write = {"number": _format_digits, "fraction": _format_fraction}.get(section.kind, _literal)
        return ("-" if value < 0 and is_signed else "") + write(value, section)
    number = general_number(value)
    if (False, _VALUE) not in section.pieces:
        return number
    return "".join(number if piece == _VALUE else piece for _, piece in section.pieces).strip()


def format_text(text: str, number_format: NumberFormat) -> str:
    """Return a cell's text in its format: the section with `@`, such as `"Code "@`."""
    if number_format is GENERAL:
        return text
    sections = number_format.sections
    section = sections[3] if len(sections) > 3 else sections[-1]
    if section.has_text:
        return "".join(text if piece == _VALUE else piece for _, piece in section.pieces).strip()
    return text


def general_number(value: float) -> str:
    """Return a number without a format: at most 12 significant digits; "" if it is not finite."""
    if not math.isfinite(value):
        return ""
    is_integer = value == round(value) and abs(value) < _MAX_INTEGER
    return f"{value:.0f}" if is_integer else f"{value:.12g}"


def _choose_section(value: float, number_format: NumberFormat) -> tuple[FormatSection, bool]:
    """Return the section for a number, and whether a minus sign is to be written before it."""
    sections = number_format.sections[:3]
    if any(section.condition for section in sections):
        for section in sections:
            if section.condition is None or _COMPARE[section.condition[0]](
                value, section.condition[1]
            ):
                return section, not section.has_sign
        return FormatSection(), True
    if len(sections) > 2 and value == 0:
        return sections[2], False
    if len(sections) > 1 and value < 0:
        return sections[1], not sections[1].has_sign
    return sections[0], True


def _literal(value: float, section: FormatSection) -> str:
    return "".join(text for _, text in section.pieces).strip()


def _format_digits(value: float, section: FormatSection) -> str:
    """Fill the placeholders with the digits of a number, from the right to the left."""
    rounded = _round_half_up(abs(value), section.scale, section.decimals)
    if section.around is not None:  # the most frequent formats
        return rounded.join(section.around)
    integer, _, decimals = rounded.partition(".")
    decimals = decimals[: section.required] + decimals[section.required :].rstrip("0")
    pieces = _without_parentheses(section.pieces) if value < 0 else section.pieces
    point = _point_at(pieces)
    places = "".join(text for is_digits, text in pieces[: point + 1] if is_digits).partition(".")[0]
    remaining, count = integer.lstrip("0"), len(places)
    written: list[str] = []
    for index, (is_digits, text) in reversed([*enumerate(pieces)]):
        if not is_digits:
            written.append(text)
        if not is_digits or index > point:  # placeholders behind the decimals have no digits left
            continue
        if index == point and "." in text and decimals:
            written.append(f".{decimals}")
        for place in reversed(text.partition(".")[0]):
            count -= 1
            digit, remaining = remaining[-1:], remaining[:-1]
            if not count:
                digit = remaining + digit
            is_required = place == "0" or "0" in places[:count]
            written.append(digit or ("0" if is_required else ""))
    return "".join(reversed(written)).strip() or rounded


def _point_at(pieces: tuple[tuple[bool, str], ...]) -> int:
    """Return the index of the placeholders with the decimal point, or of the last ones."""
    last = 0
    for index, (is_digits, text) in enumerate(pieces):
        if is_digits:
            last = index
            if "." in text:
                break
    return last


def _without_parentheses(pieces: tuple[tuple[bool, str], ...]) -> tuple[tuple[bool, str], ...]:
    """Return the pieces without the parentheses that mark a negative number."""
    texts = [text for is_digits, text in pieces if not is_digits]
    if not (texts and texts[0].lstrip().startswith("(") and texts[-1].rstrip().endswith(")")):
        return pieces
    if sum(is_digits for is_digits, _ in pieces) > 1:  # (555) 123
        return pieces
    return tuple(
        (is_digits, text if is_digits else text.replace("(", "").replace(")", ""))
        for is_digits, text in pieces
    )


def _format_fraction(value: float, section: FormatSection) -> str:
    value = abs(value)
    pieces = list(section.pieces)
    slash = section.decimals
    below = pieces[slash + 1][1]
    fixed = int(below) if below.isdecimal() and below.strip("0") else 0
    has_whole = any(is_digits for is_digits, _ in pieces[: slash - 1])
    whole = int(value) if has_whole else 0
    if fixed:
        above = int(Decimal(value - whole) * fixed + Decimal("0.5"))
        denominator = fixed
    else:
        nearest = Fraction(value - whole).limit_denominator(10 ** min(len(below), 4) - 1)
        above, denominator = nearest.numerator, nearest.denominator
    if has_whole and above == denominator:
        whole, above = whole + 1, 0
    if not above and has_whole:
        return str(whole)
    fraction = f"{above}/{denominator}"
    return f"{whole} {fraction}" if whole else fraction


def _round_half_up(value: float, scale: int, decimals: int) -> str:
    """Round as spreadsheets do: half up, on the shortest decimal form of the number."""
    exact = Decimal(repr(value))
    if scale:
        exact = exact.scaleb(scale)
    return f"{exact.quantize(_QUANTA[decimals], ROUND_HALF_UP):f}"


def _format_span(days: float, decimals: int) -> str:
    seconds, part = _seconds(days, decimals)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{part}"


def _seconds(days: float, decimals: int) -> tuple[int, str]:
    """Return a time span in whole seconds, and its decimals of a second as text: ".25"."""
    if not decimals:
        return round(days * 86400), ""
    parts = round(days * 86400 * 10**decimals)
    return parts // 10**decimals, f".{parts % 10**decimals:0{decimals}}"


def _format_date(value: float, use_1904_epoch: bool, decimals: int) -> str:
    """Return a day, a time of day, or both: whatever the serial number contains.

    `decimals`: of the seconds that the format shows.
    """
    epoch = _EPOCH_1904 if use_1904_epoch else _EPOCH
    if 0 < value < 60 and not use_1904_epoch:  # before Excel's 29 February 1900
        epoch += timedelta(days=1)
    try:
        seconds, part = _seconds(value, decimals)
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return f"{value:.12g}"
    time = f"{moment:%H:%M:%S}{part}" if moment.second or part else f"{moment:%H:%M}"
    if value < 1:
        return time
    day = moment.date().isoformat()
    return day if value == int(value) else f"{day} {time}"
