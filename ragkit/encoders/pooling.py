"""From one vector per token and layer to one vector per text: first layers, then tokens.

Contract: token vectors come packed, all texts of a batch one after another without padding:
`states` (tokens, d) float32 and `lengths` (n,) tokens of each text, at least one each. Layers
are chosen by a spec: `last`, `-2`, `mean(-4:)`. Knows nothing of models or texts.

BERT was trained to answer about a text at its first token, [CLS] (Devlin et al. 2019,
https://arxiv.org/abs/1810.04805); as an embedding that is poor until it is trained as one, and
the mean over the tokens does better (Reimers & Gurevych 2019, https://arxiv.org/abs/1908.10084).
Which layers serve depends on the question: the last ones know most of the context, the middle
ones most of the grammar (Devlin et al., table 7; Jawahar et al. 2019,
https://aclanthology.org/P19-1356).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import UsageError

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


LAST_LAYER = "last"
_ONE = re.compile(r"-?\d{1,4}")
_MEAN = re.compile(r"mean\((-?\d{1,4})?:(-?\d{1,4})?(?::(-?\d{1,4}))?\)")


def layers(spec: str, count: int) -> Sequence[int]:
    """The layers that `spec` names, rising, in a model of `count` layers; 0 is the embeddings.

    `last`; one number, from the front or, negative, from the back; or the mean over a slice of
    0 … `count`, written as in Python, its end left out: `mean(-4:)`, `mean(1:3)`, `mean(0::2)`.
    Raises UsageError: another form, a number out of range, a slice of nothing.
    """
    spec = "".join(spec.split())
    if spec == LAST_LAYER:
        return (count,)
    if _ONE.fullmatch(spec):
        return (_within(int(spec), count, spec) % (count + 1),)
    found = _MEAN.fullmatch(spec)
    if found is None or (found[3] and int(found[3]) == 0):
        instead = f", perhaps mean({spec})" if _MEAN.fullmatch(f"mean({spec})") else ""
        raise UsageError(
            f"layers is {spec!r}; expected last, a number such as -2, or a mean over a slice such "
            f"as mean(-4:) or mean(1:3){instead}"
        )
    for bound in found.groups()[:2]:
        if bound is not None and int(bound) != count + 1:
            _within(int(bound), count, spec)
    chosen = range(count + 1)[slice(*(int(part) if part else None for part in found.groups()))]
    if not chosen:
        raise UsageError(f"layers is {spec!r}, which is no layer at all{_has(count)}")
    return sorted(chosen)


def _within(layer: int, count: int, spec: str) -> int:
    if not -count - 1 <= layer <= count:
        raise UsageError(f"layers is {spec!r}, and {layer} is out of range{_has(count)}")
    return layer


def _has(count: int) -> str:
    return f": the model has {count} layers, 1 to {count}, and 0 for its embeddings"


def average_layers(states: Iterable[Array], chosen: Sequence[int]) -> Array:
    """(T, d) float32: the mean over the chosen layers, rising, of `states`, which comes layer by
    layer and is not asked for more than it takes."""
    total: Array | None = None
    for layer, values in enumerate(states):
        if layer in chosen:
            total = values.copy() if total is None else total + values
        if layer == chosen[-1]:
            break
    assert total is not None  # `layers` chooses at least one  # noqa: S101
    return total / np.float32(len(chosen))


def normalize_rows(vectors: Array) -> Array:
    """(n, d) float32, every row of length 1, so that an inner product is a cosine. A row of
    zeros stays one: it is at right angles to everything."""
    norms: Array = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    norms[norms == 0] = 1
    return vectors / norms
