"""`ShardedVectorIndex`: the vectors of all shards, searched as one index.

Each shard proposes its own best; cosines are comparable, so the best of all proposals are those of
the whole collection. Knows no text and no SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.storage.shards.placement import ids_by_shard
from ragkit.storage.vectors.index import VectorIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.storage.vectors.batch_search import Ranking

# Calls a method of the index of each shard in `arguments`, or with the same arguments of all.
AskIndexes = Callable[[str, "dict[int, tuple[Any, ...]] | tuple[Any, ...]", dict[str, Any]], Any]


class ShardedVectorIndex(VectorIndex):
    """Has the methods of `VectorIndex`; nothing of it is in this object's own arrays."""

    __slots__ = ("_ask", "_count")

    def __init__(self, ask: AskIndexes, dimension: int, generation: int, count: int) -> None:
        empty = VectorIndex.from_file(None, dimension, generation)
        super().__init__(*(getattr(empty, name) for name in VectorIndex.__slots__))
        object.__setattr__(self, "_ask", ask)
        object.__setattr__(self, "_count", count)

    def __len__(self) -> int:
        return self._count  # type: ignore[no-any-return, attr-defined]

    def is_unchanged(self) -> bool:
        """Whether nobody has written to the open files: published files are never written to."""
        return True

    def ids(self) -> NDArray[np.int64]:
        """Return the ids of all searchable vectors, (n,) int64 ascending."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self._all("ids")])

    def top_k(
        self, query: NDArray[np.float32], k: int, *, exact: bool = False, high_recall: bool = False
    ) -> Ranking:
        """Return the k nearest passages, as `VectorIndex.top_k`."""
        found = self._all("top_k", query, k, exact=exact, high_recall=high_recall)
        return _best(found, k)

    def top_k_of(
        self,
        query: NDArray[np.float32],
        k: int,
        ids: NDArray[np.int64],
        *,
        exact: bool = True,
    ) -> Ranking:
        """Return the k nearest of the passages `ids` (ascending)."""
        arguments = {shard: (query, k, own) for shard, own in _arrays_by_shard(ids).items()}
        return _best(self._some("top_k_of", arguments, exact=exact), k)

    def vectors_of(self, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the vectors of those of `ids` that are in the index."""
        arguments = {shard: (own,) for shard, own in _arrays_by_shard(ids).items()}
        found = self._some("vectors_of", arguments)
        if len(found) == 1:
            only: tuple[NDArray[np.int64], NDArray[np.float32]] = found[0]
            return only
        none = np.empty(0, dtype=np.int64), np.empty((0, self.dimension), dtype=np.float32)
        parts = [none, *found]
        return np.concatenate([part[0] for part in parts]), np.concatenate(
            [part[1] for part in parts]
        )

    def top_k_batch(
        self, queries: NDArray[np.float32], k: int, ids: NDArray[np.int64] | None = None
    ) -> list[Ranking]:
        """Return the exact k nearest passages of each query; `queries` is (n, d) float32."""
        if ids is None:
            found = self._all("top_k_batch", queries, k)
        else:
            arguments = {shard: (queries, k, own) for shard, own in _arrays_by_shard(ids).items()}
            found = self._some("top_k_batch", arguments)
        return [_best([rankings[row] for rankings in found], k) for row in range(len(queries))]

    def _all(self, method: str, *arguments: Any, **options: Any) -> list[Any]:  # noqa: ANN401
        result: list[Any] = self._ask(method, arguments, options)  # type: ignore[attr-defined]
        return result

    def _some(
        self,
        method: str,
        arguments: dict[int, tuple[Any, ...]],
        **options: Any,  # noqa: ANN401
    ) -> list[Any]:
        result: list[Any] = self._ask(method, arguments, options)  # type: ignore[attr-defined]
        return result


def _arrays_by_shard(ids: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    return {
        shard: np.array(own, dtype=np.int64)
        for shard, own in sorted(ids_by_shard(np.sort(ids).tolist()).items())
    }


def _best(rankings: list[Ranking], k: int) -> Ranking:
    """Return the k best of several rankings, by falling score, then by ascending id."""
    if len(rankings) == 1:
        return rankings[0]
    ids = np.concatenate([np.empty(0, dtype=np.int64), *(ids for ids, _ in rankings)])
    scores = np.concatenate([np.empty(0, dtype=np.float32), *(scores for _, scores in rankings)])
    order = np.lexsort((ids, -scores))[:k]
    return ids[order], scores[order]
