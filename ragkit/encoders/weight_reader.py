"""Read the weights of a model by name, and check their shapes against its `config.json`.

Contract: what does not fit is a ModelError that names the tensor. Knows no architecture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"


class WeightReader:
    """The tensors of a `model.safetensors` by name. `prefix` precedes the names of the encoder's
    tensors in a model that was saved with a head for some task."""

    def __init__(
        self, config: Mapping[str, Any], weights: Mapping[str, Array], prefix: str = ""
    ) -> None:
        self.config = config
        self._weights = weights
        self._prefix = prefix if any(name.startswith(prefix) for name in weights) else ""

    def size(self, key: str) -> int:
        """Return a size of the config. Raises ModelError if it is no positive integer."""
        value = self.config.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"config.json: {key} is {value!r}; expected a positive integer.")
        return value

    def tensor(self, name: str, *shape: int) -> Array:
        """Return a tensor of this shape. Raises ModelError if it is missing or has another."""
        tensor = self._weights.get(self._prefix + name)
        if tensor is None or tensor.shape != shape:
            has = "is missing" if tensor is None else f"has the shape {tensor.shape}"
            raise ModelError(
                f"model.safetensors: {name} {has}; config.json says {shape}: the two do not "
                f"belong together, fetch the model again."
            )
        return tensor
