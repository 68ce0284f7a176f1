"""`ModelTokenizer`: texts to token ids and to character offsets, truncated to the model's length.
`token_batches`: the one place where texts are grouped into batches of bounded tokens.

Contract: built from a `tokenizer.json`, immutable, safe to share between threads. No string makes
it fail. Knows the tokenizer's file and the model's length, not the model.

Published files often enable padding and truncation (the default model's file does both, to 128
tokens). Both are disabled here: this module alone truncates, to the model's own length.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.encoders.tokenization.unknown import is_mostly_unknown
from ragkit.encoders.tokenization.wordpiece import WordPiece
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    from ragkit.encoders.tokenization.charsmap import Spans
    from ragkit.encoders.tokenization.unigram import Unigram

NO_TOKEN = -1  # the only id of a text without tokens; its vector is zeros
# UTF-8 cannot encode half of a surrogate pair. Each is replaced by one character, so that offsets
# stay the same.
_SURROGATES = re.compile("[\ud800-\udfff]")
# An encoding takes some hundred bytes a token. So long texts are tokenized in segments of this many
# characters, cut where white space ends: no tokenizer joins words across white space.
_SEGMENT_CHARACTERS = 100_000
_WHITE_SPACE = re.compile(r"\s+")
# Files from this size on are read from a copy in the cache: parsing smaller ones takes little time.
_LARGE_BYTES = 4 << 20
# Characters of one call beyond which the library is as fast as `Unigram`, its loading included.
_MAX_UNIGRAM_CHARACTERS = 20_000
# How SentencePiece and byte-level vocabularies mark a token that begins a word.
_WORD_STARTS = ("▁", "Ġ")
_FIRST_UNSPACED = "\u0e00"  # Thai; scripts from here on have short words


class ModelTokenizer:
    """The tokenizer in the file `path`, for a model that reads `max_length` tokens, special tokens
    included. Raises ModelError if the file cannot be parsed.

    Static models take no special tokens (`adds_special`), and some no unknown ones
    (`drops_unknown`).
    """

    def __init__(
        self,
        path: Path,
        max_length: int,
        *,
        adds_special: bool = True,
        drops_unknown: bool = False,
    ) -> None:
        self._path = path
        self.max_length = max_length
        self._adds_special, self._drops_unknown = adds_special, drops_unknown
        # A large file is parsed only if no copy of it is in the user's cache folder.
        self._unigram = _read_large(path)
        self._wordpiece = WordPiece.read(path) if self._unigram is None else None
        own = self._wordpiece or self._unigram
        self.vocabulary_size: int = self._tokenizer.get_vocab_size() if own is None else own.size

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        """The tokenizer of the `tokenizers` library, loaded on first use: `WordPiece` and `Unigram`
        handle short texts without it."""
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._path))
        except Exception as error:  # the bindings raise nothing narrower
            raise ModelError(
                f"cannot parse {self._path} ({error}): fetch the model again."
            ) from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def _wordpiece_ids(self, texts: Sequence[str]) -> list[int] | None:
        if self._wordpiece is None or len(texts) != 1:
            return None
        return self._wordpiece.token_ids(texts[0])

    def _unigram_tokens(self, texts: Sequence[str]) -> list[tuple[list[int], Spans]] | None:
        """The ids and spans of short texts, as long as the library is not loaded: it is faster."""
        if self._unigram is None or "_tokenizer" in self.__dict__:
            return None
        if sum(map(len, texts)) > _MAX_UNIGRAM_CHARACTERS:
            return None
        tokens = []
        for text in texts:
            if (of_text := self._unigram.tokenize(text)) is None:
                return None
            tokens.append(of_text)
        return tokens

    @cached_property
    def _special_ids(self) -> tuple[list[int], list[int]]:
        """The ids of the special tokens before and after a text: [CLS] and [SEP] for BERT."""
        if not self._adds_special:
            return [], []
        if (own := self._wordpiece or self._unigram) is not None:
            return list(own.before), list(own.after)
        probe = self._tokenizer.encode("a")
        text = [i for i, special in enumerate(probe.special_tokens_mask) if not special]
        first, last = (text[0], text[-1] + 1) if text else (len(probe.ids), len(probe.ids))
        return probe.ids[:first], probe.ids[last:]

    def max_text_tokens(self, prompt: str) -> int:
        """Return how many tokens a text can have beside the special tokens and `prompt`."""
        before, after = self._special_ids
        return self.max_length - len(before) - len(after) - self.count_tokens([prompt])[0]

    def token_spans(self, text: str) -> NDArray[np.int64]:
        """Return the character offsets `[start, end)` of the tokens of `text`: (n, 2) int64, in
        order, without special tokens, not truncated."""
        parts = [np.empty((0, 2), dtype=np.int64)]
        for offset, segment in _segments(clean(text)):
            offsets = self._tokenizer.encode(segment, add_special_tokens=False).offsets
            parts.append(np.asarray(offsets, dtype=np.int64).reshape(-1, 2) + offset)
        return np.concatenate(parts)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without special tokens, not truncated."""
        if (ids := self._wordpiece_ids(texts)) is not None:
            return [len(ids)]
        if (tokens := self._unigram_tokens([clean(text) for text in texts])) is not None:
            return [len(ids) for ids, _ in tokens]
        return [
            sum(
                len(self._tokenizer.encode(segment, add_special_tokens=False))
                for _, segment in _segments(clean(text))
            )
            for text in texts
        ]

    def encode_with_spans(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """Return the ids of one text as `token_ids` returns them, and the span of each: (n, 2)
        int64, character offsets `[start, end)`. The span of a special token is empty."""
        (ids,) = self.token_ids([text])
        before, after = (len(special) for special in self._special_ids)
        spans = np.zeros((len(ids), 2), dtype=np.int64)
        own = self.token_spans(text)[: max(0, len(ids) - before - after)]
        spans[before : before + len(own)] = own
        spans[before + len(own) :] = own[-1, 1] if len(own) else 0
        return ids, spans

    def token_strings(self, ids: Sequence[int]) -> tuple[str, ...]:
        """Return the tokens as the vocabulary writes them: `[CLS]`, `bank`, `##ing`."""
        return tuple(self._tokenizer.id_to_token(id_) or "" for id_ in ids)

    def vocabulary_words(self) -> dict[int, str]:
        """Return the complete words that are single tokens: token id → word, by ascending id.

        Words of letters only, of at least three (two in scripts without spaces); continuations
        such as `##ing` are none.
        """
        vocabulary = self._tokenizer.get_vocab()
        marked = {m: sum(token.startswith(m) for token in vocabulary) for m in _WORD_STARTS}
        marker = max(_WORD_STARTS, key=marked.__getitem__)
        if 10 * marked[marker] < len(vocabulary):
            marker = ""
        words = {
            id_: token[len(marker) :]
            for token, id_ in vocabulary.items()
            if token.startswith(marker) and _is_word(token[len(marker) :])
        }
        return dict(sorted(words.items()))

    def single_tokens(self, ids: Sequence[int]) -> list[tuple[list[int], int]]:
        """Return the model's input for each token alone, and the token's position in it."""
        before, after = self._special_ids
        return [([*before, id_, *after], len(before)) for id_ in ids]

    def token_ids(self, texts: Sequence[str], prompt: str = "") -> list[list[int]]:
        """Return the model's input for each text: the ids of prompt and text, truncated to the
        model's length, between the special tokens. Never empty."""
        sequences, _ = self._tokenize([clean(prompt + text) for text in texts])
        return self._inputs(sequences)

    def checked_ids(
        self, texts: Sequence[str], prompt: str, starts: Sequence[int]
    ) -> tuple[list[list[int]], list[int]]:
        """Return what `token_ids` returns, and the positions of the texts that are mostly unknown
        to the vocabulary (`is_mostly_unknown`).

        Of each text only what follows its first `starts` characters is judged: what precedes it,
        such as a title, is given to the model but must not hide that the text cannot be read.
        """
        prompted = [clean(prompt + text) for text in texts]
        sequences, spans = self._tokenize(prompted)
        unknown_id, room = self._unknown_id, self._room
        unread = []
        for position, ids in enumerate(sequences):
            if unknown_id in ids:
                unknown = [id_ == unknown_id for id_ in ids[:room]]
                start = len(prompt) + starts[position]
                text = prompted[position]
                if is_mostly_unknown(text, start, spans(position)[:room], unknown):
                    unread.append(position)
        return self._inputs(sequences), unread

    @property
    def _room(self) -> int:
        before, after = self._special_ids
        return self.max_length - len(before) - len(after)

    def _inputs(self, sequences: Sequence[list[int]]) -> list[list[int]]:
        before, after = self._special_ids
        room = self._room
        if self._drops_unknown:
            unknown = self._unknown_id
            sequences = [[id_ for id_ in ids if id_ != unknown] for ids in sequences]
        empty = [0] if self._adds_special else [NO_TOKEN]
        return [[*before, *ids[:room], *after] or empty for ids in sequences]

    def _tokenize(
        self, texts: Sequence[str]
    ) -> tuple[list[list[int]], Callable[[int], Sequence[tuple[int, int]]]]:
        """The ids of each text, and a function from its position to the spans of its tokens."""
        if (quick := self._wordpiece_ids(texts)) is not None:
            return [
                quick
            ], lambda _: self._tokenizer.encode(texts[0], add_special_tokens=False).offsets
        if (tokens := self._unigram_tokens(texts)) is not None:
            return [ids for ids, _ in tokens], lambda index: tokens[index][1]
        if len(texts) == 1:  # encode_batch starts a thread pool: not for one query
            encodings = [self._tokenizer.encode(texts[0], add_special_tokens=False)]
        else:
            encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings], lambda index: encodings[index].offsets

    @cached_property
    def _unknown_id(self) -> int | None:
        """The id of the token for what the vocabulary cannot spell; None if it can spell
        everything, as byte-level vocabularies can."""
        if (own := self._wordpiece or self._unigram) is not None:
            return own.unknown
        model = json.loads(self._path.read_bytes())["model"]  # `tokenizers` has parsed it
        if "unk_id" in model:
            return None if model["unk_id"] is None else int(model["unk_id"])
        token = model.get("unk_token")
        id_: int | None = None if token is None else self._tokenizer.token_to_id(token)
        return id_


