"""Reading pairs; cosines; correlations compared with scipy."""

import json

import numpy as np
import pytest
import scipy  # whose parts are imported when they are used

from ragkit.errors import UsageError
from ragkit.learning.similarity import (
    Pair,
    average_ranks,
    pearson,
    read_pairs,
    score_pairs,
    spearman,
)


@pytest.mark.parametrize("levels", [3, 1_000])
def test_correlations_equal_scipy(levels):
    rng = np.random.default_rng(levels)
    x = rng.integers(0, levels, 500).astype(float)
    y = x + rng.normal(0, levels, 500).round()
    assert pearson(x, y) == pytest.approx(scipy.stats.pearsonr(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(scipy.stats.spearmanr(x, y).statistic, abs=1e-12)
    np.testing.assert_array_equal(average_ranks(x), scipy.stats.rankdata(x))


def test_a_constant_series_has_no_correlation():
    constant, rising = np.ones(3), np.arange(3.0)
    assert pearson(constant, rising) is None
    assert spearman(rising, constant) is None
    assert spearman(rising[:1], rising[:1]) is None


def test_pairs_are_scored_and_each_distinct_text_is_embedded_once():
    embedded = []

    def embed(texts):
        embedded.extend(texts)
        angles = np.array([int(text) * np.pi / 180 for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    pairs = [Pair("0", "90", 0.0), Pair("0", "60", 2.0), Pair("0", "0", 5.0), Pair("60", "0")]
    report = score_pairs(pairs, embed)
    assert sorted(embedded) == ["0", "60", "90"]
    assert report.cosines == pytest.approx((0, 0.5, 1, 0.5), abs=1e-6)
    assert (report.pairs, report.scored, report.spearman) == (4, 3, pytest.approx(1))
    assert report.pearson == pytest.approx(scipy.stats.pearsonr([0, 0.5, 1], [0, 2, 5]).statistic)


PAIRS = [Pair("a cat", "a dog", 3.5), Pair("hello", "hallo", 5.0)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.tsv", "a cat\ta dog\t3.5\nhello\thallo\t5\n"),
        ("p.tsv", "sentence1\tsentence2\tscore\na cat\ta dog\t3.5\nhello\thallo\t5\n"),
        ("p.csv", "score,sentence1,sentence2\n3.5,a cat,a dog\n5,hello,hallo\n"),
        (
            "p.jsonl",
            '{"sentence1": "a cat", "sentence2": "a dog", "score": 3.5}\n'
            '{"sentence1": "hello", "sentence2": "hallo", "score": "5"}\n',
        ),
    ],
)
def test_files_of_all_formats_are_read(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert read_pairs(tmp_path / name) == (PAIRS, [])


def test_lines_that_are_not_pairs_are_reported(tmp_path):
    file = tmp_path / "p.tsv"
    file.write_text("a cat\ta dog\t3.5\n\nx\ty\na\tb\tlow\nhello\thallo\t5\n")
    pairs, skipped = read_pairs(file)
    assert pairs == PAIRS
    assert skipped == [
        "line 3: 2 of 3 fields, expected two texts and a score",
        "line 4: the score is 'low', expected a number",
    ]
    rows = [{"sentence1": "a", "sentence2": "b"}, {"sentence1": "a", "sentence2": "b", "score": 1}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read_pairs(tmp_path / "p.jsonl") == ([Pair("a", "b"), Pair("a", "b", 1.0)], [])


def test_long_scores_that_are_not_numbers_are_cut_in_messages(tmp_path):
    row = '{"sentence1": "a", "sentence2": "b", "score": %s}'
    scores = ['"' + "x" * 1_000 + '"', "9" * 400, "1"]  # the second is beyond any float
    (tmp_path / "p.jsonl").write_text("\n".join(row % score for score in scores))
    pairs, skipped = read_pairs(tmp_path / "p.jsonl")
    assert pairs == [Pair("a", "b", 1.0)]
    assert [len(line) < 110 for line in skipped] == [True, True]


def test_a_headerless_tsv_that_is_not_utf_8_is_an_error(tmp_path):
    (tmp_path / "p.tsv").write_bytes(b"caf\xe9\tbar\t3\n")
    with pytest.raises(UsageError, match=r"not UTF-8 text \(byte 3\)"):
        read_pairs(tmp_path / "p.tsv")


def test_a_file_without_pairs_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        read_pairs(tmp_path / "none.tsv")
    (tmp_path / "p.jsonl").write_text('{"sentence1": "a", "sentence2": "b", "score": "high"}')
    with pytest.raises(UsageError, match="no pair with a score that is a number; line 1"):
        read_pairs(tmp_path / "p.jsonl")
