"""The trainer of sentence-transformers, set up by ragkit, on a model of 32 dimensions."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from ragkit.learning import trainer
from ragkit.learning.base_model import load_base_model, read_base_model
from ragkit.learning.checkpoints import TrainingFolder
from ragkit.learning.dataset import load_dataset
from ragkit.learning.training_monitor import TrainingPlan
from tests.learning.conftest import scored_rows, write_rows

PLAN = TrainingPlan(
    epochs=2, batch_size=8, learning_rate=2e-3, warmup=0.25, evaluations=2, patience=9, seed=0
)


@pytest.fixture
def dataset(tmp_path):
    pairs = write_rows(tmp_path / "pairs.jsonl", scored_rows(24))
    return load_dataset(pairs, None, 1 / 3, 0, None, lambda _: None)


@pytest.fixture
def folder(tmp_path):
    folder = TrainingFolder.for_output(tmp_path / "mine")
    folder.create({})
    return folder


@pytest.fixture
def model(base_folder):
    return load_base_model(read_base_model(str(base_folder)), None)


def fit(model, dataset, folder, on_progress=lambda _: None):
    return trainer.fit(model, dataset, ("", ""), PLAN, folder, on_progress)


def test_the_best_weights_and_the_history_are_in_the_folder(model, dataset, folder):
    """16 pairs in batches of 8, two epochs: four steps, evaluated at 0, 2 and 4."""
    progress = []
    history = fit(model, dataset, folder, progress.append)
    assert [step for step, _ in history.losses] == [1, 2, 3, 4]
    assert [step for step, _ in history.evaluations] == [0, 2, 4]
    assert [state.step for state in progress] == [1, 2, 2, 3, 4, 4]
    assert {(state.steps, state.metric) for state in progress} == {(4, "Spearman")}
    assert history.over
    assert history.best == max(value for step, value in history.evaluations if step)
    assert (folder.best_model(history.best_step) / "model.safetensors").is_file()


def test_without_a_dev_set_the_stored_weights_are_those_of_the_trained_model(
    model, dataset, folder
):
    import torch

    start = model[0].auto_model.embeddings.word_embeddings.weight.detach().clone()
    history = fit(model, replace(dataset, dev=[]), folder)
    assert (history.evaluations, history.best_step) == ([], 4)
    stored = load_file(folder.best_model(4) / "model.safetensors")
    trained = model[0].auto_model.embeddings.word_embeddings.weight.detach().cpu()
    assert np.array_equal(stored["embeddings.word_embeddings.weight"], trained.numpy())
    assert not torch.equal(trained, start.cpu())


def test_the_learning_rate_rises_during_the_warmup_and_then_falls_to_zero(model, dataset, folder):
    """Four steps, one of them warm-up: the last step ends at a rate of 0."""
    fit(model, dataset, folder)
    schedule = json.loads((folder.latest_checkpoint() / "schedule.json").read_text())
    assert set(schedule["rates"]) == {0.0}
    assert schedule["schedule"]["last_epoch"] == 4


def test_a_finished_training_is_not_continued(model, dataset, folder, base_folder):
    history = fit(model, dataset, folder)
    steps = []
    again = fit(
        load_base_model(read_base_model(str(base_folder)), None), dataset, folder, steps.append
    )
    assert steps == []
    assert again == history


def test_threads_and_progress_bars_are_restored(model, dataset, folder):
    import torch
    from transformers.utils import logging

    logging.enable_progress_bar()
    threads = torch.get_num_threads()
    seen = []

    def interrupt(progress):
        seen.append(logging.is_progress_bar_enabled())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, dataset, folder, interrupt)
    assert seen == [False]
    assert logging.is_progress_bar_enabled()
    assert torch.get_num_threads() == threads


def test_nothing_is_printed(model, dataset, folder, capsys):
    fit(model, dataset, folder)
    assert capsys.readouterr() == ("", "")
