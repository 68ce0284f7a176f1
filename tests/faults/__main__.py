"""`python -m tests.faults`: the full run. Prints a table; exits with 1 if a case went wrong.

The state file has one line for each finished case: a run that is interrupted continues with the
same command. Delete the file, or name another, to begin again.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from tests.faults import campaign, figures, shim
from tests.faults.campaign import Result, State

parser = argparse.ArgumentParser(prog="python -m tests.faults")
parser.add_argument("--state", type=Path, default=Path("faults-state.jsonl"))
parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
parser.add_argument("--small", action="store_true", help="only the cases that CI runs")
parser.add_argument("--only", nargs="*", help="kinds of faults; all if none is named")
parser.add_argument("--every", type=int, default=1, help="only every nth case")
parser.add_argument("--table", action="store_true", help="only print the table of the state file")
parser.add_argument("--folder", type=Path, help="where the cases work; in memory if there is room")
parser.add_argument("--page", type=Path, help="only write the figures into docs/guarantees.md")
parser.add_argument("--retry", action="store_true", help="run the cases again that went wrong")


def main() -> int:
    arguments = parser.parse_args()
    state = State.load(arguments.state)
    if arguments.retry:
        state.results = {
            key: result for key, result in state.results.items() if not result.problems
        }
    if not (arguments.table or arguments.page):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # cleans up, as Ctrl-C does
        if shim.build() is None:
            print("no C compiler: power cuts and failing calls are left out", file=sys.stderr)
        calls = campaign.measure()
        tasks = campaign.small(calls) if arguments.small else campaign.full(calls)
        tasks = [task for task in tasks if not arguments.only or task.kind in arguments.only]
        tasks = campaign.mixed(tasks)[:: arguments.every]
        state.begin(tasks, figures.commit())
        count = 0

        def report(result: Result) -> None:
            nonlocal count
            count += 1
            if result.problems:
                print(f"WRONG {result.key}: {result.problems[0][:500]}", flush=True)
            if count % 100 == 0:
                print(f"{len(state.results)} of {len(tasks)} cases", file=sys.stderr, flush=True)

        campaign.run(tasks, arguments.jobs, state, report, arguments.folder)
    if arguments.page:
        figures.write(arguments.page, state)
    else:
        print(figures.table(state))
    return int(any(result.problems for result in state.results.values()))


if __name__ == "__main__":
    sys.exit(main())
