"""The commands that manage a collection. Each returns an exit code."""

from __future__ import annotations

import contextlib
import dataclasses
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit.cli import WRONG_USAGE
from ragkit.cli.commands.groups import (
    load_settings,
    locate_or_address,
    open_collection,
    open_group,
)
from ragkit.cli.commands.locate import LOCAL_FOLDER, locate_collection
from ragkit.cli.output import coverage, render
from ragkit.cli.output.terminal import format_count, print_message, printable_record, to_printable
from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.records.reports import UNREAD_STATUSES
from ragkit.storage.sqlite.database import FILE_NAME

if TYPE_CHECKING:
    from ragkit.ingest.writer import Progress
    from ragkit.records.reports import Coverage, IndexReport


def init(arguments: Namespace) -> int:
    """Run `ragkit init`; return its exit code."""
    named = getattr(arguments, "collection", None)
    if named is not None and arguments.folder is not None:
        raise UsageError("name the folder once: ragkit init DIR, or ragkit -c DIR init")
    folder = Path(named) if named else Path(arguments.folder or ".") / LOCAL_FOLDER
    existed = (folder / FILE_NAME).exists()
    with Collection(folder, notify=print_message) as collection:
        fields = {"collection": str(collection.folder), "created": not existed}
    if arguments.json:
        render.print_json(fields)
    else:
        print(
            f"{'there is already a collection' if existed else 'created an empty collection'} "
            f"in {to_printable(str(folder))}"
        )
    return 0


def index(arguments: Namespace) -> int:
    """Run `ragkit index`; return its exit code."""
    from ragkit.ingest.plan import is_missing

    for path in arguments.paths:  # before a collection is created for nothing
        if is_missing(path):
            raise UsageError(f"no file or folder at {path}")
    folder = locate_or_address(load_settings(arguments).collection)
    if arguments.on is not None or arguments.shards is not None or Collection.is_sharded(folder):
        return _index_shards(arguments, folder)
    if (
        arguments.dry_run
        and not (locate_collection(load_settings(arguments).collection) / FILE_NAME).exists()
    ):
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            arguments.collection = folder
            return _index(arguments)
    return _index(arguments)


def _index_shards(arguments: Namespace, folder: str | Path) -> int:
    """Run `ragkit index` on a sharded collection; return its exit code."""
    from ragkit.cli.output.progress import progress
    from ragkit.maintenance import sharded_index

    if arguments.watch:
        raise UsageError("--watch does not work on a sharded collection; run index again instead")
    options = sharded_index.ShardedIndexOptions(
        paths=arguments.paths,
        shards=arguments.shards,
        model=arguments.model,
        include=arguments.include,
        exclude=arguments.exclude,
        dry_run=arguments.dry_run,
        prune=arguments.prune,
        rebuild=arguments.rebuild,
        password_file=arguments.password_file,
        wait=arguments.wait,
    )
    settings = load_settings(arguments)
    before_step = _background(settings.nice)
    with contextlib.ExitStack() as stack:
        update = sharded_index.index
        if arguments.on is not None:
            from ragkit.cluster.session import connected

            stack.enter_context(connected(arguments.on))
            from ragkit.cluster.ingest import index as update
        show = stack.enter_context(progress())

        def step(done: Progress) -> None:
            before_step()
            show(done)

        report = update(folder, options, settings, None, print_message, step)
    _show_report(arguments, report)
    return _exit_code(arguments, report)


def _index(arguments: Namespace) -> int:
    from ragkit.cli.output.progress import progress

    before_step = _background(load_settings(arguments).nice)
    with open_collection(arguments, create=True) as collection:
        paths = arguments.paths
        if not paths and collection.folder.name == LOCAL_FOLDER and not collection.status().roots:
            paths = [collection.folder.parent]  # `ragkit init`, then `ragkit index`
        with progress() as show:

            def step(done: Progress) -> None:
                before_step()
                show(done)

            report = collection.index(
                paths,
                model=arguments.model,
                include=arguments.include,
                exclude=arguments.exclude,
                dry_run=arguments.dry_run,
                prune=arguments.prune,
                rebuild=arguments.rebuild,
                password_file=arguments.password_file,
                wait=arguments.wait,
                on_progress=step,
            )
        _show_report(arguments, report)
        if report.coverage is not None and not report.coverage.files:
            print_message(_no_files(report.coverage, collection.status().roots))
        if arguments.watch and not arguments.dry_run:
            for report in collection.watch(
                arguments.paths,
                password_file=arguments.password_file,
                on_progress=lambda _: before_step(),
            ):
                _show_report(arguments, report)
    return _exit_code(arguments, report)


