"""Where a word stands in its sentence, and which tokens are its pieces.

Contract: strings and character offsets in, character spans and token numbers out; half open,
in characters. Knows no model and no tokenizer.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import UsageError

_WORD = re.compile(r"\w+")
_LOOKED_AT = 5_000  # different words of a long text that are compared with one that is not there
_SHOWN = 60  # characters of the text in a message


def occurrences(text: str, word: str) -> list[tuple[int, int]]:
    """The spans of `word`, or of a phrase, in `text`, in order, not overlapping.

    Whole words as written; else whole words in any case; else, in the same order, inside longer
    words: `bank` is not found in `banking` unless it stands nowhere alone. White space in a
    phrase stands for any white space. Raises UsageError where there is none.
    """
    parts = word.split()
    if not parts:
        raise UsageError("the word is empty; name one that stands in the text")
    inside = r"\s+".join(map(re.escape, parts))
    # Borders matter where the word itself begins or ends in a letter: "C++" has none behind it.
    whole = f"(?<!\\w){inside}" if _WORD.match(parts[0][0]) else inside
    whole = f"{whole}(?!\\w)" if _WORD.match(parts[-1][-1]) else whole
    for pattern in (whole, inside):
        for flags in (0, re.IGNORECASE):
            if found := [match.span() for match in re.finditer(pattern, text, flags)]:
                return found
    raise UsageError(f"{_quoted(word)} does not stand in {_quoted(text)}{_instead(text, word)}")


def enclosing(text: str, start: int, end: int) -> str:
    """The span's text with the rest of the words that it begins or ends in: `banking`."""
    while start > 0 and _WORD.match(text[start - 1]) and _WORD.match(text[start]):
        start -= 1
    while end < len(text) and _WORD.match(text[end]) and _WORD.match(text[end - 1]):
        end += 1
    return text[start:end]


def pieces(spans: NDArray[np.int64], found: Sequence[tuple[int, int]]) -> list[slice]:
    """For each span of `found` the tokens that share characters with it; `spans` (n, 2) int64,
    those of the tokens, in order."""
    starts, ends = np.asarray(found, dtype=np.int64).reshape(-1, 2).T
    first = np.searchsorted(spans[:, 1], starts, side="right")
    last = np.searchsorted(spans[:, 0], ends, side="left")
    return [slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]


def _instead(text: str, word: str) -> str:
    known: dict[str, None] = {}
    for match in _WORD.finditer(text):
        known[match[0]] = None
        if len(known) == _LOOKED_AT:
            break
    by_folded = {each.casefold(): each for each in known}
    if near := difflib.get_close_matches(word.casefold(), by_folded, n=1):
        return f"; the nearest word is {_quoted(by_folded[near[0]])}"
    return f"; its words are {_listed(list(known))}" if known else ", which has no words"


def _listed(words: Sequence[str], most: int = 12) -> str:
    return ", ".join(word[:_SHOWN] for word in words[:most]) + (", …" if len(words) > most else "")


def _quoted(text: str) -> str:
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
    return f"“{short}”"
