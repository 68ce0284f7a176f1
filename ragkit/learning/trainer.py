"""Fine-tune a model with the trainer of sentence-transformers.

Contract: `fit` trains a model on a dataset until all steps are taken or the dev figure has stopped
improving, and resumes from the newest checkpoint in the training folder. Afterwards that folder
contains the best weights. Reads no files of the user.

The trainer neither uses the network nor prints: no experiment tracking, no model card of its own
(it would look the base model up on the hub), no checkpoints of its own (they are pickles).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ragkit.encoders.engines import cpu_threads
from ragkit.learning import checkpoints, saved_folder
from ragkit.learning.checkpoints import TrainingFolder, TrainingHistory
from ragkit.learning.dataset import PairDataset
from ragkit.learning.labels import Example
from ragkit.learning.objectives import OBJECTIVES, Loss, Prompts, for_shorter_vectors
from ragkit.learning.training_monitor import TrainingMonitor, TrainingPlan, TrainingProgress

if TYPE_CHECKING:
    from sentence_transformers import (
        SentenceTransformer,
        SentenceTransformerTrainer,
        SentenceTransformerTrainingArguments,
    )
    from transformers import TrainerCallback

_TEXTS = ("first", "second", "negative")  # columns of the training data that are encoded
Untyped: TypeAlias = Any  # what the trainer passes to its callbacks


def fit(
    model: SentenceTransformer,
    dataset: PairDataset,
    prompts: Prompts,
    plan: TrainingPlan,
    folder: TrainingFolder,
    on_progress: Callable[[TrainingProgress], None],
    dimensions: Sequence[int] = (),
) -> TrainingHistory:
    """Train `model` in place and return the history. `dimensions`: the first so many numbers of
    each vector are trained, too. Raises UsageError if the loss diverges."""
    from transformers import set_seed

    objective = OBJECTIVES[dataset.objective]
    set_seed(plan.seed)  # the softmax head is initialized before the trainer sets the seed
    loss = objective.create_loss(model, len(dataset.scale.classes))
    if dimensions:
        loss = for_shorter_vectors(model, loss, dimensions)
    checkpoint = folder.latest_checkpoint()
    history = checkpoints.read_history(checkpoint) if checkpoint else TrainingHistory()

    def evaluate() -> float | None:
        return objective.measure(model, loss, dataset.dev, prompts)

    monitor = TrainingMonitor(
        folder, history, plan, evaluate if dataset.dev else None, objective.metric, on_progress
    )
    if not history.over:
        with _limited_threads(), _hidden_progress_bars():
            callback = _create_callback(monitor, loss, checkpoint)
            trainer = _create_trainer(model, loss, dataset.train, prompts, plan, folder, callback)
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    return history


@contextmanager
def _limited_threads() -> Iterator[None]:
    """Let torch use no more threads than this process has cores; OMP_NUM_THREADS may set fewer."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, cpu_threads.available_cores()))
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _hidden_progress_bars() -> Iterator[None]:
    """Turn off the progress bars of transformers: ragkit shows its own on standard error."""
    from transformers.utils import logging

    untyped_logging: Any = logging
    was_enabled = untyped_logging.is_progress_bar_enabled()
    untyped_logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_enabled:
            untyped_logging.enable_progress_bar()


def _create_trainer(
    model: SentenceTransformer,
    loss: Loss,
    examples: Sequence[Example],
    prompts: Prompts,
    plan: TrainingPlan,
    folder: TrainingFolder,
    callback: TrainerCallback,
) -> SentenceTransformerTrainer:
    from datasets import Dataset  # type: ignore[import-untyped]
    from sentence_transformers import SentenceTransformerTrainer
    from transformers import PrinterCallback

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]  # imported without types
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """Do nothing: the model card callback asks the hub about the base model."""

    columns: dict[str, list[Any]] = {
        "first": [example.first for example in examples],
        "second": [example.second for example in examples],
    }
    is_ranking = examples[0].target is None
    if is_ranking and examples[0].negative is not None:
        columns["negative"] = [example.negative for example in examples]
    if not is_ranking:
        columns["label"] = [example.target for example in examples]
    steps = plan.count_steps(len(examples))
    trainer = Trainer(
        model=model,
        args=_training_arguments(plan, steps, prompts, folder.path, is_ranking=is_ranking),
        train_dataset=Dataset.from_dict(columns),
        loss=loss,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)  # standard output is for results
    return trainer


