"""A ranking's first passages put in a better order by a cross-encoder, within a time.

Contract: what is ranked already is given; a reranker is a function of a query and passages. The
first `CANDIDATES` are read again or, with a budget, as many of them as it allows, in the order in
which they came, so that what time is there goes to the best of them. The new order is by the mean
of what the reranker finds (the logistic function of its logit) and of what the passage was ranked
by before, as a share of the best: where the reranker is undecided the ranking stays, and what was
not read again stays below. Knows no index and no model's name.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.retrieval.rankers import Scored

CANDIDATES = 20  # passages that are read again; figures in docs/ranking.md
_FIRST, _STEP = 2, 6  # passages between two looks at the clock


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
    first = [each.passage_id for each in ranked[:CANDIDATES]]
    known = texts(first)
    there = [each for each in first if each in known]
    logits = _scores(reranker, query, [known[each] for each in there], budget, clock)
    found = {each: _logistic(logit) for each, logit in zip(there, logits, strict=False)}
    best = max((each.ranked_by for each in ranked), default=0.0)
    judged = [_judged(each, best, found.get(each.passage_id)) for each in ranked]
    return sorted(judged, key=lambda each: -each.ranked_by)


def _judged(scored: Scored, best: float, rerank: float | None) -> Scored:
    share = max(0.0, scored.ranked_by / best) if best > 0 else 0.0
    return replace(scored, rerank=rerank, final=((rerank or 0.0) + share) / 2)


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, logit)))


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
