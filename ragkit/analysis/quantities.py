"""Numbers, dates, times, amounts of money and units, whatever way they are written.

Each yields terms that are the same for all ways of writing: an integer without group signs, a
number with a decimal point, a date as in ISO 8601, a unit by its sign, a currency by its code. What
10.000 means depends on the language. Month names are in `months.txt`. Knows no index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ragkit.analysis.letters import ascii_digits

_DIGITS = re.compile("[0-9]+")
_MAX_CURRENCY = 4  # characters of a currency, and a space, before a number
_PREFIX = "#"  # of terms that no word yields
_FILE = Path(__file__).with_name("months.txt")
# Languages with the decimal point; the others of `language` have the decimal comma.
_DECIMAL_POINT = frozenset(
    "en zh ja ko th he hi bn ta ml pa ur my km lo am sw ga cy ms ne fa".split()  # noqa: SIM905
)
_CURRENCIES = {
    "€": "eur", "eur": "eur", "euro": "eur", "euros": "eur", "$": "usd", "usd": "usd",
    "dollar": "usd", "dollars": "usd", "£": "gbp", "gbp": "gbp", "pounds": "gbp", "¥": "jpy",
    "jpy": "jpy", "円": "jpy", "yen": "jpy", "₹": "inr", "inr": "inr", "rupees": "inr",
    "zł": "pln", "pln": "pln", "chf": "chf", "₽": "rub", "rub": "rub", "₴": "uah", "uah": "uah",
    "kč": "czk", "czk": "czk", "ft": "huf", "huf": "huf", "元": "cny", "cny": "cny", "rmb": "cny",
}  # fmt: skip
_UNITS = {
    "micrometer": "µm", "micrometre": "µm", "mikrometer": "µm", "millimeter": "mm",
    "millimetre": "mm", "centimeter": "cm", "centimetre": "cm", "kilometer": "km",
    "kilometre": "km", "kilogram": "kg", "kilogramm": "kg", "kilo": "kg", "milligram": "mg",
    "milliliter": "ml", "millilitre": "ml", "gigabyte": "gb", "megabyte": "mb", "terabyte": "tb",
    "kilobyte": "kb", "kilowatt": "kw", "megahertz": "mhz", "gigahertz": "ghz",
    "mètre": "m", "metro": "m", "metre": "m", "meter": "m", "gram": "g", "gramm": "g",
    "liter": "l", "litre": "l", "litro": "l", "кг": "kg", "км": "km", "мм": "mm", "см": "cm",
    "µm": "µm", "μm": "µm",
}  # fmt: skip
_SCALES = {
    "thousand": 3, "tausend": 3, "mille": 3, "mila": 3, "mil": 3, "tysiąc": 3, "tysięcy": 3,
    "duizend": 3, "tusen": 3, "тысяч": 3, "тысячи": 3, "million": 6, "millions": 6,
    "millionen": 6, "mio": 6, "miljoen": 6, "miljon": 6, "miljoner": 6, "millioner": 6,
    "milione": 6, "milioni": 6, "millón": 6, "millones": 6, "milhão": 6, "milhões": 6,
    "milion": 6, "miliony": 6, "milionów": 6, "milionů": 6, "миллион": 6, "миллиона": 6,
    "миллионов": 6, "мільйон": 6, "мільйонів": 6, "milyon": 6, "juta": 6, "billion": 9,
    "billions": 9, "milliarde": 9, "milliarden": 9, "mrd": 9, "milliard": 9, "milliards": 9,
    "miljard": 9, "miljarder": 9, "miliardo": 9, "miliardi": 9, "миллиард": 9, "миллиардов": 9,
}  # fmt: skip
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
]  # fmt: skip
_HAN_DIGITS = {char: value for value, char in enumerate("〇一二三四五六七八九")}
_HAN_DIGITS |= {"零": 0, "两": 2}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
_MAX_DAY, _MAX_MONTH = 31, 12
_CENTURY = 100
_NOON = 12
_GROUP = 3  # digits
_YEAR = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")
_MAX_BEFORE_YEAR = 40  # characters of a day and the longest name of a month


class Quantity(NamedTuple):
    """A quantity in a text: what was written, and its terms."""

    surface: str
    terms: tuple[str, ...]


def quantities(text: str, language: str) -> list[Quantity]:
    """Return the quantities of a normalized text whose terms are not its words, each once."""
    found: dict[Quantity, None] = {}
    if any(map(str.isdigit, text)):
        text = ascii_digits(text)
        for quantity in (*_dates(text), *_times(text), *_numbers(text, language)):
            found[quantity] = None
        for match in _at_digits(_ordinals(), text):
            number, is_english = int(match[1]), match[2] in ("st", "nd", "rd", "th")
            if is_english and 1 <= number <= len(_ORDINALS):
                found[Quantity(match[0], (_ORDINALS[number - 1],))] = None
            elif not is_english:
                found[Quantity(match[0], (match[1],))] = None
    for match in () if text.isascii() else _han_numbers().finditer(text):
        digits = match[1] if match[1].isdigit() else str(_han_value(match[1]))
        found[Quantity(match[0], (f"{_PREFIX}{digits}{match[2]}",))] = None
    return list(found)


def _at_digits(pattern: re.Pattern[str], text: str, lead: int = 0) -> Iterator[re.Match[str]]:
    """Yield what `pattern.finditer` does, for a pattern that matches from at most `lead` characters
    before a run of digits: it is not tried anywhere else."""
    end = 0
    for run in _DIGITS.finditer(text):
        for start in range(max(end, run.start() - lead), run.start() + 1):
            if (match := pattern.match(text, start)) is not None:
                yield match
                end = match.end()
                break


def _numbers(text: str, language: str) -> Iterator[Quantity]:
    for match in _at_digits(_number(), text, _MAX_CURRENCY):
        value = _value(match["number"], language)
        whole, _, fraction = value.partition(".")
        if scale := _SCALES.get((match["scale"] or "").lower()):
            whole += (fraction + "0" * scale)[:scale]
            fraction = fraction[scale:]
        value = f"{whole}.{fraction}" if fraction else whole
        value = value.lstrip("0") or "0"
        terms = []
        if "." in value:
            terms.append(_PREFIX + value)
        elif match["number"] != value:
            terms.append(value)
        currency = _CURRENCIES.get((match["before"] or match["after"] or "").lower())
        if currency:
            terms.append(f"{_PREFIX}{value}{currency}")
        word = (match["after"] or "").lower()
        unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("s")) or _UNITS.get(word[:-1])
        if unit:
            terms.append(value + unit)
        if terms:
            yield Quantity(match[0].strip(), tuple(terms))


def _value(number: str, language: str) -> str:
    """Return a number with a decimal point and no other sign."""
    number = re.sub("[ '\u2019\u202f\u00a0\u066c]", "", number).replace("\u066b", ".")
    signs = [char for char in number if char in ".,"]
    if not signs:
        return number
    if len(set(signs)) > 1:  # the last one is the decimal sign
        decimal: str | None = signs[-1]
    elif len(signs) > 1 or len(number) - number.index(signs[0]) - 1 != _GROUP:
        decimal = None if len(signs) > 1 else signs[0]
    else:  # 10.000 or 10,000
        point = "." if language in _DECIMAL_POINT or language == "und" else ","
        decimal = signs[0] if signs[0] == point else None
    for sign in ".,":
        if sign != decimal:
            number = number.replace(sign, "")
    number = number.replace(",", ".")
    return number.rstrip("0").rstrip(".") if "." in number else number


def _dates(text: str) -> Iterator[Quantity]:
    for match in _at_digits(_numeric_dates(), text):
        if match["year"]:
            yield from _date(match, match["year"], match["month"], match["day"])
        else:  # 5/3/2024 is the fifth of March, or the third of May in America
            yield from _date(match, match["year2"], match["second"], match["first"])
            if match["sign"] == "/" and match["first"] != match["second"]:
                yield from _date(match, match["year2"], match["first"], match["second"])
    for year in _YEAR.finditer(text):  # the names of all months are tried only before a year
        for match in _named_dates().finditer(
            text, text.rfind(" ", 0, max(0, year.start() - _MAX_BEFORE_YEAR)) + 1, year.end()
        ):
            if match.end() == year.end():
                name = (match["name"] or match["name2"]).lower()
                day = match["day"] or match["day2"]
                for month in _months()[name]:
                    yield from _date(match, year[0], str(month), day)


def _date(match: re.Match[str], year: str, month: str, day: str) -> Iterator[Quantity]:
    if 1 <= int(month) <= _MAX_MONTH and 1 <= int(day) <= _MAX_DAY:
        yield Quantity(match[0], (f"{_PREFIX}{year}-{int(month):02}-{int(day):02}",))


def _times(text: str) -> Iterator[Quantity]:
    for match in _at_digits(_clock_times(), text):
        hour, minute = int(match[1]), match[2] or "00"
        if half := (match[3] or "").lower():
            hour = hour % _NOON + (_NOON if half == "p" else 0)
        yield Quantity(match[0], (f"{_PREFIX}{hour:02}:{minute}",))


def _han_value(number: str) -> int:
    """`四百三十三` → 433; `二〇二四` → 2024."""
    if not any(char in _HAN_TENS for char in number):
        return int("".join(str(_HAN_DIGITS[char]) for char in number))
    total, digit = 0, 0
    for char in number:
        if char in _HAN_TENS:
            total += (digit or 1) * _HAN_TENS[char]
            digit = 0
        else:
            digit = _HAN_DIGITS[char]
    return total + digit


@cache
def _number() -> re.Pattern[str]:
    def words(names: dict[str, str] | dict[str, int]) -> str:
        return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))

    return re.compile(
        rf"(?:(?P<before>[€$£¥₹]|\b(?:eur|usd|gbp|chf|inr)\b)[ ]?)?(?<![\w.,:])"
        rf"(?P<number>[0-9]{{1,3}}(?:([., '\u2019\u202f\u00a0\u066c])[0-9]{{3}})"
        rf"(?:\3[0-9]{{3}}){{0,4}}(?:[.,\u066b][0-9]{{1,6}})?(?![0-9])|[0-9]{{1,12}}(?:[.,\u066b][0-9]{{1,6}})?)"
        rf"(?![0-9]|[.,][0-9])(?:[ ]?(?P<scale>{words(_SCALES)})\b\.?)?"
        rf"(?:[ ]?(?P<after>(?:{words(_CURRENCIES)}|(?:{words(_UNITS)})(?:s|n|en)?)(?!\w)))?",
        re.IGNORECASE,
    )


@cache
def _numeric_dates() -> re.Pattern[str]:
    return re.compile(
        r"(?<![\w.,/-])(?:(?P<year>[0-9]{4})(?:[-/.年]|\. )(?P<month>[0-9]{1,2})(?:[-/.月]|\. )"
        r"(?P<day>[0-9]{1,2})(?![0-9]|[-/][0-9])"
        r"|(?P<first>[0-9]{1,2})(?P<sign>[./-]|\. )(?P<second>[0-9]{1,2})(?P=sign)"
        r"(?P<year2>[0-9]{4})(?![0-9]|[-/][0-9]))"
    )


def is_month(word: str) -> bool:
    """Whether a word in lower case is the name of a month, in any language."""
    return word in _months()


@cache
def _months() -> dict[str, tuple[int, ...]]:
    """Name in lower case → its months; more than one where languages differ."""
    found: dict[str, set[int]] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or ":" not in line:
            continue
        for month, names in enumerate(line.partition(":")[2].split("|"), 1):
            for name in names.split(","):
                found.setdefault(name.strip(), set()).add(month)
    return {name: tuple(sorted(months)) for name, months in found.items() if name}


@cache
def _named_dates() -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in sorted(_months(), key=len, reverse=True))
    return re.compile(
        rf"(?<!\w)(?:(?P<day>[0-9]{{1,2}})(?:st|nd|rd|th|er|º|\.)?(?: de| of| d')? ?(?P<name>{names})"  # noqa: E501
        rf"(?!\w)\.?,?(?: de| del)? (?P<year>[0-9]{{4}})"
        rf"|(?P<name2>{names})\.? (?P<day2>[0-9]{{1,2}})(?:st|nd|rd|th)?,? (?P<year2>[0-9]{{4}}))"
        r"(?![0-9])",
        re.IGNORECASE,
    )


@cache
def _clock_times() -> re.Pattern[str]:
    return re.compile(
        r"(?<![\w.:,])([01]?[0-9]|2[0-3])(?:[:.]([0-5][0-9]))?(?: ?([ap])\.?m\b\.?| ?(?:Uhr|heures?)\b"  # noqa: E501
        r"|(?<=:[0-9]{2})(?![:0-9]))",
        re.IGNORECASE,
    )


@cache
def _ordinals() -> re.Pattern[str]:
    return re.compile(r"(?<!\w)([0-9]{1,4})(st|nd|rd|th|er|re|ère|ème|e|º|ª|a|o|-й|-го|-м)(?!\w)")


@cache
def _han_numbers() -> re.Pattern[str]:
    return re.compile(
        "([〇零一二两三四五六七八九十百千]{1,20}|(?<![0-9])[0-9]{1,12})"
        " ?([章条條节節号號页頁回年月日级級届屆版卷册])"
    )
