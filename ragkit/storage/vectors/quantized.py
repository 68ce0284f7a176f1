"""Quantized vectors: a product quantizer that proposes candidates; exact vectors decide.

Uses FAISS's fast-scan product quantizer with 4 bits for every two numbers, compared by table
lookups in registers (André, Kermarrec and Le Scouarnec, "Cache locality is not enough:
high-performance nearest neighbor search with product quantization fast scan", VLDB 2015). How many
candidates to propose for k is calibrated when the file is written. Knows positions in a `FlatFile`;
no ids, no text and no SQL.

The file contains FAISS's packed codes in their memory layout. A large file is mapped; FAISS itself
would read all of it each time that it opens the file. FAISS's reader trusts what it reads, so it
gets only a header that differs from one of its own making in nothing but the trained numbers.
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
from ragkit.storage.collection_files import OpenFile

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
_SMALL_FILE = 16 << 20  # bytes of codes up to which they are read into memory: 170,000 vectors
_CENTROIDS = 16  # of each part of a vector: what 4 bits can name
_MAX_DIMENSION = 65_536
_MARK = 1.2345678  # stands for the trained numbers when a header is compared


class Calibration(NamedTuple):
    """How a codes file was built, and how many candidates to propose. Stored in the database."""

    kind: str  # FAISS's factory string
    faiss: str  # the version of FAISS that wrote it
    candidates: tuple[int, int]  # how many to propose for each of CALIBRATED_K


def calibration(record: Mapping[str, Any]) -> Calibration:
    """Return the calibration stored in a file's checksum record. Raises ValueError if it has
    none."""
    match record.get("candidates"):
        case [int(low), int(high)] if 0 < low <= high < 1 << 40:
            return Calibration(str(record.get("kind")), str(record.get("faiss")), (low, high))
    raise ValueError("the record of the quantized vectors has no calibration")


def is_current(stored: Calibration) -> bool:
    """Whether the installed FAISS wrote the file; another version may pack codes differently."""
    import faiss

    return bool(stored.faiss == faiss.__version__)


def kind(count: int, dimension: int) -> str | None:
    """Return the FAISS factory string of the codes for `count` vectors.

    None if the vectors are few, or if 2, 3, 4 and 5 do not divide the dimension.
    """
    return None if count < EXACT_BELOW else _factory_string(dimension)


def _factory_string(dimension: int) -> str | None:
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
        self,
        file: Path | OpenFile,
        calibration: Calibration,
        expected: int,
        factor: int | None = None,
    ) -> None:
        """Map the file of `expected` codes; read a small one, or where the system cannot map it.

        `factor` candidates are proposed for each hit, instead of the calibrated number. Raises
        OSError; ValueError if the file is damaged or contains another number of codes.
        """
        faiss = faiss_with_threads(1)
        self._file = file = OpenFile(file) if isinstance(file, Path) else file
        start = file.read(0, _HEADER.size) if file.size >= _HEADER.size else bytes(_HEADER.size)
        magic, count, size, length = _HEADER.unpack(start)
        codes_start = _HEADER.size + _padded_length(length)
        file_size = codes_start + _packed(count) * (size + 8)
        if magic != _MAGIC or file.size != file_size or not 0 < length < file_size:
            raise ValueError(f"{file.name} is damaged: its header or its length is wrong")
        if count != expected:
            raise ValueError(f"{file.name} contains {count} codes for {expected} vectors")
        header = file.read(_HEADER.size, length)
        if not _is_own_header(faiss, header, calibration.kind):
            raise ValueError(f"{file.name} is damaged: FAISS would not have written its header")
        self._index = faiss.deserialize_index(np.frombuffer(header, np.uint8))
        if 2 * size != self._index.M2:  # 4 bits for each part of a vector
            raise ValueError(f"{file.name} is damaged: its codes have another length")
        is_small = _packed(count) * size <= _SMALL_FILE
        open_lists = _mapped_lists if os.name == "posix" and not is_small else _loaded_lists
        lists = open_lists(faiss, file, count, size, codes_start)
        self._index.replace_invlists(lists, True)
        lists.this.disown()
        self._index.ntotal = count
        self._calibrated, self._factor = calibration.candidates, factor

    def is_unchanged(self) -> bool:
        """Whether nobody has written to the file since it was opened."""
        return self._file.is_unchanged()

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """The numbers of a vector."""
        return int(self._index.d)

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
        is_known = (positions >= 0) & (positions < len(self))  # a mapped file names its positions
        return positions[is_known]  # type: ignore[no-any-return]


def _is_own_header(faiss: Any, header: bytes, kind: str) -> bool:  # noqa: ANN401
    """Whether FAISS has written this header of an empty index: all but the trained numbers are
    those of an index that it makes now."""
    dimension = struct.unpack_from("<i", header, 4)[0] if len(header) >= 8 else 0
    if not 0 < dimension <= _MAX_DIMENSION or kind != _factory_string(dimension):
        return False
    index = faiss.index_factory(dimension, kind, faiss.METRIC_INNER_PRODUCT)
    quantizer = faiss.downcast_index(index.quantizer)
    quantizer.add(np.full((1, dimension), _MARK, dtype=np.float32))
    quantizer.is_trained = index.is_trained = True
    centroids = np.full(_CENTROIDS * dimension, _MARK, dtype=np.float32)
    faiss.copy_array_to_vector(centroids, index.pq.centroids)
    expected = faiss.serialize_index(index).tobytes()
    if len(header) != len(expected):
        return False
    end = 0
    for count in (dimension, _CENTROIDS * dimension):  # the only list's centre, then the centroids
        marks = np.full(count, _MARK, dtype="<f4").tobytes()
        start: int = expected.index(marks, end)
        if header[end:start] != expected[end:start]:
            return False
        end = start + len(marks)
    return bool(header[end:] == expected[end:])


def _mapped_lists(faiss: Any, file: OpenFile, count: int, size: int, start: int) -> Any:  # noqa: ANN401
    """Return the index's one inverted list, mapped: processes share it in the page cache."""
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size, lists.filename = 1, size, file.path_of_descriptor()
    lists.read_only, lists.prefetch_nthread = True, 0
    inverted_list = faiss.OnDiskOneList()
    inverted_list.size, inverted_list.capacity, inverted_list.offset = count, _packed(count), start
    lists.lists.push_back(inverted_list)
    lists.totsize = start + _packed(count) * (size + 8)
    lists.do_mmap()
    return lists


def _loaded_lists(faiss: Any, file: OpenFile, count: int, size: int, start: int) -> Any:  # noqa: ANN401
    """Return the same list, read by Python: a mapped file that is truncated kills the process. On
    Windows FAISS cannot map, nor open every path."""
    packed = _packed(count)
    codes = np.empty(packed * size, np.uint8)
    file.read_into(codes, start)
    ids = np.arange(packed, dtype=np.int64)
    lists = faiss.ArrayInvertedLists(1, size)
    lists.add_entries(0, packed, faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    lists.resize(0, count)
    return lists
