"""Quantized vectors: a product quantizer that proposes candidates; exact vectors decide.

Uses FAISS's fast-scan product quantizer with 4 bits for every two numbers, compared by table
lookups in registers (André, Kermarrec and Le Scouarnec, "Cache locality is not enough:
high-performance nearest neighbor search with product quantization fast scan", VLDB 2015). How many
candidates to propose for k is calibrated when the file is written. Knows positions in a `FlatFile`;
no ids, no text and no SQL.

The file contains FAISS's packed codes in their memory layout, so that they can be mapped like the
exact vectors. FAISS itself would read all of them each time that it opens the file.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ragkit.storage.atomic_files import new_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.vectors.flat_file import FlatFile

EXACT_BELOW = 20_000  # vectors below which each is compared: 3 ms at 384 dimensions
TRAINING_SAMPLE = 8_192  # vectors that the quantizer is trained on: 16 centroids need no more
CALIBRATION_QUERIES = 200
CALIBRATED_K = (10, 100)  # the k that are measured; others are interpolated
HIGH_RECALL_FACTOR = 4  # times as many candidates where next to none may be missing
PROBE_DEPTH = 4096  # candidates examined in the calibration
TARGET_RECALL = 0.998  # share of the true neighbours that the candidates must include …
OVERSAMPLING = 2  # … and the factor for how many more are proposed
_BLOCK = 32_768  # vectors read at a time
_PACK = 32  # codes that FAISS packs together
_HEADER = struct.Struct("<8sqqq")  # magic, vectors, bytes of a code, bytes of FAISS's index header
_MAGIC = b"ragkitc1"


class Calibration(NamedTuple):
    """How a codes file was built, and how many candidates to propose. Stored in the database."""

    kind: str  # FAISS's factory string
    faiss: str  # the version of FAISS that wrote it
    candidates: tuple[int, int]  # how many to propose for each of CALIBRATED_K


def calibration(record: Mapping[str, Any]) -> Calibration:
    """Return the calibration stored in a file's checksum record."""
    low, high = record["candidates"]
    return Calibration(record["kind"], record["faiss"], (low, high))


def is_current(stored: Calibration) -> bool:
    """Whether the installed FAISS wrote the file; another version may pack codes differently."""
    import faiss

    return bool(stored.faiss == faiss.__version__)


def kind(count: int, dimension: int) -> str | None:
    """Return the FAISS factory string of the codes for `count` vectors.

    None if the vectors are few, or if 2, 3, 4 and 5 do not divide the dimension.
    """
    if count < EXACT_BELOW:
        return None
    for numbers in (2, 3, 4, 5):
        if dimension % numbers == 0:
            return f"IVF1,PQ{dimension // numbers}x4fs"
    return None


def faiss_with_threads(count: int) -> Any:  # noqa: ANN401 (FAISS has no types)
    """Import `faiss`, set its number of threads to `count` and return it. Two threads make a single
    query slower."""
    import faiss

    faiss.omp_set_num_threads(count)
    return faiss


def write(path: Path, exact: FlatFile, kind: str) -> Calibration:
    """Write the codes of all vectors of `exact` to `path`; return their calibration.

    `kind` is FAISS's factory string. Takes about 20 s for a million vectors of 384 numbers.
    """
    faiss = faiss_with_threads(
        1
    )  # training is thousands of small steps, in which threads wait for each other
    rng = np.random.default_rng(0)
    index = faiss.index_factory(exact.dimension, kind, faiss.METRIC_INNER_PRODUCT)
    sample = rng.choice(len(exact), min(TRAINING_SAMPLE, len(exact)), replace=False)
    index.train(exact.vectors_at(np.sort(sample)))
    faiss_with_threads(os.cpu_count() or 1)
    for _, block in exact.blocks(_BLOCK):
        index.add(block)
    candidates = _calibrate(index, exact, rng)
    lists = faiss.downcast_InvertedLists(index.invlists)
    size = lists.block_size // lists.n_per_block
    packed = _packed(len(exact))
    codes = faiss.rev_swig_ptr(lists.get_codes(0), size * packed).copy()
    index.reset()
    header = faiss.serialize_index(index).tobytes()
    with new_file(path) as file:
        file.write(_HEADER.pack(_MAGIC, len(exact), size, len(header)))
        file.write(header.ljust(_padded_length(len(header)), b"\0"))
        file.write(codes.data)
        file.write(np.arange(packed, dtype="<i8").tobytes())
    faiss_with_threads(1)
    return Calibration(kind, faiss.__version__, candidates)


