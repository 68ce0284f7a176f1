"""Diversify a ranking: at most n passages per document, maximal marginal relevance (MMR), newer
versions and newer files first.

Knows no index, no files and no rendering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.retrieval.rankers import ScoredPassage

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_POOL = 50  # passages, at least, of which MMR chooses
POOL_FACTOR = 5  # passages of the pool for each that is chosen
NEAR_DUPLICATE = 0.98  # cosine from which on two passages say the same
SUPERSEDED = 0.9  # cosine from which on a newer version has a passage too
AGE_WEIGHT = 0.05  # of a file's time: in cosines, in other modes in shares of the best score
OVERFETCH = 4  # passages ranked at first for each that is kept by `limit_per_document`


def first_of_copies(
    rank: Callable[[int], list[ScoredPassage]],
    k: int,
    hashes: Callable[[Sequence[int]], Mapping[int, bytes]],
) -> list[ScoredPassage]:
    """Return the first k passages of a ranking without those whose text is that of an earlier one.

    `rank(n)` gives the first n passages of the ranking; it is called with larger n until enough
    remain. `hashes` maps passage ids to hashes of their texts.
    """
    depth = k
    while True:
        ranking = rank(depth)
        known = hashes([passage.passage_id for passage in ranking])
        by_text: dict[bytes | int, ScoredPassage] = {}
        for passage in ranking:
            by_text.setdefault(known.get(passage.passage_id, passage.passage_id), passage)
        if len(by_text) >= k or len(ranking) < depth:
            return list(by_text.values())[:k]
        depth *= 4


def limit_per_document(
    rank: Callable[[int], list[ScoredPassage]],
    k: int,
    per_document: int,
    document_ids: Callable[[Sequence[int]], Mapping[int, int]],
) -> list[ScoredPassage]:
    """Return the first k passages of a ranking with at most `per_document` of each document.

    `rank(n)` gives the first n passages of the ranking; it is called with larger n until enough
    remain. `document_ids` maps passage ids to document ids.
    """
    depth = OVERFETCH * k
    while True:
        ranking = rank(depth)
        document_of = document_ids([passage.passage_id for passage in ranking])
        counts: Counter[int] = Counter()
        selected = []
        for passage in ranking:
            document_id = document_of[passage.passage_id]
            counts[document_id] += 1
            if counts[document_id] <= per_document:
                selected.append(passage)
        if len(selected) >= k or len(ranking) < depth:
            return selected[:k]
        depth *= 4


def without_superseded(
    ranking: Sequence[ScoredPassage],
    document_of: Mapping[int, int],
    newer: Mapping[int, Sequence[int]],
    vectors: Callable[[Sequence[int]], Mapping[int, NDArray[np.float32]]],
) -> list[ScoredPassage]:
    """Return the ranking without passages that a newer version of their document has too.

    That version's passage is in the ranking, and their cosine is at least .9. `document_of`:
    passage id → document id; `newer`: document id → its newer versions; `vectors` as in `mmr`.
    """
    in_document: dict[int, list[int]] = {}
    for passage in ranking:
        in_document.setdefault(document_of[passage.passage_id], []).append(passage.passage_id)
    rivals = {
        id_: others
        for id_, document in document_of.items()
        if (others := [q for other in newer.get(document, ()) for q in in_document.get(other, ())])
    }
    known = vectors(sorted({*rivals, *(q for others in rivals.values() for q in others)}))

    def is_superseded(id_: int) -> bool:
        return id_ in known and any(
            other in known and float(known[id_] @ known[other]) >= SUPERSEDED
            for other in rivals.get(id_, ())
        )

    return [passage for passage in ranking if not is_superseded(passage.passage_id)]


def newer_first(ranking: Sequence[ScoredPassage], ages: Mapping[int, float]) -> list[ScoredPassage]:
    """Return the ranking by relevance and time: a passage loses `AGE_WEIGHT` · (1 − 2^(−age)).

    Relevance is as in `mmr`. `ages`: passage id → age of its file in half-lives; a passage without
    an age loses nothing. One that is more relevant by `AGE_WEIGHT` stays first, however old it is.
    """
    if not ranking:
        return []
    scored = [
        passage._replace(
            final=float(score) - AGE_WEIGHT * (1 - 0.5 ** ages.get(passage.passage_id, 0.0)),
        )
        for passage, score in zip(ranking, _relevance(ranking), strict=True)
    ]
    return sorted(scored, key=lambda passage: -passage.ranking_score)  # stable


def _relevance(pool: Sequence[ScoredPassage]) -> NDArray[np.float64]:
    """The cosines of a dense ranking, also after `newer_first`; in other modes the scores, divided
    by the best. Those of a reranked one may all be negative: then divided by the lowest's size."""
    relevance = np.array([passage.ranking_score for passage in pool], dtype=np.float64)
    is_dense = all(
        passage.lexical is None and passage.fused is None and passage.rerank is None
        for passage in pool
    )
    if not is_dense:
        relevance /= max(float(np.abs(relevance).max()), 1e-9)
    return relevance


def mmr(
    pool: Sequence[ScoredPassage],
    k: int,
    weight: float,
    vectors: Callable[[Sequence[int]], Mapping[int, NDArray[np.float32]]],
) -> list[ScoredPassage]:
    """Return k passages of the pool by maximal marginal relevance, in the order of their choice.

    Each next passage has the greatest `weight` · relevance − (1 − `weight`) · cosine to the closest
    passage chosen before. Relevance is the cosine; in other modes the score that the pool was
    ranked by, divided by the best. A near-duplicate of a chosen passage comes after all others,
    except with a `weight` of 1, which keeps the ranking. `vectors` maps ids to (d,) float32 unit
    vectors, where there are any. Carbonell and Goldstein, "The use of MMR, diversity-based
    reranking for reordering documents and producing summaries", SIGIR 1998.
    """
    if not pool:
        return []
    relevance = _relevance(pool)
    vectors_by_id = vectors([passage.passage_id for passage in pool])
    dimension = max((len(vector) for vector in vectors_by_id.values()), default=0)
    zeros = np.zeros(dimension, dtype=np.float32)  # similar to nothing: it has no vector yet
    matrix = np.stack([vectors_by_id.get(passage.passage_id, zeros) for passage in pool])
    similarity = np.full(len(pool), -np.inf)  # to the closest chosen passage
    chosen: list[int] = []
    gain = relevance.copy()
    for _ in range(min(k, len(pool))):
        gain[chosen] = -np.inf
        best = int(np.argmax(gain))  # of equal ones the first, which ranks higher
        chosen.append(best)
        similarity = np.maximum(similarity, matrix @ matrix[best])
        gain = weight * relevance - (1 - weight) * similarity
        if weight < 1:
            gain[similarity >= NEAR_DUPLICATE] -= 4.0  # more than two others can differ by
    return [pool[index] for index in chosen]
