"""When the monitor evaluates, saves and stops."""

import math

import pytest

from ragkit.errors import UsageError
from ragkit.learning import training_monitor
from ragkit.learning.checkpoints import TrainingFolder, TrainingHistory, read_history
from ragkit.learning.training_monitor import TrainingMonitor, TrainingPlan, TrainingProgress

STEPS = 24


class Training:
    """A monitor whose dev figures are given, and what it reported."""

    def __init__(self, tmp_path, figures, *, evaluations=4, patience=3):
        self.folder = TrainingFolder.for_output(tmp_path / "mine")
        self.folder.create({})
        self.progress = []
        remaining = iter(figures or ())
        self.monitor = TrainingMonitor(
            self.folder,
            TrainingHistory(),
            TrainingPlan(2, 8, 0.002, 0.1, evaluations, patience, 0),
            None if figures is None else lambda: next(remaining),
            "Spearman",
            self.progress.append,
        )

    def run(self, steps=STEPS):
        """Take steps until the monitor ends the training; returns the number taken."""
        self.monitor.start(STEPS)
        for step in range(1, steps + 1):
            self.monitor.record_loss(step, 1 / step)
            if self.monitor.is_evaluation_due(step):
                self.monitor.evaluate(step)
            elif not self.monitor.is_checkpoint_due(step):
                continue
            self.monitor.save_checkpoint(step, lambda _: None, lambda _: None)
            if self.monitor.history.over:
                return step
        return steps


@pytest.mark.parametrize(("pairs", "steps"), [(48, 12), (49, 14), (1, 2)])
def test_the_last_batch_of_an_epoch_may_be_smaller(pairs, steps):
    assert TrainingPlan(2, 8, 2e-5, 0.1, 10, 3, 0).count_steps(pairs) == steps


def test_evaluations_are_spread_evenly_over_the_steps(tmp_path):
    training = Training(tmp_path, [0.1, 0.2, 0.3, 0.4, 0.5])
    assert training.run() == STEPS
    history = training.monitor.history
    assert history.evaluations == [(0, 0.1), (6, 0.2), (12, 0.3), (18, 0.4), (24, 0.5)]
    assert (history.best, history.best_step) == (0.5, 24)
    assert history.losses == [(step, 1 / step) for step in range(1, 25)]
    assert read_history(training.folder.latest_checkpoint()) == history


def test_more_evaluations_than_steps_are_one_per_step(tmp_path):
    monitor = Training(tmp_path, [0.5], evaluations=1000).monitor
    monitor.start(STEPS)
    assert all(monitor.is_evaluation_due(step) for step in range(1, STEPS + 1))


def test_training_ends_after_patience_evaluations_without_improvement(tmp_path):
    """An equal figure and an undefined one are no improvements; the base model does not count."""
    training = Training(tmp_path, [0.9, 0.5, 0.5, None, 0.6, 0.1], evaluations=24, patience=2)
    assert training.run() == 3
    history = training.monitor.history
    assert (history.best, history.best_step, history.over) == (0.5, 1, True)
    assert training.folder.best_model(1).is_dir()


def test_an_improvement_restarts_the_count(tmp_path):
    training = Training(tmp_path, [0, 0.5, 0.4, 0.6, 0.5, 0.5, 0.9], evaluations=24, patience=2)
    assert training.run() == 5
    assert training.monitor.history.best_step == 3


def test_without_a_dev_set_the_last_weights_are_the_best(tmp_path):
    training = Training(tmp_path, None)
    assert training.run() == STEPS
    assert training.monitor.history.best_step == STEPS
    assert training.folder.best_model(STEPS).is_dir()


def test_a_resumed_training_does_not_evaluate_the_base_model_again(tmp_path):
    monitor = Training(tmp_path, []).monitor
    monitor.history.evaluations.append((0, 0.3))
    monitor.start(STEPS)
    assert monitor.history.evaluations == [(0, 0.3)]


def test_a_checkpoint_is_due_two_minutes_after_the_last_one(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(training_monitor.time, "monotonic", lambda: now[0])
    monitor = Training(tmp_path, None).monitor
    monitor.start(STEPS)
    monitor.record_loss(1, 0.5)
    now[0] = 119.0
    assert not monitor.is_checkpoint_due(1)
    now[0] = 121.0
    assert monitor.is_checkpoint_due(1)
    monitor.save_checkpoint(1, lambda _: None, lambda _: None)
    assert not monitor.is_checkpoint_due(2)
    assert monitor.history.seconds == 121
    now[0] = 125.0
    monitor.save_checkpoint(2, lambda _: None, lambda _: None)
    assert monitor.history.seconds == 125


def test_progress_is_reported_after_every_step_and_evaluation(tmp_path):
    training = Training(tmp_path, [0.1, 0.2], evaluations=24)
    training.run(steps=1)
    assert training.progress == [
        TrainingProgress(1, STEPS, 1.0, "Spearman", 0.1, None),
        TrainingProgress(1, STEPS, 1.0, "Spearman", 0.2, 0.2),
    ]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_ends_the_training(tmp_path, loss):
    monitor = Training(tmp_path, None).monitor
    monitor.start(STEPS)
    with pytest.raises(UsageError, match=r"at step 7: .*lower --learning-rate \(0\.002\)"):
        monitor.record_loss(7, loss)
    assert monitor.history.losses == []
