"""`ragkit tune`: choose settings on self-made questions, use them if they are better, or undo."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping

from ragkit.cli.commands.groups import open_collection
from ragkit.cli.output import render
from ragkit.cli.output.progress import progress
from ragkit.cli.output.terminal import format_count, print_message
from ragkit.errors import UsageError
from ragkit.records.maintenance import TuneReport, TuningTrial


def tune(arguments: Namespace) -> int:
    """Run `ragkit tune`; return its exit code."""
    if arguments.undo and arguments.reranker is not None:
        raise UsageError("--undo tries nothing; leave out --reranker")
    with open_collection(arguments) as collection, progress() as show:
        report = collection.tune(
            undo=arguments.undo,
            seed=arguments.seed,
            wait=arguments.wait,
            on_trial=_print_trial,
            on_progress=show,
        )
    if arguments.json:
        render.print_json({**dataclasses.asdict(report), "seconds": round(report.seconds, 3)})
    else:
        _print_report(report)
    return 0


def _print_trial(trial: TuningTrial) -> None:
    print_message(
        f"{_in_words(trial.changes)}: nDCG@10 {trial.before:.3f} → {trial.after:.3f} "
        f"(p = {trial.p_value:.4f})"
    )


def _in_words(changes: Mapping[str, object]) -> str:
    """Return settings as they are written in a settings file."""
    texts = {True: "true", False: "false"}
    return ", ".join(
        f"{name} = {texts[value] if isinstance(value, bool) else value}"
        for name, value in changes.items()
    )


def _print_report(report: TuneReport) -> None:
    if report.undone:
        print(f"the settings before the last tuning are used again ({report.seconds:.1f} s)")
        return
    print(
        f"{format_count(report.train_questions, 'question')} to choose by, "
        f"{format_count(report.questions, 'question')} held out, on "
        f"{format_count(report.passages, 'passage')}"
    )
    for reason in report.not_tried:
        print(f"not tried: {reason}")
    if not report.changes:
        print("nothing to gain: no setting that was tried is significantly better")
        return
    print(f"chosen: {_in_words(report.changes)}")
    for name, before in report.before.items():
        low, high = report.intervals[name]
        print(
            f"{name:8} {before:.3f} → {report.after[name]:.3f}  [{low:+.3f}, {high:+.3f}]  "
            f"p = {report.p_values[name]:.4f}"
        )
    if report.applied:
        print(f"used from now on ({report.seconds:.0f} s); to go back: ragkit tune --undo")
    else:
        print("not used: the gain is not significant on the held-out questions")