def _exit_code(arguments: Namespace, report: IndexReport) -> int:
    """Return the exit code of `ragkit index`; with --strict, say what is missing."""
    if arguments.strict and report.missing:
        for line in coverage.format_missing(report.missing).split("\n"):
            print_message(line)
        return WRONG_USAGE
    return 0


def _background(is_nice: bool) -> Callable[[], None]:
    """Lower the priority of this process if `is_nice`. Returns what is to be called before each
    step of a run: it waits while the computer runs on battery."""
    if not is_nice:
        return lambda: None
    from ragkit.maintenance import background

    background.lower_priority()
    return background.PowerPause(print_message).wait


def _no_files(found: Coverage, roots: Sequence[str]) -> str:
    """The message of a run that has found no document."""
    where = ", ".join(roots)
    if found.left_out:
        return f"nothing to index in {where}; ragkit ls --failed lists what rules leave out"
    return f"nothing to index: there is no file in {where}"


def _show_report(arguments: Namespace, report: IndexReport) -> None:
    for warning in report.warnings:
        print_message(warning)
    if arguments.json:
        render.print_json(render.report_fields(report))
    else:
        print(render.format_report(printable_record(report)), flush=True)


def get(arguments: Namespace) -> int:
    """Run `ragkit get`; return its exit code."""
    if arguments.context < 0:
        raise UsageError(f"context is {arguments.context}; expected 0 or more lines")
    with open_group(arguments) as group:
        excerpt = group.get(arguments.reference, arguments.context)
    if arguments.json:
        render.print_json(render.excerpt_fields(excerpt))
    else:
        print(printable_record(excerpt).text)
    if excerpt.stale:
        print_message(f"{excerpt.path} has changed since indexing; run `ragkit index` to update")
    return 0


def status(arguments: Namespace) -> int:
    """Run `ragkit status`; return its exit code."""
    with open_collection(arguments) as collection:
        current = collection.status()
    if arguments.json:
        render.print_json(render.status_fields(current))
    else:
        print(render.format_status(printable_record(current)))
    return 0


def ls(arguments: Namespace) -> int:
    """Run `ragkit ls`; return its exit code."""
    if arguments.why:
        return _explain_paths(arguments)
    with open_collection(arguments) as collection:
        files = collection.files(paths=arguments.paths)
    if arguments.failed:
        files = [file for file in files if file.status in UNREAD_STATUSES or file.unread]
    if arguments.json:
        render.print_json([dataclasses.asdict(file) for file in files])
    elif files:
        print(coverage.format_files(printable_record(files), parts=arguments.failed))
    else:
        print_message(_nothing_listed(arguments))
    return 0


def _nothing_listed(arguments: Namespace) -> str:
    """Why `ls` lists no file."""
    if arguments.failed:
        return "every file was read"
    return "no file below these paths" if arguments.paths else coverage.EMPTY_COLLECTION


def _explain_paths(arguments: Namespace) -> int:
    """Run `ragkit ls --why`. A path that is neither indexed nor on the disk is a wrong argument."""
    if not arguments.paths:
        raise UsageError("--why needs a path, as in: ragkit ls --why PATH")
    with open_collection(arguments) as collection:
        explanations = [collection.explain(path) for path in arguments.paths]
    if arguments.json:
        render.print_json([dataclasses.asdict(explanation) for explanation in explanations])
    else:
        print(coverage.format_explanations(printable_record(explanations)))
    is_unknown = any(explanation.state == "unknown" for explanation in explanations)
    return WRONG_USAGE if is_unknown else 0


def remove(arguments: Namespace) -> int:
    """Run `ragkit remove`; return its exit code."""
    settings = load_settings(arguments)
    folder = locate_or_address(settings.collection)
    if Collection.is_sharded(folder):
        removed = Collection.remove_from_shards(
            folder, arguments.paths, settings=settings, wait=arguments.wait, notify=print_message
        )
    else:
        with open_collection(arguments) as collection:
            removed = collection.remove(arguments.paths, wait=arguments.wait)
    if arguments.json:
        render.print_json({"removed": removed})
    else:
        print(f"removed {format_count(removed, 'document')}")
    return 0


def completion(arguments: Namespace) -> int:
    """Run `ragkit completion`; return its exit code."""
    from ragkit.cli.arguments.parser import every_action, parser
    from ragkit.cli.output import completion as scripts

    top = parser()
    if arguments.shell == "fish":
        print(scripts.format_fish(top))
    elif arguments.shell == "powershell":
        print(scripts.format_powershell(top))
    else:
        import shtab

        for action in every_action(top):
            if action.dest in scripts.PATH_ARGUMENTS:
                action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own convention
        print(shtab.complete(top, arguments.shell))
    return 0
