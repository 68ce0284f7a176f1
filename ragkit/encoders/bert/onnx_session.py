"""BERT computed by ONNX Runtime.

Contract: `forward` turns a `Bert` into a function of the same shape as `Bert.forward`. The runtime
gets the graph (`graph.py`) in memory together with the model's own weights: nothing is downloaded
or cached, and it takes a tenth of a second. Knows neither strings nor pooling.

With one thread a batch runs on the caller's: callers have a worker a core, each with a batch that
stays in its cache. On two cores that is 1.2 times as fast as one batch on two threads, and on a
busy machine 1.4 times, since no thread waits for another. For one short text alone it is the other
way round: what takes time is to read all weights once, and two threads read faster (3 ms, not 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert import onnx_graph
from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.model import Bert
from ragkit.errors import ModelError

Array = NDArray[np.float32]


def forward(
    bert: Bert, precision: str = "fp32", threads: int = 1
) -> Callable[[Sequence[Sequence[int]]], Array]:
    """(T, d) float32 from the token ids of some texts, packed, as `Bert.forward` gives them.

    Safe to call from threads. Raises ModelError where the runtime cannot be loaded or refuses the
    graph: the reason is in the message.
    """
    # One text has few words twice, and products of 8 bits are cheaper than looking up.
    first = FirstLayer(bert) if threads == 1 and precision == "fp32" else None
    try:
        session = _session(bert, first, precision, threads)
    except Exception as error:  # onnxruntime raises its own kinds, and ImportError on rare systems
        raise ModelError(f"ONNX Runtime cannot serve this model ({error})") from error

    def run(sequences: Sequence[Sequence[int]]) -> Array:
        inputs = _inputs(sequences, bert.dimension)
        if first:
            table, inputs["words"] = first.find(inputs["ids"])
            inputs |= zip(onnx_graph.TABLES, table, strict=True)
        states: Array = session.run(None, inputs)[0]
        return states

    return run


def _inputs(sequences: Sequence[Sequence[int]], dimension: int) -> dict[str, NDArray[Any]]:
    """What `graph.write` says of them."""
    lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int32)
    inside = np.arange(lengths.max()) < lengths[:, None]  # (n, longest)
    ids = np.concatenate([np.asarray(each, dtype=np.int32) for each in sequences])
    rows = np.zeros(inside.shape, dtype=np.int32)  # what fills up is never looked at
    rows[inside] = np.arange(len(ids))
    return {
        "ids": ids,
        "positions": np.nonzero(inside)[1].astype(np.int32),
        "lengths": lengths,
        "rows": rows,
        "places": np.flatnonzero(inside).astype(np.int32),
        "alike": np.array(inside.all()),
        "shape": np.array([*inside.shape, dimension], dtype=np.int64),
    }


def _session(bert: Bert, first: FirstLayer | None, precision: str, threads: int) -> Any:  # noqa: ANN401
    import onnxruntime  # which has no types

    onnxruntime.disable_telemetry_events()
    model, weights = onnx_graph.write(bert, precision, first)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that wait sleep: a server has other work for its cores between two queries.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # No more than that: the next level makes SkipLayerNormalization of Add and LayerNormalization.
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.graph_optimization_level = level
    options.log_severity_level = 3  # errors, which are raised as well
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in weights.values()]
    options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
