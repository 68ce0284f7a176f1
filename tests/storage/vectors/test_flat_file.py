"""The flat vector file: its format, positions and inner products."""

import os

import numpy as np
import pytest

from ragkit.errors import CollectionError
from ragkit.storage.vectors import flat_file
from ragkit.storage.vectors.flat_file import FlatFile
from tests.storage.vectors.conftest import as_rows, unit_rows, write_flat_file


@pytest.mark.parametrize("count", [1, 2047, 2048, 2049])
def test_batches_hold_all_rows_in_order(count):
    rows = unit_rows(count)
    batches = list(flat_file.batches(as_rows(range(count), rows), 16))
    assert np.concatenate([ids for ids, _ in batches]).tolist() == list(range(count))
    np.testing.assert_array_equal(np.concatenate([vectors for _, vectors in batches]), rows)


def test_scores_are_inner_products_with_all_or_with_some_vectors(tmp_path):
    base = write_flat_file(
        tmp_path, [3, 5, 9], np.array([[1, 0], [0, 1], [0.6, 0.8]], dtype=np.float32)
    )
    query = np.array([1, 0], dtype=np.float32)
    assert base.scores(query).tolist() == pytest.approx([1.0, 0.0, 0.6])
    assert base.scores(query, np.array([2, 0])).tolist() == pytest.approx([0.6, 1.0])


@pytest.mark.parametrize("positions", [None, np.array([4, 0, 3])])
def test_blocks_hold_the_vectors_in_order(tmp_path, positions):
    rows = unit_rows(5)
    blocks = write_flat_file(tmp_path, range(5), rows).blocks(2, positions)
    copies = [(first, block.copy()) for first, block in blocks]
    expected = rows if positions is None else rows[positions]
    assert [first for first, _ in copies] == list(range(0, len(expected), 2))
    np.testing.assert_array_equal(np.concatenate([block for _, block in copies]), expected)


@pytest.mark.parametrize("size", [0, 1, 81, 100, 2000])
def test_a_truncated_file_is_damaged(tmp_path, size):
    path = tmp_path / "vectors-x-1.faiss"
    flat_file.write(path, as_rows(range(40), unit_rows(40)), 16)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match="is damaged"):
        FlatFile(path, 16)


def test_a_file_of_another_dimension_is_refused(tmp_path):
    write_flat_file(tmp_path, range(3), unit_rows(3))
    with pytest.raises(ValueError, match="16 numbers, not 32"):
        FlatFile(tmp_path / "vectors-x-1.faiss", 32)


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_the_file_is_the_one_that_faiss_would_write(tmp_path, count):
    import faiss

    rows, ids = unit_rows(count), np.arange(count, dtype=np.int64)[::-1] * 3
    theirs = faiss.IndexIDMap(faiss.IndexFlatIP(16))
    if count:
        theirs.add_with_ids(rows, ids)
    write_flat_file(tmp_path, ids, rows)
    path = tmp_path / "vectors-x-1.faiss"
    assert path.read_bytes() == faiss.serialize_index(theirs).tobytes()


def test_vectors_of_another_dimension_in_the_database_name_the_repair(tmp_path):
    rows = as_rows(range(3), unit_rows(3, dimension=8))
    with pytest.raises(CollectionError, match=r"8 numbers.*makes 16.*ragkit index --rebuild"):
        flat_file.write(tmp_path / "vectors-x-1.faiss", rows, 16)
    assert list(tmp_path.iterdir()) == []


def test_a_path_may_contain_non_ascii_characters(tmp_path):
    path = tmp_path / "Übersicht 文档" / "vectors-x-1.faiss"
    path.parent.mkdir()
    assert len(write_flat_file(path.parent, range(3), unit_rows(3))) == 3


@pytest.mark.parametrize("positions", [[0, 1, 2, 3], [0, 500, 999], [999, 3, 400], [7], []])
def test_vectors_are_read_at_any_positions(tmp_path, positions):
    """Distant positions are read one by one, close ones are mapped."""
    rows = unit_rows(1000)
    base = write_flat_file(tmp_path, range(1000), rows)
    result = base.vectors_at(np.array(positions, dtype=np.int64))
    np.testing.assert_array_equal(result, rows[positions])
    assert result.shape == (len(positions), 16)


