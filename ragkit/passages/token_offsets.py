"""Token offsets of a text: count the tokens of a span, find the end of a number of tokens.

The tokenizer is called once for each stretch of text, in slices, so memory and time are
proportional to the text. Does not know headings, sentences or passages.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# A span of n tokens has at most 16 n characters. A run of spaces or of unknown characters costs few
# tokens and must not become a passage of megabytes.
MAX_CHARACTERS_PER_TOKEN = 16

_SLICE = 50_000  # characters tokenized at once
_SLICE_SEARCH = 1_000  # characters at the end of a slice searched for white space to cut at
_BATCH = 500_000  # characters counted at once

# WordPiece makes one "unknown" token of a word of more than 100 characters. Digests and long
# identifiers stay so; a longer word is tokenized in pieces that the tokenizer knows.
MAX_WORD_CHARACTERS = 500
_PIECE = 100


class Tokenizer(Protocol):
    """The part of an encoder that decides how much text fits one input."""

    @property
    def window(self) -> int:
        """Maximum tokens of text in one input, without special tokens and prompt."""

    def token_spans(self, text: str) -> NDArray[np.int64] | Sequence[tuple[int, int]]:
        """Return the character offsets `[start, end)` of the tokens: (n, 2), in order, without
        special tokens."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens and prompt, not
        truncated."""


def count_in_batches(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[int]:
    """Yield the token count of each text; the tokenizer is called in batches of bounded size."""
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


class TokenOffsets:
    """Token offsets of `text[start:end]`. All offsets are offsets into `text`.

    `long_words` are the spans of words of more than 500 characters.
    """

    def __init__(self, text: str, start: int, end: int, tokenizer: Tokenizer) -> None:
        self._text = text
        self._end = end
        self._tokenizer = tokenizer
        self._starts = array("q")
        self.long_words: list[tuple[int, int]] = []
        for left, right in _slices(text, start, end):
            self._read(left, right)

    def count(self, start: int, end: int) -> int:
        """Return the number of tokens that begin in `[start, end)`."""
        return bisect_left(self._starts, end) - bisect_left(self._starts, start)

    def end_after(self, start: int, tokens: int) -> int:
        """Return the largest end of a span from `start` with at most `tokens` tokens.

        The end is the start of a token. The span has at least one character, even if that has
        more tokens.
        """
        index = bisect_left(self._starts, start) + tokens
        end = self._starts[index] if index < len(self._starts) else self._end
        return max(min(end, start + MAX_CHARACTERS_PER_TOKEN * tokens), start + 1)

    def start_before(self, end: int, tokens: int) -> int:
        """Return the start of the last `tokens` tokens before `end`."""
        index = max(0, bisect_left(self._starts, end) - tokens)
        start = self._starts[index] if index < len(self._starts) else end
        return min(end, max(start, end - MAX_CHARACTERS_PER_TOKEN * tokens))

    def starts_between(self, start: int, end: int) -> Iterator[int]:
        """Yield the starts of tokens in `(start, end]`, in descending order."""
        index = bisect_left(self._starts, end + 1) - 1
        while index >= 0 and self._starts[index] > start:
            yield self._starts[index]
            index -= 1

    def split_long_words(self, words: list[tuple[int, int]]) -> list[int]:
        """Tokenize these long words in pieces. Returns the offsets at which they must be cut.

        Two adjacent pieces in one passage would form one long word again: one unknown token. If
        the pieces are unknown too (a run of emoji), the word is not cut.
        """
        old, self._starts, copied = self._starts, array("q"), 0
        cuts: list[int] = []
        for start, end in words:
            last = start + (end - start - 1) // _PIECE * _PIECE
            starts = self._piece_starts(start, last, end)
            if starts:
                self._starts.extend(old[copied : bisect_left(old, start)])
                self._starts.extend(starts)
                copied = bisect_left(old, end)
                cuts.extend(range(start + _PIECE, end, _PIECE))
        self._starts.extend(old[copied:])
        return cuts

    def _piece_starts(self, start: int, last: int, end: int) -> array[int]:
        """Return the token starts of a long word with its last piece at `last`; none if unknown.

        Only the first and the last piece share a passage with other text and are tokenized; the
        pieces between them are assumed to have as many tokens as the first.
        """
        first, last_piece = self._text[start : start + _PIECE], self._text[last:end]
        spans = _array(self._tokenizer.token_spans(f"{first} {last_piece}"))[:, 0]
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
        for start, end in spans[spans[:, 1] - spans[:, 0] > MAX_WORD_CHARACTERS].tolist():
            if self.long_words and self.long_words[-1][1] == start:  # cut by the end of a slice
                self.long_words[-1] = (self.long_words[-1][0], end)
            else:
                self.long_words.append((start, end))


def _array(spans: NDArray[np.int64] | Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the spans as (n, 2) int64, also for n = 0."""
    import numpy as np

    return np.asarray(spans, dtype=np.int64).reshape(-1, 2)


def _slices(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield spans of at most `_SLICE` characters that cover `[start, end)`, cut at white space if
    the last `_SLICE_SEARCH` characters contain any."""
    while end - start > _SLICE:
        right = start + _SLICE
        candidates = range(right, right - _SLICE_SEARCH, -1)
        cut = next((offset for offset in candidates if text[offset - 1].isspace()), right)
        yield start, cut
        start = cut
    yield start, end
