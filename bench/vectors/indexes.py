"""Vector indexes on the same vectors: ragkit's, and those of libraries and databases beside it.

    RAGKIT_BENCH_PARTS=build python -m bench vectors      builds only: nothing is asked
    RAGKIT_BENCH_PARTS=peers python -m bench vectors      builds what is missing, and asks

RAGKIT_BENCH_PARTS      of build, peers, changes, filters, large; without it peers, changes, filters
RAGKIT_PEERS_VECTORS    a Python with faiss-cpu, hnswlib, usearch, chromadb, lancedb, sqlite-vec,
                        zvec and qdrant-edge-py, or some of them; without it ragkit alone
RAGKIT_BENCH_TEXTS      a folder whose texts become vectors; else what this Python and system have
RAGKIT_BENCH_CACHE      a folder that keeps the embedded texts for the next time
RAGKIT_BENCH_BUILT      a folder that keeps vectors and indexes for the next time
RAGKIT_BENCH_SIZES      how many vectors: 100000,1000000
RAGKIT_BENCH_INDEXES    which of INDEXES, by the names of their classes
RAGKIT_BENCH_PATIENCE   seconds for a build or for asking; more than 180 for graphs of a million
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

from bench.vectors.data import expanded, folders, real

INDEXES = {
    "Ragkit": "ragkit", "FaissHnsw": "FAISS HNSW16", "Hnswlib": "hnswlib",
    "Usearch": "usearch f16", "Chroma": "Chroma", "Lancedb": "LanceDB IVF_RQ",
    "SqliteVec": "sqlite-vec", "Zvec": "zvec", "QdrantEdge": "Qdrant edge",
}  # fmt: skip
SIZES = tuple(map(int, os.environ.get("RAGKIT_BENCH_SIZES", "100000,1000000").split(",")))
CHOSEN = os.environ.get("RAGKIT_BENCH_INDEXES", ",".join(INDEXES)).split(",")
PATIENCE = int(os.environ.get("RAGKIT_BENCH_PATIENCE", "180"))
PARTS = os.environ.get("RAGKIT_BENCH_PARTS", "peers,changes,filters").split(",")
OPENINGS = 5  # processes that open an index, of which the middle one counts
ROOT = Path(__file__).parents[2]


def _make(folder: Path, passages: np.ndarray, queries: np.ndarray, count: int) -> None:
    """Vectors, queries and the ten nearest of each by brute force."""
    import faiss

    shape = (count, passages.shape[1])
    rows = np.lib.format.open_memmap(folder / "vectors.npy", "w+", "f4", shape)
    best, places = np.full((len(queries), 10), -2.0), np.zeros((len(queries), 10), dtype=np.int64)
    first = 0
    for block in expanded(passages, count):
        rows[first : first + len(block)] = block
        scores, near = faiss.knn(queries, block, 10, metric=faiss.METRIC_INNER_PRODUCT)
        scores, near = np.hstack([best, scores]), np.hstack([places, near + first])
        order = np.argsort(-scores, axis=1)[:, :10]
        best = np.take_along_axis(scores, order, axis=1)
        places = np.take_along_axis(near, order, axis=1)
        first += len(block)
    rows.flush()
    np.save(folder / "queries.npy", queries)
    np.save(folder / "truth.npy", places)


def made(built: Path, cache: Path, count: int) -> Path:
    """The folder of so many vectors, made where it is missing."""
    folder = built / str(count)
    if not (folder / "truth.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        named = os.environ.get("RAGKIT_BENCH_TEXTS")
        _make(folder, *real(cache, [Path(named)] if named else folders()), count)
    return folder


def run(python: str, what: str, name: str, folder: Path) -> dict[str, float] | str:
    """What the engine's process has printed, or why it has not."""
    environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [python, "-m", "bench.vectors.engine", what, name, str(folder)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{what} took more than {PATIENCE} s"
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"{what} failed"]
        return next((line for line in lines if line.startswith("ModuleNotFound")), lines[-1])[:120]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _built(python: str, name: str, folder: Path) -> dict[str, float] | str:
    """What building took, now or when it was built."""
    own, noted = folder / name, folder / name / "built.json"
    if not noted.exists():
        own.mkdir(exist_ok=True)
        for file in ("vectors.npy", "queries.npy", "truth.npy"):
            (own / file).unlink(missing_ok=True)
            (own / file).hardlink_to(folder / file)
        found = run(python, "build", name, own)
        if isinstance(found, str):
            return found
        noted.write_text(json.dumps(found))
    kept: dict[str, float] = json.loads(noted.read_text())
    return kept


def _row(python: str, name: str, folder: Path, ask: bool) -> str:
    shown = INDEXES[name]
    built = _built(python, name, folder)
    if isinstance(built, str) or not ask:
        if isinstance(built, str):
            return f"| {shown} | {built} |"
        return f"| {shown} | {built['build']:.1f} | {built['cpu']:.1f} |"
    own = folder / name
    files = [each for each in own.rglob("*") if each.is_file()]
    files = [each for each in files if each.suffix not in (".npy", ".json")]
    disk = sum(each.stat().st_size for each in files) / 1e6
    asked = run(python, "ask", name, own)
    opened = [run(python, "open", name, own) for _ in range(OPENINGS)]
    failed = [each for each in (asked, *opened) if isinstance(each, str)]
    if failed:
        return f"| {shown} | skipped: {failed[0]} |"
    first, bare = (statistics.median(each[of] for each in opened) for of in ("first", "opened"))
    return (
        f"| {shown} | {asked['recall']:.3f} | {asked['ms']:.2f} | {asked['p99']:.1f} "
        f"| {built['build']:.1f} | {built['cpu']:.1f} | {first:.0f} | {bare:.1f} "
        f"| {asked['memory']:.0f} | {disk:.0f} |"
    )


def _peers(built: Path, cache: Path, ask: bool) -> None:
    peers = os.environ.get("RAGKIT_PEERS_VECTORS")
    for count in SIZES:
        folder = made(built, cache, count)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"\n{count:,} vectors, {time.strftime('%H:%M')}, "
              f"load {load:.1f} on {os.cpu_count()} cores")  # fmt: skip
        heads = "recall@10 | p50 ms | p99 ms | build s | CPU s | open + first ms | without imports"
        print(f"\n| index | {heads} | MB | disk MB |" if ask else "\n| index | build s | CPU s |")
        print(f"|{'---|' * 10}" if ask else "|---|---|---|", flush=True)
        for name in CHOSEN:
            python = sys.executable if name == "Ragkit" else peers
            if python:
                print(_row(python, name, folder, ask), flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        built = Path(os.environ.get("RAGKIT_BENCH_BUILT") or temporary)
        for part in PARTS:
            if part in ("build", "peers"):
                _peers(built, cache, ask=part == "peers")
            else:
                importlib.import_module(f"bench.vectors.{part}").measured(built, cache)
