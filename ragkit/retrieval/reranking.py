"""A ranking's first passages put in a better order by a cross-encoder, within a time.

Contract: what is ranked already is given; a reranker is a function of a query and passages. The
first `CANDIDATES` are read again or, with a budget, as many of them as it allows, in the order in
which they came, so that what time is there goes to the best of them. Those that were not read
again stay below, as they were. Knows no index and no model's name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.encoders.crossencoder import Reranker
    from ragkit.retrieval.search import Scored

CANDIDATES = 50  # passages that are read again; figures in docs/ranking.md
_FIRST, _STEP = 2, 8  # passages between two looks at the clock


def reranked(
    ranked: Sequence[Scored],
    query: str,
    texts: Callable[[Sequence[int]], Mapping[int, str]],
    reranker: Reranker,
    budget: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Scored]:
    """`ranked` with the reranker's score, best first; equal ones keep their order.

    `texts` gives what is read of each passage id. `budget` is in seconds, for the reading alone: a
    step is taken only where one like the slowest so far still fits, the first always.
    """
    known = texts([each.passage_id for each in ranked[:CANDIDATES]])
    readable = [each for each in ranked[:CANDIDATES] if each.passage_id in known]
    passages = [known[each.passage_id] for each in readable]
    scores = _scores(reranker, query, passages, budget, clock)
    order = sorted(range(len(scores)), key=lambda each: -scores[each])
    best = [replace(readable[each], rerank=scores[each]) for each in order]
    seen = {each.passage_id for each in best}
    return [*best, *(each for each in ranked if each.passage_id not in seen)]


def _scores(
    reranker: Reranker,
    query: str,
    passages: Sequence[str],
    budget: float | None,
    clock: Callable[[], float],
) -> list[float]:
    """The scores of the first passages: all without a budget."""
    if not passages:
        return []
    if budget is None:
        return [float(each) for each in reranker.scores(query, passages)]
    began = before = clock()
    slowest = 0.0
    found: list[float] = []
    while part := passages[len(found) : len(found) + (_STEP if found else _FIRST)]:
        if found and before - began + slowest * len(part) > budget:
            break
        found += [float(each) for each in reranker.scores(query, part)]
        now = clock()
        slowest, before = max(slowest, (now - before) / len(part)), now
    return found
