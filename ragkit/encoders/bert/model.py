"""The forward pass of BERT in NumPy, written to be read beside the papers.

Contract: token ids in, one vector per token out, and on request every layer's vectors and
attention maps, all within 1e-5 of transformers' `BertModel` (relative for numbers above one; both
are that far from the same pass in float64). Computes encoders of the BERT architecture (BERT,
MiniLM, BGE, E5, GTE): absolute positions, layer norm after each residual. Knows neither strings
nor pooling.

    Vaswani et al. 2017, Attention Is All You Need, https://arxiv.org/abs/1706.03762
    Devlin et al. 2019, BERT, https://arxiv.org/abs/1810.04805
    Hendrycks & Gimpel 2016, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415

Texts are packed: the tokens of all texts of a batch lie one after another in one array, without
padding. Only attention needs to know where a text ends; everything else treats each token alone.

Shapes: T tokens in the batch, n tokens in one text, d the hidden size, h heads of d/h numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ModelError

Array = NDArray[np.float32]
Maps = list[Array]
"""The attention maps of one layer: (h, n, n) float32 for each text."""

_BLOCK = 32_768  # numbers that an activation works on at once, so that they stay in the cache


def gelu(x: Array) -> Array:
    """GELU: x · Φ(x) with Φ the normal distribution. (T, any) float32, in place.

    Computed as max(0, x) - |x| · Φ(-|x|) with Φ(-a) = erfc(a/√2) / 2, and erfc by Abramowitz &
    Stegun 7.1.26, |error| ≤ 1.5e-7, about one unit in the last place of float32.
    """
    rows = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), rows):
        y = x[start : start + rows]
        a = np.abs(y)
        t = a * np.float32(0.3275911 * math.sqrt(0.5))
        t += 1
        np.reciprocal(t, out=t)
        half_erfc = np.float32(1.061405429 / 2) * t
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            half_erfc += np.float32(coefficient / 2)
            half_erfc *= t
        np.multiply(y, y, out=t)
        t *= np.float32(-0.5)
        np.exp(t, out=t)
        half_erfc *= t
        half_erfc *= a
        np.maximum(y, 0, out=y)
        y -= half_erfc
    return x


def gelu_tanh(x: Array) -> Array:
    """The tanh approximation of GELU, which some models were trained with. (T, any) float32."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)
    share: Array = (1 + np.tanh(inner)) * np.float32(0.5)
    return x * share


def relu(x: Array) -> Array:
    """max(0, x), in place."""
    np.maximum(x, 0, out=x)
    return x


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": relu,
}
"""Activation functions by their names in `config.json`; the argument may be overwritten."""


def is_supported(config: Mapping[str, Any]) -> bool:
    """Whether `Bert` computes the architecture that this `config.json` describes."""
    return (
        config.get("model_type") == "bert"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("hidden_act", "gelu") in ACTIVATIONS
        and not config.get("is_decoder", False)
    )


def softmax(scores: Array) -> Array:
    """Softmax over the last axis, in place. The largest score is subtracted against overflow."""
    scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    return scores


