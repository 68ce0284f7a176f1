"""CPU time of this checkout compared with that of an older one: whole commands, and searches in an
open collection.

    RAGKIT_BENCH_BEFORE=DIR python -m bench compare      DIR is a checkout of the older commit

Both run with this Python interpreter, each on collections that it made itself: one of data/, and
one of 10,000 short passages. The runs are interleaved in pairs (`RAGKIT_BENCH_PAIRS`, 15), and the
ratio is the median of the pairs with its 95 % bootstrap interval. `RAGKIT_BENCH_PARTS` selects some
of `commands`, `searches`, `indexing`, and `instructions`: the instructions that the commands
execute in the user's mode, counted by valgrind, which do not depend on what else the machine does.
With `RAGKIT_BENCH_FOLDER` the collections are kept there and used again.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.commands.ingest import write_files
from bench.retrieval.questions import DATA, QUESTIONS

PAIRS = int(os.environ.get("RAGKIT_BENCH_PAIRS", "15"))
PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "commands searches indexing").split()
HERE = Path(__file__).parents[2]
QUESTION = "how do I copy a database that is in use?"
SIDES = ("before", "after")
LARGE = "10,000 passages"  # a collection, and its folder
SEARCHES = 40  # in each of the two halves of a pair

# Reads a mode from each line, and answers with the CPU seconds of one search.
SEARCHER = """
import json, sys, time
import resource
from ragkit import Collection
questions = json.loads(sys.stdin.readline())
with Collection(sys.argv[1]) as collection:
    for line in sys.stdin:
        mode, first, count = json.loads(line)
        chosen = [questions[(first + n) % len(questions)] for n in range(count)]
        started = time.process_time()
        for question in chosen:
            collection.search(question, mode=mode)
        print((time.process_time() - started) / count, flush=True)
"""


class Side:
    """One of the two checkouts, with its collections in `folder`."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": str(checkout),
            "RAGKIT_DATA_DIR": str(folder / "user-data"),
            "RAGKIT_CACHE_DIR": str(folder / "user-cache"),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start Python with these arguments, in a folder without modules."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        return subprocess.Popen(
            [sys.executable, *arguments],
            **pipes, text=True, env=self._environment, cwd=self.folder,
        )  # fmt: skip

    def finish(self, *arguments: str) -> tuple[float, resource.struct_rusage]:
        """Run a command of ragkit; return its seconds and what the system counted of it."""
        started = time.perf_counter()
        process = self.start("-m", "ragkit", *arguments)
        process.stdin.close()
        process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        if process.returncode:
            raise SystemExit(f"ragkit {' '.join(arguments)} exited with {process.returncode}")
        return time.perf_counter() - started, usage

    def cpu(self, *arguments: str) -> float:
        """Return the CPU seconds of a command of ragkit, with those of its child processes."""
        _, usage = self.finish(*arguments)
        return usage.ru_utime + usage.ru_stime

    def instructions(self, *arguments: str) -> int:
        """Return the instructions that a command of ragkit executes."""
        tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
        run = subprocess.run(
            [*tool, "--cachegrind-out-file=/dev/null", sys.executable, "-m", "ragkit", *arguments],
            check=True, capture_output=True, text=True, cwd=self.folder,
            env={**self._environment, "PYTHONHASHSEED": "0"},
        )  # fmt: skip
        return int(re.findall(r"I +refs: +([0-9,]+)", run.stderr)[0].replace(",", ""))


def report(label: str, pairs: Sequence[tuple[float, float]]) -> None:
    """Print one row of the table; `pairs` are seconds before and after."""
    ratios = [after / before for before, after in pairs]
    chance = random.Random(0)
    medians = sorted(
        statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(10_000)
    )
    before, after = (1000 * statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"| {label} | {before:,.2f} | {after:,.2f} | {statistics.median(ratios):.3f} "
        f"| {medians[250]:.3f} to {medians[9749]:.3f} |",
        flush=True,
    )


def in_pairs(measure: Sequence[Callable[[], float]]) -> list[tuple[float, float]]:
    """Return the results of the two functions, called by turns, each first in half of the pairs."""
    pairs = []
    for number in range(PAIRS + 1):
        order = (0, 1) if number % 2 else (1, 0)
        seconds = {index: measure[index]() for index in order}
        pairs.append((seconds[0], seconds[1]))
    return pairs[1:]  # the first one warms the caches


