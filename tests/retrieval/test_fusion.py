"""Fusion of rankings, worked by hand."""

import pytest

from ragkit.retrieval.rankers import convex_combination, reciprocal_rank_fusion


def test_reciprocal_rank_fusion_by_hand():
    fused = reciprocal_rank_fusion([[7, 8], [8, 9]], k=60)
    assert fused == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_fusing_no_rankings_gives_nothing():
    assert reciprocal_rank_fusion([[], []]) == {}


@pytest.mark.parametrize(
    ("cosine", "bm25", "max_bm25", "fused"),
    [
        (1.0, 9.0, 9.0, 1.0),
        (-1.0, 0.0, 9.0, 0.0),
        (0.5, 3.0, 12.0, 0.75 * 0.75 + 0.25 * 0.25),
        (0.5, 0.0, 0.0, 0.75 * 0.75),  # a query without words
    ],
)
def test_the_convex_combination_of_scores_by_hand(cosine, bm25, max_bm25, fused):
    assert convex_combination(cosine, bm25, max_bm25) == pytest.approx(fused)
