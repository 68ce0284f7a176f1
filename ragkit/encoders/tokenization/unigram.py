"""Unigram tokenization in Python, for short texts: ready before `tokenizers` has read its file.

Contract: `tokenize` returns exactly the tokens that the model's `tokenizer.json` defines, or None
for a text that it does not handle: then the `tokenizers` library does. It handles the pipeline of
XLM-R, multilingual E5 and BGE-M3 (Precompiled, Metaspace, Unigram); a test compares it with the
library on texts of many languages. The library takes a second of CPU and half a gigabyte to read
their files of 17 MB; this module 50 ms, from a copy in the user's cache folder (`read`).

The vocabulary gives each piece of text a log probability. A word is cut into the pieces whose sum
is largest, found from left to right by dynamic programming (Viterbi): the best way to cut the first
n characters ends with some piece, and is otherwise the best way to cut what is before that piece.

Kudo 2018, Subword Regularization, https://arxiv.org/abs/1804.10959
Kudo & Richardson 2018, SentencePiece, https://arxiv.org/abs/1808.06226
"""

from __future__ import annotations

import base64
import contextlib
import gc
import json
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.encoders.tokenization.charsmap import Charsmap, Spans
from ragkit.encoders.tokenization.vocabulary import (
    Vocabulary,
    copy_path,
    pack,
    read_copy,
    unpack,
    write_copy,
)
from ragkit.encoders.tokenization.wordpiece import special_ids

# Part of the name of a cached copy: raise it when the copy's format changes.
_CACHE_FORMAT = "unigram-2"
_UNKNOWN_PENALTY = 10.0  # below the least probable piece
_SPACE = "▁"  # what SentencePiece writes for a space
_WORDS = re.compile("[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")
_MERGES_SPACES = {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unigram:
    """A vocabulary with its pieces' log probabilities, and how a text is prepared for it."""

    vocabulary: Vocabulary
    scores: Sequence[float]
    unknown: int
    special_tokens: tuple[str, ...]  # strings that are one token wherever they occur
    before: tuple[int, ...]  # ids of the special tokens around a text: <s>, </s>
    after: tuple[int, ...]
    size: int  # of the vocabulary, added tokens included
    charsmap: Charsmap
    merges_spaces: bool  # several spaces become one
    splits_words: bool  # a space is put before each word, not before the text only
    adds_space: bool
    longest: int  # characters of the longest piece
    unknown_score: float

    def tokenize(self, text: str) -> tuple[list[int], Spans] | None:
        """Return the ids of the text's tokens, without special tokens around them, and the span
        `[start, end)` of each; None for a text that only the library handles."""
        if any(token in text for token in self.special_tokens):
            return None
        normalized = self.charsmap.normalize(text)
        if normalized is None:
            return None
        ids: list[int] = []
        spans: Spans = []
        for word, sources in self._words(*normalized):
            for id_, start, end in self._split_word(word):
                ids.append(id_)
                spans.append((sources[start][0], sources[end - 1][1]))
        return ids, spans

    def _words(self, text: str, sources: Spans) -> Iterator[tuple[str, Spans]]:
        """Words, each beginning with ▁, and the span of each of their characters."""
        if self.merges_spaces:
            text, sources = _merge_spaces(text, sources)
        parts = [(0, len(text))]
        if self.splits_words:
            parts = [match.span() for match in _WORDS.finditer(text)]
        for first, last in parts:
            part, spans = text[first:last].replace(" ", _SPACE), sources[first:last]
            if part and self.adds_space and not part.startswith(_SPACE):
                part, spans = _SPACE + part, [spans[0], *spans]
            start = 0
            while start < len(part):
                end = part.find(_SPACE, start + 1)
                end = len(part) if end < 0 else end
                yield part[start:end], spans[start:end]
                start = end

    def _split_word(self, word: str) -> list[tuple[int, int, int]]:
        """The id, start and end of the most probable pieces of a word."""
        count = len(word)
        best = [0.0] * (count + 1)  # of the pieces up to each end
        last: list[tuple[int, int] | None] = [None] * (count + 1)  # the last piece: id and start
        for start in range(count):
            so_far = best[start]
            has_single = False
            for end in range(start + 1, min(count, start + self.longest) + 1):
                id_ = self.vocabulary.get(word[start:end])
                if id_ is None:
                    continue
                score = self.scores[id_] + so_far
                if last[end] is None or score > best[end]:
                    best[end], last[end] = score, (id_, start)
                has_single |= end == start + 1
            if not has_single:  # else a character could have no piece at all
                score = self.unknown_score + so_far
                if last[start + 1] is None or score > best[start + 1]:
                    best[start + 1], last[start + 1] = score, (self.unknown, start)
        pieces: list[tuple[int, int, int]] = []
        end = count
        while (piece := last[end]) is not None:
            id_, start = piece
            if pieces and id_ == pieces[-1][0] == self.unknown:
                pieces[-1] = (id_, start, pieces[-1][2])  # unknown characters are one token
            else:
                pieces.append((id_, start, end))
            end = start
        return pieces[::-1]


def read(path: Path) -> Unigram | None:
    """Return the tokenizer of this `tokenizer.json`; None if the file is of another kind or
    damaged: `tokenizers` reads it or reports what is wrong.

    The first call writes a copy that loads in milliseconds to the user's cache folder, named by the
    file's checksum.
    """
    try:
        copy = copy_path(path, _CACHE_FORMAT)
        if (content := read_copy(copy)) is not None:
            return _load(content)
        with _without_collection():
            content = _compile(json.loads(path.read_bytes()))
        if content is None:
            return None
        compiled = content
        write_copy(copy, lambda: compiled)
        return _load(compiled)
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError,
    ):  # fmt: skip
        return None