def commands_on(collection: str) -> dict[str, list[str]]:
    """Return the commands that are compared, by name."""
    commands: dict[str, list[str]] = {
        "`query`": ["query", QUESTION],
        "`query --mode lexical`": ["query", "--mode", "lexical", QUESTION],
        "`query --mode hybrid`": ["query", "--mode", "hybrid", QUESTION],
        "`status`": ["status"],
        "`ls`": ["ls"],
    }
    commands = {label: ["-c", collection, *words] for label, words in commands.items()}
    return commands | ({"`--help`": ["--help"]} if collection == "data" else {})


def compare_commands(sides: Sequence[Side], collection: str) -> None:
    for label, command in commands_on(collection).items():
        runs = [lambda side=side, command=command: side.cpu(*command) for side in sides]
        report(f"{label}, {collection}", in_pairs(runs))


def compare_instructions(sides: Sequence[Side], collection: str) -> None:
    """Print a table with the millions of instructions of one run of each command."""
    print("\n| what, million instructions | before | after | ratio |\n|---|---|---|---|")
    for label, command in commands_on(collection).items():
        for side in sides:
            side.cpu(*command)  # compiles the modules
        before, after = (side.instructions(*command) / 1e6 for side in sides)
        print(f"| {label}, {collection} | {before:,.0f} | {after:,.0f} | {after / before:.3f} |")


def compare_searches(sides: Sequence[Side], collection: str) -> None:
    questions = [question["question"].replace('"', "") for question in QUESTIONS]
    with ExitStack() as stack:
        processes = [stack.enter_context(side.start("-c", SEARCHER, collection)) for side in sides]
        for process in processes:
            process.stdin.write(json.dumps(questions) + "\n")

        def search(process: subprocess.Popen[str], mode: str, first: int) -> float:
            process.stdin.write(json.dumps([mode, first, SEARCHES]) + "\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        for mode in ("dense", "lexical", "hybrid"):
            for process in processes:
                search(process, mode, 0)
                search(process, mode, SEARCHES)  # all vectors of the queries are cached now
            runs = [
                lambda process=process, mode=mode: search(process, mode, 0) for process in processes
            ]
            report(f"search in an open collection, {mode}, {collection}", in_pairs(runs))


def compare_indexing(sides: Sequence[Side]) -> None:
    """Index copies of a part of data/: all new, nothing changed, one file changed."""
    for side in sides:
        notes = side.folder / "notes"
        notes.mkdir(exist_ok=True)
        for file in sorted((DATA / "notes").iterdir()):
            (notes / file.name).write_bytes(file.read_bytes())
    time.sleep(2.5)  # until the files' time stamps are old enough to be trusted
    count = iter(range(1_000_000))

    def first(side: Side) -> float:
        return side.cpu("-c", f"new-{next(count)}-{os.getpid()}", "index", "notes")

    def changed(side: Side) -> float:
        path = side.folder / "notes" / "changed.md"
        path.write_text(f"Note {next(count)} says something else.\n")
        time.sleep(0.05)
        return side.cpu("-c", "notes-kit", "index", "notes")

    report("`index` of data/notes", in_pairs([lambda s=s: first(s) for s in sides]))
    report("`index`, one file changed", in_pairs([lambda s=s: changed(s) for s in sides]))
    for collection in ("data", LARGE):
        runs = [lambda s=s, c=collection: s.cpu("-c", c, "index") for s in sides]
        report(f"`index`, nothing changed, {collection}", in_pairs(runs))


def build(side: Side) -> None:
    """Make the collections that are missing: `data`, and `10,000 passages` if it is needed."""
    if not (side.folder / "data" / "ragkit.db").exists():
        side.cpu("-c", "data", "index", str(DATA))
    if PARTS != ["instructions"] and not (side.folder / LARGE / "ragkit.db").exists():
        write_files(side.folder / "files", 10_000)
        time.sleep(2.5)
        side.cpu("-c", LARGE, "index", "files")


def main() -> None:
    before = os.environ.get("RAGKIT_BENCH_BEFORE")
    if before is None:
        raise SystemExit("RAGKIT_BENCH_BEFORE has to name a checkout of the older commit")
    with tempfile.TemporaryDirectory() as temporary:
        kept = Path(os.environ.get("RAGKIT_BENCH_FOLDER", temporary))
        sides = [
            Side(Path(checkout).resolve(), kept / name)
            for name, checkout in zip(SIDES, (before, HERE), strict=True)
        ]
        for side in sides:
            build(side)
        print("\n| what, CPU ms | before | after | ratio | 95 % interval |\n|---|---|---|---|---|")
        for collection in ("data", LARGE):
            if "commands" in PARTS:
                compare_commands(sides, collection)
            if "searches" in PARTS:
                compare_searches(sides, collection)
        if "indexing" in PARTS:
            compare_indexing(sides)
        if "instructions" in PARTS:
            compare_instructions(sides, "data")


if __name__ == "__main__":
    main()
