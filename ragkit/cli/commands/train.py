"""`ragkit train`: run the training, show the progress, print the result."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit import settings as configuration
from ragkit.cli import INTERRUPTED
from ragkit.cli.commands.groups import open_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import format_count, print_message
from ragkit.errors import UsageError

if TYPE_CHECKING:
    from ragkit.learning import TrainingProgress, TrainReport
    from ragkit.learning.checkpoints import TrainingFolder

_MAX_DIGITS = 7  # of a dimension


def train(arguments: Namespace) -> int:
    """Run `ragkit train` and return the exit code."""
    from ragkit import learning
    from ragkit.encoders.spec import DEFAULT_MODEL
    from ragkit.learning.checkpoints import TrainingFolder

    settings = configuration.load(flags={"model": arguments.model})
    pairs, model = arguments.pairs, settings.model or DEFAULT_MODEL
    if arguments.from_collection == (pairs is not None):
        raise UsageError("expected PAIRS (a file), or --from-collection in its place")
    if arguments.from_collection:
        pairs, model = _write_pairs(arguments)
    try:
        with _progress_bar() as on_progress:
            report = learning.train(
                pairs,
                arguments.output,
                model=model,
                objective=arguments.objective,
                pooling=arguments.pooling,
                dimensions=_parse_dimensions(arguments.dimensions),
                dev=arguments.dev,
                dev_share=arguments.dev_share,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                learning_rate=arguments.learning_rate,
                warmup=arguments.warmup,
                evaluations=arguments.evaluations,
                patience=arguments.patience,
                seed=arguments.seed,
                resume=arguments.resume,
                force=arguments.force,
                notify=print_message,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        print(file=sys.stderr)
        print_message(_describe_interruption(TrainingFolder.for_output(arguments.output)))
        return INTERRUPTED
    if arguments.json:
        render.print_json(dataclasses.asdict(report))
    else:
        print(_summary(report))
    if report.before is not None and report.after is not None and report.after < report.before:
        print_message(
            f"dev {report.metric} is lower after training than before: try a lower "
            f"--learning-rate or more pairs"
        )
    return 0


def _parse_dimensions(text: str | None) -> tuple[int, ...]:
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if not all(part.isdecimal() and len(part) < _MAX_DIGITS for part in parts):
        raise UsageError(f"--dimensions is {text!r}; expected numbers such as 192,96")
    return tuple(map(int, parts))


def _write_pairs(arguments: Namespace) -> tuple[str, str]:
    """Write the pairs that the collection makes; return the file and the model to start from. A
    training that is resumed keeps its file."""
    from ragkit.learning.checkpoints import TrainingFolder
    from ragkit.learning.train import check_output

    output = Path(arguments.output).expanduser()
    folder = TrainingFolder.for_output(output)
    check_output(output, folder, resume=arguments.resume, force=arguments.force)
    file = output.with_name(f"{output.name}.pairs.jsonl")
    with open_collection(arguments) as collection:
        spec = collection.model()
        if spec is not None and spec.base_url is not None and arguments.model is None:
            raise UsageError(
                f"{spec} runs on a server and cannot be trained; name another with --model"
            )
        if not (arguments.resume and file.is_file()):
            count = collection.write_training_pairs(file, seed=arguments.seed)
            print_message(f"{format_count(count, 'triplet')} from the collection: {file}")
    return str(file), arguments.model or (spec.name if spec else "")


def _describe_interruption(folder: TrainingFolder) -> str:
    step = folder.latest_step()
    if step:
        return (
            f"interrupted; the checkpoint of step {step:,} is kept. Continue with the same command "
            f"and --resume"
        )
    option = " and --resume" if folder.has_training else ""
    return f"interrupted before the first checkpoint; start again with the same command{option}"


def _summary(report: TrainReport) -> str:
    """Return the measured figures, and the command that uses the model."""
    lines = [
        f"{format_count(report.train_pairs, 'pair')}, {format_count(report.steps, 'step')} "
        f"in {report.seconds:.0f} s" + (", stopped early" if report.stopped_early else "")
    ]
    if report.before is not None and report.after is not None:
        lines.append(
            f"dev {report.metric} {report.before:.4f} before, {report.after:.4f} after (step "
            f"{report.best_step:,}), on {format_count(report.dev_pairs, 'held-out pair')}"
        )
    lines.append(f"{report.output}; use it with: ragkit index --model {report.output} FOLDER")
    return "\n".join(lines)


@contextlib.contextmanager
def _progress_bar() -> Iterator[Callable[[TrainingProgress], None]]:
    """Show a progress bar on standard error if that is a terminal. Yields the function that
    updates it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task("Loading", total=None, figures="")

        def update(progress: TrainingProgress) -> None:
            figures = f"loss {progress.loss:.4f}"
            if progress.value is not None:
                figures += f"  dev {progress.metric} {progress.value:.4f}"
            if progress.best is not None:
                figures += f" (best {progress.best:.4f})"
            bar.update(
                task,
                description="Training",
                completed=progress.step,
                total=progress.steps,
                figures=figures,
            )

        yield update
