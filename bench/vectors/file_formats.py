"""The flat vector file against a plain NumPy file and FAISS's own reader and writer.

Prints one table row for each format and number of vectors (the arguments of
`python -m bench.vectors.file_formats`), for random unit vectors of 384 numbers. All times are CPU
time. "Open + first query" is a process of its own, less one that only imports this module.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

DIMENSION, K, CHANGED, RUNS = 384, 10, 100, 7


class Flat:
    """ragkit's reader and writer of FAISS's layout."""

    @staticmethod
    def write(path: Path, ids: np.ndarray, rows: np.ndarray) -> None:
        from ragkit.storage.vectors import flat_file

        blobs = ((int(id_), row.tobytes()) for id_, row in zip(ids, rows, strict=True))
        flat_file.write(path, blobs, DIMENSION)

    def __init__(self, path: Path) -> None:
        from ragkit.storage.vectors.flat_file import FlatFile
        from ragkit.storage.vectors.index import VectorIndex

        self.index = VectorIndex.from_file(FlatFile(path, DIMENSION), DIMENSION, 1)

    def search(self, query: np.ndarray) -> np.ndarray:
        return self.index.top_k(query, K)[0]

    def write_changes(
        self, path: Path, ids: np.ndarray, rows: np.ndarray, removed: np.ndarray
    ) -> None:
        blobs = [(int(id_), row.tobytes()) for id_, row in zip(ids, rows, strict=True)]
        self.index.with_changes(2, blobs, removed.tolist())  # the file stays as it is


class Npy:
    """Vectors, then ids, in one file of two arrays; written under a temporary name."""

    @staticmethod
    def write(path: Path, ids: np.ndarray, rows: np.ndarray) -> None:
        from ragkit.storage.atomic_files import new_file

        with new_file(path) as file:
            np.save(file, rows)
            np.save(file, ids)

    def __init__(self, path: Path) -> None:
        self.rows = np.load(path, mmap_mode="r")
        with path.open("rb") as file:
            file.seek(self.rows.offset + self.rows.nbytes)
            self.ids = np.load(file)

    def search(self, query: np.ndarray) -> np.ndarray:
        scores = np.empty(len(self.ids), dtype=np.float32)
        size = (1 << 18) // DIMENSION
        for first in range(0, len(scores), size):
            block = self.rows[first : first + size]
            np.dot(block, query, out=scores[first : first + len(block)])
        best = np.argpartition(-scores, K)[:K]
        return self.ids[best[np.lexsort((self.ids[best], -scores[best]))]]

    def write_changes(
        self, path: Path, ids: np.ndarray, rows: np.ndarray, removed: np.ndarray
    ) -> None:
        kept = ~np.isin(self.ids, removed)
        Npy.write(path, np.append(self.ids[kept], ids), np.vstack([self.rows[kept], rows]))


class Faiss:
    """FAISS's IndexIDMap(IndexFlatIP), by its own reader and writer."""

    flags = 0

    @staticmethod
    def write(path: Path, ids: np.ndarray, rows: np.ndarray) -> None:
        import faiss

        index = faiss.IndexIDMap(faiss.IndexFlatIP(DIMENSION))
        index.add_with_ids(rows, ids)
        faiss.write_index(index, str(path))

    def __init__(self, path: Path) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(path), self.flags)

    def search(self, query: np.ndarray) -> np.ndarray:
        return self.index.search(query[None, :], K)[1][0]

    def write_changes(
        self, path: Path, ids: np.ndarray, rows: np.ndarray, removed: np.ndarray
    ) -> None:
        import faiss

        index = faiss.read_index(str(path.with_name("vectors")))  # a mapped one cannot change
        index.add_with_ids(rows, ids)
        index.remove_ids(removed)
        faiss.write_index(index, str(path))


class FaissMapped(Faiss):
    """The same, mapped into memory."""

    flags = 512  # IO_FLAG_MMAP_IFC


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _cpu_ms(call: Callable[[], object], runs: int = RUNS) -> float:
    """Return the CPU time of this process and its children in ms, the minimum of several runs."""
    times = []
    for _ in range(runs):
        before = _cpu_seconds()
        call()
        times.append(_cpu_seconds() - before)
    return 1000 * min(times)


def _fresh_process(code: str) -> float:
    return _cpu_ms(lambda: subprocess.run([sys.executable, "-c", code], check=True))


def measure(kind: type, rows: np.ndarray, count: int, empty: float) -> str:
    """Return one row of the table. `rows` has CHANGED more rows than `count`."""
    ids, query = np.arange(len(rows)), rows[0]
    with tempfile.TemporaryDirectory() as folder:
        path, query_path = Path(folder, "vectors"), Path(folder, "query.npy")
        written = _cpu_ms(lambda: kind.write(path, ids[:count], rows[:count]))
        np.save(query_path, query)
        code = (
            "import numpy as np, pathlib\n"
            f"from bench.vectors.file_formats import {kind.__name__}\n"
            f"index = {kind.__name__}(pathlib.Path({str(path)!r}))\n"
            f"index.search(np.load({str(query_path)!r}))"
        )
        opened = _fresh_process(code) - empty
        index, size = kind(path), path.stat().st_size / 1e6
        warm = _cpu_ms(lambda: [index.search(query) for _ in range(20)]) / 20
        changes = (path.with_name("new"), ids[count:], rows[count:], ids[:CHANGED])
        write_changes = _cpu_ms(lambda: index.write_changes(*changes), 3)
    return (
        f"| {kind.__name__} | {count:,} | {written:.0f} | {size:.1f} | {opened:.0f} | {warm:.2f} | "
        f"{write_changes:.1f} |"
    )


def main(counts: Sequence[int] = (10_000, 100_000)) -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    empty = _fresh_process("import bench.vectors.file_formats")
    print("| format | vectors | write ms | MB | open + first query ms | query ms | +100 -100 ms |")
    for count in counts:
        rows = rng.standard_normal((count + CHANGED, DIMENSION)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        for kind in (Flat, Npy, Faiss, FaissMapped):
            print(measure(kind, rows, count, empty), flush=True)


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or (10_000, 100_000))
