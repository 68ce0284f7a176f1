"""`ragkit migrate`, `tune` and `distill`: another encoder, other settings, a static encoder."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Mapping

from ragkit.cli import UNAVAILABLE
from ragkit.cli.commands.groups import open_collection
from ragkit.cli.output import render
from ragkit.cli.output.progress import progress
from ragkit.cli.output.terminal import format_count, print_message, to_printable
from ragkit.errors import UsageError
from ragkit.records.maintenance import EncoderTrial, MigrationReport, TuneReport, TuningTrial


def migrate(arguments: Namespace) -> int:
    """Run `ragkit migrate`; return its exit code: 3 if the new model is worse and was not used."""
    if arguments.rollback and arguments.model is not None:
        raise UsageError("--rollback goes back to the model before; it takes no --model")
    with open_collection(arguments) as collection, progress() as show:
        report = collection.migrate(
            arguments.model,
            rollback=arguments.rollback,
            force=arguments.force,
            wait=arguments.wait,
            on_progress=show,
        )
    if arguments.json:
        fields = {**dataclasses.asdict(report), "seconds": round(report.seconds, 3)}
        render.print_json(fields)
    else:
        _print_report(report)
    if report.is_worse and not report.switched:
        print_message(
            f"{report.new_model} is significantly worse on {report.questions:,} self-made "
            "questions; the collection keeps its model. To switch anyway, add --force"
        )
        return UNAVAILABLE
    if report.truncated:
        print_message(
            f"{format_count(report.truncated, 'passage')} may be longer than the window of "
            f"{report.new_model}, which does not read the rest. To cut them for it: "
            "ragkit index --rebuild --model NAME"
        )
    return 0


def _print_measures(report: MigrationReport | TuneReport | EncoderTrial) -> None:
    """Print each measure before and after, the interval of the difference, and its p-value."""
    for name, before in report.before.items():
        low, high = report.intervals[name]
        print(
            f"{name:8} {before:.3f} → {report.after[name]:.3f}  [{low:+.3f}, {high:+.3f}]  "
            f"p = {report.p_values[name]:.4f}"
        )


def _print_report(report: MigrationReport) -> None:
    old, new = to_printable(report.old_model), to_printable(report.new_model)
    embedded = format_count(report.embedded, "text")
    if report.questions:
        print(f"dense search on {format_count(report.questions, 'self-made question')} (held out)")
    _print_measures(report)
    if report.switched:
        print(f"{old} → {new}: {embedded} embedded in {report.seconds:.1f} s")
    elif not report.is_worse:
        print(f"{new} is the model of the collection already")


def tune(arguments: Namespace) -> int:
    """Run `ragkit tune`; return its exit code."""
    if arguments.undo and arguments.reranker is not None:
        raise UsageError("--undo tries nothing; leave out --reranker")
    if arguments.undo and arguments.train:
        raise UsageError("--undo trains nothing; leave out --train")
    with open_collection(arguments) as collection, progress() as show:
        report = collection.tune(
            train=arguments.train,
            undo=arguments.undo,
            seed=arguments.seed,
            wait=arguments.wait,
            on_trial=_print_trial,
            on_progress=show,
        )
    if arguments.json:
        render.print_json({**dataclasses.asdict(report), "seconds": round(report.seconds, 3)})
    else:
        _print_tuning(report)
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


def _print_tuning(report: TuneReport) -> None:
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
    else:
        print(f"chosen: {_in_words(report.changes)}")
        _print_measures(report)
        _print_use(report.applied)
    if report.encoder is not None:
        print(f"fine-tuned on {format_count(report.encoder.triplets, 'triplet')}")
        _print_measures(report.encoder)
        _print_use(report.encoder.is_better)
        if report.encoder.model:
            print(f"the model is {to_printable(report.encoder.model)}")


def _print_use(is_better: bool) -> None:
    if is_better:
        print("used from now on; to go back: ragkit tune --undo")
    else:
        print("not used: no significant gain on the held-out questions")


def distill(arguments: Namespace) -> int:
    """Run `ragkit distill`; return its exit code."""
    with open_collection(arguments) as collection:
        report = collection.distill(
            arguments.output, dimensions=arguments.size, force=arguments.force
        )
    if arguments.json:
        render.print_json({**dataclasses.asdict(report), "seconds": round(report.seconds, 3)})
        return 0
    if report.questions:
        print(f"dense search on {format_count(report.questions, 'self-made question')} (held out)")
    for name, teacher in report.teacher.items():
        print(
            f"{name:8} {teacher:.3f} → {report.student[name]:.3f}  p = {report.p_values[name]:.4f}"
        )
    output = to_printable(report.output)
    print(
        f"{output}: {report.dimension} dimensions, {report.bytes / 1e6:.1f} MB; the collection "
        f"keeps {to_printable(report.teacher_model)}. To use the static encoder: ragkit migrate "
        f"--model {output}"
    )
    return 0
