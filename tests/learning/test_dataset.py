"""Loading examples from files, and the split by sentence."""

import hashlib

import pytest

from ragkit.errors import UsageError
from ragkit.learning.dataset import count_shared_sentences, load_dataset, split_by_sentence
from ragkit.learning.labels import Example, LabelScale
from ragkit.learning.pair_file import SkippedLine
from tests.learning.conftest import labelled_rows, scored_rows, write_rows


def load(pairs, *, dev=None, dev_share=0.2, objective=None):
    """The dataset and the messages."""
    messages = []
    dataset = load_dataset(pairs, dev, dev_share, 0, objective, messages.append)
    return dataset, messages


def test_the_columns_determine_objective_scale_and_targets(tmp_path):
    rows = [
        {"sentence1": f"a{i}", "sentence2": f"b{i}", "score": 5 * i / 15, "id": i}
        for i in range(16)
    ]
    pairs = write_rows(tmp_path / "pairs.jsonl", rows)
    dataset, messages = load(pairs, dev_share=0)
    assert (dataset.objective, dataset.scale) == ("cosine", LabelScale(max_score=5))
    assert [example.target for example in dataset.train] == pytest.approx(
        [i / 15 for i in range(16)]
    )
    assert dataset.files == {"pairs.jsonl": hashlib.sha256(pairs.read_bytes()).hexdigest()}
    assert messages == [
        "pairs.jsonl: scores range from 0 to 5; divided by 5",
        "pairs.jsonl: columns not used: id",
    ]


def test_a_requested_objective_is_used(pairs):
    assert load(pairs, objective="cosent")[0].objective == "cosent"


def test_without_a_dev_file_a_share_is_held_out(pairs):
    dataset, messages = load(pairs)
    assert (len(dataset.train), len(dataset.dev), dataset.shared_sentences) == (48, 12, 0)
    assert messages == []


def test_a_dev_file_has_the_classes_of_the_training_file(tmp_path):
    pairs = write_rows(tmp_path / "pairs.jsonl", labelled_rows(30))
    dev_rows = [{"premise": f"p{i}", "hypothesis": f"h{i}", "label": "near"} for i in range(40)]
    dev_rows[4]["label"] = "unknown"
    dev = write_rows(tmp_path / "dev.jsonl", dev_rows)
    dataset, messages = load(pairs, dev=dev)
    assert (len(dataset.train), len(dataset.dev)) == (30, 39)
    assert dataset.scale.classes == ("far", "near")
    assert {example.target for example in dataset.dev} == {1}
    reason = "label 'unknown' is not one of far, near"
    assert (dataset.skipped, dataset.dev_skipped) == ((), (SkippedLine(5, reason),))
    assert messages == [f"{dev}: 1 of 40 lines skipped: line 5: {reason}"]
    assert list(dataset.files) == ["pairs.jsonl", "dev.jsonl (dev)"]


def test_dev_sentences_that_occur_in_training_are_counted(pairs):
    dataset, messages = load(pairs, dev=pairs)
    assert dataset.shared_sentences == 120
    assert messages == ["120 of the 120 dev sentences also occur in the training pairs"]


def test_more_than_one_skipped_line_in_twenty_is_an_error(tmp_path):
    rows = scored_rows(60)
    for row in rows[:4]:
        del row["score"]
    pairs = write_rows(tmp_path / "pairs.jsonl", rows)
    message = r"4 of 60 lines skipped: line 1: no score; .*and 1 more\. More than 5%: correct or"
    with pytest.raises(UsageError, match=message):
        load(pairs)
    write_rows(pairs, rows[2:])
    assert len(load(pairs, dev_share=0)[0].train) == 56


def test_fewer_than_eight_pairs_are_an_error(tmp_path):
    pairs = write_rows(tmp_path / "pairs.jsonl", scored_rows(7))
    with pytest.raises(UsageError, match="7 pairs remain for training; expected 8 or more"):
        load(pairs, dev_share=0)
    write_rows(pairs, scored_rows(20))
    with pytest.raises(UsageError, match="4 pairs remain for evaluation; expected 8 or more"):
        load(pairs)


def make_chains(count):
    """Groups of three connected pairs: a–b, b–c, c–A. A is a in capitals."""
    return [
        Example(f"{left}{i}", f"{right}{i}")
        for i in range(count)
        for left, right in (("a", "b"), ("b", "c"), ("c", "A"))
    ]


def test_no_dev_sentence_is_in_train():
    examples = make_chains(40)
    train, dev = split_by_sentence(examples, 0.1, seed=3)
    assert len(dev) == 12
    assert sorted([*train, *dev], key=repr) == sorted(examples, key=repr)
    assert count_shared_sentences(train, dev) == (0, 12)
    assert len({example.first[1:] for example in dev}) == 4


def test_the_seed_determines_the_split():
    examples = make_chains(40)
    assert split_by_sentence(examples, 0.1, seed=3) == split_by_sentence(examples, 0.1, seed=3)
    assert split_by_sentence(examples, 0.1, seed=3) != split_by_sentence(examples, 0.1, seed=4)


def test_a_group_larger_than_the_dev_set_stays_in_train():
    large_group = [Example("everywhere", f"x{i}") for i in range(50)]
    _, dev = split_by_sentence(large_group + make_chains(20), 0.2, seed=0)
    assert all(example.first != "everywhere" for example in dev)
    assert len(dev) == 21  # groups of three; the dev set has room for 22


def test_if_all_pairs_are_connected_single_pairs_are_drawn():
    large_group = [Example("everywhere", f"x{i}") for i in range(50)]
    train, dev = split_by_sentence(large_group, 0.2, seed=0)
    assert (len(train), len(dev)) == (40, 10)
    assert count_shared_sentences(train, dev) == (1, 11)
