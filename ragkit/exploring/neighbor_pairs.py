"""Pairs of vectors above a cosine bound, without comparing each with each.

Contract: unit rows in, positions and cosines out. Knows no texts and no database.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_EXACT = 2_000  # vectors up to which all are compared
_PER_LIST = 64  # vectors of a list of the inverted index, about
_PROBED = 16  # lists that each vector is compared with
_NEIGHBORS = 32  # of each vector, at most
_TRAINED_PER_LIST = 20  # vectors that the lists are learned from
_SEED = 7


def near_pairs(
    vectors: NDArray[np.float32], min_score: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the pairs of rows with a cosine of at least `min_score`: positions (m, 2) int64, the
    smaller first, ascending, and cosines (m,) float32.

    `vectors` is (n, d) float32, unit rows. Up to 2,000 rows all pairs are found. Of more, each row
    is compared with those of its 16 nearest lists of an inverted index (FAISS IVF), which finds
    practically all pairs above .9, and at most 32 neighbors of each row are returned.
    """
    count = len(vectors)
    if count <= _EXACT:
        products = vectors @ vectors.T
        rows, columns = np.nonzero(np.triu(products >= min_score, 1))
        return np.stack([rows, columns], axis=1).astype(np.int64), products[rows, columns]
    from ragkit.storage.vectors.quantized import faiss_with_threads

    faiss = faiss_with_threads(count)
    lists = max(16, count // _PER_LIST)
    lists = int(min(lists, 3 * count**0.5))
    quantizer = faiss.IndexFlatIP(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantizer, vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.seed, index.cp.niter, index.cp.spherical = _SEED, 5, True
    index.cp.max_points_per_centroid = index.cp.min_points_per_centroid = _TRAINED_PER_LIST
    index.train(vectors)
    index.add(vectors)
    index.nprobe = min(lists, _PROBED)
    scores, found = index.search(vectors, min(_NEIGHBORS + 1, count))
    rows = np.repeat(np.arange(count, dtype=np.int64), found.shape[1])
    columns, cosines = found.ravel(), scores.ravel()
    keep = (columns >= 0) & (columns != rows) & (cosines >= min_score)
    pairs = np.sort(np.stack([rows[keep], columns[keep]], axis=1), axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    return pairs, cosines[keep][first]


def leader_groups(
    count: int, pairs: NDArray[np.int64], scores: NDArray[np.float32]
) -> list[list[tuple[int, float]]]:
    """Return groups of near-duplicates: each member is a near-duplicate of the first.

    The row with the most neighbors is the first of its group, then the next of the rest, and so on;
    so A and C are not joined only because both are near B. A group has (position, cosine with the
    first), the nearest first; each row is in one group at most. `pairs` is (m, 2), `scores` (m,).
    """
    neighbors: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for (a, b), score in zip(pairs.tolist(), scores.tolist(), strict=True):
        neighbors[a].append((b, score))
        neighbors[b].append((a, score))
    is_free = [True] * count
    groups = []
    for leader in sorted(range(count), key=lambda i: (-len(neighbors[i]), i)):
        if not neighbors[leader]:
            break
        if not is_free[leader]:
            continue
        members = [(other, score) for other, score in neighbors[leader] if is_free[other]]
        if members:
            members.sort(key=lambda member: (-member[1], member[0]))
            groups.append([(leader, 1.0), *members])
            is_free[leader] = False
            for other, _ in members:
                is_free[other] = False
    return groups
