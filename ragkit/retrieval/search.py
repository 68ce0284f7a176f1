"""From a query to ranked passage ids with their scores.

Dense: exact cosine over all vectors. Lexical: BM25 over words. Hybrid: reciprocal rank fusion of
both. Whatever proposed a passage, its `dense` score is the cosine of the stored vectors, computed
in float64 and rounded to float32, so equal vectors tie exactly; ties go to the smaller id. Knows
no files and no rendering.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ragkit.encoders import Encoder
from ragkit.retrieval.fusion import reciprocal_rank
from ragkit.storage import embeddings, passages
from ragkit.storage.indexes import Indexes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]  # ids and scores, best first

DEPTH = 100  # passages of each ranking that are fused
_SLACK = 16  # candidates beyond k, so that one look is enough unless many passages are alike
_ROUNDING = 1e-5  # how far an index's float32 inner product may be from the exact one


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage and what each stage gave it; None where a stage did not see it."""

    passage_id: int
    dense: float
    lexical: float | None = None
    fused: float | None = None


@dataclass(frozen=True, slots=True)
class Searcher:
    """One query against one snapshot of a collection."""

    connection: sqlite3.Connection
    indexes: Indexes
    encoder: Encoder
    model_id: int
    text: str
    query: NDArray[np.float32]  # (d,), unit length

    def dense(self, k: int, min_score: float) -> list[Scored]:
        """The k nearest passages by cosine."""
        index = self.indexes.vectors(self.connection)
        if index is None:
            return []
        found = _exactly(
            k,
            len(index),
            lambda wide: index.nearest(self.query, wide),
            lambda ids, _: self.cosines(ids),
        )
        return [Scored(each, score) for each, score in found if score >= min_score]

    def lexical(self, k: int, min_score: float) -> list[Scored]:
        """The k best passages by BM25 among those whose cosine is high enough."""
        words = self.indexes.words(self.connection)
        wide = k
        while True:
            found = _exactly(wide, len(words), lambda n: words.best(self.text, n), self._present)
            cosines = self.cosines([each for each, _ in found])
            enough = [
                Scored(each, cosines[each], lexical=score)
                for each, score in found
                if cosines[each] >= min_score
            ]
            if len(enough) >= k or len(found) < wide:
                return enough[:k]
            wide *= 4

    def hybrid(self, k: int, min_score: float) -> list[Scored]:
        """The k best by reciprocal rank fusion of the two."""
        depth = max(k, DEPTH)
        near = {each.passage_id: each for each in self.dense(depth, -1.0)}
        worded = {each.passage_id: each for each in self.lexical(depth, -1.0)}
        fused = reciprocal_rank([list(near), list(worded)])
        merged = [
            Scored(
                each,
                (near.get(each) or worded[each]).dense,
                worded[each].lexical if each in worded else None,
                score,
            )
            for each, score in fused.items()
        ]
        merged.sort(key=lambda each: (-(each.fused or 0.0), each.passage_id))
        return [each for each in merged if each.dense >= min_score][:k]

    def cosines(self, ids: Sequence[int]) -> dict[int, float]:
        """Passage id → exact cosine with the query, for those of `ids` that are in this snapshot.

        A passage that still waits for its vector is embedded here: every hit carries its cosine.
        """
        vectors = embeddings.stored_vectors(self.connection, self.model_id, ids)
        missing = [each for each in ids if each not in vectors]
        if missing:
            texts = passages.embedded_texts(self.connection, missing)
            fresh = self.encoder.encode_passages(list(texts.values()))
            vectors.update(zip(texts, fresh, strict=True))
        if not vectors:
            return {}
        exact = np.stack(list(vectors.values())).astype(np.float64) @ self.query.astype(np.float64)
        scores = np.clip(exact, -1.0, 1.0).astype(np.float32)
        return dict(zip(vectors, scores.tolist(), strict=True))

    def _present(self, ids: list[int], scores: list[float]) -> dict[int, float]:
        there = passages.existing(self.connection, ids)
        return {each: score for each, score in zip(ids, scores, strict=True) if each in there}


def _exactly(
    k: int,
    most: int,
    propose: Callable[[int], Ranking],
    judge: Callable[[list[int], list[float]], dict[int, float]],
) -> list[tuple[int, float]]:
    """The true first k by (score, then smaller id) from an index that proposes.

    An index may leave any of several equals out at its border, and may name passages that are no
    longer there; so it is asked again, wider, until the k-th score stands clear of the border.
    """
    wide = min(k + _SLACK, most)
    while True:
        ids, rough = propose(wide)
        judged = judge(ids.tolist(), rough.tolist())
        ranked = sorted(judged.items(), key=lambda each: (-each[1], each[0]))
        exhausted = wide >= most or len(ids) < wide
        if exhausted or (len(ranked) >= k and ranked[k - 1][1] > rough[-1] + _ROUNDING):
            return ranked[:k]
        wide = min(4 * wide, most)
