"""Batch search: rankings worked by hand and compared with a full sort."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.storage.vectors import batch_search
from ragkit.storage.vectors.batch_search import batch_top_k
from tests.storage.vectors.conftest import unit_rows


def blocks(rows, size):
    return [(first, rows[first : first + size]) for first in range(0, len(rows), size)]


def part(ids, rows):
    return np.asarray(ids, dtype=np.int64), partial(blocks, rows)


def test_rankings_worked_by_hand():
    rows = np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    queries = np.array([[1, 0], [0, 1]], dtype=np.float32)
    (first, first_scores), (second, _) = batch_top_k([part([3, 5, 9], rows)], queries, 2)
    assert (first.tolist(), second.tolist()) == ([3, 9], [5, 9])
    assert first_scores.tolist() == pytest.approx([1.0, 0.6])


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(0, 90), max_size=3),
    queries=st.integers(0, 5),
    k=st.integers(1, 300),
    block=st.sampled_from([1, 7, 64]),
)
def test_rankings_are_those_of_a_full_sort(sizes, queries, k, block):
    rows, query_rows = unit_rows(sum(sizes)), unit_rows(queries, seed=1)
    ids = np.random.default_rng(2).permutation(len(rows)) + 100
    ends = np.cumsum([0, *sizes])
    parts = [part(ids[a:b], rows[a:b]) for a, b in pairwise(ends)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch_search, "BLOCK", block)
        patch.setattr(batch_search, "MAX_QUERIES", 2)
        rankings = batch_top_k(parts, query_rows, k)
    assert len(rankings) == queries
    for query, (found_ids, scores) in zip(query_rows, rankings, strict=True):
        expected = np.argsort(-(rows @ query), kind="stable")[:k]
        assert set(found_ids.tolist()) == set(ids[expected].tolist())
        assert (np.diff(scores) <= 0).all()


def test_equal_scores_are_sorted_by_id_and_removed_vectors_left_out():
    rows = np.tile(unit_rows(1), (5, 1))
    ((ids, _),) = batch_top_k([part([9, -1, 4, 7, -1], rows)], rows[:1], 10)
    assert ids.tolist() == [4, 7, 9]
