"""Filters: comparing all that one lets through, against asking the codes for those alone.

Filters let through so many of the vectors by chance, or those of one subject, far from most
queries. `all of it`: each is gathered and compared. `codes`: FAISS looks at the codes of those
alone (an IDSelectorBitmap), and what it proposes is compared. `ranking`: the ranking of all is
followed until enough have passed, or 4,096 were seen. None of them counts what SQLite takes to say
which passages those are; `ids` does, and `search` is all of it as a dense query does it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.vectorchanges import Index, collection
from ragkit.retrieval.proposing import picked
from ragkit.retrieval.scopes import Scope
from ragkit.retrieval.search import WIDEST, Searcher
from ragkit.retrieval.snapshot import Snapshot
from ragkit.storage import filters, vectors
from ragkit.storage.vectors import VectorIndex

SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
K, WIDE = 10, 26
ASKED, WITHIN = 30, 3.0  # queries, and seconds for them


def by_codes(index: VectorIndex, query: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Ids of the nearest of these, proposed by codes however few they are."""
    rule, vectors.LOOKED_AT = vectors.LOOKED_AT, -1.0
    try:
        return index.nearest_of(query, WIDE, ids, exact=False)[0]
    finally:
        vectors.LOOKED_AT = rule


def by_ranking(index: VectorIndex, query: np.ndarray, k: int, let: np.ndarray) -> Any:
    """The k best of those let through among the first 4,096, or None."""
    return picked(
        k,
        len(index),
        WIDEST,
        lambda wide: index.nearest(query, wide),
        lambda ids, near: {i: near_ for i, near_ in zip(ids, near, strict=True) if let[i]},
    )


def _asked(ask: Callable[[np.ndarray], Any], queries: np.ndarray) -> tuple[float, list[Any]]:
    """p50 in ms, and the answers."""
    times, found, end = [], [], time.perf_counter() + WITHIN
    for query in queries[:ASKED]:
        started = time.perf_counter()
        found.append(ask(query))
        times.append((time.perf_counter() - started) * 1e3)
        if time.perf_counter() > end:
            break
    return statistics.median(times), found


def _line(kind: str, index: VectorIndex, queries: np.ndarray, places: np.ndarray) -> str:
    base = index.base
    assert base is not None
    ids = np.sort(base.ids[places])
    let = np.zeros(int(base.ids.max()) + 1, dtype=np.bool_)
    let[ids] = True
    ruled, _ = _asked(lambda query: index.nearest_of(query, WIDE, ids, exact=False), queries)
    scan, true = _asked(lambda query: index.nearest_of(query, WIDE, ids)[0], queries)
    look, found = _asked(lambda query: by_codes(index, query, ids), queries)
    pairs = zip(found, true, strict=False)
    recall = np.mean([np.isin(near[:K], got).mean() for got, near in pairs])
    follow, passed = _asked(lambda query: by_ranking(index, query, K, let), queries)
    enough = np.mean([each is not None for each in passed])
    share = len(places) / len(base)
    return (
        f"| {kind} | {share:.2%} | {len(places):,} | {scan:.2f} | {look:.2f} | {recall:.3f} "
        f"| {ruled:.2f} | {follow:.2f} | {enough:.0%} |"
    )


def _in_sql(index: Index, held: VectorIndex, queries: np.ndarray, share: float) -> str:
    """What SQLite takes for the ids of files of a share of all sizes, and what a query takes."""
    with index.store.reading() as connection:
        sizes = [row[0] for row in connection.execute("SELECT size FROM files ORDER BY size")]
        limit = sizes[min(len(sizes) - 1, round(share * len(sizes)))]
        where = filters.condition(filters.Comparison("size", "<=", (limit,)))
        started = time.perf_counter()
        ids = filters.few(connection, where, len(held))
        all_ms = (time.perf_counter() - started) * 1e3
        snapshot = Snapshot(connection, index.indexes, None, index.model_id)

        def search(query: np.ndarray) -> object:
            scope = Scope.of(connection, where)
            return Searcher(snapshot, "", query, scope).dense(K, -1.0)

        took, _ = _asked(search, queries)
    assert ids is not None
    return f"| {len(ids) / len(held):.2%} | {len(ids):,} | {all_ms:.1f} | {took:.1f} |"


def measured(built: Path, cache: Path) -> None:
    from bench.vectors import SIZES, made

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
              f"| recall@10 | by the rule, ms | ranking, ms | enough |\n|{'---|' * 9}")  # fmt: skip
        for share in SHARES:
            size = max(K, round(share * count))
            by_chance = np.sort(chance.choice(count, size, replace=False))
            print(_line("by chance", held, queries, by_chance), flush=True)
            print(_line("a subject", held, queries, np.sort(subject[:size])), flush=True)
        print(f"\n| {count:,} passages | let through | ids, ms | search, ms |\n|---|---|---|---|")
        for share in SHARES:
            print(_in_sql(index, held, queries, share), flush=True)
