"""Compressed vectors propose candidates and exact cosines decide; compared with NumPy."""

import os
import shutil
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.storage.vectors import flat_file, quantized
from ragkit.storage.vectors.flat_file import FlatFile
from ragkit.storage.vectors.index import VectorIndex
from ragkit.storage.vectors.quantized import QuantizedVectors

COUNT, DIMENSION = 8_000, 64


def clustered_rows(count, seed=0):
    """Return unit rows distributed like those of texts: 300 topics, each with six directions."""
    chance = np.random.default_rng(seed)
    topics = np.random.default_rng(99).standard_normal((300, DIMENSION))
    ways = np.random.default_rng(98).standard_normal((300, 6, DIMENSION))
    which = chance.integers(0, 300, count)
    rows = topics[which] + 0.5 * np.einsum(
        "nw,nwd->nd", chance.standard_normal((count, 6)), ways[which]
    )
    rows += 0.3 * chance.standard_normal(rows.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return (folder, ids, rows, description, index). The ids differ from the positions."""
    folder = tmp_path_factory.mktemp("codes")
    ids, rows = np.arange(COUNT) * 3 + 7, clustered_rows(COUNT)
    blobs = ((int(i), row.tobytes()) for i, row in zip(ids, rows, strict=True))
    flat_file.write(folder / "exact", blobs, DIMENSION)
    base = FlatFile(folder / "exact", DIMENSION)
    known = quantized.write(folder / "codes", base, quantized.kind(20_000, DIMENSION))
    codes = QuantizedVectors(folder / "codes", known, COUNT)
    return folder, ids, rows, known, VectorIndex.from_file(base, DIMENSION, 1, codes)


def brute_force(ids, rows, query, k):
    return ids[np.argsort(-(rows @ query), kind="stable")[:k]]


def recall(index, ids, rows, k, queries):
    shares = []
    for query in queries:
        expected = brute_force(ids, rows, query, k)
        shares.append(len(np.intersect1d(index.top_k(query, k)[0], expected)) / len(expected))
    return np.mean(shares)


@pytest.mark.parametrize("k", [1, 10, 100])
def test_the_candidates_contain_the_nearest_neighbors(built, k):
    _, ids, rows, _, index = built
    assert recall(index, ids, rows, k, clustered_rows(200, seed=1)) >= 0.99


def test_scores_are_those_of_the_exact_vectors(built):
    _, _, rows, _, index = built
    query = clustered_rows(1, seed=2)[0]
    found_ids, scores = index.top_k(query, 20)
    np.testing.assert_allclose(scores, rows[(found_ids - 7) // 3] @ query, atol=1e-6)
    assert (np.diff(scores) <= 0).all()


def test_exact_search_finds_all_nearest_neighbors(built):
    _, ids, rows, _, index = built
    for query in clustered_rows(30, seed=3):
        found_ids = index.top_k(query, 50, exact=True)[0]
        assert set(found_ids) == set(brute_force(ids, rows, query, 50))


@pytest.mark.parametrize("count", [1, 20, 200, 800])
def test_removed_vectors_are_replaced_by_the_next_nearest(built, count):
    """All neighbors of the query may be removed."""
    _, ids, rows, _, index = built
    query = clustered_rows(1, seed=4)[0]
    removed = brute_force(ids, rows, query, count)
    remaining = ~np.isin(ids, removed)
    after = index.with_changes(2, [], removed.tolist())
    assert len(after) == COUNT - count
    assert recall(after, ids[remaining], rows[remaining], 10, [query]) >= 0.9
    assert len(after.top_k(query, 10)[0]) == 10
    assert not np.isin(after.top_k(query, 500)[0], removed).any()


@settings(max_examples=40)
@given(
    share=st.sampled_from([0.0001, 0.001, 0.01, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
    k=st.sampled_from([1, 10, 200, COUNT + 1]),
)
def test_exact_search_within_a_filter_equals_brute_force(built, share, seed, k):
    _, ids, rows, _, index = built
    chance = np.random.default_rng(seed)
    chosen = np.sort(chance.choice(COUNT, max(1, round(share * COUNT)), replace=False))
    query = clustered_rows(1, seed=seed)[0]
    found_ids = index.top_k_of(query, k, ids[chosen])[0]
    expected = brute_force(ids[chosen], rows[chosen], query, k)
    assert set(found_ids) == set(expected)
    together = index.top_k_batch(query[None], k, ids[chosen])[0]
    assert set(together[0]) == set(expected)


SHARES = [0.0001, 0.001, 0.01, 0.1, 0.3, 0.5, 0.8, 1.0]


def filtered_positions(rows, share, seed, subject):
    """Return the positions of a filter: random ones, or the neighbors of a vector."""
    size = max(1, round(share * COUNT))
    if subject:
        return np.sort(np.argsort(-(rows @ clustered_rows(1, seed=seed + 5000)[0]))[:size])
    return np.sort(np.random.default_rng(seed).choice(COUNT, size, replace=False))


@settings(max_examples=150, derandomize=True)
@given(
    share=st.sampled_from(SHARES),
    seed=st.integers(0, 1000),
    subject=st.booleans(),
    k=st.sampled_from([1, 10, 26]),
)
def test_the_candidates_contain_the_nearest_of_a_filter(built, share, seed, subject, k):
    """For any share of matches in any region. The examples are fixed: of thousands of neighbors one
    may be missing."""
    _, ids, rows, _, index = built
    chosen = filtered_positions(rows, share, seed, subject)
    query = clustered_rows(1, seed=seed)[0]
    found_ids = index.top_k_of(query, k, ids[chosen], exact=False)[0]
    assert set(found_ids) == set(brute_force(ids[chosen], rows[chosen], query, k))


@pytest.mark.parametrize(
    ("share", "subject", "k"),
    [(0.1, False, 10), (0.1, True, 10), (0.5, True, 26), (1.0, False, 100)],
)
def test_a_wide_filter_is_searched_by_codes(built, share, subject, k, monkeypatch):
    """No neighbor of a hundred queries is missing."""
    _, ids, rows, _, index = built
    calls, plain = [], QuantizedVectors.propose
    monkeypatch.setattr(
        QuantizedVectors, "propose", lambda self, *args: calls.append(1) or plain(self, *args)
    )
    chosen = filtered_positions(rows, share, 3, subject)
    for query in clustered_rows(100, seed=12):
        found_ids = index.top_k_of(query, k, ids[chosen], exact=False)[0]
        assert set(found_ids) == set(brute_force(ids[chosen], rows[chosen], query, k))
    assert len(calls) == 100


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 1.0])
def test_candidates_are_proposed_among_the_filtered_vectors_only(built, share, monkeypatch):
    """The filter matches some topics; most queries are about others."""
    _, ids, rows, _, index = built
    monkeypatch.setattr("ragkit.storage.vectors.index.FULL_SCAN_SHARE", 0)
    subject = np.argsort(-(rows @ clustered_rows(1, seed=9)[0]))[: round(share * COUNT)]
    chosen, shares = np.sort(subject), []
    after = index.with_changes(2, [], ids[chosen[:5]].tolist())
    chosen = chosen[5:]
    for query in clustered_rows(50, seed=10):
        found_ids, scores = after.top_k_of(query, 10, ids[chosen], exact=False)
        expected = brute_force(ids[chosen], rows[chosen], query, 10)
        assert len(found_ids) == 10
        np.testing.assert_allclose(scores, rows[(found_ids - 7) // 3] @ query, atol=1e-6)
        assert np.isin(found_ids, ids[chosen]).all()
        shares.append(np.isin(expected, found_ids).mean())
    assert np.mean(shares) >= 0.99


def test_a_narrow_filter_is_searched_without_codes(built, monkeypatch):
    _, ids, rows, _, index = built
    monkeypatch.setattr(QuantizedVectors, "propose", None)
    query, chosen = clustered_rows(1, seed=3)[0], np.arange(0, COUNT, 400)
    found_ids = index.top_k_of(query, 5, ids[chosen], exact=False)[0]
    assert found_ids.tolist() == brute_force(ids[chosen], rows[chosen], query, 5).tolist()


def test_codes_loaded_by_python_propose_the_same_candidates(built, monkeypatch):
    folder, *_, known, index = built
    monkeypatch.setattr("ragkit.storage.vectors.quantized._mapped_lists", quantized._loaded_lists)
    loaded = QuantizedVectors(folder / "codes", known, COUNT)
    for query in clustered_rows(5, seed=7):
        np.testing.assert_array_equal(loaded.propose(query, 90), index.quantized.propose(query, 90))


def test_the_number_of_candidates_grows_with_k_or_is_the_given_factor(built):
    folder, *_, known, index = built
    wide = [index.quantized.candidate_count(k) for k in (1, 10, 26, 100, 1000)]
    assert wide == sorted(wide)
    assert (wide[1], wide[3]) == known.candidates
    sure = [index.quantized.candidate_count(k, high_recall=True) for k in (1, 10, 26, 100, 1000)]
    assert sure == [quantized.HIGH_RECALL_FACTOR * k for k in wide]
    codes = QuantizedVectors(folder / "codes", known, COUNT, factor=7)
    assert codes.candidate_count(10) == codes.candidate_count(10, high_recall=True) == 70


def test_codes_of_other_vectors_are_refused(built, tmp_path):
    folder, *_, known, _ = built
    with pytest.raises(ValueError, match="contains 8000 codes for 7999"):
        QuantizedVectors(folder / "codes", known, COUNT - 1)
    (tmp_path / "cut").write_bytes((folder / "codes").read_bytes()[:-1])
    with pytest.raises(ValueError, match="is damaged"):
        QuantizedVectors(tmp_path / "cut", known, COUNT)
    assert quantized.is_current(known)
    assert not quantized.is_current(known._replace(faiss="0.1"))


@pytest.mark.parametrize(
    ("count", "dimension", "kind"),
    [
        (19_999, 384, None),
        (20_000, 384, "IVF1,PQ192x4fs"),
        (1_000_000, 1023, "IVF1,PQ341x4fs"),
        (1_000_000, 1021, None),  # a prime: compared one by one
    ],
)
def test_the_kind_follows_from_the_size(count, dimension, kind):
    assert quantized.kind(count, dimension) == kind


@pytest.mark.parametrize("k", [1, 132, COUNT + 5])
def test_a_batch_is_compared_exactly(built, k):
    _, ids, rows, _, index = built
    index = index.with_changes(2, [(1, clustered_rows(1, seed=8)[0].tobytes())], [7, 10])
    every, all_rows = np.append(ids, 1), np.vstack([rows, clustered_rows(1, seed=8)])
    remaining = ~np.isin(every, [7, 10])
    queries = clustered_rows(3, seed=6)
    for query, (found_ids, _) in zip(queries, index.top_k_batch(queries, k), strict=True):
        assert set(found_ids) == set(brute_force(every[remaining], all_rows[remaining], query, k))


@pytest.mark.parametrize("is_mapped", [False, True])
def test_mapped_and_read_codes_propose_the_same_candidates(built, monkeypatch, is_mapped):
    folder, _, _, known, index = built
    monkeypatch.setattr(quantized, "_SMALL_FILE", 0 if is_mapped else 1 << 40)
    codes = QuantizedVectors(folder / "codes", known, COUNT)
    for query in clustered_rows(20, seed=12):
        expected = np.sort(index.quantized.propose(query, 100))
        assert np.sort(codes.propose(query, 100)).tolist() == expected.tolist()


def test_a_small_file_that_is_truncated_while_it_is_open_keeps_its_content(built, tmp_path):
    """It was read; a mapped file would end the process."""
    folder, _, _, known, index = built
    shutil.copy(folder / "codes", tmp_path / "codes")
    codes = QuantizedVectors(tmp_path / "codes", known, COUNT)
    assert codes.is_unchanged()
    os.truncate(tmp_path / "codes", 10)
    assert not codes.is_unchanged()
    query = clustered_rows(1, seed=12)[0]
    expected = np.sort(index.quantized.propose(query, 100)).tolist()
    assert np.sort(codes.propose(query, 100)).tolist() == expected


def test_faiss_reads_no_header_that_it_did_not_write(built, tmp_path, monkeypatch):
    """FAISS trusts the lengths in a header; a changed one may crash it. Only the trained numbers in
    its middle differ from one file to the next."""
    folder, _, _, known, _ = built
    content = (folder / "codes").read_bytes()
    length = struct.unpack_from("<8sqqq", content)[3]
    monkeypatch.setattr("faiss.deserialize_index", None)
    for offset in [*range(0, 98, 3), *range(length - 50, length, 3)]:
        changed = bytearray(content)
        changed[32 + offset] ^= 0x40
        (tmp_path / "codes").write_bytes(changed)
        with pytest.raises(ValueError, match="FAISS would not have written its header"):
            QuantizedVectors(tmp_path / "codes", known, COUNT)


@pytest.mark.parametrize("kind", ["", "IVF1,PQ31x4fs", "IVF65536,PQ32x4fs", "Flat", "x" * 999])
def test_codes_of_another_kind_are_refused(built, kind):
    folder, _, _, known, _ = built
    with pytest.raises(ValueError, match="FAISS would not have written its header"):
        QuantizedVectors(folder / "codes", known._replace(kind=kind), COUNT)


@pytest.mark.parametrize(
    "candidates",
    [None, [], [1], [1, 2, 3], [0, 5], [5, 1], [1.5, 2], ["1", "2"], [1, 1 << 60], {"a": 1}],
)
def test_a_record_without_a_calibration_is_damage(candidates):
    record = {"kind": "IVF1,PQ32x4fs", "faiss": "1", "candidates": candidates}
    with pytest.raises(ValueError, match="has no calibration"):
        quantized.calibration(record)


def test_codes_name_no_positions_beyond_the_vectors(built, tmp_path, monkeypatch):
    """A mapped file contains the positions, too."""
    folder, _, _, known, _ = built
    content = bytearray((folder / "codes").read_bytes())
    content[-8 * COUNT :] = np.full(COUNT, 1 << 40, "<i8").tobytes()
    (tmp_path / "codes").write_bytes(content)
    monkeypatch.setattr(quantized, "_SMALL_FILE", 0)
    codes = QuantizedVectors(tmp_path / "codes", known, COUNT)
    assert codes.propose(clustered_rows(1, seed=3)[0], 100).tolist() == []
