"""Which texts a tokenizer mostly does not know, so that their vectors say nothing about them.

A WordPiece tokenizer makes one [UNK] token of a word that its vocabulary cannot spell. Thai, Lao
and Khmer put no space between words: a line is one "word". A text of such tokens has the same
vector as every other one. Letters are counted and not tokens, since one token may stand for a
whole line.
Knows no vocabulary and no model.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MAX_UNKNOWN_SHARE = 0.5  # of the letters and digits of a text


def is_mostly_unknown(
    text: str, start: int, spans: Sequence[tuple[int, int]], unknown: Sequence[bool]
) -> bool:
    """Whether more than half of the letters and digits of `text[start:]` are in unknown tokens.

    `spans` are the character offsets `[start, end)` of the tokens of `text`, in order; `unknown`
    says which of them the vocabulary does not know. What follows the last token is not counted: the
    model does not read it. A text without letters and digits is mostly unknown if none of its
    tokens is known.
    """
    tokens = [
        (max(first, start), last, is_unknown)
        for (first, last), is_unknown in zip(spans, unknown, strict=True)
        if last > start
    ]
    if not tokens:
        return False
    letters = _count_letters(text[start : tokens[-1][1]])
    if not letters:
        return all(is_unknown for _, _, is_unknown in tokens)
    lost = sum(_count_letters(text[first:last]) for first, last, is_lost in tokens if is_lost)
    return lost > MAX_UNKNOWN_SHARE * letters


def _count_letters(text: str) -> int:
    """The letters, digits and vowel signs, which are marks in Thai, Lao and Khmer."""
    if text.isascii():
        return sum(map(str.isalnum, text))
    return sum(unicodedata.category(character)[0] in "LMN" for character in text)
