"""Words that a mistyped one may have been meant for. Knows spelling, not which words there are."""

from __future__ import annotations

from collections.abc import Iterator

_SHORTEST = 5  # letters of a word that may be mistyped in one place …
_LONG = 8  # … and in two
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


def forgivable(word: str) -> int:
    """In how many places a word may be mistyped: none where it is short or holds a digit."""
    if len(word) < _SHORTEST or not word.isalpha():
        return 0
    return 2 if len(word) >= _LONG else 1


def neighbours(word: str) -> Iterator[str]:
    """All that one letter too many, too few, wrong, or two swapped can have made `word` of."""
    word = word.lower()
    letters = next((each for each in _ALPHABETS if any(c in each for c in word)), "")
    for at in range(len(word)):
        before, after = word[:at], word[at + 1 :]
        yield before + after
        if after:
            yield before + after[0] + word[at] + after[1:]
        for letter in letters + _ACCENTED.get(word[at], ""):
            yield before + letter + after
    for at in range(len(word) + 1):
        for letter in letters:
            yield word[:at] + letter + word[at:]


def distance(one: str, other: str) -> int:
    """Letters to add, take away, change or swap (each once) to make one word of the other.

    Damerau, "A technique for computer detection and correction of spelling errors", 1964; optimal
    string alignment.
    """
    older: list[int] = []
    line = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        oldest, older, line = older, line, [row]
        for column, facing in enumerate(other, start=1):
            cost = min(older[column] + 1, line[-1] + 1, older[column - 1] + (letter != facing))
            swapped = row > 1 and column > 1 and letter == other[column - 2]
            if swapped and one[row - 2] == facing:
                cost = min(cost, oldest[column - 2] + 1)
            line.append(cost)
    return line[-1]
