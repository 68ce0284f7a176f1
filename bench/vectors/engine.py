"""One vector index in a process of its own, so that none is in another's way.

    python -m bench.vectors.engine build|open|ask NAME FOLDER

FOLDER holds `vectors.npy` (n, 384), `queries.npy` and `truth.npy`, the places of the ten nearest
of each query. `build` makes the index there; `open`, in a new process, imports the libraries, opens
the index and asks the first query; `ask` asks one query after the other on one thread. Each prints
JSON. An index with a knob is asked with it turned up until recall@10 is .99, or as far as it goes.
Peers run under their own Python: ragkit is imported by ragkit's engine alone.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from bench.vectors.databases import WIDTHS, Chroma, Lancedb, QdrantEdge, SqliteVec, Zvec

WANTED = 0.99
TIMED, WITHIN = 300, 4.0  # queries that are timed, and seconds for them


class Ragkit:
    """The vector files of a collection, as `index` writes and `query` opens them."""

    modules = ("ragkit.storage.vectors.index", "ragkit.storage.vectors.quantized", "faiss")
    knobs = (False, True)  # exact

    def build(self, rows, folder):
        from ragkit.storage.vectors import flat_file, quantized

        blobs = ((place, row.tobytes()) for place, row in enumerate(rows))
        count = flat_file.write(folder / "exact", blobs, rows.shape[1])
        base = flat_file.FlatFile(folder / "exact", rows.shape[1])
        known = quantized.write(folder / "codes", base, quantized.kind(count, rows.shape[1]))
        (folder / "known").write_text(json.dumps(known._asdict()))

    def open(self, folder, dimension):
        from ragkit.storage.vectors import flat_file, quantized
        from ragkit.storage.vectors.index import VectorIndex

        known = quantized.calibration(json.loads((folder / "known").read_text()))
        base = flat_file.FlatFile(folder / "exact", dimension)
        found = quantized.QuantizedVectors(folder / "codes", known, len(base))
        self.index, self.exact = VectorIndex.from_file(base, dimension, 1, found), False

    def turn(self, exact):
        self.exact = exact

    def ask(self, query):  # sixteen more are looked at: `search` needs them for ties
        return self.index.top_k(query, 26, exact=self.exact)[0][:10]


class FaissHnsw:
    modules = ("faiss",)
    knobs = WIDTHS

    def build(self, rows, folder):
        import faiss

        index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 128
        index.add(rows)
        faiss.write_index(index, str(folder / "index"))

    def open(self, folder, _):
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(folder / "index"))

    def turn(self, width):
        self.index.hnsw.efSearch = width

    def ask(self, query):
        return self.index.search(query[None], 10)[1][0]


class Hnswlib:
    modules = ("hnswlib",)
    knobs = WIDTHS

    def build(self, rows, folder):
        import hnswlib

        index = hnswlib.Index("ip", rows.shape[1])
        index.init_index(len(rows), ef_construction=128, M=16)
        index.add_items(rows)
        index.save_index(str(folder / "index"))

    def open(self, folder, dimension):
        import hnswlib

        self.index = hnswlib.Index("ip", dimension)
        self.index.load_index(str(folder / "index"))
        self.index.set_num_threads(1)

    def turn(self, width):
        self.index.set_ef(width)

    def ask(self, query):
        return self.index.knn_query(query, k=10)[0][0]


class Usearch:
    modules = ("usearch.index",)
    knobs = WIDTHS

    def build(self, rows, folder):
        from usearch.index import Index

        index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", expansion_add=128)
        index.add(np.arange(len(rows)), rows)
        index.save(str(folder / "index"))

    def open(self, folder, _):
        from usearch.index import Index

        self.index = Index.restore(str(folder / "index"), view=True)

    def turn(self, width):
        self.index.expansion_search = width

    def ask(self, query):
        return self.index.search(query, 10).keys


ENGINES = (
    Ragkit, FaissHnsw, Hnswlib, Usearch, Chroma, Lancedb, SqliteVec, Zvec, QdrantEdge,
)  # fmt: skip


def _recall(engine, queries, truth) -> float:
    pairs = zip(queries, truth, strict=True)
    return float(np.mean([np.isin(near, engine.ask(query)).mean() for query, near in pairs]))


def memory(of: str = "VmRSS") -> float:
    """MB resident now, mapped files included; RssAnon: without them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(of):
            return int(line.split()[1]) / 1024
    return float("nan")


def opened(engine, folder: Path) -> dict[str, float]:
    """ms of opening and the first query, with the libraries' imports and without."""
    query, started = np.load(folder / "queries.npy")[0], time.perf_counter()
    for name in engine.modules:
        importlib.import_module(name)
    imported = time.perf_counter()
    engine.open(folder, len(query))
    engine.ask(query)
    ended = time.perf_counter()
    return {"first": (ended - started) * 1e3, "opened": (ended - imported) * 1e3}


def asked(engine, folder: Path) -> dict[str, float]:
    """What asking takes, and the memory for it."""
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    before, own = memory(), memory("RssAnon")
    engine.open(folder, queries.shape[1])
    recall, knob = 0.0, None
    for knob in engine.knobs or [None]:
        if knob is not None:
            engine.turn(knob)
        recall = _recall(engine, queries[:200], truth[:200])
        if recall >= WANTED:
            break
    seconds, end = [], time.perf_counter() + WITHIN
    for query in queries[:TIMED]:
        started = time.perf_counter()
        engine.ask(query)
        seconds.append(time.perf_counter() - started)
        if time.perf_counter() > end:
            break
    return {
        "recall": recall,
        "knob": str(knob),
        "ms": statistics.median(seconds) * 1e3,
        "p99": statistics.quantiles(seconds, n=100)[98] * 1e3,
        "memory": memory() - before,
        "own": memory("RssAnon") - own,
    }


def main() -> None:
    what, name, place = sys.argv[1:]
    engine, folder = {each.__name__: each for each in ENGINES}[name](), Path(place)
    if what == "build":
        rows = np.load(folder / "vectors.npy")
        started, busy = time.perf_counter(), time.process_time()
        engine.build(rows, folder)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        print(json.dumps({"build": seconds, "cpu": cpu}))
    else:
        print(json.dumps({"open": opened, "ask": asked}[what](engine, folder)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
