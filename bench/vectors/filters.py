"""Filtered search: exact comparison of the selected vectors, and the quantized index for them.

The filters select random vectors, or those of one topic that most queries are not about. `exact`:
every selected vector is gathered and compared. `PQ`: FAISS searches the codes of the selected
vectors (an IDSelectorBitmap), and its candidates are compared exactly. `used` is the one of both
that `top_k_of` chooses. `missed` counts the true ten nearest neighbors of each query that it did
not return. None of these includes the time that SQLite needs to return the ids of the selected
passages; `ids` is that time, and `search` is everything together, as a dense query runs it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.vectors.changes import Index, build_collection
from ragkit.analysis.query_syntax import ParsedQuery
from ragkit.retrieval.filter_scope import PassageFilter
from ragkit.retrieval.rankers import PreparedQuery, Snapshot, rank_dense
from ragkit.storage.sqlite import filters
from ragkit.storage.vectors import index as vector_index
from ragkit.storage.vectors.index import VectorIndex

SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
K, CANDIDATES = 10, 26
MAX_QUERIES, MAX_SECONDS = 30, 3.0  # limits of the timed queries
COMPARED = 200  # queries whose results are compared with those of an exact batch search


def quantized_top_k(index: VectorIndex, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Return the nearest of these ids, with candidates from the quantized index for any number."""
    rule, vector_index.FULL_SCAN_SHARE = vector_index.FULL_SCAN_SHARE, -1.0
    try:
        return index.top_k_of(query, CANDIDATES, ids, exact=False)[0]
    finally:
        vector_index.FULL_SCAN_SHARE = rule


def _median_ms(search: Callable[[np.ndarray], Any], queries: np.ndarray) -> float:
    """Return the median time in ms."""
    times, end = [], time.perf_counter() + MAX_SECONDS
    for query in queries[:MAX_QUERIES]:
        started = time.perf_counter()
        search(query)
        times.append((time.perf_counter() - started) * 1e3)
        if time.perf_counter() > end:
            break
    return statistics.median(times)


def _missed(
    search: Callable[[np.ndarray], np.ndarray],
    index: VectorIndex,
    queries: np.ndarray,
    ids: np.ndarray,
) -> str:
    """Return "a of b": a of the b true nearest neighbors among these ids are not in the results."""
    compared = np.array(queries[:COMPARED])
    expected = [neighbors for neighbors, _ in index.top_k_batch(compared, K, ids)]
    missed = sum(
        int((~np.isin(neighbors, search(query))).sum())
        for query, neighbors in zip(compared, expected, strict=True)
    )
    return f"{missed} of {sum(map(len, expected)):,}"


def _row(kind: str, index: VectorIndex, queries: np.ndarray, positions: np.ndarray) -> str:
    base = index.base
    assert base is not None
    ids = np.sort(base.ids[positions])

    def filtered_top_k(query: np.ndarray) -> np.ndarray:
        return index.top_k_of(query, CANDIDATES, ids, exact=False)[0]

    exact_ms = _median_ms(lambda query: index.top_k_of(query, CANDIDATES, ids), queries)
    quantized_ms = _median_ms(lambda query: quantized_top_k(index, query, ids), queries)
    rule = _median_ms(filtered_top_k, queries)
    share = len(positions) / len(base)
    return (
        f"| {kind} | {share:.2%} | {len(positions):,} | {exact_ms:.2f} | {quantized_ms:.2f} "
        f"| {rule:.2f} | {_missed(filtered_top_k, index, queries, ids)} |"
    )


def _search_row(index: Index, vectors: VectorIndex, queries: np.ndarray, share: float) -> str:
    """Return the row for a filter by file size: the time of SQLite for its ids, and of a search."""
    with index.store.reading() as connection:
        sizes = [row[0] for row in connection.execute("SELECT size FROM files ORDER BY size")]
        limit = sizes[min(len(sizes) - 1, round(share * len(sizes)))]
        where = filters.compile_filter(filters.Comparison("size", "<=", (limit,)))
        ids_ms = _median_ms(
            lambda _: filters.small_id_set(connection, where, len(vectors)), queries[:5]
        )
        ids = filters.small_id_set(connection, where, len(vectors))
        assert ids is not None
        snapshot = Snapshot(connection, index.indexes, None, index.model_id)

        def search(query: np.ndarray) -> np.ndarray:
            matches = PassageFilter.create(connection, where)
            prepared = PreparedQuery(snapshot, ParsedQuery("", ""), query, matches)
            return np.array([hit.passage_id for hit in rank_dense(prepared, K, -1.0)])

        search_ms = _median_ms(search, queries)
        missed = _missed(search, vectors, queries, ids)
    share = len(ids) / len(vectors)
    return f"| {share:.2%} | {len(ids):,} | {ids_ms:.1f} | {search_ms:.1f} | {missed} |"


def measure(built: Path, cache: Path) -> None:
    from bench.vectors.indexes import SIZES, prepare_vectors

    for count in SIZES:
        source = prepare_vectors(built, cache, count)
        rows, queries = (
            np.load(source / f"{n}.npy", mmap_mode="r") for n in ("vectors", "queries")
        )
        build_collection(built / f"collection-{count}", rows)
        index = Index.open(built / f"collection-{count}", rows.shape[1], iter(()))
        with index.store.reading() as connection:
            vectors = index.indexes.vectors(connection)
        assert vectors is not None and vectors.base is not None
        rng = np.random.default_rng(0)
        topic = np.argsort(-vectors.base.scores(np.array(queries[-1])))
        print(f"\n| {count:,} vectors | share | selected | exact ms | PQ ms "
              f"| used ms | missed |\n|{'---|' * 7}")  # fmt: skip
        for share in SHARES:
            size = max(K, round(share * count))
            random_positions = np.sort(rng.choice(count, size, replace=False))
            print(_row("random", vectors, queries, random_positions), flush=True)
            print(_row("one topic", vectors, queries, np.sort(topic[:size])), flush=True)
        print(f"\n| {count:,} passages | selected | ids ms | search ms | missed |"
              f"\n|{'---|' * 5}")  # fmt: skip
        for share in SHARES:
            print(_search_row(index, vectors, queries, share), flush=True)
