"""Why a passage is among the hits: the words it shares with the query, and its nearest sentence.

Contract: nothing here ranks; it only says what the stages saw, from the same index and the same
encoder. Knows no files and no rendering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.encoders import Encoder
from ragkit.passages.boundaries import SENTENCE, borders, spans_between
from ragkit.records.documents import Explanation, Hit
from ragkit.retrieval.rankers import Searcher
from ragkit.storage.lexical.index import LexicalIndex

_MOST_SENTENCES = 64  # of one hit that are compared


def explained(
    searcher: Searcher, words: LexicalIndex, encoder: Encoder, hits: Sequence[Hit]
) -> list[Explanation]:
    """An explanation for each hit, in order."""
    gains = words.term_scores(searcher.query, [hit.passage_id for hit in hits])
    most = words.max_bm25(searcher.query)
    taken = {each.surface: each.corrected_to for each, _ in gains if each.corrected_to is not None}
    return [
        _explanation(
            searcher, encoder, hit, most, taken,
            [(each.surface, gained.get(hit.passage_id)) for each, gained in gains],
        )
        for hit in hits
    ]  # fmt: skip


def _explanation(
    searcher: Searcher,
    encoder: Encoder,
    hit: Hit,
    most: float,
    taken: Mapping[str, str],
    gains: Sequence[tuple[str, float | None]],
) -> Explanation:
    held: dict[str, float] = {}
    for word, gain in gains:
        if gain is not None:
            held[word] = held.get(word, 0.0) + gain
    spans = list(_sentences(hit.text))[:_MOST_SENTENCES] or [(0, len(hit.text))]
    vectors = encoder.encode_passages([hit.text[start:end] for start, end in spans])
    cosines = np.clip(vectors @ searcher.vector, -1.0, 1.0)
    best = int(np.argmax(cosines))
    start, end = spans[best]
    return Explanation(
        words=dict(sorted(held.items(), key=lambda each: -each[1])),
        missing=tuple(dict.fromkeys(word for word, _ in gains if word not in held)),
        taken_for=taken,
        share=min(1.0, sum(held.values()) / most) if most else 0.0,
        sentence=hit.text[start:end],
        sentence_score=float(cosines[best]),
        start=hit.start + start,
        end=hit.start + end,
    )


def _sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences, without the white space around them."""
    ends = [offset for offset, strength in borders(text, 0, len(text)) if strength >= SENTENCE]
    return spans_between(text, ends)
