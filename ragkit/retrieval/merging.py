"""Merge the hits of several collections into one ranking (federated search).

Scores of different collections are comparable if the same encoder made the vectors and the score
does not depend on the words of one collection: cosines, their convex combination with BM25 (which
is normalised for each query), and a cross-encoder's scores. Otherwise the rankings are interleaved
by rank. Each list keeps its own order. Knows hits, no collection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ragkit.records.hits import Hit
from ragkit.retrieval.hits import ranking_score
from ragkit.retrieval.options import SearchOptions

SEPARATOR = ":"  # between the name of a collection and a citation in it


@dataclass(frozen=True, slots=True)
class MergedHits:
    """The hits of several collections as one ranking, and how it was made.

    `merged_by` is "score" where the scores of all collections are comparable, else "rank": then the
    first hits of all collections come first, and a score only ranks within its collection.
    """

    hits: tuple[Hit, ...]
    merged_by: str
    collections: tuple[str, ...]  # those that were searched
    missing_shards: tuple[int, ...] = ()  # of a sharded one: those that have not answered


def qualify(name: str, citation: str) -> str:
    """Return a citation that names its collection: `notes:faq.md#L40-L52`."""
    return f"{name}{SEPARATOR}{citation}"


def merge_hits(
    results: Mapping[str, Sequence[Hit]],
    k: int,
    options: SearchOptions,
    fingerprints: Mapping[str, str | None],
) -> MergedHits:
    """Return the k best hits of several collections, ranked from 1.

    - `results`: name of a collection → its hits for the same query and options, best first.
    - `fingerprints`: name → fingerprint of its encoder; None for a collection without one.

    Each hit names its collection, and its citation begins with that name. Equal scores are in the
    order of `results`.
    """
    by_score = _are_comparable(results, options, fingerprints)
    merged = _merge_by_score(results) if by_score else _interleave(results)
    hits = tuple(
        replace(
            hit,
            rank=rank,
            collection=name,
            citation=qualify(name, hit.citation),
            also_at=tuple(
                replace(location, citation=qualify(name, location.citation))
                for location in hit.also_at
            ),
        )
        for rank, (name, hit) in zip(range(1, k + 1), merged, strict=False)
    )
    return MergedHits(hits, "score" if by_score else "rank", tuple(results))


def _are_comparable(
    results: Mapping[str, Sequence[Hit]],
    options: SearchOptions,
    fingerprints: Mapping[str, str | None],
) -> bool:
    hits = [hit for found in results.values() for hit in found]
    if len(results) == 1:
        return True
    if options.rerank and all(found[0].scores["rerank"] is not None for found in results.values()
                              if found):  # fmt: skip
        return True  # a cross-encoder's scores do not depend on the vectors
    if len({fingerprints[name] for name in results} - {None}) > 1:
        return False
    if options.mode == "hybrid" and options.fusion == "convex":
        return all(hit.scores["fused"] is not None for hit in hits)
    # A query that the encoder cannot read was ranked by BM25, whatever the mode.
    return options.mode == "dense" and all(hit.score is not None for hit in hits)


def _merge_by_score(results: Mapping[str, Sequence[Hit]]) -> Iterator[tuple[str, Hit]]:
    """Yield the best of the first hits that are left, until none is left. (The list of a diverse
    search is not sorted by score, and stays in its order.)"""
    positions = dict.fromkeys(results, 0)
    while True:
        heads = [(name, results[name][at]) for name, at in positions.items()
                 if at < len(results[name])]  # fmt: skip
        if not heads:
            return
        name, hit = max(heads, key=lambda head: _merging_key(head[1]))  # the first of equal ones
        positions[name] += 1
        yield name, hit


def _merging_key(hit: Hit) -> tuple[bool, float]:
    """A hit that the cross-encoder has scored comes before those it has not."""
    return hit.scores["rerank"] is not None, ranking_score(hit)


def _interleave(results: Mapping[str, Sequence[Hit]]) -> Iterator[tuple[str, Hit]]:
    """Yield the first hits of all lists, then the second ones, and so on."""
    for rank in range(max(map(len, results.values()), default=0)):
        for name, hits in results.items():
            if rank < len(hits):
                yield name, hits[rank]
