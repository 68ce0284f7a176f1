"""Re-order the first passages of a ranking with a cross-encoder, within a time budget.

The reranker is a function of a query and texts. It reads the first `MAX_CANDIDATES` passages or,
with a budget, as many as fit, in the order of the ranking. The new order is by the mean of the
reranker's score (the logistic function of its logit) and of the score of the ranking as a share of
the best one: where the reranker is undecided the ranking stays, and passages that it did not read
stay below. Knows no index and no model's name.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragkit.encoders.cross_encoder import Reranker
    from ragkit.retrieval.rankers import ScoredPassage

MAX_CANDIDATES = 20  # passages that are reranked; figures in bench/RESULTS.md
_FIRST_STEP, _STEP = 2, 6  # passages between two looks at the clock


def rerank(
    ranking: Sequence[ScoredPassage],
    query: str,
    texts: Callable[[Sequence[int]], Mapping[int, str]],
    reranker: Reranker,
    budget: float | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[ScoredPassage]:
    """Return `ranking` with the reranker's scores, best first; equal ones keep their order.

    `texts` maps passage ids to the texts that the reranker reads. `budget` is in seconds, for the
    reading alone: a step is taken only where one like the slowest so far still fits; the first step
    is always taken.
    """
    candidates = [passage.passage_id for passage in ranking[:MAX_CANDIDATES]]
    texts_by_id = texts(candidates)
    ids = [passage_id for passage_id in candidates if passage_id in texts_by_id]
    logits = _logits(
        reranker, query, [texts_by_id[passage_id] for passage_id in ids], budget, clock
    )
    scores = {passage_id: _logistic(x) for passage_id, x in zip(ids, logits, strict=False)}
    best = max((passage.ranking_score for passage in ranking), default=0.0)
    scored = [_combine(passage, best, scores.get(passage.passage_id)) for passage in ranking]
    return sorted(scored, key=lambda passage: -passage.ranking_score)


def _combine(passage: ScoredPassage, best: float, score: float | None) -> ScoredPassage:
    share = max(0.0, passage.ranking_score / best) if best > 0 else 0.0
    return replace(passage, rerank=score, final=((score or 0.0) + share) / 2)


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
