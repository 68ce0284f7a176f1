"""The full run: its size, its state file and its table."""

from __future__ import annotations

import json
import re

from tests.conftest import REPOSITORY
from tests.faults import campaign, figures
from tests.faults.campaign import Result, State, Task
from tests.faults.cases import changes

CALLS = {"index": {"write": 3, "fsync": 2}}


def count(tasks, kind, word=""):
    return sum(task.kind == kind and word in str(task.arguments) for task in tasks)


def test_the_full_run_has_the_promised_sizes():
    tasks = campaign.full(CALLS)
    assert len({task.key for task in tasks}) == len(tasks)
    assert count(tasks, "kill") == 2000
    assert count(tasks, "power cut") == 500
    for target in campaign.TARGETS:
        assert sum(task.kind == "damaged" and task.arguments[1:] == (target, "flip")
                   for task in tasks) == 1000  # fmt: skip
        assert sum(task.kind == "damaged" and task.arguments[1:] == (target, "cut")
                   for task in tasks) == 300  # fmt: skip
    assert count(tasks, "failing call") == 2 * (3 + 2)  # every call, once and permanently
    assert tasks[-1].arguments == (0, 8, 3, 60.0)  # eight readers, a writer, 60 seconds


def test_the_small_run_has_the_promised_sizes():
    tasks = campaign.small(CALLS)
    assert len({task.key for task in tasks}) == len(tasks)
    assert count(tasks, "kill") == 40
    assert count(tasks, "power cut") == 20
    assert count(tasks, "damaged", "flip") == 50
    assert count(tasks, "damaged while open") == 10
    seeds = {task.arguments[0] for task in tasks if task.kind in ("kill", "damaged")}
    assert {str(changes(seed % 8)) for seed in seeds} == {str(changes(0))}  # made once
    assert {task.kind for task in tasks} == set(campaign.CASES)


def test_an_interrupted_run_continues(tmp_path):
    path = tmp_path / "state.jsonl"
    state = State.load(path)
    first = Result("kill: 0, index", "SIGKILL", "killed", [], 0.5)
    state.add(first)
    with path.open("a") as file:
        file.write('{"key": "kill: 1, ind')  # interrupted here
    assert State.load(path).results == {first.key: first}
    assert json.loads(path.read_text().splitlines()[0])["outcome"] == "killed"


def test_any_beginning_of_a_run_has_its_share_of_every_kind():
    tasks = campaign.mixed(campaign.full(CALLS))
    assert sorted(task.key for task in tasks) == sorted(t.key for t in campaign.full(CALLS))
    half = tasks[: len(tasks) // 2]
    assert 990 < count(half, "kill") < 1010
    assert 240 < count(half, "power cut") < 260
    assert 2440 < count(half, "damaged", "flip") < 2560


RESULTS = [
    Result("a", "SIGKILL: index", "killed", [], 1),
    Result("b", "SIGKILL: update", "killed", ["lost"], 1),
    Result("c", "bit flip: words", "noticed", [], 1),
]
TABLE = """\
| fault | cases | wrong | outcomes |
|---|---|---|---|
| SIGKILL | 2 | 1 | 2 killed |
| bit flip: words | 1 of 3 | 0 | 1 noticed |
| two writers | 0 of 4 | 0 |  |
| **all** | 3 of 9 | 1 | |"""


def test_the_page_says_how_many_cases_of_how_many_have_run(tmp_path):
    path, page = tmp_path / "state.jsonl", tmp_path / "page.md"
    state = State.load(path)
    rows = ["SIGKILL: index", "SIGKILL: update", *["bit flip: words"] * 3, *["two writers"] * 4]
    state.begin([Task("kill", row, (n,)) for n, row in enumerate(rows)], "abc1234")
    for result in RESULTS:
        state.add(result)
    state = State.load(path)  # as `--table` does
    assert figures.table(state) == TABLE
    page.write_text("Figures:\n\n<!-- figures -->\n<!-- end of figures -->\n\n## Next\n")
    for _ in range(2):  # the second time instead of the first
        figures.write(page, state)
        assert page.read_text() == (
            "Figures:\n\n<!-- figures -->\n\n"
            "3 of 9 cases have run, of the code at commit `abc1234`; wrong: 1.\n\n"
            f"{TABLE}\n\n<!-- end of figures -->\n\n## Next\n"
        )


def test_the_page_of_guarantees_names_tests_and_kinds_that_exist():
    page = (REPOSITORY / "docs" / "guarantees.md").read_text(encoding="utf-8")
    files = set(re.findall(r"`(\w+/test_\w+\.py)", page))
    assert files
    assert [file for file in files if not (REPOSITORY / "tests" / file).exists()] == []
    kinds = set(re.findall(r"(?:test_faults\.py|`)\[([a-z ]+)\]`", page))
    assert kinds == set(campaign.CASES)
