"""Re-order the first passages of a ranking with a cross-encoder, within a time budget.

The reranker is a function of a query and texts. It reads the first `MAX_CANDIDATES` passages or,
with a budget, as many as fit, in the order of the ranking. Its logit is added to the passage's
score: one unit of it counts as much as a quarter of a standard deviation of the scores. (The
logistic function of the logit would be nearly the same for all good passages.) Passages that it did
not read stay below. Knows no index and no model's name.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.retrieval.rankers import ScoredPassage

MAX_CANDIDATES = 20  # passages that are reranked; figures in bench/RESULTS.md
LOGIT_WEIGHT = 0.25  # standard deviations of the scores that one unit of the logit counts
_MAX_LOGIT = 30.0  # of either sign
_FIRST_STEP, _STEP = 2, 6  # passages between two looks at the clock


def rerank(
    ranking: Sequence[ScoredPassage],
    query: str,
    texts: Callable[[Sequence[int]], Mapping[int, str]],
    reranker: Reranker,
    budget: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
    *,
    deviation: float | None = None,
) -> list[ScoredPassage]:
    """Return `ranking` with the reranker's scores, best first; equal ones keep their order.

    `texts` maps passage ids to the texts that the reranker reads. `budget` is in seconds, for the
    reading alone: a step is taken only where one like the slowest so far still fits; the first step
    is always taken. `deviation` is the standard deviation of a query's scores over the collection,
    where it is known; else it is that of the candidates.
    """
    candidates = [passage.passage_id for passage in ranking[:MAX_CANDIDATES]]
    texts_by_id = texts(candidates)
    ids = [passage_id for passage_id in candidates if passage_id in texts_by_id]
    logits = _logits(
        reranker, query, [texts_by_id[passage_id] for passage_id in ids], budget, clock
    )
    logits_by_id = dict(zip(ids, logits, strict=False))
    if deviation is None:
        deviation = _deviation([passage.ranking_score for passage in ranking[:MAX_CANDIDATES]])
    read: list[ScoredPassage] = []
    unread: list[ScoredPassage] = []
    for passage in ranking:
        if (logit := logits_by_id.get(passage.passage_id)) is None:
            unread.append(passage)
        else:
            clipped = min(_MAX_LOGIT, max(-_MAX_LOGIT, logit))
            final = passage.ranking_score + LOGIT_WEIGHT * deviation * clipped
            read.append(passage._replace(rerank=_logistic(logit), final=final))
    read.sort(key=lambda passage: -passage.ranking_score)
    if not read or not unread:
        return read or list(ranking)
    lowered = unread[0].ranking_score - read[-1].ranking_score + deviation
    return read + [passage._replace(final=passage.ranking_score - lowered) for passage in unread]


def _deviation(scores: Sequence[float]) -> float:
    """Return the standard deviation of scores; 1 where they are equal, so that logits decide."""
    return (statistics.pstdev(scores) if scores else 0.0) or 1.0


def _logistic(logit: float) -> float:
    return 1 / (1 + math.exp(-max(-700.0, logit)))


def _logits(
    reranker: Reranker,
    query: str,
    texts: Sequence[str],
    budget: float | None,
    clock: Callable[[], float],
) -> list[float]:
    """Return the logits of the first texts: of all without a budget."""
    if not texts:
        return []
    if budget is None:
        return [float(logit) for logit in reranker.scores(query, texts)]
    began = now = clock()
    slowest = 0.0  # seconds per text
    logits: list[float] = []
    while step := texts[len(logits) : len(logits) + (_STEP if logits else _FIRST_STEP)]:
        if logits and now - began + slowest * len(step) > budget:
            break
        logits += [float(logit) for logit in reranker.scores(query, step)]
        before, now = now, clock()
        slowest = max(slowest, (now - before) / len(step))
    return logits
