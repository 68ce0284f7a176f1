"""Complete trainings of a model with random weights and 32 dimensions."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from ragkit import learning
from ragkit.encoders import resolve as resolve_model
from ragkit.encoders.engines import cpu_engines
from ragkit.encoders.spec import ModelSpec
from ragkit.errors import ModelError, UsageError
from ragkit.learning.checkpoints import TrainingFolder
from tests.learning.conftest import labelled_rows, make_sentences, scored_rows, write_rows

FAST = {"batch_size": 8, "learning_rate": 2e-3, "evaluations": 4, "dev_share": 0.2, "patience": 99}


def train(pairs, output, base_folder, **options):
    return learning.train(pairs, output, model=str(base_folder), **{**FAST, **options})


@pytest.fixture(scope="module")
def trained(tmp_path_factory, base_folder):
    """(report, messages) of one training on a file with an unusable line and an unused column."""
    folder = tmp_path_factory.mktemp("trained")
    rows = [{**row, "score": 5 * row["score"], "id": 7} for row in scored_rows(60)]
    rows[3]["score"] = "?"
    pairs, messages = write_rows(folder / "pairs.jsonl", rows), []
    report = train(pairs, folder / "mine", base_folder, epochs=4, notify=messages.append)
    return report, messages


def test_decisions_and_results_are_reported(trained):
    report, messages = trained
    assert messages == [
        "pairs.jsonl: scores range from 0 to 5; divided by 5",
        f"{Path(report.output).parent / 'pairs.jsonl'}: 1 of 60 lines skipped: line 4: score "
        "'?' is not a number",
        "pairs.jsonl: columns not used: id",
    ]
    assert (report.train_pairs, report.dev_pairs, report.dev_sentences_in_train) == (47, 12, 0)
    assert (report.steps, report.planned_steps, report.stopped_early) == (24, 24, False)
    assert [step for step, _ in report.losses] == list(range(1, 25))
    assert [step for step, _ in report.evaluations] == [0, 6, 12, 18, 24]
    assert report.before == report.evaluations[0][1]
    assert (report.best_step, report.after) == max(
        report.evaluations[1:], key=lambda evaluation: evaluation[1]
    )
    assert np.mean([loss for _, loss in report.losses[-6:]]) < report.losses[0][1]


def test_the_output_contains_model_card_report_and_curves(trained):
    report, _ = trained
    folder = Path(report.output)
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "report.json", "curves.png", "model.safetensors", "1_Pooling"} < names
    assert [
        path.name for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")
    ] == []
    assert not (folder.parent / "mine.training").exists()
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    written = json.loads((folder / "report.json").read_text())
    assert written["losses"] == [list(pair) for pair in report.losses]
    card = (folder / "README.md").read_text()
    assert f"Dev Spearman: {report.before:.4f} before, {report.after:.4f} after" in card
    assert "fine-tuned from start with" in card
    assert str(folder.parent) not in card


def test_ragkit_and_sentence_transformers_encode_alike_with_the_output(trained):
    assert_encoded_alike(trained[0].output)
    assert resolve_model.load(trained[0].output).dimension == trained[0].dimension == 32


def assert_encoded_alike(folder):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    encoder = resolve_model.load(folder)
    assert cpu_engines.NumpyEngine.supports(encoder.model_folder)
    texts = ["the key", "every week the bank", "river " * 60]
    model = sentence_transformers.SentenceTransformer(folder, device="cpu")
    expected = model.encode(texts, normalize_embeddings=True)
    assert encoder.encode_passages(texts) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("pooling", ["cls", "mean", "max"])
def test_the_output_has_the_requested_pooling(pairs, tmp_path, base_folder, pooling):
    report = train(pairs, tmp_path / "out", base_folder, pooling=pooling, evaluations=1)
    model_folder = resolve_model.load(report.output).model_folder
    assert (report.pooling, model_folder.pooling) == (pooling, pooling)
    assert_encoded_alike(report.output)
    again = train(pairs, tmp_path / "again", report.output, evaluations=1)
    assert again.pooling == pooling  # by default the model keeps its pooling


def test_labels_train_a_softmax_head_that_is_not_stored(tmp_path, base_folder):
    pairs = write_rows(tmp_path / "pairs.jsonl", labelled_rows(60))
    report = train(pairs, tmp_path / "out", base_folder, evaluations=2)
    assert (report.objective, report.metric, report.classes) == (
        "softmax", "accuracy", ("far", "near"),
    )  # fmt: skip
    assert 0 <= report.after <= 1
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert not [name for name in stored if "classifier" in name]


def test_pairs_without_scores_are_trained_by_ranking_with_the_models_prompts(tmp_path, base_folder):
    """The output stores the prompts of the E5 family, which its own name does not reveal."""
    start = shutil.copytree(base_folder, tmp_path / "e5-small-v2")
    texts = make_sentences(80, seed=3)
    rows = [{"question": q, "passage": p} for q, p in zip(texts[::2], texts[1::2], strict=True)]
    report = train(write_rows(tmp_path / "p.jsonl", rows), tmp_path / "out", start)
    assert (report.objective, report.metric) == ("ranking", "MRR@10")
    model_folder = resolve_model.load(report.output).model_folder
    assert (model_folder.query_prompt, model_folder.passage_prompt) == ("query: ", "passage: ")


def test_triplets_are_trained_with_their_negatives(tmp_path, base_folder):
    texts = make_sentences(90, seed=3)
    columns = zip(texts[::3], texts[1::3], texts[2::3], strict=True)
    rows = [{"anchor": a, "positive": p, "negative": n} for a, p, n in columns]
    options = {"dev_share": 0}
    report = train(write_rows(tmp_path / "p.jsonl", rows), tmp_path / "out", base_folder, **options)
    without = [{key: row[key] for key in ("anchor", "positive")} for row in rows]
    file = write_rows(tmp_path / "q.jsonl", without)
    other = train(file, tmp_path / "other", base_folder, **options)
    assert report.objective == other.objective == "ranking"
    assert report.losses[0][1] > other.losses[0][1]  # more texts to tell apart


def test_a_training_of_shorter_vectors_is_reported(pairs, tmp_path, base_folder):
    options = {"evaluations": 4, "dimensions": [8, 8]}
    full = train(pairs, tmp_path / "full", base_folder, **options)
    assert full.shorter_dimensions == (8,)
    assert "the first 8 numbers" in (tmp_path / "full" / "README.md").read_text()
    assert resolve_model.load(ModelSpec(full.output, dimensions=8)).dimension == 8
    with pytest.raises(Stop):
        train(pairs, tmp_path / "cut", base_folder, **options, on_progress=stop_at(2))
    with pytest.raises(UsageError, match=r"dimensions was \[8\], now \[4\]"):
        train(pairs, tmp_path / "cut", base_folder, dimensions=[4], resume=True)


def test_shorter_vectors_need_fewer_numbers_and_an_objective_of_cosines(tmp_path, base_folder):
    scored = write_rows(tmp_path / "scored.jsonl", scored_rows(60))
    for number in (0, 32):
        with pytest.raises(UsageError, match=f"dimensions has {number}; expected 1 to 31"):
            train(scored, tmp_path / "out", base_folder, dimensions=[number])
    labelled = write_rows(tmp_path / "labelled.jsonl", labelled_rows(60))
    with pytest.raises(UsageError, match="do not go with the objective softmax"):
        train(labelled, tmp_path / "out", base_folder, dimensions=[8])


class Stop(KeyboardInterrupt):
    """Ctrl-C at a chosen step."""


def stop_at(step):
    def on_progress(progress):
        if progress.step == step:
            raise Stop

    return on_progress


def read_weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.fixture(scope="module", params=["cosine", "softmax"])
def uninterrupted(request, tmp_path_factory, base_folder):
    """(pairs, options, output, report) of one training per objective."""
    objective, folder = request.param, tmp_path_factory.mktemp("full")
    rows = labelled_rows(60) if objective == "softmax" else scored_rows(60)
    pairs = write_rows(folder / "pairs.jsonl", rows)
    options = {"epochs": 2, "dev_share": 0.2, "evaluations": 6, "objective": objective}
    return pairs, options, folder / "full", train(pairs, folder / "full", base_folder, **options)


@pytest.mark.parametrize("at", [4, 7, 10])
def test_a_resumed_training_gives_the_weights_of_an_uninterrupted_one(
    tmp_path, base_folder, uninterrupted, at
):
    """Interrupted in the first epoch, at its end (step 6) and in the second: bit-equal weights, so
    dropout, order, moments, learning rate and softmax head are all restored."""
    pairs, options, output, full = uninterrupted
    with pytest.raises(Stop):
        train(pairs, tmp_path / "cut", base_folder, **options, on_progress=stop_at(at))
    assert TrainingFolder.for_output(tmp_path / "cut").latest_step() == (at - 1) // 2 * 2
    messages = []
    cut = train(
        pairs, tmp_path / "cut", base_folder, **options, resume=True, notify=messages.append
    )
    assert messages == [f"resuming from step {(at - 1) // 2 * 2}"]
    assert (cut.losses, cut.evaluations) == (full.losses, full.evaluations)
    for name, value in read_weights(output).items():
        assert np.array_equal(read_weights(tmp_path / "cut")[name], value), name


def test_resuming_before_the_first_checkpoint_starts_at_step_one(pairs, tmp_path, base_folder):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", base_folder, on_progress=stop_at(1))
    report = train(pairs, tmp_path / "out", base_folder, resume=True)
    assert [step for step, _ in report.losses] == list(range(1, 7))


def test_checkpoints_contain_no_pickles(pairs, tmp_path, base_folder):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", base_folder, on_progress=stop_at(5))
    files = [path for path in (tmp_path / "out.training").rglob("*") if path.is_file()]
    assert len(files) > 5
    allowed = {".json", ".safetensors", ".txt", ".md"}
    assert {path.suffix for path in files} <= allowed


def test_resuming_needs_the_same_arguments(pairs, tmp_path, base_folder):
    with pytest.raises(Stop):
        train(pairs, tmp_path / "out", base_folder, on_progress=stop_at(5))
    with pytest.raises(UsageError, match=r"learning_rate was 0\.002, now 0\.1\. Repeat the same"):
        train(pairs, tmp_path / "out", base_folder, learning_rate=0.1, resume=True)
    with pytest.raises(UsageError, match="at step 3: continue it with --resume, or start over"):
        train(pairs, tmp_path / "out", base_folder)
    assert train(pairs, tmp_path / "out", base_folder, force=True).steps == 6
    with pytest.raises(
        UsageError, match=r"cannot resume: .*out2\.training contains no interrupted"
    ):
        train(pairs, tmp_path / "out2", base_folder, resume=True)


def test_training_stops_early_and_keeps_the_best_weights(pairs, tmp_path, base_folder):
    """With a learning rate that is much too high, the first evaluations are the best."""
    options = {"epochs": 4, "learning_rate": 0.5, "evaluations": 24, "patience": 2}
    report = train(pairs, tmp_path / "out", base_folder, **options)
    assert report.stopped_early
    assert report.steps == report.best_step + 2 < report.planned_steps
    values = [value for step, value in report.evaluations if step]
    assert report.after == max(value for value in values if value is not None)


def test_without_a_dev_set_the_last_weights_are_kept(pairs, tmp_path, base_folder):
    report = train(pairs, tmp_path / "out", base_folder, dev_share=0)
    assert (report.before, report.after, report.evaluations) == (None, None, ())
    assert report.best_step == report.steps == 8
    assert "not measured" in (tmp_path / "out" / "README.md").read_text()


def test_a_dev_file_is_read_with_the_scale_of_the_training_file(tmp_path, base_folder):
    pairs = write_rows(
        tmp_path / "pairs.jsonl", [{**row, "score": 5 * row["score"]} for row in scored_rows(40)]
    )
    rows = [{**row, "score": min(1.0, 5 * row["score"])} for row in scored_rows(20, seed=2)]
    dev, messages = write_rows(tmp_path / "dev.jsonl", rows), []
    report = train(pairs, tmp_path / "out", base_folder, dev=dev, notify=messages.append)
    assert (report.train_pairs, report.dev_pairs, report.top_score) == (40, 20, 5)
    assert set(report.files) == {"pairs.jsonl", "dev.jsonl (dev)"}
    assert any("dev sentences also occur in the training pairs" in line for line in messages)


def test_texts_longer_than_the_models_maximum_are_counted_and_reported(tmp_path, base_folder):
    """The tiny model reads 48 tokens, two of them special."""
    rows = scored_rows(60)
    rows[0]["sentence1"] = "river " * 46
    rows[1]["sentence2"] = "river " * 47
    pairs, messages = write_rows(tmp_path / "pairs.jsonl", rows), []
    report = train(pairs, tmp_path / "out", base_folder, dev_share=0, notify=messages.append)
    assert report.cut_texts == 1
    assert messages == [
        "1 texts are longer than the model's maximum of 48 tokens; the rest of each is ignored"
    ]


def test_force_replaces_a_model_but_no_other_folder(pairs, tmp_path, base_folder):
    first = train(pairs, tmp_path / "out", base_folder, evaluations=1)
    with pytest.raises(UsageError, match="out already exists: choose another --output, or replace"):
        train(pairs, tmp_path / "out", base_folder)
    second = train(pairs, tmp_path / "out", base_folder, evaluations=1, seed=1, force=True)
    assert first.losses != second.losses
    assert json.loads((tmp_path / "out/report.json").read_text())["settings"]["seed"] == 1
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="papers exists and is not a model"):
        train(pairs, tmp_path / "papers", base_folder, force=True)
    assert (tmp_path / "papers" / "thesis.txt").exists()


def test_the_same_seed_gives_the_same_model_and_card(pairs, tmp_path, base_folder):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        train(pairs, tmp_path / name / "out", base_folder)
    for name, value in read_weights(tmp_path / "a" / "out").items():
        assert np.array_equal(read_weights(tmp_path / "b" / "out")[name], value), name
    cards = [(tmp_path / name / "out" / "README.md").read_text() for name in ("a", "b")]
    assert cards[0] == cards[1]


def test_a_loss_that_is_not_finite_is_an_error(pairs, tmp_path, base_folder):
    with pytest.raises(UsageError, match=r"the loss is (nan|inf) at step .* lower --learning-rate"):
        train(pairs, tmp_path / "out", copy_with_nan_weights(base_folder, tmp_path))


def copy_with_nan_weights(base_folder, tmp_path):
    from safetensors.numpy import save_file

    folder = shutil.copytree(base_folder, tmp_path / "broken")
    stored = load_file(folder / "model.safetensors")
    stored["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(stored, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dev_share": 0.9}, "dev_share is 0.9; expected 0 to 0.5"),
        ({"epochs": 0}, "epochs is 0; expected 1 or more"),
        ({"batch_size": 1}, "batch_size is 1; expected 2 or more"),
        ({"learning_rate": 0}, "learning_rate is 0; expected more than 0"),
        ({"warmup": 2}, "warmup is 2; expected 0 to 1"),
        ({"pooling": "sum"}, "pooling is 'sum'; expected one of cls, mean, max"),
        ({"dev_share": 0.05}, "3 pairs remain for evaluation; expected 8 or more"),
    ],
)
def test_arguments_out_of_range_are_an_error(pairs, tmp_path, base_folder, options, message):
    with pytest.raises(UsageError, match=message):
        train(pairs, tmp_path / "out", base_folder, **options)
    assert not (tmp_path / "out.training").exists()


def test_without_the_extra_the_error_shows_how_to_install_it(
    pairs, tmp_path, base_folder, monkeypatch
):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "datasets" else find(name)
    )
    with pytest.raises(ModelError, match=r'needs datasets, .*pip install "ragkit-search\[train\]"'):
        train(pairs, tmp_path / "out", base_folder)
