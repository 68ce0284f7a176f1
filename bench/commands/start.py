"""Start-up time: `--help`, `status`, `index` without changes, and one query in a new process."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.process import measure, measure_median, ragkit

DATA = Path(__file__).parents[2] / "data"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        indexed = measure(ragkit("-c", folder, "index", str(DATA)))
        print(f"\n{indexed.output.strip()}\n")
        question = "how do I copy a database that is in use?"
        print("| command | wall ms | CPU ms | peak MB |\n|---|---|---|---|")
        for arguments in (
            ("--help",),
            ("-c", folder, "status"),
            ("-c", folder, "index"),
            ("-c", folder, "query", question),
            ("-c", folder, "query", question, "--mode", "lexical"),
            ("-c", folder, "query", question, "--mode", "hybrid"),
        ):
            run = measure_median(ragkit(*arguments))
            label = " ".join(
                argument for argument in arguments if argument not in ("-c", folder, question)
            )
            print(f"| {label} | {run.wall * 1e3:.0f} | {run.cpu * 1e3:.0f} | {run.peak:.0f} |")
