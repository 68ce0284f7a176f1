"""`ragkit judge`: store and list what a user found relevant to a query."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli.commands.groups import open_collection
from ragkit.cli.output import render
from ragkit.cli.output.terminal import to_printable
from ragkit.errors import UsageError
from ragkit.records.reports import Judgement
from ragkit.records.text import shorten


def judge(arguments: Namespace) -> int:
    """Run `ragkit judge`; return its exit code. Without a query, list all judgements."""
    verdict = arguments.relevant or arguments.not_relevant or arguments.forget
    if arguments.query is not None and not verdict:
        raise UsageError("expected --relevant, --not-relevant or --forget")
    if arguments.query is None and verdict:
        raise UsageError('expected a query and passages: ragkit judge "QUERY" REF… --relevant')
    with open_collection(arguments) as collection:
        if arguments.query is None:
            found = collection.judgements()
        else:
            relevant = None if arguments.forget else bool(arguments.relevant)
            found = collection.judge(arguments.query, arguments.references, relevant=relevant)
    if arguments.json:
        render.print_json([dataclasses.asdict(each) for each in found])
    else:
        _print_judgements(found)
    return 0


def _print_judgements(found: list[Judgement]) -> None:
    query = None
    for judgement in found:
        if judgement.query != query:
            query = judgement.query
            print(to_printable(query))
        sign = "+" if judgement.relevant else "-"
        quote = shorten(judgement.quote) if judgement.quote else "the whole document"
        gone = "" if judgement.span else "  (no longer in the collection)"
        print(f"  {sign} {to_printable(judgement.path)}: {to_printable(quote)}{gone}")