def _read_large(path: Path) -> Unigram | None:
    """The Unigram tokenizer in a large file; None if the file is small or of another kind."""
    try:
        if path.stat().st_size < _LARGE_BYTES:
            return None
    except OSError:
        return None
    from ragkit.encoders.tokenization import unigram  # not for most models

    return unigram.read(path)


def _is_word(token: str) -> bool:
    return token.isalpha() and len(token) >= (2 if token[0] >= _FIRST_UNSPACED else 3)


def clean(text: str) -> str:
    """Return the text with each lone surrogate replaced by U+FFFD; offsets stay the same."""
    return _SURROGATES.sub("\ufffd", text)


def token_batches(
    lengths: Sequence[int],
    max_tokens: int,
    *,
    padded: bool = True,
    in_order: bool = False,
    max_texts: int | None = None,
    of_one_length: bool = False,
) -> Iterator[list[int]]:
    """Yield lists of indexes into `lengths` (tokens of each text).

    A batch has at most `max_tokens` tokens and `max_texts` texts; a text of more than
    `max_tokens` is a batch of its own. By default the longest texts come first, so that a batch
    has texts of about the same length and one that is too large for memory fails at once.
    `padded` counts every text as long as the longest of its batch, as a rectangular tensor stores
    it; without it a batch counts the sum of its lengths. `in_order` keeps the order of the texts.
    `of_one_length`: all texts of a batch have as many tokens.
    """
    order: Sequence[int] = range(len(lengths))
    if not in_order:
        order = sorted(order, key=lambda index: -lengths[index])
    batch: list[int] = []
    total = longest = 0
    for index in order:
        length = lengths[index]
        tokens = (len(batch) + 1) * max(longest, length) if padded else total + length
        if batch and (
            tokens > max_tokens or len(batch) == max_texts or (of_one_length and length != longest)
        ):
            yield batch
            batch, total, longest = [], 0, 0
        batch.append(index)
        total += length
        longest = max(longest, length)
    if batch:
        yield batch


def _segments(text: str) -> Iterator[tuple[int, str]]:
    """Yield (offset, segment) of the text; a segment without white space is not cut."""
    start = 0
    while start < len(text):
        end = len(text)
        if end - start > _SEGMENT_CHARACTERS:
            space = _WHITE_SPACE.search(text, start + _SEGMENT_CHARACTERS)
            end = space.end() if space else end
        yield start, text[start:end]
        start = end
