"""From a query to ranked passage ids with their scores.

Dense: cosine over all vectors. Lexical: BM25 over words. Hybrid: both, by `fusion`. Each ranking is
exact, over the whole collection or over what a filter lets through: the k best are those that
scoring every passage would give. The one exception is dense over a large collection or a large part
of one, where compressed vectors propose (docs/storage.md), unless all is to be `exact`. Whatever
proposed a passage, its `dense` score is the cosine of the stored vectors, computed in float64 and
rounded to float32, so equal vectors tie exactly; ties go to the smaller id. Knows no files and no
rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.retrieval import filter_scope, fusion
from ragkit.retrieval.filter_scope import Limits, Scope
from ragkit.retrieval.snapshot import Snapshot
from ragkit.retrieval.top_k import SLACK, exactly, picked, ranked
from ragkit.storage.sqlite import embeddings, passages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.analysis.query_syntax import ParsedQuery
    from ragkit.storage.vectors.index import VectorIndex

    Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]  # ids and scores, best first

WIDEST = 10  # passages of the ranking looked through for each that is wanted of a wide filter
DEPTH = 100  # passages of each ranking that are fused at first


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage and what each stage gave it; None where a stage did not see it."""

    passage_id: int
    dense: float
    lexical: float | None = None
    fused: float | None = None
    rerank: float | None = None
    final: float | None = None  # after reranking, also of those that were not read again

    @property
    def ranked_by(self) -> float:
        """The score of the last stage that saw it."""
        if self.final is not None:
            return self.final
        if self.fused is not None:
            return self.fused
        return self.dense if self.lexical is None else self.lexical


