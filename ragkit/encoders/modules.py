"""The modules of sentence-transformers that follow pooling: Dense, LayerNorm, Normalize.

Contract: `is_supported` says whether ragkit computes a module in some folder, `read` returns a
function from vectors to vectors. https://sbert.net/docs/package_reference/base/modules.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragkit.encoders import pooling
from ragkit.encoders.bert import safetensors_file
from ragkit.encoders.bert.model import LayerNorm, Linear, gelu, relu
from ragkit.encoders.weight_reader import WeightReader

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"
VectorFunction = Callable[[Array], Array]
"""(n, any) float32 → (n, d) float32; the argument may be overwritten."""

_LAYER_NORM_EPSILON = np.float32(1e-5)


def _identity(x: Array) -> Array:
    return x


def _tanh(x: Array) -> Array:
    return np.tanh(x)


def _sigmoid(x: Array) -> Array:
    positive = 1 / (1 + np.exp(-np.abs(x)))  # of |x|, against overflow
    return np.where(x < 0, 1 - positive, positive).astype(np.float32)


def _silu(x: Array) -> Array:
    return x * _sigmoid(x)


_TORCH = "torch.nn.modules"
_ACTIVATIONS: dict[str, VectorFunction] = {
    f"{_TORCH}.linear.Identity": _identity,
    f"{_TORCH}.activation.Tanh": _tanh,
    f"{_TORCH}.activation.GELU": gelu,
    f"{_TORCH}.activation.ReLU": relu,
    f"{_TORCH}.activation.SiLU": _silu,
    f"{_TORCH}.activation.Sigmoid": _sigmoid,
}
_DEFAULT_ACTIVATION = f"{_TORCH}.activation.Tanh"
_VECTOR = "sentence_embedding"  # what the library calls the vector of a text


def is_supported(kind: str, folder: Path) -> bool:
    """Whether ragkit computes the module of this kind in this folder."""
    if kind == "Normalize":
        return True
    if kind not in ("Dense", "LayerNorm") or not (folder / "model.safetensors").is_file():
        return False
    config = _config(folder)
    inputs = config.get("module_input_name") or _VECTOR
    return (
        inputs == _VECTOR
        and (config.get("module_output_name") or inputs) in (_VECTOR, "scores")
        and not config.get("use_residual")
        and config.get("activation_function", _DEFAULT_ACTIVATION) in _ACTIVATIONS
    )


def read(modules: Sequence[tuple[str, Path]]) -> VectorFunction:
    """Return the function that applies modules, each a kind and its folder, one after another.
    Raises ModelError if a module's weights do not fit its settings."""
    steps = [_read(kind, folder) for kind, folder in modules]

    def apply(vectors: Array) -> Array:
        for step in steps:
            vectors = step(vectors)
        return vectors

    return apply


def _read(kind: str, folder: Path) -> VectorFunction:
    if kind == "Normalize":
        return pooling.normalize_rows
    config = _config(folder)
    weights = WeightReader(config, safetensors_file.map_tensors(folder / "model.safetensors"))
    if kind == "LayerNorm":
        d = weights.size("dimension")
        parts = weights.tensor("norm.weight", d), weights.tensor("norm.bias", d)
        return LayerNorm(*parts, _LAYER_NORM_EPSILON)
    inputs, outputs = weights.size("in_features"), weights.size("out_features")
    bias = np.zeros(outputs, dtype=np.float32)
    if config.get("bias", True):
        bias = weights.tensor("linear.bias", outputs)
    linear = Linear(weights.tensor("linear.weight", outputs, inputs), bias)
    activation = _ACTIVATIONS[config.get("activation_function", _DEFAULT_ACTIVATION)]
    return lambda vectors: activation(linear(vectors))


def _config(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
