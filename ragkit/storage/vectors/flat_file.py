"""The flat vector file: the exact vectors of a collection, written and read in steps.

The file is a FAISS `IndexIDMap(IndexFlatIP)`, byte for byte, so FAISS can read it too. It is read
here without FAISS: opening reads no vectors, and a small collection is searched without importing
FAISS. The file is not mapped into memory: a mapped file that somebody truncates kills the process.
Knows ids, unit vectors and bytes; no text and no SQL.

A *position* is the row number of a vector in the file.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ragkit.errors import CollectionError
from ragkit.storage.atomic_files import new_file
from ragkit.storage.collection_files import OpenFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Blocks = Iterable[tuple[int, NDArray[np.float32]]]  # first position, and vectors (m, d)
    Rows = Iterable[tuple[int, bytes]]  # passage id, and the vector as a float32 blob

BATCH = 2048  # vectors read and written at a time: 3 MB at 384 dimensions
SCAN_NUMBERS = (
    1 << 18
)  # numbers compared with a query at a time: 1 MB, which stays in the CPU cache
_SMALL_FILE = 256 << 20  # bytes of vectors up to which they are kept in memory
_MIN_SHARE_READ = 0.25  # of their bytes, read in scans or one by one, before they are kept
_DENSE = 4  # if at least one vector in this many is needed, all between them are read at once
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

    def __init__(self, file: Path | OpenFile, dimension: int) -> None:
        """Open the file. Raises OSError; ValueError if it is damaged or has another dimension."""
        self._file = OpenFile(file) if isinstance(file, Path) else file
        name = self._file.name
        if self._file.size < _VECTORS_START:
            raise ValueError(f"{name} is damaged: it is shorter than its header")
        start = self._file.read(0, _VECTORS_START)
        file_dimension, count = struct.unpack_from("<iq", start, 4)
        is_possible = count >= 0 < file_dimension and count * file_dimension < 1 << 48
        if not is_possible or start != _header(count, file_dimension):
            raise ValueError(f"{name} is damaged: its header is not a vector file's")
        if file_dimension != dimension:
            raise ValueError(
                f"{name} contains vectors of {file_dimension} numbers, not {dimension}"
            )
        self.dimension, self._row_size = dimension, 4 * dimension
        end = _VECTORS_START + count * self._row_size
        if self._file.size != end + 8 + 8 * count:
            raise ValueError(f"{name} is damaged: its length does not fit its header")
        ids = self._file.read(end + 8, 8 * count)
        self.ids: NDArray[np.int64] = np.frombuffer(ids, "<i8")
        self._in_memory: NDArray[np.float32] | None = None
        self._bytes_read = 0  # not from memory

    def __len__(self) -> int:
        return len(self.ids)

    def is_unchanged(self) -> bool:
        """Whether nobody has written to the file since it was opened."""
        return self._file.is_unchanged()

    def vectors_at(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the vectors at these positions, (m, d) float32, in their order.

        Raises CollectionError if the file cannot be read, or was truncated since it was opened.
        """
        if not len(positions):
            return np.empty((0, self.dimension), dtype=np.float32)
        if (in_memory := self._load_if_used_often()) is not None:
            return in_memory[positions]
        first, last = int(positions.min()), int(positions.max())
        if last - first < _DENSE * len(positions):
            rows = np.empty((last - first + 1, self.dimension), dtype="<f4")
            self._read(first, rows)
            return (
                rows
                if len(rows) == len(positions) and _ascend(positions)
                else rows[positions - first]
            )
        # Vectors that follow each other, as those of one document do, are read at once.
        breaks = np.flatnonzero(np.diff(positions) != 1) + 1
        starts = positions[np.append(0, breaks)]
        sizes = np.diff(np.concatenate([[0], breaks, [len(positions)]])) * self._row_size
        offsets = _VECTORS_START + starts * self._row_size
        with self._reporting():
            data = self._file.read_all(offsets.tolist(), sizes.tolist())
        self._bytes_read += len(data)
        return np.frombuffer(data, "<f4").reshape(len(positions), self.dimension)

    def blocks(self, size: int, positions: NDArray[np.int64] | None = None) -> Blocks:
        """Yield all vectors, or those at `positions`, in blocks of `size`: the number of vectors
        before the block, and the block (m, d) float32. The next block overwrites its memory.

        Raises as `vectors_at`.
        """
        if positions is not None:
            for first in range(0, len(positions), size):
                yield first, self.vectors_at(positions[first : first + size])
            return
        if (in_memory := self._load_if_used_often()) is not None:
            for first in range(0, len(self), size):
                yield first, in_memory[first : first + size]
            return
        buffer = np.empty((min(size, len(self)), self.dimension), dtype="<f4")
        for first in range(0, len(self), size):
            block = buffer[: min(size, len(self) - first)]
            self._read(first, block)
            yield first, block

    def _load_if_used_often(self) -> NDArray[np.float32] | None:
        """All vectors, (n, d) float32, where they are in memory; None where they are not (yet)."""
        size = len(self) * self._row_size
        is_worth = self._bytes_read >= _MIN_SHARE_READ * size and size <= _SMALL_FILE
        if self._in_memory is None and is_worth:
            rows = np.empty((len(self), self.dimension), dtype="<f4")
            self._read(0, rows)
            self._in_memory = rows
        return self._in_memory

    def _read(self, first: int, rows: NDArray[np.float32]) -> None:
        """Fill `rows` with the vectors from the position `first` on."""
        with self._reporting():
            self._file.read_into(rows, _VECTORS_START + first * self._row_size)
        self._bytes_read += rows.nbytes

    @contextlib.contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            raise CollectionError(
                f"{self._file.path} cannot be read any more ({error}). Run the same command again: "
                "the file is checked then, and rebuilt from the database if it is damaged"
            ) from error

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
            at = np.minimum(np.searchsorted(self.ids, ids), len(self) - 1)
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
        """The ids, and the order that sorts them; None if they ascend already."""
        return self.ids, None if _ascend(self.ids) else np.argsort(self.ids)


def _ascend(numbers: NDArray[np.int64]) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())
