"""The flat vector file: the exact vectors of a collection, written in steps and mapped to be read.

The file is a FAISS `IndexIDMap(IndexFlatIP)`, byte for byte, so FAISS can read it too. It is read
here without FAISS: opening takes the same time for any number of vectors, the pages are shared
between processes, and a small collection is searched without importing FAISS. Knows ids, unit
vectors and bytes; no text and no SQL.

A *position* is the row number of a vector in the file.
"""

from __future__ import annotations

import mmap
import os
import struct
import weakref
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import CollectionError
from ragkit.storage.atomic_files import new_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Blocks = Iterable[tuple[int, NDArray[np.float32]]]  # first position, and vectors (m, d)
    Rows = Iterable[tuple[int, bytes]]  # passage id, and the vector as a float32 blob

BATCH = 2048  # vectors read and written at a time: 3 MB at 384 dimensions
SCAN_NUMBERS = (
    1 << 18
)  # numbers compared with a query at a time: 1 MB, which stays in the CPU cache
_SMALL_FILE = 256 << 20  # bytes up to which a file stays mapped once it was read
_MAX_RESIDENT = 64 << 20  # bytes of a larger file that stay mapped; the page cache keeps its copy
_READ_AHEAD = 1 << 21  # bytes that the system may map around one that is read
_SPARSE = 20  # if at most one vector in this many is needed, reading each beats mapping the pages
_MAX_BISECTED = 200  # ids that are looked up one by one, without sorting the file's ids
_HEADER = struct.Struct("<iqqq?i")
_VECTORS_START = 4 + _HEADER.size + 4 + _HEADER.size + 8  # byte offset of the vectors


