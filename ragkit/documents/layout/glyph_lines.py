"""One line of a page from its glyphs: the order of right-to-left text, and blanks by the gaps.

PDF libraries turn right-to-left lines around after they have expanded ligatures, which swaps the
letters of lam-alef and breaks part numbers; and they guess blanks that are none in scripts drawn
cluster by cluster and in letter-spaced headings. Works on positions. Knows no PDFium.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_CLUSTERED = "\u0900-\u109f\u1780-\u17ff\u1900-\u1aaf"  # Indic and South-East Asian scripts
NEEDS_GLYPHS = re.compile(f"[{_RIGHT_TO_LEFT}{_CLUSTERED}]")
_RTL_LETTER = re.compile(f"[{_RIGHT_TO_LEFT}]")
_CLUSTERED_LETTER = re.compile(f"[{_CLUSTERED}]")
_ALEFS, _LAM = frozenset("اأإآٱ"), "ل"
_MIN_GAP = 0.15  # of the font size: a blank
_MIN_GAP_BESIDE_SPACING_MARK = 0.4  # whose own width the font does not tell
_MIN_RTL_GAP = 0.17
_MIN_DIGIT_GAP = 0.42  # between Arabic digits, of which some are narrow
_ARABIC_DIGITS = frozenset("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹٫٬٪")
_MIN_SPACED_LETTERS = 6
_SPACED_SHARE = 0.7  # of the words of a letter-spaced line are single letters
_NUMBER_SIGNS = frozenset("%$€£₪°+#")
_JOINING = frozenset("-/.,:%+#_&@=~'’–\\٫٬")  # between the letters or digits of a left-to-right run
_MIRRORED = str.maketrans("()[]{}<>«»", ")(][}{><»«")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class Glyph(NamedTuple):
    """A character of a line and its place, in points from the left."""

    text: str
    origin: float
    left: float
    right: float
    is_generated: bool = False  # a blank that the PDF library guessed


def is_letter_spaced(line: str) -> bool:
    """Whether the words of a line are nearly all single letters."""
    words = line.split()
    if len(words) < _MIN_SPACED_LETTERS or 3 * len(words) < len(line):
        return False
    letters = sum(len(word) == 1 and word.isalpha() for word in words)
    return letters >= _SPACED_SHARE * len(words)


def write_line(glyphs: list[Glyph], size: float) -> str:
    """Return the text of a line. `size`: of its font, in points.

    The glyphs come in the order of the PDF library, which is logical within a word.
    """
    text = "".join(glyph.text for glyph in glyphs)
    rtl = len(_RTL_LETTER.findall(text))
    if rtl:
        latin = sum(char.isalpha() for char in text) - rtl
        return _right_to_left(glyphs, size) if rtl >= latin else _lam_alefs_in_order(glyphs)
    if _CLUSTERED_LETTER.search(text):
        return _without_false_blanks(glyphs, size)
    if is_letter_spaced(text):
        return _without_letter_spacing(glyphs)
    return text


def _lam_alefs_in_order(glyphs: list[Glyph]) -> str:
    texts = [glyph.text for glyph in glyphs]
    for index, (glyph, following) in enumerate(pairwise(glyphs)):
        is_ligature = glyph.origin == following.origin
        if is_ligature and glyph.text in _ALEFS and following.text == _LAM:
            texts[index], texts[index + 1] = following.text, glyph.text
    return "".join(texts)


def _right_to_left(glyphs: list[Glyph], size: float) -> str:
    """Order a line by its positions: from the right, with numbers and Latin words from the left."""
    visible = [glyph for glyph in glyphs if not glyph.is_generated]
    # A blank of no width lies at the origin of the glyph to its left.
    visible.sort(key=lambda glyph: -(glyph.origin + 0.3 * (not glyph.text.strip())))
    ordered: list[str] = []
    edge: float | None = None  # left end of what is written
    for _, cluster in groupby(visible, key=_cluster_key):
        parts = _cluster_in_order(list(cluster))
        right = max(glyph.right for glyph in parts)
        is_blank = not "".join(glyph.text for glyph in parts).strip()
        is_number = bool(ordered) and {parts[0].text, ordered[-1]} <= _ARABIC_DIGITS
        min_gap = _MIN_DIGIT_GAP if is_number else _MIN_RTL_GAP
        has_gap = edge is not None and edge - right > min_gap * size
        if has_gap and not is_blank and ordered and ordered[-1].strip():
            ordered.append(" ")
        if not is_blank or (ordered and ordered[-1].strip()):
            ordered.append("".join(glyph.text for glyph in parts))
        if not is_blank:
            left = min(min(glyph.left, glyph.origin) for glyph in parts)
            edge = left if edge is None else min(edge, left)
    return _turn_runs(ordered)


def _cluster_key(glyph: Glyph) -> tuple[float, bool]:
    return round(glyph.origin, 1), not glyph.text.strip()


def _cluster_in_order(cluster: list[Glyph]) -> list[Glyph]:
    """Return glyphs with one origin in logical order: a ligature's letters, then marks."""
    letters = [glyph for glyph in cluster if unicodedata.category(glyph.text[:1] or " ") != "Mn"]
    marks = [glyph for glyph in cluster if glyph not in letters]
    boxes = {(glyph.left, glyph.right) for glyph in letters}
    if len(letters) > 1 and _RTL_LETTER.match(letters[0].text):
        if len(boxes) == 1:
            letters.reverse()
        else:  # PDFium has given each letter its share of the ligature's box
            letters.sort(key=lambda glyph: -glyph.left)
    return letters + marks


