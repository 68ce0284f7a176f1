"""Nearest neighbours by cosine: a FAISS file, what came after it, what has gone since.

Knows ids and unit vectors, never text and never SQL. The file is exact: a FAISS
`IndexIDMap(IndexFlatIP)`, inner products over all vectors. It is written in steps, so that writing
takes no more memory for a large collection than for a small one, and mapped into memory to be read.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import CollectionError
from ragkit.storage.index_files import file_checksum, new_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 2048  # vectors read and written at a time: 3 MB at 384 dimensions
FOLD_AT = 0.1  # a delta or removals above this part of the base are folded into a new file


def _faiss() -> Any:  # noqa: ANN401 (FAISS has no types)
    import faiss

    faiss.omp_set_num_threads(1)  # two threads make a single query slower
    return faiss


def _batches(
    rows: Iterable[tuple[int, bytes]], dimension: int
) -> Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """(passage id, float32 blob) in groups: ids (n,) int64 and vectors (n, d) float32."""
    rows = iter(rows)
    while batch := list(islice(rows, STEP)):
        ids = np.fromiter((row[0] for row in batch), dtype=np.int64, count=len(batch))
        blob = b"".join(row[1] for row in batch)
        if len(blob) != 4 * dimension * len(batch):
            raise CollectionError(
                f"vectors of {len(blob) / len(batch) / 4:g} numbers where the collection's encoder "
                f"makes {dimension}. Mend with: ragkit index --rebuild"
            )
        yield ids, np.frombuffer(blob, dtype="<f4").reshape(len(batch), dimension)


def write(path: Path, rows: Iterable[tuple[int, bytes]], dimension: int) -> str:
    """Write an index of these (passage id, vector blob) rows to `path`; returns its checksum.

    What FAISS would write of an `IndexIDMap(IndexFlatIP)`, byte for byte (a test holds that), but
    without having all of it in memory: header, vectors, ids.
    """
    every: list[NDArray[np.int64]] = []
    with new_file(path) as file:
        file.write(_header(0, dimension))
        for ids, vectors in _batches(rows, dimension):
            file.write(vectors.tobytes())
            every.append(ids)
        together = np.concatenate([np.empty(0, dtype=np.int64), *every]).astype("<i8")
        file.write(struct.pack("<Q", len(together)))
        file.write(together.tobytes())
        file.seek(0)
        file.write(_header(len(together), dimension))
    return file_checksum(path)


def _header(count: int, dimension: int) -> bytes:
    """Both headers (fourcc, dimension, count, two unused numbers, whether trained, metric: inner
    product) and the length of the vectors, as index_write.cpp of FAISS writes them."""
    rest = struct.pack("<iqqq?i", dimension, count, 1 << 20, 1 << 20, True, 0)
    return b"IxMp" + rest + b"IxFI" + rest + struct.pack("<Q", count * dimension)


def read(path: Path, checksum: str, dimension: int) -> Any:  # noqa: ANN401
    """The FAISS index in this file, its vectors mapped into memory where the system can.

    Raises ValueError where the file is not what was written: FAISS itself loads more than half of
    damaged files without a word and then answers wrongly.
    """
    if file_checksum(path) != checksum:
        raise ValueError(f"{path.name} is damaged: its checksum is not the recorded one")
    faiss = _faiss()
    index = _mapped(faiss, path) if os.name == "posix" else _loaded(faiss, path)
    if index.d != dimension:
        raise ValueError(f"{path.name} holds vectors of {index.d} numbers, not {dimension}")
    return index


def _mapped(faiss: Any, path: Path) -> Any:  # noqa: ANN401
    """The file in the page cache, shared between processes. Never add to such an index: FAISS
    would end the process."""
    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def _loaded(faiss: Any, path: Path) -> Any:  # noqa: ANN401
    """Read through Python: FAISS cannot open every path that Windows has."""
    with path.open("rb") as file:
        return faiss.read_index(faiss.PyCallbackIOReader(file.read, 1 << 20))


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """All searchable vectors as of one generation. Immutable, so threads may share it."""

    dimension: int
    generation: int
    file_generation: int  # of the base; 0 where there is none
    base: Any  # a FAISS index with ids, or None
    delta_ids: NDArray[np.int64]  # (m,)
    delta: NDArray[np.float32]  # (m, d), unit rows
    removed: frozenset[int] = frozenset()  # ids in the base or the delta that are no more

    @classmethod
    def over(cls, base: Any, dimension: int, generation: int) -> VectorIndex:  # noqa: ANN401
        """An index file's content, nothing after it."""
        ids = np.empty(0, dtype=np.int64)
        delta = np.empty((0, dimension), dtype=np.float32)
        return cls(dimension, generation, generation, base, ids, delta)

    def advanced(
        self, generation: int, rows: Iterable[tuple[int, bytes]], removed: Sequence[int]
    ) -> VectorIndex:
        """The same with these rows added and these ids removed."""
        fresh = list(_batches(rows, self.dimension))
        return replace(
            self,
            generation=generation,
            delta_ids=np.concatenate([self.delta_ids, *(ids for ids, _ in fresh)]),
            delta=np.concatenate([self.delta, *(vectors for _, vectors in fresh)]),
            removed=self.removed | frozenset(removed),
        )

    @property
    def is_heavy(self) -> bool:
        """Whether what came and went after the base is worth a newer base."""
        base = self.base.ntotal if self.base is not None else 0
        return len(self.delta_ids) + len(self.removed) > FOLD_AT * base

    def __len__(self) -> int:
        """Upper bound of how many neighbours there are."""
        return (self.base.ntotal if self.base is not None else 0) + len(self.delta_ids)

    def nearest(
        self, query: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The k nearest passages: ids (n,) int64 and cosines (n,) float32, best first, n ≤ k.

        `query` is (d,) float32 of unit length. Equal cosines come by ascending id among those
        returned; which of several equal ones at the border are returned is not defined.
        """
        ids, scores = self.delta_ids, self.delta @ query
        if self.base is not None and self.base.ntotal:
            _faiss()  # OpenMP's setting is the calling thread's own
            wide = min(k + len(self.removed), self.base.ntotal)
            found_scores, found_ids = self.base.search(query[None, :], wide)
            ids = np.concatenate([found_ids[0], ids])
            scores = np.concatenate([found_scores[0], scores])
        if self.removed:
            keep = ~np.isin(ids, np.fromiter(self.removed, dtype=np.int64))
            ids, scores = ids[keep], scores[keep]
        if len(ids) > k:
            part = np.argpartition(-scores, k - 1)[:k]
            ids, scores = ids[part], scores[part]
        order = np.lexsort((ids, -scores))
        return ids[order], scores[order]
