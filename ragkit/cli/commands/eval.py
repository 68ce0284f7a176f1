"""`ragkit eval`: measure retrieval on a labelled dataset, and print the measures."""

from __future__ import annotations

import dataclasses
from argparse import Namespace

from ragkit.cli.commands.collection import load_settings
from ragkit.cli.output import render
from ragkit.cli.output.terminal import print_message, to_printable
from ragkit.collection import Collection


def evaluate(arguments: Namespace) -> int:
    """Run `ragkit eval`; return its exit code."""
    from ragkit.cli.output.progress import progress

    with progress() as show:
        result = Collection.evaluate_dataset(
            arguments.dataset,
            settings=load_settings(arguments),
            protocol=arguments.protocol,
            rerank=bool(arguments.rerank),
            run=arguments.run_file,
            wait=arguments.wait,
            notify=print_message,
            on_progress=show,
        )
    fields = dataclasses.asdict(result)
    fields |= {name: round(value, 4) for name, value in fields.pop("measures").items()}
    del fields["ms_per_query"]
    fields["ms_per_query"] = round(result.ms_per_query, 2)  # last, as documented
    if arguments.json:
        render.print_json(fields)
        return 0
    print(
        f"{to_printable(result.dataset)}, {result.mode}, protocol {result.protocol}, "
        f"{result.queries:,} {'query' if result.queries == 1 else 'queries'}, "
        f"{result.ms_per_query:.1f} ms each"
    )
    print("  ".join(f"{name} {value:.3f}" for name, value in result.measures.items()))
    return 0
