"""The exact vectors of a collection in one file: written in steps, mapped into memory to be read.

Knows ids, unit vectors and bytes; no text, no SQL. The file is a FAISS `IndexIDMap(IndexFlatIP)`,
byte for byte, so FAISS can read it too. It is read here without FAISS: opening it takes no more
time for a large collection than for a small one, its pages are shared between processes, and a
small collection is searched before FAISS would be imported.
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

    Blocks = Iterable[tuple[int, NDArray[np.float32]]]  # first place, and vectors (m, d)
    Rows = Iterable[tuple[int, bytes]]  # passage id and float32 blob

STEP = 2048  # vectors read and written at a time: 3 MB at 384 dimensions
SCANNED = 1 << 18  # numbers compared with one query at a time: they stay in the cache
_SMALL = 256 << 20  # bytes of a file that stays mapped once looked at
_RESIDENT = 64 << 20  # bytes of a larger one left mapped; the system keeps its own copy
_AROUND = 1 << 21  # bytes that the system may map where one is looked at
_SPARSE = 20  # vectors of which one is wanted: to map so many pages takes longer than to read it
_FEW = 200  # ids that are looked up one by one
_HEADER = struct.Struct("<iqqq?i")
_START = 4 + _HEADER.size + 4 + _HEADER.size + 8  # where the vectors begin


def batches(rows: Rows, dimension: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
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


def write(path: Path, rows: Rows, dimension: int) -> int:
    """Write a file of these rows to `path`; returns how many there were.

    Takes no more memory for many than for few, but for their ids.
    """
    every: list[NDArray[np.int64]] = []
    with new_file(path) as file:
        file.write(_header(0, dimension))
        for ids, vectors in batches(rows, dimension):
            file.write(vectors.tobytes())
            every.append(ids)
        together = np.concatenate([np.empty(0, dtype=np.int64), *every]).astype("<i8")
        file.write(struct.pack("<Q", len(together)))
        file.write(together.tobytes())
        file.seek(0)
        file.write(_header(len(together), dimension))
    return len(together)


def _header(count: int, dimension: int) -> bytes:
    """Both headers (fourcc, dimension, count, two unused numbers, whether trained, metric: inner
    product) and the length of the vectors, as index_write.cpp of FAISS writes them."""
    rest = _HEADER.pack(dimension, count, 1 << 20, 1 << 20, True, 0)
    return b"IxMp" + rest + b"IxFI" + rest + struct.pack("<Q", count * dimension)


def products(blocks: Blocks, query: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The cosines of so many vectors with a query, block by block: one thread in steps is quicker
    than several at once."""
    found = np.empty(count, dtype=np.float32)
    for first, block in blocks:
        np.dot(block, query, out=found[first : first + len(block)])
    return found


