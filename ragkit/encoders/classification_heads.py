"""The heads of cross-encoders: from one vector per token to one logit per pair of texts.

Contract: `read` returns the function of a model that transformers calls
`…ForSequenceClassification`, for the architectures that ragkit computes. All but ModernBERT's mean
look at the first token only. Knows neither strings nor engines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders import pooling
from ragkit.encoders.bert.model import ACTIVATIONS, LayerNorm, Linear, relu
from ragkit.encoders.weight_reader import WeightReader
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Head = Callable[[Array, Sequence[int]], Array]
"""(T, d) float32 and the tokens of each pair → (n,) float32 logits."""


@dataclass(frozen=True, slots=True)
class _Names:
    dense: str
    activation: Callable[[Array], Array]
    classifier: str


_ROBERTA = _Names("classifier.dense", np.tanh, "classifier.out_proj")
_NAMES = {
    "bert": _Names("bert.pooler.dense", np.tanh, "classifier"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "mpnet": _ROBERTA,
    "distilbert": _Names("pre_classifier", relu, "classifier"),
}


def read(config: Mapping[str, Any], weights: Mapping[str, Array]) -> Head:
    """Return the head of a model with one logit. Raises ModelError if its weights do not fit."""
    tensors = WeightReader(config, weights)
    if config.get("model_type") == "modernbert":
        return _read_modernbert(tensors)
    names = _NAMES[config["model_type"]]
    d = tensors.size("dim" if config["model_type"] == "distilbert" else "hidden_size")
    dense, classifier = (
        _linear(tensors, names.dense, d, d),
        _linear(tensors, names.classifier, d, 1),
    )

    def logits(states: Array, lengths: Sequence[int]) -> Array:
        first = pooling.cls(states, lengths)
        return classifier(names.activation(dense(first)))[:, 0]

    return logits


def _read_modernbert(tensors: WeightReader) -> Head:
    """Pooling, a dense layer with its norm, and the classifier."""
    config, d = tensors.config, tensors.size("hidden_size")
    mode = config.get("classifier_pooling", "cls")
    name = config.get("classifier_activation", "gelu")
    if mode not in ("cls", "mean") or name not in ACTIVATIONS:
        raise ModelError(
            f"config.json: classifier_pooling is {mode!r} and classifier_activation {name!r}; "
            f"expected cls or mean, and one of {', '.join(ACTIVATIONS)}"
        )
    pool, activation = pooling.POOLINGS[mode], ACTIVATIONS[name]
    dense = _linear(tensors, "head.dense", d, d, bias=config.get("classifier_bias", False))
    zeros = np.zeros(d, dtype=np.float32)
    shift = tensors.tensor("head.norm.bias", d) if config.get("norm_bias", False) else zeros
    epsilon = np.float32(config.get("norm_eps", 1e-5))
    norm = LayerNorm(tensors.tensor("head.norm.weight", d), shift, epsilon)
    classifier = _linear(tensors, "classifier", d, 1)

    def logits(states: Array, lengths: Sequence[int]) -> Array:
        return classifier(norm(activation(dense(pool(states, lengths)))))[:, 0]

    return logits


def _linear(
    tensors: WeightReader, name: str, inputs: int, outputs: int, *, bias: bool = True
) -> Linear:
    weight = tensors.tensor(f"{name}.weight", outputs, inputs)
    zeros = np.zeros(outputs, dtype=np.float32)
    return Linear(weight, tensors.tensor(f"{name}.bias", outputs) if bias else zeros)