def _turn_runs(ordered: list[str]) -> str:
    """Return the line with its left-to-right runs turned around."""
    kinds = [_direction(text) for text in ordered]
    pieces: list[str] = []
    outside: list[int] = []  # pieces outside of runs
    index = 0
    while index < len(ordered):
        end = _run_end(ordered, kinds, index)
        if end > index:
            pieces.append("".join(reversed(ordered[index:end])))
            index = end
        else:
            outside.append(len(pieces))
            pieces.append(ordered[index])
            index += 1
    first = next((at for at in outside if pieces[at] in _OPENING | _CLOSING), None)
    # The file has the shapes, not the characters: what opens a line's first pair looks closing.
    if first is not None and (pieces[first] in _CLOSING) != _is_after_word(pieces, first):
        for at in outside:
            pieces[at] = pieces[at].translate(_MIRRORED)
    for opening, closing in ("()", "[]"):
        _pair_brackets(pieces, outside, opening, closing)
    return "".join(pieces)


def _pair_brackets(pieces: list[str], outside: list[int], opening: str, closing: str) -> None:
    """Where PDFium has turned some brackets of a line and not others, open and close in turn. Not
    in an enumeration: `א) … ב) …`."""
    places = [at for at in outside if pieces[at] in (opening, closing)]
    if any(pieces[at] == closing and _is_after_word(pieces, at) for at in places[::2]):
        return
    opened = sum(pieces[at] == opening for at in places)
    if len(places) % 2 == 0 and 2 * opened != len(places):
        for number, at in enumerate(places):
            pieces[at] = closing if number % 2 else opening


def _is_after_word(pieces: list[str], at: int) -> bool:
    """Whether a piece ends a word: something is before it and a blank behind it."""
    has_word = at > 0 and bool(pieces[at - 1].strip())
    return has_word and (at + 1 == len(pieces) or not pieces[at + 1].strip())


def _direction(text: str) -> str:
    """L: a letter or digit that is read from the left; R: from the right; N: neither."""
    char = text[:1]
    if char.isdigit() or (char.isalpha() and not _RTL_LETTER.match(char)):
        return "L"
    return "R" if _RTL_LETTER.match(char) else "N"


def _run_end(ordered: list[str], kinds: list[str], start: int) -> int:
    """Return where the left-to-right run that starts at `start` ends; `start` if none does."""
    index = start
    while index < len(ordered) and ordered[index] in _NUMBER_SIGNS:
        index += 1
    if index == len(ordered) or kinds[index] != "L":
        return start
    if index > start and not ordered[index][:1].isdigit():
        return start
    end = index + 1
    while end < len(ordered):
        if kinds[end] == "L":
            end += 1
            continue
        following = end
        while following < len(ordered) and ordered[following] in _JOINING:
            following += 1
        # One blank between two Latin words; a blank between numbers separates them.
        if (
            following == end
            and ordered[end] == " "
            and ordered[end - 1][:1].isalpha()
            and end + 1 < len(ordered)
            and ordered[end + 1][:1].isalpha()
        ):
            following = end + 1
        if following == end or following == len(ordered) or kinds[following] != "L":
            break
        end = following + 1
    while end < len(ordered) and ordered[end] in _NUMBER_SIGNS and ordered[end - 1][:1].isdigit():
        end += 1
    return end


def _without_false_blanks(glyphs: list[Glyph], size: float) -> str:
    """Keep a guessed blank only where the gap between two clusters is as wide as one."""
    pieces: list[str] = []
    cluster: list[Glyph] = []
    blank = False
    for glyph in glyphs:
        if glyph.is_generated:
            blank = True
            continue
        if blank and cluster and not _is_word_gap(cluster, glyph, size):
            blank = False
        pieces.append(" " * blank + glyph.text)
        blank = False
        if cluster and glyph.origin == cluster[-1].origin:
            cluster.append(glyph)
        else:
            cluster = [glyph]
    return "".join(pieces)


def _is_word_gap(cluster: list[Glyph], following: Glyph, size: float) -> bool:
    gap = following.left - max(glyph.right for glyph in cluster)
    has_spacing_mark = any(unicodedata.category(glyph.text[:1]) == "Mc" for glyph in cluster)
    return gap >= size * (_MIN_GAP_BESIDE_SPACING_MARK if has_spacing_mark else _MIN_GAP)


def _without_letter_spacing(glyphs: list[Glyph]) -> str:
    """Join the letters of words whose letters are set apart; the gaps between words are wider."""
    visible = [glyph for glyph in glyphs if glyph.text.strip()]
    gaps = [following.left - glyph.right for glyph, following in pairwise(visible)]
    usual = median(gaps)
    # A blank is a quarter of the font size or more, in addition to the spacing of the letters.
    widths = sorted(glyph.right - glyph.left for glyph in visible)
    limit = usual + 0.3 * widths[len(widths) // 2]
    texts = [visible[0].text]
    for glyph, gap in zip(visible[1:], gaps, strict=True):
        texts.append((" " if gap > limit else "") + glyph.text)
    return "".join(texts)
