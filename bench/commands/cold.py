"""From a cold process to an answer: ragkit and peers over the same passages of data/.

`RAGKIT_PEERS` names a Python with chromadb, txtai and fastembed; unset, only ragkit and
sentence-transformers run. Rounds are interleaved, figures are medians of whole processes.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

from bench.encoders.speed import QUERY, cut, export
from bench.process import Run, measure, ragkit
from bench.retrieval.questions import DATA
from ragkit.encoders import resolve as resolve_model

ROUNDS = 7


def commands(folder: Path) -> dict[str, list[str]]:
    """Command lines that answer; what they need is made here first."""
    script = str(Path(__file__).with_name("cold_peers.py"))
    peers = os.environ.get("RAGKIT_PEERS")
    found = {
        "ragkit query": ragkit("-c", str(folder / "kit"), "query", QUERY),
        "sentence-transformers, one text encoded": [
            *(sys.executable, script, "sentence_transformers", "ask", str(folder)),
        ],
    }
    measure(ragkit("-c", str(folder / "kit"), "index", str(DATA)))
    for name in ("chroma", "txtai", "fastembed") if peers else ():
        measure([peers, script, name, "build", str(folder)])
        found[name] = [peers, script, name, "ask", str(folder)]
    return found


def prepare(place: str) -> None:
    """What the command lines read."""
    folder = Path(place)
    model = resolve_model.resolve(resolve_model.DEFAULT_MODEL).path
    (folder / "texts.json").write_text(json.dumps(cut(100_000)))
    (folder / "query.txt").write_text(QUERY)
    (folder / "model.txt").write_text(str(model))
    export(model, folder / "model.onnx")


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # In a process of its own: a child's peak is at least what its parent had when it began.
        child = "import sys; from bench.commands.cold import prepare; prepare(sys.argv[1])"
        measure([sys.executable, "-c", child, str(folder)])
        lines = commands(folder)
        runs: dict[str, list[Run]] = {name: [] for name in lines}
        for _ in range(ROUNDS + 1):
            for name, command in lines.items():
                runs[name].append(measure(command))
        print("| cold process | wall ms | CPU ms | peak MB | × |\n|---|---|---|---|---|")
        base = statistics.median(run.wall for run in runs["ragkit query"][1:])
        for name, found in runs.items():
            counted = found[1:]  # the first one warms the page cache
            wall = statistics.median(run.wall for run in counted)
            cpu = statistics.median(run.cpu for run in counted)
            peak = statistics.median(run.peak for run in counted)
            print(
                f"| {name} | {wall * 1e3:,.0f} | {cpu * 1e3:,.0f} | {peak:,.0f} "
                f"| {wall / base:.1f} |"
            )
