"""What happens between two training steps: losses, evaluations, checkpoints, early stopping.

Contract: the trainer reports every step and its loss to `TrainingMonitor`, which decides when to
evaluate, when to write a checkpoint and when to stop, and records everything in the training
history. Knows neither the trainer nor the model, only callables that evaluate and save it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.learning.checkpoints import TrainingFolder, TrainingHistory

# Seconds between checkpoints if evaluations are further apart: an interruption loses no more.
_CHECKPOINT_INTERVAL = 120


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """The hyperparameters of a training. The field names are stored in run.json and report.json."""

    epochs: int
    batch_size: int  # pairs
    learning_rate: float  # the highest, reached after the warm-up
    warmup: float  # share of the steps during which the learning rate rises from 0
    evaluations: int  # number of evaluations during training
    patience: int  # evaluations without improvement before training stops
    seed: int

    def count_steps(self, pairs: int) -> int:
        """Return the number of optimizer steps for this number of training pairs."""
        return math.ceil(pairs / self.batch_size) * self.epochs


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a training after a step or an evaluation."""

    step: int
    steps: int  # planned
    loss: float  # of the last step
    metric: str  # Spearman, accuracy or MRR@10
    value: float | None  # of the last evaluation; None before the first and without a dev set
    best: float | None  # the highest value after step 0


class TrainingMonitor:
    """Records a training and decides about evaluations, checkpoints and the end.

    evaluate: computes the dev figure (None if undefined). Pass None if there is no dev set.
    metric: the name of the dev figure. on_progress: called after every step and evaluation.
    """

    def __init__(
        self,
        folder: TrainingFolder,
        history: TrainingHistory,
        plan: TrainingPlan,
        evaluate: Callable[[], float | None] | None,
        metric: str,
        on_progress: Callable[[TrainingProgress], None],
    ) -> None:
        self.folder = folder
        self.history = history
        self.plan = plan
        self.metric = metric
        self.steps = 0
        self._evaluate = evaluate
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._saved = time.monotonic()

    def start(self, steps: int) -> None:
        """Set the number of planned steps, and evaluate the base model unless resuming."""
        self.steps = steps
        if self._evaluate is not None and not self.history.evaluations:
            self.history.evaluations.append((0, self._evaluate()))

    def record_loss(self, step: int, loss: float) -> None:
        """Record the loss of a step. Raises UsageError if it is not finite."""
        if not math.isfinite(loss):
            raise UsageError(
                f"the loss is {loss} at step {step}: training diverged. Start over with a lower "
                f"--learning-rate ({self.plan.learning_rate:g}) and --force"
            )
        self.history.losses.append((step, loss))
        self._report_progress(step)

    def is_evaluation_due(self, step: int) -> bool:
        """Whether to evaluate after this step. Evaluations are spread evenly over all steps."""
        if self._evaluate is None:
            return False
        count = self.plan.evaluations
        return (step * count) // self.steps > ((step - 1) * count) // self.steps

    def evaluate(self, step: int) -> None:
        """Evaluate the model, and end the training if `patience` evaluations were not better."""
        assert self._evaluate is not None  # noqa: S101 - see is_evaluation_due
        value = self._evaluate()
        history = self.history
        history.evaluations.append((step, value))
        if value is not None and (history.best is None or value > history.best):
            history.best, history.best_step, history.since_best = value, step, 0
        else:
            history.since_best += 1
            history.over = history.since_best >= self.plan.patience
        self._report_progress(step)

    def is_checkpoint_due(self, step: int) -> bool:
        """Whether to write a checkpoint after a step without an evaluation."""
        return time.monotonic() - self._saved > _CHECKPOINT_INTERVAL or step == self.steps

    def save_checkpoint(
        self, step: int, save_model: Callable[[str], None], save_state: Callable[[Path], None]
    ) -> None:
        """Write the best weights first, if this step has them, then the checkpoint that refers to
        them. `save_model` and `save_state` write the weights and everything else to a folder."""
        history = self.history
        history.over = history.over or step == self.steps
        if history.over and history.best_step is None:  # never evaluated: keep the last weights
            history.best_step = step
        if history.best_step == step:
            self.folder.save_best_model(step, save_model)

        def write_state(folder: Path) -> None:
            save_model(str(folder))
            save_state(folder)

        now = time.monotonic()
        history.seconds += now - self._started
        self._started = self._saved = now
        self.folder.save_checkpoint(step, write_state, history)

    def _report_progress(self, step: int) -> None:
        history = self.history
        loss = history.losses[-1][1]
        value = history.evaluations[-1][1] if history.evaluations else None
        self._on_progress(
            TrainingProgress(step, self.steps, loss, self.metric, value, history.best)
        )