def _compile(content: Json) -> bytes | None:
    """The tokenizer as `_load` reads it; None for one of another kind."""
    model, added = content["model"], content["added_tokens"]
    normalizers = _steps(content["normalizer"], "normalizers")
    steps = _steps(content["pre_tokenizer"], "pretokenizers")
    special = special_ids(content["post_processor"])
    is_handled = (
        model["type"] == "Unigram"
        and not model.get("byte_fallback")
        and model["unk_id"] is not None
        and normalizers[:1]
        and normalizers[0]["type"] == "Precompiled"
        and normalizers[1:] in ([], [_MERGES_SPACES])
        and [step["type"] for step in steps] in (["Metaspace"], ["WhitespaceSplit", "Metaspace"])
        and steps[-1]["replacement"] == _SPACE
        and steps[-1].get("split", True)
        and not any(token["normalized"] or token["single_word"] for token in added)
    )
    if not is_handled or special is None:
        return None
    scores = array("d", (score for _, score in model["vocab"]))
    ids = {piece: id_ for id_, (piece, _) in enumerate(model["vocab"])}
    charsmap = base64.b64decode(normalizers[0]["precompiled_charsmap"])
    Charsmap(charsmap)
    header = {
        "unknown": model["unk_id"],
        "special_tokens": [token["content"] for token in added],
        "before": special[0],
        "after": special[1],
        "size": len(ids) + sum(token["content"] not in ids for token in added),
        "merges_spaces": len(normalizers) == 2,
        "splits_words": len(steps) == 2,
        "adds_space": steps[-1].get("add_prefix_space", True)
        and steps[-1].get("prepend_scheme", "always") != "never",
        "longest": max(len(piece) for piece, _ in model["vocab"]),
        "unknown_score": min(scores) - _UNKNOWN_PENALTY,
    }
    parts = {"scores": scores.tobytes(), "charsmap": charsmap}
    return pack(Vocabulary.of(ids), header, parts)


def _steps(part: Json, key: str) -> list[Json]:
    """The steps of a sequence, or the one step."""
    return list(part[key]) if part["type"] == "Sequence" else [part]


def _load(content: bytes) -> Unigram:
    vocabulary, header, parts = unpack(content)
    return Unigram(
        vocabulary=vocabulary,
        scores=parts["scores"].cast("d"),
        unknown=header["unknown"],
        special_tokens=tuple(header["special_tokens"]),
        before=tuple(header["before"]),
        after=tuple(header["after"]),
        size=header["size"],
        charsmap=Charsmap(bytes(parts["charsmap"])),
        merges_spaces=header["merges_spaces"],
        splits_words=header["splits_words"],
        adds_space=header["adds_space"],
        longest=header["longest"],
        unknown_score=header["unknown_score"],
    )


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Without garbage collection, which parsing a quarter of a million pairs would start often."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _merge_spaces(text: str, sources: Spans) -> tuple[str, Spans]:
    """The text with one space for several, and the spans of its characters."""
    kept: list[int] = []
    spans: Spans = []
    for index, character in enumerate(text):
        if character == " " and index and text[index - 1] == " ":
            spans[-1] = sources[index]
        else:
            kept.append(index)
            spans.append(sources[index])
    return "".join([text[index] for index in kept]), spans
