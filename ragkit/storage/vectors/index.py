"""`VectorIndex`: nearest neighbours by cosine, over a vector file and the changes since.

A large collection is searched in two stages: quantized vectors propose candidates, exact vectors
decide. In a small collection, in exact search and for a small filter each vector is compared. Knows
ids and unit vectors, never text and never SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.storage.vectors import batch_search, flat_file
from ragkit.storage.vectors.flat_file import FlatFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.vectors.batch_search import Part, Ranking
    from ragkit.storage.vectors.flat_file import Blocks, Rows
    from ragkit.storage.vectors.quantized import QuantizedVectors

MAX_CANDIDATE_SHARE = 0.1  # of all vectors: with more candidates, comparing all is faster
FULL_SCAN_SHARE = 0.003  # of all vectors: what can be compared in the time of scanning all codes


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # fewer methods to compile
class VectorIndex:
    """All searchable vectors as of one generation: a vector file (the base) and a delta.

    Immutable, so threads may share it. A query is (d,) float32 of unit length. A `Ranking` is a
    pair: ids (n,) int64 and cosines (n,) float32, best first, equal cosines by ascending id.
    """

    dimension: int
    generation: int
    file_generation: int  # of the base; 0 without one
    base: FlatFile | None
    quantized: QuantizedVectors | None  # the codes of the base
    delta_ids: NDArray[np.int64]  # (m,)
    delta: NDArray[np.float32]  # (m, d), unit rows
    removed: NDArray[np.bool_]  # (n,) for the base; (0,) if nothing of it was removed
    change_count: int = 0  # vectors added and removed since the base

    @classmethod
    def from_file(
        cls,
        base: FlatFile | None,
        dimension: int,
        generation: int,
        codes: QuantizedVectors | None = None,
    ) -> VectorIndex:
        """Return an index of a vector file without changes; without `base`, an empty index."""
        ids, removed = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
        delta = np.empty((0, dimension), dtype=np.float32)
        return cls(dimension, generation, generation, base, codes, ids, delta, removed)

    def with_changes(self, generation: int, rows: Rows, removed: Sequence[int]) -> VectorIndex:
        """Return a copy with these (id, float32 blob) rows added and these ids removed.

        Raises CollectionError if a blob does not have `dimension` numbers.
        """
        added = list(flat_file.batches(rows, self.dimension))
        ids, delta, mask = self.delta_ids, self.delta, self.removed
        if added:
            ids = np.concatenate([ids, *(batch_ids for batch_ids, _ in added)])
            delta = np.concatenate([delta, *(vectors for _, vectors in added)])
        if removed:
            removed_ids = np.fromiter(removed, dtype=np.int64, count=len(removed))
            if (is_kept := ~np.isin(ids, removed_ids)).sum() < len(ids):
                ids, delta = ids[is_kept], delta[is_kept]
            if self.base is not None:
                positions = self.base.positions(removed_ids)
                mask = mask.copy() if len(mask) else np.zeros(len(self.base), dtype=np.bool_)
                mask[positions[positions >= 0]] = True
        return replace(
            self,
            generation=generation,
            delta_ids=ids,
            delta=delta,
            removed=mask,
            change_count=self.change_count
            + sum(len(batch_ids) for batch_ids, _ in added)
            + len(removed),
        )

    def is_unchanged(self) -> bool:
        """Whether nobody has written to the open files since they were verified."""
        files = (self.base, self.quantized)
        return all(file is None or file.is_unchanged() for file in files)

    def __len__(self) -> int:
        """The number of searchable vectors."""
        return self._base_count + len(self.delta_ids)

    def ids(self) -> NDArray[np.int64]:
        """Return the ids of all searchable vectors, (n,) int64 ascending."""
        if self.base is None:
            return np.sort(self.delta_ids)
        live = self.base.ids[~self.removed] if len(self.removed) else self.base.ids
        return np.sort(np.concatenate([live, self.delta_ids]))

    @property
    def _base_count(self) -> int:
        return (0 if self.base is None else len(self.base)) - int(self.removed.sum())

    def top_k(
        self, query: NDArray[np.float32], k: int, *, exact: bool = False, high_recall: bool = False
    ) -> Ranking:
        """Return the k nearest passages, or all if there are fewer than k.

        Which of several passages with the k-th best score are returned is not defined; cosines of
        equal vectors may differ in the last digit. With quantized vectors and without `exact`,
        about one in several hundred of the true neighbors may be missing; with `high_recall`, about
        one in several thousand (docs/storage.md).
        """
        ids, scores = self.delta_ids, _products(self.delta, query)
        if self.base is not None and self._base_count:
            positions, base_scores = self._base_top_k(self.base, query, k, exact, high_recall)
            ids = np.concatenate([ids, self.base.ids[positions]])
            scores = np.concatenate([scores, base_scores])
        return _rank(ids, scores, k)

    def _base_top_k(
        self, base: FlatFile, query: NDArray[np.float32], k: int, exact: bool, high_recall: bool
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return positions that include the k nearest of the base without removed ones, and their
        cosines, unordered."""
        extra = 0  # removed vectors that are nearer than the k-th that is left
        while (
            not exact and (positions := self._candidates(query, k + extra, high_recall)) is not None
        ):
            scores = base.scores(query, positions)
            if not len(self.removed):
                return positions, scores
            removed = self.removed[positions]
            live_scores = scores[~removed]
            has_k = len(live_scores) >= k
            kth_score = live_scores[_top_positions(live_scores, k)].min() if has_k else -np.inf
            ahead = int((scores[removed] >= kth_score).sum())
            if ahead <= extra or len(positions) == len(base):
                return positions[~removed], live_scores
            extra = max(ahead, 2 * extra)
        scores = base.scores(query)
        if len(self.removed):
            scores[self.removed] = -np.inf
        best = _top_positions(scores, min(k, self._base_count))
        return best, scores[best]

    def _candidates(
        self,
        query: NDArray[np.float32],
        k: int,
        high_recall: bool,
        subset: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64] | None:
        """Return ascending positions of the base, or of `subset`, that should include the k
        nearest; None if comparing each vector is faster."""
        if self.quantized is None:
            return None
        count = self.quantized.candidate_count(k, high_recall=high_recall)
        if subset is None and count > MAX_CANDIDATE_SHARE * len(self.quantized):
            return None
        if subset is not None and len(subset) < count + FULL_SCAN_SHARE * len(self.quantized):
            return None
        return np.sort(self.quantized.propose(query, count, subset))

    def top_k_of(
        self,
        query: NDArray[np.float32],
        k: int,
        ids: NDArray[np.int64],
        *,
        exact: bool = True,
    ) -> Ranking:
        """Return the k nearest of the passages `ids` (ascending).

        Without `exact`, quantized vectors propose candidates if that is faster than comparing each
        vector; then about one neighbor in several thousand may be missing.
        """
        positions, rows = self._locate(ids)
        live_ids, scores = self.delta_ids[rows], _products(self.delta[rows], query)
        if self.base is not None:
            if not exact:
                candidates = self._candidates(query, k, True, positions)
                positions = positions if candidates is None else candidates
            live_ids = np.concatenate([live_ids, self.base.ids[positions]])
            scores = np.concatenate([scores, self.base.scores(query, positions)])
        return _rank(live_ids, scores, k)

    def vectors_of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the vectors of those of `ids` that are in the index: ids (m,) int64 and rows (m,
        d) float32."""
        positions, rows = self._locate(np.sort(ids))
        live_ids, vectors = self.delta_ids[rows], self.delta[rows]
        if self.base is not None:
            live_ids = np.concatenate([self.base.ids[positions], live_ids])
            vectors = np.concatenate([self.base.vectors_at(positions), vectors])
        return live_ids, vectors

    def _locate(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ascending positions of `ids`, which ascend, in the base and in the delta."""
        rows = np.empty(0, dtype=np.int64)
        if len(self.delta_ids):  # the first call of np.isin takes 10 ms
            rows = np.flatnonzero(np.isin(self.delta_ids, ids))
        if self.base is None:
            return np.empty(0, dtype=np.int64), rows
        positions = self.base.known_positions(ids)
        return (positions[~self.removed[positions]] if len(self.removed) else positions), rows

    def top_k_batch(
        self, queries: NDArray[np.float32], k: int, ids: NDArray[np.int64] | None = None
    ) -> list[Ranking]:
        """Return the exact k nearest passages of each query; `queries` is (n, d) float32, unit
        rows.

        `ids` (ascending) restricts the passages. Reads each vector once for all queries.
        """
        base = self.base
        if ids is not None:
            positions, rows = self._locate(ids)
            parts: list[Part] = [(self.delta_ids[rows], partial(_blocks, self.delta[rows]))]
            if base is not None:
                parts.append((base.ids[positions], lambda size: base.blocks(size, positions)))
            return batch_search.batch_top_k(parts, queries, k)
        parts = [(self.delta_ids, partial(_blocks, self.delta))]
        if base is not None:
            live = np.where(self.removed, -1, base.ids) if len(self.removed) else base.ids
            parts.append((live, base.blocks))
        return batch_search.batch_top_k(parts, queries, k)


def _blocks(rows: NDArray[np.float32], size: int) -> Blocks:
    return ((first, rows[first : first + size]) for first in range(0, len(rows), size))


def _products(rows: NDArray[np.float32], query: NDArray[np.float32]) -> NDArray[np.float32]:
    size = max(1, flat_file.SCAN_NUMBERS // len(query))
    return flat_file.products(_blocks(rows, size), query, len(rows))


def _top_positions(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the positions of the k highest scores, unordered."""
    if k >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, k - 1)[:k]


def _rank(ids: NDArray[np.int64], scores: NDArray[np.float32], k: int) -> Ranking:
    """Return the k best, sorted by falling score, then by ascending id."""
    best = _top_positions(scores, k)
    ids, scores = ids[best], scores[best]
    order = np.lexsort((ids, -scores))
    return ids[order], scores[order]
