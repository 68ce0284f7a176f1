"""`ragkit migrate`: change the encoder of a collection, or switch back."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli import UNAVAILABLE
from ragkit.cli.commands.groups import open_collection
from ragkit.cli.output import render
from ragkit.cli.output.progress import progress
from ragkit.cli.output.terminal import format_count, print_message, to_printable
from ragkit.errors import UsageError
from ragkit.records.maintenance import MigrationReport


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


def _print_report(report: MigrationReport) -> None:
    old, new = to_printable(report.old_model), to_printable(report.new_model)
    embedded = format_count(report.embedded, "text")
    if report.questions:
        print(f"dense search on {format_count(report.questions, 'self-made question')} (held out)")
    for name, before in report.before.items():
        low, high = report.intervals[name]
        print(
            f"{name:8} {before:.3f} → {report.after[name]:.3f}  [{low:+.3f}, {high:+.3f}]  "
            f"p = {report.p_values[name]:.4f}"
        )
    if report.switched:
        print(f"{old} → {new}: {embedded} embedded in {report.seconds:.1f} s")
    elif not report.is_worse:
        print(f"{new} is the model of the collection already")
