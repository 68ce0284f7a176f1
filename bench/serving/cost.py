"""What a sharded collection costs: bytes, seconds, shards and replicas, from measured rows.

    python -m bench.serving.cost           # measures 10,000 and 100,000 passages, then fits
    RAGKIT_BENCH_SIZES=10000,100000,1000000 python -m bench.serving.cost

Each row is an ordinary collection, as a shard is one, of variations of the passages of data/. Bytes
and CPU seconds are measured on any machine; the quantiles need a quiet one. A line is fitted to
each column by least squares of relative errors, so that small collections count as much as large
ones.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.retrieval.search import (
    NOISE_LENGTH,
    StoredVectorEncoder,
    generate_queries,
    read_data_passages,
    vary_passages,
)
from ragkit import Collection

SIZES = [int(size) for size in os.environ.get("RAGKIT_BENCH_SIZES", "10000,100000").split(",")]
QUERIES = 150
LIMIT_MS = 50.0  # of the 99th percentile of one shard
# Milliseconds in bench/RESULTS.md, measured on a machine without other load, by passages: "Vector
# search" and "Ten million", and "Keyword search" (80 words a passage).
QUIET = {
    "vectors, p50 ms": {100_000: 0.50, 1_000_000: 4.36, 10_000_000: 45.6},
    "words, p50 ms": {100_000: 2.97, 1_000_000: 21.9},
    "words, p99 ms": {100_000: 10.6, 1_000_000: 61.3},
}


@dataclass(frozen=True)
class Line:
    """`fixed + each * passages`."""

    fixed: float
    each: float

    def at(self, passages: float) -> float:
        """Return the value for a number of passages."""
        return self.fixed + self.each * passages

    def reaches(self, limit: float) -> float:
        """Return the number of passages at which the line reaches a limit; infinite if never."""
        if limit <= self.fixed:
            return 0.0
        return math.inf if self.each <= 0 else (limit - self.fixed) / self.each


def fit(passages: Sequence[float], values: Sequence[float]) -> Line:
    """Return the line with the least squares of relative errors, neither part of it negative."""
    weights = [1 / value**2 for value in values]
    total = sum(weights)
    x = sum(w * n for w, n in zip(weights, passages, strict=True)) / total
    y = sum(w * v for w, v in zip(weights, values, strict=True)) / total
    spread = sum(w * (n - x) ** 2 for w, n in zip(weights, passages, strict=True))
    if not spread:
        return Line(0.0, y / x)
    each = (
        sum(w * (n - x) * (v - y) for w, n, v in zip(weights, passages, values, strict=True))
        / spread
    )
    if each < 0:
        return Line(y, 0.0)
    if y - each * x < 0:  # through the origin
        ratio = sum(w * n * v for w, n, v in zip(weights, passages, values, strict=True))
        return Line(0.0, ratio / sum(w * n * n for w, n in zip(weights, passages, strict=True)))
    return Line(y - each * x, each)


def shards_for(passages: int, shard_passages: float) -> int:
    """Return the number of shards of a collection, none of them larger than `shard_passages`."""
    return max(1, math.ceil(passages / shard_passages))


def replicas_for(
    searches_per_second: float, cpu_seconds: float, shards: int, cores: int, busy: float = 0.5
) -> int:
    """Return how many replicas of each shard a load needs.

    `cpu_seconds`: of one search in one shard; `cores`: of all machines, for one replica of each
    shard; `busy`: the share of their time that may be used, as waiting grows by 1 / (1 - busy).
    """
    needed = searches_per_second * cpu_seconds * shards
    return max(1, math.ceil(needed / (cores * busy)))


def bytes_by_kind(folder: Path) -> dict[str, int]:
    """Return the bytes of a collection's files: database, exact vectors, codes, words."""
    kinds = {"database": 0, "exact vectors": 0, "codes": 0, "words": 0}
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        name = path.relative_to(folder).parts[0]
        if name.startswith("ragkit.db"):
            kinds["database"] += path.stat().st_size
        elif name.startswith("words"):
            kinds["words"] += path.stat().st_size
        elif name.startswith("vectors"):
            kind = "exact vectors" if name.endswith(".faiss") else "codes"
            kinds[kind] += path.stat().st_size
    return kinds


def measure(count: int, texts: list[str], encoder: StoredVectorEncoder) -> dict[str, float]:
    """Return the row of a collection of so many passages."""
    row: dict[str, float] = {"passages": count}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Collection(folder, encoder=encoder) as collection:
            file = folder / "rows.jsonl"
            file.touch()
            busy = time.process_time()
            collection.index_rows(file, vary_passages(texts, count), one_passage_per_row=True)
            row["index without encoder, CPU s"] = time.process_time() - busy
            for mode in ("dense", "lexical", "hybrid"):
                queries = list(islice(generate_queries(), QUERIES + 10))
                times = []
                for query in queries:
                    started, busy = time.perf_counter(), time.process_time()
                    collection.search(query, k=10, mode=mode)
                    times.append((time.perf_counter() - started, time.process_time() - busy))
                wall = sorted(1000 * one for one, _ in times[10:])
                row[f"{mode}, p50 ms"] = statistics.median(wall)
                row[f"{mode}, p99 ms"] = wall[int(0.99 * len(wall))]
                row[f"{mode}, CPU ms"] = 1000 * statistics.median(cpu for _, cpu in times[10:])
        row |= {f"{kind}, bytes": size for kind, size in bytes_by_kind(folder).items()}
    return row


def report(rows: Sequence[dict[str, float]]) -> str:
    """Return the table of the rows, their lines, and what follows from them."""
    sizes = [row["passages"] for row in rows]
    lines = [
        f"| | {' | '.join(f'{size:,.0f}' for size in sizes)} | fixed | for each million |",
        "|---|" + "---|" * (len(rows) + 2),
    ]
    fitted = {}
    for name in list(rows[0])[1:]:
        values = [row[name] for row in rows]
        known = [(size, value) for size, value in zip(sizes, values, strict=True) if value]
        cells = " | ".join(f"{value:,.2f}" if value < 100 else f"{value:,.0f}" for value in values)
        if not known:
            continue
        line = fitted[name] = fit(*zip(*known, strict=True))
        lines.append(f"| {name} | {cells} | {line.fixed:,.2f} | {1e6 * line.each:,.2f} |")
    for mode in ("dense", "lexical", "hybrid"):
        size = fitted[f"{mode}, p99 ms"].reaches(LIMIT_MS)
        lines.append(f"\n{mode}: p99 reaches {LIMIT_MS:.0f} ms at {size:,.0f} passages in a shard")
    return "\n".join(lines)


def report_quiet() -> str:
    """Return the lines of the figures in bench/RESULTS.md."""
    lines = ["| | fixed | for each million | 50 ms at |", "|---|---|---|---|"]
    for name, values in QUIET.items():
        line = fit(list(values), list(values.values()))
        lines.append(
            f"| {name} | {line.fixed:.2f} | {1e6 * line.each:.2f} | {line.reaches(LIMIT_MS):,.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    print(report_quiet() + "\n", flush=True)
    texts, vectors, real = read_data_passages()
    encoder = StoredVectorEncoder(real, vectors, NOISE_LENGTH)
    print(report([measure(size, texts, encoder) for size in SIZES]))


if __name__ == "__main__":
    main()
