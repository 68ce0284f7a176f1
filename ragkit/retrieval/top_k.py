"""The true best from an index that only proposes. Knows ids and scores, not what they are of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]  # ids and scores, best first

SLACK = 16  # candidates beyond k, so that one look is enough unless many passages are alike
_ROUNDING = 1e-5  # how far an index's float32 inner product may be from the exact one


def ranked(scores: dict[int, float]) -> list[tuple[int, float]]:
    """By (score, then smaller id)."""
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))


def exactly(
    k: int,
    most: int,
    propose: Callable[[int], Ranking],
    judge: Callable[[list[int], list[float]], dict[int, float]],
) -> list[tuple[int, float]]:
    """The true first k by (score, then smaller id) from an index that proposes.

    An index may leave any of several equals out at its border, and may name passages that are no
    longer there; so it is asked again, wider, until the k-th score stands clear of the border.
    """
    return picked(k, most, most, propose, judge) or []


def picked(
    k: int,
    most: int,
    widest: int,
    propose: Callable[[int], Ranking],
    judge: Callable[[list[int], list[float]], dict[int, float]],
) -> list[tuple[int, float]] | None:
    """The same, but None where more than `widest` proposals would have to be looked through, as
    far as can be told from how many of the first ones are kept."""
    wide = min(k + SLACK, most)
    while wide <= widest:
        ids, rough = propose(wide)
        judged = judge(ids.tolist(), rough.tolist())
        order = ranked(judged)
        exhausted = wide >= most or len(ids) < wide
        if exhausted or (len(order) >= k and order[k - 1][1] > rough[-1] + _ROUNDING):
            return order[:k]
        if widest < most and len(order) * widest < k * wide:
            return None
        wide = min(4 * wide, most)
    return None
