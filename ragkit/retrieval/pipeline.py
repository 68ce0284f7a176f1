"""Queries to hits, one after the other or all at once: the order in which the stages come.

Ranking (search), what is left of it (choosing), hits, explanations. Many queries are compared with
all vectors in one sweep of matrix products, and go the same way from there, so each gets the hits
that it would get alone (or, where those come from compressed vectors, better ones). Knows no
settings and no rendering.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.analysis.query_syntax import ParsedQuery, parse_query
from ragkit.errors import CollectionError
from ragkit.records.documents import Hit
from ragkit.retrieval import diversity
from ragkit.retrieval.filter_scope import Scope
from ragkit.retrieval.hits import hits
from ragkit.retrieval.options import Request
from ragkit.retrieval.rankers import DEPTH, Scored, Searcher
from ragkit.retrieval.snapshot import Snapshot
from ragkit.storage.index_reader import IndexReader
from ragkit.storage.sqlite import embeddings, passages
from ragkit.storage.sqlite.database import Database

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.models.selection import ModelSelection
    from ragkit.retrieval.rankers import Ranking
    from ragkit.storage.sqlite.filters import Condition

_TOGETHER = 1024  # queries of one sweep
_WORTH = 32  # queries from which on a sweep is worth it where one alone need not look at everything
_SPARE = 32  # nearest passages beyond those asked for, so that a sweep is enough


@dataclass(frozen=True, slots=True)
class Retriever:
    """All that finding takes, of one collection. Safe to share between threads.

    `reranker` loads the cross-encoder, or gives the one that was loaded before.
    """

    store: Database
    indexes: IndexReader
    encoders: ModelSelection
    reranker: Callable[[], Reranker]
    notify: Callable[[str], None]

    def find(self, queries: Sequence[str], wanted: Request) -> list[list[Hit]]:
        """The hits of each query, in order; none where the collection is empty.

        Raises UsageError (a filter that cannot be understood), ModelError, CollectionError.
        """
        where = wanted.condition()
        with self.store.reading() as connection:
            if not queries or embeddings.model(connection) is None:
                return [[] for _ in queries]
        encoder = self.encoders.ready()
        if (cut := self.encoders.cut_off(encoder, queries)) is not None:
            self.notify(cut)
        parsed = [parse_query(query) for query in queries]
        texts = [dense_text(query, wanted.mode) for query in parsed]
        vectors = self.encoders.query_vectors(encoder, texts)
        reranker = self.reranker() if wanted.rerank else None
        with self.store.reading() as connection:  # only now: loading a model may take seconds
            model = embeddings.model(connection)
            if model is None or model["fingerprint"] != encoder.fingerprint:
                raise CollectionError(f"{self.store.folder} has just changed its model; ask again")
            stages = Stages(Snapshot(connection, self.indexes, encoder, model["id"]), reranker)
            found = list(stages.answers(parsed, vectors, wanted, where))
            waiting = wanted.mode != "lexical" and embeddings.has_pending(connection, model["id"])
        if waiting:
            self.notify(
                "some passages are not yet found by meaning, only by their words; "
                "finish with: ragkit index"
            )
        self.indexes.index_writer.repair()
        return found


def dense_text(query: ParsedQuery, mode: str) -> str:
    """The text that is embedded: as written in dense mode, else without the excluded words."""
    return query.original if mode == "dense" else query.text


@dataclass(frozen=True, slots=True)
class Stages:
    """The stages over one snapshot of a collection."""

    snapshot: Snapshot
    reranker: Reranker | None = None

    def answers(
        self,
        queries: Sequence[ParsedQuery],
        vectors: NDArray[np.float32],
        wanted: Request,
        where: Condition | None,
    ) -> Iterator[list[Hit]]:
        """The hits of each query, in order. `vectors` is (n, d) float32, a unit row for each."""
        scope = None if where is None else Scope.of(self.snapshot.connection, where)
        for first in range(0, len(queries), _TOGETHER):
            part = vectors[first : first + _TOGETHER]
            near = _near(self.snapshot, part, wanted, scope)
            searchers = [
                Searcher(self.snapshot, query, vector, scope, known, wanted.exact)
                for query, vector, known in zip(queries[first:], part, near, strict=False)
            ]
            yield from self._shown(searchers, wanted)

    def _shown(self, searchers: Sequence[Searcher], wanted: Request) -> Iterator[list[Hit]]:
        ranked = [chosen(self.snapshot, each, wanted, self.reranker) for each in searchers]
        found = hits(self.snapshot.connection, ranked, wanted.context)
        if not wanted.explain:
            yield from found
            return
        from ragkit.retrieval.explain import explained  # not for a plain query

        for searcher, of_one in zip(searchers, found, strict=True):
            reasons = explained(searcher, self.snapshot.words, self.snapshot.encoder, of_one)
            pairs = zip(of_one, reasons, strict=True)
            yield [replace(hit, explanation=reason) for hit, reason in pairs]


def chosen(
    snapshot: Snapshot,
    searcher: Searcher,
    wanted: Request,
    reranker: Reranker | None = None,
) -> list[Scored]:
    """The passages that a request is answered with, in order."""
    rank = searcher.ranking(wanted.mode, wanted.fusion)
    k = _pool(wanted)
    if wanted.per_document is None:
        found = rank(k, wanted.min_score)
    else:
        documents = partial(passages.documents_of, snapshot.connection)
        found = diversity.grouped(rank, k, wanted.min_score, wanted.per_document, documents)
    if reranker is not None:
        from ragkit.retrieval import rerank  # not for a plain query

        texts = partial(passages.embedded_texts, snapshot.connection)
        found = rerank.reranked(
            found, dense_text(searcher.query, wanted.mode), texts, reranker, wanted.budget
        )
    if wanted.diversity is not None:
        return diversity.diverse(found, wanted.k, wanted.diversity, searcher.vectors)
    return found[: wanted.k]


def _pool(wanted: Request) -> int:
    """How many passages of the ranking are chosen from."""
    k = wanted.k
    if wanted.diversity is not None:
        k = max(diversity.POOL_FACTOR * k, diversity.POOL)
    if wanted.rerank:
        from ragkit.retrieval import rerank  # not for a plain query

        k = max(k, rerank.CANDIDATES)
    return k


def _reach(wanted: Request, scope: Scope | None) -> int:
    """How many nearest passages of each query its ranking looks at, unless many are alike."""
    k = _pool(wanted)
    if wanted.per_document is not None:
        k *= diversity.WIDER
    if wanted.mode == "hybrid":
        k = max(2 * k, DEPTH)
    if scope is not None and scope.few is None:
        k = max(k, DEPTH)  # those that the filter lets through are sought among them
    return k + _SPARE


def _near(
    snapshot: Snapshot,
    queries: NDArray[np.float32],
    wanted: Request,
    scope: Scope | None,
) -> Sequence[Ranking | None]:
    """The nearest passages of each query by one look at each vector, where that is quicker."""
    count = len(queries)
    if count == 1 or wanted.mode == "lexical":
        return [None] * count
    index = snapshot.vectors
    if index is None or (index.quantized is not None and count < _WORTH):
        return [None] * count
    among = None
    if scope is not None and scope.few is not None:
        among = np.array(scope.few, dtype=np.int64)
    return index.top_k_batch(queries, _reach(wanted, scope), among)