def _training_arguments(
    plan: TrainingPlan, steps: int, prompts: Prompts, folder: Path, *, is_ranking: bool
) -> SentenceTransformerTrainingArguments:
    import torch
    from sentence_transformers import SentenceTransformerTrainingArguments

    return SentenceTransformerTrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.batch_size,
        learning_rate=plan.learning_rate,
        warmup_steps=round(plan.warmup * steps),
        seed=plan.seed,
        # A relevant passage must not occur twice in a batch: it would be a false negative.
        batch_sampler="no_duplicates" if is_ranking else "batch_sampler",
        prompts=dict(zip(_TEXTS, (*prompts, prompts[1]), strict=True)) if any(prompts) else None,
        logging_steps=1,
        logging_nan_inf_filter=False,  # the monitor must see a loss of NaN
        eval_strategy="no",  # the monitor evaluates
        save_strategy="no",  # and saves
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


def _create_callback(
    monitor: TrainingMonitor, loss: Loss, checkpoint: Path | None
) -> TrainerCallback:
    """Connect the monitor to the trainer's events, and restore `checkpoint` if there is one."""
    from transformers import TrainerCallback

    class Callback(TrainerCallback):  # type: ignore[misc]  # imported without types
        random_state_from = checkpoint  # set until the random generators' states are restored

        def on_train_begin(
            self, args: Untyped, state: Untyped, control: Untyped, **parts: Untyped
        ) -> None:
            if checkpoint is not None:
                checkpoints.restore_state(
                    checkpoint, loss, parts["optimizer"], parts["lr_scheduler"]
                )
            monitor.start(state.max_steps)

        def on_epoch_begin(
            self, args: Untyped, state: Untyped, control: Untyped, **parts: Untyped
        ) -> None:
            # A checkpoint at the end of an epoch precedes the draw of the next epoch's order.
            if state.epoch is not None and state.epoch % 1 == 0:
                self.restore_random_state()

        def on_step_begin(
            self, args: Untyped, state: Untyped, control: Untyped, **parts: Untyped
        ) -> None:
            self.restore_random_state()

        def restore_random_state(self) -> None:
            """Restore the random generators' states once after resuming."""
            if self.random_state_from is not None:
                checkpoints.restore_random_state(self.random_state_from)
                self.random_state_from = None

        def on_log(self, args: Untyped, state: Untyped, control: Untyped, **parts: Untyped) -> None:
            """Called after every step, because every step is logged."""
            if "loss" not in parts["logs"]:  # the summary at the end
                return
            state.log_history.clear()  # the training history has it already
            _after_step(monitor, loss, state, parts)
            if monitor.history.over:
                control.should_training_stop = True

    return Callback()


def _after_step(
    monitor: TrainingMonitor, loss: Loss, state: Untyped, parts: dict[str, Untyped]
) -> None:
    """Report a step to the monitor; evaluate and save a checkpoint if they are due."""
    step = state.global_step
    monitor.record_loss(step, parts["logs"]["loss"])
    if monitor.is_evaluation_due(step):
        monitor.evaluate(step)
    elif not monitor.is_checkpoint_due(step):
        return

    def save_model(folder: str) -> None:
        parts["model"].save_pretrained(folder, create_model_card=False)
        saved_folder.make_portable(Path(folder))

    def save_state(folder: Path) -> None:
        state.save_to_json(str(folder / checkpoints.TRAINER_STATE))
        checkpoints.save_state(folder, loss, parts["optimizer"], parts["lr_scheduler"])

    monitor.save_checkpoint(step, save_model, save_state)
