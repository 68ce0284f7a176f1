"""Neighbours against a NumPy brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import CollectionError
from ragkit.storage import vectors
from ragkit.storage.vectors import VectorIndex


def unit_rows(count, dimension=16, seed=0):
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def as_rows(ids, matrix):
    return [(int(i), row.tobytes()) for i, row in zip(ids, matrix, strict=True)]


def brute_force(ids, matrix, query, k):
    scores = matrix @ query
    order = np.lexsort((ids, -scores))[:k]
    return np.asarray(ids)[order], scores[order]


def test_two_dimensional_cosines_worked_by_hand(tmp_path):
    right, up, diagonal = [1, 0], [0, 1], [0.6, 0.8]
    path = tmp_path / "vectors-x-1.faiss"
    rows = as_rows([3, 5, 9], np.array([right, up, diagonal], dtype=np.float32))
    index = VectorIndex.over(vectors.read(path, vectors.write(path, rows, 2), 2), 2, 1)
    ids, scores = index.nearest(np.array([1, 0], dtype=np.float32), 3)
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
    matrix, ids = unit_rows(base + delta), np.arange(base + delta)
    index = VectorIndex.over(None, 16, 0)
    if base:
        path = tmp_path_factory.mktemp("index") / "vectors-x-1.faiss"
        checksum = vectors.write(path, as_rows(ids[:base], matrix[:base]), 16)
        index = VectorIndex.over(vectors.read(path, checksum, 16), 16, 1)
    index = index.advanced(2, as_rows(ids[base:], matrix[base:]), sorted(gone))
    query = unit_rows(1, seed=1)[0]
    left = np.array([i for i in ids if i not in gone], dtype=np.int64)
    expected_ids, expected_scores = brute_force(left, matrix[left], query, k)
    found_ids, found_scores = index.nearest(query, k)
    assert found_ids.tolist() == expected_ids.tolist()
    assert found_scores == pytest.approx(expected_scores, abs=1e-6)


def test_equal_vectors_come_by_ascending_id(tmp_path):
    same = np.tile(unit_rows(1), (50, 1))
    path = tmp_path / "vectors-x-1.faiss"
    checksum = vectors.write(path, as_rows(range(100, 150), same), 16)
    index = VectorIndex.over(vectors.read(path, checksum, 16), 16, 1)
    assert index.nearest(same[0], 50)[0].tolist() == list(range(100, 150))


@pytest.mark.parametrize("position", [0, 20, 200, 1000, -1])
def test_one_flipped_bit_anywhere_in_the_file_is_noticed(tmp_path, position):
    path = tmp_path / "vectors-x-1.faiss"
    checksum = vectors.write(path, as_rows(range(40), unit_rows(40)), 16)
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged"):
        vectors.read(path, checksum, 16)


@pytest.mark.parametrize("size", [0, 1, 100, 2000])
def test_a_truncated_file_is_noticed(tmp_path, size):
    path = tmp_path / "vectors-x-1.faiss"
    checksum = vectors.write(path, as_rows(range(40), unit_rows(40)), 16)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="is damaged"):
        vectors.read(path, checksum, 16)


def test_a_file_of_another_dimension_is_refused(tmp_path):
    path = tmp_path / "vectors-x-1.faiss"
    checksum = vectors.write(path, as_rows(range(3), unit_rows(3)), 16)
    with pytest.raises(ValueError, match="16 numbers, not 32"):
        vectors.read(path, checksum, 32)


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_the_file_is_the_one_that_faiss_would_write(tmp_path, count):
    import faiss

    matrix, ids = unit_rows(count), np.arange(count, dtype=np.int64)[::-1] * 3
    theirs = faiss.IndexIDMap(faiss.IndexFlatIP(16))
    if count:
        theirs.add_with_ids(matrix, ids)
    path = tmp_path / "vectors-x-1.faiss"
    vectors.write(path, as_rows(ids, matrix), 16)
    assert path.read_bytes() == faiss.serialize_index(theirs).tobytes()


def test_reading_through_python_gives_the_same_index(tmp_path):
    import faiss

    path = tmp_path / "vectors-x-1.faiss"
    vectors.write(path, as_rows(range(40), unit_rows(40)), 16)
    mapped, loaded = vectors._mapped(faiss, path), vectors._loaded(faiss, path)
    query = unit_rows(3, seed=5)
    for one, other in zip(mapped.search(query, 7), loaded.search(query, 7), strict=True):
        np.testing.assert_array_equal(one, other)


def test_vectors_of_another_length_in_the_database_say_how_to_mend(tmp_path):
    rows = as_rows(range(3), unit_rows(3, dimension=8))
    with pytest.raises(CollectionError, match=r"8 numbers .* makes 16.*ragkit index --rebuild"):
        vectors.write(tmp_path / "vectors-x-1.faiss", rows, 16)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_not_ascii(tmp_path):
    path = tmp_path / "Übersicht 文档" / "vectors-x-1.faiss"
    path.parent.mkdir()
    checksum = vectors.write(path, as_rows(range(3), unit_rows(3)), 16)
    assert vectors.read(path, checksum, 16).ntotal == 3
