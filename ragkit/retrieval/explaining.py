"""Why a passage is among the hits: the words it shares with the query, and its nearest sentence.

Contract: nothing here ranks; it only says what the stages saw, from the same index and the same
encoder. Knows no files and no rendering.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ragkit.encoders import Encoder
from ragkit.passages.borders import SENTENCE, borders
from ragkit.records import Explanation, Hit
from ragkit.retrieval.search import Searcher
from ragkit.storage.lexical import MOST_TERMS, WordIndex

_MOST_SENTENCES = 64  # of one hit that are compared


def explained(
    searcher: Searcher, words: WordIndex, encoder: Encoder, hits: Sequence[Hit]
) -> list[Explanation]:
    """An explanation for each hit, in order."""
    gains = _gains(words, searcher.text, [hit.passage_id for hit in hits])
    most = words.most(searcher.text)
    return [
        _explanation(searcher, encoder, hit, most, {w: g.get(hit.passage_id) for w, g in gains})
        for hit in hits
    ]


def _gains(words: WordIndex, query: str, ids: Sequence[int]) -> list[tuple[str, dict[int, float]]]:
    """(word, passage id → what the word adds to its BM25) of the query's words, each once."""
    found: dict[str, str] = {}  # as the index knows it → as it was written first
    for match in re.finditer(r"\w+", query):
        for term in words.terms(match[0]):
            found.setdefault(term, match[0])
        if len(found) >= MOST_TERMS:  # nor do more count
            break
    return [(word, words.scores(word, ids)) for word in found.values()]


def _explanation(
    searcher: Searcher, encoder: Encoder, hit: Hit, most: float, gains: dict[str, float | None]
) -> Explanation:
    held = {word: gain for word, gain in gains.items() if gain is not None}
    spans = list(_sentences(hit.text))[:_MOST_SENTENCES] or [(0, len(hit.text))]
    vectors = encoder.encode_passages([hit.text[start:end] for start, end in spans])
    cosines = np.clip(vectors @ searcher.vector, -1.0, 1.0)
    best = int(np.argmax(cosines))
    start, end = spans[best]
    return Explanation(
        words=dict(sorted(held.items(), key=lambda each: -each[1])),
        missing=tuple(word for word in gains if word not in held),
        share=min(1.0, sum(held.values()) / most) if most else 0.0,
        sentence=hit.text[start:end],
        sentence_score=float(cosines[best]),
        start=hit.start + start,
        end=hit.start + end,
    )


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, without the white space around them."""
    ends = [offset for offset, strength in borders(text, 0, len(text)) if strength >= SENTENCE]
    spans = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        inner = text[start:end]
        if inner.strip():
            left = start + len(inner) - len(inner.lstrip())
            spans.append((left, start + len(inner.rstrip())))
    return spans