def batches(rows: Rows, dimension: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Group (passage id, float32 blob) rows: yield ids (n,) int64 and vectors (n, d) float32.

    Raises CollectionError if a blob does not have `dimension` numbers.
    """
    rows = iter(rows)
    while batch := list(islice(rows, BATCH)):
        ids = np.fromiter((row[0] for row in batch), dtype=np.int64, count=len(batch))
        blob = b"".join(row[1] for row in batch)
        if len(blob) != 4 * dimension * len(batch):
            raise CollectionError(
                f"the database contains vectors of {len(blob) / len(batch) / 4:g} numbers; the "
                f"collection's encoder makes {dimension}. Repair with: ragkit index --rebuild"
            )
        yield ids, np.frombuffer(blob, dtype="<f4").reshape(len(batch), dimension)


def write(path: Path, rows: Rows, dimension: int) -> int:
    """Write the file `path` and return the number of vectors.

    Keeps one batch of vectors, and all ids, in memory. Raises as `batches` does, and OSError.
    """
    all_ids: list[NDArray[np.int64]] = []
    with new_file(path) as file:
        file.write(_header(0, dimension))
        for ids, vectors in batches(rows, dimension):
            file.write(vectors.tobytes())
            all_ids.append(ids)
        joined = np.concatenate([np.empty(0, dtype=np.int64), *all_ids]).astype("<i8")
        file.write(struct.pack("<Q", len(joined)))
        file.write(joined.tobytes())
        file.seek(0)
        file.write(_header(len(joined), dimension))
    return len(joined)


def _header(count: int, dimension: int) -> bytes:
    """Return both headers (fourcc, dimension, count, two unused numbers, is-trained, metric: inner
    product) and the length of the vectors, as index_write.cpp of FAISS writes them."""
    fields = _HEADER.pack(dimension, count, 1 << 20, 1 << 20, True, 0)
    return b"IxMp" + fields + b"IxFI" + fields + struct.pack("<Q", count * dimension)


def products(blocks: Blocks, query: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the inner product of each of `count` vectors with the query: (count,) float32.

    Works block by block on one thread. That is faster than several threads on all vectors, because
    a block fits into the CPU cache.
    """
    scores = np.empty(count, dtype=np.float32)
    for first, block in blocks:
        np.dot(block, query, out=scores[first : first + len(block)])
    return scores


class FlatFile:
    """An open flat vector file: `ids` (n,) int64 and n vectors. Immutable; threads may share it."""

    def __init__(self, path: Path, dimension: int) -> None:
        """Map the file. Raises OSError; ValueError if it is damaged or has another dimension."""
        with path.open("rb") as file:
            start = file.read(_VECTORS_START)
            if len(start) < _VECTORS_START:
                raise ValueError(f"{path.name} is damaged: it is shorter than its header")
            file_dimension, count = struct.unpack_from("<iq", start, 4)
            if start != _header(count, file_dimension):
                raise ValueError(f"{path.name} is damaged: its header is not a vector file's")
            if file_dimension != dimension:
                raise ValueError(
                    f"{path.name} contains vectors of {file_dimension} numbers, not {dimension}"
                )
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._file: int | None = None  # to read scattered vectors of a large file
            if len(self._map) > _SMALL_FILE and hasattr(os, "pread"):
                self._file = os.dup(file.fileno())
                weakref.finalize(self, os.close, self._file)
        size = 4 * dimension
        end = _VECTORS_START + count * size
        if len(self._map) != end + 8 + 8 * count:
            raise ValueError(f"{path.name} is damaged: its length does not fit its header")
        # As bytes: the header leaves the floats unaligned, and NumPy would copy all to use any.
        flat = np.frombuffer(self._map, np.uint8, count * size, _VECTORS_START)
        self._bytes = flat.reshape(count, size)
        self.dimension = dimension
        self.ids: NDArray[np.int64] = np.frombuffer(self._map, "<i8", count, end + 8)
        self._ids_view = memoryview(self._map)[end + 8 :].cast("q")  # for bisection
        self._bytes_read = 0  # since the pages were last unmapped

    def __len__(self) -> int:
        return len(self.ids)

    def vectors_at(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors at these positions, (m, d) float32, in their order."""
        if not len(positions):
            return np.empty((0, self.dimension), dtype=np.float32)
        size, span = 4 * self.dimension, int(positions.max() - positions.min() + 1)
        if self._file is not None and span > _SPARSE * len(positions):
            starts = (_VECTORS_START + size * positions).tolist()
            data = b"".join([os.pread(self._file, size, start) for start in starts])
            return np.frombuffer(data, "<f4").reshape(len(positions), self.dimension)
        vectors = self._bytes[positions].view("<f4")
        self._unmap_read(min(span * size, _READ_AHEAD * len(positions)))
        return vectors

    def blocks(self, size: int, positions: NDArray[np.int64] | None = None) -> Blocks:
        """Yield all vectors, or those at `positions`, in blocks of `size`: the number of vectors
        before the block, and the block (m, d) float32. The next block overwrites its memory."""
        if positions is not None:
            for first in range(0, len(positions), size):
                yield first, self.vectors_at(positions[first : first + size])
            return
        buffer = np.empty((min(size, len(self)), 4 * self.dimension), dtype=np.uint8)
        for first in range(0, len(self), size):
            block = buffer[: min(size, len(self) - first)]
            block[:] = self._bytes[first : first + len(block)]
            self._unmap_read(block.nbytes)
            yield first, block.view("<f4")

    def scores(
        self, query: NDArray[np.float32], positions: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Return the cosine of every vector, or of those at `positions`, with `query` (d,): (n,)
        float32."""
        blocks = self.blocks(max(1, SCAN_NUMBERS // self.dimension), positions)
        return products(blocks, query, len(self) if positions is None else len(positions))

    def positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position of each of `ids`, (m,) int64, in their order; -1 for unknown ids."""
        if not len(self):
            return np.full(len(ids), -1, dtype=np.int64)
        if len(ids) <= _MAX_BISECTED:  # the file's ids mostly ascend; sorting takes milliseconds
            bisected = (bisect_left(self._ids_view, id_) for id_ in ids.tolist())
            at = np.fromiter(bisected, dtype=np.int64, count=len(ids)).clip(max=len(self) - 1)
            if (self.ids[at] == ids).all():
                return at
        ascending, order = self._sorted_ids
        at = np.searchsorted(ascending, ids, sorter=order).clip(max=len(self) - 1)
        if order is not None:
            at = order[at]
        return np.where(ascending[at] == ids, at, -1)

    def known_positions(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the positions of those of `ids` that are in the file, ascending. `ids` must
        ascend.

        A run of consecutive ids (the passages of a document) is looked up by its first and last id.
        """
        run_starts = np.flatnonzero(np.diff(ids) != 1) + 1
        if len(ids) <= _MAX_BISECTED or 2 * len(run_starts) > len(ids):
            positions = self.positions(ids)
            return np.sort(positions[positions >= 0])
        own, order = self._sorted_ids
        starts = np.searchsorted(own, ids[np.append(0, run_starts)], sorter=order)
        last = ids[np.append(run_starts, len(ids)) - 1]
        ends = np.searchsorted(own, last, "right", sorter=order)
        sizes = ends - starts
        before = np.cumsum(sizes) - sizes
        at = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
        return at if order is None else np.sort(order[at])

    @cached_property
    def _sorted_ids(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """The ids in memory, and the order that sorts them; None if they ascend already."""
        ids = self.ids.astype(np.int64)
        return ids, None if (ids[1:] > ids[:-1]).all() else np.argsort(ids)

    def _unmap_read(self, size: int) -> None:
        """Count `size` bytes as read; unmap the pages of a large file from time to time. They stay
        in the page cache, but no longer count as memory of this process."""
        self._bytes_read += size
        is_large = len(self._map) > _SMALL_FILE
        if is_large and self._bytes_read > _MAX_RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._bytes_read = 0
            self._map.madvise(mmap.MADV_DONTNEED)
