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
from ragkit.storage import filters
from ragkit.storage.codes import threads
from ragkit.storage.vectors import VectorIndex

SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
K, WIDE = 10, 26
ASKED, WITHIN = 30, 3.0  # queries, and seconds for them


def by_codes(
    index: VectorIndex, query: np.ndarray, k: int, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places and cosines of the k nearest of these, as codes propose them."""
    faiss = threads(1)
    codes, base = index.codes, index.base
    assert codes is not None and base is not None
    bits = np.zeros(len(base), dtype=np.bool_)
    bits[places] = True
    packed = np.packbits(bits, bitorder="little")
    selector = faiss.IDSelectorBitmap(len(base), faiss.swig_ptr(packed))
    only = faiss.SearchParametersIVF(sel=selector, nprobe=1)
    count = min(codes.candidates(k), len(places))
    found = codes._index.search(query[None], count, params=only)[1][0]
    found = np.sort(found[found >= 0])
    scores = base.scores(query, found)
    best = np.argsort(-scores)[:k]
    return found[best], scores[best]


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
    scan, true = _asked(lambda query: index.nearest_of(query, WIDE, ids)[0], queries)
    look, found = _asked(lambda query: by_codes(index, query, WIDE, places)[0], queries)
    pairs = zip(found, true, strict=False)
    recall = np.mean([np.isin(near[:K], base.ids[got]).mean() for got, near in pairs])
    follow, passed = _asked(lambda query: by_ranking(index, query, K, let), queries)
    enough = np.mean([each is not None for each in passed])
    share = len(places) / len(base)
    return (
        f"| {kind} | {share:.2%} | {len(places):,} | {scan:.2f} | {look:.2f} | {recall:.3f} "
        f"| {follow:.2f} | {enough:.0%} |"
    )


def _in_sql(index: Index, vectors: VectorIndex, queries: np.ndarray, share: float) -> str:
    """What SQLite takes for the ids of files of a share of all sizes, and what a query takes."""
    with index.store.reading() as connection:
        sizes = [row[0] for row in connection.execute("SELECT size FROM files ORDER BY size")]
        limit = sizes[min(len(sizes) - 1, round(share * len(sizes)))]
        where = filters.condition(filters.Comparison("size", "<=", (limit,)))
        started = time.perf_counter()
        ids = filters.few(connection, where, len(vectors))
        all_ms = (time.perf_counter() - started) * 1e3
        snapshot = Snapshot(connection, index.indexes, None, index.model_id)

        def search(query: np.ndarray) -> object:
            scope = Scope.of(connection, where)
            return Searcher(snapshot, "", query, scope).dense(K, -1.0)

        took, _ = _asked(search, queries)
    assert ids is not None
    return f"| {len(ids) / len(vectors):.2%} | {len(ids):,} | {all_ms:.1f} | {took:.1f} |"


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
            vectors = index.indexes.vectors(connection)
        assert vectors is not None and vectors.base is not None
        chance = np.random.default_rng(0)
        subject = np.argsort(-vectors.base.scores(np.array(queries[-1])))
        print(f"\n| {count:,} vectors | share | let through | all of it, ms | codes, ms "
              f"| recall@10 | ranking, ms | enough |\n|{'---|' * 8}")  # fmt: skip
        for share in SHARES:
            size = max(K, round(share * count))
            by_chance = np.sort(chance.choice(count, size, replace=False))
            print(_line("by chance", vectors, queries, by_chance), flush=True)
            print(_line("a subject", vectors, queries, np.sort(subject[:size])), flush=True)
        print(f"\n| {count:,} passages | let through | ids, ms | search, ms |\n|---|---|---|---|")
        for share in SHARES:
            print(_in_sql(index, vectors, queries, share), flush=True)
