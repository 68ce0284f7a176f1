"""What a BERT makes of one text, layer by layer, and the vectors of single words in it.

Contract: `BertInspector` serves the models that `bert` computes; strings in, frozen records and unit
rows out, no prompt put before anything. Safe to share between threads. Knows no engine, no files
of the user, no collection.

A word has one vector in a list of word embeddings, and here one for every sentence: that of
`bank` depends on all the words around it (Ethayarajh 2019, https://arxiv.org/abs/1909.00512).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.bert.activations import ACTIVATIONS
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.engines.batching import token_batches
from ragkit.encoders.inspection import word_spans
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer
from ragkit.errors import ModelError, UsageError

Array = NDArray[np.float32]

_BATCH = 1_024  # tokens that go through the model together, as for the NumPy engine
WORD_POOLINGS = ("mean", "max")


@dataclass(frozen=True, slots=True, eq=False)
class HiddenStates:
    """One text in all layers: n tokens, L layers of h heads, d numbers a token."""

    tokens: tuple[str, ...]  # as the vocabulary writes them, special ones included
    spans: NDArray[np.int64]  # (n, 2) characters of the text; a special token's span is empty
    states: Array  # (L + 1, n, d): the embeddings, then each layer's output
    attention: Array  # (L, h, n, n): how much the row's token takes from the column's
    truncated_tokens: int  # tokens of the text beyond the window, which the model does not see


@dataclass(frozen=True, slots=True, eq=False)
class WordVector:
    """A word where it stands: `text[start:end] == word`."""

    word: str
    start: int
    end: int
    tokens: tuple[str, ...]  # the pieces that were pooled
    within: str  # the whole words around it: `banking` for `bank` found only there, else `word`
    vector: Array  # (d,), of length 1


class BertInspector:
    """The model of `model_folder`, read from the inside. Raises `ModelError` where NumPy does not
    compute its architecture."""

    def __init__(self, name: str, model_folder: ModelFolder, tokens: ModelTokenizer) -> None:
        self._name, self._recipe, self._tokens = name, model_folder, tokens
        path = model_folder.transformer / "model.safetensors"
        if not bert_model.supported(model_folder.config) or not path.is_file():
            raise ModelError(
                f"{name} is a {model_folder.config.get('model_type')!r} model with "
                f"{model_folder.config.get('hidden_act')!r} and "
                f"{model_folder.config.get('position_embedding_type', 'absolute')!r} positions; layers, "
                f"words and other poolings than its own are read from BERT models with absolute "
                f"positions and one of {', '.join(ACTIVATIONS)}, in one model.safetensors, "
                f"such as all-MiniLM-L6-v2. Sentences are served by sentence-transformers: leave "
                f"pooling, layers and word out."
            )
        self._bert = bert_model.Bert(model_folder.config, safetensors_file.tensors(path))

    def hidden_states(self, text: str) -> HiddenStates:
        """All layers and attention maps of one text, cut to the model's window."""
        ids, spans = self._tokens.encode_with_spans(text)
        attention: list[bert_model.Maps] = []
        with cpu_threads.one_blas_thread():
            states = np.stack(list(self._bert.hidden_states([ids], attention)))
        return HiddenStates(
            tokens=self._tokens.token_strings(ids),
            spans=spans,
            states=states,
            attention=np.stack([maps[0] for maps in attention]),
            truncated_tokens=self._tokens.count([text])[0] - _own(spans),
        )

    def embed(self, texts: Sequence[str], how: str, layers: str) -> Array:
        """(n, d) float32, unit rows: the tokens of each text pooled by cls, mean or max, out of
        the layers that the spec names. Raises UsageError for another pooling or spec."""
        if how not in pooling.POOLINGS:
            raise UsageError(f"pooling is {how!r}; expected one of {', '.join(pooling.POOLINGS)}")
        chosen = self._layers(layers)
        vectors = np.empty((len(texts), self._bert.dimension), dtype=np.float32)
        every = self._tokens.ids(texts) if texts else []
        with cpu_threads.one_blas_thread():
            for batch in token_batches([len(ids) for ids in every], _BATCH, padded=False):
                sequences = [every[i] for i in batch]
                states = pooling.average_layers(self._bert.hidden_states(sequences), chosen)
                pooled = pooling.POOLINGS[how](states, [len(ids) for ids in sequences])
                vectors[batch] = pooling.normalize_rows(pooled)
        return vectors

    def embed_words(self, text: str, word: str, how: str, layers: str) -> list[WordVector]:
        """One vector for each time that `word` stands in `text` as far as the model reads it,
        its pieces pooled by mean or max; one where it stands several times in the same pieces.
        Raises UsageError: another pooling or spec; the word does not stand there, or only beyond
        the window."""
        if how not in WORD_POOLINGS:
            raise UsageError(
                f"pooling is {how!r}; expected {' or '.join(WORD_POOLINGS)} for a word's pieces"
            )
        chosen = self._layers(layers)
        found = word_spans.occurrences(text, word)
        ids, spans = self._tokens.encode_with_spans(text)
        limit = int(spans[-1, 1]) if self._tokens.count([text])[0] > _own(spans) else len(text)
        read: dict[tuple[int, int], tuple[int, int]] = {}
        for span, pieces in zip(found, word_spans.pieces(spans, found), strict=True):
            if pieces.stop > pieces.start and span[1] <= limit:
                read.setdefault((pieces.start, pieces.stop), span)
        if not read:
            raise UsageError(self._no_pieces(word, found, limit))
        with cpu_threads.one_blas_thread():
            states = pooling.average_layers(self._bert.hidden_states([ids]), chosen)
        return [
            WordVector(
                word=text[start:end],
                start=start,
                end=end,
                tokens=self._tokens.token_strings(ids[first:last]),
                within=word_spans.enclosing(text, start, end),
                vector=pooling.normalize_rows(
                    pooling.POOLINGS[how](states[first:last], [last - first])
                )[0],
            )
            for (first, last), (start, end) in read.items()
        ]

    def _layers(self, spec: str) -> Sequence[int]:
        return pooling.layers(spec, len(self._bert.layers))

    def _no_pieces(self, word: str, found: Sequence[tuple[int, int]], limit: int) -> str:
        if found[0][1] <= limit:
            return f"{word!r} has no token in {self._name}: choose a word with letters"
        return (
            f"“{word}” stands at character {found[0][0]:,}, and {self._name} reads the text up to "
            f"character {limit:,}, {self._tokens.max_text_tokens('')} tokens: shorten the text"
        )


def _own(spans: NDArray[np.int64]) -> int:
    """How many tokens are the text's own and not special."""
    return int((spans[:, 1] > spans[:, 0]).sum())
