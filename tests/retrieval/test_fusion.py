"""Fusion of scores and of rankings, worked by hand."""

import pytest

from ragkit.retrieval.fusion import (
    FusionWeights,
    convex_combination,
    reciprocal_rank_fusion,
)


def test_reciprocal_rank_fusion_by_hand():
    fused = reciprocal_rank_fusion([[7, 8], [8, 9]], k=60)
    assert fused == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_fusing_no_rankings_gives_nothing():
    assert reciprocal_rank_fusion([[], []]) == {}


@pytest.mark.parametrize(
    ("cosine", "lexical", "max_bm25", "fused"),
    [
        (1.0, 9.0, 9.0, 1.0),
        (-1.0, 0.0, 9.0, 0.0),
        (0.5, 3.0, 48.0, 0.6 * 0.75 + 0.4 * (1 / 16) ** 1.25),  # 1/32
        (0.5, 0.0, 0.0, 0.6 * 0.75),  # a query without words
    ],
)
def test_the_convex_combination_of_scores_by_hand(cosine, lexical, max_bm25, fused):
    assert convex_combination(cosine, lexical, max_bm25, 0.6) == pytest.approx(fused)


@pytest.mark.parametrize(
    ("spread", "readability", "dense"),
    [
        (0.1, 1.0, 20 / 26.5),  # two units of cosine are twenty standard deviations of .1
        (0.025, 1.0, 80 / 86.5),  # cosines from .7 to 1
        (0.1, 0.5, 10 / 16.5),
        (0.1, 0.0, 0.4 / 6.9),  # the cosine still orders passages with equal BM25 scores
    ],
)
def test_the_weight_of_the_cosine_by_hand(spread, readability, dense):
    weights = FusionWeights(spread, readability)
    assert weights.dense == pytest.approx(dense)
