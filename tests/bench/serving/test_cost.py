"""The arithmetic of the cost model, on numbers worked by hand."""

import math

import pytest

from bench.serving.cost import Line, bytes_by_kind, fit, replicas_for, report, shards_for


def test_points_on_a_line_give_that_line():
    sizes = [10_000, 100_000, 1_000_000]
    line = fit(sizes, [2 + 3e-5 * size for size in sizes])
    assert (line.fixed, line.each) == (pytest.approx(2), pytest.approx(3e-5))
    assert line.at(2_000_000) == pytest.approx(62)
    assert line.reaches(50) == pytest.approx(1_600_000)


def test_neither_part_of_a_line_is_negative():
    falling = fit([10, 100], [5, 4])
    assert falling.each == 0
    assert falling.reaches(50) == math.inf
    steep = fit([10, 100], [1, 20])  # the line through both points begins below zero
    assert steep.fixed == 0
    assert 0.1 < steep.each < 0.2
    assert Line(60, 1).reaches(50) == 0
    assert fit([10], [5]) == Line(0.0, 0.5)


def test_small_collections_count_as_much_as_large_ones():
    """Errors are relative: twice too much at 10 moves the line as twice too much at 1,000 does."""
    line = fit([10, 1000], [10, 10])
    assert line.at(10) == pytest.approx(10)
    assert line.at(1000) == pytest.approx(10)


def test_shards_and_replicas_of_a_load():
    assert shards_for(1_000_000_000, 9_000_000) == 112
    assert shards_for(10, 9_000_000) == 1
    # 100 searches/s of 20 ms in each of 4 shards need 8 cores of work, 16 that are half busy.
    assert replicas_for(100, 0.02, 4, cores=8) == 2
    assert replicas_for(100, 0.02, 4, cores=8, busy=1.0) == 1
    assert replicas_for(1, 0.02, 4, cores=8) == 1


def test_files_by_kind_and_the_report(tmp_path):
    (tmp_path / "words-v7-2").mkdir()
    for name, size in (
        ("ragkit.db", 100), ("ragkit.db-wal", 20), ("vectors-ffff-3.faiss", 50),
        ("vectors-ffff-3.codes", 7), ("words-v7-2/a.term", 9), ("writer.lock", 1),
    ):  # fmt: skip
        (tmp_path / name).write_bytes(bytes(size))
    kinds = bytes_by_kind(tmp_path)
    assert kinds == {"database": 120, "exact vectors": 50, "codes": 7, "words": 9}
    rows = [
        {"passages": n, "codes, bytes": 0 if n < 50 else 100.0 * n}
        | {f"{mode}, p99 ms": 0.5 * n for mode in ("dense", "lexical", "hybrid")}
        for n in (10, 100)
    ]
    lines = report(rows).splitlines()
    assert lines[2] == "| codes, bytes | 0.00 | 10,000 | 0.00 | 100,000,000.00 |"
    assert lines[-1] == "hybrid: p99 reaches 50 ms at 100 passages in a shard"
