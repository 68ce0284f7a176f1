"""Several scores of a passage into one, or several rankings into one.

Knows numbers, ids and ranks, nothing else. docs/ranking.md says what was measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scores = TypeVar("Scores", float, "NDArray[np.float64]")

MEANING = 0.75  # weight of the cosine; the words have the rest
RRF_K = 60  # of the paper; larger flattens the difference between the first ranks


def reciprocal_rank(rankings: Iterable[Sequence[int]], k: int = RRF_K) -> dict[int, float]:
    """Id → sum over the rankings that hold it of 1 / (k + rank), ranks from 1.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods", SIGIR 2009.
    """
    fused: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, each in enumerate(ranking, start=1):
            fused[each] += 1 / (k + rank)
    return dict(fused)


def convex(cosine: Scores, bm25: Scores, most: float) -> Scores:
    """One score in [0, 1] of a cosine in [-1, 1] and of a BM25 score in [0, `most`]; of many, (n,).

    Each is brought to [0, 1] by the least and the most that it could be for this query in any
    collection, not by what happened to be found: 0 is 0 in words, and a passage's score depends on
    no other's. `most` is what BM25 gives a passage with all of the query's words; where the
    best passages hold few of them, or only common ones, their share is small and the words count
    little. Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023
    (theoretical normalisation; there of the minimum alone).
    """
    words = np.minimum(1.0, bm25 / most) if most > 0 else 0.0
    return MEANING * (cosine + 1) / 2 + (1 - MEANING) * words
