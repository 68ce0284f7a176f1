"""Number words from two to a hundred: `fünfundzwanzig`, `treinta y cinco`, `третьем` are 25, 35, 3.

Cardinal and ordinal words in all genders and cases are in `number_words.txt`. One is left out: in
most languages it is an article or a pronoun too. Knows words of one language, no index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

_FILE = Path(__file__).with_name("number_words.txt")
_FIRST = 2  # the number of the first entry of a line


class NumberWords:
    """The number words of a language, by the terms of their words."""

    def __init__(self, language: str, term: Callable[[str], str]) -> None:
        """`term` is `Analyzer.term` of the language."""
        self._numbers: dict[tuple[str, ...], int] = {}
        self._rows: dict[int, dict[tuple[str, ...], None]] = {}
        for number, words in enumerate(_line(language).split("|"), _FIRST):
            for word in words.split(","):
                row = tuple(map(term, word.replace("-", " ").split()))
                if row:
                    self._numbers.setdefault(row, number)
                    self._rows.setdefault(number, {})[row] = None
        self._longest = max(map(len, self._numbers), default=0)

    def terms(self, number: int) -> list[tuple[str, ...]]:
        """Return the terms of each word for a number; several where it is written in several
        words."""
        return list(self._rows.get(number, ()))

    def number(self, *terms: str) -> int | None:
        """Return the number that a word, or a row of them, says."""
        return self._numbers.get(terms)

    def find(self, terms: Sequence[str]) -> Iterator[tuple[int, int, int]]:
        """Yield the longest rows of number words in a text as (start, end, number)."""
        start = 0
        while start < len(terms):
            for end in range(min(len(terms), start + self._longest), start, -1):
                if number := self._numbers.get(tuple(terms[start:end])):
                    yield start, end, number
                    start = end
                    break
            else:
                start += 1


def _line(language: str) -> str:
    """Return what the file has for a language. The rest is not decoded: queries wait for it."""
    data = _FILE.read_bytes()
    start = data.find(f"\n{language}: ".encode()) + 1
    if not start:
        return ""
    return data[start + len(language) + 2 : data.find(b"\n", start)].decode()