class Matrix:
    """The vectors of one file. Immutable, so threads may share it."""

    def __init__(self, path: Path, dimension: int) -> None:
        """Map the file. Raises OSError, and ValueError where it is not one of such vectors."""
        with path.open("rb") as file:
            start = file.read(_START)
            if len(start) < _START:
                raise ValueError(f"{path.name} is damaged: it is cut off")
            found, count = struct.unpack_from("<iq", start, 4)
            if start != _header(count, found):
                raise ValueError(f"{path.name} is damaged: it does not begin as it should")
            if found != dimension:
                raise ValueError(f"{path.name} holds vectors of {found} numbers, not {dimension}")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._file: int | None = None  # for vectors that lie far apart in a large one
            if len(self._map) > _SMALL and hasattr(os, "pread"):
                self._file = os.dup(file.fileno())
                weakref.finalize(self, os.close, self._file)
        size = 4 * dimension
        end = _START + count * size
        if len(self._map) != end + 8 + 8 * count:
            raise ValueError(f"{path.name} is damaged: it has another length than it says")
        # As bytes, because the header leaves the numbers where NumPy would copy all to use any.
        flat = np.frombuffer(self._map, np.uint8, count * size, _START)
        self._bytes = flat.reshape(count, size)
        self.dimension = dimension
        self.ids: NDArray[np.int64] = np.frombuffer(self._map, "<i8", count, end + 8)
        self._one_by_one = memoryview(self._map)[end + 8 :].cast("q")
        self._looked = 0

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, positions: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors at these places, (m, d)."""
        if not len(positions):
            return np.empty((0, self.dimension), dtype=np.float32)
        size, span = 4 * self.dimension, int(positions.max() - positions.min() + 1)
        if self._file is not None and span > _SPARSE * len(positions):
            starts = (_START + size * positions).tolist()
            read = b"".join([os.pread(self._file, size, start) for start in starts])
            return np.frombuffer(read, "<f4").reshape(len(positions), self.dimension)
        found = self._bytes[positions].view("<f4")
        self._let_go(min(span * size, _AROUND * len(positions)))
        return found

    def blocks(self, size: int, places: NDArray[np.int64] | None = None) -> Blocks:
        """All vectors, or those at these places, as (how many came before, up to `size` of them),
        in memory that the next overwrites."""
        if places is not None:
            for first in range(0, len(places), size):
                yield first, self.rows(places[first : first + size])
            return
        kept = np.empty((min(size, len(self)), 4 * self.dimension), dtype=np.uint8)
        for first in range(0, len(self), size):
            block = kept[: min(size, len(self) - first)]
            block[:] = self._bytes[first : first + len(block)]
            self._let_go(block.nbytes)
            yield first, block.view("<f4")

    def scores(
        self, query: NDArray[np.float32], places: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """The cosine of each vector with the query, or of each of those at these places."""
        blocks = self.blocks(max(1, SCANNED // self.dimension), places)
        return products(blocks, query, len(self) if places is None else len(places))

    def places(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where these ids are, in the order of `ids`; -1 for those that are not here."""
        if not len(self):
            return np.full(len(ids), -1, dtype=np.int64)
        if len(ids) <= _FEW:  # as long as all are found: to sort takes milliseconds, once
            found = (bisect_left(self._one_by_one, each) for each in ids.tolist())
            at = np.fromiter(found, dtype=np.int64, count=len(ids)).clip(max=len(self) - 1)
            if (self.ids[at] == ids).all():
                return at
        ascending, order = self._sorted
        at = np.searchsorted(ascending, ids, sorter=order).clip(max=len(self) - 1)
        if order is not None:
            at = order[at]
        return np.where(ascending[at] == ids, at, -1)

    def places_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where those of these ids, which ascend, are that are here; ascending. Ids that follow
        each other, as those of a document mostly do, are looked up by their first and last."""
        new = np.flatnonzero(np.diff(ids) != 1) + 1  # where another run of ids begins
        if len(ids) <= _FEW or 2 * len(new) > len(ids):
            places = self.places(ids)
            return np.sort(places[places >= 0])
        own, order = self._sorted
        starts = np.searchsorted(own, ids[np.append(0, new)], sorter=order)
        ends = np.searchsorted(own, ids[np.append(new, len(ids)) - 1], "right", sorter=order)
        sizes = ends - starts
        before = np.cumsum(sizes) - sizes
        at = np.repeat(starts - before, sizes) + np.arange(sizes.sum())
        return at if order is None else np.sort(order[at])

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """The ids in memory of their own, and the order in which they ascend, unless they do."""
        ids = self.ids.astype(np.int64)
        return ids, None if (ids[1:] > ids[:-1]).all() else np.argsort(ids)

    def _let_go(self, size: int) -> None:
        """Unmap what was looked at: it stays in the system's cache, but counts no more as ours."""
        self._looked += size
        large = len(self._map) > _SMALL
        if large and self._looked > _RESIDENT and hasattr(mmap, "MADV_DONTNEED"):
            self._looked = 0
            self._map.madvise(mmap.MADV_DONTNEED)
