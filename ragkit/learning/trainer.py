"""sentence-transformers' trainer, set up for pairs and watched.

Contract: `run` trains a model until its steps are taken or the dev figure has stopped rising; the
best weights are in the workshop afterwards, and a run that was cut off goes on from there. Knows
no files of the user.

The trainer is asked for nothing that touches the network or standard output: no reporting, no
model card of its own (which would look its base model up on the hub), no checkpoints of its own
(pickles).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ragkit.encoders.engines import cpu_threads
from ragkit.learning import checkpoints
from ragkit.learning.checkpoints import Journal, Workshop
from ragkit.learning.labels import Example
from ragkit.learning.objectives import Loss, Objective, Prompts
from ragkit.learning.training_monitor import Plan, Progress, Watcher

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
    from transformers import TrainerCallback

Given: TypeAlias = Any
"""What the trainer hands over."""


def run(
    model: SentenceTransformer,
    objective: Objective,
    classes: int,
    data: tuple[Sequence[Example], Sequence[Example]],
    prompts: Prompts,
    plan: Plan,
    workshop: Workshop,
    on_progress: Callable[[Progress], None],
) -> tuple[Journal, int]:
    """Train; returns what happened, and how many steps were planned."""
    from transformers import set_seed

    train, dev = data
    set_seed(plan.seed)  # the classification head is drawn before the trainer seeds
    loss = objective.loss(model, classes)
    latest = workshop.latest()
    journal = checkpoints.journal(latest) if latest else Journal()

    def measure() -> float | None:
        return objective.measure(model, loss, dev, prompts)

    def tell(step: int, total: int) -> None:
        last = journal.evaluations[-1][1] if journal.evaluations else None
        lost = journal.losses[-1][1]
        on_progress(Progress(step, total, lost, objective.metric, last, journal.best))

    watcher = Watcher(workshop, journal, measure if dev else None, plan, tell)
    steps = math.ceil(len(train) / plan.batch_size) * plan.epochs
    if not journal.over:
        with _quiet_on_all_cores():
            callback = _callback(watcher, loss, latest)
            trainer = _trainer(model, loss, train, prompts, plan, steps, workshop.folder, callback)
            trainer.train(resume_from_checkpoint=str(latest) if latest else None)
    return journal, steps


@contextmanager
def _quiet_on_all_cores() -> Iterator[None]:
    """As many threads as this process has cores, fewer where the user has said so by
    OMP_NUM_THREADS; no bars of transformers' own, since standard error is the user's."""
    import torch
    from transformers.utils import logging

    bars: Any = logging  # without types
    threads, shows_bars = torch.get_num_threads(), bars.is_progress_bar_enabled()
    torch.set_num_threads(min(threads, cpu_threads.available_cores()))
    bars.disable_progress_bar()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        if shows_bars:
            bars.enable_progress_bar()


def _trainer(
    model: SentenceTransformer,
    loss: Loss,
    train: Sequence[Example],
    prompts: Prompts,
    plan: Plan,
    steps: int,
    folder: Path,
    callback: TrainerCallback,
) -> SentenceTransformerTrainer:
    import torch
    from datasets import Dataset  # type: ignore[import-untyped]
    from sentence_transformers import (
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from transformers import PrinterCallback

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]  # imported without types
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: it asks the hub about the base model."""

    columns: dict[str, list[Any]] = {
        "first": [example.first for example in train],
        "second": [example.second for example in train],
    }
    is_ranking = train[0].target is None
    if not is_ranking:
        columns["label"] = [example.target for example in train]
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        warmup_steps=round(plan.warmup * steps),
        seed=plan.seed,
        # A passage of another question in the batch must not be this question's passage too.
        batch_sampler="no_duplicates" if is_ranking else "batch_sampler",
        prompts=dict(zip(("first", "second"), prompts, strict=True)) if any(prompts) else None,
        logging_steps=1,
        logging_nan_inf_filter=False,  # a loss that is no number is to be seen
        eval_strategy="no",  # the watcher measures
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=loss,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)  # standard output is for results
    return trainer


def _callback(watcher: Watcher, loss: Loss, resumed_from: Path | None) -> TrainerCallback:
    """The watcher in the trainer's shape."""
    from transformers import TrainerCallback

    class Callback(TrainerCallback):
        pending = resumed_from

        def on_train_begin(self, args: Given, state: Given, control: Given, **parts: Given) -> None:
            if self.pending is not None:
                checkpoints.restore_state(
                    self.pending, loss, parts["optimizer"], parts["lr_scheduler"]
                )
            watcher.start(state.max_steps)

        def on_epoch_begin(self, args: Given, state: Given, control: Given, **parts: Given) -> None:
            # At a border of epochs the state was saved before the next epoch drew its order.
            if self.pending is not None and state.epoch is not None and state.epoch % 1 == 0:
                self._restore_random()

        def on_step_begin(self, args: Given, state: Given, control: Given, **parts: Given) -> None:
            if self.pending is not None:
                self._restore_random()

        def _restore_random(self) -> None:
            if self.pending is not None:
                checkpoints.restore_random(self.pending)
                self.pending = None

        def on_log(self, args: Given, state: Given, control: Given, **parts: Given) -> None:
            """After every step, as every step is logged."""
            if "loss" not in parts["logs"]:  # the summary at the end
                return
            state.log_history.clear()  # the journal has it; a checkpoint need not hold it twice
            step = state.global_step
            watcher.saw_loss(step, parts["logs"]["loss"])
            if watcher.is_due(step):
                watcher.saw_dev(step)
            elif not watcher.wants_checkpoint(step):
                return

            def save_model(folder: str) -> None:
                parts["model"].save_pretrained(folder, create_model_card=False)

            def save_rest(folder: Path) -> None:
                state.save_to_json(str(folder / checkpoints.TRAINER))
                checkpoints.save_state(folder, loss, parts["optimizer"], parts["lr_scheduler"])

            watcher.checkpoint(step, save_model, save_rest)
            if watcher.journal.over:
                control.should_training_stop = True

    return Callback()
