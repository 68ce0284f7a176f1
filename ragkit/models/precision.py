"""`precision = "auto"`: whether passages may be encoded in int8, tried on the user's own texts.

Contract: two encoders of one model and texts in, a decision with its figures out. Knows no files
and no databases.

Queries stay in fp32 in any precision, so the exact vectors stand for queries here: those of the
first texts are compared with all others, as a search compares them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ragkit.encoders import Encoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRIAL_PASSAGES = 500
MIN_PASSAGES = 100  # of fewer, ten are not a small part, and there is little time to save
MIN_COSINE, MIN_SAME, MAX_TIME = 0.995, 0.95, 0.9
_WARM_UP = 50  # texts after which both engines are loaded
_QUERIES = 100


@dataclass(frozen=True, slots=True)
class PrecisionTrial:
    """What int8 costs and saves on some passages, compared with fp32."""

    passages: int
    lowest_cosine: float  # between the two vectors of a passage
    same_top_ten: float  # share of the ten nearest passages that are the same
    time: float  # CPU time as a share of that of fp32

    @property
    def precision(self) -> str:
        """The precision to use: int8 if no bound is missed, else fp32."""
        is_good = self.lowest_cosine >= MIN_COSINE and self.same_top_ten >= MIN_SAME
        is_worth_it = self.passages >= MIN_PASSAGES and self.time <= MAX_TIME
        return "int8" if is_good and is_worth_it else "fp32"

    def __str__(self) -> str:
        if self.passages < MIN_PASSAGES:
            return (
                f"precision is fp32: {self.passages} passages are too few to try int8 "
                f"({MIN_PASSAGES} or more)"
            )
        return (
            f"precision is {self.precision}: on {self.passages} passages int8 has a lowest cosine "
            f"of {self.lowest_cosine:.4f} to fp32 ({MIN_COSINE} or more), "
            f"{self.same_top_ten:.1%} of the ten nearest are the same ({MIN_SAME:.0%} or more), "
            f"and it takes {self.time:.2f} of the time ({MAX_TIME} or less)"
        )


def try_int8(exact: Encoder, coarse: Encoder, texts: Sequence[str]) -> PrecisionTrial:
    """Return what `coarse` costs and saves against `exact`, two encoders of one model, on `texts`.

    Encodes the texts with both. Texts that the encoder cannot read do not count. Raises ModelError.
    """
    import numpy as np

    if len(texts) < MIN_PASSAGES:
        return PrecisionTrial(len(texts), 1.0, 1.0, 1.0)
    expected, exact_seconds = _encode(exact, texts)
    found, coarse_seconds = _encode(coarse, texts)
    is_read = expected.any(axis=1) & found.any(axis=1)
    expected, found = expected[is_read], found[is_read]
    if len(expected) < MIN_PASSAGES:
        return PrecisionTrial(len(expected), 1.0, 1.0, 1.0)
    cosines = np.einsum("ij,ij->i", expected, found)
    queries = expected[:_QUERIES]
    pairs = zip(_top_ten(queries, expected), _top_ten(queries, found), strict=True)
    same = [len(set(left) & set(right)) / len(left) for left, right in pairs]
    share = coarse_seconds / max(exact_seconds, 1e-9)
    return PrecisionTrial(len(expected), float(cosines.min()), float(np.mean(same)), share)


def _encode(encoder: Encoder, texts: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    """The vectors, and the CPU seconds of all but the first texts, for which engines are loaded."""
    import numpy as np

    first = encoder.encode_passages(texts[:_WARM_UP])
    started = time.process_time()
    rest = encoder.encode_passages(texts[_WARM_UP:])
    return np.concatenate([first, rest]), time.process_time() - started


def _top_ten(queries: NDArray[np.float32], passages: NDArray[np.float32]) -> list[list[int]]:
    """The nearest passages of each query, which is the passage of the same number, without it."""
    import numpy as np

    scores = queries @ passages.T
    np.fill_diagonal(scores, -2)
    nearest: list[list[int]] = np.argsort(-scores, axis=1, kind="stable")[:, :10].tolist()
    return nearest
