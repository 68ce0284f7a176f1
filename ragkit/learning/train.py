"""Fine-tuning a SentenceBERT model: pairs of sentences in, a model's folder out.

Contract: `train` reads pairs, trains a start model on them by sentence-transformers' own trainer
and losses, and puts a complete sentence-transformers folder where it was asked to, in one rename:
weights as safetensors, README.md, report.json and curves.png. Interrupted, it leaves a folder
beside from which `resume=True` goes on. It asks no network but for a start model that is named on
the hub. Knows no collection.

Reimers & Gurevych 2019, Sentence-BERT, https://arxiv.org/abs/1908.10084.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ragkit.encoders.model_folder import ModelFolder
from ragkit.encoders.pooling import POOLINGS
from ragkit.encoders.spec import DEFAULT_MODEL
from ragkit.errors import ModelError, UsageError
from ragkit.learning import base_model, curves, report, trainer
from ragkit.learning.checkpoints import Journal, Workshop
from ragkit.learning.dataset import Data, gather
from ragkit.learning.objectives import OBJECTIVES, Prompts
from ragkit.learning.report import TrainReport
from ragkit.learning.training_monitor import Plan, Progress
from ragkit.version import __version__

_NEEDED = ("accelerate", "datasets", "matplotlib")
_VERSIONS = ("sentence-transformers", "transformers", "torch")


def train(  # noqa: PLR0913 - each is a choice of its own
    pairs: str | Path,
    output: str | Path,
    *,
    model: str = DEFAULT_MODEL,
    objective: str | None = None,
    pooling: str | None = None,
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
    notify: Callable[[str], None] = lambda _: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> TrainReport:
    """Fine-tune `model` on the file `pairs` and put the result in the folder `output`.

    objective: cosine or cosent (pairs with scores), softmax (with labels), ranking (pairs that
        belong together); None: as the file's columns say.
    pooling: cls, mean or max; None: the model's own, the mean where it has none.
    dev: a file of pairs to measure by; else `dev_share` of the pairs is kept apart, by sentence.
    batch_size: pairs; None: 16, and 32 for ranking. learning_rate: AdamW's highest, reached
        after `warmup` (a share of all steps) and falling linearly to 0.
    evaluations: how often dev is measured, over the whole run; the weights of the best one are
        kept, and training stops after `patience` in a row that were no better.
    resume: go on with an interrupted training of the same arguments. force: replace a model in
        `output`, or what an interrupted training has left.

    Raises UsageError (data, arguments, an output that is there) and ModelError (start model, or
    a package of the extra `train` missing). KeyboardInterrupt leaves the last checkpoint.
    """
    pairs, output = Path(pairs).expanduser(), Path(output).expanduser()
    dev = None if dev is None else Path(dev).expanduser()
    _check_numbers(dev_share, epochs, batch_size, learning_rate, warmup, evaluations, patience)
    if pooling is not None and pooling not in POOLINGS:
        raise UsageError(f"pooling is {pooling!r}; expected one of {', '.join(POOLINGS)}")
    _check_packages()
    workshop = Workshop.of(output)
    _check_output(output, workshop, resume=resume, force=force)
    data = gather(pairs, dev, dev_share, seed, objective, notify)
    plan = Plan(
        epochs=epochs,
        batch_size=batch_size or OBJECTIVES[data.objective].batch_size,
        learning_rate=learning_rate,
        warmup=warmup,
        evaluations=evaluations,
        patience=patience,
        seed=seed,
    )
    job = _Job(model, base_model.describe(model), pooling, output, data, plan)
    cut_texts = _cut_texts(job, notify)
    if resume:
        workshop.check(job.asked)
        notify(f"goes on from step {workshop.step():,}")
    else:
        workshop.begin(job.asked)
    made = _fit(job, workshop, on_progress)
    found = _report(job, cut_texts, made)
    _publish(found, workshop, output)
    return found


@dataclasses.dataclass(frozen=True, slots=True)
class _Job:
    """What is asked for."""

    model: str
    start: ModelFolder
    pooling: str | None
    output: Path
    data: Data
    plan: Plan

    @property
    def served_pooling(self) -> str:
        return self.pooling or self.start.pooling

    @property
    def prompts(self) -> Prompts:
        """Question and passage are told apart by the model's prompts; two sentences are alike."""
        if self.data.objective == "ranking":
            return self.start.query_prompt, self.start.passage_prompt
        return "", ""

    @property
    def asked(self) -> dict[str, Any]:
        """All that decides what comes out: a training goes on only with the same."""
        return {
            "start": self.start.fingerprint,
            "objective": self.data.objective,
            "pooling": self.served_pooling,
            "dev_pairs": len(self.data.dev),
            "files": self.data.files,
            **dataclasses.asdict(self.plan),
        }


