"""One vector index in a separate process, so that the indexes do not influence each other.

    python -m bench.vectors.engine build|open|query NAME FOLDER

FOLDER contains `vectors.npy` (n, 384), `queries.npy` and `truth.npy`, the positions of the ten
nearest neighbors of each query. `build` builds the index there; `open`, in a new process, imports
the libraries, opens the index and runs the first query; `query` runs one query after the other on
one thread. Each prints JSON. An index with search parameters is queried with the first that reaches
a recall@10 of .99, or with the last. Other libraries run under their own Python interpreter, so
only ragkit's engine imports ragkit.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

from bench.vectors.databases import HNSW_WIDTHS, Chroma, Lancedb, QdrantEdge, SqliteVec, Zvec

TARGET_RECALL = 0.99
MAX_QUERIES, MAX_SECONDS = 300, 4.0  # limits of the timed queries


class Ragkit:
    """The vector files of a collection, as `index` writes them and `query` opens them."""

    modules = ("ragkit.storage.vectors.index", "ragkit.storage.vectors.quantized", "faiss")
    search_params = (False, True)  # exact

    def build(self, rows, folder):
        from ragkit.storage.vectors import flat_file, quantized

        blobs = ((folder_name, row.tobytes()) for folder_name, row in enumerate(rows))
        count = flat_file.write(folder / "exact", blobs, rows.shape[1])
        base = flat_file.FlatFile(folder / "exact", rows.shape[1])
        calibration = quantized.write(folder / "codes", base, quantized.kind(count, rows.shape[1]))
        (folder / "known").write_text(json.dumps(calibration._asdict()))

    def open(self, folder, dimension):
        from ragkit.storage.vectors import flat_file, quantized
        from ragkit.storage.vectors.index import VectorIndex

        calibration = quantized.calibration(json.loads((folder / "known").read_text()))
        base = flat_file.FlatFile(folder / "exact", dimension)
        quantizer = quantized.QuantizedVectors(folder / "codes", calibration, len(base))
        self.index, self.exact = VectorIndex.from_file(base, dimension, 1, quantizer), False

    def set_search_param(self, exact):
        self.exact = exact

    def query_index(self, query):  # 16 more than ten: `search` needs them for ties
        return self.index.top_k(query, 26, exact=self.exact)[0][:10]


class FaissHnsw:
    modules = ("faiss",)
    search_params = HNSW_WIDTHS

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

    def set_search_param(self, width):
        self.index.hnsw.efSearch = width

    def query_index(self, query):
        return self.index.search(query[None], 10)[1][0]


class Hnswlib:
    modules = ("hnswlib",)
    search_params = HNSW_WIDTHS

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

    def set_search_param(self, width):
        self.index.set_ef(width)

    def query_index(self, query):
        return self.index.knn_query(query, k=10)[0][0]


class Usearch:
    modules = ("usearch.index",)
    search_params = HNSW_WIDTHS

    def build(self, rows, folder):
        from usearch.index import Index

        index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", expansion_add=128)
        index.add(np.arange(len(rows)), rows)
        index.save(str(folder / "index"))

    def open(self, folder, _):
        from usearch.index import Index

        self.index = Index.restore(str(folder / "index"), view=True)

    def set_search_param(self, width):
        self.index.expansion_search = width

    def query_index(self, query):
        return self.index.search(query, 10).keys


ENGINES = (
    Ragkit, FaissHnsw, Hnswlib, Usearch, Chroma, Lancedb, SqliteVec, Zvec, QdrantEdge,
)  # fmt: skip


def _recall(engine, queries, truth) -> float:
    pairs = zip(queries, truth, strict=True)
    return float(
        np.mean([np.isin(expected, engine.query_index(query)).mean() for query, expected in pairs])
    )


def resident_mb(field: str = "VmRSS") -> float:
    """Return the resident memory of this process in MB, with mapped files; "RssAnon": without."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return float("nan")


def measure_opening(engine, folder: Path) -> dict[str, float]:
    """Return the time of opening and the first query in ms, with and without the imports."""
    query, started = np.load(folder / "queries.npy")[0], time.perf_counter()
    for name in engine.modules:
        importlib.import_module(name)
    imported = time.perf_counter()
    engine.open(folder, len(query))
    engine.query_index(query)
    ended = time.perf_counter()
    return {"first": (ended - started) * 1e3, "opened": (ended - imported) * 1e3}


def measure_queries(engine, folder: Path) -> dict[str, float]:
    """Return recall, latency and memory of the queries."""
    queries, truth = np.load(folder / "queries.npy"), np.load(folder / "truth.npy")
    before, own = resident_mb(), resident_mb("RssAnon")
    engine.open(folder, queries.shape[1])
    recall, search_param = 0.0, None
    for search_param in engine.search_params or [None]:
        if search_param is not None:
            engine.set_search_param(search_param)
        recall = _recall(engine, queries[:200], truth[:200])
        if recall >= TARGET_RECALL:
            break
    seconds, end = [], time.perf_counter() + MAX_SECONDS
    for query in queries[:MAX_QUERIES]:
        started = time.perf_counter()
        engine.query_index(query)
        seconds.append(time.perf_counter() - started)
        if time.perf_counter() > end:
            break
    return {
        "recall": recall,
        "knob": str(search_param),
        "ms": statistics.median(seconds) * 1e3,
        "p99": statistics.quantiles(seconds, n=100)[98] * 1e3,
        "memory": resident_mb() - before,
        "own": resident_mb("RssAnon") - own,
    }


def main() -> None:
    step, name, folder_name = sys.argv[1:]
    engine, folder = {engine.__name__: engine for engine in ENGINES}[name](), Path(folder_name)
    if step == "build":
        rows = np.load(folder / "vectors.npy")
        started, busy = time.perf_counter(), time.process_time()
        engine.build(rows, folder)
        seconds, cpu = time.perf_counter() - started, time.process_time() - busy
        print(json.dumps({"build": seconds, "cpu": cpu}))
    else:
        print(json.dumps({"open": measure_opening, "query": measure_queries}[step](engine, folder)))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
