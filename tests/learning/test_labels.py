"""What a file's columns ask for, and the numbers they become."""

from pathlib import Path

import pytest

from ragkit.errors import UsageError
from ragkit.learning import labels as label_fields
from ragkit.learning.labels import Example, Meaning
from ragkit.learning.rows import LeftOut, Row, Rows


def table(*, scores=None, labels=None):
    number = len(scores or labels or "..")
    made = [
        Row(i + 1, f"a{i}", f"b{i}", scores and scores[i], labels and labels[i])
        for i in range(number)
    ]
    return Rows(Path("p.jsonl"), "0", tuple(made), (), ())


@pytest.mark.parametrize(
    ("rows", "objective"),
    [
        (table(scores=[0.2, 1]), "cosine"),
        (table(labels=["entailment", "neutral"]), "softmax"),
        (table(labels=[0, 1, 2]), "softmax"),
        (table(labels=[3.8, 5.0]), "cosine"),  # GLUE's STS-B calls its scores labels
        (table(), "ranking"),
    ],
)
def test_the_columns_choose_the_objective(rows, objective):
    assert label_fields.choose(rows, None) == objective
    assert label_fields.choose(rows, objective) == objective


@pytest.mark.parametrize(
    ("rows", "named", "message"),
    [
        (table(scores=[1], labels=["x"]), None, "scores and labels: choose with --objective"),
        (table(scores=[1]), "ranking", "has scores: ranking takes pairs that all belong together"),
        (table(scores=[1]), "softmax", "objective softmax needs a column label"),
        (table(labels=["x"]), "cosent", "objective cosent needs a column score"),
        (table(), "triplet", "objective is 'triplet'; expected one of cosine, cosent, softmax"),
    ],
)
def test_an_objective_the_columns_do_not_serve(rows, named, message):
    with pytest.raises(UsageError, match=message):
        label_fields.choose(rows, named)


@pytest.mark.parametrize(
    ("scores", "top", "expected"),
    [
        ([0, 0.25, "1"], 1, [0, 0.25, 1]),
        ([0, 2.5, "5"], 5, [0, 0.5, 1]),
        ([1, 2, 3, 4], 5, [0.2, 0.4, 0.6, 0.8]),
    ],
)
def test_scores_become_shares_of_the_score_that_means_the_same(scores, top, expected):
    rows = table(scores=scores)
    assert label_fields.meaning(rows, "cosine") == Meaning(top=top)
    made, left_out = label_fields.examples(rows, "cosine", Meaning(top=top))
    assert [example.target for example in made] == pytest.approx(expected)
    assert left_out == []


def test_a_few_scores_above_one_are_a_mistake_and_not_another_scale():
    scores = [0.5] * 200
    scores[16] = 3.0
    with pytest.raises(UsageError, match=r"1 of 200 scores lie above 1 \(line 17: 3\)"):
        label_fields.meaning(table(scores=scores), "cosine")


def test_rows_without_a_usable_score_are_listed():
    rows = table(scores=[0.5, "", None, "high", float("nan"), -0.1, 7, True])
    made, left_out = label_fields.examples(rows, "cosine", label_fields.meaning(rows, "cosine"))
    assert made == [Example("a0", "b0", 0.5)]
    assert left_out == [
        LeftOut(2, "no score"),
        LeftOut(3, "no score"),
        LeftOut(4, "score 'high' is no number"),
        LeftOut(5, "score nan is no number"),
        LeftOut(6, "score -0.1 is outside 0 to 1"),
        LeftOut(7, "score 7 is outside 0 to 1"),
        LeftOut(8, "score True is no number"),
    ]


def test_labels_are_numbered_in_their_order_and_no_label_is_listed():
    """SNLI marks pairs without an agreed label by a dash, its copies on the hub by -1."""
    rows = table(labels=["neutral", "entailment", "-", -1, "neutral", "contradiction", None])
    read = label_fields.meaning(rows, "softmax")
    assert read.classes == ("contradiction", "entailment", "neutral")
    made, left_out = label_fields.examples(rows, "softmax", read)
    assert [example.target for example in made] == [2, 1, 2, 0]
    assert left_out == [LeftOut(line, "no label") for line in (3, 4, 7)]


def test_a_label_that_training_never_saw_is_listed():
    rows = table(labels=["yes", "maybe"])
    _, left_out = label_fields.examples(rows, "softmax", Meaning(classes=("no", "yes")))
    assert left_out == [LeftOut(2, "label 'maybe' is none of no, yes")]


@pytest.mark.parametrize("labels", [["same"] * 9, list(range(51))])
def test_too_few_or_too_many_classes(labels):
    with pytest.raises(UsageError, match="different labels; expected 2 to 50 classes"):
        label_fields.meaning(table(labels=labels), "softmax")
