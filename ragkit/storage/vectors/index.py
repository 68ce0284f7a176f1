"""Nearest neighbours by cosine: index files, what came after them, what has gone since.

Knows ids and unit vectors, never text and never SQL. A large collection is searched in two stages:
compressed vectors (`codes`) propose, the exact ones (`matrix`) decide. A small one, one of which
all is wanted exactly, and what a filter has left of any are compared one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.storage.vectors import batch_search, flat_file
from ragkit.storage.vectors.flat_file import Matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.vectors.batch_search import Part, Ranking
    from ragkit.storage.vectors.flat_file import Blocks, Rows
    from ragkit.storage.vectors.quantized import Codes

FOLD_AT = 0.1  # a delta or removals above this part of the base are folded into a new file …
READ_AT_MOST = 10_000  # … and a delta above this: it is read from the database at every opening
PROPOSED_AT_MOST = 0.1  # of all vectors: beyond that it is quicker to compare all
LOOKED_AT = 0.003  # of all vectors: as many are compared in the time of a look at all codes


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """All searchable vectors as of one generation. Immutable, so threads may share it."""

    dimension: int
    generation: int
    file_generation: int  # of the base; 0 where there is none
    base: Matrix | None
    codes: Codes | None  # of the base
    delta_ids: NDArray[np.int64]  # (m,)
    delta: NDArray[np.float32]  # (m, d), unit rows
    gone: NDArray[np.bool_]  # (n,), or (0,) where nothing of the base is gone
    changes: int = 0  # how many came or went after the base

    @classmethod
    def over(
        cls, base: Matrix | None, dimension: int, generation: int, codes: Codes | None = None
    ) -> VectorIndex:
        """An index file's content, nothing after it."""
        ids, gone = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
        delta = np.empty((0, dimension), dtype=np.float32)
        return cls(dimension, generation, generation, base, codes, ids, delta, gone)

    def advanced(self, generation: int, rows: Rows, removed: Sequence[int]) -> VectorIndex:
        """The same with these rows added and these ids removed."""
        fresh = list(flat_file.batches(rows, self.dimension))
        ids, delta, gone = self.delta_ids, self.delta, self.gone
        if fresh:
            ids = np.concatenate([ids, *(each for each, _ in fresh)])
            delta = np.concatenate([delta, *(vectors for _, vectors in fresh)])
        if removed:
            out = np.fromiter(removed, dtype=np.int64, count=len(removed))
            if (kept := ~np.isin(ids, out)).sum() < len(ids):
                ids, delta = ids[kept], delta[kept]
            if self.base is not None:
                places = self.base.places(out)
                gone = gone.copy() if len(gone) else np.zeros(len(self.base), dtype=np.bool_)
                gone[places[places >= 0]] = True
        return replace(
            self,
            generation=generation,
            delta_ids=ids,
            delta=delta,
            gone=gone,
            changes=self.changes + sum(len(each) for each, _ in fresh) + len(removed),
        )

    def __len__(self) -> int:
        """How many neighbours there are."""
        return self._in_base + len(self.delta_ids)

    @property
    def _in_base(self) -> int:
        return (0 if self.base is None else len(self.base)) - int(self.gone.sum())

    def nearest(
        self, query: NDArray[np.float32], k: int, *, exact: bool = False, sure: bool = False
    ) -> Ranking:
        """The k nearest passages: ids (n,) int64 and cosines (n,) float32, best first, n ≤ k.

        `query` is (d,) float32 of unit length. Equal vectors may differ in the last digit; which of
        several equal ones at the border are returned is not defined. Where there are codes and
        not `exact`, one of hundreds may be missing; one of thousands if they are to be
        `sure` (docs/storage.md).
        """
        ids, scores = self.delta_ids, _products(self.delta, query)
        if self.base is not None and self._in_base:
            places, found = self._of_base(self.base, query, k, exact, sure)
            ids = np.concatenate([ids, self.base.ids[places]])
            scores = np.concatenate([scores, found])
        return _ranked(ids, scores, k)

    def _of_base(
        self, base: Matrix, query: NDArray[np.float32], k: int, exact: bool, sure: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Places that hold the k nearest of the base that are still there, and their cosines."""
        ahead = 0  # how many that are gone are nearer than the k-th
        while not exact and (places := self._proposed(query, k + ahead, sure)) is not None:
            scores = base.scores(query, places)
            if not len(self.gone):
                return places, scores
            gone = self.gone[places]
            left = scores[~gone]
            border = left[_best(left, k)].min() if len(left) >= k else -np.inf
            seen = int((scores[gone] >= border).sum())
            if seen <= ahead or len(places) == len(base):
                return places[~gone], left
            ahead = max(seen, 2 * ahead)
        scores = base.scores(query)
        if len(self.gone):
            scores[self.gone] = -np.inf
        best = _best(scores, min(k, self._in_base))
        return best, scores[best]

    def _proposed(
        self,
        query: NDArray[np.float32],
        k: int,
        sure: bool,
        among: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64] | None:
        """Places in the base, or of those in `among`, that hold the k nearest; None where all have
        to be compared."""
        if self.codes is None:
            return None
        count = self.codes.candidates(k, sure=sure)
        if among is None and count > PROPOSED_AT_MOST * len(self.codes):
            return None
        if among is not None and len(among) < count + LOOKED_AT * len(self.codes):
            return None
        return np.sort(self.codes.nearest(query, count, among))

    def nearest_of(
        self,
        query: NDArray[np.float32],
        k: int,
        among: NDArray[np.int64],
        *,
        exact: bool = True,
    ) -> Ranking:
        """The k nearest of these ids, which ascend. Each of them is compared, unless codes take
        less time and it need not be `exact`: then one of thousands may be missing."""
        places, chosen = self._places(among)
        ids, scores = self.delta_ids[chosen], _products(self.delta[chosen], query)
        if self.base is not None:
            if not exact and (proposed := self._proposed(query, k, True, places)) is not None:
                places = proposed
            ids = np.concatenate([ids, self.base.ids[places]])
            scores = np.concatenate([scores, self.base.scores(query, places)])
        return _ranked(ids, scores, k)

    def rows(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The vectors of those of these ids that are there: ids (m,) and (m, d)."""
        places, chosen = self._places(np.sort(ids))
        found, rows = self.delta_ids[chosen], self.delta[chosen]
        if self.base is not None:
            found = np.concatenate([self.base.ids[places], found])
            rows = np.concatenate([self.base.rows(places), rows])
        return found, rows

    def _places(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where these ids, which ascend, are in the base, ascending, and where in the delta."""
        chosen = np.empty(0, dtype=np.int64)
        if len(self.delta_ids):  # else nothing is imported for it: np.isin takes 10 ms at first
            chosen = np.flatnonzero(np.isin(self.delta_ids, ids))
        if self.base is None:
            return np.empty(0, dtype=np.int64), chosen
        places = self.base.places_of(ids)
        return (places[~self.gone[places]] if len(self.gone) else places), chosen

    def nearest_many(
        self, queries: NDArray[np.float32], k: int, among: NDArray[np.int64] | None = None
    ) -> list[Ranking]:
        """The k nearest of each query, (n, d), exactly; one look at each vector, or at each of
        those with these ids."""
        base = self.base
        if among is not None:
            places, chosen = self._places(among)
            parts: list[Part] = [(self.delta_ids[chosen], partial(_steps, self.delta[chosen]))]
            if base is not None:
                parts.append((base.ids[places], lambda size: base.blocks(size, places)))
            return batch_search.nearest_many(parts, queries, k)
        parts = [(self.delta_ids, partial(_steps, self.delta))]
        if base is not None:
            ids = np.where(self.gone, -1, base.ids) if len(self.gone) else base.ids
            parts.append((ids, base.blocks))
        return batch_search.nearest_many(parts, queries, k)


def _steps(rows: NDArray[np.float32], size: int) -> Blocks:
    return ((first, rows[first : first + size]) for first in range(0, len(rows), size))


def _products(rows: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    size = max(1, flat_file.SCANNED // len(query))
    return flat_file.products(_steps(rows, size), query, len(rows))


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Where the k highest are, in no order."""
    if k >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, k - 1)[:k]


def _ranked(ids: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Ranking:
    part = _best(scores, k)
    ids, scores = ids[part], scores[part]
    order = np.lexsort((ids, -scores))
    return ids[order], scores[order]
