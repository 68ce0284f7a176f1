"""From queries to hits: validate, parse, embed, rank, select, build hits, explain.

Many queries are compared with all vectors in one batch of matrix products. After that each query is
handled like a single one and gets the same hits. (A batch is exact where a single query would use
quantized vectors, so its hits may be better.) Knows no settings and no rendering.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.analysis.query_syntax import ParsedQuery, parse_query
from ragkit.errors import CollectionError, UsageError
from ragkit.records.hits import Hit
from ragkit.retrieval import calibration, composite, diversity, rankers
from ragkit.retrieval.hits import build_hits
from ragkit.retrieval.options import SearchOptions, validate_query
from ragkit.retrieval.rankers import PreparedQuery, ScoredPassage, Snapshot
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.lexical.tantivy_errors import LexicalIndexError
from ragkit.storage.lock import writer_lock
from ragkit.storage.sqlite import documents, passages
from ragkit.storage.sqlite.database import Database

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.models.selection import ModelSelection
    from ragkit.retrieval.filter_scope import PassageFilter
    from ragkit.retrieval.rankers import Ranking
    from ragkit.storage.sqlite.filters import Condition

_BATCH_SIZE = 1024  # queries that are compared with all vectors at once
_MIN_BATCH = 32  # queries that make an exhaustive batch cheaper than quantized vectors for each
_SECONDS_OF_DAY = 86_400
_SPARE = 32  # neighbors beyond the expected number, so that a second look is seldom needed


@dataclass(frozen=True, slots=True, eq=False, repr=False)  # fewer methods to compile
class Retriever:
    """Searches one collection. Safe to share between threads.

    `reranker` returns the cross-encoder, which it loads on the first call; `notify` gets warnings.
    """

    store: Database
    indexes: IndexReader
    encoders: ModelSelection
    reranker: Callable[[], Reranker]
    notify: Callable[[str], None]

    def search(self, queries: Sequence[str], options: SearchOptions) -> list[list[Hit]]:
        """Return the hits of each query, in order; no hits where the collection is empty.

        Raises UsageError (an empty query, a filter that cannot be parsed), ModelError,
        CollectionError.
        """
        return self.store.retry(partial(self._search, queries, options))

    def highlight(self, query: str, options: SearchOptions, hits: Sequence[Hit]) -> list[Hit]:
        """Return hits of a query with their `highlights`; without, if the lexical index fails."""
        from ragkit.retrieval.highlights import add_highlights

        with self.store.reading() as connection:
            index = self.indexes.lexical(connection)
            try:
                return add_highlights(index, _parse(query, options), hits)
            except LexicalIndexError as error:
                self.indexes.discard_lexical(index, error)
                return list(hits)

    def notices(self, query: str, options: SearchOptions, hits: Sequence[Hit]) -> list[str]:
        """Return what a user should know about the hits of a query: see `retrieval.notices`."""
        from ragkit.retrieval import notices

        with self.store.reading() as connection:
            if (model := passages.model(connection)) is None:
                return []
            lines = notices.unknown_field_notices(connection, options)
            if hits:
                encoder = self.encoders.load_encoder()
                if notices.may_be_far(encoder, hits):
                    lexical = self.indexes.lexical(connection)
                    nothing = notices.nothing_close_notice(encoder, lexical, query, hits)
                    lines += [] if nothing is None else [nothing]
            else:
                missing = notices.topic_notice(connection, options, self.encoders.load_encoder)
                lines += [] if missing is None else [missing]
        if not hits and options.min_relevance is not None:
            options = self._with_min_score(options, options.min_relevance, model["fingerprint"])
        if not hits and options.min_score > -1:
            below = notices.min_score_notice(options, lambda other: self.search([query], other)[0])
            lines += [] if below is None else [below]
        return lines

    def _search(self, queries: Sequence[str], options: SearchOptions) -> list[list[Hit]]:
        parsed = [_parse(validate_query(query), options) for query in queries]
        condition = options.condition()
        with self.store.reading() as connection:
            model = passages.model(connection)
            is_outdated = (
                model is not None
                and (options.mode, options.fusion) == ("hybrid", "convex")
                and not calibration.is_current(connection, model["fingerprint"])
            )
        if not queries or model is None:
            return [[] for _ in queries]
        if options.min_relevance is not None:
            options = self._with_min_score(options, options.min_relevance, model["fingerprint"])
        encoder = self.encoders.load_encoder(model)
        originals = [query.original for query in parsed]
        if (warning := self.encoders.truncation_warning(encoder, originals)) is not None:
            self.notify(warning)
        texts = [dense_text(query, options) for query in parsed]
        vectors = self.encoders.query_vectors(encoder, texts)
        if options.hypothetical is not None:
            vectors = composite.with_hypothetical(encoder, vectors, options.hypothetical)
        if not (is_readable := vectors.any(axis=1)).all():
            self.notify(
                unreadable_query_notice(encoder.name, int((~is_readable).sum()), len(texts))
            )
        if is_outdated and not (self.store.read_only or self.store.is_untrusted):
            self._calibrate(encoder)
        reranker = self.reranker() if options.rerank else None
        rank = partial(
            self._search_snapshot, encoder, parsed, vectors, options, condition, reranker
        )
        try:
            hits, pending = rank()
        except LexicalIndexError:
            self.indexes.repair()  # where that is impossible, the next index is one in memory
            try:
                hits, pending = rank()
            except LexicalIndexError as error:
                raise CollectionError(f"{self.store.folder}: {error}; retry") from error
        if pending:
            self.notify(
                "some passages have no embedding yet; only keyword search finds them; "
                "finish with: ragkit index"
            )
        self.indexes.repair()
        return hits

    def _with_min_score(
        self, options: SearchOptions, probability: float, fingerprint: str
    ) -> SearchOptions:
        """Return the options with the cosine at which a passage answers with this probability.
        Raises UsageError if the collection is not calibrated for its encoder."""
        from ragkit.models.relevance import load  # not for most queries

        with self.store.reading() as connection:
            stored = load(connection, fingerprint)
        if stored is None:
            raise UsageError(
                "min_relevance needs a collection that is calibrated for its model; calibrate it "
                f"with: ragkit -c {self.store.folder} eval --self --calibrate"
            )
        return replace(
            options, min_relevance=None,
            min_score=max(options.min_score, stored.cosine(probability)),
        )  # fmt: skip

    def _calibrate(self, encoder: Encoder) -> None:
        """Measure the weights of the fusion of a collection that an earlier version of ragkit
        filled, or after a change whose process ended before it did. If another process is writing,
        this search has the weights of before, or the default ones."""
        with contextlib.suppress(CollectionError), writer_lock(self.store.folder, "calibrating"):
            calibration.update(self.store, self.indexes, lambda: encoder)

    def _search_snapshot(
        self,
        encoder: Encoder,
        parsed: Sequence[ParsedQuery],
        vectors: NDArray[np.float32],
        options: SearchOptions,
        condition: Condition | None,
        reranker: Reranker | None,
    ) -> tuple[list[list[Hit]], bool]:
        """Return the hits of each query, and whether passages without an embedding exist.

        Raises LexicalIndexError if tantivy fails; that index is not used again.
        """
        with self.store.reading() as connection:  # only now: loading a model may take seconds
            model = passages.model(connection)
            if model is None or model["fingerprint"] != encoder.fingerprint:
                raise CollectionError(
                    f"{self.store.folder}: the collection's model changed during the query; retry"
                )
            snapshot = Snapshot(connection, self.indexes, encoder, model["id"])
            try:
                hits = list(_search(snapshot, parsed, vectors, options, condition, reranker))
            except LexicalIndexError as error:
                self.indexes.discard_lexical(snapshot.lexical, error)
                raise
            pending = options.mode != "lexical" and passages.has_pending(connection, model["id"])
        return hits, pending


def _parse(query: str, options: SearchOptions) -> ParsedQuery:
    """Return the query with its operators parsed. Dense search ignores operators; in that mode only
    explanations, which name the words of the query, need them."""
    if options.keywords is not None:
        return composite.keyword_query(query, options.keywords)
    if options.mode != "dense" or options.explain:
        return parse_query(query)
    text = query.encode("utf-8", "replace").decode()  # lone surrogates
    return ParsedQuery(text, text)


def unreadable_query_notice(encoder: str, count: int = 1, of: int = 1) -> str:
    """Return the notice that the encoder of this name cannot read `count` of `of` queries."""
    subject = "the query" if of == 1 else f"{count:,} of the queries"
    return (
        f"{encoder} cannot read {subject}: most of the words are not in its vocabulary. Only "
        "keyword search applies, and hits have no score; to use a model that reads this language: "
        "ragkit index --rebuild --model NAME"
    )


def dense_text(query: ParsedQuery, options: SearchOptions) -> str:
    """Return the text of a query to be embedded: as written, but in other modes than dense without
    the excluded words (which are in `options.keywords` if these are given)."""
    is_whole = options.mode == "dense" or options.keywords is not None
    return query.original if is_whole else query.text


def _search(
    snapshot: Snapshot,
    queries: Sequence[ParsedQuery],
    vectors: NDArray[np.float32],
    options: SearchOptions,
    condition: Condition | None,
    reranker: Reranker | None,
) -> Iterator[list[Hit]]:
    """Yield the hits of each query, in order. `vectors` is (n, d) float32, one unit row each; zeros
    for a query that the encoder cannot read, which is ranked by its words only."""
    passage_filter = None
    if condition is not None:
        from ragkit.retrieval.filter_scope import PassageFilter  # not for a plain query

        passage_filter = PassageFilter.create(snapshot.connection, condition)
    for first in range(0, len(queries), _BATCH_SIZE):
        batch = vectors[first : first + _BATCH_SIZE]
        neighbors = _batch_neighbors(snapshot, batch, options, passage_filter)
        rankings = [
            options if vector.any() else replace(options, mode="lexical") for vector in batch
        ]
        prepared = [
            rankers.prepare(
                snapshot,
                query
                if ranking is options or options.keywords is not None
                else parse_query(query.original),
                vector,
                ranking,
                passage_filter,
                query_neighbors,
            )
            for query, vector, ranking, query_neighbors in zip(
                queries[first:], batch, rankings, neighbors, strict=False
            )
        ]
        selected = [
            select_passages(query, ranking, reranker)
            for query, ranking in zip(prepared, rankings, strict=True)
        ]
        matching = None if passage_filter is None else passage_filter.matching
        hits = build_hits(snapshot.connection, selected, options.context, matching)
        if options.highlight:
            hits = _with_highlights(prepared, hits)
        yield from _with_explanations(prepared, rankings, hits) if options.explain else hits


def _with_highlights(
    prepared: Sequence[PreparedQuery], hits: Sequence[list[Hit]]
) -> list[list[Hit]]:
    from ragkit.retrieval.highlights import add_highlights  # not for a plain query

    return [
        add_highlights(query.snapshot.lexical, query.query, query_hits)
        for query, query_hits in zip(prepared, hits, strict=True)
    ]


def _with_explanations(
    prepared: Sequence[PreparedQuery],
    rankings: Sequence[SearchOptions],
    hits: Sequence[list[Hit]],
) -> Iterator[list[Hit]]:
    from ragkit.retrieval.explain import explain_hits  # not for a plain query

    for query, ranking, query_hits in zip(prepared, rankings, hits, strict=True):
        explanations = explain_hits(query, query_hits, rankers.lexical_coverage(ranking))
        yield [
            replace(hit, explanation=explanation)
            for hit, explanation in zip(query_hits, explanations, strict=True)
        ]


def select_passages(
    prepared: PreparedQuery, options: SearchOptions, reranker: Reranker | None = None
) -> list[ScoredPassage]:
    """Rank the passages for a query, rerank and diversify them; return the best ones in their final
    order. Of passages with the same text the first is kept."""
    connection, depth = prepared.snapshot.connection, _ranking_depth(options)
    hashes = partial(passages.hashes_of, connection)

    def rank(count: int) -> list[ScoredPassage]:
        return diversity.first_of_copies(partial(rankers.rank, prepared, options), count, hashes)

    documents_of = partial(passages.documents_of, connection)
    if options.per_document is None:
        ranking = rank(depth)
    else:
        ranking = diversity.limit_per_document(rank, depth, options.per_document, documents_of)
    if reranker is not None:
        from ragkit.retrieval.rerank import rerank

        texts = partial(passages.embedded_texts, connection)
        text = dense_text(prepared.query, options)
        ranking = rerank(
            ranking, text, texts, reranker, options.budget,
            deviation=rankers.score_deviation(prepared, options),
        )  # fmt: skip
    if options.prefer_new:
        ranking = _prefer_new(prepared, ranking)
        if options.per_document is not None:  # texts of several versions may be in one now
            newest = ranking
            ranking = diversity.limit_per_document(
                lambda _: newest, len(newest), options.per_document, documents_of
            )
    if options.half_life is not None:
        ages = _ages(connection, ranking, options.half_life)
        ranking = diversity.newer_first(ranking, ages)
    if options.mmr_lambda is not None:
        return diversity.mmr(ranking, options.k, options.mmr_lambda, prepared.stored_vectors)
    return ranking[: options.k]


def _prefer_new(prepared: PreparedQuery, ranking: list[ScoredPassage]) -> list[ScoredPassage]:
    """Return the ranking with each text at its newest version, and without passages of older
    versions that a newer one has too."""
    connection = prepared.snapshot.connection
    ids = [passage.passage_id for passage in ranking]
    document_of = passages.documents_of(connection, ids)
    newer = documents.newer_versions(connection, list(dict.fromkeys(document_of.values())))
    if not newer:
        return ranking
    old = [id_ for id_ in ids if document_of[id_] in newer]
    hashes = passages.hashes_of(connection, old)
    same = passages.ids_by_hash(connection, list(dict.fromkeys(hashes.values())))
    copies = [id_ for found in same.values() for id_ in found]
    if prepared.filter is not None:
        matching = prepared.filter.matching(copies)
        copies = [id_ for id_ in copies if id_ in matching]
    document_of |= passages.documents_of(connection, copies)
    allowed = set(copies)

    def newest(id_: int) -> int:
        order = {document: place for place, document in enumerate(newer.get(document_of[id_], ()))}
        found = [c for c in same.get(hashes.get(id_, b""), ()) if c in allowed]
        return max(found, key=lambda copy: (order.get(document_of[copy], -1), copy == id_))

    ranking = [
        passage._replace(passage_id=newest(passage.passage_id))
        if passage.passage_id in hashes
        else passage
        for passage in ranking
    ]
    document_of = {passage.passage_id: document_of[passage.passage_id] for passage in ranking}
    return diversity.without_superseded(ranking, document_of, newer, prepared.stored_vectors)


def _ages(
    connection: sqlite3.Connection, ranking: Sequence[ScoredPassage], half_life: float
) -> dict[int, float]:
    """Return passage id → age of its file in half-lives (days); 0 for a time in the future."""
    document_of = passages.documents_of(connection, [passage.passage_id for passage in ranking])
    mtimes = documents.mtimes_of(connection, list(dict.fromkeys(document_of.values())))
    now = time.time()
    return {
        id_: max(0.0, now - mtimes[document] / 1e9) / (half_life * _SECONDS_OF_DAY)
        for id_, document in document_of.items()
        if document in mtimes
    }


def _ranking_depth(options: SearchOptions) -> int:
    """Return how many passages of the ranking the k hits are selected from."""
    depth = options.k
    if options.mmr_lambda is not None or options.prefer_new or options.half_life is not None:
        depth = max(diversity.POOL_FACTOR * depth, diversity.MIN_POOL)
    if options.rerank:
        from ragkit.retrieval.rerank import MAX_CANDIDATES

        depth = max(depth, MAX_CANDIDATES)
    return depth


def _batch_neighbors(
    snapshot: Snapshot,
    vectors: NDArray[np.float32],
    options: SearchOptions,
    passage_filter: PassageFilter | None,
) -> Sequence[Ranking | None]:
    """Return the neighbors of each query from one pass over the vectors, where that is quicker."""
    count = len(vectors)
    if count == 1 or options.mode == "lexical":
        return [None] * count
    index = snapshot.vectors
    if index is None or (index.quantized is not None and count < _MIN_BATCH):
        return [None] * count
    ids = None
    if passage_filter is not None and passage_filter.small_id_set is not None:
        ids = np.array(passage_filter.small_id_set, dtype=np.int64)
    return index.top_k_batch(vectors, _neighbor_count(options, passage_filter), ids)


def _neighbor_count(options: SearchOptions, passage_filter: PassageFilter | None) -> int:
    """Return how many neighbors of each query its ranking looks at, unless many are alike."""
    count = _ranking_depth(options)
    if options.per_document is not None:
        count *= diversity.OVERFETCH
    if options.mode == "hybrid":
        count = max(2 * count, rankers.FUSION_DEPTH)
    if passage_filter is not None and passage_filter.small_id_set is None:
        count = max(count, rankers.FUSION_DEPTH)  # the matches are looked for among them
    return count + _SPARE
