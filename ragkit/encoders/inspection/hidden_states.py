"""What a model computes for one text, layer by layer, and contextual vectors of single words.

Contract: `BertInspector` supports the models that ragkit computes (`architectures`); strings in,
frozen records and unit rows out, without a prompt. Safe to share between threads. Knows no engine,
no user files, no collection.

A static word embedding has one vector per word. Here a word has one for every sentence: that of
`bank` depends on all the words around it (Ethayarajh 2019, https://arxiv.org/abs/1909.00512). The
attention maps are what attention rollout starts from (Abnar & Zuidema 2020,
https://arxiv.org/abs/2005.00928).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import architectures, pooling
from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.engines import cpu_threads
from ragkit.encoders.inspection import word_spans
from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.tokenization.tokenizer import ModelTokenizer, token_batches
from ragkit.errors import ModelError, UsageError

Array = NDArray[np.float32]

_BATCH_TOKENS = 1_024  # as the NumPy engine
WORD_POOLINGS = ("mean", "max")


@dataclass(frozen=True, slots=True, eq=False)
class HiddenStates:
    """One text in all layers: n tokens, L layers of h heads, d numbers per token."""

    tokens: tuple[str, ...]  # as the vocabulary writes them, special tokens included
    spans: NDArray[np.int64]  # (n, 2) character offsets; a special token's span is empty
    states: Array  # (L + 1, n, d) float32: the embeddings, then each layer's output
    attention: Array  # (L, h, n, n): the weight of the column's token for the row's token
    truncated_tokens: int  # tokens of the text beyond the window


@dataclass(frozen=True, slots=True, eq=False)
class WordVector:
    """One occurrence of a word: `text[start:end] == word`."""

    word: str
    start: int
    end: int
    tokens: tuple[str, ...]  # the tokens that were pooled
    within: str  # the words around it: `banking` for a `bank` inside it, else `word`
    vector: Array  # (d,) float32, unit length


class BertInspector:
    """Hidden states of the model in `model_folder`. Raises ModelError if NumPy does not compute
    its architecture."""

    def __init__(self, name: str, model_folder: ModelFolder, tokenizer: ModelTokenizer) -> None:
        self._name, self._tokenizer = name, tokenizer
        path = model_folder.transformer / "model.safetensors"
        if not architectures.is_supported(model_folder.config) or not path.is_file():
            raise ModelError(
                f"{name} is a {model_folder.config.get('model_type')!r} model with "
                f"{model_folder.config.get('hidden_act')!r} and "
                f"{model_folder.config.get('position_embedding_type', 'absolute')!r} positions; "
                f"layers, words and other poolings than its own can be read from models of the "
                f"kinds of BERT with absolute positions, or ModernBERT, with one of "
                f"{', '.join(bert_model.ACTIVATIONS)}, in one model.safetensors, such as "
                f"all-MiniLM-L6-v2. To embed sentences with this model, "
                f"leave pooling, layers and word out."
            )
        self._bert = architectures.read(model_folder.config, safetensors_file.map_tensors(path))

    def hidden_states(self, text: str) -> HiddenStates:
        """Return all layers and attention maps of one text, truncated to the model's window."""
        ids, spans = self._tokenizer.encode_with_spans(text)
        attention: list[bert_model.Maps] = []
        with cpu_threads.one_blas_thread():
            states = np.stack(list(self._bert.hidden_states([ids], attention)))
        return HiddenStates(
            tokens=self._tokenizer.token_strings(ids),
            spans=spans,
            states=states,
            attention=np.stack([maps[0] for maps in attention]),
            truncated_tokens=self._tokenizer.count_tokens([text])[0] - _count_text_tokens(spans),
        )

    def embed(self, texts: Sequence[str], pooling_mode: str, layers: str) -> Array:
        """Return the vectors of texts: (n, d) float32, unit rows.

        The tokens of each text are pooled by `pooling_mode` (cls, mean or max) and averaged over
        the layers that `layers` names. Raises UsageError for an unknown pooling or layer.
        """
        if pooling_mode not in pooling.POOLINGS:
            raise UsageError(
                f"pooling is {pooling_mode!r}; expected one of {', '.join(pooling.POOLINGS)}"
            )
        chosen = self._layers(layers)
        vectors = np.empty((len(texts), self._bert.dimension), dtype=np.float32)
        ids_of_texts = self._tokenizer.token_ids(texts) if texts else []
        with cpu_threads.one_blas_thread():
            for batch in token_batches(
                [len(ids) for ids in ids_of_texts], _BATCH_TOKENS, padded=False
            ):
                sequences = [ids_of_texts[i] for i in batch]
                states = pooling.average_layers(self._bert.hidden_states(sequences), chosen)
                pooled = pooling.POOLINGS[pooling_mode](states, [len(ids) for ids in sequences])
                vectors[batch] = pooling.normalize_rows(pooled)
        return vectors

    def embed_words(self, text: str, word: str, pooling_mode: str, layers: str) -> list[WordVector]:
        """Return one unit vector for each occurrence of `word` in the part of `text` that the model
        reads.

        Its tokens are pooled by `pooling_mode` (mean or max). Occurrences that share their tokens
        have one vector. Raises UsageError for an unknown pooling or layer, and if the word does not
        occur or only beyond the window.
        """
        if pooling_mode not in WORD_POOLINGS:
            expected = " or ".join(WORD_POOLINGS)
            raise UsageError(
                f"pooling is {pooling_mode!r}; expected {expected} for a word's tokens"
            )
        chosen = self._layers(layers)
        occurrences = word_spans.find_word(text, word)
        ids, spans = self._tokenizer.encode_with_spans(text)
        is_truncated = self._tokenizer.count_tokens([text])[0] > _count_text_tokens(spans)
        end_of_window = int(spans[-1, 1]) if is_truncated else len(text)
        by_tokens: dict[tuple[int, int], tuple[int, int]] = {}
        slices = word_spans.tokens_of_spans(spans, occurrences)
        for span, tokens in zip(occurrences, slices, strict=True):
            if tokens.stop > tokens.start and span[1] <= end_of_window:
                by_tokens.setdefault((tokens.start, tokens.stop), span)
        if not by_tokens:
            raise UsageError(self._no_tokens_message(word, occurrences, end_of_window))
        with cpu_threads.one_blas_thread():
            states = pooling.average_layers(self._bert.hidden_states([ids]), chosen)
        return [
            WordVector(
                word=text[start:end],
                start=start,
                end=end,
                tokens=self._tokenizer.token_strings(ids[first:last]),
                within=word_spans.expand_to_words(text, start, end),
                vector=pooling.normalize_rows(
                    pooling.POOLINGS[pooling_mode](states[first:last], [last - first])
                )[0],
            )
            for (first, last), (start, end) in by_tokens.items()
        ]

    def vocabulary_words(self) -> dict[int, str]:
        """Return the complete words that are single tokens: token id → word, by ascending id."""
        return self._tokenizer.vocabulary_words()

    def embed_vocabulary(self, ids: Sequence[int], layer: int, batch: int) -> Array:
        """Return the states of single tokens, each read as a text of its own: (n, d) float32.

        `layer` is 0 for the embeddings, which are cheap, or -1 for the last layer; `batch` tokens
        are computed at a time.
        """
        rows = []
        with cpu_threads.one_blas_thread():
            for start in range(0, len(ids), batch):
                texts = self._tokenizer.single_tokens(ids[start : start + batch])
                steps = self._bert.hidden_states([text for text, _ in texts])
                states = next(steps) if layer == 0 else list(steps)[-1]
                length = len(texts[0][0])
                rows.append(states.reshape(len(texts), length, -1)[:, texts[0][1]])
        return np.concatenate(rows)

    def _layers(self, spec: str) -> Sequence[int]:
        return pooling.parse_layers(spec, len(self._bert.layers))

    def _no_tokens_message(
        self, word: str, occurrences: Sequence[tuple[int, int]], end_of_window: int
    ) -> str:
        start, end = occurrences[0]
        if end <= end_of_window:
            return f"{word!r} has no token in {self._name}: choose a word with letters"
        return (
            f"“{word}” occurs at character {start:,}, and {self._name} reads the text up to "
            f"character {end_of_window:,}, {self._tokenizer.max_text_tokens('')} tokens: shorten "
            "the text"
        )


def _count_text_tokens(spans: NDArray[np.int64]) -> int:
    """The number of tokens that are not special tokens."""
    return int((spans[:, 1] > spans[:, 0]).sum())
