"""Training as a whole, on a model of 32 dimensions with random weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ragkit import learning
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import cpu_engines
from ragkit.errors import ModelError, UsageError
from ragkit.learning.checkpoints import Workshop
from tests.learning.conftest import labelled, scored, sentences, write_rows

FAST = {"batch_size": 8, "learning_rate": 2e-3, "evaluations": 4, "dev_share": 0.2, "patience": 99}


def train(pairs, output, plain, **choices):
    return learning.train(pairs, output, model=str(plain), **{**FAST, **choices})


@pytest.fixture(scope="module")
def trained(tmp_path_factory, plain):
    """(report, notices) of one training in which some lines are no pairs."""
    folder = tmp_path_factory.mktemp("trained")
    rows = [{**row, "score": 5 * row["score"], "id": 7} for row in scored(60)]
    rows[3]["score"] = "?"
    pairs, notices = write_rows(folder / "pairs.jsonl", rows), []
    report = train(pairs, folder / "mine", plain, epochs=4, notify=notices.append)
    return report, notices


def test_what_was_done_is_told_and_reported(trained):
    report, notices = trained
    assert notices == [
        "pairs.jsonl: scores run from 0 to 5; divided by 5",
        next(line for line in notices if "1 of 60 lines left out: line 4: score '?'" in line),
        "pairs.jsonl: columns not used: id",
    ]
    assert (report.train_pairs, report.dev_pairs, report.dev_sentences_in_train) == (47, 12, 0)
    assert (report.steps, report.planned_steps, report.stopped_early) == (24, 24, False)
    assert [step for step, _ in report.losses] == list(range(1, 25))
    assert [step for step, _ in report.evaluations] == [0, 6, 12, 18, 24]
    assert report.before == report.evaluations[0][1]
    assert (report.best_step, report.after) == max(report.evaluations[1:], key=lambda e: e[1])
    assert np.mean([loss for _, loss in report.losses[-6:]]) < report.losses[0][1]


def test_the_folder_holds_a_model_a_card_a_report_and_curves(trained):
    report, _ = trained
    folder = Path(report.output)
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "report.json", "curves.png", "model.safetensors", "1_Pooling"} < names
    assert [p.name for p in folder.rglob("*") if p.suffix in (".bin", ".pt", ".pth", ".pkl")] == []
    assert not (folder.parent / "mine.training").exists()
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((folder / "report.json").read_text())
    assert written["losses"] == [list(pair) for pair in report.losses]
    card = (folder / "README.md").read_text()
    assert f"Dev Spearman: {report.before:.4f} before, {report.after:.4f} after" in card
    assert "fine-tuned from start with" in card
    assert str(folder.parent) not in card


def test_ragkit_and_sentence_transformers_serve_it_alike(trained):
    assert_served_alike(trained[0].output)
    assert resolve_model.load(trained[0].output).dimension == trained[0].dimension == 32


def assert_served_alike(folder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    encoder = resolve_model.load(folder)
    assert cpu_engines.NumpyEngine.supports(encoder.model_folder)
    texts = ["the key", "every week the bank", "river " * 60]
    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    expected = model.encode(texts, normalize_embeddings=True)
    assert encoder.encode_passages(texts) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_the_pooling_asked_for_is_the_one_served(pairs, tmp_path, plain, pooling):
    report = train(pairs, tmp_path / "out", plain, pooling=pooling, evaluations=1)
    model_folder = resolve_model.load(report.output).model_folder
    assert (report.pooling, model_folder.pooling) == (pooling, pooling)
    assert_served_alike(report.output)
    again = train(pairs, tmp_path / "again", report.output, evaluations=1)
    assert again.pooling == pooling  # without a word of it, what the model has


def test_labels_train_the_papers_head(tmp_path, plain):
    pairs = write_rows(tmp_path / "pairs.jsonl", labelled(60))
    report = train(pairs, tmp_path / "out", plain, evaluations=2)
    assert (report.objective, report.metric, report.classes) == (
        "softmax", "accuracy", ("far", "near"),
    )  # fmt: skip
    assert 0 <= report.after <= 1
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert not [name for name in stored if "classifier" in name]


def test_pairs_alone_are_ranked_with_the_model_s_prompts(tmp_path, plain):
    """The family's prompts are kept: the trained folder's name no longer tells the family."""
    start = shutil.copytree(plain, tmp_path / "e5-small-v2")
    texts = sentences(80, seed=3)
    rows = [{"question": q, "passage": p} for q, p in zip(texts[::2], texts[1::2], strict=True)]
    report = train(write_rows(tmp_path / "p.jsonl", rows), tmp_path / "out", start)
    assert (report.objective, report.metric) == ("ranking", "MRR@10")
    model_folder = resolve_model.load(report.output).model_folder
    assert (model_folder.query_prompt, model_folder.passage_prompt) == ("query: ", "passage: ")


class Stop(KeyboardInterrupt):
    """Ctrl-C at a chosen moment."""


def stop_at(step):
    def on_progress(state):
        if state.step == step:
            raise Stop

    return on_progress


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("at", [4, 7, 10])
@pytest.mark.parametrize("objective", ["cosine", "softmax"])
def test_an_interrupted_training_ends_as_if_it_never_had_been(tmp_path, plain, objective, at):
    """Stopped in the first epoch, past the border of epochs (6), and in the second: the same
    weights to the bit, so dropout, order, moments, schedule and head all went on."""
    rows = labelled(60) if objective == "softmax" else scored(60)
    pairs = write_rows(tmp_path / "pairs.jsonl", rows)
    choices = {"epochs": 2, "dev_share": 0.2, "evaluations": 6, "objective": objective}
    whole = train(pairs, tmp_path / "whole", plain, **choices)
    with pytest.raises(Stop):
        train(pairs, tmp_path / "cut", plain, **choices, on_progress=stop_at(at))
    assert Workshop.of(tmp_path / "cut").step() == (at - 1) // 2 * 2
    notices = []
    cut = train(pairs, tmp_path / "cut", plain, **choices, resume=True, notify=notices.append)
    assert notices == [f"goes on from step {(at - 1) // 2 * 2}"]
    assert (cut.losses, cut.evaluations) == (whole.losses, whole.evaluations)
    for name, value in weights(tmp_path / "whole").items():
        assert np.array_equal(weights(tmp_path / "cut")[name], value), name


def test_stopped_before_the_first_checkpoint_it_begins_anew(pairs, tmp_path, plain):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", plain, on_progress=stop_at(1))
    report = train(pairs, tmp_path / "out", plain, resume=True)
    assert [step for step, _ in report.losses] == list(range(1, 7))


def test_no_checkpoint_is_a_pickle(pairs, tmp_path, plain):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", plain, on_progress=stop_at(5))
    left = [path for path in (tmp_path / "out.training").rglob("*") if path.is_file()]
    assert len(left) > 5
    allowed = {".json", ".safetensors", ".txt", ".md"}
    assert {path.suffix for path in left} <= allowed


def test_other_arguments_do_not_go_on_with_it(pairs, tmp_path, plain):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", plain, on_progress=stop_at(5))
    with pytest.raises(UsageError, match=r"learning_rate was 0\.002, now 0\.1\. Repeat the same"):
        train(pairs, tmp_path / "out", plain, learning_rate=0.1, resume=True)
    with pytest.raises(UsageError, match="at step 3: go on with --resume, or start anew"):
        train(pairs, tmp_path / "out", plain)
    assert train(pairs, tmp_path / "out", plain, force=True).steps == 6
    with pytest.raises(UsageError, match="nothing to go on with"):
        train(pairs, tmp_path / "out2", plain, resume=True)


def test_it_stops_when_dev_no_longer_rises_and_keeps_the_best(pairs, tmp_path, plain):
    """With a learning rate that wrecks the model, the first evaluations are the best."""
    choices = {"epochs": 4, "learning_rate": 0.5, "evaluations": 24, "patience": 2}
    report = train(pairs, tmp_path / "out", plain, **choices)
    assert report.stopped_early
    assert report.steps == report.best_step + 2 < report.planned_steps
    after = [value for step, value in report.evaluations if step]
    assert report.after == max(value for value in after if value is not None)


def test_without_a_dev_set_the_last_step_is_kept(pairs, tmp_path, plain):
    report = train(pairs, tmp_path / "out", plain, dev_share=0)
    assert (report.before, report.after, report.evaluations) == (None, None, ())
    assert report.best_step == report.steps == 8
    assert "not measured" in (tmp_path / "out" / "README.md").read_text()


def test_a_dev_file_is_read_by_the_training_file_s_scale(tmp_path, plain):
    pairs = write_rows(
        tmp_path / "pairs.jsonl", [{**row, "score": 5 * row["score"]} for row in scored(40)]
    )
    rows = [{**row, "score": min(1.0, 5 * row["score"])} for row in scored(20, seed=2)]
    dev, notices = write_rows(tmp_path / "dev.jsonl", rows), []
    report = train(pairs, tmp_path / "out", plain, dev=dev, notify=notices.append)
    assert (report.train_pairs, report.dev_pairs, report.top_score) == (40, 20, 5)
    assert set(report.files) == {"pairs.jsonl", "dev.jsonl (dev)"}
    assert any("dev sentences are also trained on" in line for line in notices)


def test_texts_beyond_the_window_are_counted_and_said(tmp_path, plain):
    """The tiny model reads 48 tokens, two of them special."""
    rows = scored(60)
    rows[0]["sentence1"] = "river " * 46
    rows[1]["sentence2"] = "river " * 47
    pairs, notices = write_rows(tmp_path / "pairs.jsonl", rows), []
    report = train(pairs, tmp_path / "out", plain, dev_share=0, notify=notices.append)
    assert report.cut_texts == 1
    assert notices == [
        "1 texts are longer than the model's window of 48 tokens; what is beyond it is not "
        "trained on"
    ]


def test_a_model_is_replaced_only_by_force_and_other_folders_never(pairs, tmp_path, plain):
    first = train(pairs, tmp_path / "out", plain, evaluations=1)
    with pytest.raises(UsageError, match="out is there: choose another --output, or replace"):
        train(pairs, tmp_path / "out", plain)
    second = train(pairs, tmp_path / "out", plain, evaluations=1, seed=1, force=True)
    assert first.losses != second.losses
    assert json.loads((tmp_path / "out/report.json").read_text())["settings"]["seed"] == 1
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="papers is there and is no model"):
        train(pairs, tmp_path / "papers", plain, force=True)
    assert (tmp_path / "papers" / "thesis.txt").exists()


def test_the_same_seed_gives_the_same_model_and_card(pairs, tmp_path, plain):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train(pairs, tmp_path / name / "out", plain)
    for name, value in weights(tmp_path / "a" / "out").items():
        assert np.array_equal(weights(tmp_path / "b" / "out")[name], value), name
    cards = [(tmp_path / name / "out" / "README.md").read_text() for name in ("a", "b")]
    assert cards[0] == cards[1]


def test_a_loss_that_is_no_number_is_an_error(pairs, tmp_path, plain):
    with pytest.raises(UsageError, match=r"the loss is (nan|inf) at step .* lower --learning-rate"):
        train(pairs, tmp_path / "out", broken(plain, tmp_path))


def broken(plain, tmp_path):
    from safetensors.numpy import save_file

    folder = shutil.copytree(plain, tmp_path / "broken")
    stored = load_file(folder / "model.safetensors")
    stored["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"dev_share": 0.9}, "dev_share is 0.9; expected 0 to 0.5"),
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"batch_size": 1}, "batch_size is 1; expected 2 or more"),
        ({"learning_rate": 0}, "learning_rate is 0; expected more than 0"),
        ({"warmup": 2}, "warmup is 2; expected 0 to 1"),
        ({"pooling": "sum"}, "pooling is 'sum'; expected one of cls, mean, max"),
        ({"dev_share": 0.05}, "3 pairs are left to measure by; expected 8 or more"),
    ],
)
def test_arguments_that_cannot_work(pairs, tmp_path, plain, choices, message):
    with pytest.raises(UsageError, match=message):
        train(pairs, tmp_path / "out", plain, **choices)
    assert not (tmp_path / "out.training").exists()


def test_too_many_lines_left_out_is_another_file_than_it_seems(tmp_path, plain):
    rows = scored(60)
    for row in rows[:4]:
        del row["score"]
    pairs = write_rows(tmp_path / "pairs.jsonl", rows)
    with pytest.raises(UsageError, match=r"4 of 60 lines left out: line 1: no score; .*More than"):
        train(pairs, tmp_path / "out", plain)


def test_without_the_extra_it_says_how_to_install_it(pairs, tmp_path, plain, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "datasets" else find(name)
    )
    with pytest.raises(ModelError, match=r'needs datasets, .*pip install "ragkit\[train\]"'):
        train(pairs, tmp_path / "out", plain)
