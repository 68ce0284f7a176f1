"""Filters: comparing all that one lets through, against asking the codes for those alone.

Filters let through so many of the vectors by chance, or those of one subject, far from most
queries. `all of it`: each is gathered and compared. `codes`: FAISS looks at the codes of those
alone (an IDSelectorBitmap), and what it proposes is compared; `rule` is whichever of both
`nearest_of` takes. `missed`: how many of the true ten nearest were not among those that it found,
of ten for each of the questions. None of them counts what SQLite takes to say which passages those
are; `ids` does, and `search` is all of it as a dense query does it, `missed` of that likewise.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.vectors.changes import Index, collection
from ragkit.analysis.query_syntax import ParsedQuery
from ragkit.retrieval.filter_scope import PassageFilter
from ragkit.retrieval.rankers import PreparedQuery, Snapshot, rank_dense
from ragkit.storage.sqlite import filters
from ragkit.storage.vectors import index as vector_index
from ragkit.storage.vectors.index import VectorIndex

SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
K, WIDE = 10, 26
TIMED, WITHIN = 30, 3.0  # queries, and seconds for them
CHECKED = 200  # queries whose answers are compared with those of a sweep


def by_codes(index: VectorIndex, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Ids of the nearest of these, proposed by codes however few they are."""
    rule, vector_index.FULL_SCAN_SHARE = vector_index.FULL_SCAN_SHARE, -1.0
    try:
        return index.top_k_of(query, WIDE, ids, exact=False)[0]
    finally:
        vector_index.FULL_SCAN_SHARE = rule


def _took(ask: Callable[[np.ndarray], Any], queries: np.ndarray) -> float:
    """p50 in ms."""
    times, end = [], time.perf_counter() + WITHIN
    for query in queries[:TIMED]:
        started = time.perf_counter()
        ask(query)
        times.append((time.perf_counter() - started) * 1e3)
        if time.perf_counter() > end:
            break
    return statistics.median(times)


def _missed(
    ask: Callable[[np.ndarray], np.ndarray],
    index: VectorIndex,
    queries: np.ndarray,
    ids: np.ndarray,
) -> str:
    """How many of the nearest of these ids are not among the answers, of how many."""
    asked = np.array(queries[:CHECKED])
    true = [near for near, _ in index.top_k_batch(asked, K, ids)]
    missed = sum(
        int((~np.isin(near, ask(query))).sum()) for query, near in zip(asked, true, strict=True)
    )
    return f"{missed} of {sum(map(len, true)):,}"


def _line(kind: str, index: VectorIndex, queries: np.ndarray, places: np.ndarray) -> str:
    base = index.base
    assert base is not None
    ids = np.sort(base.ids[places])

    def ruled(query: np.ndarray) -> np.ndarray:
        return index.top_k_of(query, WIDE, ids, exact=False)[0]

    scan = _took(lambda query: index.top_k_of(query, WIDE, ids), queries)
    look = _took(lambda query: by_codes(index, query, ids), queries)
    rule = _took(ruled, queries)
    share = len(places) / len(base)
    return (
        f"| {kind} | {share:.2%} | {len(places):,} | {scan:.2f} | {look:.2f} | {rule:.2f} "
        f"| {_missed(ruled, index, queries, ids)} |"
    )


def _in_sql(index: Index, held: VectorIndex, queries: np.ndarray, share: float) -> str:
    """What SQLite takes for the ids of files of a share of all sizes, and what a query takes."""
    with index.store.reading() as connection:
        sizes = [row[0] for row in connection.execute("SELECT size FROM files ORDER BY size")]
        limit = sizes[min(len(sizes) - 1, round(share * len(sizes)))]
        where = filters.compile_filter(filters.Comparison("size", "<=", (limit,)))
        listing = _took(lambda _: filters.small_id_set(connection, where, len(held)), queries[:5])
        ids = filters.small_id_set(connection, where, len(held))
        assert ids is not None
        snapshot = Snapshot(connection, index.indexes, None, index.model_id)

        def search(query: np.ndarray) -> np.ndarray:
            matches = PassageFilter.create(connection, where)
            prepared = PreparedQuery(snapshot, ParsedQuery("", ""), query, matches)
            return np.array([hit.passage_id for hit in rank_dense(prepared, K, -1.0)])

        took = _took(search, queries)
        missed = _missed(search, held, queries, ids)
    return f"| {len(ids) / len(held):.2%} | {len(ids):,} | {listing:.1f} | {took:.1f} | {missed} |"


def measured(built: Path, cache: Path) -> None:
    from bench.vectors.indexes import SIZES, made

    for count in SIZES:
        source = made(built, cache, count)
        rows, queries = (
            np.load(source / f"{n}.npy", mmap_mode="r") for n in ("vectors", "queries")
        )
        collection(built / f"collection-{count}", rows)
        index = Index.over(built / f"collection-{count}", rows.shape[1], iter(()))
        with index.store.reading() as connection:
            held = index.indexes.vectors(connection)
        assert held is not None and held.base is not None
        chance = np.random.default_rng(0)
        subject = np.argsort(-held.base.scores(np.array(queries[-1])))
        print(f"\n| {count:,} vectors | share | let through | all of it, ms | codes, ms "
              f"| rule, ms | missed |\n|{'---|' * 7}")  # fmt: skip
        for share in SHARES:
            size = max(K, round(share * count))
            by_chance = np.sort(chance.choice(count, size, replace=False))
            print(_line("by chance", held, queries, by_chance), flush=True)
            print(_line("a subject", held, queries, np.sort(subject[:size])), flush=True)
        print(f"\n| {count:,} passages | let through | ids, ms | search, ms | missed |"
              f"\n|{'---|' * 5}")  # fmt: skip
        for share in SHARES:
            print(_in_sql(index, held, queries, share), flush=True)
