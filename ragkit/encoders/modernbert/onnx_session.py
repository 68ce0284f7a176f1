"""Compute ModernBERT with ONNX Runtime: `build_forward` returns a function with the signature of
`ModernBert.forward`. As `bert.onnx_session`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.modernbert import onnx_graph
from ragkit.encoders.modernbert.model import ModernBert
from ragkit.encoders.runtime.session import Forward, create_session

Array = NDArray[np.float32]

_MASKED = np.float32(-1e9)  # added to a score: its weight becomes 0
_MIN_BLOCK = 16  # queries of a block


def build_forward(model: ModernBert, precision: str = "fp32", threads: int = 1) -> Forward:
    """Return a function from the token ids of some texts to (T, d) float32, as
    `ModernBert.forward`. Safe to call from threads. Raises ModelError as `bert.onnx_session`."""
    session = create_session(lambda: onnx_graph.build_graph(model, precision), threads)
    reach = max((layer.reach or 0 for layer in model.layers), default=0)

    def run(
        sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        ids = np.concatenate([np.asarray(sequence, dtype=np.int32) for sequence in sequences])
        inputs = _inputs(sequences, reach, model.dimension)
        states: Array = session.run(None, inputs | {"words": model.word_embeddings[ids]})[0]
        return states

    return run


def _inputs(
    sequences: Sequence[Sequence[int]], reach: int, dimension: int
) -> dict[str, NDArray[Any]]:
    """The inputs that `onnx_graph.build_graph` describes, but for the words."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int32)
    inside = np.arange(lengths.max()) < lengths[:, None]  # (n, longest)
    rows = np.zeros(inside.shape, dtype=np.int32)  # padding is masked
    rows[inside] = np.arange(lengths.sum())
    is_local = bool(lengths.max() > reach + 1)  # else every token reaches all of its text
    return {
        "positions": np.nonzero(inside)[1][None],
        "lengths": lengths,
        "rows": rows,
        "places": np.flatnonzero(inside).astype(np.int32),
        "alike": np.array(inside.all()),
        "shape": np.array([*inside.shape, dimension], dtype=np.int64),
        "local": np.array(is_local),
        **_blocks(lengths if is_local else lengths[:0], reach),
    }


def _blocks(lengths: NDArray[np.int32], reach: int) -> dict[str, NDArray[Any]]:
    """The inputs of local attention."""
    size = max(reach, _MIN_BLOCK)
    firsts = np.cumsum(lengths) - lengths  # packed index of each text's first token
    queries: list[NDArray[Any]] = []
    keys: list[NDArray[Any]] = []
    biases: list[NDArray[Any]] = []
    back: list[NDArray[Any]] = []
    for first, length in zip(firsts.tolist(), lengths.tolist(), strict=True):
        for start in range(0, length, size):
            places = np.arange(start, start + size)
            near = np.arange(start - reach, start + size + reach)
            hidden = (
                (np.abs(near[None, :] - places[:, None]) > reach) | (near < 0) | (near >= length)
            )
            back.append(len(queries) * size + np.arange(min(size, length - start)))
            queries.append(first + np.minimum(places, length - 1))
            keys.append(first + np.clip(near, 0, length - 1))
            biases.append(np.where(hidden, _MASKED, np.float32(0)))
    return {
        "queries": np.array(queries, dtype=np.int32).reshape(-1, size),
        "keys": np.array(keys, dtype=np.int32).reshape(-1, size + 2 * reach),
        "bias": np.array(biases, dtype=np.float32).reshape(-1, 1, size, size + 2 * reach),
        "back": np.concatenate([*back, np.empty(0, dtype=np.int32)]).astype(np.int32),
    }
