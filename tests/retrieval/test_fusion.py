import pytest

from ragkit.retrieval.fusion import convex, reciprocal_rank


def test_the_sum_of_reciprocal_ranks_by_hand():
    fused = reciprocal_rank([[7, 8], [8, 9]], k=60)
    assert fused == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_fusing_no_rankings_gives_nothing():
    assert reciprocal_rank([[], []]) == {}


@pytest.mark.parametrize(
    ("cosine", "bm25", "most", "fused"),
    [
        (1.0, 9.0, 9.0, 1.0),
        (-1.0, 0.0, 9.0, 0.0),
        (0.5, 3.0, 12.0, 0.75 * 0.75 + 0.25 * 0.25),
        (0.5, 0.0, 0.0, 0.75 * 0.75),  # a query without words
    ],
)
def test_the_convex_combination_by_hand(cosine, bm25, most, fused):
    assert convex(cosine, bm25, most) == pytest.approx(fused)
