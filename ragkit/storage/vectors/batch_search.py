"""Batch search: many queries against all vectors by matrix products, which read each vector once.

Knows ids and vectors only.
"""

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

MAX_QUERIES = 1024  # queries that are compared at a time
BLOCK = 16_384  # vectors of one matrix product
_GROUP = 16  # scores of which only the maximum is used to bound the k-th best score


def batch_top_k(parts: Sequence[Part], queries: NDArray[np.float32], k: int) -> list[Ranking]:
    """Return the k nearest vectors of each query, (n, d) float32 unit rows, best first.

    Equal scores are sorted by ascending id; which of several equal ones are among the k at the
    lower end is not defined. A vector with the id -1 is ignored.
    """
    rankings: list[Ranking] = []
    for first in range(0, len(queries), MAX_QUERIES):
        rankings += _top_k(parts, queries[first : first + MAX_QUERIES], k)
    return rankings


def _top_k(parts: Sequence[Part], queries: NDArray[np.float32], k: int) -> list[Ranking]:
    # The candidates of all queries in three parallel arrays, sorted by query, score and id.
    query_of = np.empty(0, np.int64)
    scores_of = np.empty(0, np.float32)
    ids_of = np.empty(0, np.int64)
    kth_best = np.full(len(queries), -np.inf, dtype=np.float32)  # so far
    for ids, blocks in parts:
        for first, block in blocks(BLOCK):
            block_ids = ids[first : first + len(block)]
            scores = queries @ block.T
            scores[:, block_ids < 0] = -np.inf
            rows, columns = _candidates(scores, kth_best, k)
            query_of = np.concatenate([query_of, rows])
            scores_of = np.concatenate([scores_of, scores[rows, columns]])
            ids_of = np.concatenate([ids_of, block_ids[columns]])
            order = np.lexsort((ids_of, -scores_of, query_of))
            query_of, scores_of, ids_of = query_of[order], scores_of[order], ids_of[order]
            rank = np.arange(len(query_of)) - np.searchsorted(query_of, query_of)
            is_kth, is_kept = rank == k - 1, rank < k
            kth_best[query_of[is_kth]] = scores_of[is_kth]
            query_of, scores_of, ids_of = query_of[is_kept], scores_of[is_kept], ids_of[is_kept]
    ends = np.searchsorted(query_of, np.arange(len(queries) + 1)).tolist()
    return [(ids_of[a:b], scores_of[a:b]) for a, b in pairwise(ends)]


def _candidates(
    scores: NDArray[np.float32], kth_best: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns of `scores` that may be among the k best of their row."""
    if np.isneginf(kth_best).any():  # a query has fewer than k candidates yet
        rows, columns = np.nonzero(scores >= _lower_bound(scores, k)[:, None])
        is_live = np.isfinite(scores[rows, columns])
        return rows[is_live], columns[is_live]
    rows, columns = np.nonzero(scores > kth_best[:, None])
    return rows, columns


def _lower_bound(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return a score for each row that at least k of its scores reach: the k-th best of the maxima
    of small groups. That avoids sorting the row."""
    groups = scores.shape[1] // max(1, min(_GROUP, scores.shape[1] // max(1, k)))
    if groups <= k:
        return np.full(len(scores), -np.inf, dtype=np.float32)
    width = scores.shape[1] // groups
    maxima = scores[:, : groups * width].reshape(len(scores), width, groups).max(axis=1)
    return np.partition(maxima, groups - k, axis=1)[:, groups - k]