@dataclass(frozen=True, slots=True)
class Linear:
    """x → x · Wᵀ + b, with W (outputs, inputs) as the file stores it."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """(T, outputs) float32 from (T, inputs)."""
        y: Array = x @ self.weight.T
        y += self.bias
        return y


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Scale every token's vector to mean 0 and variance 1, then apply a learned scale and shift."""

    weight: Array
    bias: Array
    epsilon: np.float32

    def __call__(self, x: Array) -> Array:
        """(T, d) float32."""
        share = np.float32(1 / x.shape[1])
        mean: Array = np.add.reduce(x, axis=1, keepdims=True)
        x = x - mean * share
        # Pairwise sums: einsum's own are five times less exact.
        variance: Array = np.add.reduce(x * x, axis=1, keepdims=True)
        variance *= share
        np.divide(x, np.sqrt(variance + self.epsilon), out=x)
        x *= self.weight
        x += self.bias
        return x


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer: attention mixes the tokens of a text, then two linear maps (the
    feed-forward network) transform each token alone."""

    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    attention_norm: LayerNorm
    up: Linear
    activation: Callable[[Array], Array]
    down: Linear
    output_norm: LayerNorm
    heads: int

    def __call__(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """(T, d) float32 from the (T, d) of the layer below."""
        attended = self.attention_output(self.attention(x, texts, maps))
        attended += x  # residual: the layer adds to what was there
        x = self.attention_norm(attended)
        transformed = self.down(self.activation(self.up(x)))
        transformed += x
        return self.output_norm(transformed)

    def attention(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """Multi-head self-attention; returns (T, d) float32.

        Each token gets the weighted mean of its text's values. The weights are the softmax of its
        query times their keys, computed by each head on its own d/h numbers. `maps` receives the
        weights of each text, (h, n, n); every row sums to 1.
        """
        width = x.shape[1] // self.heads
        q, k, v = self.query(x), self.key(x), self.value(x)
        q *= np.float32(1 / math.sqrt(width))
        mixed = np.empty_like(x)
        for text in texts:
            # (h, n, d/h) each: views, no copies
            qh, kh, vh = (y[text].reshape(-1, self.heads, width).swapaxes(0, 1) for y in (q, k, v))
            scores = qh @ kh.swapaxes(1, 2)  # (h, n, n): every token attends to every token
            # A decoder (GPT) differs in one line, which masks the later tokens:
            #   scores += np.triu(np.full(scores.shape[1:], -np.inf, np.float32), k=1)
            weights = softmax(scores)
            if maps is not None:
                maps.append(weights)
            mixed[text] = (weights @ vh).swapaxes(0, 1).reshape(-1, x.shape[1])
        return mixed


class Bert:
    """A BERT encoder with `weights`, the tensors of its `model.safetensors` by name. Raises
    ModelError if the config is not supported or does not fit the tensors."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        if not is_supported(config):
            raise ModelError(
                f"the NumPy encoder supports BERT with absolute positions and the activations "
                f"{', '.join(ACTIVATIONS)}, not {config.get('model_type')!r} with "
                f"{config.get('position_embedding_type', 'absolute')!r} positions and "
                f"{config.get('hidden_act', 'gelu')!r}: use sentence-transformers for it."
            )
        read = _WeightReader(config, weights)
        d = self.dimension = read.size("hidden_size")
        self.word_embeddings = read.tensor(
            "embeddings.word_embeddings.weight", read.size("vocab_size"), d
        )
        self.position_embeddings = read.tensor(
            "embeddings.position_embeddings.weight", read.size("max_position_embeddings"), d
        )
        # Type 1 marks the second text of a pair; an encoder of single texts uses type 0.
        types = read.size("type_vocab_size")
        self.token_type_embedding = read.tensor(
            "embeddings.token_type_embeddings.weight", types, d
        )[0]
        self.norm = read.layer_norm("embeddings.LayerNorm")
        self.layers = [read.layer(i) for i in range(read.size("num_hidden_layers"))]

    def forward(self, sequences: Sequence[Sequence[int]]) -> Array:
        """Return the last layer's vector of every token, text after text: (T, d) float32."""
        for states in self.hidden_states(sequences):
            last = states
        return last

    def hidden_states(
        self, sequences: Sequence[Sequence[int]], attention: list[Maps] | None = None
    ) -> Iterator[Array]:
        """Yield the output of the embedding layer, then that of each layer: (T, d) float32 each.

        Each text has at least one id and at most as many as the model has positions. `attention`
        receives for each layer the list of the texts' attention maps, (h, n, n) float32 each.
        """
        ends = np.cumsum([len(sequence) for sequence in sequences])
        texts = [slice(end - len(seq), end) for end, seq in zip(ends, sequences, strict=True)]
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        positions = np.concatenate([np.arange(len(sequence)) for sequence in sequences])
        x = self.norm(
            self.word_embeddings[ids]
            + self.position_embeddings[positions]
            + self.token_type_embedding
        )
        yield x
        for layer in self.layers:
            maps: Maps | None = None if attention is None else []
            x = layer(x, texts, maps)
            if attention is not None and maps is not None:
                attention.append(maps)
            yield x


class _WeightReader:
    """Read tensors by name and check their shapes against the config."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        self.config, self.weights = config, weights
        # A model saved with a task head has this prefix.
        self.prefix = "bert." if "bert.embeddings.word_embeddings.weight" in weights else ""

    def size(self, key: str) -> int:
        value = self.config.get(key)
        if not isinstance(value, int) or value < 1:
            raise ModelError(f"config.json: {key} is {value!r}; expected a positive integer.")
        return value

    def tensor(self, name: str, *shape: int) -> Array:
        tensor = self.weights.get(self.prefix + name)
        if tensor is None or tensor.shape != shape:
            has = "is missing" if tensor is None else f"has the shape {tensor.shape}"
            raise ModelError(
                f"model.safetensors: {name} {has}; config.json says {shape}: the two do not "
                f"belong together, fetch the model again."
            )
        return tensor

    def linear(self, name: str, inputs: int, outputs: int) -> Linear:
        weight = self.tensor(f"{name}.weight", outputs, inputs)
        return Linear(weight, self.tensor(f"{name}.bias", outputs))

    def layer_norm(self, name: str) -> LayerNorm:
        d = self.size("hidden_size")
        epsilon = np.float32(self.config.get("layer_norm_eps", 1e-12))
        return LayerNorm(self.tensor(f"{name}.weight", d), self.tensor(f"{name}.bias", d), epsilon)

    def layer(self, index: int) -> Layer:
        at = f"encoder.layer.{index}"
        d, wide = self.size("hidden_size"), self.size("intermediate_size")
        heads = self.size("num_attention_heads")
        if d % heads:
            raise ModelError(
                f"config.json: num_attention_heads {heads} does not divide hidden_size {d}."
            )
        return Layer(
            query=self.linear(f"{at}.attention.self.query", d, d),
            key=self.linear(f"{at}.attention.self.key", d, d),
            value=self.linear(f"{at}.attention.self.value", d, d),
            attention_output=self.linear(f"{at}.attention.output.dense", d, d),
            attention_norm=self.layer_norm(f"{at}.attention.output.LayerNorm"),
            up=self.linear(f"{at}.intermediate.dense", d, wide),
            activation=ACTIVATIONS[self.config.get("hidden_act", "gelu")],
            down=self.linear(f"{at}.output.dense", wide, d),
            output_norm=self.layer_norm(f"{at}.output.LayerNorm"),
            heads=heads,
        )
