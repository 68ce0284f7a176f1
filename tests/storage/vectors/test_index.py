"""Nearest neighbors, compared with brute force in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.storage.vectors.index import VectorIndex
from tests.storage.vectors.conftest import as_rows, unit_rows, write_flat_file


def brute_force(ids, matrix, query, k):
    scores = matrix @ query
    order = np.lexsort((ids, -scores))[:k]
    return np.asarray(ids)[order], scores[order]


def test_two_dimensional_cosines_worked_by_hand(tmp_path):
    right, up, diagonal = [1, 0], [0, 1], [0.6, 0.8]
    rows = np.array([right, up, diagonal], dtype=np.float32)
    index = VectorIndex.from_file(write_flat_file(tmp_path, [3, 5, 9], rows), 2, 1)
    ids, scores = index.top_k(np.array([1, 0], dtype=np.float32), 3)
    assert ids.tolist() == [3, 9, 5]
    assert scores == pytest.approx([1.0, 0.6, 0.0])


@settings(max_examples=60)
@given(
    base=st.integers(0, 60),
    delta=st.integers(0, 30),
    removed=st.sets(st.integers(0, 89)),
    k=st.integers(1, 100),
)
def test_base_delta_and_removals_together_equal_brute_force(
    tmp_path_factory, base, delta, removed, k
):
    rows, ids = unit_rows(base + delta), np.arange(base + delta)
    index = VectorIndex.from_file(None, 16, 0)
    if base:
        file = write_flat_file(tmp_path_factory.mktemp("index"), ids[:base], rows[:base])
        index = VectorIndex.from_file(file, 16, 1)
    index = index.with_changes(2, as_rows(ids[base:], rows[base:]), sorted(removed))
    query = unit_rows(1, seed=1)[0]
    remaining = np.array([i for i in ids if i not in removed], dtype=np.int64)
    expected_ids, expected_scores = brute_force(remaining, rows[remaining], query, k)
    ids_, scores = index.top_k(query, k)
    assert ids_.tolist() == expected_ids.tolist()
    assert scores == pytest.approx(expected_scores, abs=1e-6)


def test_equal_vectors_have_equal_scores_but_for_rounding(tmp_path):
    same = np.tile(unit_rows(1), (50, 1))
    index = VectorIndex.from_file(write_flat_file(tmp_path, range(100, 150), same), 16, 1)
    ids, scores = index.top_k(same[0], 50)
    assert sorted(ids.tolist()) == list(range(100, 150))
    assert scores == pytest.approx(np.ones(50), abs=1e-6)


def test_the_neighbors_of_given_ids_are_those_of_brute_force(tmp_path):
    rows, ids = unit_rows(60), np.arange(60) * 2
    index = VectorIndex.from_file(write_flat_file(tmp_path, ids[:50], rows[:50]), 16, 1)
    index = index.with_changes(2, as_rows(ids[50:], rows[50:]), [4, 110])
    selected = np.arange(0, 120, 6)
    query = unit_rows(1, seed=1)[0]
    live = np.setdiff1d(selected, [4, 110])
    expected, _ = brute_force(live, rows[live // 2], query, 5)
    assert index.top_k_of(query, 5, selected)[0].tolist() == expected.tolist()
    assert index.top_k_batch(query[None, :], 5, selected)[0][0].tolist() == expected.tolist()


def test_vectors_are_returned_for_known_ids_only(tmp_path):
    rows = unit_rows(4)
    index = VectorIndex.from_file(write_flat_file(tmp_path, [1, 2, 3], rows[:3]), 16, 1)
    index = index.with_changes(2, as_rows([7], rows[3:]), [2])
    ids, vectors = index.vectors_of(np.array([7, 2, 99, 1]))
    assert ids.tolist() == [1, 7]
    np.testing.assert_array_equal(vectors, rows[[0, 3]])
    assert (len(index), index.change_count) == (3, 2)
