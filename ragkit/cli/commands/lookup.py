"""Look into documents: `grep`, `glob`, `tree`, `read`, `related`, `topics`, `map`, `duplicates`.

A result that was cut says on stderr how to continue. Exit code 1: nothing found.
"""

from __future__ import annotations

import dataclasses
import shlex
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ragkit.cli import NOTHING_FOUND
from ragkit.cli.commands.groups import open_collection, open_group
from ragkit.cli.output import exploring, render
from ragkit.cli.output.terminal import format_count, print_message, printable_record, to_printable
from ragkit.errors import UsageError
from ragkit.lookup.budget import check_budget, take
from ragkit.lookup.grep import cursor_after
from ragkit.lookup.ranges import parse_range
from ragkit.records.exploring import duplicate_fields, topic_fields
from ragkit.records.hits import hit_fields
from ragkit.records.lookup import GrepMatch, ListEntry, Listing

Item = TypeVar("Item")
_GREP = ("ignore_case", "literal", "word", "glob", "context", "seconds", "where", "limit", "cursor")
_LIST = ("where", "limit", "cursor")


def grep(arguments: Namespace) -> int:
    """Run `ragkit grep`; return its exit code."""
    check_budget(arguments.max_tokens)
    with open_group(arguments) as group:
        found = group.grep(arguments.pattern, _given(arguments, _GREP))
    matches = take(found.matches, arguments.max_tokens, _match_text)
    cursor = found.cursor
    if len(matches) < len(found.matches):
        cursor = _prefix(matches[-1].citation, group.is_qualified) + cursor_after(matches[-1])
    if arguments.json:
        fields = dataclasses.asdict(dataclasses.replace(found, matches=()))
        rows = [dataclasses.asdict(match) for match in matches]
        render.print_json({**fields, "matches": rows, "cursor": cursor})
    else:
        for match in matches:
            print(to_printable(_match_text(match), lines=True))
    if found.notice is not None:
        print_message(found.notice)
    _say_how_to_continue(cursor)
    return 0 if matches else _nothing(arguments)


def _match_text(match: GrepMatch) -> str:
    """`leave.pdf#page=7 line 120: the line`, with the lines around it where there are any."""
    if not match.before and not match.after:
        return f"{match.place}: {' '.join(match.text.split())}"
    head = match.place
    first = match.line - len(match.before)
    lines = [*match.before, *match.text.split("\n"), *match.after]
    numbered = [f"{number:>6}  {line}" for number, line in enumerate(lines, start=first)]
    return "\n".join([head, *numbered, ""])


def _prefix(citation: str, is_qualified: bool) -> str:
    return f"{citation.partition(':')[0]}:" if is_qualified else ""


def glob(arguments: Namespace) -> int:
    """Run `ragkit glob`; return its exit code."""
    with open_group(arguments) as group:
        listing = group.glob(arguments.pattern, _given(arguments, _LIST))
    return _print_listing(arguments, listing, lambda entry: entry.citation)


def tree(arguments: Namespace) -> int:
    """Run `ragkit tree`; return its exit code."""
    with open_group(arguments) as group:
        listing = group.ls(arguments.path, _given(arguments, ("depth", *_LIST)))
        prefix = _prefix(arguments.path, group.is_qualified and ":" in arguments.path)
    folder = arguments.path.removeprefix(prefix).strip("/")
    several = {entry.path for entry in listing.entries if entry.citation != entry.path}

    def line(entry: ListEntry) -> str:
        path = entry.path.removeprefix(prefix)
        above, _, name = path.rstrip("/").rpartition("/")
        level = path.rstrip("/").count("/") - _depth_of(folder, path)
        if entry.path in several or f"{_prefix(entry.path, bool(prefix))}{above}/" in several:
            name = entry.citation.rstrip("/")  # the root is not clear from the lines above
        return f"{'  ' * max(0, level)}{name}{'/' * path.endswith('/')}{_summary(entry)}"

    return _print_listing(arguments, listing, line)


def _depth_of(folder: str, path: str) -> int:
    """How many folders of `path`, which is relative to its root, belong to the listed folder,
    which may be named after its root."""
    while folder and not path.startswith(f"{folder}/"):
        folder = folder.partition("/")[2]
    return folder.count("/") + bool(folder)


def _summary(entry: ListEntry) -> str:
    if entry.reason is not None:
        return f"  (not read: {entry.reason})"
    if entry.kind in ("folder", "container"):
        return f"  ({entry.documents:,} document{'s' * (entry.documents != 1)})"
    return f"  ({entry.characters:,} characters)" if entry.characters is not None else ""


