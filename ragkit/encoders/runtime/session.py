"""Sessions of ONNX Runtime for graphs that are built in memory.

Contract: `create_session` raises ModelError, with the reason, if the runtime cannot be loaded or
refuses the graph. The weights are used where they are, in memory or in a mapped file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"


class Forward(Protocol):
    """A forward pass: token ids of some texts, and of pairs their types, to (T, d) float32."""

    def __call__(
        self, sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        """Return the vectors of all tokens, text after text."""


def create_session(build: Callable[[], tuple[bytes, dict[str, NDArray[Any]]]], threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return a session for the graph and the weights that `build` returns."""
    try:
        return _session(*build(), threads)
    except Exception as error:  # onnxruntime has many types, and ImportError on rare systems
        raise ModelError(f"ONNX Runtime cannot serve this model ({error})") from error


def _session(model: bytes, weights: dict[str, NDArray[Any]], threads: int) -> Any:  # noqa: ANN401
    import onnxruntime  # which has no types

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Waiting threads sleep: a server has other work for its cores between two queries.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The next level would fuse Add and LayerNormalization into SkipLayerNormalization.
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.graph_optimization_level = level
    options.log_severity_level = 3  # errors, which are raised as well
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(weight) for weight in weights.values()]
    options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
