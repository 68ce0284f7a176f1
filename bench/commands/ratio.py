"""This checkout compared with an older commit, row by row of the table of the performance goals.

    RAGKIT_BENCH_BEFORE=COMMIT python -m bench ratio     COMMIT, or the folder of a checkout

A commit is checked out with `git worktree` beside this one for the time of the run. Both sides run
with this Python interpreter, in pairs, each first in half of them, on files and collections of
their own. A ratio is the median of the pairs, after / before; the spread is its smallest and
largest. `RAGKIT_BENCH_SIZE=full` takes 10,000 passages with the real model and 100,000 files (an
hour); the default, about nine minutes on a quiet machine, a tenth of them. `RAGKIT_BENCH_ROWS`
selects rows by the beginning of their names, separated by commas. What needs more than this machine
has at hand (10,000,000 vectors, 1,000,000 files, other processors) is in `bench vectors` and
`bench load`.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.commands.compare import HERE, SIDES, Side
from bench.commands.ingest import write_files
from bench.process import PEAK_SCALE
from bench.retrieval.questions import DATA

CHILD = Path(__file__).with_name("ratio_child.py")
IS_FULL = os.environ.get("RAGKIT_BENCH_SIZE") == "full"
PASSAGES, UNCHANGED = (10_000, 100_000) if IS_FULL else (1_000, 10_000)
SEARCHED = 10_000
PAIRS, LONG_PAIRS = (7, 3) if IS_FULL else (3, 2)  # of quick rows, and of those that take long
WATCHED_SECONDS = 10.0
Measures = dict[str, float]


class Row(NamedTuple):
    """A measurement of one side, which returns one or more figures by name, and how many pairs."""

    measure: Callable[[Side], Measures]
    pairs: int = PAIRS


def run(side: Side, *arguments: str) -> Measures:
    """Run a command of ragkit; return its seconds, CPU seconds and peak memory in MB."""
    seconds, usage = side.finish(*arguments)
    return {
        "s": seconds,
        "CPU s": usage.ru_utime + usage.ru_stime,
        "MB": usage.ru_maxrss / PEAK_SCALE,
    }


def child(side: Side, *arguments: str) -> float:
    """Return the number that a function of `ratio_child` prints; not a number where it fails."""
    process = side.start(str(CHILD), *arguments)
    output, _ = process.communicate()
    return float(output) if process.returncode == 0 else float("nan")


def new_collection(side: Side) -> Path:
    """Return the folder of a collection that does not exist yet; forget all cached vectors."""
    shutil.rmtree(side.folder / "user-cache", ignore_errors=True)
    return side.folder / f"new-{time.time_ns()}"


def write_texts(folder: Path, words: list[str], count: int) -> None:
    """Write `count` files of eighty of these words each, all different, a hundred per folder."""
    chance = random.Random(1)
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"text-{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(chance.sample(words, 80)) + "\n", "utf-8")


def prepare(side: Side) -> None:
    """Make the files and the collections that the rows need."""
    texts = [path.read_text(errors="replace") for path in sorted(DATA.rglob("*.md"))]
    words = [word for text in texts for word in text.split()]
    (side.folder / "words.json").write_text(json.dumps(words))
    lines = (DATA / "questions.jsonl").read_text("utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines]
    (side.folder / "questions.json").write_text(json.dumps(questions))
    write_texts(side.folder / "texts", words, SEARCHED)
    write_files(side.folder / "files", SEARCHED)
    write_files(side.folder / "unchanged", UNCHANGED)
    time.sleep(2.5)  # until the files' time stamps are old enough to be trusted
    write_files(side.folder / "passages", PASSAGES)
    child(side, "make_collection", str(side.folder))
    side.cpu("-c", "data", "index", str(DATA / "notes"))


def index_all(side: Side) -> Measures:
    return run(side, "-c", str(new_collection(side)), "index", "passages")


def index_documents(side: Side) -> Measures:
    return run(side, "-c", str(new_collection(side)), "index", str(DATA))


def index_unchanged(side: Side) -> Measures:
    """The run after a run that has indexed them all; the first pair makes the collections."""
    if not (side.folder / "unchanged-kit" / "ragkit.db").exists():
        code = (
            f"import sys; sys.path.insert(0, {str(CHILD.parent)!r}); "
            "from ratio_child import RandomEncoder; from ragkit import Collection; "
            "kit = Collection('unchanged-kit', encoder=RandomEncoder()); kit.index('unchanged')"
        )
        side.start("-c", code).communicate()
    code = (
        f"import sys; sys.path.insert(0, {str(CHILD.parent)!r}); import resource, time; "
        "started = time.perf_counter(); "
        "from ratio_child import RandomEncoder; from ragkit import Collection; "
        "kit = Collection('unchanged-kit', encoder=RandomEncoder()); kit.index('unchanged'); "
        "usage = resource.getrusage(resource.RUSAGE_SELF); "
        "print(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)"
    )
    output, _ = side.start("-c", code).communicate()
    seconds, cpu, peak = map(float, output.split())
    return {"s": seconds, "CPU s": cpu, "MB": peak / PEAK_SCALE}


def first_hits(side: Side) -> Measures:
    """A folder of files is indexed in one process, and searched in another until it has a hit."""
    collection = new_collection(side)
    indexing = side.start("-m", "ragkit", "-c", str(collection), "index", "files")
    try:
        return {"s": child(side, "first_hit", str(collection))}
    finally:
        indexing.terminate()
        indexing.communicate()


def watch(side: Side) -> Measures:
    """CPU time of `index --watch` in ten seconds in which nothing changes."""
    process = side.start("-m", "ragkit", "-c", "data", "index", "--watch")
    try:
        time.sleep(WATCHED_SECONDS)
        before = cpu_ticks(process.pid)
        time.sleep(WATCHED_SECONDS)
        ticks = cpu_ticks(process.pid) - before
    finally:
        process.terminate()
        process.communicate()
    return {"CPU ms per s": 1000 * ticks / os.sysconf("SC_CLK_TCK") / WATCHED_SECONDS}


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def loss_beside(side: Side, *options: str) -> Measures:
    """How much of the work of other programs, one on each core, is lost while ragkit indexes."""
    alone = work_done(6.0)
    process = side.start(
        "-m", "ragkit", "-c", str(new_collection(side)), "index", *options, "files"
    )
    time.sleep(4.0)  # until it embeds
    beside = work_done(6.0)
    process.terminate()
    process.communicate()
    return {"% lost": 100 * (1 - beside / alone)}


def work_done(seconds: float) -> int:
    """Return how often one process on each core gets through a loop."""
    code = (
        f"import time; done, end = 0, time.monotonic() + float({seconds})\n"
        "while time.monotonic() < end: sum(range(10_000)); done += 1\n"
        "print(done)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(os.cpu_count() or 1)
    ]
    return sum(int(process.communicate()[0]) for process in processes)


ROWS: dict[str, Row] = {
    f"keyword search, {SEARCHED:,} passages": Row(
        lambda side: {"ms": child(side, "search", str(side.folder), "lexical")}
    ),
    f"hybrid search, {SEARCHED:,} passages": Row(
        lambda side: {"ms": child(side, "search", str(side.folder), "hybrid")}
    ),
    "encoding, fp32": Row(
        lambda side: {"CPU ms a passage": child(side, "encode", str(side.folder))}
    ),
    "writing the word index": Row(
        lambda side: {"CPU ms for 1,000": child(side, "word_index", str(side.folder))}
    ),
    f"`index` of {PASSAGES:,} passages": Row(index_all, LONG_PAIRS),
    "`index` of data/": Row(index_documents, LONG_PAIRS),
    f"first keyword hit, {SEARCHED:,} files": Row(first_hits, LONG_PAIRS),
    f"unchanged, {UNCHANGED:,} files": Row(index_unchanged),
    "`index --watch`, idle": Row(watch, 1),
    "other programs beside `index`": Row(loss_beside, LONG_PAIRS),
    "other programs beside `index --nice`": Row(
        lambda side: loss_beside(side, "--nice"), LONG_PAIRS
    ),
}


@contextlib.contextmanager
def checkout(before: str) -> Iterator[Path]:
    """Yield the folder of the older checkout; a commit is checked out for the time of the block."""
    if Path(before).is_dir():
        yield Path(before).resolve()
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "before"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(folder), before], check=True)
        try:
            yield folder
        finally:
            subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def measure(row: Row, sides: Sequence[Side]) -> list[tuple[Measures, Measures]]:
    """Return the figures of both sides, pair by pair; for quick rows after one that warms the
    caches."""
    pairs = []
    for number in range(row.pairs + (row.pairs == PAIRS)):
        order = (0, 1) if number % 2 else (1, 0)
        found = {index: row.measure(sides[index]) for index in order}
        pairs.append((found[0], found[1]))
    return pairs[len(pairs) - row.pairs :]


def report(label: str, pairs: Sequence[tuple[Measures, Measures]]) -> None:
    """Print a row of the table for each figure."""
    for unit in pairs[0][0]:
        before, after = ([pair[side][unit] for pair in pairs] for side in (0, 1))
        ratios = [b / a for a, b in zip(before, after, strict=True) if a]
        ratio = f"{statistics.median(ratios):.2f}" if ratios else "–"
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}" if ratios else "–"
        values = [f"{statistics.median(side):,.2f}" for side in (before, after)]
        print(f"| {label}, {unit} | {values[0]} | {values[1]} | {ratio} | {spread} |", flush=True)


def main() -> None:
    before = os.environ.get("RAGKIT_BENCH_BEFORE")
    if before is None:
        raise SystemExit("RAGKIT_BENCH_BEFORE has to name the older commit, or its checkout")
    wanted = tuple(os.environ.get("RAGKIT_BENCH_ROWS", "").split(","))
    with tempfile.TemporaryDirectory() as temporary, checkout(before) as older:
        sides = [
            Side(folder, Path(temporary) / name)
            for name, folder in zip(SIDES, (older, HERE), strict=True)
        ]
        for side in sides:
            compile_modules(side)
            prepare(side)
        print("\n| what | before | after | ratio | spread |\n|---|---|---|---|---|")
        for label, row in ROWS.items():
            if label.startswith(wanted):
                report(label, measure(row, sides))


def compile_modules(side: Side) -> None:
    """Compile ragkit of a checkout, so that no run has to."""
    code = "import compileall, ragkit; compileall.compile_dir(ragkit.__path__[0], quiet=1)"
    side.start("-c", code).communicate()
