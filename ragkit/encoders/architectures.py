"""The architectures that ragkit computes itself: one table from a `config.json` to its model.

Contract: `read` returns the forward pass in NumPy, `build_forward` the same in ONNX Runtime. Any
other architecture is left to sentence-transformers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragkit.encoders.bert import model as bert_model
from ragkit.encoders.bert.model import Bert
from ragkit.encoders.runtime.session import Forward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ragkit.encoders.modernbert.model import ModernBert

Array: TypeAlias = "NDArray[np.float32]"
Model: TypeAlias = "Bert | ModernBert"


def is_supported(config: Mapping[str, Any]) -> bool:
    """Whether ragkit computes the architecture that this `config.json` describes."""
    if config.get("model_type") != "modernbert":
        return bert_model.is_supported(config)
    from ragkit.encoders.modernbert import model as modernbert_model  # not for most models

    return modernbert_model.is_supported(config)


def read(config: Mapping[str, Any], weights: Mapping[str, Array]) -> Model:
    """Return the model of a config and its weights. Raises ModelError if they do not fit each
    other."""
    if config.get("model_type") != "modernbert":
        return Bert(config, weights)
    from ragkit.encoders.modernbert.model import ModernBert

    return ModernBert(config, weights)


def build_forward(
    model: Model, precision: str = "fp32", threads: int = 1, *, pairs: bool = False
) -> Forward:
    """Return the model's forward pass in ONNX Runtime; with `pairs` it takes token types. Raises
    ModelError if the runtime cannot be loaded or refuses the graph."""
    if isinstance(model, Bert):
        from ragkit.encoders.bert import onnx_session as bert_session

        return bert_session.build_forward(model, precision, threads, pairs=pairs)
    from ragkit.encoders.modernbert import onnx_session as modernbert_session

    return modernbert_session.build_forward(model, precision, threads)
