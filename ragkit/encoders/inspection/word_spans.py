"""Find a word in its sentence, and the tokens that it consists of.

Contract: strings and character offsets in, half-open character spans and token indexes out. Knows
no model and no tokenizer.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import UsageError

_WORD = re.compile(r"\w+")
_MAX_COMPARED_WORDS = 5_000  # different words of a text that are compared with a missing one
_MAX_QUOTED_CHARACTERS = 60  # of the text, in a message
_MAX_LISTED_WORDS = 12


def find_word(text: str, word: str) -> list[tuple[int, int]]:
    """Return the spans `[start, end)` of a word or phrase in `text`, in order, not overlapping.

    It is searched in four ways, and the first that matches counts: complete words in the same case;
    complete words in any case; parts of words in the same case; parts of words in any case. So
    `bank` is found inside `banking` only if it does not occur as a word. White space in a phrase
    matches any white space. Raises UsageError if the word does not occur or is empty.
    """
    parts = word.split()
    if not parts:
        raise UsageError("the word is empty; name one that occurs in the text")
    anywhere = r"\s+".join(map(re.escape, parts))
    # A boundary is required only beside a letter: "C++" needs none at its end.
    as_word = f"(?<!\\w){anywhere}" if _WORD.match(parts[0][0]) else anywhere
    as_word = f"{as_word}(?!\\w)" if _WORD.match(parts[-1][-1]) else as_word
    for pattern in (as_word, anywhere):
        for flags in (0, re.IGNORECASE):
            if spans := [match.span() for match in re.finditer(pattern, text, flags)]:
                return spans
    raise UsageError(f"{_quote(word)} does not occur in {_quote(text)}{_suggestion(text, word)}")


def expand_to_words(text: str, start: int, end: int) -> str:
    """Return the text of the span, extended to complete words: `banking` for a `bank` inside it."""
    while start > 0 and _WORD.match(text[start - 1]) and _WORD.match(text[start]):
        start -= 1
    while end < len(text) and _WORD.match(text[end]) and _WORD.match(text[end - 1]):
        end += 1
    return text[start:end]


def tokens_of_spans(
    token_spans: NDArray[np.int64], spans: Sequence[tuple[int, int]]
) -> list[slice]:
    """Return for each span the slice of tokens that share characters with it. `token_spans` (n, 2)
    int64 are the character offsets of the tokens, in order."""
    starts, ends = np.asarray(spans, dtype=np.int64).reshape(-1, 2).T
    first = np.searchsorted(token_spans[:, 1], starts, side="right")
    last = np.searchsorted(token_spans[:, 0], ends, side="left")
    return [slice(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True)]


def _suggestion(text: str, word: str) -> str:
    """The end of the message about a missing word: the most similar word of the text, or its
    first words."""
    words: dict[str, None] = {}
    for match in _WORD.finditer(text):
        words[match[0]] = None
        if len(words) == _MAX_COMPARED_WORDS:
            break
    by_folded = {candidate.casefold(): candidate for candidate in words}
    if similar := difflib.get_close_matches(word.casefold(), by_folded, n=1):
        return f"; the nearest word is {_quote(by_folded[similar[0]])}"
    return f"; its words are {_list_words(list(words))}" if words else ", which has no words"


def _list_words(words: Sequence[str]) -> str:
    first = ", ".join(word[:_MAX_QUOTED_CHARACTERS] for word in words[:_MAX_LISTED_WORDS])
    return first + (", …" if len(words) > _MAX_LISTED_WORDS else "")


def _quote(text: str) -> str:
    if len(text) > _MAX_QUOTED_CHARACTERS:
        text = text[: _MAX_QUOTED_CHARACTERS - 1] + "…"
    return f"“{text}”"
