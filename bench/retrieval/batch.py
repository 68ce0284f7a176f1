"""Many queries: one process each, one call each in an open collection, or all as one batch.

    python -m bench batch           20,000 passages; RAGKIT_BENCH_PASSAGES for others

The passages are those of `bench.retrieval.search`; a query is two halves of real ones, encoded by
the real model, and none is asked twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.retrieval import search
from ragkit import Collection

PASSAGES = int(os.environ.get("RAGKIT_BENCH_PASSAGES", "20000"))
COLD, WARM, BATCH = 5, 100, 1000  # queries


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(folder: Path, mode: str, *arguments: str) -> None:
    """`ragkit query` in a process of its own, its output as JSON."""
    words = [sys.executable, "-m", "ragkit", "-c", str(folder), "query", "--mode", mode, "--json"]
    subprocess.run([*words, *arguments], stdout=subprocess.DEVNULL, check=False)


def row(collection: Collection, mode: str, asked: Sequence[str]) -> str:
    """Milliseconds a query each way, and how many times the batch is as fast."""
    cold, warm, batch = asked[:COLD], asked[COLD : COLD + WARM], asked[COLD + WARM :]
    file = collection.folder / "queries.txt"
    file.write_text("\n".join(batch))
    each = [
        seconds(lambda: [command(collection.folder, mode, "--", one) for one in cold]) / len(cold),
        seconds(lambda: [collection.search(one, mode=mode) for one in warm]) / len(warm),
        seconds(lambda: command(collection.folder, mode, "--batch", str(file))) / len(batch),
        seconds(lambda: collection.search_many(batch, mode=mode)) / len(batch),
    ]
    figures = " | ".join(f"{1000 * one:.1f}" for one in each)
    return f"| {mode} | {figures} | {each[0] / each[2]:.0f} | {each[1] / each[3]:.1f} |"


def main() -> None:
    search.PASSAGES = PASSAGES
    texts, vectors, real = search.passages_of_data()
    encoder = search.Known(real, vectors, search.APART)
    encoder.fingerprint = real.fingerprint  # so that a process of its own takes the collection
    every = list(search.queries())
    print(f"\n{PASSAGES:,} passages, k = 10, {BATCH:,} queries a batch; ms a query\n")
    print("| mode | `query` | `search` | `query --batch` | `search_many` | × command | × call |")
    print("|---|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, encoder=encoder) as collection,
    ):
        file = Path(folder, "rows.jsonl")
        file.touch()
        collection.index_rows(file, search.varied(texts), whole=True)
        size = COLD + WARM + BATCH
        for number, mode in enumerate(("dense", "lexical", "hybrid")):
            collection.search("a first question", mode=mode)
            print(row(collection, mode, every[number * size : (number + 1) * size]))


if __name__ == "__main__":
    main()
