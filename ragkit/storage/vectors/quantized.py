"""Compressed vectors beside the exact ones: a quick look that proposes, and never decides.

A FAISS product quantizer of 4 bits for every two numbers, compared by table look-ups in registers
(André, Kermarrec and Le Scouarnec, "Cache locality is not enough", 2015). Knows places in a
`Matrix`, no ids, no text and no SQL. How many to propose for k is measured when the file is made.

The file is FAISS's packed codes as they lie in memory, so that they are mapped like the exact
vectors: FAISS itself would read them all at every opening.
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

    from ragkit.storage.vectors.flat_file import Matrix

EXACT_BELOW = 20_000  # vectors that are compared one by one: 3 ms at 384 dimensions
SAMPLE = 8_192  # vectors that the quantizer learns from: 16 directions need no more
QUERIES = 200  # made-up queries that are measured with
DEPTHS = (10, 100)  # k that are measured; others lie on the line through them
SURE = 4  # times as many again where next to none may be missing: of what a filter lets through
_SEEN = 4096  # proposals looked at for that
_PART = 0.998  # of the true neighbours that have to be proposed …
_SAFE = 2  # … and so many times as many are looked at
_BLOCK = 32_768  # vectors read at a time
_PACK = 32  # codes that FAISS packs together
_HEADER = struct.Struct("<8sqqq")  # magic, vectors, bytes of a code, bytes of FAISS's head
_MAGIC = b"ragkitc1"


class Calibration(NamedTuple):
    """What is known of a file of codes; kept in the database."""

    kind: str  # as FAISS's factory has it
    faiss: str  # version that made it
    candidates: tuple[int, int]  # proposals for each of DEPTHS


def calibration(facts: Mapping[str, Any]) -> Calibration:
    """From what the database keeps."""
    low, high = facts["candidates"]
    return Calibration(facts["kind"], facts["faiss"], (low, high))


def is_current(known: Calibration) -> bool:
    """Whether this FAISS packs codes as that one did, for all we know."""
    import faiss

    return bool(known.faiss == faiss.__version__)


def kind(count: int, dimension: int) -> str | None:
    """The kind of codes for so many vectors, as FAISS's factory has it; None: none are needed."""
    if count < EXACT_BELOW:
        return None
    for numbers in (2, 3, 4, 5):
        if dimension % numbers == 0:
            return f"IVF1,PQ{dimension // numbers}x4fs"
    return None


def threads(count: int) -> Any:  # noqa: ANN401 (FAISS has no types)
    """FAISS, with so many threads in this one: two make a single query slower."""
    import faiss

    faiss.omp_set_num_threads(count)
    return faiss


def write(path: Path, matrix: Matrix, kind: str) -> Calibration:
    """Write the codes of all vectors of `matrix`. Some 20 s for a million of 384 numbers."""
    faiss = threads(1)  # learning is thousands of small steps: threads wait for each other
    chance = np.random.default_rng(0)
    index = faiss.index_factory(matrix.dimension, kind, faiss.METRIC_INNER_PRODUCT)
    sample = chance.choice(len(matrix), min(SAMPLE, len(matrix)), replace=False)
    index.train(matrix.rows(np.sort(sample)))
    threads(os.cpu_count() or 1)
    for _, block in matrix.blocks(_BLOCK):
        index.add(block)
    candidates = _calibrated(index, matrix, chance)
    lists = faiss.downcast_InvertedLists(index.invlists)
    size = lists.block_size // lists.n_per_block
    packed = _packed(len(matrix))
    codes = faiss.rev_swig_ptr(lists.get_codes(0), size * packed).copy()
    index.reset()
    head = faiss.serialize_index(index).tobytes()
    with new_file(path) as file:
        file.write(_HEADER.pack(_MAGIC, len(matrix), size, len(head)))
        file.write(head.ljust(_aligned(len(head)), b"\0"))
        file.write(codes.data)
        file.write(np.arange(packed, dtype="<i8").tobytes())
    threads(1)
    return Calibration(kind, faiss.__version__, candidates)