def _check_numbers(
    dev_share: float,
    epochs: int,
    batch_size: int | None,
    learning_rate: float,
    warmup: float,
    evaluations: int,
    patience: int,
) -> None:
    for name, value, fits, expected in (
        ("dev_share", dev_share, 0 <= dev_share <= 0.5, "0 to 0.5"),
        ("epochs", epochs, epochs >= 1, "1 or more"),
        ("batch_size", batch_size, batch_size is None or batch_size >= 2, "2 or more"),
        ("learning_rate", learning_rate, 0 < learning_rate < 1, "more than 0, below 1"),
        ("warmup", warmup, 0 <= warmup <= 1, "0 to 1, a share of the steps"),
        ("evaluations", evaluations, evaluations >= 1, "1 or more"),
        ("patience", patience, patience >= 1, "1 or more"),
    ):
        if not fits:
            raise UsageError(f"{name} is {value}; expected {expected}")


def _check_packages() -> None:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelError(
            f"training needs {', '.join(missing)}, not installed here. Install it with: "
            f'pip install "ragkit[train]"'
        )


def _check_output(output: Path, workshop: Workshop, *, resume: bool, force: bool) -> None:
    if output.name in ("", ".."):
        raise UsageError(f"output is {str(output)!r}; expected the name of a new folder")
    is_model = (output / "modules.json").is_file() or (output / "config.json").is_file()
    if output.exists() and not (is_model or (output.is_dir() and not any(output.iterdir()))):
        raise UsageError(f"{output} is there and is no model: choose another --output")
    if is_model and not force:
        raise UsageError(f"{output} is there: choose another --output, or replace it with --force")
    if resume and not workshop.exists:
        raise UsageError(
            f"nothing to go on with: no interrupted training in {workshop.folder}. Leave --resume "
            f"away to begin"
        )
    if workshop.exists and not resume and not force:
        raise UsageError(
            f"an interrupted training is in {workshop.folder}, at step {workshop.step():,}: go on "
            f"with --resume, or start anew with --force"
        )


def _cut_texts(job: _Job, notify: Callable[[str], None]) -> int:
    """How many training texts are longer than the model's window; that is said."""
    sides = zip(*((example.first, example.second) for example in job.data.train), strict=True)
    cut = sum(
        base_model.too_long(job.start, texts, prompt)
        for texts, prompt in zip(sides, job.prompts, strict=True)
    )
    if cut:
        notify(
            f"{cut:,} texts are longer than the model's window of {job.start.max_length} tokens; "
            f"what is beyond it is not trained on"
        )
    return cut


@dataclasses.dataclass(frozen=True, slots=True)
class _Made:
    """What training hands over."""

    journal: Journal
    planned_steps: int
    dimension: int
    device: str


def _fit(job: _Job, workshop: Workshop, on_progress: Callable[[Progress], None]) -> _Made:
    model = base_model.load(job.start, job.pooling)
    journal, planned = trainer.run(
        model,
        OBJECTIVES[job.data.objective],
        len(job.data.meaning.classes),
        (job.data.train, job.data.dev),
        job.prompts,
        job.plan,
        workshop,
        on_progress,
    )
    return _Made(journal, planned, model.get_embedding_dimension(), model.device.type)


def _report(job: _Job, cut_texts: int, made: _Made) -> TrainReport:
    journal, data = made.journal, job.data
    steps = journal.losses[-1][0]
    return TrainReport(
        output=str(job.output),
        # A folder of the user's is told by its name: the card goes where the model goes.
        base_model=Path(job.model).name if Path(job.model).expanduser().is_dir() else job.model,
        base_fingerprint=job.start.fingerprint,
        objective=data.objective,
        pooling=job.served_pooling,
        dimension=made.dimension,
        metric=OBJECTIVES[data.objective].metric,
        before=journal.evaluations[0][1] if journal.evaluations else None,
        after=journal.best,
        best_step=journal.best_step or steps,
        steps=steps,
        planned_steps=made.planned_steps,
        stopped_early=steps < made.planned_steps,
        train_pairs=len(data.train),
        dev_pairs=len(data.dev),
        dev_sentences_in_train=data.shared_sentences,
        cut_texts=cut_texts,
        classes=data.meaning.classes,
        top_score=data.meaning.top,
        left_out=data.left_out,
        dev_left_out=data.dev_left_out,
        settings=dataclasses.asdict(job.plan),
        files=data.files,
        losses=tuple(journal.losses),
        evaluations=tuple(journal.evaluations),
        seconds=round(journal.seconds, 1),
        device=made.device,
        versions={"ragkit": __version__}
        | {name: importlib.metadata.version(name) for name in _VERSIONS},
    )


def _publish(found: TrainReport, workshop: Workshop, output: Path) -> None:
    """Complete the folder of the best weights and give it its name; a model that was there goes
    only then."""
    best = workshop.best(found.best_step)
    (best / "README.md").write_text(report.card(found), encoding="utf-8")
    report.write_json(found, best / "report.json")
    curves.draw(found, best / "curves.png")
    aside = workshop.folder / "replaced"
    if output.exists():
        output.rename(aside)
    best.rename(output)
    shutil.rmtree(workshop.folder)
