"""From a ranking to what is shown of it: so many of each document, no two of the same kind.

Contract: a ranking is a function of k and the lowest cosine that gives its first k; it is asked
for more of them until enough are left. Knows no index, no files and no rendering.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ragkit.retrieval.rankers import Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = 50  # passages, at least, of which diverse ones are chosen
POOL_FACTOR = 5
COPY = 0.98  # cosine of passages that say the same
WIDER = 4  # passages looked at, at first, for each that may be left of a document

Rank = Callable[[int, float], list[Scored]]


def grouped(
    rank: Rank,
    k: int,
    min_score: float,
    per_document: int,
    documents: Callable[[Sequence[int]], Mapping[int, int]],
) -> list[Scored]:
    """The first k of a ranking that has no more than `per_document` passages of any document.

    `documents` gives the document of each passage id.
    """
    wide = WIDER * k
    while True:
        found = rank(wide, min_score)
        owner = documents([each.passage_id for each in found])
        taken: Counter[int] = Counter()
        kept = []
        for each in found:
            document = owner[each.passage_id]
            taken[document] += 1
            if taken[document] <= per_document:
                kept.append(each)
        if len(kept) >= k or len(found) < wide:
            return kept[:k]
        wide *= 4


def diverse(
    pool: Sequence[Scored],
    k: int,
    weight: float,
    vectors: Callable[[Sequence[int]], Mapping[int, NDArray[np.float32]]],
) -> list[Scored]:
    """k of the pool by maximal marginal relevance, in the order in which they were chosen.

    Each next one has the greatest `weight` · relevance − (1 − `weight`) · cosine to the nearest one
    chosen before. Relevance is the cosine; in other modes what the pool was ranked by, as a share
    of the best. A copy of one chosen before comes after all others, but with a `weight` of 1, which
    changes nothing. Carbonell and Goldstein, "The use of MMR", SIGIR 1998.
    """
    if not pool:
        return []
    relevance = np.array([each.ranked_by for each in pool], dtype=np.float64)
    if pool[0].lexical is not None or pool[0].final is not None:  # else they are cosines already
        relevance /= max(float(relevance.max()), 1e-9)
    known = vectors([each.passage_id for each in pool])
    width = max((len(each) for each in known.values()), default=0)
    nothing = np.zeros(width, dtype=np.float32)  # like nothing else: it has no vector yet
    matrix = np.stack([known.get(each.passage_id, nothing) for each in pool])
    nearest = np.full(len(pool), -np.inf)
    chosen: list[int] = []
    gain = relevance.copy()
    for _ in range(min(k, len(pool))):
        gain[chosen] = -np.inf
        best = int(np.argmax(gain))  # of equals the first, which ranks higher
        chosen.append(best)
        nearest = np.maximum(nearest, matrix @ matrix[best])
        gain = weight * relevance - (1 - weight) * nearest
        if weight < 1:
            gain[nearest >= COPY] -= 4.0  # more than there can be between two others
    return [pool[each] for each in chosen]
