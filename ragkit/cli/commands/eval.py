"""`ragkit eval`: call, show how far it is, say what came out."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli.commands.collection import load_settings
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable


def evaluate(arguments: Namespace) -> int:
    """`ragkit eval`."""
    from ragkit.cli.output.progress import progress
    from ragkit.evaluation import run

    with progress() as show:
        found = run.evaluate(
            arguments.dataset,
            settings=load_settings(arguments),
            protocol=arguments.protocol,
            rerank=bool(arguments.rerank),
            run=arguments.run_file,
            notify=print_message,
            on_progress=show,
        )
    fields = dataclasses.asdict(found)
    fields |= {name: round(value, 4) for name, value in fields.pop("measures").items()}
    del fields["ms_per_query"]
    fields["ms_per_query"] = round(found.ms_per_query, 2)  # at the end, as the contract has it
    if arguments.json:
        render.json_line(fields)
        return 0
    print(
        f"{to_printable(found.dataset)}, {found.mode}, protocol {found.protocol}, "
        f"{found.queries:,} {'query' if found.queries == 1 else 'queries'}, "
        f"{found.ms_per_query:.1f} ms each"
    )
    print("  ".join(f"{name} {value:.3f}" for name, value in found.measures.items()))
    return 0
