"""Several rankings into one. Knows ids and ranks, nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

RRF_K = 60  # of the paper; larger flattens the difference between the first ranks


def reciprocal_rank(rankings: Iterable[Sequence[int]], k: int = RRF_K) -> dict[int, float]:
    """Id → sum over the rankings that hold it of 1 / (k + rank), ranks from 1.

    Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
    Rank Learning Methods", SIGIR 2009.
    """
    fused: dict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, each in enumerate(ranking, start=1):
            fused[each] += 1 / (k + rank)
    return dict(fused)
