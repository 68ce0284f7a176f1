"""Pooling: from one vector per token and layer to one vector per text, first layers, then tokens.

Contract: token vectors are packed, all texts of a batch one after another without padding:
`states` (T, d) float32 and `lengths` (n,), the tokens of each text, at least one each. A string
selects the layers: `last`, `-2`, `mean(-4:)`. Knows nothing of models or texts.

BERT was trained to answer questions about a text at its first token, [CLS] (Devlin et al. 2019,
https://arxiv.org/abs/1810.04805). As a sentence embedding that vector is poor until it is trained
as one, and the mean over the tokens is better (Reimers & Gurevych 2019, Sentence-BERT,
https://arxiv.org/abs/1908.10084). Which layers are best depends on the task: the last ones encode
most of the context, the middle ones most of the grammar (Devlin et al., table 7; Jawahar et al.
2019, https://aclanthology.org/P19-1356).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ragkit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"
Pooling = Callable[[Array, Sequence[int]], Array]


def text_starts(lengths: Sequence[int]) -> NDArray[np.intp]:
    """Return the index of the first token of each text in the packed array: (n,). Raises ValueError
    for a text without tokens."""
    if min(lengths, default=1) < 1:
        raise ValueError(f"a text without tokens cannot be pooled: lengths {list(lengths)}")
    return np.cumsum([0, *lengths[:-1]], dtype=np.intp)


def cls(states: Array, lengths: Sequence[int]) -> Array:
    """Return the vector of each text's first token: (n, d) float32."""
    return states[text_starts(lengths)]


def mean(states: Array, lengths: Sequence[int]) -> Array:
    """Return the mean over each text's tokens, special tokens included: (n, d) float32."""
    sums: Array = np.add.reduceat(states, text_starts(lengths), axis=0)
    return sums / np.asarray(lengths, dtype=np.float32)[:, None]


def max_over_time(states: Array, lengths: Sequence[int]) -> Array:
    """Return the maximum of each dimension over the text's tokens: (n, d) float32."""
    largest: Array = np.maximum.reduceat(states, text_starts(lengths), axis=0)
    return largest


POOLINGS: dict[str, Pooling] = {
    "cls": cls,
    "mean": mean,
    "max": max_over_time,
}


LAST_LAYER = "last"
_NUMBER = re.compile(r"-?\d{1,4}")
_MEAN = re.compile(r"mean\((-?\d{1,4})?:(-?\d{1,4})?(?::(-?\d{1,4}))?\)")


def parse_layers(spec: str, count: int) -> Sequence[int]:
    """Return the indexes of the layers that `spec` names, ascending; 0 is the embeddings.

    `count` is the number of layers of the model. `spec` is `last`; one number, counted from the
    front or, negative, from the back; or the mean over a Python slice of 0 … `count`: `mean(-4:)`,
    `mean(1:3)`, `mean(0::2)`. Raises UsageError for another form, a number out of range and an
    empty slice.
    """
    spec = "".join(spec.split())
    if spec == LAST_LAYER:
        return (count,)
    if _NUMBER.fullmatch(spec):
        return (_check_range(int(spec), count, spec) % (count + 1),)
    match = _MEAN.fullmatch(spec)
    if match is None or (match[3] and int(match[3]) == 0):
        instead = f", perhaps mean({spec})" if _MEAN.fullmatch(f"mean({spec})") else ""
        raise UsageError(
            f"layers is {spec!r}; expected last, a number such as -2, or a mean over a slice such "
            f"as mean(-4:) or mean(1:3){instead}"
        )
    for bound in match.groups()[:2]:
        if bound is not None and int(bound) != count + 1:
            _check_range(int(bound), count, spec)
    chosen = range(count + 1)[slice(*(int(part) if part else None for part in match.groups()))]
    if not chosen:
        raise UsageError(f"layers is {spec!r}, which selects no layer{_layer_count(count)}")
    return sorted(chosen)


def _check_range(layer: int, count: int, spec: str) -> int:
    if not -count - 1 <= layer <= count:
        raise UsageError(f"layers is {spec!r}, and {layer} is out of range{_layer_count(count)}")
    return layer


def _layer_count(count: int) -> str:
    return f": the model has {count} layers, 1 to {count}, and 0 for its embeddings"


def average_layers(states: Iterable[Array], chosen: Sequence[int]) -> Array:
    """Return the mean over the chosen layers: (T, d) float32. `chosen` ascends.

    `states` yields layer by layer and is consumed no further than the last chosen one.
    """
    total: Array | None = None
    for layer, values in enumerate(states):
        if layer in chosen:
            total = values.copy() if total is None else total + values
        if layer == chosen[-1]:
            break
    assert total is not None  # `parse_layers` returns at least one  # noqa: S101
    return total / np.float32(len(chosen))


def normalize_rows(vectors: Array) -> Array:
    """Return the rows scaled to length 1, so that an inner product is a cosine: (n, d) float32. A
    row of zeros stays zero: its cosine with everything is 0."""
    norms: Array = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
    norms[norms == 0] = 1
    return vectors / norms
