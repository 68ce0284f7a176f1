"""Text to token ids and back to characters: a model's tokenizer, with our own truncation.

Contract: built from a `tokenizer.json`, never changed afterwards, safe to share between threads.
No string makes it fail. Knows the tokenizer's file and the model's length, not the model.

Files in the wild ask for padding and for truncation (the default model's: both, to 128 tokens).
Both are switched off: what is cut is decided here, once, from the model's own length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.tokenization.wordpiece import WordPiece
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# UTF-8 has no code for half of a surrogate pair; one character stands in for one, so that
# offsets stay true.
_SURROGATES = re.compile("[\ud800-\udfff]")
# An encoding costs some hundred bytes a token: long texts go through in pieces of this many
# characters, cut where white space ends, which no tokenizer joins words across.
_PIECE = 100_000
_SPACES_END = re.compile(r"\s+")


class ModelTokenizer:
    """The tokenizer in `path`, for a model that reads `max_length` tokens, specials included."""

    def __init__(self, path: Path, max_length: int) -> None:
        self._path = path
        self.max_length = max_length
        self._quick = WordPiece.read(path)
        self.vocabulary: int = (
            self._tokenizer.get_vocab_size() if self._quick is None else self._quick.size
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        """The library's. One short text does without it, as long as nothing else needed it."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._path))
        except Exception as error:  # the bindings raise nothing narrower
            raise ModelError(
                f"{self._path} is no tokenizer that can be read ({error}): fetch the model again."
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def _quickly(self, texts: Sequence[str]) -> list[int] | None:
        if self._quick is None or len(texts) != 1:
            return None
        return self._quick.ids(texts[0])

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """The special ids before and after a text: [CLS] and [SEP] for BERT."""
        if self._quick is not None:
            return list(self._quick.before), list(self._quick.after)
        probe = self._tokenizer.encode("a")
        text = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        first, last = (text[0], text[-1] + 1) if text else (len(probe.ids), len(probe.ids))
        return probe.ids[:first], probe.ids[last:]

    def max_text_tokens(self, prompt: str) -> int:
        """Tokens left for a text beside the special tokens and `prompt`."""
        before, after = self._frame
        return self.max_length - len(before) - len(after) - self.count([prompt])[0]

    def spans(self, text: str) -> NDArray[np.int64]:
        """(n, 2) int64: character offsets `[start, end)` of the tokens of `text`, in order,
        without special tokens, nothing truncated."""
        found = [np.empty((0, 2), dtype=np.int64)]
        for offset, piece in _pieces(clean(text)):
            offsets = self._tokenizer.encode(piece, add_special_tokens=False).offsets
            found.append(np.asarray(offsets, dtype=np.int64).reshape(-1, 2) + offset)
        return np.concatenate(found)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without special tokens, nothing truncated."""
        if (quick := self._quickly(texts)) is not None:
            return [len(quick)]
        return [
            sum(
                len(self._tokenizer.encode(piece, add_special_tokens=False))
                for _, piece in _pieces(clean(text))
            )
            for text in texts
        ]

    def encode_with_spans(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """The ids of one text as `ids` has them, and the span of each: (n, 2) int64, character
        offsets `[start, end)`, that of a special token empty."""
        (ids,) = self.ids([text])
        before, after = (len(part) for part in self._frame)
        spans = np.zeros((len(ids), 2), dtype=np.int64)
        own = self.spans(text)[: max(0, len(ids) - before - after)]
        spans[before : before + len(own)] = own
        spans[before + len(own) :] = own[-1, 1] if len(own) else 0
        return ids, spans

    def token_strings(self, ids: Sequence[int]) -> tuple[str, ...]:
        """The ids as the vocabulary writes them: `[CLS]`, `bank`, `##ing`."""
        return tuple(self._tokenizer.id_to_token(each) or "" for each in ids)

    def ids(self, texts: Sequence[str], prompt: str = "") -> list[list[int]]:
        """What the model reads for each text: prompt and text, cut to the model's length,
        between the special tokens. Never empty."""
        before, after = self._frame
        max_text_tokens = self.max_length - len(before) - len(after)
        whole = [clean(prompt + text) for text in texts]
        if (quick := self._quickly(whole)) is not None:
            found = [quick]
        elif len(whole) == 1:  # a batch starts the tokenizer's thread pool: not for one query
            found = [self._tokenizer.encode(whole[0], add_special_tokens=False).ids]
        else:
            encodings = self._tokenizer.encode_batch(whole, add_special_tokens=False)
            found = [encoding.ids for encoding in encodings]
        return [[*before, *ids[:max_text_tokens], *after] or [0] for ids in found]


def clean(text: str) -> str:
    """The text with lone surrogates replaced, character for character."""
    return _SURROGATES.sub("\ufffd", text)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces with their offsets; a piece without white space stays whole."""
    start = 0
    while start < len(text):
        space = _SPACES_END.search(text, start + _PIECE) if len(text) - start > _PIECE else None
        end = space.end() if space else len(text)
        yield start, text[start:end]
        start = end
