"""Numbers of list items as they are displayed: 4, d, D, iv, IV, 04, 4th.

Styles have the names of Word's `w:numFmt`; readers of other formats map theirs. Knows no format.
"""

from __future__ import annotations

_ROMAN = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_MAX_ROMAN = 3999
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"


def format_item_number(number: int, style: str) -> str:
    """Return the number of a list item in a style; in digits if the style cannot express it."""
    if style in {"lowerRoman", "upperRoman"} and 0 < number <= _MAX_ROMAN:
        text = _roman(number)
    elif style in {"lowerLetter", "upperLetter"} and number > 0:
        text = _letters(number)
    elif style == "lowerGreek" and 0 < number <= len(_GREEK):
        return _GREEK[number - 1]
    elif style == "decimalZero":
        return f"{number:02}"
    elif style == "ordinal":
        return f"{number}{_ordinal_suffix(number)}"
    else:
        return str(number)
    return text.upper() if style.startswith("upper") else text


def _roman(number: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        text += letters * (number // value)
        number %= value
    return text


def _letters(number: int) -> str:
    """Return a to z, then aa to zz as Word does: the letter is repeated."""
    repeats, place = divmod(number - 1, 26)
    return chr(97 + place) * min(repeats + 1, 20)


def _ordinal_suffix(number: int) -> str:
    if number % 100 in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
