"""Many queries: as one process per query, as one call per query, or as one batch.

    python -m bench batch           20,000 passages, or RAGKIT_BENCH_PASSAGES

The passages are those of `bench.retrieval.search`. A query consists of halves of two real ones,
is encoded by the real model and occurs only once.
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


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the wall time of a call in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def run_query_command(folder: Path, mode: str, *arguments: str) -> None:
    """Run `ragkit query --json` in a new process."""
    arguments_ = [
        sys.executable,
        "-m",
        "ragkit",
        "-c",
        str(folder),
        "query",
        "--mode",
        mode,
        "--json",
    ]
    subprocess.run([*arguments_, *arguments], stdout=subprocess.DEVNULL, check=False)


def row(collection: Collection, mode: str, queries: Sequence[str]) -> str:
    """Return a table row: milliseconds per query in each way, and the speed-up of the batch."""
    cold, warm, batch = queries[:COLD], queries[COLD : COLD + WARM], queries[COLD + WARM :]
    file = collection.folder / "queries.txt"
    file.write_text("\n".join(batch))
    per_query = [
        measure_seconds(
            lambda: [run_query_command(collection.folder, mode, "--", query) for query in cold]
        )
        / len(cold),
        measure_seconds(lambda: [collection.search(query, mode=mode) for query in warm])
        / len(warm),
        measure_seconds(lambda: run_query_command(collection.folder, mode, "--batch", str(file)))
        / len(batch),
        measure_seconds(lambda: collection.search_many(batch, mode=mode)) / len(batch),
    ]
    figures = " | ".join(f"{1000 * seconds:.1f}" for seconds in per_query)
    command, call, batch_command, batch_call = per_query
    return f"| {mode} | {figures} | {command / batch_command:.0f} | {call / batch_call:.1f} |"


def main() -> None:
    search.PASSAGES = PASSAGES
    texts, vectors, real = search.read_data_passages()
    encoder = search.StoredVectorEncoder(real, vectors, search.NOISE_LENGTH)
    encoder.fingerprint = real.fingerprint  # so that another process accepts the collection
    queries = list(search.generate_queries())
    print(f"\n{PASSAGES:,} passages, k = 10, {BATCH:,} queries per batch; ms per query\n")
    print("| mode | `query` | `search` | `query --batch` | `search_many` "
          "| speed-up over `query` | over `search` |")  # fmt: skip
    print("|---|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(folder, encoder=encoder) as collection,
    ):
        file = Path(folder, "rows.jsonl")
        file.touch()
        collection.index_rows(file, search.vary_passages(texts), one_passage_per_row=True)
        size = COLD + WARM + BATCH
        for number, mode in enumerate(("dense", "lexical", "hybrid")):
            collection.search("a first question", mode=mode)
            print(row(collection, mode, queries[number * size : (number + 1) * size]))


if __name__ == "__main__":
    main()
