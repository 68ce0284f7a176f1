"""The training folder: settings, checkpoints, best weights, optimizer state."""

import json
from pathlib import Path

import pytest

from ragkit.errors import UsageError
from ragkit.learning.checkpoints import (
    TrainingFolder,
    TrainingHistory,
    read_history,
    restore_random_state,
    restore_state,
    save_state,
)

SETTINGS = {"seed": 0, "files": {"pairs.jsonl": "ab"}, "learning_rate": 2e-5}


@pytest.fixture
def folder(tmp_path):
    folder = TrainingFolder.for_output(tmp_path / "mine")
    folder.create(SETTINGS)
    return folder


def write_model(folder):
    (Path(folder) / "model.safetensors").write_bytes(b"weights")


def names(folder):
    return sorted(path.name for path in folder.path.iterdir())


def test_the_folder_is_beside_the_output(tmp_path, folder):
    assert folder.path == tmp_path / "mine.training"
    assert folder.has_training
    assert not TrainingFolder.for_output(tmp_path / "other").has_training
    assert json.loads((folder.path / "run.json").read_text()) == SETTINGS


def test_the_home_folder_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert TrainingFolder.for_output("~/mine").path == tmp_path / "mine.training"


def test_a_new_training_deletes_the_previous_one(folder):
    folder.save_checkpoint(3, write_model, TrainingHistory())
    folder.create({"seed": 1})
    assert names(folder) == ["run.json"]


def test_a_folder_with_other_files_is_not_touched(tmp_path):
    thesis = tmp_path / "mine.training" / "thesis.txt"
    thesis.parent.mkdir()
    thesis.write_text("years of work")
    with pytest.raises(UsageError, match=r"mine\.training exists and is not a training folder"):
        TrainingFolder.for_output(tmp_path / "mine").create(SETTINGS)
    assert thesis.exists()


def test_other_settings_are_an_error_that_names_each_change(folder):
    folder.check_settings(dict(SETTINGS))
    with pytest.raises(UsageError, match=r"learning_rate was 2e-05, now 0\.1; seed was 0, now 1\."):
        folder.check_settings({**SETTINGS, "seed": 1, "learning_rate": 0.1})


def test_the_latest_checkpoint_is_the_only_one_that_is_kept(folder):
    assert (folder.latest_checkpoint(), folder.latest_step()) == (None, 0)
    history = TrainingHistory(losses=[(9, 0.5)], evaluations=[(0, None), (9, 0.25)], seconds=1.5)
    folder.save_checkpoint(9, write_model, history)
    folder.save_checkpoint(10, write_model, history)
    assert folder.latest_step() == 10
    assert names(folder) == ["checkpoint-000000010", "run.json"]
    assert read_history(folder.latest_checkpoint()) == history


def test_the_best_weights_are_kept_until_there_are_better_ones(folder):
    folder.save_best_model(3, write_model)
    folder.save_checkpoint(3, write_model, TrainingHistory(best_step=3))
    folder.save_checkpoint(6, write_model, TrainingHistory(best_step=3))
    assert folder.best_model(3).is_dir()
    folder.save_best_model(9, write_model)
    assert folder.best_model(3).is_dir()  # a checkpoint still refers to it
    folder.save_checkpoint(9, write_model, TrainingHistory(best_step=9))
    assert names(folder) == ["best-000000009", "checkpoint-000000009", "run.json"]


def test_a_checkpoint_that_was_interrupted_is_not_found(folder):
    def interrupted(path):
        write_model(path)
        raise KeyboardInterrupt

    for save in (folder.save_best_model, lambda *step: folder.save_checkpoint(*step, None)):
        with pytest.raises(KeyboardInterrupt):
            save(3, interrupted)
    assert folder.latest_checkpoint() is None
    assert not folder.best_model(3).exists()
    folder.save_checkpoint(3, write_model, TrainingHistory())
    assert folder.latest_step() == 3


def test_the_history_is_stored_with_the_names_of_earlier_versions(folder):
    folder.save_checkpoint(1, write_model, TrainingHistory())
    stored = json.loads((folder.latest_checkpoint() / "journal.json").read_text())
    assert set(stored) == {
        "losses", "evaluations", "best_step", "best", "since_best", "seconds", "over",
    }  # fmt: skip


def test_delete_removes_everything(folder):
    folder.save_checkpoint(3, write_model, TrainingHistory())
    folder.delete()
    assert not folder.path.exists()


def make_parts():
    """A loss with one layer of the model and one of its own, AdamW and a linear schedule."""
    import torch

    torch.manual_seed(0)
    loss = torch.nn.ModuleDict(
        {"model": torch.nn.Linear(4, 4), "classifier": torch.nn.Linear(4, 2)}
    )
    optimizer = torch.optim.AdamW(loss.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 10)
    return loss, optimizer, scheduler


def take_steps(parts, count):
    import torch

    loss, optimizer, scheduler = parts
    for _ in range(count):
        optimizer.zero_grad()
        loss["classifier"](loss["model"](torch.randn(8, 4))).square().sum().backward()
        optimizer.step()
        scheduler.step()


def test_restored_state_continues_to_the_same_weights(tmp_path):
    import torch

    parts = make_parts()
    take_steps(parts, 3)
    save_state(tmp_path, *parts)
    at_checkpoint = {name: value.clone() for name, value in parts[0].state_dict().items()}
    take_steps(parts, 3)

    resumed = make_parts()
    assert not torch.equal(resumed[0]["classifier"].weight, at_checkpoint["classifier.weight"])
    resumed[0]["model"].load_state_dict(
        {name: at_checkpoint[f"model.{name}"] for name in ("weight", "bias")}
    )  # the model's weights are stored as a model
    restore_state(tmp_path, *resumed)
    restore_random_state(tmp_path)
    take_steps(resumed, 3)
    for name, value in parts[0].state_dict().items():
        assert torch.equal(resumed[0].state_dict()[name], value), name
    assert resumed[2].get_last_lr() == parts[2].get_last_lr() == [pytest.approx(0.04)]


def test_the_state_contains_no_weights_of_the_model(tmp_path):
    from safetensors.numpy import load_file

    parts = make_parts()
    take_steps(parts, 1)
    save_state(tmp_path, *parts)
    assert {path.name for path in tmp_path.iterdir()} == {"state.safetensors", "schedule.json"}
    heads = {name for name in load_file(tmp_path / "state.safetensors") if name[:5] == "head."}
    assert heads == {"head.classifier.weight", "head.classifier.bias"}
