"""One function a command: open the collection, call it, render. Each returns an exit code."""

from __future__ import annotations

import dataclasses
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit import settings as configuration
from ragkit.cli import WRONG_USAGE
from ragkit.cli.commands.locate import LOCAL, locate
from ragkit.cli.output import coverage, render
from ragkit.cli.output.terminal import counted, printable, shown, tell
from ragkit.collection import Collection
from ragkit.errors import UsageError
from ragkit.storage.sqlite.database import FILE_NAME

if TYPE_CHECKING:
    from ragkit.records.reports import IndexReport


def settings_of(arguments: Namespace) -> configuration.Settings:
    """The settings in force, the flags of this command among them."""
    names = (
        "collection", "model", "precision", "dimensions", "mode", "fusion", "top_k", "records",
        "reranker",
    )  # fmt: skip
    return configuration.load(flags={name: getattr(arguments, name, None) for name in names})


def opened(
    arguments: Namespace, *, create: bool = False, notify: Callable[[str], None] = tell
) -> Collection:
    """The collection that is meant, open."""
    settings = settings_of(arguments)
    folder = locate(settings.collection)
    return Collection(folder, create=create, settings=settings, notify=notify)


def init(arguments: Namespace) -> int:
    """`ragkit init`."""
    named = getattr(arguments, "collection", None)
    if named is not None and arguments.folder is not None:
        raise UsageError("name the folder once: ragkit init DIR, or ragkit -c DIR init")
    folder = Path(named) if named else Path(arguments.folder or ".") / LOCAL
    there = (folder / FILE_NAME).exists()
    with Collection(folder, notify=tell) as collection:
        made = {"collection": str(collection.folder), "created": not there}
    if arguments.json:
        render.json_line(made)
    else:
        print(
            f"{'a collection is already' if there else 'made an empty collection'} "
            f"in {printable(str(folder))}"
        )
    return 0


def index(arguments: Namespace) -> int:
    """`ragkit index`."""
    for path in arguments.paths:  # before a collection is made for nothing
        if not Path(path).expanduser().exists():
            raise UsageError(f"no file or folder at {path}")
    if arguments.dry_run and not (locate(settings_of(arguments).collection) / FILE_NAME).exists():
        import tempfile

        with tempfile.TemporaryDirectory() as nowhere:
            arguments.collection = nowhere
            return _index(arguments)
    return _index(arguments)


def _index(arguments: Namespace) -> int:
    from ragkit.cli.output.progress import progress

    with opened(arguments, create=True) as collection:
        with progress() as show:
            report = collection.index(
                arguments.paths,
                model=arguments.model,
                include=arguments.include,
                exclude=arguments.exclude,
                dry_run=arguments.dry_run,
                prune=arguments.prune,
                rebuild=arguments.rebuild,
                on_progress=show,
            )
        _show_report(arguments, report)
        if arguments.watch and not arguments.dry_run:
            for report in collection.watch(arguments.paths):
                _show_report(arguments, report)
    if arguments.strict and report.missing:
        for line in coverage.missing(report.missing).split("\n"):
            tell(line)
        return WRONG_USAGE
    return 0


def _show_report(arguments: Namespace, report: IndexReport) -> None:
    for warning in report.warnings:
        tell(warning)
    if arguments.json:
        render.json_line(render.report_fields(report))
    else:
        print(render.report(shown(report)), flush=True)


def get(arguments: Namespace) -> int:
    """`ragkit get`."""
    if arguments.context < 0:
        raise UsageError(f"context is {arguments.context}; expected 0 or more lines")
    with opened(arguments) as collection:
        excerpt = collection.get(arguments.reference, arguments.context)
    if arguments.json:
        render.json_line(render.excerpt_fields(excerpt))
    else:
        print(shown(excerpt).text)
    if excerpt.stale:
        tell(f"{excerpt.path} has changed or gone since it was indexed; mend with: ragkit index")
    return 0


def status(arguments: Namespace) -> int:
    """`ragkit status`."""
    with opened(arguments) as collection:
        found = collection.status()
    if arguments.json:
        render.json_line(render.status_fields(found))
    else:
        print(render.status(shown(found)))
    return 0


def ls(arguments: Namespace) -> int:
    """`ragkit ls`."""
    if arguments.why:
        return _why(arguments)
    with opened(arguments) as collection:
        files = collection.files(paths=arguments.paths)
    if arguments.failed:
        files = [file for file in files if file.status in ("failed", "skipped") or file.unread]
    if arguments.json:
        render.json_line([dataclasses.asdict(file) for file in files])
    elif files:
        print(coverage.files(shown(files), parts=arguments.failed))
    return 0


def _why(arguments: Namespace) -> int:
    """`ragkit ls --why`: wrong input where a path is nowhere at all."""
    if not arguments.paths:
        raise UsageError("--why needs a path, as in: ragkit ls --why PATH")
    with opened(arguments) as collection:
        found = [collection.explain(path) for path in arguments.paths]
    if arguments.json:
        render.json_line([dataclasses.asdict(each) for each in found])
    else:
        print(coverage.explanations(shown(found)))
    return WRONG_USAGE if any(each.state == "unknown" for each in found) else 0


def remove(arguments: Namespace) -> int:
    """`ragkit remove`."""
    with opened(arguments) as collection:
        removed = collection.remove(arguments.paths)
    if arguments.json:
        render.json_line({"removed": removed})
    else:
        print(f"removed {counted(removed, 'document')}")
    return 0


def completion(arguments: Namespace) -> int:
    """`ragkit completion`."""
    import shtab

    from ragkit.cli.arguments.parser import every_action, parser

    top = parser()
    for action in every_action(top):
        if action.dest in ("paths", "folder", "collection", "pairs", "output", "dev"):
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own convention
    print(shtab.complete(top, arguments.shell))
    return 0
