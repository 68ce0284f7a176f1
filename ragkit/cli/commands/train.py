"""`ragkit train`: call, show how far it is, say what came out."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ragkit import settings as configuration
from ragkit.cli import INTERRUPTED
from ragkit.cli.output import render
from ragkit.cli.output.terminal import format_count, print_message

if TYPE_CHECKING:
    from ragkit.learning import Progress, TrainReport
    from ragkit.learning.checkpoints import Workshop


def train(arguments: Namespace) -> int:
    """`ragkit train`."""
    from ragkit import learning
    from ragkit.encoders.spec import DEFAULT_MODEL
    from ragkit.learning.checkpoints import Workshop

    settings = configuration.load(flags={"model": arguments.model})
    try:
        with _progress() as show:
            report = learning.train(
                arguments.pairs,
                arguments.output,
                model=settings.model or DEFAULT_MODEL,
                objective=arguments.objective,
                pooling=arguments.pooling,
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
                on_progress=show,
            )
    except KeyboardInterrupt:
        print(file=sys.stderr)
        print_message(_how_to_go_on(Workshop.of(arguments.output)))
        return INTERRUPTED
    if arguments.json:
        render.json_line(dataclasses.asdict(report))
    else:
        print(_summary(report))
    if report.before is not None and report.after is not None and report.after < report.before:
        print_message(
            "training made the dev figure worse: try a lower --learning-rate or more pairs"
        )
    return 0


def _how_to_go_on(workshop: Workshop) -> str:
    step = workshop.step()
    if step:
        return f"interrupted; step {step:,} is kept. Go on with the same command and --resume"
    how = " and --resume" if workshop.exists else ""
    return f"interrupted before there was anything to keep; begin again with the same command{how}"


def _summary(report: TrainReport) -> str:
    """What was measured, and what to do with it."""
    lines = [
        f"{format_count(report.train_pairs, 'pair')}, {format_count(report.steps, 'step')} "
        f"in {report.seconds:.0f} s" + (", stopped early" if report.stopped_early else "")
    ]
    if report.before is not None and report.after is not None:
        lines.append(
            f"dev {report.metric} {report.before:.4f} before, {report.after:.4f} after (step "
            f"{report.best_step:,}), on {format_count(report.dev_pairs, 'pair')} kept apart"
        )
    lines.append(f"{report.output}; use it with: ragkit index --model {report.output} FOLDER")
    return "\n".join(lines)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on standard error where that is a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[figures]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bars:
        task = bars.add_task("Loading", total=None, figures="")

        def show(state: Progress) -> None:
            figures = f"loss {state.loss:.4f}"
            if state.value is not None:
                figures += f"  dev {state.metric} {state.value:.4f}"
            if state.best is not None:
                figures += f" (best {state.best:.4f})"
            bars.update(
                task,
                description="Training",
                completed=state.step,
                total=state.steps,
                figures=figures,
            )

        yield show
