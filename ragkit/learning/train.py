"""Fine-tune a sentence encoder: a file of pairs in, a model folder out.

Contract: `train` reads pairs, fine-tunes a base model with the trainer and the losses of
sentence-transformers, and creates a complete sentence-transformers folder in one rename:
safetensors weights, README.md, report.json and curves.png. An interrupted training leaves a folder
beside the output folder; `resume=True` continues from it. Uses the network only for a base model
that is named on the hub. Knows no collection.

Reimers & Gurevych 2019, Sentence-BERT, https://arxiv.org/abs/1908.10084.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.pooling import POOLINGS
from ragkit.encoders.spec import DEFAULT_MODEL
from ragkit.errors import ModelError, UsageError
from ragkit.learning import base_model, report, trainer
from ragkit.learning.checkpoints import TrainingFolder, TrainingHistory
from ragkit.learning.dataset import Notify, PairDataset, load_dataset
from ragkit.learning.objectives import OBJECTIVES, Prompts
from ragkit.learning.report import TrainReport
from ragkit.learning.training_monitor import TrainingPlan, TrainingProgress
from ragkit.version import __version__

_REQUIRED_PACKAGES = (
    "torch",
    "sentence_transformers",
    "accelerate",
    "datasets",
    "matplotlib",
    "scipy",
)
_REPORTED_PACKAGES = ("sentence-transformers", "transformers", "torch")


def train(  # noqa: PLR0913 - independent options
    pairs: str | Path,
    output: str | Path,
    *,
    model: str = DEFAULT_MODEL,
    objective: str | None = None,
    pooling: str | None = None,
    dimensions: Sequence[int] = (),
    dev: str | Path | None = None,
    dev_share: float = 0.1,
    epochs: int = 1,
    batch_size: int | None = None,
    learning_rate: float = 2e-5,
    warmup: float = 0.1,
    evaluations: int = 10,
    patience: int = 3,
    seed: int = 0,
    resume: bool = False,
    force: bool = False,
    notify: Notify = lambda _: None,
    on_progress: Callable[[TrainingProgress], None] = lambda _: None,
) -> TrainReport:
    """Fine-tune `model` on the file `pairs` and write the result to the folder `output`.

    objective: cosine or cosent (scores), softmax (labels) or ranking (pairs that belong together).
        None: determined by the file's columns.
    pooling: cls, mean or max. None: the model's own, or mean if it has none.
    dimensions: train the first so many numbers of each vector, too, so that `dimensions` of an
        encoder may keep only these (Matryoshka). Not with the objective softmax.
    dev: a file of pairs for evaluation. None: `dev_share` of the pairs is held out, by sentence.
    batch_size: in pairs. None: 16, or 32 for ranking.
    learning_rate: AdamW's highest, reached after `warmup` (a share of the steps); then it falls
        linearly to 0.
    evaluations: their number during training. The weights of the best one are kept, and training
        stops after `patience` evaluations without improvement.
    resume: continue an interrupted training that had the same arguments.
    force: replace the model in `output`, and discard an interrupted training.

    Raises UsageError (data, arguments, an existing output folder, a diverging loss) and ModelError
    (base model; a missing package of the extra `train`). After KeyboardInterrupt the last
    checkpoint is kept.
    """
    pairs, output = Path(pairs).expanduser(), Path(output).expanduser()
    dev = None if dev is None else Path(dev).expanduser()
    _check_numbers(dev_share, epochs, batch_size, learning_rate, warmup, evaluations, patience)
    _check_pooling(pooling)
    check_packages()
    folder = TrainingFolder.for_output(output)
    check_output(output, folder, resume=resume, force=force)
    dataset = load_dataset(pairs, dev, dev_share, seed, objective, notify)
    plan = TrainingPlan(
        epochs=epochs,
        batch_size=batch_size or OBJECTIVES[dataset.objective].batch_size,
        learning_rate=learning_rate,
        warmup=warmup,
        evaluations=evaluations,
        patience=patience,
        seed=seed,
    )
    base = base_model.read_base_model(model)
    shorter = tuple(sorted(set(dimensions), reverse=True))
    _check_dimensions(shorter, base, dataset.objective)
    run = _TrainingRun(model, base, pooling, shorter, output, dataset, plan)
    return _run_training(run, folder, resume=resume, notify=notify, on_progress=on_progress)


@dataclasses.dataclass(frozen=True, slots=True)
class _TrainingRun:
    """A training whose arguments and data have been checked."""

    model: str  # as the user named it
    base: ModelFolder
    requested_pooling: str | None
    dimensions: tuple[int, ...]  # fewer than those of the model; descending
    output: Path
    dataset: PairDataset
    plan: TrainingPlan

    @property
    def pooling(self) -> str:
        return self.requested_pooling or self.base.pooling

    @property
    def prompts(self) -> Prompts:
        """The model's prompts for queries and passages; none for the symmetric objectives."""
        if self.dataset.objective == "ranking":
            return self.base.query_prompt, self.base.passage_prompt
        return "", ""

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that determines the result. Stored as run.json: a training is resumed only
        with the same values."""
        return {
            "start": self.base.fingerprint,
            "objective": self.dataset.objective,
            "pooling": self.pooling,
            "dimensions": list(self.dimensions) or None,
            "dev_pairs": len(self.dataset.dev),
            "files": self.dataset.files,
            **dataclasses.asdict(self.plan),
        }


def _run_training(
    run: _TrainingRun,
    folder: TrainingFolder,
    *,
    resume: bool,
    notify: Notify,
    on_progress: Callable[[TrainingProgress], None],
) -> TrainReport:
    truncated = _count_truncated(run, notify)
    if resume:
        folder.check_settings(run.settings)
        notify(f"resuming from step {folder.latest_step():,}")
    else:
        folder.create(run.settings)
    model = base_model.load_base_model(run.base, run.requested_pooling)
    history = trainer.fit(
        model, run.dataset, run.prompts, run.plan, folder, on_progress, run.dimensions
    )
    dimension, device = model.get_embedding_dimension(), model.device.type
    result = _build_report(run, history, truncated, dimension, device)
    _publish(result, folder, run.output)
    return result


def _check_numbers(
    dev_share: float,
    epochs: int,
    batch_size: int | None,
    learning_rate: float,
    warmup: float,
    evaluations: int,
    patience: int,
) -> None:
    for name, value, is_valid, expected in (
        ("dev_share", dev_share, 0 <= dev_share <= 0.5, "0 to 0.5"),
        ("epochs", epochs, epochs >= 1, "1 or more"),
        ("batch_size", batch_size, batch_size is None or batch_size >= 2, "2 or more"),
        ("learning_rate", learning_rate, 0 < learning_rate < 1, "more than 0, below 1"),
        ("warmup", warmup, 0 <= warmup <= 1, "0 to 1, a share of the steps"),
        ("evaluations", evaluations, evaluations >= 1, "1 or more"),
        ("patience", patience, patience >= 1, "1 or more"),
    ):
        if not is_valid:
            raise UsageError(f"{name} is {value}; expected {expected}")


def _check_pooling(pooling: str | None) -> None:
    if pooling is not None and pooling not in POOLINGS:
        raise UsageError(f"pooling is {pooling!r}; expected one of {', '.join(POOLINGS)}")


def _check_dimensions(dimensions: Sequence[int], base: ModelFolder, objective: str) -> None:
    for number in dimensions:
        if not 1 <= number < base.dimension:
            raise UsageError(
                f"dimensions has {number}; expected 1 to {base.dimension - 1}, fewer than the "
                f"{base.dimension} numbers of a whole vector"
            )
    if dimensions and objective == "softmax":
        raise UsageError(
            "dimensions do not go with the objective softmax, whose layer reads whole vectors; "
            "leave them out, or train on scores or pairs"
        )


def check_packages() -> None:
    """Raise ModelError if a package of the extra `train` is not installed."""
    missing = [name for name in _REQUIRED_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"training needs {', '.join(missing)}, not installed here. Install it with: "
            f'pip install "ragkit-search[train]"'
        )


def check_output(output: Path, folder: TrainingFolder, *, resume: bool, force: bool) -> None:
    """Raise UsageError if a training must not write to `output`, whose training folder is `folder`.
    Changes nothing."""
    if output.name in ("", ".."):
        raise UsageError(f"output is {str(output)!r}; expected the name of a new folder")
    is_model = (output / "modules.json").is_file() or (output / "config.json").is_file()
    is_empty_folder = output.is_dir() and not any(output.iterdir())
    if output.exists() and not (is_model or is_empty_folder):
        raise UsageError(f"{output} exists and is not a model: choose another --output")
    if is_model and not force:
        raise UsageError(
            f"{output} already exists: choose another --output, or replace it with --force"
        )
    if resume and not folder.has_training:
        raise UsageError(
            f"cannot resume: {folder.path} contains no interrupted training. Start one without "
            f"--resume"
        )
    if folder.has_training and not resume and not force:
        raise UsageError(
            f"{folder.path} contains a training that was interrupted at step "
            f"{folder.latest_step():,}: continue it with --resume, or start over with --force"
        )


def _count_truncated(run: _TrainingRun, notify: Notify) -> int:
    """Count the training texts that exceed the model's maximum length, and notify the user."""
    sides = zip(*((example.first, example.second) for example in run.dataset.train), strict=True)
    count = sum(
        base_model.count_truncated(run.base, texts, prompt)
        for texts, prompt in zip(sides, run.prompts, strict=True)
    )
    if count:
        notify(
            f"{count:,} texts are longer than the model's maximum of {run.base.max_length} tokens; "
            f"the rest of each is ignored"
        )
    return count


