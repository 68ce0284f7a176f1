"""More vectors than fit into memory: written block by block, then searched on disk.

    RAGKIT_BENCH_PARTS=large RAGKIT_BENCH_LARGE=10000000 python -m bench vectors

Ten million vectors need 16.5 GB of disk in the folder RAGKIT_BENCH_BUILT, and stay there. Recall is
relative to the ten nearest neighbors of a hundred queries by brute force, which are computed while
the vectors are generated.
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

from bench.vectors.data import default_text_folders, embed_paragraphs, generate_vectors

COUNT = int(os.environ.get("RAGKIT_BENCH_LARGE", "10000000"))
QUERIES = 100


class GeneratedVectors:
    """Generated vectors, the time for generating them, and the ten nearest of each query so far."""

    def __init__(self, passages: np.ndarray, queries: np.ndarray) -> None:
        self._passages, self._queries = passages, queries
        self.seconds = 0.0
        self._best = np.full((len(queries), 10), -2.0, dtype=np.float32)
        self.truth = np.zeros((len(queries), 10), dtype=np.int64)

    def rows(self) -> Iterator[tuple[int, bytes]]:
        first, started = 0, time.perf_counter()
        for block in generate_vectors(self._passages, COUNT):
            self._update_truth(block, first)
            self.seconds += time.perf_counter() - started
            for at, row in enumerate(block, start=first):
                yield at, row.tobytes()
            first += len(block)
            started = time.perf_counter()

    def _update_truth(self, block: np.ndarray, first: int) -> None:
        scores = np.hstack([self._best, self._queries @ block.T])
        positions = np.arange(first, first + len(block))
        top = np.argpartition(-scores, 9, axis=1)[:, :10]
        new = np.where(top < 10, -1, positions[(top - 10).clip(0)])
        old = np.take_along_axis(self.truth, top.clip(max=9), axis=1)
        self.truth = np.where(new < 0, old, new)
        self._best = np.take_along_axis(scores, top, axis=1)


def _build(folder: Path, passages: np.ndarray, queries: np.ndarray) -> None:
    from ragkit.storage.vectors import flat_file, quantized

    generated = GeneratedVectors(passages, queries)
    started = time.perf_counter()
    flat_file.write(folder / "exact", generated.rows(), passages.shape[1])
    written = time.perf_counter() - started - generated.seconds
    base = flat_file.FlatFile(folder / "exact", passages.shape[1])
    started, busy = time.perf_counter(), time.process_time()
    calibration = quantized.write(folder / "codes", base, quantized.kind(COUNT, passages.shape[1]))
    coded, cpu = time.perf_counter() - started, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    (folder / "known").write_text(json.dumps(calibration._asdict()))
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", generated.truth)
    figures = {
        "exact vectors, s": written,
        "codes, s": coded,
        "codes, CPU s": cpu,
        "peak, MB": peak,
        "candidates": calibration.candidates,
    }
    (folder / "built.json").write_text(json.dumps(figures))


def measure(built: Path, cache: Path) -> None:
    from bench.vectors.indexes import run_engine

    folder = built / str(COUNT) / "Ragkit"
    if not (folder / "built.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        passages, queries = embed_paragraphs(cache, default_text_folders())
        _build(folder, passages, queries[:QUERIES])
    figures = json.loads((folder / "built.json").read_text())
    print(f"\n{COUNT:,} vectors\n\n| measure | |\n|---|---|")
    for name, value in figures.items():
        print(f"| {name} | {value if isinstance(value, list) else round(value, 1)} |")
    for name in ("exact", "codes"):
        print(f"| {name}, MB | {(folder / name).stat().st_size / 1e6:,.0f} |")
    for step in ("open", "query"):
        print(f"| {step} | {run_engine(sys.executable, step, 'Ragkit', folder)} |", flush=True)
