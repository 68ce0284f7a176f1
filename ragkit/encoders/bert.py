"""The forward pass of BERT in NumPy, written to be read beside the papers.

Contract: token ids in, one vector per token out, equal to transformers' `BertModel` within 1e-5
at every layer. Serves encoders of the BERT shape (BERT, MiniLM, BGE, E5, GTE): absolute
positions, layer norm after each residual. Knows neither strings nor pooling.

    Vaswani et al. 2017, Attention Is All You Need, https://arxiv.org/abs/1706.03762
    Devlin et al. 2019, BERT, https://arxiv.org/abs/1810.04805
    Hendrycks & Gimpel 2016, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415

Texts are packed: the tokens of all texts of a batch lie one after another in one array, without
padding. Only attention needs to know where a text ends; everything else treats a token alone.

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

# Rows of an activation are worked on in blocks that stay in the processor's cache.
_BLOCK = 32_768


def supported(config: Mapping[str, Any]) -> bool:
    """Whether `Bert` computes what this `config.json` describes."""
    return (
        config.get("model_type") == "bert"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("hidden_act", "gelu") in ACTIVATIONS
        and not config.get("is_decoder", False)
    )


def gelu(x: Array) -> Array:
    """x · Φ(x), exactly: Φ(x) = (1 + erf(x/√2)) / 2. Works in place. (T, any) float32.

    erf by Abramowitz & Stegun 7.1.26, |error| ≤ 1.5e-7, about one unit of float32.
    """
    rows = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), rows):
        y = x[start : start + rows]
        z = np.abs(y) * np.float32(math.sqrt(0.5))
        t = 1 / (1 + np.float32(0.3275911) * z)
        series = np.float32(1.061405429) * t
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            series += np.float32(coefficient)
            series *= t
        np.multiply(z, -z, out=z)
        np.exp(z, out=z)
        erf = np.copysign(1 - series * z, y)
        erf += 1
        y *= np.float32(0.5) * erf
    return x


def gelu_tanh(x: Array) -> Array:
    """The tanh approximation of GELU, which some models were trained with."""
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


def softmax(scores: Array) -> Array:
    """Rows that sum to 1, in place; the largest score is taken off first against overflow."""
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
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
    """Every token's vector to mean 0 and variance 1, then a learned scale and shift."""

    weight: Array
    bias: Array
    epsilon: np.float32

    def __call__(self, x: Array) -> Array:
        """(T, d) float32."""
        x = x - x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x)[:, None] / np.float32(x.shape[1])
        x *= 1 / np.sqrt(variance + self.epsilon)
        x *= self.weight
        x += self.bias
        return x


@dataclass(frozen=True, slots=True)
class Layer:
    """One transformer layer: attention mixes tokens, two linear maps transform each alone."""

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

    def __call__(self, x: Array, texts: Sequence[slice]) -> Array:
        """(T, d) float32 from the layer below's (T, d)."""
        attended = self.attention_output(self.attention(x, texts))
        attended += x  # residual: the layer adds to what was there
        x = self.attention_norm(attended)
        transformed = self.down(self.activation(self.up(x)))
        transformed += x
        return self.output_norm(transformed)

    def attention(self, x: Array, texts: Sequence[slice]) -> Array:
        """(T, d) float32: for each token the values of its text's tokens, weighted by how well
        its query meets their keys, every head in its own d/h numbers."""
        width = x.shape[1] // self.heads
        q, k, v = self.query(x), self.key(x), self.value(x)
        q *= np.float32(1 / math.sqrt(width))
        mixed = np.empty_like(x)
        for text in texts:
            # (h, n, d/h) each: views, nothing is copied
            qh, kh, vh = (y[text].reshape(-1, self.heads, width).swapaxes(0, 1) for y in (q, k, v))
            scores = qh @ kh.swapaxes(1, 2)  # (h, n, n): every token looks at every token
            # A decoder (GPT) differs in this line, which would hide what comes later:
            #   scores += np.triu(np.full(scores.shape[1:], -np.inf, np.float32), k=1)
            mixed[text] = (softmax(scores) @ vh).swapaxes(0, 1).reshape(-1, x.shape[1])
        return mixed


class Bert:
    """A BERT encoder over `weights`, the tensors of its `model.safetensors` by name."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        if not supported(config):
            raise ModelError(
                f"the NumPy encoder serves BERT with absolute positions and the activations "
                f"{', '.join(ACTIVATIONS)}, not {config.get('model_type')!r} with "
                f"{config.get('position_embedding_type', 'absolute')!r} positions and "
                f"{config.get('hidden_act', 'gelu')!r}: sentence-transformers serves it."
            )
        read = _Reader(config, weights)
        d = self.dimension = read.size("hidden_size")
        self.words = read.tensor("embeddings.word_embeddings.weight", read.size("vocab_size"), d)
        self.positions = read.tensor(
            "embeddings.position_embeddings.weight", read.size("max_position_embeddings"), d
        )
        # A second type marks the second text of a pair; an encoder of single texts has one.
        types = read.size("type_vocab_size")
        self.type = read.tensor("embeddings.token_type_embeddings.weight", types, d)[0]
        self.norm = read.layer_norm("embeddings.LayerNorm")
        self.layers = [read.layer(i) for i in range(read.size("num_hidden_layers"))]

    def forward(self, sequences: Sequence[Sequence[int]]) -> Array:
        """(T, d) float32: the last layer's vector of every token, texts one after another."""
        for states in self.hidden_states(sequences):
            last = states
        return last

    def hidden_states(self, sequences: Sequence[Sequence[int]]) -> Iterator[Array]:
        """(T, d) float32 for the embeddings, then after each layer. Each text needs at least
        one id and at most as many as the model has positions."""
        ends = np.cumsum([len(sequence) for sequence in sequences])
        texts = [slice(end - len(seq), end) for end, seq in zip(ends, sequences, strict=True)]
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        places = np.concatenate([np.arange(len(sequence)) for sequence in sequences])
        x = self.norm(self.words[ids] + self.positions[places] + self.type)
        yield x
        for layer in self.layers:
            x = layer(x, texts)
            yield x


class _Reader:
    """Finds tensors by name and checks their shapes against the config."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        self.config, self.weights = config, weights
        # A model saved with a head on top carries this prefix.
        self.prefix = "bert." if "bert.embeddings.word_embeddings.weight" in weights else ""

    def size(self, key: str) -> int:
        value = self.config.get(key)
        if not isinstance(value, int) or value < 1:
            raise ModelError(f"config.json: {key} is {value!r}, a positive number is needed.")
        return value

    def tensor(self, name: str, *shape: int) -> Array:
        found = self.weights.get(self.prefix + name)
        if found is None or found.shape != shape:
            has = "is missing" if found is None else f"has the shape {found.shape}"
            raise ModelError(f"model.safetensors: {name} {has}; config.json asks for {shape}.")
        return found

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
            raise ModelError(f"config.json: num_attention_heads {heads} do not divide {d}.")
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