class Searcher:
    """One query against one snapshot of a collection.

    `vector` is the query's, (d,) float32 of unit length. `scope` limits everything to what a filter
    lets through. `near` are the nearest passages of all that could be found where they are known:
    of `scope` where that is little, else of the whole collection. `exact`: nothing is proposed by
    compressed vectors.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        query: ParsedQuery,
        vector: NDArray[np.float32],
        scope: Scope | None = None,
        near: Ranking | None = None,
        exact: bool = False,
    ) -> None:
        self.query, self.vector = query, vector
        self._snapshot, self._connection = snapshot, snapshot.connection
        self._given, self._near = scope, near
        self._scope: Scope | Limits | None = scope
        self._exact = exact
        self._few = None if scope is None else scope.few

    def ranking(self, mode: str, fused_by: str) -> Callable[[int, float], list[Scored]]:
        """The function of k and the lowest cosine that ranks in this mode."""
        if mode != "dense":
            self._limit()
        if mode == "hybrid":
            return self.by_rank if fused_by == "rrf" else self.hybrid
        return {"dense": self.dense, "lexical": self.lexical}[mode]

    def _limit(self) -> None:
        """Let through only what holds the query's phrases and none of the words it excludes."""
        words = self._snapshot.words
        if words.is_restricted(self.query):
            self._scope = Limits.of(self._connection, words, self.query, self._given)
            self._few = self._scope.few
            self._near = None  # those were of more

    def dense(self, k: int, min_score: float) -> list[Scored]:
        """The k nearest passages by cosine."""
        return [Scored(each, score) for each, score in self._near_ones(k) if score >= min_score]

    def _near_ones(self, k: int) -> list[tuple[int, float]]:
        """The k nearest passages with their cosines."""
        index = self._snapshot.vectors
        if index is None:
            return []
        scope, nearest = self._scope, partial(index.top_k, exact=self._exact)
        if scope is None:
            return exactly(
                k,
                len(index),
                lambda wide: self._nearest(nearest, wide),
                lambda ids, _: self._cosines(ids),
            )
        proposed = None
        if self._few is None:  # of a wide filter what is nearest of all may do
            proposed = picked(
                k,
                len(index),
                WIDEST * k + SLACK,
                lambda wide: self._nearest(partial(nearest, high_recall=True), wide),
                lambda ids, _: self._cosines(scope.among(ids)),
            )
        return self._nearest_of(index, k, scope.every) if proposed is None else proposed

    def _nearest_of(
        self, index: VectorIndex, k: int, ids: NDArray[np.int64]
    ) -> list[tuple[int, float]]:
        """The k nearest of these; each of them is compared where they are few."""
        nearest = partial(
            index.top_k_of, ids=ids, exact=self._exact or len(ids) <= filter_scope.FEW
        )
        return exactly(
            k,
            len(ids),
            lambda wide: (
                nearest(self.vector, wide) if self._few is None else self._nearest(nearest, wide)
            ),
            lambda ids, _: self._cosines(ids),
        )

    def lexical(self, k: int, min_score: float) -> list[Scored]:
        """The k best passages by BM25 among those whose cosine is high enough."""
        wide = k
        while True:
            found = self._worded(wide)
            cosines = self.cosines([each for each, _ in found])
            enough = [
                Scored(each, cosines[each], lexical=score)
                for each, score in found
                if cosines[each] >= min_score
            ]
            if len(enough) >= k or len(found) < wide:
                return enough[:k]
            wide *= 4

    def _worded(self, k: int) -> list[tuple[int, float]]:
        """The k best passages with their BM25 scores."""
        words = self._snapshot.words
        if self._few is not None:
            return ranked(words.scores(self.query, self._few))[:k]
        return exactly(k, len(words), lambda wide: words.top_k(self.query, wide), self._kept)

    def hybrid(self, k: int, min_score: float) -> list[Scored]:
        """The k best by `fusion.convex`, each scored by cosine and by BM25.

        Both rankings are followed until nothing below could come among the k (the threshold
        algorithm of Fagin, Lotem and Naor, "Optimal aggregation algorithms for middleware", 2001).
        """
        most = self._snapshot.words.max_bm25(self.query)
        depth = max(2 * k, DEPTH)
        while True:
            near, worded = self._near_ones(depth), self._worded(depth)
            unseen = worded[-1][1] if len(worded) == depth else 0.0  # no other has more of words
            seen = self._both(near, worded)
            best = self._fused(k, *seen, min_score=min_score, unseen=unseen, most=most)
            done = len(near) < depth or near[-1][1] < min_score
            if not done:  # else what is left was seen among the words, or is too far away
                bound = fusion.convex(near[-1][1], unseen, most)
                done = len(best) == k and best[-1].ranked_by > bound
            if done:
                return best
            depth *= 4

    def _fused(
        self,
        k: int,
        dense: dict[int, float],
        lexical: dict[int, float],
        *,
        min_score: float,
        unseen: float,
        most: float,
    ) -> list[Scored]:
        """The k best of those in `dense`. A passage that is not in `lexical` has `unseen` at most;
        what it has is looked up only where that could bring it among the k: it costs more than
        all the rest."""
        found = {each: cosine for each, cosine in dense.items() if cosine >= min_score}
        cosines = np.array(list(found.values()), dtype=np.float64)
        bm25 = np.array([lexical.get(each, -1.0) for each in found], dtype=np.float64)
        known = bm25 >= 0
        least = fusion.convex(cosines, np.maximum(bm25, 0.0), most)
        floor = np.partition(least, -k)[-k] if len(least) > k else -1.0
        able = ~known & (fusion.convex(cosines, np.full(len(found), unseen), most) >= floor)
        ids = np.array(list(found), dtype=np.int64)
        scores = self._snapshot.words.scores(self.query, ids[able].tolist()) if unseen else {}
        bm25[able] = [scores.get(each, 0.0) for each in ids[able].tolist()]
        whole = known | able
        ids, cosines, bm25 = ids[whole], cosines[whole], bm25[whole]
        fused = fusion.convex(cosines, bm25, most)
        best = np.lexsort((ids, -fused))[:k]
        rows = zip(*(each[best].tolist() for each in (ids, cosines, bm25, fused)), strict=True)
        return [Scored(each, dense, lexical, fused) for each, dense, lexical, fused in rows]

    def by_rank(self, k: int, min_score: float) -> list[Scored]:
        """The k best by reciprocal rank fusion of the two rankings."""
        depth = max(k, DEPTH)
        near, worded = self._near_ones(depth), self._worded(depth)
        dense, lexical = self._both(near, worded)
        fused = fusion.reciprocal_rank([[each for each, _ in near], [each for each, _ in worded]])
        merged = [
            Scored(each, dense[each], lexical.get(each), score) for each, score in ranked(fused)
        ]
        return [each for each in merged if each.dense >= min_score][:k]

    def _both(
        self, near: Sequence[tuple[int, float]], worded: Sequence[tuple[int, float]]
    ) -> tuple[dict[int, float], dict[int, float]]:
        """The cosines of all of these, and the BM25 scores that are known."""
        dense, lexical = dict(near), dict(worded)
        return dense | self.cosines([each for each in lexical if each not in dense]), lexical

    def cosines(self, ids: Sequence[int]) -> dict[int, float]:
        """Passage id → exact cosine with the query, for those of `ids` that are in this snapshot.

        A passage that still waits for its vector is embedded here: every hit carries its cosine.
        """
        known = self._cosines(ids)
        missing = [each for each in ids if each not in known]
        if not missing:
            return known
        texts = passages.embedded_texts(self._connection, missing)
        fresh = self._snapshot.encoder.encode_passages(list(texts.values()))
        return known | self._with_query(dict(zip(texts, fresh, strict=True)))

    def vectors(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """Passage id → its vector, (d,) float32, for those that have one."""
        return embeddings.stored_vectors(self._connection, self._snapshot.model_id, ids)

    def _cosines(self, ids: Collection[int]) -> dict[int, float]:
        """The same for those alone that have their vector."""
        index = self._snapshot.exact_vectors
        if index is None:
            return self._with_query(self.vectors(list(ids)))
        found, rows = index.vectors_of(np.fromiter(ids, dtype=np.int64, count=len(ids)))
        return dict(zip(found.tolist(), self._scores(rows), strict=True))

    def _with_query(self, vectors: dict[int, NDArray[np.float32]]) -> dict[int, float]:
        if not vectors:
            return {}
        return dict(zip(vectors, self._scores(np.stack(list(vectors.values()))), strict=True))

    def _scores(self, rows: NDArray[np.float32]) -> list[float]:
        exact = rows.astype(np.float64) @ self.vector.astype(np.float64)
        scores: list[float] = np.clip(exact, -1.0, 1.0).astype(np.float32).tolist()
        return scores

    def _nearest(
        self, nearest: Callable[[NDArray[np.float32], int], Ranking], wide: int
    ) -> Ranking:
        if self._near is not None and wide <= len(self._near[0]):
            return self._near[0][:wide], self._near[1][:wide]
        return nearest(self.vector, wide)

    def _kept(self, ids: list[int], scores: list[float]) -> dict[int, float]:
        """The scores of those that are in this snapshot and let through."""
        if self._scope is None and self._snapshot.words_are_exact:
            return dict(zip(ids, scores, strict=True))
        if self._scope is None:
            there = passages.existing_ids(self._connection, ids)
        else:
            there = self._scope.among(ids)
        return {each: score for each, score in zip(ids, scores, strict=True) if each in there}