@pytest.mark.parametrize("order", ["ascending", "with gaps", "mixed up"])
@pytest.mark.parametrize("selected", [1, 50, 900])
def test_ids_are_found_in_any_order(tmp_path, order, selected):
    rng = np.random.default_rng(0)
    ids = {
        "ascending": np.arange(5, 1005),
        "with gaps": np.sort(rng.choice(9000, 1000, replace=False)),
        "mixed up": rng.permutation(9000)[:1000],
    }[order]
    base = write_flat_file(tmp_path, ids, unit_rows(1000))
    positions = rng.permutation(1000)[:selected]
    assert base.positions(ids[positions]).tolist() == positions.tolist()
    absent = np.array([9001, int(ids[3]), -1])
    assert base.positions(absent).tolist() == [-1, 3, -1]


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize(
    "selected",
    [
        range(100, 2600),  # one run, with ids that are not here before, in and after it
        [*range(300, 600), *range(700, 1900), 1950, *range(1999, 2400)],
        range(5, 2600, 3),  # no two that follow each other
        range(2500, 4000),
        [1, 7, 1500],
        [],
    ],
)
def test_runs_of_ids_are_found_as_single_ids_are(tmp_path, mixed, selected):
    rng = np.random.default_rng(0)
    ids = 500 + np.sort(rng.choice(1800, 1500, replace=False))
    if mixed:
        rng.shuffle(ids)
    base = write_flat_file(tmp_path, ids, unit_rows(1500))
    result = base.known_positions(np.array(selected, dtype=np.int64))
    assert result.tolist() == np.flatnonzero(np.isin(ids, list(selected))).tolist()


@pytest.mark.parametrize("scans", [0, 1, 2])
def test_a_file_that_is_truncated_while_it_is_open_does_not_end_the_process(tmp_path, scans):
    """A mapped file would. A small one is in memory after two scans."""
    rows = unit_rows(1000)
    base = write_flat_file(tmp_path, range(1000), rows)
    for _ in range(scans):
        base.scores(rows[0])
    assert base.is_unchanged()
    os.truncate(tmp_path / "vectors-x-1.faiss", 5000)
    assert not base.is_unchanged()
    for positions in (None, np.array([999]), np.array([1, 500, 999])):
        if scans < 2:
            with pytest.raises(CollectionError, match="Run the same command again"):
                base.scores(rows[0], positions)
        else:
            expected = rows if positions is None else rows[positions]
            np.testing.assert_allclose(
                base.scores(rows[0], positions), expected @ rows[0], atol=1e-6
            )


def test_a_disk_that_fails_raises_collection_error(tmp_path, monkeypatch):
    base = write_flat_file(tmp_path, range(1000), unit_rows(1000))

    def fail(*arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", fail)
    monkeypatch.setattr(os, "preadv", fail)
    for positions in (None, np.array([3]), np.array([1, 500, 999])):
        with pytest.raises(CollectionError, match="Input/output error"):
            base.scores(unit_rows(1)[0], positions)


@pytest.mark.parametrize("is_small", [True, False])
def test_repeated_scans_give_the_same_scores(tmp_path, monkeypatch, is_small):
    monkeypatch.setattr(flat_file, "_SMALL_FILE", 1 << 30 if is_small else 0)
    monkeypatch.setattr(flat_file, "SCAN_NUMBERS", 16 * 7)
    rows = unit_rows(1000)
    base = write_flat_file(tmp_path, range(1000), rows)
    for _ in range(4):
        np.testing.assert_allclose(base.scores(rows[3]), rows @ rows[3], atol=1e-6)


@pytest.mark.parametrize(
    ("dimension", "count"), [(-16, 3), (0, 3), (16, -3), (16, 1 << 61), (1 << 30, 1 << 39)]
)
def test_an_impossible_header_is_damage(tmp_path, dimension, count):
    path = tmp_path / "vectors-x-1.faiss"
    flat_file.write(path, as_rows(range(3), unit_rows(3)), 16)
    content = bytearray(path.read_bytes())
    content[4:16] = np.array([dimension], "<i4").tobytes() + np.array([count], "<i8").tobytes()
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        FlatFile(path, 16)
