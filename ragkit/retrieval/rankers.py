"""Rank the passages of a collection for one query: dense, lexical or hybrid.

Dense: cosine similarity over all vectors. Lexical: BM25 over words. Hybrid: both, combined by
`fusion`, with the weights that `calibration` measured. Each ranking is exact, over the whole
collection or over what a filter matches: the k best are those that scoring every passage would
give. The one exception is dense over a large collection or a large part of one, where quantized
vectors propose candidates (docs/storage.md), unless `exact` is set.

Every `dense` score is the cosine of the stored vectors, computed in float64 and rounded to float32,
so equal vectors tie exactly. Ties are sorted by ascending passage id. Knows no files and no
rendering.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ragkit.encoders import Encoder, encode_with_headers
from ragkit.retrieval import calibration
from ragkit.retrieval.fusion import (
    COVERAGE_SHARE,
    FusionWeights,
    convex_combination,
    reciprocal_rank_fusion,
)
from ragkit.retrieval.options import SearchOptions
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import changes, passages
from ragkit.storage.sqlite.state import generation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.analysis.query_syntax import ParsedQuery
    from ragkit.retrieval.filter_scope import PassageFilter, QueryFilter
    from ragkit.storage.lexical.index import LexicalIndex
    from ragkit.storage.vectors.index import VectorIndex

    Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]  # (n,) ids and scores, best first

MAX_WIDENING = 10  # candidates per requested passage that are checked against a large filter
FUSION_DEPTH = 100  # passages of each ranking that are fused at first
_SLACK = 16  # candidates beyond k, so that one proposal suffices unless many passages are alike
# The cosine that a ranking by both scores assumes for a passage that has none: that of unrelated
# texts. It is found by its words only.
_UNKNOWN_COSINE = 0.0
_ROUNDING = 1e-5  # how far an index's float32 inner product may be from the exact one


class Snapshot:
    """What a connection sees inside one transaction, and the index files that belong to it.

    All queries of a batch see the same vectors and words, even if another process writes meanwhile.
    Use it on one thread only, like its connection.
    """

    def __init__(
        self, connection: sqlite3.Connection, indexes: IndexReader, encoder: Encoder, model_id: int
    ) -> None:
        self.connection, self._indexes = connection, indexes
        self.encoder, self.model_id = encoder, model_id

    @cached_property
    def vectors(self) -> VectorIndex | None:
        """All searchable vectors of this snapshot or of a slightly later one."""
        return self._indexes.vectors(self.connection)

    @cached_property
    def exact_vectors(self) -> VectorIndex | None:
        """The vector index if it has exactly the passages of this snapshot, else None."""
        index = self.vectors
        snapshot_generation = generation(self.connection)
        return index if index is not None and index.generation == snapshot_generation else None

    @cached_property
    def has_unreadable(self) -> bool:
        """Whether there are passages without an embedding that the encoder cannot read."""
        return passages.has_unreadable(self.connection, self.model_id)

    @cached_property
    def lexical(self) -> LexicalIndex:
        """The lexical index of all passages of this snapshot or of a slightly different one."""
        return self._indexes.lexical(self.connection)

    @cached_property
    def fusion_weights(self) -> FusionWeights:
        """The weights measured for this encoder; those of the default model without any."""
        stored = calibration.load(self.connection, self.encoder.fingerprint)
        return FusionWeights() if stored is None else stored.weights

    @cached_property
    def lexical_is_exact(self) -> bool:
        """Whether `lexical` has exactly the passages of this snapshot."""
        indexed, snapshot_generation = self.lexical.generation, generation(self.connection)
        if indexed >= snapshot_generation:
            return indexed == snapshot_generation
        return not (
            changes.has_newer_text(self.connection, indexed)
            or changes.has_removals_since(self.connection, indexed)
        )


class ScoredPassage(NamedTuple):
    """A passage with its score at each stage; None if a stage did not score it."""

    passage_id: int
    dense: float | None  # cosine, higher is closer; None if it or the query has no embedding
    lexical: float | None = None  # BM25; where both scores are fused, with coverage
    fused: float | None = None
    rerank: float | None = None  # of the cross-encoder, 0 to 1
    final: float | None = None  # after reranking, also of passages that were not reranked

    @property
    def ranking_score(self) -> float:
        """The score of the last stage that scored the passage; the ranking is by this score."""
        if self.final is not None:
            return self.final
        if self.fused is not None:
            return self.fused
        if self.lexical is not None:
            return self.lexical
        return _UNKNOWN_COSINE if self.dense is None else self.dense


class PreparedQuery(NamedTuple):
    """One query with everything that ranking needs. Ranking does not change it.

    `vector` is (d,) float32 of unit length, or zeros if the encoder cannot read the query: then it
    has no cosine with any passage, and only `rank_lexical` applies. `filter` restricts the
    candidates. `neighbors` is a prefix of the dense ranking if it was computed before: within
    `filter` if that is a small id set, else over the whole collection. `exact`: do not use
    quantized vectors.
    """

    snapshot: Snapshot
    query: ParsedQuery
    vector: NDArray[np.float32]
    filter: PassageFilter | QueryFilter | None = None
    neighbors: Ranking | None = None
    exact: bool = False

    @property
    def is_readable(self) -> bool:
        """Whether the encoder can read the query."""
        return bool(self.vector.any())

    def stored_vectors(self, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """Return the vectors of `ids`: id → (d,) float32. Ids without a vector are left out."""
        return passages.stored_vectors(self.snapshot.connection, self.snapshot.model_id, ids)


def prepare(
    snapshot: Snapshot,
    query: ParsedQuery,
    vector: NDArray[np.float32],
    options: SearchOptions,
    passage_filter: PassageFilter | None = None,
    neighbors: Ranking | None = None,
) -> PreparedQuery:
    """Return the query ready to be ranked.

    Except in dense mode, candidates are restricted to passages that contain every quoted phrase and
    none of the excluded words. A phrase that none of these passages contains is only words.
    """
    if options.mode != "dense" and snapshot.lexical.is_restricted(query):
        from ragkit.retrieval.filter_scope import QueryFilter  # not for a plain query

        query_filter = QueryFilter.create(
            snapshot.connection, snapshot.lexical, query, passage_filter
        )
        query = query_filter.query
        if snapshot.lexical.is_restricted(query):
            return PreparedQuery(snapshot, query, vector, query_filter, None, options.exact)
    return PreparedQuery(snapshot, query, vector, passage_filter, neighbors, options.exact)


def rank(prepared: PreparedQuery, options: SearchOptions, k: int) -> list[ScoredPassage]:
    """Return the k best passages by `options.mode`, best first."""
    if options.mode == "dense":
        return rank_dense(prepared, k, options.min_score)
    if options.mode == "lexical":
        return rank_lexical(prepared, k, options.min_score)
    return rank_hybrid(prepared, k, options.min_score, options.fusion)


def lexical_coverage(options: SearchOptions) -> float:
    """Return the share of coverage in the scores by words of a ranking by these options."""
    is_fused = options.mode == "hybrid" and options.fusion == "convex"
    return COVERAGE_SHARE if is_fused else 0.0


def score_deviation(prepared: PreparedQuery, options: SearchOptions) -> float | None:
    """Return the mean standard deviation of a query's scores over the collection, as far as they
    are cosines; None for scores by words or by ranks only."""
    weights = prepared.snapshot.fusion_weights
    if options.mode == "dense":
        return weights.spread
    if options.mode == "hybrid" and options.fusion == "convex":
        return weights.dense * weights.spread / 2
    return None


def rank_dense(prepared: PreparedQuery, k: int, min_score: float) -> list[ScoredPassage]:
    """Return the k passages with the highest cosine, best first; none below `min_score`."""
    return [
        ScoredPassage(passage_id, cosine)
        for passage_id, cosine in _dense_top_k(prepared, k)
        if cosine >= min_score
    ]


def rank_lexical(prepared: PreparedQuery, k: int, min_score: float) -> list[ScoredPassage]:
    """Return the k passages with the highest BM25 score among those whose cosine is at least
    `min_score`, best first. A passage without an embedding has none, and is left out by any
    `min_score` above -1."""
    depth = k
    while True:
        ranking = _lexical_top_k(prepared, depth)
        cosines = compute_cosines(prepared, [passage_id for passage_id, _ in ranking])
        accepted = [
            ScoredPassage(passage_id, cosines[passage_id], lexical=bm25)
            for passage_id, bm25 in ranking
            if _reaches(cosines[passage_id], min_score)
        ]
        if len(accepted) >= k or len(ranking) < depth:
            return accepted[:k]
        depth *= 4


def _reaches(cosine: float | None, min_score: float) -> bool:
    return min_score <= -1 if cosine is None else cosine >= min_score


def rank_hybrid(
    prepared: PreparedQuery, k: int, min_score: float, fused_by: str
) -> list[ScoredPassage]:
    """Return the k best passages by a fusion of both rankings, best first. `fused_by`: "convex" or
    "rrf"."""
    if fused_by == "rrf":
        return _rank_by_reciprocal_ranks(prepared, k, min_score)
    return _rank_by_convex_combination(prepared, k, min_score)


def _rank_by_convex_combination(
    prepared: PreparedQuery, k: int, min_score: float
) -> list[ScoredPassage]:
    """Return the k best by the convex combination of the scores. Both rankings are read until no
    passage below could be among the k best: the threshold algorithm of Fagin, Lotem and Naor,
    "Optimal aggregation algorithms for middleware", 2001."""
    max_bm25 = prepared.snapshot.lexical.max_bm25(prepared.query)
    dense_weight = prepared.snapshot.fusion_weights.dense
    depth = max(2 * k, FUSION_DEPTH)
    while True:
        dense = _dense_top_k(prepared, depth)
        lexical = _lexical_top_k(prepared, depth, COVERAGE_SHARE)
        unseen = lexical[-1][1] if len(lexical) == depth else 0.0  # bound of all other scores
        cosines, by_words = _scores_of_both(prepared, dense, lexical)
        best = _fuse(prepared, k, cosines, by_words, min_score, unseen, max_bm25)
        bounds = []  # of the cosines of passages that are in neither ranking yet
        if len(dense) == depth and dense[-1][1] >= min_score:
            bounds.append(dense[-1][1])
        if len(lexical) == depth and min_score <= -1 and prepared.snapshot.has_unreadable:
            bounds.append(_UNKNOWN_COSINE)
        if not bounds:
            return best
        bound = convex_combination(max(bounds), unseen, max_bm25, dense_weight)
        if len(best) == k and best[-1].ranking_score > bound:
            return best
        depth *= 4


def _fuse(
    prepared: PreparedQuery,
    k: int,
    dense: Mapping[int, float | None],
    lexical: Mapping[int, float],
    min_score: float,
    unseen: float,
    max_bm25: float,
) -> list[ScoredPassage]:
    """Return the k best of the passages in `dense`.

    `lexical` has scores by words. A passage that is not in it has one of at most `unseen`. The
    exact score is looked up only where it could bring the passage among the k best: the look-up
    costs more than everything else here.
    """
    candidates = {
        passage: _UNKNOWN_COSINE if cosine is None else cosine
        for passage, cosine in dense.items()
        if min_score <= -1 or _reaches(cosine, min_score)
    }
    cosines = np.array(list(candidates.values()), dtype=np.float64)
    by_words = np.array([lexical.get(passage, -1.0) for passage in candidates], dtype=np.float64)
    is_known = by_words >= 0
    dense_weight = prepared.snapshot.fusion_weights.dense
    lower = convex_combination(cosines, np.maximum(by_words, 0.0), max_bm25, dense_weight)
    floor = np.partition(lower, -k)[-k] if len(lower) > k else -1.0
    upper = convex_combination(cosines, np.full(len(candidates), unseen), max_bm25, dense_weight)
    possible = ~is_known & (upper >= floor)
    ids = np.array(list(candidates), dtype=np.int64)
    possible_ids = ids[possible].tolist()
    scores = (
        prepared.snapshot.lexical.scores(prepared.query, possible_ids, coverage=COVERAGE_SHARE)
        if unseen
        else {}
    )
    by_words[possible] = [scores.get(passage, 0.0) for passage in possible_ids]
    is_candidate = is_known | possible
    ids, cosines, by_words = ids[is_candidate], cosines[is_candidate], by_words[is_candidate]
    fused = convex_combination(cosines, by_words, max_bm25, dense_weight)
    best = np.lexsort((ids, -fused))[:k]
    rows = zip(*(column[best].tolist() for column in (ids, by_words, fused)), strict=True)
    return [ScoredPassage(row[0], dense[row[0]], row[1], row[2]) for row in rows]


def _rank_by_reciprocal_ranks(
    prepared: PreparedQuery, k: int, min_score: float
) -> list[ScoredPassage]:
    depth = max(k, FUSION_DEPTH)
    dense, lexical = _dense_top_k(prepared, depth), _lexical_top_k(prepared, depth)
    cosines, bm25 = _scores_of_both(prepared, dense, lexical)
    fused = reciprocal_rank_fusion([[passage for passage, _ in dense],
                                    [passage for passage, _ in lexical]])  # fmt: skip
    merged = [
        ScoredPassage(passage, cosines[passage], bm25.get(passage), score)
        for passage, score in _sort_by_score(fused)
    ]
    return [passage for passage in merged if _reaches(passage.dense, min_score)][:k]


def _scores_of_both(
    prepared: PreparedQuery,
    dense: Sequence[tuple[int, float]],
    lexical: Sequence[tuple[int, float]],
) -> tuple[dict[int, float | None], dict[int, float]]:
    """Return the cosines of the passages of both rankings, and the known scores by words."""
    cosines: dict[int, float | None] = dict(dense)
    by_words = dict(lexical)
    only_lexical = [passage for passage in by_words if passage not in cosines]
    return cosines | compute_cosines(prepared, only_lexical), by_words


def _dense_top_k(prepared: PreparedQuery, k: int) -> list[tuple[int, float]]:
    """Return the k passages of the highest cosine: (id, cosine)."""
    index = prepared.snapshot.vectors
    if index is None:
        return []
    candidates, top_k = prepared.filter, partial(index.top_k, exact=prepared.exact)
    if candidates is None:
        return exact_top_k(
            k,
            len(index),
            lambda width: _propose(prepared, top_k, width),
            lambda ids, _: _stored_cosines(prepared, ids),
        )
    proposed = None
    if candidates.small_id_set is None:  # the collection's neighbors may contain enough matches
        proposed = bounded_top_k(
            k,
            len(index),
            MAX_WIDENING * k + _SLACK,
            lambda width: _propose(prepared, partial(top_k, high_recall=True), width),
            lambda ids, _: _stored_cosines(prepared, candidates.matching(ids)),
        )
    if proposed is not None:
        return proposed
    return _dense_top_k_of(prepared, index, k, candidates.all_ids)


def _dense_top_k_of(
    prepared: PreparedQuery, index: VectorIndex, k: int, ids: NDArray[np.int64]
) -> list[tuple[int, float]]:
    """Return the k of `ids` with the highest cosine; a small set is compared exhaustively."""
    from ragkit.retrieval.filter_scope import MAX_SMALL_SET

    exact = prepared.exact or len(ids) <= MAX_SMALL_SET
    top_k_of = partial(index.top_k_of, ids=ids, exact=exact)
    is_small = prepared.filter is not None and prepared.filter.small_id_set is not None
    return exact_top_k(
        k,
        len(ids),
        lambda width: (
            _propose(prepared, top_k_of, width) if is_small else top_k_of(prepared.vector, width)
        ),
        lambda proposed, _: _stored_cosines(prepared, proposed),
    )


def _propose(
    prepared: PreparedQuery,
    top_k: Callable[[NDArray[np.float32], int], Ranking],
    width: int,
) -> Ranking:
    """Return the first `width` neighbors: the computed ones if they suffice."""
    neighbors = prepared.neighbors
    if neighbors is not None and width <= len(neighbors[0]):
        return neighbors[0][:width], neighbors[1][:width]
    return top_k(prepared.vector, width)


def _lexical_top_k(
    prepared: PreparedQuery, k: int, coverage: float = 0.0
) -> list[tuple[int, float]]:
    """Return the k passages of the highest score by words: (id, score). `coverage`: see
    `LexicalIndex.top_k`."""
    index, query = prepared.snapshot.lexical, prepared.query
    if prepared.filter is not None and (ids := prepared.filter.small_id_set) is not None:
        return _sort_by_score(index.scores(query, ids, coverage=coverage))[:k]
    return exact_top_k(
        k,
        len(index),
        lambda width: index.top_k(query, width, coverage=coverage),
        lambda ids, scores: _keep_existing(prepared, ids, scores),
    )


def _keep_existing(
    prepared: PreparedQuery, ids: list[int], scores: list[float]
) -> dict[int, float]:
    """Return the scores of those ids that are in this snapshot and match the filter."""
    snapshot = prepared.snapshot
    if prepared.filter is not None:
        existing = prepared.filter.matching(ids)
    elif snapshot.lexical_is_exact:
        return dict(zip(ids, scores, strict=True))
    else:
        existing = passages.existing_ids(snapshot.connection, ids)
    scored = zip(ids, scores, strict=True)
    return {passage: score for passage, score in scored if passage in existing}


def compute_cosines(prepared: PreparedQuery, ids: Sequence[int]) -> dict[int, float | None]:
    """Return the exact cosine with the query for those of `ids` that are in this snapshot.

    A passage without a stored vector is embedded now. The cosine is None if the encoder cannot read
    the passage, or the query.
    """
    if not prepared.is_readable:
        return dict.fromkeys(ids)
    cosines: dict[int, float | None] = dict(_stored_cosines(prepared, ids))
    missing = [passage for passage in ids if passage not in cosines]
    if not missing:
        return cosines
    snapshot = prepared.snapshot
    cosines |= dict.fromkeys(missing)
    if pending := passages.pending_among(snapshot.connection, snapshot.model_id, missing):
        vectors = encode_with_headers(
            snapshot.encoder, [text.text for text in pending], [text.start for text in pending]
        )
        products = _products(prepared, vectors)
        for text, vector, cosine in zip(pending, vectors, products, strict=True):
            if vector.any():
                cosines[text.position[1]] = cosine
    return cosines


def _stored_cosines(prepared: PreparedQuery, ids: Collection[int]) -> dict[int, float]:
    """Return the exact cosines of those of `ids` that have a stored vector."""
    index = prepared.snapshot.exact_vectors
    if index is not None:
        found, rows = index.vectors_of(np.array(list(ids), dtype=np.int64))
        return dict(zip(found.tolist(), _products(prepared, rows), strict=True))
    vectors = prepared.stored_vectors(list(ids))
    if not vectors:
        return {}
    return dict(zip(vectors, _products(prepared, np.stack(list(vectors.values()))), strict=True))


def _products(prepared: PreparedQuery, rows: NDArray[np.float32]) -> list[float]:
    """Return the inner products of (n, d) float32 unit rows with the query, in [-1, 1]."""
    exact = rows.astype(np.float64) @ prepared.vector.astype(np.float64)
    cosines: list[float] = np.clip(exact, -1.0, 1.0).astype(np.float32).tolist()
    return cosines


def exact_top_k(
    k: int,
    count: int,
    propose: Callable[[int], Ranking],
    score: Callable[[list[int], list[float]], dict[int, float]],
) -> list[tuple[int, float]]:
    """Return the exact k best of `count` passages as (id, score), from an index with approximate
    scores.

    `propose(n)` returns the n best candidates of the index; `score` returns the exact scores of
    those that exist and match. The index may return any of several candidates with equal scores,
    and passages that were deleted. So more candidates are requested until the k-th exact score is
    clearly above the score of the last candidate. Equal scores are sorted by ascending id.
    """
    return bounded_top_k(k, count, count, propose, score) or []


def bounded_top_k(
    k: int,
    count: int,
    max_width: int,
    propose: Callable[[int], Ranking],
    score: Callable[[list[int], list[float]], dict[int, float]],
) -> list[tuple[int, float]] | None:
    """Return the result of `exact_top_k`; None if it would need more than `max_width` candidates,
    estimated from the share of the first candidates that `score` keeps."""
    width = min(k + _SLACK, count)
    while width <= max_width:
        ids, approximate = propose(width)
        scores = score(ids.tolist(), approximate.tolist())
        order = _sort_by_score(scores)
        exhausted = width >= count or len(ids) < width
        if exhausted or (len(order) >= k and order[k - 1][1] > approximate[-1] + _ROUNDING):
            return order[:k]
        if max_width < count and len(order) * max_width < k * width:
            return None
        width = min(4 * width, count)
    return None


def _sort_by_score(scores: Mapping[int, float]) -> list[tuple[int, float]]:
    """Return (id, score) by descending score, then by ascending id."""
    by_id = sorted(scores.items())
    return sorted(by_id, key=itemgetter(1), reverse=True)  # which keeps the order of equal scores
