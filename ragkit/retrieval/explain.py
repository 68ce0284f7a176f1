"""Explain hits: the words that each shares with the query, and its sentence closest to the query.

Ranks nothing: it reports from the index and the encoder that the stages used. Knows no
files and no rendering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.passages.boundaries import SENTENCE, find_boundaries, split_at
from ragkit.records.hit_parts import Explanation
from ragkit.records.hits import Hit
from ragkit.retrieval.rankers import PreparedQuery

_MAX_SENTENCES = 64  # of one hit that are compared with the query


def explain_hits(
    prepared: PreparedQuery, hits: Sequence[Hit], coverage: float = 0.0
) -> list[Explanation]:
    """Return an explanation for each hit, in order. `coverage` is that of the scores by words."""
    index = prepared.snapshot.lexical
    ids = [hit.passage_id for hit in hits]
    term_scores = index.term_scores(prepared.query, ids, coverage=coverage)
    max_bm25 = index.max_bm25(prepared.query)
    corrections = {
        word.surface: word.corrected_to for word, _ in term_scores if word.corrected_to is not None
    }
    return [
        _explain(
            prepared, hit, max_bm25, corrections,
            [(word.surface, scores.get(hit.passage_id)) for word, scores in term_scores],
        )
        for hit in hits
    ]  # fmt: skip


def _explain(
    prepared: PreparedQuery,
    hit: Hit,
    max_bm25: float,
    corrections: Mapping[str, str],
    word_scores: Sequence[tuple[str, float | None]],
) -> Explanation:
    """Explain one hit. `word_scores`: each word of the query, with its part of the hit's
    score by words, or None if the hit does not contain the word."""
    matched: dict[str, float] = {}
    for word, score in word_scores:
        if score is not None:
            matched[word] = matched.get(word, 0.0) + score
    spans = list(_sentences(hit.text))[:_MAX_SENTENCES] or [(0, len(hit.text))]
    sentences = [hit.text[start:end] for start, end in spans]
    vectors = prepared.snapshot.encoder.encode_passages(sentences)
    cosines = np.clip(vectors @ prepared.vector, -1.0, 1.0)
    best = int(np.argmax(cosines))
    start, end = spans[best]
    return Explanation(
        words=dict(sorted(matched.items(), key=lambda pair: -pair[1])),
        missing=tuple(dict.fromkeys(word for word, _ in word_scores if word not in matched)),
        taken_for=corrections,
        share=min(1.0, sum(matched.values()) / max_bm25) if max_bm25 else 0.0,
        sentence=sentences[best],
        sentence_score=float(cosines[best]),
        start=hit.start + start,
        end=hit.start + end,
    )


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, without the white space around them."""
    ends = [
        offset for offset, strength in find_boundaries(text, 0, len(text)) if strength >= SENTENCE
    ]
    return split_at(text, ends)
