"""Vector indexes on the same vectors: ragkit's, and those of other libraries and databases.

    RAGKIT_BENCH_PARTS=build python -m bench vectors      only builds the indexes
    RAGKIT_BENCH_PARTS=peers python -m bench vectors      builds missing indexes, then queries

RAGKIT_BENCH_PARTS      of build, peers, changes, filters, large; without it peers, changes, filters
RAGKIT_PEERS_VECTORS    a Python interpreter with faiss-cpu, hnswlib, usearch, chromadb, lancedb,
                        sqlite-vec, zvec and qdrant-edge-py, or some of them; else only ragkit
RAGKIT_BENCH_TEXTS      a folder whose texts are embedded (default: those of Python and the system)
RAGKIT_BENCH_CACHE      a folder that keeps the embedded texts for later runs
RAGKIT_BENCH_BUILT      a folder that keeps vectors and indexes for later runs
RAGKIT_BENCH_SIZES      numbers of vectors: 100000,1000000
RAGKIT_BENCH_INDEXES    some of INDEXES, by class name
RAGKIT_BENCH_PATIENCE   timeout of a build or of all queries in seconds (default: 180; graphs of a
                        million vectors need more)
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.vectors.data import default_text_folders, embed_paragraphs, generate_vectors

INDEXES = {
    "Ragkit": "ragkit", "FaissHnsw": "FAISS HNSW16", "Hnswlib": "hnswlib",
    "Usearch": "usearch f16", "Chroma": "Chroma", "Lancedb": "LanceDB IVF_RQ",
    "SqliteVec": "sqlite-vec", "Zvec": "zvec", "QdrantEdge": "Qdrant edge",
}  # fmt: skip
SIZES = tuple(map(int, os.environ.get("RAGKIT_BENCH_SIZES", "100000,1000000").split(",")))
ENGINE_NAMES = os.environ.get("RAGKIT_BENCH_INDEXES", ",".join(INDEXES)).split(",")
TIMEOUT = int(os.environ.get("RAGKIT_BENCH_PATIENCE", "180"))
PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "peers,changes,filters").split(",")
OPENINGS = 5  # processes that open an index; their median counts
ROOT = Path(__file__).parents[2]


def _write_vectors(folder: Path, passages: np.ndarray, queries: np.ndarray, count: int) -> None:
    """Write the vectors, the queries and the ten nearest neighbors of each by brute force."""
    import faiss

    shape = (count, passages.shape[1])
    rows = np.lib.format.open_memmap(folder / "vectors.npy", "w+", "f4", shape)
    best = np.full((len(queries), 10), -2.0)
    positions = np.zeros((len(queries), 10), dtype=np.int64)
    first = 0
    for block in generate_vectors(passages, count):
        rows[first : first + len(block)] = block
        scores, neighbors = faiss.knn(queries, block, 10, metric=faiss.METRIC_INNER_PRODUCT)
        scores, neighbors = np.hstack([best, scores]), np.hstack([positions, neighbors + first])
        order = np.argsort(-scores, axis=1)[:, :10]
        best = np.take_along_axis(scores, order, axis=1)
        positions = np.take_along_axis(neighbors, order, axis=1)
        first += len(block)
    rows.flush()
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", positions)


def prepare_vectors(built: Path, cache: Path, count: int) -> Path:
    """Return the folder with `count` vectors; write them if they are missing."""
    folder = built / str(count)
    if not (folder / "truth.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        named = os.environ.get("RAGKIT_BENCH_TEXTS")
        text_folders = [Path(named)] if named else default_text_folders()
        _write_vectors(folder, *embed_paragraphs(cache, text_folders), count)
    return folder


def run_engine(python: str, step: str, name: str, folder: Path) -> dict[str, float] | str:
    """Return the figures that the engine's process printed, or the reason why it failed."""
    environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [python, "-m", "bench.vectors.engine", step, name, str(folder)]
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{step} took more than {TIMEOUT} s"
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"{step} failed"]
        return next((line for line in lines if line.startswith("ModuleNotFound")), lines[-1])[:120]
    figures: dict[str, float] = json.loads(process.stdout.strip().splitlines()[-1])
    return figures


def _build_index(python: str, name: str, folder: Path) -> dict[str, float] | str:
    """Build the index if it is missing; return the figures of its build, or why it failed."""
    own, report_file = folder / name, folder / name / "built.json"
    if not report_file.exists():
        own.mkdir(exist_ok=True)
        for file in ("vectors.npy", "queries.npy", "truth.npy"):
            (own / file).unlink(missing_ok=True)
            (own / file).hardlink_to(folder / file)
        figures = run_engine(python, "build", name, own)
        if isinstance(figures, str):
            return figures
        report_file.write_text(json.dumps(figures))
    report: dict[str, float] = json.loads(report_file.read_text())
    return report


def _row(python: str, name: str, folder: Path, queries_too: bool) -> str:
    label = INDEXES[name]
    built = _build_index(python, name, folder)
    if isinstance(built, str) or not queries_too:
        if isinstance(built, str):
            return f"| {label} | {built} |"
        return f"| {label} | {built['build']:.1f} | {built['cpu']:.1f} |"
    own = folder / name
    files = [path for path in own.rglob("*") if path.is_file()]
    files = [path for path in files if path.suffix not in (".npy", ".json")]
    disk = sum(path.stat().st_size for path in files) / 1e6
    queried = run_engine(python, "query", name, own)
    opened = [run_engine(python, "open", name, own) for _ in range(OPENINGS)]
    failed = [figures for figures in (queried, *opened) if isinstance(figures, str)]
    if failed:
        return f"| {label} | skipped: {failed[0]} |"
    first, imported = (
        statistics.median(figures[key] for figures in opened) for key in ("first", "opened")
    )
    return (
        f"| {label} | {queried['recall']:.3f} | {queried['ms']:.2f} | {queried['p99']:.1f} "
        f"| {built['build']:.1f} | {built['cpu']:.1f} | {first:.0f} | {imported:.1f} "
        f"| {queried['memory']:.0f} | {disk:.0f} |"
    )


def _compare_engines(built: Path, cache: Path, queries_too: bool) -> None:
    peers = os.environ.get("RAGKIT_PEERS_VECTORS")
    for count in SIZES:
        folder = prepare_vectors(built, cache, count)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"\n{count:,} vectors, {time.strftime('%H:%M')}, "
              f"load {load:.1f} on {os.cpu_count()} cores")  # fmt: skip
        heads = "recall@10 | p50 ms | p99 ms | build s | CPU s | open + first ms | imported ms"
        print(
            f"\n| index | {heads} | MB | disk MB |"
            if queries_too
            else "\n| index | build s | CPU s |"
        )
        print(f"|{'---|' * 10}" if queries_too else "|---|---|---|", flush=True)
        for name in ENGINE_NAMES:
            python = sys.executable if name == "Ragkit" else peers
            if python:
                print(_row(python, name, folder, queries_too), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        built = Path(os.environ.get("RAGKIT_BENCH_BUILT") or temporary)
        for part in PARTS:
            if part in ("build", "peers"):
                _compare_engines(built, cache, queries_too=part == "peers")
            else:
                importlib.import_module(f"bench.vectors.{part}").measure(built, cache)
