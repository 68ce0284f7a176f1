"""Fusion of scores and of rankings, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieval.fusion import (
    FusionWeights,
    convex_combination,
    reciprocal_rank_fusion,
    smooth,
)


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
        (0.5, 3.0, 48.0, 0.6 * 0.75 + 0.4 * (1 / 16) ** 1.25),  # 1/32
        (0.5, 0.0, 0.0, 0.6 * 0.75),  # a query without words
    ],
)
def test_the_convex_combination_of_scores_by_hand(cosine, bm25, max_bm25, fused):
    assert convex_combination(cosine, bm25, max_bm25, 0.6) == pytest.approx(fused)


@pytest.mark.parametrize(
    ("spread", "readability", "dense"),
    [
        (0.1, 1.0, 20 / 30),  # two units of cosine are twenty standard deviations of .1
        (0.025, 1.0, 80 / 90),  # cosines from .7 to 1
        (0.1, 0.5, 10 / 20),
        (0.1, 0.0, 0.4 / 10.4),  # the cosine still orders passages with equal BM25 scores
    ],
)
def test_the_weight_of_the_cosine_by_hand(spread, readability, dense):
    weights = FusionWeights(spread, readability)
    assert weights.dense == pytest.approx(dense)
    assert weights.smoothing == pytest.approx(0.2 * readability)


def test_a_score_is_smoothed_with_its_nearest_neighbors_by_hand():
    vectors = np.array([[1, 0], [1, 0], [0, 0]], dtype=np.float32)
    scores = np.array([0.9, 0.5, 0.7])
    assert smooth(scores, vectors, 0.2) == pytest.approx([0.82, 0.58, 0.7])
    assert smooth(scores, vectors, 0.0) == pytest.approx(scores)
    assert smooth(scores[:1], vectors[:1], 0.2) == pytest.approx([0.9])


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=12),
    smoothing=st.floats(0, 0.2),
    seed=st.integers(0, 9),
)
def test_smoothed_scores_stay_between_the_lowest_and_the_highest(scores, smoothing, seed):
    vectors = np.random.default_rng(seed).standard_normal((len(scores), 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    smoothed = smooth(np.array(scores), vectors, smoothing)
    assert min(scores) - 1e-12 <= smoothed.min() <= smoothed.max() <= max(scores) + 1e-12
