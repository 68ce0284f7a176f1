"""Pairs above a bound: against comparing each with each."""

from __future__ import annotations

import numpy as np

from ragkit.exploring.neighbor_pairs import leader_groups, near_pairs


def rows(count: int, seed: int) -> np.ndarray:
    """Random unit rows; every tenth is a near copy of the one before."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 64)).astype(np.float32)
    vectors[1::10] = vectors[::10] + 0.1 * rng.standard_normal(vectors[::10].shape)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_all_pairs_of_few_rows_are_found_and_practically_all_of_many() -> None:
    for count in (300, 6_000):
        vectors = rows(count, 3)
        pairs, scores = near_pairs(vectors, 0.9)
        expected = np.argwhere(np.triu(vectors @ vectors.T >= 0.9, 1))
        found = {*map(tuple, pairs.tolist())}
        missing = {*map(tuple, expected.tolist())} - found
        assert len(expected) >= count // 10 - 2
        assert len(missing) <= len(expected) // 100
        assert found <= {*map(tuple, expected.tolist())}
        cosines = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(axis=1)
        np.testing.assert_allclose(scores, cosines, atol=1e-5)


def test_the_same_rows_give_the_same_pairs() -> None:
    vectors = rows(3_000, 4)
    first, second = near_pairs(vectors, 0.9), near_pairs(vectors, 0.9)
    np.testing.assert_array_equal(first[0], second[0])


def test_members_are_near_the_first_of_their_group_not_only_each_other() -> None:
    # A chain 0-1-2-3-4: 1 and 3 have two neighbors each, 1 comes first.
    pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    scores = np.array([0.96, 0.98, 0.97, 0.99], np.float32)
    groups = leader_groups(6, pairs, scores)
    assert [[position for position, _ in group] for group in groups] == [[1, 2, 0], [3, 4]]
    assert leader_groups(3, np.empty((0, 2), np.int64), np.empty(0, np.float32)) == []
