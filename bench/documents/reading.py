"""The time to read one file of each format, compared with other libraries for that format.

Reads `data/` and, if present, the documents beside the repository. RAGKIT_PEERS_READING names a
Python interpreter that has the libraries of `reading_peers`; without it, those are measured that
are installed for this one.
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

REPOSITORY = Path(__file__).parents[2]
FOLDERS = (REPOSITORY / "data", REPOSITORY.parent / "shared" / "data" / "folder")


def measure_worker() -> None:
    """Print the cost of the sandbox process: its start, and each small file."""
    sandbox, table = Sandbox(), b"name,born\nAda,1815\n"
    started = time.perf_counter()
    sandbox.read(detect(table, "a.csv"))
    first = time.perf_counter() - started
    times = {}
    for name, function in (
        ("in a worker", lambda: sandbox.read(detect(table, "a.csv"))),
        ("in process", lambda: list(read_all(table, "a.csv"))),
    ):
        started = time.perf_counter()
        for _ in range(1000):
            function()
        times[name] = time.perf_counter() - started
    sandbox.close()
    summary = ", ".join(f"{name} {ms:.2f} ms" for name, ms in times.items())
    print(f"\nThe worker starts in {first:.2f} s. A csv of two lines: {summary} (wall).")


def measure_libraries(paths_by_extension: dict[str, list[Path]]) -> dict[str, dict[str, str]]:
    """Return the CPU time per file: extension → library → milliseconds as text."""
    path_names = {
        extension: [os.fspath(path.resolve()) for path in paths]
        for extension, paths in paths_by_extension.items()
    }
    process = subprocess.run(
        [os.environ.get("RAGKIT_PEERS_READING", sys.executable), "-P", reading_peers.__file__],
        input=json.dumps(path_names),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
        text=True,
    )
    return json.loads(process.stdout.splitlines()[-1])  # libraries may print before it


def main() -> None:
    paths_by_extension: dict[str, list[Path]] = {}
    for folder in FOLDERS:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.suffix[1:].lower() in BY_EXTENSION:
                paths_by_extension.setdefault(path.suffix[1:].lower(), []).append(path)
    library_times = measure_libraries(paths_by_extension)
    print("\n| format | files | kB per file | ragkit, CPU ms per file | others, CPU ms per file |")
    print("|---|---|---|---|---|")
    for extension, paths in sorted(paths_by_extension.items()):
        files = [path.read_bytes() for path in paths]
        size = statistics.mean(map(len, files)) / 1e3
        own = mean(lambda data, name=paths[0].name: read(data, name), files)
        cells = ", ".join(f"{name} {ms}" for name, ms in library_times[extension].items())
        print(f"| {extension} | {len(files)} | {size:.0f} | {own} | {cells} |")
    pages, seconds = 0, 0.0
    for data in map(Path.read_bytes, paths_by_extension["pdf"]):
        pages += len(read(data, "a.pdf").pages)
        seconds += milliseconds(lambda data: read(data, "a.pdf"), data) / 1e3
    print(f"\nPDF: {pages} pages, {pages / seconds:.0f} pages per second on one core")
    measure_worker()
