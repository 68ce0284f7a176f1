"""Many cases: which, in which sizes, in parallel, resumable.

A *task* is one case with its arguments, under a key that never changes. Results go to a state file,
one JSON object a line; a run skips the tasks that are there. `small` is what CI runs, `full` what
`make faults` runs. `figures.py` makes a table of the results.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.faults import cases, shim
from tests.faults.cases import CASES, Verdict, Workplace
from tests.faults.processes import ForkServer

TARGETS = ("database", "log", "vectors", "words", "codes")
FAILED_CHANGES = ("index", "update", "index rewrite", "remove", "rebuild", "migration 2",
                  "lost indexes", "backup")  # fmt: skip
SAME_TEXTS = 8  # seeds whose difference is a multiple of this change the same documents
FAILED_SEED = 1  # four documents: every call of every kind is tried


@dataclass(frozen=True, slots=True)
class Task:
    """One case: its kind, what the row of the table is called, and the arguments."""

    kind: str
    row: str
    arguments: tuple[Any, ...]

    @property
    def key(self) -> str:
        return f"{self.kind}: {', '.join(map(str, self.arguments))}"


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on a task."""

    key: str
    row: str
    outcome: str
    problems: list[str]
    seconds: float


def small(calls: dict[str, dict[str, int]]) -> list[Task]:
    """The tasks of CI: every kind of fault, fixed seeds, under two minutes.

    All work on the same documents, so that a collection and the hits of a new one are made once.
    """
    names = list(cases.changes(0))
    tasks = _by_change("kill", "SIGKILL", names, 40, SAME_TEXTS)
    tasks += _by_change("power cut", "power cut", names, 20, SAME_TEXTS)
    tasks += _damages("damaged", 50, "flip", SAME_TEXTS)
    tasks += _damages("damaged", 10, "cut", SAME_TEXTS)
    tasks += _damages("damaged while open", 5, "cut", SAME_TEXTS)
    tasks += _damages("damaged while open", 5, "flip", SAME_TEXTS)
    failing = list(_failing_calls(calls))
    tasks += failing[:: max(1, len(failing) // 24)]
    tasks += _by_change("full disk", "full disk", names, 8, SAME_TEXTS)
    tasks += _by_change("little memory", "failed allocation", _in_process(names), 6, SAME_TEXTS)
    tasks += _by_change("clock jump", "clock jump", names, 5, SAME_TEXTS)
    tasks += _plain("moving files", "files change while read", 3, SAME_TEXTS)
    tasks += _plain("two writers", "two writers", 2, SAME_TEXTS)
    tasks += _plain("ten rewrites", "ten rewrites", 1)
    tasks += _plain("forked lock", "lock inherited by fork", 1)
    tasks += _plain("full tmpfs", "full tmpfs", 1)
    return [*tasks, Task("readers and writer", "8 readers, 1 writer", (0, 8, 3, 0.0))]


def full(calls: dict[str, dict[str, int]]) -> list[Task]:
    """The tasks of `make faults`: hours."""
    names = list(cases.changes(0))
    tasks = _by_change("kill", "SIGKILL", names, 2000)
    tasks += _by_change("power cut", "power cut", names, 500)
    tasks += _damages("damaged", 5000, "flip") + _damages("damaged", 1500, "cut")
    tasks += _damages("damaged while open", 200, "cut")
    tasks += _damages("damaged while open", 200, "flip")
    tasks += list(_failing_calls(calls))
    tasks += _by_change("full disk", "full disk", names, 200)
    tasks += _by_change("little memory", "failed allocation", _in_process(names), 200)
    tasks += _by_change("clock jump", "clock jump", names, 60)
    tasks += _plain("moving files", "files change while read", 60)
    tasks += _plain("two writers", "two writers", 40) + _plain("ten rewrites", "ten rewrites", 10)
    tasks += _plain("forked lock", "lock inherited by fork", 5)
    tasks += _plain("full tmpfs", "full tmpfs", 20)
    return [*tasks, Task("readers and writer", "8 readers, 1 writer, 60 s", (0, 8, 3, 60.0))]


def mixed(tasks: Iterable[Task]) -> list[Task]:
    """Return the tasks in an order in which any beginning has its share of every row."""
    rows: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        rows[task.row].append(task)
    shares = [
        (number / len(of_row), task)
        for of_row in rows.values()
        for number, task in enumerate(of_row)
    ]
    return [task for _, task in sorted(shares, key=lambda pair: pair[0])]


def _in_process(names: list[str]) -> list[str]:
    """Return the changes whose every allocation is ragkit's: a server's are also asyncio's."""
    return [name for name in names if name != "serve"]


def _plain(kind: str, row: str, count: int, step: int = 1) -> list[Task]:
    return [Task(kind, row, (number * step,)) for number in range(count)]


def _by_change(kind: str, row: str, names: list[str], count: int, step: int = 1) -> list[Task]:
    """Return `count` tasks, by turns for each change, with the seeds 0, `step`, 2 · `step` …"""
    return [
        Task(kind, f"{row}: {names[number % len(names)].split(' 1')[0].split(' 2')[0]}",
             (number // len(names) * step, names[number % len(names)]))
        for number in range(count)
    ]  # fmt: skip


def _damages(kind: str, count: int, how: str, step: int = 1) -> list[Task]:
    word = {"flip": "bit flip", "cut": "truncation"}[how] + " while open" * (kind != "damaged")
    return [
        Task(kind, f"{word}: {target}", (number // len(TARGETS) * step, target, how))
        for number in range(count)
        for target in (TARGETS[number % len(TARGETS)],)
    ]


def _failing_calls(calls: dict[str, dict[str, int]]) -> Iterator[Task]:
    """Yield every nth call of every kind in every change, failing once and from then on."""
    for name, counts in calls.items():
        for kind in shim.KINDS:
            errors = shim.ERRORS[kind]
            for nth in range(1, counts.get(kind, 0) + 1):
                for permanently in (False, True):
                    error = errors[(nth + permanently) % len(errors)]
                    arguments = (FAILED_SEED, name, kind, nth, permanently, error)
                    yield Task("failing call", f"failing {kind}", arguments)


_place: Workplace | None = None


def _start_worker(folder: str) -> None:
    global _place  # noqa: PLW0603 (one for each worker process)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: it must not outlive its parent
    own = Path(tempfile.mkdtemp(dir=folder))
    _place = Workplace(own, ForkServer(own, shim.build()))


def _run(task: Task) -> Result:
    assert _place is not None
    started = time.monotonic()
    try:
        verdict = CASES[task.kind](_place, *task.arguments)
    except Exception:  # a fault of the harness must not end the campaign
        verdict = Verdict("harness failed", [traceback.format_exc()[-3000:]])
    seconds = round(time.monotonic() - started, 2)
    return Result(task.key, task.row, verdict.outcome, verdict.problems, seconds)


def fast_folder() -> str | None:
    """Return a folder in memory with room for all cases, None if there is none: a flush takes
    milliseconds on a disk, and what a disk loses is simulated anyway."""
    memory = Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**31:
        return str(memory)
    return None


def measure() -> dict[str, dict[str, int]]:
    """Return how many calls of each kind the swept changes make."""
    if shim.build() is None:
        return {}
    with (
        tempfile.TemporaryDirectory(prefix="ragkit-faults-", dir=fast_folder()) as name,
        ForkServer(Path(name), shim.build()) as server,
    ):
        place = Workplace(Path(name), server)
        changes = cases.changes(FAILED_SEED)
        return {operation: place.measure(changes[operation])[1] for operation in FAILED_CHANGES}


def needs_shim(task: Task) -> bool:
    """Whether a task can only be done with the compiled library."""
    return task.kind in ("power cut", "failing call", "full disk") or "log" in task.arguments


@dataclass(slots=True)
class State:
    """The results so far, kept in a file if there is one."""

    path: Path | None = None
    results: dict[str, Result] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)  # row → cases of the whole run
    commits: list[str] = field(default_factory=list)  # that were tested

    @classmethod
    def load(cls, path: Path) -> State:
        state = cls(path)
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    values = json.loads(line)
                    if "planned" in values:
                        state._note(values)
                        continue
                    result = Result(**values)
                except (ValueError, TypeError):  # the run was interrupted in this line
                    continue
                state.results[result.key] = result
        return state

    def begin(self, tasks: Iterable[Task], commit: str) -> None:
        """Note what is going to run, and of which commit."""
        values = {"planned": Counter(task.row for task in tasks), "commit": commit}
        self._note(values)
        self._append(values)

    def add(self, result: Result) -> None:
        self.results[result.key] = result
        self._append(asdict(result))

    def _note(self, values: dict[str, Any]) -> None:
        self.planned.update(values["planned"])
        if values["commit"] not in self.commits:
            self.commits.append(values["commit"])

    def _append(self, values: dict[str, Any]) -> None:
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(values, ensure_ascii=False) + "\n")


def run(
    tasks: Iterable[Task], jobs: int, state: State,
    on_result: Callable[[Result], None] = lambda result: None, folder: Path | None = None,
) -> list[Result]:  # fmt: skip
    """Run the tasks that the state lacks in `folder`, in memory if it is None; return the results
    of all."""
    tasks = list(tasks)
    has_shim = shim.build() is not None
    open_tasks = [
        task for task in tasks
        if task.key not in state.results and (has_shim or not needs_shim(task))
    ]  # fmt: skip
    own = tempfile.mkdtemp(prefix="ragkit-faults-", dir=folder or fast_folder())
    try:
        with ProcessPoolExecutor(
            jobs, multiprocessing.get_context("spawn"), _start_worker, (own,)
        ) as pool:
            for result in pool.map(_run, open_tasks):
                state.add(result)
                on_result(result)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return [state.results[task.key] for task in tasks if task.key in state.results]
