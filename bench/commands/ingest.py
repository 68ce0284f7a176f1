"""`ragkit index` on 10,000 small files: the first run, nothing changed, one file changed, all
moved."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from bench.process import measure, median, ragkit

FILES = 10_000
WORDS = [f"word{number}" for number in range(200)]


def make(folder: Path, files: int) -> None:
    """So many files of about thirty words, every text different, a hundred to a folder."""
    chance = random.Random(1)
    for number in range(files):
        path = folder / f"{number // 100:03}" / f"note-{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Note {number}. " + " ".join(chance.choices(WORDS, k=30)) + ".\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, kit = Path(name) / "notes", str(Path(name) / "kit")
        make(folder, FILES)
        time.sleep(2.5)  # until the files' time stamps prove something
        rows = [("first", measure(ragkit("-c", kit, "index", str(folder))))]
        rows.append(("nothing changed", median(ragkit("-c", kit, "index"))))
        (folder / "042" / "note-04242.txt").write_text("Now about something else entirely.\n")
        rows.append(("one file changed", measure(ragkit("-c", kit, "index"))))
        (folder / "042").rename(folder / "moved")
        rows.append(("a folder of 100 renamed", measure(ragkit("-c", kit, "index"))))
    print("\n| run | wall s | CPU s | peak MB | says |\n|---|---|---|---|---|")
    for what, run in rows:
        says = run.output.strip().replace("\n", "; ")
        print(f"| {what} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak:.0f} | {says} |")
