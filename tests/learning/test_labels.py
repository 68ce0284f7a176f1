"""Objectives chosen by columns; scores and labels turned into targets."""

from pathlib import Path

import pytest

from ragkit.errors import UsageError
from ragkit.learning.labels import (
    Example,
    LabelScale,
    build_examples,
    choose_objective,
    infer_label_scale,
)
from ragkit.learning.pair_file import PairFile, PairRow, SkippedLine


def make_file(*, scores=None, labels=None):
    count = len(scores or labels or "..")
    rows = [
        PairRow(i + 1, f"a{i}", f"b{i}", scores and scores[i], labels and labels[i])
        for i in range(count)
    ]
    return PairFile(Path("p.jsonl"), "0", tuple(rows), (), ())


@pytest.mark.parametrize(
    ("file", "objective"),
    [
        (make_file(scores=[0.2, 1]), "cosine"),
        (make_file(labels=["entailment", "neutral"]), "softmax"),
        (make_file(labels=[0, 1, 2]), "softmax"),
        (make_file(labels=[3.8, 5.0]), "cosine"),  # GLUE's STS-B calls its scores labels
        (make_file(), "ranking"),
    ],
)
def test_the_columns_choose_the_objective(file, objective):
    assert choose_objective(file, None) == objective
    assert choose_objective(file, objective) == objective


@pytest.mark.parametrize(
    ("file", "requested", "message"),
    [
        (make_file(scores=[1], labels=["x"]), None, "scores and labels: choose with --objective"),
        (
            make_file(scores=[1]),
            "ranking",
            "has scores: ranking takes pairs that all belong together",
        ),
        (make_file(scores=[1]), "softmax", "objective softmax needs a column label"),
        (make_file(labels=["x"]), "cosent", "objective cosent needs a column score"),
        (make_file(), "triplet", "objective is 'triplet'; expected one of cosine, cosent, softmax"),
    ],
)
def test_an_objective_that_the_columns_do_not_allow_is_an_error(file, requested, message):
    with pytest.raises(UsageError, match=message):
        choose_objective(file, requested)


@pytest.mark.parametrize(
    ("scores", "top", "expected"),
    [
        ([0, 0.25, "1"], 1, [0, 0.25, 1]),
        ([0, 2.5, "5"], 5, [0, 0.5, 1]),
        ([1, 2, 3, 4], 5, [0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_scores_are_divided_by_the_maximum_of_their_scale(scores, top, expected):
    file = make_file(scores=scores)
    assert infer_label_scale(file, "cosine") == LabelScale(max_score=top)
    examples, skipped = build_examples(file, "cosine", LabelScale(max_score=top))
    assert [example.target for example in examples] == pytest.approx(expected)
    assert skipped == []


def test_a_few_scores_above_one_are_an_error_and_not_another_scale():
    scores = [0.5] * 200
    scores[16] = 3.0
    with pytest.raises(UsageError, match=r"1 of 200 scores are above 1 \(line 17: 3\)"):
        infer_label_scale(make_file(scores=scores), "cosine")


def test_rows_without_a_usable_score_are_skipped():
    file = make_file(scores=[0.5, "", None, "high", float("nan"), -0.1, 7, True])
    examples, skipped = build_examples(file, "cosine", infer_label_scale(file, "cosine"))
    assert examples == [Example("a0", "b0", 0.5)]
    assert skipped == [
        SkippedLine(2, "no score"),
        SkippedLine(3, "no score"),
        SkippedLine(4, "score 'high' is not a number"),
        SkippedLine(5, "score nan is not a number"),
        SkippedLine(6, "score -0.1 is outside 0 to 1"),
        SkippedLine(7, "score 7 is outside 0 to 1"),
        SkippedLine(8, "score True is not a number"),
    ]


def test_labels_become_class_indices_and_rows_without_one_are_skipped():
    """SNLI writes - for pairs without an agreed label, its copy on the hub -1."""
    file = make_file(labels=["neutral", "entailment", "-", -1, "neutral", "contradiction", None])
    scale = infer_label_scale(file, "softmax")
    assert scale.classes == ("contradiction", "entailment", "neutral")
    examples, skipped = build_examples(file, "softmax", scale)
    assert [example.target for example in examples] == [2, 1, 2, 0]
    assert skipped == [SkippedLine(line, "no label") for line in (3, 4, 7)]


def test_a_label_that_is_not_in_the_training_file_is_skipped():
    file = make_file(labels=["yes", "maybe"])
    _, skipped = build_examples(file, "softmax", LabelScale(classes=("no", "yes")))
    assert skipped == [SkippedLine(2, "label 'maybe' is not one of no, yes")]


@pytest.mark.parametrize("labels", [["same"] * 9, list(range(51))])
def test_too_few_or_too_many_classes_are_an_error(labels):
    with pytest.raises(UsageError, match="different labels; expected 2 to 50 classes"):
        infer_label_scale(make_file(labels=labels), "softmax")


def test_where_some_pairs_have_negatives_the_others_are_left_out():
    rows = (
        PairRow(1, "a", "b", negative="c"), PairRow(2, "d", "e"), PairRow(3, "f", "g", negative="h")
    )  # fmt: skip
    file = PairFile(Path("p.jsonl"), "0", rows, (), ())
    examples, skipped = build_examples(file, "ranking", LabelScale())
    assert examples == [Example("a", "b", None, "c"), Example("f", "g", None, "h")]
    assert skipped == [SkippedLine(2, "no negative")]