def _print_listing(arguments: Namespace, listing: Listing, line: Callable[[ListEntry], str]) -> int:
    check_budget(arguments.max_tokens)
    entries = take(listing.entries, arguments.max_tokens, line)
    cursor = listing.cursor if len(entries) == len(listing.entries) else entries[-1].path
    if arguments.json:
        rows = [dataclasses.asdict(entry) for entry in entries]
        render.print_json({"entries": rows, "cursor": cursor, "total": listing.total})
    else:
        for entry in entries:
            print(to_printable(line(entry)))
    _say_how_to_continue(cursor)
    return 0 if entries else _nothing(arguments)


def read(arguments: Namespace) -> int:
    """Run `ragkit read`; return its exit code."""
    ranges = {
        name: parse_range(value, name)
        for name in ("lines", "pages")
        if (value := getattr(arguments, name)) is not None
    }
    with open_group(arguments) as group:
        rest = _given(arguments, ("max_tokens", "cursor"))
        part = group.read(arguments.reference, {**ranges, **rest})
    if arguments.json:
        render.print_json(dataclasses.asdict(part))
    elif arguments.number:
        lines = part.text.removesuffix("\n").split("\n")
        for number, line in enumerate(lines, start=part.first_line):
            print(f"{number:>6}  {to_printable(line)}")
    else:
        print(to_printable(part.text.removesuffix("\n"), lines=True))
    if part.stale:
        print_message(f"{part.path} has changed since indexing; run `ragkit index` to update")
    _say_how_to_continue(part.cursor)
    return 0


def related(arguments: Namespace) -> int:
    """Run `ragkit related`; return its exit code."""
    with open_group(arguments) as group:
        found = group.related(
            arguments.reference,
            {
                "k": arguments.top_k,
                **_given(arguments, ("around", "other_documents", "where")),
            },
        )
    groups = {"before": found.before, "after": found.after, "similar": found.similar}
    if arguments.json:
        rows = {name: [hit_fields(hit) for hit in hits] for name, hits in groups.items()}
        render.print_json({"passage": hit_fields(found.passage), **rows})
        return 0
    for name, hits in (("passage", (found.passage,)), *groups.items()):
        if hits:
            print(f"{name}:")
            print(render.format_hits(printable_record(list(hits))))
    return 0


def _given(arguments: Namespace, names: Sequence[str]) -> Mapping[str, Any]:
    """Return the arguments of these names that are set."""
    values = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def _say_how_to_continue(cursor: str | None) -> None:
    if cursor is not None:
        print_message(f"there is more; continue with: --cursor {shlex.quote(cursor)}")


def _nothing(arguments: Namespace) -> int:
    if not arguments.json:
        print_message("nothing found")
    return NOTHING_FOUND


def duplicates(arguments: Namespace) -> int:
    """Run `ragkit duplicates`; return its exit code."""
    with open_collection(arguments) as collection:
        report = collection.duplicates(arguments.min_score, limit=arguments.limit)
    if arguments.json:
        render.print_json(duplicate_fields(report, with_groups=not arguments.documents))
    else:
        print(exploring.format_duplicates(report, with_groups=not arguments.documents))
    return 0


def topics(arguments: Namespace) -> int:
    """Run `ragkit topics`; return its exit code."""
    with open_collection(arguments) as collection:
        report = collection.topics(
            count=arguments.count, rebuild=arguments.rebuild, wait=arguments.wait
        )
    if arguments.json:
        render.print_json(
            {
                "passages": report.passages,
                "silhouette": report.silhouette,
                "updated": report.updated,
                "topics": [
                    {
                        **topic_fields(topic),
                        "central": [hit_fields(hit) for hit in topic.central],
                    }
                    for topic in report.topics
                ],
            }
        )
    else:
        print(to_printable(exploring.format_topics(report), lines=True))
    return 0


def draw_map(arguments: Namespace) -> int:
    """Run `ragkit map`; return its exit code."""
    from ragkit.exploring.map import check_drawable  # not for other commands
    from ragkit.exploring.map import draw_map as draw

    if arguments.file is None and not arguments.json:
        raise UsageError("name the picture, as in: ragkit map map.png; or use --json")
    path = None if arguments.file is None else Path(arguments.file)
    if path is not None:
        check_drawable(path)
    with open_collection(arguments) as collection:
        report = collection.map(
            method=arguments.method, color=arguments.color, rebuild=arguments.rebuild
        )
    if path is not None and report.points:
        draw(report, path)
    if arguments.json:
        render.print_json(dataclasses.asdict(report))
    elif not report.points:
        print_message("no passage has a vector yet; run: ragkit index FOLDER")
    else:
        print(
            f"{arguments.file}: {format_count(len(report.points), 'passage')}, {report.method}, "
            f"{report.kept:,} where they were"
        )
    return 0
