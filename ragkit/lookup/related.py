"""Passages related to one: those around it in its document, and the most similar ones elsewhere.

Similarity is the cosine of stored vectors; nothing is embedded. Copies of a text are named by its
hit (`also_at`), near-duplicates of a passage only fill what remains. Knows no query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ragkit.analysis.query_syntax import ParsedQuery
from ragkit.errors import UsageError
from ragkit.records.lookup import RelatedPassages
from ragkit.retrieval import rankers
from ragkit.retrieval.citations import find_document
from ragkit.retrieval.diversity import MIN_POOL, NEAR_DUPLICATE, POOL_FACTOR, first_of_copies
from ragkit.retrieval.filter_scope import PassageFilter
from ragkit.retrieval.hits import build_hits
from ragkit.retrieval.options import SearchOptions
from ragkit.retrieval.rankers import ScoredPassage, Snapshot
from ragkit.storage.sqlite import passages

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from ragkit.encoders import Encoder
    from ragkit.retrieval.filter_parser import Where
    from ragkit.storage.index_reader import IndexReader

MAX_AROUND = 20  # passages on either side
MAX_SIMILAR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedOptions:
    """How many passages are returned. Raises UsageError for a value out of range."""

    k: int = 5  # similar passages
    around: int = 1  # passages before and after
    where: Where | None = None  # a filter of the similar passages
    other_documents: bool = False  # similar passages of other documents only

    def __post_init__(self) -> None:
        """Check every value."""
        if not 0 <= self.k <= MAX_SIMILAR:
            raise UsageError(f"k is {self.k}; expected 0 to {MAX_SIMILAR} passages")
        if not 0 <= self.around <= MAX_AROUND:
            raise UsageError(f"around is {self.around}; expected 0 to {MAX_AROUND} passages")


def find_related(
    connection: sqlite3.Connection,
    indexes: IndexReader,
    encoder: Encoder,
    reference: str,
    options: RelatedOptions,
) -> RelatedPassages:
    """Return the passages related to the one that `reference` names.

    A reference to a part of a document means the passage that shares most of it. Raises UsageError
    where there is none.
    """
    model = passages.model(connection)
    row, span = find_document(connection, reference)
    document = passages.spans_of_document(connection, row["id"])
    own_id = _best_overlap(document, span)
    if own_id is None or model is None:
        raise UsageError(f"{reference} has no passage; expected a citation of text")
    order = [passage_id for passage_id, _, _ in document]
    at = order.index(own_id)
    before = order[max(0, at - options.around) : at]
    after = order[at + 1 : at + 1 + options.around]
    vector = passages.stored_vectors(connection, model["id"], [own_id]).get(own_id)
    similar: list[ScoredPassage] = []
    if vector is not None and options.k:
        snapshot = Snapshot(connection, indexes, encoder, model["id"])
        similar = _similar(snapshot, vector, own_id, order, options)
    cosines = _cosines(connection, model["id"], vector, [own_id, *before, *after])
    groups = [
        [ScoredPassage(passage_id, cosines.get(passage_id)) for passage_id in group]
        for group in ([own_id], before, after)
    ]
    (own,), before_hits, after_hits, similar_hits = build_hits(connection, [*groups, similar])
    return RelatedPassages(own, tuple(before_hits), tuple(after_hits), tuple(similar_hits))


def _best_overlap(document: list[tuple[int, int, int]], span: tuple[int, int]) -> int | None:
    """Return the id of the passage (id, start, end) that shares most characters with a span; of
    equal ones the first."""
    best, most = None, 0
    for passage_id, start, end in document:
        shared = min(end, span[1]) - max(start, span[0])
        if shared > most:
            best, most = passage_id, shared
    return best


def _similar(
    snapshot: Snapshot,
    vector: NDArray[np.float32],
    own_id: int,
    document: list[int],
    options: RelatedOptions,
) -> list[ScoredPassage]:
    """Return the k passages of the highest cosine with `vector`, (d,) float32 of unit length.

    Of passages with the same text, which may be that of `own_id`, the first is kept, and of
    near-duplicates too unless there are fewer than k passages without the others.
    """
    search = SearchOptions(where=options.where)
    condition = search.condition()
    passage_filter = (
        None if condition is None else PassageFilter.create(snapshot.connection, condition)
    )
    query = rankers.prepare(snapshot, ParsedQuery("", ""), vector, search, passage_filter)
    left_out = set(document) if options.other_documents else {own_id}
    pool_size = max(MIN_POOL, POOL_FACTOR * options.k)
    own = ScoredPassage(own_id, 1.0)

    def rank(count: int) -> list[ScoredPassage]:
        ranking = rankers.rank_dense(query, count + len(left_out), -1.0)
        return [own, *(item for item in ranking if item.passage_id not in left_out)][:count]

    hashes = partial(passages.hashes_of, snapshot.connection)
    pool = first_of_copies(rank, pool_size + 1, hashes)[1:]
    vectors = passages.stored_vectors(
        snapshot.connection, snapshot.model_id, [passage.passage_id for passage in pool]
    )
    return _without_near_duplicates(pool, options.k, vectors)


def _without_near_duplicates(
    pool: list[ScoredPassage], k: int, vectors: Mapping[int, NDArray[np.float32]]
) -> list[ScoredPassage]:
    """Return k passages of a ranking, in its order: those that are no near-duplicate of a passage
    before them, then the first others. `vectors` maps ids to (d,) float32 unit vectors."""
    distinct: list[ScoredPassage] = []
    repeated: list[ScoredPassage] = []
    for passage in pool:
        if len(distinct) == k:
            break
        vector = vectors.get(passage.passage_id)
        is_repeated = vector is not None and any(
            float(vector @ vectors[other.passage_id]) >= NEAR_DUPLICATE
            for other in distinct
            if other.passage_id in vectors
        )
        (repeated if is_repeated else distinct).append(passage)
    kept = {passage.passage_id for passage in [*distinct, *repeated][:k]}
    return [passage for passage in pool if passage.passage_id in kept]


def _cosines(
    connection: sqlite3.Connection,
    model_id: int,
    vector: NDArray[np.float32] | None,
    ids: list[int],
) -> dict[int, float]:
    if vector is None:
        return {}
    stored = passages.stored_vectors(connection, model_id, ids)
    return {
        passage_id: float(np.clip(row.astype(np.float64) @ vector.astype(np.float64), -1, 1))
        for passage_id, row in stored.items()
    }
