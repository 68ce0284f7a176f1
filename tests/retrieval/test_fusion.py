import pytest

from ragkit.retrieval.fusion import reciprocal_rank


def test_the_sum_of_reciprocal_ranks_by_hand():
    fused = reciprocal_rank([[7, 8], [8, 9]], k=60)
    assert fused == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_nothing_to_fuse():
    assert reciprocal_rank([[], []]) == {}
