"""Where the tokens of a text begin, how many lie in a span, how far a number of them reaches.

Asks the tokenizer for each stretch of text once, in slices, so that memory and time stay in
proportion to the text whatever is in it. Knows nothing of headings, sentences or passages.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A span of n tokens has at most 16 n characters: a run of spaces, or of signs the tokenizer does
# not know, costs few tokens and must not make a passage of megabytes.
CHARACTERS_PER_TOKEN = 16

_SLICE = 50_000  # characters tokenised at once
_SEARCH = 1_000  # characters at the end of a slice searched for a white space to cut at
_BATCH = 500_000  # characters counted at once

# WordPiece makes one "unknown" token of a word of more than 100 characters. Digests and long
# identifiers may stay so; a longer word is read in pieces that the tokenizer takes in.
LONGEST_WORD = 500
_PIECE = 100


class Tokenizer(Protocol):
    """The part of an encoder that decides how much text fits into one input."""

    @property
    def window(self) -> int:
        """Tokens of text one input can hold, special tokens and prompt already taken off."""

    def token_spans(self, text: str) -> NDArray[np.int64] | Sequence[tuple[int, int]]:
        """`(start, end)` of each token, character offsets, in order; no special tokens."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens and prompt not counted, nothing truncated."""


def counts(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[int]:
    """The tokenizer's count of each text, asked for in batches of bounded size."""
    batch: list[str] = []
    characters = 0
    for text in texts:
        batch.append(text)
        characters += len(text)
        if characters >= _BATCH:
            yield from tokenizer.count_tokens(batch)
            batch, characters = [], 0
    if batch:
        yield from tokenizer.count_tokens(batch)


class Ruler:
    """Measures spans of `text[start:end]` in tokens. All offsets are offsets into `text`."""

    def __init__(self, text: str, start: int, end: int, tokenizer: Tokenizer) -> None:
        self._text = text
        self._end = end
        self._tokenizer = tokenizer
        self._starts = array("q")
        self.long_words: list[tuple[int, int]] = []
        for left, right in _slices(text, start, end):
            self._read(left, right)

    def tokens(self, start: int, end: int) -> int:
        """Tokens that begin in `[start, end)`."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def reach(self, start: int, tokens: int) -> int:
        """The furthest end of a span from `start` with at most so many tokens: a token's start.

        At least one character, even where that one has more tokens.
        """
        index = bisect_left(self._starts, start) + tokens
        end = self._starts[index] if index < len(self._starts) else self._end
        return max(min(end, start + CHARACTERS_PER_TOKEN * tokens), start + 1)

    def back(self, end: int, tokens: int) -> int:
        """The start of the last `tokens` tokens before `end`."""
        index = max(0, bisect_left(self._starts, end) - tokens)
        start = self._starts[index] if index < len(self._starts) else end
        return min(end, max(start, end - CHARACTERS_PER_TOKEN * tokens))

    def starts_before(self, end: int, start: int) -> Iterator[int]:
        """Starts of tokens in `(start, end]`, the last first."""
        index = bisect_left(self._starts, end + 1) - 1
        while index >= 0 and self._starts[index] > start:
            yield self._starts[index]
            index -= 1

    def break_words(self, words: list[tuple[int, int]]) -> list[int]:
        """Measure these long words by their pieces. Returns the offsets at which to cut them.

        Two pieces side by side would be one long word again: one unknown token. Where the
        pieces are unknown too (a run of emoji), nothing is gained and no cut is asked for.
        """
        old, self._starts, copied = self._starts, array("q"), 0
        cuts: list[int] = []
        for start, end in words:
            last = start + (end - start - 1) // _PIECE * _PIECE
            found = self._piece_starts(start, last, end)
            if found:
                self._starts.extend(old[copied : bisect_left(old, start)])
                self._starts.extend(found)
                copied = bisect_left(old, end)
                cuts.extend(range(start + _PIECE, end, _PIECE))
        self._starts.extend(old[copied:])
        return cuts

    def _piece_starts(self, start: int, last: int, end: int) -> array[int]:
        """Starts of tokens in a long word whose last piece begins at `last`; none if unknown.

        Only the first and the last piece share a passage with other text and are measured;
        those between them are taken to be like the first.
        """
        first, rest = self._text[start : start + _PIECE], self._text[last:end]
        spans = _array(self._tokenizer.token_spans(f"{first} {rest}"))[:, 0]
        if len(spans) <= 2:  # one unknown token each
            return array("q")
        left = spans[spans < _PIECE] + start
        right = spans[spans > _PIECE] - (_PIECE + 1) + last
        starts = array("q", left.tobytes())
        starts.extend(range(start + _PIECE, last, max(1, _PIECE // max(1, len(left)))))
        starts.frombytes(right.tobytes())
        return starts

    def _read(self, left: int, right: int) -> None:
        import numpy as np

        spans = _array(self._tokenizer.token_spans(self._text[left:right])) + left
        self._starts.frombytes(np.ascontiguousarray(spans[:, 0]).tobytes())
        for start, end in spans[spans[:, 1] - spans[:, 0] > LONGEST_WORD].tolist():
            if self.long_words and self.long_words[-1][1] == start:  # cut by a slice's end
                self.long_words[-1] = (self.long_words[-1][0], end)
            else:
                self.long_words.append((start, end))


def _array(spans: NDArray[np.int64] | Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(n, 2) int64, also for no tokens at all."""
    import numpy as np

    return np.asarray(spans, dtype=np.int64).reshape(-1, 2)


def _slices(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of at most `_SLICE` characters that cover `[start, end)`, cut at white space if any
    is near."""
    while end - start > _SLICE:
        right = start + _SLICE
        near = range(right, right - _SEARCH, -1)
        cut = next((offset for offset in near if text[offset - 1].isspace()), right)
        yield start, cut
        start = cut
    yield start, end
