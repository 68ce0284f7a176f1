"""More vectors than memory holds: written piece by piece, then searched where they lie on disk.

    RAGKIT_BENCH_PARTS=large RAGKIT_BENCH_LARGE=10000000 python -m bench vectors

Takes 16.5 GB of disk for ten million, where RAGKIT_BENCH_BUILT says, and leaves them there. Recall
is against the ten nearest of a hundred questions by brute force, found while the vectors are made.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.vectors.data import expanded, folders, real

COUNT = int(os.environ.get("RAGKIT_BENCH_LARGE", "10000000"))
QUERIES = 100


class Made:
    """Vectors as they are made, with what that took, and the ten nearest of each query so far."""

    def __init__(self, passages: np.ndarray, queries: np.ndarray) -> None:
        self._passages, self._queries = passages, queries
        self.seconds = 0.0
        self._best = np.full((len(queries), 10), -2.0, dtype=np.float32)
        self.truth = np.zeros((len(queries), 10), dtype=np.int64)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        first, started = 0, time.perf_counter()
        for block in expanded(self._passages, COUNT):
            self._seen(block, first)
            self.seconds += time.perf_counter() - started
            for at, row in enumerate(block, start=first):
                yield at, row.tobytes()
            first += len(block)
            started = time.perf_counter()

    def _seen(self, block: np.ndarray, first: int) -> None:
        scores = np.hstack([self._best, self._queries @ block.T])
        names = np.arange(first, first + len(block))
        top = np.argpartition(-scores, 9, axis=1)[:, :10]
        places = np.where(top < 10, -1, names[(top - 10).clip(0)])
        old = np.take_along_axis(self.truth, top.clip(max=9), axis=1)
        self.truth = np.where(places < 0, old, places)
        self._best = np.take_along_axis(scores, top, axis=1)


def _build(folder: Path, passages: np.ndarray, queries: np.ndarray) -> None:
    from ragkit.storage.vectors import flat_file, quantized

    made = Made(passages, queries)
    started = time.perf_counter()
    flat_file.write(folder / "exact", made.rows(), passages.shape[1])
    written = time.perf_counter() - started - made.seconds
    base = flat_file.FlatFile(folder / "exact", passages.shape[1])
    started, busy = time.perf_counter(), time.process_time()
    known = quantized.write(folder / "codes", base, quantized.kind(COUNT, passages.shape[1]))
    coded, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "known").write_text(json.dumps(known._asdict()))
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", made.truth)
    found = {
        "exact vectors, s": written,
        "codes, s": coded,
        "codes, CPU s": cpu,
        "peak, MB": peak,
        "candidates": known.candidates,
    }
    (folder / "built.json").write_text(json.dumps(found))


def measured(built: Path, cache: Path) -> None:
    from bench.vectors.indexes import run

    folder = built / str(COUNT) / "Ragkit"
    if not (folder / "built.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        passages, queries = real(cache, folders())
        _build(folder, passages, queries[:QUERIES])
    took = json.loads((folder / "built.json").read_text())
    print(f"\n{COUNT:,} vectors\n\n| what | |\n|---|---|")
    for name, found in took.items():
        print(f"| {name} | {found if isinstance(found, list) else round(found, 1)} |")
    for name in ("exact", "codes"):
        print(f"| {name}, MB | {(folder / name).stat().st_size / 1e6:,.0f} |")
    for what in ("open", "ask"):
        print(f"| {what} | {run(sys.executable, what, 'Ragkit', folder)} |", flush=True)
