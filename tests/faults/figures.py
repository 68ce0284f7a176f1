"""The results of a run as figures: a table, also in docs/guarantees.md, between its two marks."""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from pathlib import Path

from tests.faults.campaign import Result, State
from tests.faults.processes import REPOSITORY

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def table(state: State) -> str:
    """Return the results as a Markdown table: a row for each kind of fault, or kind of file."""
    planned: Counter[str] = Counter()
    for row, count in state.planned.items():
        planned[_fault(row)] += count
    rows: dict[str, list[Result]] = defaultdict(list)
    for result in state.results.values():
        rows[_fault(result.row)].append(result)
    lines = ["| fault | cases | wrong | outcomes |", "|---|---|---|---|"]
    for fault in sorted(rows.keys() | planned.keys()):
        outcomes = Counter(result.outcome for result in rows[fault])
        if fault.startswith("8 readers"):  # "… searches": different in every run
            text = ", ".join(outcomes)
        else:
            text = ", ".join(f"{count:,} {name}" for name, count in outcomes.most_common(4))
        lines.append(f"| {fault} | {_count(rows[fault], planned[fault])} | {text} |")
    results = list(state.results.values())
    lines.append(f"| **all** | {_count(results, planned.total())} | |")
    return "\n".join(lines)


def _fault(row: str) -> str:
    """Return the fault of a task's row: without the operation, but with the kind of file."""
    return row if row.startswith(("bit flip", "truncation")) else row.partition(": ")[0]


def _count(results: list[Result], planned: int) -> str:
    """Return two cells: cases that ran, of those planned, and those that went wrong."""
    count = f"{len(results):,}"
    if planned > len(results):
        count += f" of {planned:,}"
    return f"{count} | {sum(bool(result.problems) for result in results)}"


def commit() -> str:
    """Return the commit of this checkout; "unknown" if it is none."""
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "--short", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def write(page: Path, state: State) -> None:
    """Put the figures into the page, between the two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    commits = ", ".join(f"`{name}`" for name in state.commits)
    sentence = _count(list(state.results.values()), sum(state.planned.values())).partition(" |")[0]
    sentence += " cases have run, "
    sentence += f"of the code at commit {commits}; wrong: "
    sentence += f"{sum(bool(result.problems) for result in state.results.values())}."
    text = f"{before}{BEGIN}\n\n{sentence}\n\n{table(state)}\n\n{END}{after}"
    page.write_text(text, encoding="utf-8")
