"""A query in a cold process: ragkit and other libraries over the same passages of data/.

`RAGKIT_PEERS` names a Python interpreter with chromadb, txtai and fastembed; without it only ragkit
and sentence-transformers run. Rounds are interleaved; figures are medians of whole processes.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.encoders.speed import QUERY, export, split_passages
from bench.process import Run, measure, ragkit
from bench.retrieval.questions import DATA
from ragkit.encoders import resolve as resolve_model

ROUNDS = 7


def build_commands(folder: Path) -> dict[str, list[str]]:
    """Build the indexes; return the command lines of the queries by name."""
    script = str(Path(__file__).with_name("cold_peers.py"))
    peers = os.environ.get("RAGKIT_PEERS")
    command_lines = {
        "ragkit query": ragkit("-c", str(folder / "kit"), "query", QUERY),
        "sentence-transformers, one text encoded": [
            *(sys.executable, script, "sentence_transformers", "query", str(folder)),
        ],
    }
    measure(ragkit("-c", str(folder / "kit"), "index", str(DATA)))
    for name in ("chroma", "txtai", "fastembed") if peers else ():
        measure([peers, script, name, "build", str(folder)])
        command_lines[name] = [peers, script, name, "query", str(folder)]
    return command_lines


def prepare(folder_name: str) -> None:
    """Write the files that the command lines read."""
    folder = Path(folder_name)
    model = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    (folder / "texts.json").write_text(json.dumps(split_passages(100_000)))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    export(model, folder / "model.onnx")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # In a separate process: a child's peak memory is at least its parent's when it started.
        child = "import sys; from bench.commands.cold import prepare; prepare(sys.argv[1])"
        measure([sys.executable, "-c", child, str(folder)])
        command_lines = build_commands(folder)
        runs: dict[str, list[Run]] = {name: [] for name in command_lines}
        for _ in range(ROUNDS + 1):
            for name, command in command_lines.items():
                runs[name].append(measure(command))
        print("| cold process | wall ms | CPU ms | peak MB | × |\n|---|---|---|---|---|")
        baseline = statistics.median(run.wall for run in runs["ragkit query"][1:])
        for name, all_runs in runs.items():
            measured = all_runs[1:]  # the first one warms the page cache
            wall = statistics.median(run.wall for run in measured)
            cpu = statistics.median(run.cpu for run in measured)
            peak = statistics.median(run.peak for run in measured)
            print(
                f"| {name} | {wall * 1e3:,.0f} | {cpu * 1e3:,.0f} | {peak:,.0f} "
                f"| {wall / baseline:.1f} |"
            )