def _packed(count: int) -> int:
    """Return `count` rounded up to whole packs."""
    return -(-count // _PACK) * _PACK


def _padded_length(length: int) -> int:
    """Return the bytes of FAISS's index header with its padding, which aligns the codes to 64."""
    return -(-(length + _HEADER.size) // 64) * 64 - _HEADER.size


def _calibrate(index: Any, exact: FlatFile, rng: np.random.Generator) -> tuple[int, int]:  # noqa: ANN401
    """Return how many candidates include the k nearest, for each of CALIBRATED_K.

    A query is the sum of two vectors: it is about as far from the others as a real question is. A
    single vector would be found too easily.
    """
    from ragkit.storage.vectors.batch_search import batch_top_k

    pairs = rng.integers(0, len(exact), (2, CALIBRATION_QUERIES))
    queries = exact.vectors_at(pairs[0]) + exact.vectors_at(pairs[1])
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-6)
    depth = min(PROBE_DEPTH, len(exact))
    proposed = index.search(queries, depth)[1]
    rankings = batch_top_k([(np.arange(len(exact)), exact.blocks)], queries, max(CALIBRATED_K))
    ranks = np.stack(
        [
            _ranks(candidates, neighbors, depth)
            for candidates, (neighbors, _) in zip(proposed, rankings, strict=True)
        ]
    )
    low, high = (
        OVERSAMPLING * (int(np.quantile(ranks[:, :k], TARGET_RECALL)) + 1) for k in CALIBRATED_K
    )
    return low, max(low, high)


def _ranks(
    candidates: NDArray[np.int64], neighbors: NDArray[np.int64], depth: int
) -> NDArray[np.int64]:
    """Return the index of each neighbor in `candidates`; `depth` for those that are not in it."""
    order = np.argsort(candidates)
    at = order[np.searchsorted(candidates, neighbors, sorter=order).clip(max=depth - 1)]
    return np.where(candidates[at] == neighbors, at, depth)


class QuantizedVectors:
    """The codes of one file. Immutable, so threads may share it."""

    def __init__(
        self, path: Path, calibration: Calibration, expected: int, factor: int | None = None
    ) -> None:
        """Map the file of `expected` codes; read it where the system cannot map it.

        `factor` candidates are proposed for each hit, instead of the calibrated number. Raises
        OSError; ValueError if the file is damaged or contains another number of codes.
        """
        faiss = faiss_with_threads(1)
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
            magic, count, size, length = (
                _HEADER.unpack(start) if len(start) == _HEADER.size else (b"", 0, 0, 0)
            )
            codes_start = _HEADER.size + _padded_length(length)
            file_size = codes_start + _packed(count) * (size + 8)
            if magic != _MAGIC or path.stat().st_size != file_size:
                raise ValueError(f"{path.name} is damaged: its header or its length is wrong")
            if count != expected:
                raise ValueError(f"{path.name} contains {count} codes for {expected} vectors")
            self._index = faiss.deserialize_index(np.frombuffer(file.read(length), np.uint8))
        open_lists = _mapped_lists if os.name == "posix" else _loaded_lists
        lists = open_lists(faiss, path, count, size, codes_start)
        self._index.replace_invlists(lists, True)
        lists.this.disown()
        self._index.ntotal = count
        self._calibrated, self._factor = calibration.candidates, factor

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def candidate_count(self, k: int, *, high_recall: bool = False) -> int:
        """Return how many candidates must be proposed to include the k nearest vectors.

        The number was calibrated when the file was written; k below 10 counts as 10. `high_recall`:
        HIGH_RECALL_FACTOR times as many, so that almost no neighbor is missing.
        """
        if self._factor is not None:
            return int(self._factor * k)
        low, high = self._calibrated
        slope = math.log(high / low) / math.log(CALIBRATED_K[1] / CALIBRATED_K[0])
        growth: float = float(max(k, CALIBRATED_K[0]) / CALIBRATED_K[0]) ** slope
        return max(k, round(low * growth) * (HIGH_RECALL_FACTOR if high_recall else 1))

    def propose(
        self, query: NDArray[np.float32], count: int, subset: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return the positions, (m,) int64, of about the `count` vectors nearest to `query` (d,),
        unordered; with `subset` only among the vectors at these positions."""
        faiss, parameters = faiss_with_threads(1), None
        if subset is not None:
            is_allowed = np.zeros(len(self), dtype=np.bool_)
            is_allowed[subset] = True
            bits = np.packbits(is_allowed, bitorder="little")  # FAISS keeps no reference to it
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=1)
        _, rows = self._index.search(query[None, :], min(count, len(self)), params=parameters)
        positions = rows[0]
        return positions[positions >= 0]  # type: ignore[no-any-return]


def _mapped_lists(faiss: Any, path: Path, count: int, size: int, start: int) -> Any:  # noqa: ANN401
    """Return the index's one inverted list, mapped: processes share it in the page cache."""
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size, lists.filename = 1, size, str(path)
    lists.read_only, lists.prefetch_nthread = True, 0
    inverted_list = faiss.OnDiskOneList()
    inverted_list.size, inverted_list.capacity, inverted_list.offset = count, _packed(count), start
    lists.lists.push_back(inverted_list)
    lists.totsize = start + _packed(count) * (size + 8)
    lists.do_mmap()
    return lists


def _loaded_lists(faiss: Any, path: Path, count: int, size: int, start: int) -> Any:  # noqa: ANN401
    """Return the same list, read by Python: on Windows FAISS cannot map, nor open every path."""
    packed = _packed(count)
    codes = np.fromfile(path, np.uint8, packed * size, offset=start)
    ids = np.arange(packed, dtype=np.int64)
    lists = faiss.ArrayInvertedLists(1, size)
    lists.add_entries(0, packed, faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    lists.resize(0, count)
    return lists
