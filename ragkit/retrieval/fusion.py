"""Combine the scores of a passage into one, or several rankings into one.

Knows numbers, ids and ranks, nothing else. docs/ranking.md explains the choice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scores = TypeVar("Scores", float, "NDArray[np.float64]")

DENSE_WEIGHT = 0.75  # of the cosine; BM25 has the rest
RRF_K = 60  # as in the paper; a larger value flattens the difference between the first ranks


def reciprocal_rank(rankings: Iterable[Sequence[int]], k: int = RRF_K) -> dict[int, float]:
    """Reciprocal rank fusion: id → sum of 1 / (k + rank) over the rankings that contain it.

    Ranks count from 1. Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet
    and individual Rank Learning Methods", SIGIR 2009.
    """
    fused: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, passage_id in enumerate(ranking, start=1):
            fused[passage_id] += 1 / (k + rank)
    return dict(fused)


def convex(cosine: Scores, bm25: Scores, max_bm25: float) -> Scores:
    """Convex combination in [0, 1] of a cosine in [-1, 1] and a BM25 score in [0, `max_bm25`].

    Takes single scores or arrays (n,). Both are normalised to [0, 1] by the least and the greatest
    value that they could have for this query in any collection, not by the scores that were found:
    a passage's score depends on no other's. `max_bm25` bounds the BM25 score of a passage that has
    all of the query's words; where the best passages contain few of them, or only common ones,
    their share is small and BM25 counts little. Bruch, Gai and Ingber, "An Analysis of Fusion
    Functions for Hybrid Retrieval", TOIS 2023 (theoretical normalisation; there of the minimum
    only).
    """
    share = np.minimum(1.0, bm25 / max_bm25) if max_bm25 > 0 else 0.0
    return DENSE_WEIGHT * (cosine + 1) / 2 + (1 - DENSE_WEIGHT) * share
