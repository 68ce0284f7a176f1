"""WordPiece tokenization in Python, for one short text: ready before `tokenizers` is imported.

Contract: `token_ids` returns exactly the ids that the model's `tokenizer.json` defines, or None
for what it does not handle: then the `tokenizers` library does. It handles BERT's own pipeline
(BertNormalizer, BertPreTokenizer, WordPiece) and texts of Latin letters; a test compares it with
the library on 100,000 strings. Reading the file takes 10 ms, or 1 ms from a copy in the user's
cache folder; the library 35 ms.

Schuster & Nakajima 2012, Japanese and Korean Voice Search, https://doi.org/10.1109/ICASSP.2012.6289079
Wu et al. 2016, Google's Neural Machine Translation System, https://arxiv.org/abs/1609.08144:
greedy longest-match-first: the longest prefix of the word in the vocabulary, then of the rest.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ragkit.encoders.tokenization.vocabulary import (
    Vocabulary,
    copy_path,
    pack,
    read_copy,
    unpack,
    write_copy,
)

# Characters that every release of Unicode treats alike: the printable ones of ASCII, Latin-1 and
# the two Latin extensions. No control characters, no soft hyphen.
_HANDLED = re.compile("[\t\n\r -~\xa0-\xac\xae-\u024f]*")
_MIN_COPIED_BYTES = 100_000  # of a file; a smaller one is parsed in no time
# Part of the name of a cached copy: raise it when the copy's format changes.
_CACHE_FORMAT = "wordpiece-1"
_MAX_TEXT_CHARACTERS = 2_000  # beyond it the library is as fast, its import included
_MAX_WORD_CHARACTERS = 100  # a longer word is one unknown token
_PUNCTUATION = re.compile(
    "(["
    + re.escape("".join(chr(code) for code in range(0x21, 0x7F) if not chr(code).isalnum()))
    + "¡§«¶·»¿])"
)


class WordPiece(NamedTuple):
    """A vocabulary and the normalization of a text before its words are looked up."""

    vocabulary: Mapping[str, int] | Vocabulary
    unknown: int
    prefix: str  # of a token that continues a word: "##"
    lowercase: bool
    strip_accents: bool
    special_tokens: tuple[str, ...]  # strings that are one token wherever they occur
    before: tuple[int, ...]  # ids of the special tokens around a text: [CLS], [SEP]
    after: tuple[int, ...]
    size: int  # of the vocabulary, added tokens included

    @classmethod
    def read(cls, path: Path) -> WordPiece | None:
        """Return the tokenizer of this `tokenizer.json`; None if the file is of another kind or
        damaged: `tokenizers` reads it or reports what is wrong.

        The first call for a file of some size writes a copy to the user's cache folder, named by
        the file's checksum, from which the next ones read it without parsing it.
        """
        try:
            if path.stat().st_size < _MIN_COPIED_BYTES:
                return cls._parse(json.loads(path.read_bytes()))
            copy = copy_path(path, _CACHE_FORMAT)
            if (content := read_copy(copy)) is not None:
                return cls._load(content)
            parsed = cls._parse(json.loads(path.read_bytes()))
            if parsed is not None:
                write_copy(copy, parsed._pack)
            return parsed
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None

    def _pack(self) -> bytes:
        header = self._asdict()
        return pack(Vocabulary.of(header.pop("vocabulary")), header)

    @classmethod
    def _load(cls, content: bytes) -> WordPiece:
        vocabulary, header, _ = unpack(content)
        values = {name: header[name] for name in cls._fields if name != "vocabulary"}
        for name in ("special_tokens", "before", "after"):
            values[name] = tuple(values[name])
        return cls(vocabulary=vocabulary, **values)

    @classmethod
    def _parse(cls, content: Mapping[str, Any]) -> WordPiece | None:
        normalizer, model = content["normalizer"], content["model"]
        added = content["added_tokens"]
        is_bert = (
            normalizer["type"] == "BertNormalizer"
            and normalizer["clean_text"]
            and content["pre_tokenizer"]["type"] == "BertPreTokenizer"
            and model["type"] == "WordPiece"
            and model["max_input_chars_per_word"] == _MAX_WORD_CHARACTERS
            and not any(token["normalized"] or token["single_word"] for token in added)
        )
        special = special_ids(content["post_processor"])
        if not is_bert or special is None:
            return None
        vocabulary: Mapping[str, int] = model["vocab"]
        strip = normalizer["strip_accents"]
        return cls(
            vocabulary=vocabulary,
            unknown=vocabulary[model["unk_token"]],
            prefix=model["continuing_subword_prefix"],
            lowercase=normalizer["lowercase"],
            strip_accents=normalizer["lowercase"] if strip is None else strip,
            special_tokens=tuple(token["content"] for token in added),
            before=special[0],
            after=special[1],
            size=len(vocabulary) + sum(token["content"] not in vocabulary for token in added),
        )

    def token_ids(self, text: str) -> list[int] | None:
        """Return the ids of the text's tokens, without special tokens around them; None for a text
        that only the library handles."""
        if len(text) > _MAX_TEXT_CHARACTERS or not _HANDLED.fullmatch(text):
            return None
        if any(token in text for token in self.special_tokens):
            return None
        if self.strip_accents and not text.isascii():
            decomposed = unicodedata.normalize("NFD", text)
            text = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
        if self.lowercase:
            text = text.lower()
        return [
            id_
            for word in _PUNCTUATION.sub(r" \1 ", text).split()
            for id_ in self._split_word(word)
        ]

    def _split_word(self, word: str) -> list[int]:
        if len(word) > _MAX_WORD_CHARACTERS:
            return [self.unknown]
        ids: list[int] = []
        start = 0
        while start < len(word):
            prefix = self.prefix if start else ""
            for end in range(len(word), start, -1):
                id_ = self.vocabulary.get(prefix + word[start:end])
                if id_ is not None:
                    ids.append(id_)
                    start = end
                    break
            else:
                return [self.unknown]
        return ids


def special_ids(processor: Mapping[str, Any]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return the ids of the special tokens before and after a text; None for a post-processor of
    another kind."""
    if processor["type"] == "BertProcessing":
        return (processor["cls"][1],), (processor["sep"][1],)
    if processor["type"] != "TemplateProcessing":
        return None
    before_and_after: tuple[list[int], list[int]] = ([], [])
    sequences = 0
    for part in processor["single"]:
        if "Sequence" in part:
            sequences += 1
        else:
            ids = processor["special_tokens"][part["SpecialToken"]["id"]]["ids"]
            before_and_after[sequences].extend(ids)
    return (tuple(before_and_after[0]), tuple(before_and_after[1])) if sequences == 1 else None
