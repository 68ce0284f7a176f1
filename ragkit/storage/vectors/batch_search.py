"""Many queries against all vectors at once: one look at each vector, by matrix products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.vectors.flat_file import Blocks

    Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]  # ids and cosines, best first
    Part = tuple[NDArray[np.int64], Callable[[int], Blocks]]  # ids (n,); blocks of a given size

TOGETHER = 1024  # queries of one sweep
BLOCK = 16_384  # vectors of one product
_GROUP = 16  # scores of which only the greatest is looked at to find a first border


def nearest_many(parts: Sequence[Part], queries: NDArray[np.float32], k: int) -> list[Ranking]:
    """The k nearest of each query, (n, d); equal ones by ascending id.

    An id of -1 says that its vector is no more. Which of several equal ones at the border are
    returned is not defined.
    """
    found: list[Ranking] = []
    for first in range(0, len(queries), TOGETHER):
        found += _swept(parts, queries[first : first + TOGETHER], k)
    return found


def _swept(parts: Sequence[Part], queries: NDArray[np.float32], k: int) -> list[Ranking]:
    numbers = np.arange(len(queries) + 1)
    # What is kept, one after the other: whose it is, how near, and which.
    whose, near, ids = np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64)
    border = np.full(len(queries), -np.inf, dtype=np.float32)  # the k-th best of each so far
    for names, blocks in parts:
        for first, block in blocks(BLOCK):
            here = names[first : first + len(block)]
            scores = queries @ block.T
            scores[:, here < 0] = -np.inf
            rows, columns = _above(scores, border, k)
            whose = np.concatenate([whose, rows])
            near = np.concatenate([near, scores[rows, columns]])
            ids = np.concatenate([ids, here[columns]])
            order = np.lexsort((ids, -near, whose))
            whose, near, ids = whose[order], near[order], ids[order]
            rank = np.arange(len(whose)) - np.searchsorted(whose, whose)
            last, kept = rank == k - 1, rank < k
            border[whose[last]] = near[last]
            whose, near, ids = whose[kept], near[kept], ids[kept]
    ends = np.searchsorted(whose, numbers).tolist()
    return [(ids[a:b], near[a:b]) for a, b in pairwise(ends)]


def _above(
    scores: NDArray[np.float32], border: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where scores may be among the k best of their row: rows and columns."""
    if np.isneginf(border).any():  # nothing to compare with yet
        rows, columns = np.nonzero(scores >= _least(scores, k)[:, None])
        there = np.isfinite(scores[rows, columns])
        return rows[there], columns[there]
    rows, columns = np.nonzero(scores > border[:, None])
    return rows, columns


def _least(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """What k scores of each row reach: the k-th of the greatest of every few of them, for which no
    row has to be put in order."""
    groups = scores.shape[1] // max(1, min(_GROUP, scores.shape[1] // max(1, k)))
    if groups <= k:
        return np.full(len(scores), -np.inf, dtype=np.float32)
    width = scores.shape[1] // groups
    greatest = scores[:, : groups * width].reshape(len(scores), width, groups).max(axis=1)
    return np.partition(greatest, groups - k, axis=1)[:, groups - k]
