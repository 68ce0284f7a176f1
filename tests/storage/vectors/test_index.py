"""Neighbours against a NumPy brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import CollectionError
from ragkit.storage.vectors import flat_file
from ragkit.storage.vectors.flat_file import FlatFile
from ragkit.storage.vectors.index import VectorIndex


def unit_rows(count, dimension=16, seed=0):
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def as_rows(ids, matrix):
    return [(int(i), row.tobytes()) for i, row in zip(ids, matrix, strict=True)]


def written(folder, ids, rows):
    """A file of these vectors, opened."""
    path = folder / "vectors-x-1.faiss"
    assert flat_file.write(path, as_rows(ids, rows), rows.shape[1]) == len(rows)
    return FlatFile(path, rows.shape[1])


def brute_force(ids, matrix, query, k):
    scores = matrix @ query
    order = np.lexsort((ids, -scores))[:k]
    return np.asarray(ids)[order], scores[order]


def test_two_dimensional_cosines_worked_by_hand(tmp_path):
    right, up, diagonal = [1, 0], [0, 1], [0.6, 0.8]
    matrix_ = np.array([right, up, diagonal], dtype=np.float32)
    index = VectorIndex.from_file(written(tmp_path, [3, 5, 9], matrix_), 2, 1)
    ids, scores = index.top_k(np.array([1, 0], dtype=np.float32), 3)
    assert ids.tolist() == [3, 9, 5]
    assert scores == pytest.approx([1.0, 0.6, 0.0])


@settings(max_examples=60, deadline=None)
@given(
    base=st.integers(0, 60),
    delta=st.integers(0, 30),
    gone=st.sets(st.integers(0, 89)),
    k=st.integers(1, 100),
)
def test_base_delta_and_removals_together_equal_brute_force(tmp_path_factory, base, delta, gone, k):
    rows, ids = unit_rows(base + delta), np.arange(base + delta)
    index = VectorIndex.from_file(None, 16, 0)
    if base:
        file = written(tmp_path_factory.mktemp("index"), ids[:base], rows[:base])
        index = VectorIndex.from_file(file, 16, 1)
    index = index.with_changes(2, as_rows(ids[base:], rows[base:]), sorted(gone))
    query = unit_rows(1, seed=1)[0]
    left = np.array([i for i in ids if i not in gone], dtype=np.int64)
    expected_ids, expected_scores = brute_force(left, rows[left], query, k)
    found_ids, found_scores = index.top_k(query, k)
    assert found_ids.tolist() == expected_ids.tolist()
    assert found_scores == pytest.approx(expected_scores, abs=1e-6)


def test_equal_vectors_are_all_found_equally_near_but_for_rounding(tmp_path):
    same = np.tile(unit_rows(1), (50, 1))
    index = VectorIndex.from_file(written(tmp_path, range(100, 150), same), 16, 1)
    ids, scores = index.top_k(same[0], 50)
    assert sorted(ids.tolist()) == list(range(100, 150))
    assert scores == pytest.approx(np.ones(50), abs=1e-6)


@pytest.mark.parametrize("size", [0, 1, 81, 100, 2000])
def test_a_truncated_file_is_no_matrix(tmp_path, size):
    path = tmp_path / "vectors-x-1.faiss"
    flat_file.write(path, as_rows(range(40), unit_rows(40)), 16)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="is damaged"):
        FlatFile(path, 16)


def test_a_file_of_another_dimension_is_refused(tmp_path):
    written(tmp_path, range(3), unit_rows(3))
    with pytest.raises(ValueError, match="16 numbers, not 32"):
        FlatFile(tmp_path / "vectors-x-1.faiss", 32)


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_the_file_is_the_one_that_faiss_would_write(tmp_path, count):
    import faiss

    rows, ids = unit_rows(count), np.arange(count, dtype=np.int64)[::-1] * 3
    theirs = faiss.IndexIDMap(faiss.IndexFlatIP(16))
    if count:
        theirs.add_with_ids(rows, ids)
    written(tmp_path, ids, rows)
    path = tmp_path / "vectors-x-1.faiss"
    assert path.read_bytes() == faiss.serialize_index(theirs).tobytes()


def test_vectors_of_another_length_in_the_database_say_how_to_mend(tmp_path):
    rows = as_rows(range(3), unit_rows(3, dimension=8))
    with pytest.raises(CollectionError, match=r"8 numbers.*makes 16.*ragkit index --rebuild"):
        flat_file.write(tmp_path / "vectors-x-1.faiss", rows, 16)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_ascii(tmp_path):
    path = tmp_path / "Übersicht 文档" / "vectors-x-1.faiss"
    path.parent.mkdir()
    assert len(written(path.parent, range(3), unit_rows(3))) == 3


@pytest.mark.parametrize("places", [[0, 1, 2, 3], [0, 500, 999], [999, 3, 400], [7], []])
def test_vectors_are_the_same_wherever_they_lie(tmp_path, places):
    """Far apart they are read one by one, close together they are mapped."""
    rows = unit_rows(1000)
    base = written(tmp_path, range(1000), rows)
    found = base.vectors_at(np.array(places, dtype=np.int64))
    np.testing.assert_array_equal(found, rows[places])
    assert found.shape == (len(places), 16)


@pytest.mark.parametrize("order", ["ascending", "with gaps", "mixed up"])
@pytest.mark.parametrize("wanted", [1, 50, 900])
def test_ids_are_found_in_any_order(tmp_path, order, wanted):
    chance = np.random.default_rng(0)
    ids = {
        "ascending": np.arange(5, 1005),
        "with gaps": np.sort(chance.choice(9000, 1000, replace=False)),
        "mixed up": chance.permutation(9000)[:1000],
    }[order]
    base = written(tmp_path, ids, unit_rows(1000))
    places = chance.permutation(1000)[:wanted]
    assert base.positions(ids[places]).tolist() == places.tolist()
    absent = np.array([9001, int(ids[3]), -1])
    assert base.positions(absent).tolist() == [-1, 3, -1]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    "wanted",
    [
        range(100, 2600),  # one run, with ids that are not here before, in and after it
        [*range(300, 600), *range(700, 1900), 1950, *range(1999, 2400)],
        range(5, 2600, 3),  # no two that follow each other
        range(2500, 4000),
        [1, 7, 1500],
        [],
    ],
)
def test_ids_that_follow_each_other_are_found_as_one_by_one(tmp_path, mixed, wanted):
    chance = np.random.default_rng(0)
    ids = 500 + np.sort(chance.choice(1800, 1500, replace=False))
    if mixed:
        chance.shuffle(ids)
    base = written(tmp_path, ids, unit_rows(1500))
    found = base.known_positions(np.array(wanted, dtype=np.int64))
    assert found.tolist() == np.flatnonzero(np.isin(ids, list(wanted))).tolist()
