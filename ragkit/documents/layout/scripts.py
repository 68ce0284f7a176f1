"""Raised and lowered characters as text: 2^64, m², H2O, x_1; numbers of notes are set apart.

A raised number after a word is the number of a note; after a digit, a sign or a short name it is
an exponent. Ordinals (1st, 2e) and marks (™) stay as they are. Knows strings only.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_WORD_BEFORE = re.compile(r"(?<![^\W\d_])[^\W\d_]+\Z")
_EXPONENT = re.compile(r"[+\-−–]?\d{1,9}(?:[.,/]\d{1,9})?|[+\-−–]?[a-zA-Zα-ω]")
_ORDINAL = re.compile(
    r"(?:st|nd|rd|th|er|re|e|è|ère|ème|eme|ier|ière|o|a|os|as|es|me|mes|lle|te|ten|ter)s?\.?", re.I
)
_NOTE = re.compile(r"\[?\d{1,4}(?:\s{0,2}[,;–-]\s{0,2}\d{1,4}){0,20}\]?|[*†‡§¶]{1,3}|\[?[a-z]\]?")
_SQUARES = {"2": "²", "3": "³"}
_UNITS = frozenset(
    {
        *(
            "m",
            "km",
            "cm",
            "dm",
            "mm",
            "µm",
            "μm",
            "nm",
            "in",
            "ft",
            "yd",
            "mi",
            "s",
            "min",
            "h",
            "kg",
        )
    }
)
_ELEMENT = re.compile(r"(?:(?<![a-zA-Z])(?:[A-Z][a-z]?)+\d*|[)\]])\Z")
_MAX_BEFORE = 40  # characters before a script that are looked at


def superscript(before: str, raised: str, *, is_note: bool = False) -> str:
    """Return how a raised text is written after `before`, which stays as it is.

    `is_note`: the field says that it is the number of a note (a link, a reference).
    """
    raised = " ".join(raised.split())
    before = before[-_MAX_BEFORE:]
    if not raised or not before.strip() or before[-1].isspace():
        return f"[{raised}]" if raised and is_note and raised.isdecimal() else raised
    word = _WORD_BEFORE.search(before)
    is_note = is_note or (_NOTE.fullmatch(raised) is not None and _follows_prose(before, word))
    if is_note:
        return f" {raised}" if raised[0] in "[(" else f" [{raised}]"
    return _exponent(before, word, raised)


def _exponent(before: str, word: re.Match[str] | None, raised: str) -> str:
    """Return a raised text that is no note: an exponent, an ordinal's ending, or a mark."""
    if before[-1].isdigit() and _ORDINAL.fullmatch(raised):
        return raised
    if word is not None and word.group() in _UNITS and raised in _SQUARES:
        return _SQUARES[raised]
    if _EXPONENT.fullmatch(raised) and not (word and raised.isalpha() and len(word.group()) > 1):
        return "^" + raised
    if (before[-1].isdigit() or before[-1] in ")]" or _is_name(word)) and len(raised) > 1:
        has_sign = any(sign in raised for sign in "+-−*/=^_") and any(map(str.isalnum, raised))
        raised = f"^({raised})" if has_sign else raised
    return raised


def subscript(before: str, lowered: str) -> str:
    """Return how a lowered text is written after `before`: H2O as it is typed, x_1, log_2."""
    lowered = " ".join(lowered.split())
    before = before[-_MAX_BEFORE:]
    if not lowered or not before or before[-1].isspace():
        return lowered
    if lowered.isdecimal() and (_ELEMENT.search(before) or before[-1].isdigit()):
        return lowered
    if not (before[-1].isalnum() or before[-1] in ")]"):
        return lowered
    return f"_{lowered}" if lowered.isalnum() else f"_({lowered})"


def _follows_prose(before: str, word: re.Match[str] | None) -> bool:
    """Whether the text before a raised number is prose: a word, or the end of a sentence."""
    if word is None:
        return before[-1] in ".,;:!?»”’\"'"
    return len(word.group()) > 3 and word.group() not in _UNITS


def _is_name(word: re.Match[str] | None) -> bool:
    return word is not None and len(word.group()) == 1


# Streaming readers write these around raised and lowered text; no XML or RTF text contains them.
RAISED, RAISED_END = "\x0e", "\x0f"
LOWERED, LOWERED_END = "\x10", "\x11"
SCRIPT_MARKS = {"superscript": (RAISED, RAISED_END), "subscript": (LOWERED, LOWERED_END)}
_MARKED = re.compile("\x0e([^\x0e-\x11]*)\x0f|\x10([^\x0e-\x11]*)\x11")
_MARKS = str.maketrans("", "", "\x0e\x0f\x10\x11")
_MARK = re.compile("[\x0e-\x11]")
_MAX_NESTED = 4  # scripts in scripts
# A fraction written with raised and lowered digits: 1 1/2, not 1^1/2 and not 11/2.
_FRACTION = re.compile(
    "(?P<whole>[0-9]?)\x0e(?P<above>[0-9]{1,4})\x0f(?:[/∕]\x10(?P<below>[0-9]{1,4})\x11"
    "|⁄(?:\x10(?P<lowered>[0-9]{1,4})\x11|(?=[0-9])))"
)


def has_scripts(text: str) -> bool:
    """Whether a text has marked scripts."""
    return RAISED in text or LOWERED in text


def write_scripts(text: str) -> str:
    """Return text whose marked scripts are written so that they stay apart from their base."""
    if not has_scripts(text):
        return text
    text = text.replace(RAISED_END + RAISED, "").replace(LOWERED_END + LOWERED, "")
    text = _FRACTION.sub(_write_fraction, text)
    for _ in range(_MAX_NESTED):  # the innermost first
        if not has_scripts(text):
            break
        text = _write_innermost(text)
    return text.translate(_MARKS)


def _write_fraction(match: re.Match[str]) -> str:
    blank = " " if match["whole"] else ""
    below = match["below"] or match["lowered"] or ""
    return f"{match['whole']}{blank}{match['above']}/{below}"


def _write_innermost(text: str) -> str:
    """Write the scripts that contain no others; the marks of the others stay."""
    pieces: list[str] = []
    end = 0
    for match in _MARKED.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        before = _MARK.split("".join(pieces[-3:])[-_MAX_BEFORE:])[-1]
        raised = match[1]
        if raised is None:
            pieces.append(_keep_blanks(before, match[2], subscript))
        else:
            pieces.append(_keep_blanks(before, raised, superscript))
    return "".join([*pieces, text[end:]])


def _keep_blanks(before: str, text: str, write: Callable[[str, str], str]) -> str:
    """Return raised or lowered text as `write` writes it; the blanks around it stay."""
    inner = text.strip()
    if not inner:
        return text
    start = text.index(inner)
    return text[:start] + write(before + text[:start], inner) + text[start + len(inner) :]