def _packed(count: int) -> int:
    return -(-count // _PACK) * _PACK


def _aligned(head: int) -> int:
    """The length of FAISS's head with what is put behind it, so that the codes lie well."""
    return -(-(head + _HEADER.size) // 64) * 64 - _HEADER.size


def _calibrated(index: Any, matrix: Matrix, chance: np.random.Generator) -> tuple[int, int]:  # noqa: ANN401
    """How many proposals hold the k nearest, for each of DEPTHS.

    Asked is for sums of two vectors each: they lie about as far from the others as questions do,
    where a vector itself would be found too easily.
    """
    from ragkit.storage.vectors.batch_search import nearest_many

    pairs = chance.integers(0, len(matrix), (2, QUERIES))
    queries = matrix.rows(pairs[0]) + matrix.rows(pairs[1])
    queries /= np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-6)
    seen = min(_SEEN, len(matrix))
    proposed = index.search(queries, seen)[1]
    found = nearest_many([(np.arange(len(matrix)), matrix.blocks)], queries, max(DEPTHS))
    ranks = np.stack(
        [_ranks(row, near, seen) for row, (near, _) in zip(proposed, found, strict=True)]
    )
    low, high = (_SAFE * (int(np.quantile(ranks[:, :k], _PART)) + 1) for k in DEPTHS)
    return low, max(low, high)


def _ranks(proposed: NDArray[np.int64], near: NDArray[np.int64], seen: int) -> NDArray[np.int64]:
    """At which place of `proposed` each of `near` is; `seen` where it is not."""
    order = np.argsort(proposed)
    at = order[np.searchsorted(proposed, near, sorter=order).clip(max=seen - 1)]
    return np.where(proposed[at] == near, at, seen)


class Codes:
    """The codes of one file. Immutable, so threads may share it."""

    def __init__(
        self, path: Path, calibration: Calibration, expected: int, factor: int | None = None
    ) -> None:
        """Map the file of so many codes, where the system can. `factor`: so many proposals for
        each vector asked for, whatever was measured. Raises OSError, and ValueError where the
        file holds anything else."""
        faiss = threads(1)
        with path.open("rb") as file:
            start = file.read(_HEADER.size)
            magic, count, size, head = (
                _HEADER.unpack(start) if len(start) == _HEADER.size else (b"", 0, 0, 0)
            )
            begin = _HEADER.size + _aligned(head)
            if magic != _MAGIC or path.stat().st_size != begin + _packed(count) * (size + 8):
                raise ValueError(f"{path.name} is damaged: it does not begin as it should")
            if count != expected:
                raise ValueError(f"{path.name} holds {count} codes for {expected} vectors")
            self._index = faiss.deserialize_index(np.frombuffer(file.read(head), np.uint8))
        lists = (_mapped if os.name == "posix" else _loaded)(faiss, path, count, size, begin)
        self._index.replace_invlists(lists, True)
        lists.this.disown()
        self._index.ntotal = count
        self._candidates, self._factor = calibration.candidates, factor

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def candidates(self, k: int, *, sure: bool = False) -> int:
        """How many proposals hold the k nearest, as far as measured; as many for 1 as for 10.
        `sure`: so many that next to none is missing."""
        if self._factor is not None:
            return int(self._factor * k)
        low, high = self._candidates
        slope = math.log(high / low) / math.log(DEPTHS[1] / DEPTHS[0])
        wider: float = float(max(k, DEPTHS[0]) / DEPTHS[0]) ** slope
        return max(k, round(low * wider) * (SURE if sure else 1))

    def nearest(
        self, query: NDArray[np.float32], count: int, among: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """The places of about the `count` nearest vectors, or of those at the places `among`
        alone, (m,), in no order."""
        faiss, only = threads(1), None
        if among is not None:
            let = np.zeros(len(self), dtype=np.bool_)
            let[among] = True
            bits = np.packbits(let, bitorder="little")  # FAISS keeps no reference to it
            selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
            only = faiss.SearchParametersIVF(sel=selector, nprobe=1)
        found = self._index.search(query[None, :], min(count, len(self)), params=only)[1][0]
        return found[found >= 0]  # type: ignore[no-any-return]


def _mapped(faiss: Any, path: Path, count: int, size: int, begin: int) -> Any:  # noqa: ANN401
    """The one list of the index, in the page cache and shared between processes."""
    lists = faiss.OnDiskInvertedLists()
    lists.nlist, lists.code_size, lists.filename = 1, size, str(path)
    lists.read_only, lists.prefetch_nthread = True, 0
    one = faiss.OnDiskOneList()
    one.size, one.capacity, one.offset = count, _packed(count), begin
    lists.lists.push_back(one)
    lists.totsize = begin + _packed(count) * (size + 8)
    lists.do_mmap()
    return lists


def _loaded(faiss: Any, path: Path, count: int, size: int, begin: int) -> Any:  # noqa: ANN401
    """The same read through Python: FAISS cannot open every path that Windows has, nor map one."""
    packed = _packed(count)
    codes = np.fromfile(path, np.uint8, packed * size, offset=begin)
    ids = np.arange(packed, dtype=np.int64)
    lists = faiss.ArrayInvertedLists(1, size)
    lists.add_entries(0, packed, faiss.swig_ptr(ids), faiss.swig_ptr(codes))
    lists.resize(0, count)
    return lists
