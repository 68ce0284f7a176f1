"""How a model reads one text: what flows into each token, words nearest in meaning, poolings.

Contract: hidden states and attention maps in, frozen records out. Attention rollout (Abnar and
Zuidema 2020, https://arxiv.org/abs/2005.00928) multiplies the maps of all layers, averaged over the
heads, with the residual connection as half of each: how much of the input at each token reaches a
token. It is a summary of the attention, not a proof of what the result depends on: models leave
much attention on [CLS] and [SEP], which need not mean much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.inspection import word_spans
from ragkit.encoders.inspection.hidden_states import Array, BertInspector, HiddenStates

_BATCH = 256  # words that are encoded at a time
_MAX_WORDS = 10  # words of the text that get neighbors, if none is named
_CANDIDATES = 120  # of each word, nearest by the embedding layer
_MAX_CANDIDATES = 480  # of a text: each is encoded by all layers
_WORD = re.compile(r"[^\W\d_]\w*")


@dataclass(frozen=True, slots=True)
class WordNeighbors:
    """A word of the text, and the words of the vocabulary nearest to it there."""

    word: str
    start: int  # character offsets: text[start:end] == word
    end: int
    neighbors: tuple[tuple[str, float], ...]  # word and cosine, nearest first


@dataclass(frozen=True, slots=True, eq=False)
class TextExplanation:
    """One text as a model reads it: n tokens, L layers."""

    text: str
    model: str
    pooling: str
    tokens: tuple[str, ...]  # special tokens included
    spans: NDArray[np.int64]  # (n, 2) character offsets; a special token's span is empty
    rollout: Array  # (L, n, n): after each layer, the share of the column's token in the row's
    weights: Array  # (n,): the share of each token in the vector of the text; the sum is 1
    poolings: Array  # (L + 1, 3): cosines CLS–mean, CLS–max and mean–max after each layer
    words: tuple[WordNeighbors, ...]
    truncated_tokens: int  # tokens of the text beyond the window

    @property
    def from_others(self) -> Array:
        """After each layer, the share of each token that comes from the other tokens: (L, n)."""
        own: Array = np.diagonal(self.rollout, axis1=1, axis2=2)
        others: Array = 1 - own
        return others

    def sources(self, token: int, layer: int, count: int = 3) -> list[tuple[int, float]]:
        """Return the other tokens of the text with the largest shares in a token after `layer`
        (1 … L), as positions with their shares. Special tokens are left out."""
        row = self.rollout[layer - 1, token]
        own = self.spans[:, 1] > self.spans[:, 0]
        order = [i for i in np.argsort(-row, kind="stable").tolist() if i != token and own[i]]
        return [(i, float(row[i])) for i in order[:count]]


def explanation_fields(found: TextExplanation, layer: int) -> dict[str, Any]:
    """Return an explanation as JSON values. Shares and cosines have four decimals; `sources` are
    those after `layer` (1 … L)."""
    from_others = found.from_others
    return {
        "text": found.text,
        "model": found.model,
        "pooling": found.pooling,
        "layers": len(found.rollout),
        "truncated_tokens": found.truncated_tokens,
        "tokens": [
            {
                "token": token,
                "start": int(found.spans[i, 0]),
                "end": int(found.spans[i, 1]),
                "weight": round(float(found.weights[i]), 4),
                "from_others": [round(float(share), 4) for share in from_others[:, i]],
                "sources": [
                    {"position": j, "token": found.tokens[j], "share": round(share, 4)}
                    for j, share in found.sources(i, layer)
                ],
            }
            for i, token in enumerate(found.tokens)
        ],
        "rollout": np.round(found.rollout.astype(float), 4).tolist(),
        "poolings": [
            {"layer": number, "cls_mean": a, "cls_max": b, "mean_max": c}
            for number, (a, b, c) in enumerate(np.round(found.poolings.astype(float), 4).tolist())
        ],
        "words": [
            {
                "word": word.word,
                "start": word.start,
                "end": word.end,
                "neighbors": [
                    {"word": neighbor, "score": round(score, 4)}
                    for neighbor, score in word.neighbors
                ],
            }
            for word in found.words
        ],
    }


def attention_rollout(attention: Array) -> Array:
    """Return the rollout after each layer: (L, n, n) float32, rows with the sum 1.

    `attention` is (L, h, n, n): the weight of the column's token for the row's token.
    """
    identity = np.eye(attention.shape[-1], dtype=np.float32)
    maps = (attention.mean(axis=1) + identity) / 2
    maps /= maps.sum(axis=-1, keepdims=True)
    result: Array = np.empty_like(maps)
    for layer, weights in enumerate(maps):
        result[layer] = weights @ (result[layer - 1] if layer else identity)
    return result


def explain(
    inspector: BertInspector, name: str, pooling_mode: str, text: str, word: str | None, count: int
) -> TextExplanation:
    """Return the explanation of `text` by the model `name` of `inspector`.

    The `count` nearest words are those of `word`, at each place where it occurs, or, without one,
    of the ten words with the largest weights. Raises UsageError if `word` does not occur.
    """
    found = inspector.hidden_states(text)
    rollout = attention_rollout(found.attention)
    weights = _pooling_weights(found.states[-1], pooling_mode) @ rollout[-1]
    places = word_spans.find_word(text, word) if word is not None else _words(text)
    slices = [
        (place, tokens)
        for place, tokens in zip(
            places, word_spans.tokens_of_spans(found.spans, places), strict=True
        )
        if tokens.stop > tokens.start and found.spans[tokens.stop - 1, 1] >= place[1]
    ]
    if word is None:
        slices.sort(key=lambda each: -float(weights[each[1]].sum()))
        slices = sorted(slices[:_MAX_WORDS])
    elif not slices:  # beyond the window: the same message as for its vector
        inspector.embed_words(text, word, "mean", pooling.LAST_LAYER)
    return TextExplanation(
        text=text,
        model=name,
        pooling=pooling_mode,
        tokens=found.tokens,
        spans=found.spans,
        rollout=rollout,
        weights=weights,
        poolings=np.stack([_pooling_cosines(states) for states in found.states]),
        words=tuple(_neighbors(inspector, text, found, slices, count)),
        truncated_tokens=found.truncated_tokens,
    )


def _words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _pooling_weights(states: Array, pooling_mode: str) -> Array:
    """The share of each token of the last layer in the pooled vector: (n,). For max over time: in
    how many dimensions it has the maximum."""
    count = len(states)
    if pooling_mode in ("cls", "lasttoken"):
        single: Array = np.zeros(count, dtype=np.float32)
        single[0 if pooling_mode == "cls" else -1] = 1
        return single
    if pooling_mode == "max":
        wins = np.bincount(states.argmax(axis=0), minlength=count).astype(np.float32)
        return wins / np.float32(states.shape[1])
    if pooling_mode == "weightedmean":
        return np.arange(1, count + 1, dtype=np.float32) * np.float32(2 / count / (count + 1))
    return np.full(count, 1 / count, dtype=np.float32)


def _pooling_cosines(states: Array) -> Array:
    pooled = np.concatenate(
        [pooling.POOLINGS[name](states, [len(states)]) for name in ("cls", "mean", "max")]
    )
    cosines = (rows := pooling.normalize_rows(pooled)) @ rows.T
    return cosines[[0, 0, 1], [1, 2, 2]]


def _neighbors(
    inspector: BertInspector,
    text: str,
    found: HiddenStates,
    slices: Sequence[tuple[tuple[int, int], slice]],
    count: int,
) -> Iterable[WordNeighbors]:
    """The nearest words of the vocabulary, each read by the model as a text of its own.

    Reading all of them takes seconds. So only those are read that are near some word of the text
    before the first layer, where a word's vector does not depend on the others.
    """
    vocabulary = inspector.vocabulary_words()
    if not slices or not vocabulary or count < 1:
        return [WordNeighbors(text[a:b], a, b, ()) for (a, b), _ in slices]
    ids, names = zip(*vocabulary.items(), strict=True)
    plain = inspector.embed_vocabulary(ids, 0, _BATCH)
    center = plain.mean(axis=0)
    plain = pooling.normalize_rows(plain - center)
    around = word_spans.tokens_of_spans(found.spans, _words(text))
    means = {
        text[slice(*found.spans[[s.start, s.stop - 1], [0, 1]].tolist())].casefold(): found.states[
            0, s
        ].mean(axis=0)
        for s in (*(tokens for _, tokens in slices), *around)
        if s.stop > s.start
    }
    ranks = np.argsort(
        -(pooling.normalize_rows(np.stack(list(means.values())) - center) @ plain.T), axis=1
    )
    # Rank by rank, so that every word of the text gets as many.
    candidates = list(dict.fromkeys(ranks[:, :_CANDIDATES].T.ravel().tolist()))[:_MAX_CANDIDATES]
    vectors = pooling.normalize_rows(
        inspector.embed_vocabulary([ids[i] for i in candidates], -1, _BATCH)
    )
    results = []
    for (start, end), tokens in slices:
        own = pooling.normalize_rows(found.states[-1, tokens].mean(axis=0)[None])[0]
        cosines = vectors @ own
        nearest = [
            (names[candidates[i]], float(cosines[i]))
            for i in np.argsort(-cosines, kind="stable")
            if names[candidates[i]].casefold() != text[start:end].casefold()
        ]
        results.append(WordNeighbors(text[start:end], start, end, tuple(nearest[:count])))
    return results
