"""From one vector per token to one vector per text.

Contract: token vectors come packed, all texts of a batch one after another without padding:
`states` (tokens, d) float32 and `lengths` (n,) tokens of each text, at least one each. Knows
nothing of models or strings.

BERT was trained to answer about a text at its first token, [CLS] (Devlin et al. 2019,
https://arxiv.org/abs/1810.04805); as an embedding that is poor until it is trained as one, and
the mean over the tokens does better (Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Pooling = Callable[[Array, Sequence[int]], Array]


def starts(lengths: Sequence[int]) -> NDArray[np.intp]:
    """(n,) index of the first token of each text in the packed array."""
    if min(lengths, default=1) < 1:
        raise ValueError(f"a text without tokens cannot be pooled: lengths {list(lengths)}")
    return np.cumsum([0, *lengths[:-1]], dtype=np.intp)


def cls(states: Array, lengths: Sequence[int]) -> Array:
    """(n, d) float32: the vector of each text's first token."""
    return states[starts(lengths)]


def mean(states: Array, lengths: Sequence[int]) -> Array:
    """(n, d) float32: the mean over each text's tokens, special tokens included."""
    sums: Array = np.add.reduceat(states, starts(lengths), axis=0)
    return sums / np.asarray(lengths, dtype=np.float32)[:, None]


def max_over_time(states: Array, lengths: Sequence[int]) -> Array:
    """(n, d) float32: for every dimension the largest value any token of the text has."""
    largest: Array = np.maximum.reduceat(states, starts(lengths), axis=0)
    return largest


POOLINGS: dict[str, Pooling] = {
    "cls": cls,
    "mean": mean,
    "max": max_over_time,
}


def unit_rows(vectors: Array) -> Array:
    """(n, d) float32, every row of length 1, so that an inner product is a cosine. A row of
    zeros stays one: it is at right angles to everything."""
    norms: Array = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    norms[norms == 0] = 1
    return vectors / norms
