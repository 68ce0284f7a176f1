"""Spelling correction: candidates for a mistyped word. Knows spelling, not which words exist."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_MIN_LENGTH_ONE_EDIT = 5  # letters of a word that may contain one mistake …
_MIN_LENGTH_TWO_EDITS = 8  # … and two
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґ",
    "αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώ",
    "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءآأإؤئ",
)
_ACCENTED = {
    "a": "áàâäãåăą", "c": "çćč", "d": "ď", "e": "éèêëěę", "g": "ğ", "i": "íìîïı", "l": "ł",
    "n": "ñńň", "o": "óòôöõøő", "r": "ř", "s": "şšśș", "t": "țť", "u": "úùûüůű", "y": "ýÿ",
    "z": "žźż",
}  # fmt: skip


def max_edits(word: str) -> int:
    """Return how many mistakes to allow in `word`: none in short words and those with digits."""
    if len(word) < _MIN_LENGTH_ONE_EDIT or not all(map(_is_letter, word)):
        return 0
    return 2 if len(word) >= _MIN_LENGTH_TWO_EDITS else 1


def _is_letter(char: str) -> bool:
    """Whether a character is a letter, or a vowel sign or virama of an Indic script."""
    return char.isalpha() or unicodedata.category(char) in ("Mc", "Mn")


def _alphabet(word: str) -> str:
    """Return the letters of the word's script."""
    for letters in _ALPHABETS:
        if any(letter in letters for letter in word):
            return letters
    block = next((ord(char) // 0x80 * 0x80 for char in word if char >= "\u0900"), 0)
    if not 0x0900 <= block < 0x0E00:
        return ""
    return "".join(filter(_is_letter, map(chr, range(block, block + 0x66))))


def edit_candidates(word: str) -> Iterator[str]:
    """Yield the words one edit away: a deletion, a transposition, a substitution, an insertion.

    Inserted letters are those of the word's alphabet; a letter is also replaced by its accented
    forms. Duplicates occur.
    """
    word = word.lower()
    letters = _alphabet(word)
    for index in range(len(word)):
        before, after = word[:index], word[index + 1 :]
        yield before + after
        if after:
            yield before + after[0] + word[index] + after[1:]
        for letter in letters + _ACCENTED.get(word[index], ""):
            yield before + letter + after
    for index in range(len(word) + 1):
        for letter in letters:
            yield word[:index] + letter + word[index:]


def edit_distance(first: str, second: str) -> int:
    """Return the number of insertions, deletions, substitutions and adjacent transpositions.

    Damerau, "A technique for computer detection and correction of spelling errors", 1964, as
    optimal string alignment: no substring is edited twice.
    """
    previous: list[int] = []
    current = list(range(len(second) + 1))
    for row, letter in enumerate(first, start=1):
        before_previous, previous, current = previous, current, [row]
        for column, other in enumerate(second, start=1):
            cost = min(
                previous[column] + 1, current[-1] + 1, previous[column - 1] + (letter != other)
            )
            transposed = row > 1 and column > 1 and letter == second[column - 2]
            if transposed and first[row - 2] == other:
                cost = min(cost, before_previous[column - 2] + 1)
            current.append(cost)
    return current[-1]