def _build_report(
    run: _TrainingRun, history: TrainingHistory, truncated: int, dimension: int, device: str
) -> TrainReport:
    dataset = run.dataset
    steps = history.losses[-1][0]
    planned_steps = run.plan.count_steps(len(dataset.train))
    is_folder = Path(run.model).expanduser().is_dir()
    return TrainReport(
        output=str(run.output),
        # Only the last part of a path: the card is published with the model.
        base_model=Path(run.model).name if is_folder else run.model,
        base_fingerprint=run.base.fingerprint,
        objective=dataset.objective,
        pooling=run.pooling,
        dimension=dimension,
        shorter_dimensions=run.dimensions,
        metric=OBJECTIVES[dataset.objective].metric,
        before=history.evaluations[0][1] if history.evaluations else None,
        after=history.best,
        best_step=history.best_step or steps,
        steps=steps,
        planned_steps=planned_steps,
        stopped_early=steps < planned_steps,
        train_pairs=len(dataset.train),
        dev_pairs=len(dataset.dev),
        dev_sentences_in_train=dataset.shared_sentences,
        cut_texts=truncated,
        classes=dataset.scale.classes,
        top_score=dataset.scale.max_score,
        left_out=dataset.skipped,
        dev_left_out=dataset.dev_skipped,
        settings=dataclasses.asdict(run.plan),
        files=dataset.files,
        losses=tuple(history.losses),
        evaluations=tuple(history.evaluations),
        seconds=round(history.seconds, 1),
        device=device,
        versions={"ragkit": __version__}
        | {name: importlib.metadata.version(name) for name in _REPORTED_PACKAGES},
    )


def _publish(result: TrainReport, folder: TrainingFolder, output: Path) -> None:
    """Complete the folder of the best weights and rename it to `output`. A model that is replaced
    is deleted last."""
    best = folder.best_model(result.best_step)
    (best / "README.md").write_text(report.build_model_card(result), encoding="utf-8")
    report.write_report_json(result, best / "report.json")
    report.draw_curves(result, best / "curves.png")
    if output.exists():
        output.rename(folder.path / "replaced")
    best.rename(output)
    folder.delete()
