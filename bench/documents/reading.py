"""What one file of each format takes to read, beside the libraries people use for it.

Reads `data/` and the real documents beside the project, where they are. RAGKIT_PEERS_READING names
a Python that has the libraries (`readingpeers`); unset, those are timed that are installed here.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.documents import reading_peers
from bench.documents.reading_peers import mean, milliseconds
from ragkit.documents.detect import detect
from ragkit.documents.read import read, read_all
from ragkit.documents.registry import BY_EXTENSION
from ragkit.documents.sandbox.sandbox import Sandbox

HERE = Path(__file__).parents[2]
FOLDERS = (HERE / "data", HERE.parent / "shared" / "data" / "folder")


def worker() -> None:
    """What the process that reads costs: its start, and each small file."""
    here, table = Sandbox(), b"name,born\nAda,1815\n"
    started = time.perf_counter()
    here.read(detect(table, "a.csv"))
    first = time.perf_counter() - started
    times = {}
    for name, function in (
        ("in a worker", lambda: here.read(detect(table, "a.csv"))),
        ("in process", lambda: list(read_all(table, "a.csv"))),
    ):
        started = time.perf_counter()
        for _ in range(1000):
            function()
        times[name] = time.perf_counter() - started
    here.close()
    told = ", ".join(f"{name} {ms:.2f} ms" for name, ms in times.items())
    print(f"\nThe worker starts in {first:.2f} s. A csv of two lines: {told} (wall).")


def peers(found: dict[str, list[Path]]) -> dict[str, dict[str, str]]:
    """By extension and library, what each takes for these files."""
    listed = {name: [os.fspath(path.resolve()) for path in paths] for name, paths in found.items()}
    done = subprocess.run(
        [os.environ.get("RAGKIT_PEERS_READING", sys.executable), "-P", reading_peers.__file__],
        input=json.dumps(listed),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])  # libraries may print too


def main() -> None:
    found: dict[str, list[Path]] = {}
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix[1:].lower() in BY_EXTENSION:
                found.setdefault(path.suffix[1:].lower(), []).append(path)
    others = peers(found)
    print("\n| format | files | kB a file | ragkit, CPU ms a file | others, CPU ms a file |")
    print("|---|---|---|---|---|")
    for extension, paths in sorted(found.items()):
        files = [path.read_bytes() for path in paths]
        size = statistics.mean(map(len, files)) / 1e3
        own = mean(lambda data, name=paths[0].name: read(data, name), files)
        shown = ", ".join(f"{name} {ms}" for name, ms in others[extension].items())
        print(f"| {extension} | {len(files)} | {size:.0f} | {own} | {shown} |")
    pages, seconds = 0, 0.0
    for data in map(Path.read_bytes, found["pdf"]):
        pages += len(read(data, "a.pdf").pages)
        seconds += milliseconds(lambda data: read(data, "a.pdf"), data) / 1e3
    print(f"\nPDF: {pages} pages, {pages / seconds:.0f} pages a second of one core")
    worker()
