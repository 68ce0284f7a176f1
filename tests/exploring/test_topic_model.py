"""Clusters of vectors whose groups are known."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ragkit.errors import UnavailableError
from ragkit.exploring import topic_model


def blobs(groups: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows around `groups` random directions, in random order, and the group of each."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((groups, 32))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    truth = rng.permutation(np.repeat(np.arange(groups), size))
    rows = centers[truth] + 0.06 * rng.standard_normal((len(truth), 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), truth


def is_same_partition(labels: np.ndarray, truth: np.ndarray) -> bool:
    pairs = {*zip(labels.tolist(), truth.tolist(), strict=True)}
    return len(pairs) == len({*labels.tolist()}) == len({*truth.tolist()})


@pytest.mark.parametrize(("groups", "size"), [(2, 4), (5, 20), (12, 10), (7, 500)])
def test_the_best_silhouette_gives_the_groups_that_are_there(groups: int, size: int) -> None:
    vectors, truth = blobs(groups, size)
    found = topic_model.fit(vectors)
    if groups == 12:  # not every number is tried: the next one splits or joins a group
        assert abs(len(found.centers) - groups) <= 2
    else:
        assert is_same_partition(found.labels, truth)
    assert is_same_partition(topic_model.fit(vectors, groups).labels, truth)
    again = topic_model.fit(vectors)
    np.testing.assert_array_equal(found.labels, again.labels)
    expected = (vectors * found.centers[found.labels]).sum(axis=1)
    np.testing.assert_allclose(found.cosines, expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_few_vectors_have_a_topic_each_or_one(count: int) -> None:
    vectors, _ = blobs(1, max(1, count))
    found = topic_model.fit(vectors[:count])
    assert len(found.labels) == count
    assert topic_model.fit(vectors[:count], 1).labels.tolist() == [0] * count
    assert len(topic_model.fit(vectors[:count], 9).labels) == count


def test_an_update_keeps_the_numbers_of_the_clusters() -> None:
    vectors, _ = blobs(9, 40)
    found = topic_model.fit(vectors, 9)
    other, _ = blobs(9, 4, seed=5)
    after = topic_model.update(np.concatenate([vectors[4:], other[:4]]), found.centers)
    assert (after.labels[:-4] == found.labels[4:]).mean() >= 0.95
    assert len(after.centers) == 9


def test_matching_needs_half_of_the_union() -> None:
    old = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    new = np.array([1, 1, 1, 0, 0, 0, 0, 2, 3])
    # 1 has 3 of the 4 of 0; 0 shares 3 of 4 + 3 - 3 with 1; 2 has one of two of 2, exactly half.
    assert topic_model.match(old, new, 3, 4) in ({1: 0, 0: 1, 2: 2}, {1: 0, 0: 1, 3: 2})
    assert topic_model.match(np.array([0, 0, 0]), np.array([0, 1, 2]), 1, 3) == {}


def test_silhouettes_are_those_of_the_definition() -> None:
    angles = np.radians([0, 10, 90, 100])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    values, labels = topic_model.silhouettes(vectors, np.array([0, 0, 1, 1]))
    own = 1 - np.cos(np.radians(10))
    other = np.mean([1 - np.cos(np.radians(90)), 1 - np.cos(np.radians(100))])
    assert values[0] == pytest.approx((other - own) / other, abs=1e-5)
    assert labels.tolist() == [0, 0, 1, 1]
    assert len(topic_model.silhouettes(vectors, np.zeros(4, np.int64))[0]) == 0


def test_groups_of_topics_join_centers_that_are_near() -> None:
    vectors, truth = blobs(3, 4)  # √12 is about 3
    labels = topic_model.group(vectors)
    assert labels is not None and is_same_partition(labels, truth)
    assert topic_model.group(vectors[:5]) is None


def test_without_scikit_learn_the_error_names_what_to_install(monkeypatch):
    for name in ("sklearn.metrics", "sklearn.cluster"):
        monkeypatch.setitem(sys.modules, name, None)
    vectors = np.eye(6, dtype=np.float32)
    with pytest.raises(UnavailableError, match=r"ragkit-search\[explore\]"):
        topic_model.fit(vectors)
    updated = topic_model.update(vectors, vectors[:2])
    with pytest.raises(UnavailableError, match=r"ragkit-search\[explore\]"):
        topic_model.silhouettes(vectors, updated.labels)
