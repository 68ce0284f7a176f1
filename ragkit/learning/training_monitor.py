"""What happens between a trainer's steps: figures kept, dev measured, checkpoints, the end.

Contract: `Watcher` is told of every step and its loss; it says when dev is due, when a checkpoint
is, and whether training is over, and writes all it learns into the journal. Knows neither trainer
nor model, only how to have them measured and saved.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ragkit.errors import UsageError
from ragkit.learning.checkpoints import Journal, Workshop

# Seconds between checkpoints where evaluations are further apart: what Ctrl-C may cost.
_CHECKPOINT_EVERY = 120


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    warmup: float
    """Share of the steps in which the learning rate rises from 0."""
    evaluations: int
    patience: int
    seed: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is."""

    step: int
    steps: int
    loss: float
    metric: str
    value: float | None
    """Of the last evaluation; None before the first, or without a dev set."""
    best: float | None


class Watcher:
    """What happens between the trainer's steps."""

    def __init__(
        self,
        workshop: Workshop,
        journal: Journal,
        measure: Callable[[], float | None] | None,
        plan: Plan,
        tell: Callable[[int, int], None],
    ) -> None:
        self.workshop = workshop
        self.journal = journal
        self.measure = measure
        self.plan = plan
        self.tell = tell
        self.total = 0
        self._since = time.monotonic()
        self._saved = time.monotonic()

    def start(self, total: int) -> None:
        """Before the first step: the figure training starts from."""
        self.total = total
        if self.measure is not None and not self.journal.evaluations:
            self.journal.evaluations.append((0, self.measure()))

    def is_due(self, step: int) -> bool:
        """Whether dev is to be measured after this step."""
        if self.measure is None:
            return False
        often = self.plan.evaluations
        return (step * often) // self.total > ((step - 1) * often) // self.total

    def saw_loss(self, step: int, loss: float) -> None:
        """After every step."""
        if not math.isfinite(loss):
            raise UsageError(
                f"the loss is {loss} at step {step}: training has come apart. Start anew with a "
                f"lower --learning-rate ({self.plan.learning_rate:g}) and --force"
            )
        self.journal.losses.append((step, loss))
        self.tell(step, self.total)

    def saw_dev(self, step: int) -> None:
        """Measure, and count the evaluations since the best one."""
        assert self.measure is not None  # noqa: S101 - is_due said so
        value = self.measure()
        journal = self.journal
        journal.evaluations.append((step, value))
        if value is not None and (journal.best is None or value > journal.best):
            journal.best, journal.best_step, journal.since_best = value, step, 0
        else:
            journal.since_best += 1
            journal.over = journal.since_best >= self.plan.patience
        self.tell(step, self.total)

    def wants_checkpoint(self, step: int) -> bool:
        """Whether it is time for one, evaluations aside."""
        late = time.monotonic() - self._saved > _CHECKPOINT_EVERY
        return late or step == self.total

    def checkpoint(
        self, step: int, save_model: Callable[[str], None], save_rest: Callable[[Path], None]
    ) -> None:
        """The best weights first, then the checkpoint that names them."""
        journal = self.journal
        journal.over = journal.over or step == self.total
        if journal.over and journal.best_step is None:  # nothing was measured: the last it is
            journal.best_step = step
        if journal.best_step == step:
            self.workshop.keep(step, save_model)

        def write(folder: Path) -> None:
            save_model(str(folder))
            save_rest(folder)

        now = time.monotonic()
        journal.seconds += now - self._since
        self._since = self._saved = now
        self.workshop.add(step, write, journal)
