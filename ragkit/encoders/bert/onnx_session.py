"""Compute BERT with ONNX Runtime.

Contract: `build_forward` returns a function with the signature of `Bert.forward`. The session gets
the graph (`onnx_graph`) and the model's own weights from memory: nothing is downloaded or cached,
and creating it takes a tenth of a second. Knows neither strings nor pooling.

With one thread a batch runs on the caller's thread: the caller has one worker per core, each with
a batch that fits its cache. On two cores that is 1.2 times as fast as one batch on two threads,
and 1.4 times on a busy machine, since no thread waits for another. One short text alone is faster
with all cores: most of the time goes into reading all weights once, and two threads read them
faster (3 ms, not 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert import onnx_graph
from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.model import Bert
from ragkit.encoders.runtime.session import Forward, create_session

Array = NDArray[np.float32]


def build_forward(
    bert: Bert, precision: str = "fp32", threads: int = 1, *, pairs: bool = False
) -> Forward:
    """Return a function from the token ids of some texts, and with `pairs` their token types, to
    (T, d) float32, as `Bert.forward`.

    The function is safe to call from threads. Raises ModelError, with the reason, if the runtime
    cannot be loaded or refuses the graph.
    """
    # A single text repeats few words, and int8 products cost less than the lookup.
    uses_table = threads == 1 and precision == "fp32" and not pairs
    first = FirstLayer(bert) if uses_table else None
    session = create_session(
        lambda: onnx_graph.build_graph(bert, precision, first, pairs=pairs), threads
    )

    def run(
        sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        ids = np.concatenate([np.asarray(sequence, dtype=np.int32) for sequence in sequences])
        inputs = _inputs(bert, sequences) | {"words": bert.word_embeddings[ids]}
        if first:
            table, inputs["entries"] = first.lookup(ids)
            inputs |= zip(onnx_graph.TABLES, table, strict=True)
        if pairs:
            inputs["types"] = _types(bert, sequences, types)
        states: Array = session.run(None, inputs)[0]
        return states

    return run


def _types(
    bert: Bert, sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None
) -> NDArray[np.int32]:
    """The token types of all texts; zeros for a model that has one type."""
    if types is None or len(bert.token_types) == 1:
        return np.zeros(sum(map(len, sequences)), dtype=np.int32)
    return np.concatenate([np.asarray(kinds, dtype=np.int32) for kinds in types])


def _inputs(bert: Bert, sequences: Sequence[Sequence[int]]) -> dict[str, NDArray[Any]]:
    """The inputs that `onnx_graph.build_graph` describes, but for the words."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int32)
    inside = np.arange(lengths.max()) < lengths[:, None]  # (n, longest)
    rows = np.zeros(inside.shape, dtype=np.int32)  # padding is masked
    rows[inside] = np.arange(lengths.sum())
    inputs = {
        "positions": np.concatenate([bert.positions(ids) for ids in sequences]).astype(np.int32),
        "lengths": lengths,
        "rows": rows,
        "places": np.flatnonzero(inside).astype(np.int32),
        "alike": np.array(inside.all()),
        "shape": np.array([*inside.shape, bert.dimension], dtype=np.int64),
    }
    if bert.bias:
        inputs["bias"] = np.ascontiguousarray(bert.bias.matrix(inside.shape[1])[None])
    return inputs
