"""`ragkit cache`: what ragkit keeps outside of collections, and how to be rid of it."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.errors import UsageError
from ragkit.maintenance import user_cache


def cache(arguments: Namespace) -> int:
    """Run `ragkit cache`; return its exit code."""
    if arguments.names and not arguments.clear:
        raise UsageError("names are for --clear, as in: ragkit cache --clear eval")
    entries = user_cache.clear(arguments.names) if arguments.clear else user_cache.list_entries()
    if arguments.json:
        render.print_json([dataclasses.asdict(entry) for entry in entries])
        return 0
    if arguments.clear:
        size = render.format_size(sum(entry.bytes for entry in entries))
        number = "1 entry" if len(entries) == 1 else f"{len(entries):,} entries"
        print(f"deleted {number}, {size}")
        return 0
    for entry in entries:
        kind = "cache" if entry.is_cache else "kept"
        size = render.format_size(entry.bytes)
        print(to_printable(f"{kind:<5} {size:>9}  {entry.path}  ({entry.purpose})"))
    if not entries:
        print_message("ragkit keeps nothing outside of collections yet")
    elif any(entry.is_cache for entry in entries):
        print_message("ragkit cache --clear [NAME] deletes what is marked cache")
    return 0
