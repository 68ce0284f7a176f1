"""The commands that check and copy a collection. Each returns an exit code."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from typing import TYPE_CHECKING

from ragkit.cli import UNAVAILABLE
from ragkit.cli.commands.groups import load_settings, locate_or_address, open_collection
from ragkit.cli.commands.locate import locate_collection
from ragkit.cli.output import maintenance, render
from ragkit.cli.output.terminal import print_message, printable_record
from ragkit.collection import Collection

if TYPE_CHECKING:
    from ragkit.records.maintenance import CopyReport


def doctor(arguments: Namespace) -> int:
    """Run `ragkit doctor`; return its exit code."""
    settings = load_settings(arguments)
    report = Collection.doctor(
        locate_or_address(settings.collection),
        repair=arguments.repair,
        settings=settings,
        wait=arguments.wait,
        notify=print_message,
    )
    if arguments.json:
        render.print_json({**dataclasses.asdict(report), "worst": report.worst})
    else:
        print(maintenance.format_diagnoses(printable_record(report)))
    if arguments.bug_report:
        Collection.write_bug_report(report, arguments.bug_report, settings=settings)
        print_message(f"wrote {arguments.bug_report}; read it before you send it")
    return UNAVAILABLE if report.worst == "error" else 0


def backup(arguments: Namespace) -> int:
    """Run `ragkit backup`; return its exit code."""
    with open_collection(arguments) as collection:
        report = collection.backup(arguments.target, index_files=not arguments.no_index_files)
    return _show(arguments, "backed up", report)


def restore(arguments: Namespace) -> int:
    """Run `ragkit restore`; return its exit code."""
    folder = locate_collection(load_settings(arguments).collection)
    report = Collection.restore(
        arguments.source, folder, force=arguments.force, wait=arguments.wait
    )
    return _show(arguments, "restored", report)


def export(arguments: Namespace) -> int:
    """Run `ragkit export`; return its exit code."""
    with open_collection(arguments) as collection:
        report = collection.export(arguments.target)
    return _show(arguments, "exported", report)


def import_export(arguments: Namespace) -> int:
    """Run `ragkit import`; return its exit code."""
    folder = locate_collection(load_settings(arguments).collection)
    return _show(arguments, "imported", Collection.import_export(arguments.source, folder))


def _show(arguments: Namespace, verb: str, report: CopyReport) -> int:
    if arguments.json:
        render.print_json(dataclasses.asdict(report))
    else:
        print(maintenance.format_copy(verb, printable_record(report)))
    return 0
