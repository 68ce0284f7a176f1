"""Vector indexes on the same vectors: ragkit's, and those of libraries and databases beside it.

RAGKIT_PEERS_VECTORS    a Python with faiss-cpu, hnswlib, usearch, chromadb, lancedb, sqlite-vec,
                        zvec and qdrant-edge-py, or some of them; without it ragkit alone
RAGKIT_BENCH_TEXTS      a folder whose texts become vectors; else what this Python and system have
RAGKIT_BENCH_CACHE      a folder that keeps the embedded texts for the next time
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.vectorsdata import expanded, folders, real

SIZES = (100_000, 1_000_000)
PEERS = (
    ("FaissHnsw", "FAISS HNSW16"), ("Hnswlib", "hnswlib"), ("Usearch", "usearch f16"),
    ("Chroma", "Chroma"), ("Lancedb", "LanceDB IVF_RQ"), ("SqliteVec", "sqlite-vec"),
    ("Zvec", "zvec"), ("QdrantEdge", "Qdrant edge"),
)  # fmt: skip
AT_A_MILLION = ("SqliteVec", "Lancedb")  # the others build for more than three minutes
PATIENCE = 180  # seconds for a build or for asking
ROOT = Path(__file__).parent.parent


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


def _run(python: str, what: str, name: str, folder: Path) -> dict[str, float] | str:
    """What the engine's process has printed, or why it has not."""
    environment = {**os.environ, "ANONYMIZED_TELEMETRY": "False"}
    environment["PYTHONPATH"] = str(ROOT)
    command = [python, "-m", "bench.vectorengine", what, name, str(folder)]
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


def _row(python: str, name: str, shown: str, folder: Path) -> str:
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        own = Path(place)
        for file in ("vectors.npy", "queries.npy", "truth.npy"):
            (own / file).hardlink_to(folder / file)
        built = _run(python, "build", name, own)
        if isinstance(built, str):
            return f"| {shown} | skipped: {built} |"
        files = [each for each in own.rglob("*") if each.is_file() and each.suffix != ".npy"]
        disk = sum(each.stat().st_size for each in files) / 1e6
        asked = _run(python, "ask", name, own)
        if isinstance(asked, str):
            return f"| {shown} | skipped: {asked} |"
        return (
            f"| {shown} | {asked['recall']:.3f} | {asked['ms']:.2f} | {built['build']:.1f} "
            f"| {asked['first']:.0f} | {asked['memory']:.0f} | {disk:.0f} |"
        )


def main() -> None:
    peers = os.environ.get("RAGKIT_PEERS_VECTORS")
    named = os.environ.get("RAGKIT_BENCH_TEXTS")
    with tempfile.TemporaryDirectory() as temporary:
        cache = Path(os.environ.get("RAGKIT_BENCH_CACHE") or temporary)
        passages, queries = real(cache, [Path(named)] if named else folders())
        for count in SIZES:
            folder = Path(temporary) / str(count)
            folder.mkdir()
            _make(folder, passages, queries, count)
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            print(f"\n{count:,} vectors of {passages.shape[1]}, {time.strftime('%H:%M')}, "
                  f"load {load:.1f} on {os.cpu_count()} cores")  # fmt: skip
            print("\n| index | recall@10 | p50 ms | build s | open + first ms | MB | disk MB |")
            print("|---|---|---|---|---|---|---|", flush=True)
            print(_row(sys.executable, "Ragkit", "ragkit", folder), flush=True)
            for name, shown in PEERS if peers else ():
                if count == SIZES[0] or name in AT_A_MILLION:
                    print(_row(peers, name, shown, folder), flush=True)
