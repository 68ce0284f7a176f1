"""`ragkit index` on 10,000 small files: the first run, nothing changed, one file changed, a folder
renamed."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from bench.process import measure, measure_median, ragkit

FILES = 10_000
WORDS = [f"word{number}" for number in range(200)]


def write_files(folder: Path, files: int) -> None:
    """Write `files` files of about thirty words, all different, a hundred per folder."""
    chance = random.Random(1)
    for number in range(files):
        path = folder / f"{number // 100:03}" / f"note-{number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"Note {number}. " + " ".join(chance.choices(WORDS, k=30)) + ".\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, collection_folder = Path(name) / "notes", str(Path(name) / "kit")
        write_files(folder, FILES)
        time.sleep(2.5)  # until the files' time stamps are old enough to be trusted
        rows = [("first", measure(ragkit("-c", collection_folder, "index", str(folder))))]
        rows.append(("nothing changed", measure_median(ragkit("-c", collection_folder, "index"))))
        (folder / "042" / "note-04242.txt").write_text("Now about something else entirely.\n")
        rows.append(("one file changed", measure(ragkit("-c", collection_folder, "index"))))
        (folder / "042").rename(folder / "moved")
        rows.append(("a folder of 100 renamed", measure(ragkit("-c", collection_folder, "index"))))
    print("\n| run | wall s | CPU s | peak MB | output |\n|---|---|---|---|---|")
    for label, run in rows:
        output = run.output.strip().replace("\n", "; ")
        print(f"| {label} | {run.wall:.2f} | {run.cpu:.2f} | {run.peak:.0f} | {output} |")
