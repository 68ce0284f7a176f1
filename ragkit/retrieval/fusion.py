"""Fusion of scores and of rankings: pure functions and their constants (docs/ranking.md).

    fused = w · (cosine + 1) / 2  +  (1 − w) · (.65 · BM25 / max_bm25 + .35 · coverage) ** 1.25

The weight w follows from two properties of encoder and collection that `calibration` measures: how
far a query's cosines lie apart, and whether the encoder can read the text at all. Knows no index.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scores = TypeVar("Scores", float, "NDArray[np.float64]")

RRF_K = 60  # as in the paper; a larger value flattens the difference between the first ranks
# A passage that contains the query's words arbitrarily often counts as much as this many standard
# deviations of the query's cosines.
LEXICAL_WEIGHT = 6.5
# Share of coverage in the score by words: a word that a passage contains counts in part as if the
# passage repeated it arbitrarily often.
COVERAGE_SHARE = 0.35
SHARE_EXPONENT = 1.25  # above 1: a small share of the query's words counts less than its part
MIN_READABILITY = 0.02  # at which cosines only order passages with equal BM25 scores
DEFAULT_SPREAD = 0.1  # of all-MiniLM-L6-v2, within a fifth on every collection measured


class FusionWeights(NamedTuple):
    """What the fusion knows of an encoder on a collection.

    `spread`: mean standard deviation of a query's cosines over the passages. `readability`: from 0,
    the encoder's neighbors share no words (it cannot read this text), to 1.
    """

    spread: float = DEFAULT_SPREAD
    readability: float = 1.0

    @property
    def dense(self) -> float:
        """The weight w of the normalised cosine, 0 to 1; BM25 has the rest.

        A cosine counts in standard deviations. (cosine + 1) / 2 has half the range of the cosine,
        hence the 2.
        """
        deviations = 2 * max(MIN_READABILITY, self.readability) / self.spread
        return deviations / (deviations + LEXICAL_WEIGHT)


def convex_combination(
    cosine: Scores, lexical: Scores, max_bm25: float, dense_weight: float
) -> Scores:
    """Convex combination in [0, 1] of a cosine in [-1, 1] and a score by words in [0, `max_bm25`]:
    BM25, or `LexicalIndex.top_k` with coverage.

    Takes single scores or arrays (n,). Both are normalised to [0, 1] by their theoretical minimum
    and maximum for this query, not by the scores of the candidates. So the score of a passage does
    not depend on other passages, and it grows with both scores. `max_bm25` bounds the score of a
    passage that contains all words of the query. If the best passages contain few of them, or only
    common ones, their share of it is small and the words count little.

    Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", TOIS 2023
    (theoretical normalisation; in the paper only of the minimum).
    """
    share = np.minimum(1.0, lexical / max_bm25) if max_bm25 > 0 else 0.0
    fused: Scores = dense_weight * (cosine + 1) / 2 + (1 - dense_weight) * share**SHARE_EXPONENT
    return fused


def reciprocal_rank_fusion(rankings: Iterable[Sequence[int]], k: int = RRF_K) -> dict[int, float]:
    """Reciprocal rank fusion: id → sum of 1 / (k + rank) over the rankings that contain it.

    Ranks count from 1. Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet
    and individual Rank Learning Methods", SIGIR 2009.
    """
    fused: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, passage_id in enumerate(ranking, start=1):
            fused[passage_id] += 1 / (k + rank)
    return dict(fused)
