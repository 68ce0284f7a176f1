"""Numbers, dates, times, amounts of money and units, whatever way they are written.

Each yields terms that are the same for all ways of writing: an integer without group signs, a
number with a decimal point, a date as in ISO 8601, a unit by its sign, a currency by its code. What
10.000 means depends on the language. Month names are in `months.txt`. Knows no index.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from ragkit.analysis.identifiers import follows_number, range_signs
from ragkit.analysis.letters import ascii_digits
from ragkit.analysis.unspaced_numbers import han_value, may_have_number_words, number_words

_DECIMALS = re.compile(r"\d")  # the digits of any script that `ascii_digits` knows
# No space separates a number from the words beside it in Han, kana, Hangul and Thai.
_LETTER = "[^\\W\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]"
_IN_WORD = f"(?:{_LETTER}|[.,:])"
_UNSPACED = "[万萬만亿億억]|人民币|美元|欧元|元|円|ドル|ユーロ|원|달러|유로|บาท"
_SIGNS_BEFORE = "€$£¥₹₽₴₩₪₺₫₱฿"  # currencies that are written before a number
_CODES = frozenset(
    (
        "aed", "aud", "bgn", "brl", "cad", "chf", "cny", "czk", "dkk", "eur", "gbp", "hkd", "huf",
        "idr", "ils", "inr", "jpy", "krw", "mxn", "myr", "nok", "nzd", "php", "pln", "ron", "rub",
        "sek", "sgd", "thb", "try", "uah", "usd", "vnd", "zar",
    )
)  # fmt: skip
_NUMBER_SIGNS = frozenset(".,' \u2019\u202f\u00a0\u066b\u066c")  # inside a number
_DATE_SIGNS = frozenset("-/.年")  # after the first number of a date
_TIME_SIGNS = frozenset(":.")  # after the hour; letters: am, pm, Uhr, heures
_TIME_LETTERS = frozenset("apuhAPUH")
_ORDINAL_SIGNS = frozenset("-ºª")
_COUNTERS = (
    "章条條节節號号頁页回年月日级級届屆版卷册人個个名位天週周岁歳"
    "歲時时分秒次層层階楼樓台本枚件点點度倍"
)
_PREFIX = "#"  # of terms that no word yields
_FILE = Path(__file__).with_name("months.txt")
# Languages with the decimal point; the others of `language` have the decimal comma.
_DECIMAL_POINT = frozenset(
    "en zh ja ko th he hi bn ta ml pa ur my km lo am sw ga cy ms ne fa".split()  # noqa: SIM905
)
_CURRENCIES = {code: code for code in _CODES} | {
    "€": "eur", "euro": "eur", "euros": "eur", "$": "usd", "dollar": "usd", "dollars": "usd",
    "£": "gbp", "pounds": "gbp", "¥": "jpy", "円": "jpy", "yen": "jpy", "₹": "inr",
    "rupees": "inr", "zł": "pln", "₽": "rub", "₴": "uah", "kč": "czk", "ft": "huf", "元": "cny",
    "rmb": "cny", "₩": "krw", "원": "krw", "₪": "ils", "₺": "try", "₫": "vnd", "₱": "php",
    "฿": "thb", "kr": "kr", "krone": "kr", "kroner": "kr", "krona": "kr", "kronor": "kr",
    "euroa": "eur", "евро": "eur", "євро": "eur", "ευρώ": "eur", "eura": "eur", "欧元": "eur",
    "ユーロ": "eur", "유로": "eur", "يورو": "eur", "avro": "eur", "dólar": "usd", "dólares": "usd",
    "dollari": "usd", "dollaria": "usd", "доллар": "usd", "доллара": "usd", "долларов": "usd",
    "美元": "usd", "ドル": "usd", "달러": "usd", "دولار": "usd", "livres": "gbp", "pfund": "gbp",
    "рубль": "rub", "рубля": "rub", "рублей": "rub", "руб": "rub", "złoty": "pln",
    "złote": "pln", "złotych": "pln", "гривня": "uah", "гривні": "uah", "гривень": "uah",
    "грн": "uah", "koruna": "czk", "koruny": "czk", "korun": "czk", "forint": "huf",
    "leu": "ron", "lei": "ron", "лв": "bgn", "лева": "bgn", "人民币": "cny", "lira": "try",
    "tl": "try", "บาท": "thb", "रुपये": "inr", "रुपए": "inr", "rs": "inr",
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
    "万": 4, "萬": 4, "만": 4, "亿": 8, "億": 8, "억": 8,
}  # fmt: skip
_ORDINALS = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
]  # fmt: skip
_MAX_DAY, _MAX_MONTH = 31, 12
_CENTURY = 100
_NOON = 12
_GROUP = 3  # digits
_YEAR_LENGTH = 4
_MAX_BEFORE_YEAR = 40  # characters of a day and the longest name of a month
_MAX_NUMBER = 40  # characters of the longest number with a currency before it


class Quantity(NamedTuple):
    """A quantity in a text: what was written, and its terms."""

    surface: str
    terms: tuple[str, ...]


class _Amount(NamedTuple):
    """A number in a text, with the words around it that say what it counts."""

    start: int  # of the currency before it, or of the first digit
    first_digit: int
    end: int
    digits: str  # as written
    number: str  # with a decimal point and no other sign
    scale: int  # of million 6
    currency: str | None
    unit: str | None

    @property
    def value(self) -> str:
        """The number times its scale."""
        whole, _, fraction = self.number.partition(".")
        whole += (fraction + "0" * self.scale)[: self.scale]
        fraction = fraction[self.scale :]
        value = f"{whole}.{fraction}" if fraction else whole
        return value.lstrip("0") or "0"

    @property
    def terms(self) -> tuple[str, ...]:
        """Those that the words of the text do not have."""
        value, terms = self.value, []
        if "." in value:
            terms.append(_PREFIX + value)
        elif self.digits != value:
            terms.append(value)
        if self.currency:
            terms.append(f"{_PREFIX}{value}{self.currency}")
        if self.unit:
            terms.append(value + self.unit)
        return tuple(terms)


def quantities(text: str, language: str) -> list[Quantity]:
    """Return the quantities of a normalized text whose terms are not its words, each once."""
    found: list[Quantity] = []
    if _DECIMALS.search(text):
        text = ascii_digits(text)
        found += _at_digits(text, language)
    if _has_counter(text):
        for match in _han_numbers().finditer(text):
            digits = match[1] if match[1].isdigit() else str(han_value(match[1]))
            found.append(Quantity(match[0], (f"{_PREFIX}{digits}{match[2]}",)))
    found += [Quantity(surface, (str(number),)) for surface, number in number_words(text)]
    return list(dict.fromkeys(found))


def _has_counter(text: str) -> bool:
    return not text.isascii() and bool(_han_counter().search(text))


@cache
def _han_counter() -> re.Pattern[str]:
    return re.compile(f"[{_COUNTERS}]")


def may_have_quantities(text: str) -> bool:
    """Whether a word of a normalized text may belong to a quantity."""
    return bool(_DECIMALS.search(text)) or _has_counter(text) or may_have_number_words(text)


# Compiled for the first text with a digit: a query without one needs none of them.
@cache
def _digits() -> re.Pattern[str]:
    return re.compile("[0-9]+")


@cache
def _letters() -> re.Pattern[str]:
    return re.compile(r"[^\W\d_]+")


@cache
def _letter_before() -> re.Pattern[str]:
    return re.compile(_LETTER)


@cache
def _next_word() -> re.Pattern[str]:
    return re.compile(rf" ?({_UNSPACED}|\w{{1,30}}|[^\w\s](?!\w))")  # longer than any unit


@cache
def _before_number() -> re.Pattern[str]:
    return re.compile(" ?[0-9]")


def _at_digits(text: str, language: str) -> list[Quantity]:
    """Return the dates, times, numbers and ordinals of a text with ASCII digits.

    All patterns begin at the first digit of a run, numbers also at a currency before it. Each is
    tried only where the characters beside the run allow it: most passages contain numbers, and
    most of those are plain.
    """
    dates: list[Quantity] = []
    named: list[Quantity] = []
    times: list[Quantity] = []
    numbers: list[Quantity] = []
    ordinals: list[Quantity] = []
    date_end = time_end = number_end = ordinal_end = 0
    in_ranges: dict[int, int] = {}  # where a number begins → where it ends
    for amount, quantity in _ranges(text, language):
        numbers.append(quantity)
        in_ranges[amount.first_digit] = amount.end
    for run in _digits().finditer(text):
        start, end = run.span()
        before = text[start - 1 : start]
        is_in_word = _letter_before().match(before)
        if is_in_word and text[max(start - 3, 0) : start].casefold() not in _CODES:
            continue  # no pattern matches there
        length, after = end - start, text[end : end + 3]
        first, is_followed = after[:1], after[1:2].isdigit()
        may_be_date = (
            first in _DATE_SIGNS
            and (is_followed or (after[1:2] == " " and after[2:].isdigit()))
            and length in (1, 2, 4)
            and start >= date_end
        )
        if may_be_date and (match := _numeric_dates().match(text, start)):
            dates += _numeric_date(match)
            date_end = match.end()
        if length == _YEAR_LENGTH and before == " ":
            named += _named_date(text, run)
        may_be_time = (
            (is_followed if first in _TIME_SIGNS else after.lstrip(" ")[:1] in _TIME_LETTERS)
            and length in (1, 2)
            and start >= time_end
        )
        if may_be_time and (match := _clock_times().match(text, start)):
            times.append(_time(match))
            time_end = match.end()
        if start in in_ranges:
            number_end = in_ranges[start]
        elif start >= number_end and (number := _number_at(text, start, end, number_end, language)):
            number_end, quantity = number
            numbers += [quantity] if quantity.terms else []
        may_be_ordinal = (first.isalpha() or first in _ORDINAL_SIGNS) and start >= ordinal_end
        if may_be_ordinal and (match := _ordinals().match(text, start)):
            ordinals += _ordinal(match)
            ordinal_end = match.end()
    return [*dates, *named, *times, *numbers, *ordinals]


def _number_at(
    text: str, start: int, end: int, previous_end: int, language: str
) -> tuple[int, Quantity] | None:
    """Return (end, quantity) of the number whose first digits are at `start:end`; None where it has
    no other terms than its word, as most numbers.

    A currency before it must not begin before `previous_end`.
    """
    lead = _currency_start(text, start)
    if lead < previous_end:
        lead = start
    word = _next_word().match(text, end)
    is_plain = text[start] != "0" and lead == start
    if is_plain and (word is None or not _is_scale_or_unit(word[1])):
        is_grouped = text[end : end + 1] in _NUMBER_SIGNS and text[end + 1 : end + 2].isdigit()
        if not is_grouped:
            return None
    amount = _amount_at(text, lead, language) or (
        _amount_at(text, start, language) if lead < start else None
    )
    if amount is None:
        return None
    surface = text[amount.start : amount.end].strip()
    return amount.end, Quantity(surface, amount.terms)


def _amount_at(text: str, start: int, language: str) -> _Amount | None:
    """Return the amount that begins at `start`, with a currency or a digit."""
    match = _number().match(text, start)
    return None if match is None else _amount(match, language)


def _amount(match: re.Match[str], language: str) -> _Amount:
    """Return the amount of a match of `_number`, with the scale and the unit after it."""
    text, end, scale = match.string, match.end(), 0
    word = _next_word().match(text, end)
    if word and (scale := _SCALES.get(word[1].lower(), 0)):
        end = word.end() + (text[word.end() : word.end() + 1] == ".")
        word = _next_word().match(text, end)
    name = word[1].lower() if word else ""
    currency, unit = _CURRENCIES.get(name), _unit(name)
    before = _CURRENCIES.get((match["before"] or "").lower())
    if before and word and currency and _before_number().match(text, word.end()):
        currency = None  # of the next amount: EUR 100 EUR 200
    if word and (currency or unit):
        end = word.end()
    number = _value(match["number"], language)
    return _Amount(
        match.start(), match.start("number"), end, match["number"], number, scale,
        before or currency, unit,
    )  # fmt: skip


def _ranges(text: str, language: str) -> Iterator[tuple[_Amount, Quantity]]:
    """Yield the ends of ranges of which one alone has the currency, the unit or the scale: `EUR
    100–200`, `$5-10 million`, `5 to 10 kilometers`. Each with what it yields.

    A range ascends: in `2024-10 kg` and `500-2 million` the first number is one by itself. It has
    two numbers: `2024-05-10 USD` is a date.
    """
    for sign in range_signs().finditer(text):
        middle = sign.start() + 1
        last = _amount_at(text, sign.end(), language)
        before = _number().finditer(text, max(0, middle - _MAX_NUMBER), middle)
        match = next((match for match in before if match.end() == middle), None)
        if last is None or match is None:
            continue
        # The text after the first number is the sign: it has no unit of its own.
        first = _amount(match, language)._replace(end=middle, scale=0, unit=None)
        if float(first.number) >= float(last.number) or follows_number(text, first.start):
            continue
        if first.currency is None and not text[sign.end()].isdigit():
            continue  # what costs that much: `item 5 - $10`
        currency = first.currency or last.currency
        whole_first = first._replace(currency=currency, unit=last.unit, scale=last.scale)
        whole_last = last._replace(currency=currency)
        if (whole_first, whole_last) == (first, last):
            continue
        surface = text[first.start : last.end].strip()
        yield first, Quantity(surface, whole_first.terms)
        yield last, Quantity(surface, whole_last.terms)


def _currency_start(text: str, start: int) -> int:
    """Return where the currency begins that is written before a number at `start`; without one,
    `start`."""
    sign = start - 1
    if text[max(sign, 0) : start] == " ":
        code = text[max(start - 4, 0) : sign]
        if code.lower() in _CODES:
            return start - 4
        sign -= 1
    elif text[max(start - 3, 0) : start].lower() in _CODES:  # EUR100
        return start - 3
    return sign if sign >= 0 and text[sign] in _SIGNS_BEFORE else start


@lru_cache(maxsize=10_000)
def _is_scale_or_unit(word: str) -> bool:
    word = word.lower()
    return word in _SCALES or word in _CURRENCIES or _unit(word) is not None


def _unit(word: str) -> str | None:
    """Return the sign of a unit that a text has in lower case, in any number or case."""
    if unit := _UNITS.get(word):
        return unit
    if word[-1:] not in ("s", "n"):
        return None
    return _UNITS.get(word.removesuffix("s")) or _UNITS.get(word[:-1])


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


def _numeric_date(match: re.Match[str]) -> Iterator[Quantity]:
    if match["year"]:
        yield from _date(match, match["year"], match["month"], match["day"])
        return
    # 5/3/2024 is the fifth of March, or the third of May in America
    yield from _date(match, match["year2"], match["second"], match["first"])
    if match["sign"] == "/" and match["first"] != match["second"]:
        yield from _date(match, match["year2"], match["first"], match["second"])


def _named_date(text: str, year: re.Match[str]) -> Iterator[Quantity]:
    """Yield the date with the name of its month that ends with a year, which follows a space."""
    before = text.rfind(" ", 0, max(0, year.start() - _MAX_BEFORE_YEAR)) + 1
    words = _letters().findall(_lower(text[before : year.start()]))
    # A word directly after a digit may begin with the ending of an ordinal.
    if _month_words().isdisjoint(words) and _month_words().isdisjoint(word[2:] for word in words):
        return
    for match in _named_dates().finditer(text, before, year.end()):
        if match.end() == year.end():
            name = _lower(match["name"] or match["name2"])
            day = match["day"] or match["day2"]
            for month in _months().get(name, ()):
                yield from _date(match, year[0], str(month), day)


def _lower(text: str) -> str:
    """Return a text in lower case as patterns compare it: İ, two characters for Python, is i."""
    return text.replace("İ", "i").lower()


def _date(match: re.Match[str], year: str, month: str, day: str) -> Iterator[Quantity]:
    if 1 <= int(month) <= _MAX_MONTH and 1 <= int(day) <= _MAX_DAY:
        yield Quantity(match[0], (f"{_PREFIX}{year}-{int(month):02}-{int(day):02}",))


def _time(match: re.Match[str]) -> Quantity:
    hour, minute = int(match[1]), match[2] or "00"
    if half := (match[3] or "").lower():
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    return Quantity(match[0], (f"{_PREFIX}{hour:02}:{minute}",))


def _ordinal(match: re.Match[str]) -> Iterator[Quantity]:
    number, is_english = int(match[1]), match[2] in ("st", "nd", "rd", "th")
    if not is_english:
        yield Quantity(match[0], (match[1],))
    elif 1 <= number <= len(_ORDINALS):
        yield Quantity(match[0], (_ORDINALS[number - 1],))


@cache
def _number() -> re.Pattern[str]:
    codes = "|".join(sorted(_CODES))  # all of one length, as what is looked back at must be
    return re.compile(
        rf"(?:(?P<before>[{_SIGNS_BEFORE}]|\b(?:{codes}))[ ]?)?"
        rf"(?:(?<!{_IN_WORD})|(?<=\b(?:{codes})))"
        r"(?P<number>[0-9]{1,3}(?:([., '\u2019\u202f\u00a0\u066c])[0-9]{3})"
        r"(?:\3[0-9]{3}){0,4}(?:[.,\u066b][0-9]{1,6})?(?![0-9])|[0-9]{1,12}(?:[.,\u066b][0-9]{1,6})?)"
        r"(?![0-9]|[.,][0-9])",
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
def _month_words() -> frozenset[str]:
    """The first word of the name of each month."""
    return frozenset(words[0] for name in _months() if (words := _letters().findall(name)))


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
        f"([〇零一二两三四五六七八九十百千]{{1,20}}|(?<![0-9])[0-9]{{1,12}}) ?([{_COUNTERS}])"
    )
