"""The forward pass of BERT in NumPy, written to be read beside the papers.

Contract: token ids in, one vector per token out, and on request every layer's vectors and
attention, all equal to transformers' `BertModel` within 1e-5 (of a number above one, of itself:
both are that far from the same pass in float64). Serves encoders of the BERT shape (BERT, MiniLM,
BGE, E5, GTE): absolute positions, layer norm after each residual. Knows neither strings nor
pooling.

    Vaswani et al. 2017, Attention Is All You Need, https://arxiv.org/abs/1706.03762
    Devlin et al. 2019, BERT, https://arxiv.org/abs/1810.04805

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

from ragkit.encoders.bert.activations import ACTIVATIONS
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Maps = list[Array]
"""Attention of one layer: (h, n, n) for each text."""


def supported(config: Mapping[str, Any]) -> bool:
    """Whether `Bert` computes what this `config.json` describes."""
    return (
        config.get("model_type") == "bert"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("hidden_act", "gelu") in ACTIVATIONS
        and not config.get("is_decoder", False)
    )


def softmax(scores: Array) -> Array:
    """Rows that sum to 1, in place; the largest score is taken off first against overflow."""
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
    """Every token's vector to mean 0 and variance 1, then a learned scale and shift."""

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

    def __call__(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """(T, d) float32 from the layer below's (T, d)."""
        attended = self.attention_output(self.attention(x, texts, maps))
        attended += x  # residual: the layer adds to what was there
        x = self.attention_norm(attended)
        transformed = self.down(self.activation(self.up(x)))
        transformed += x
        return self.output_norm(transformed)

    def attention(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """(T, d) float32: for each token the values of its text's tokens, weighted by how well
        its query meets their keys, every head in its own d/h numbers. `maps` receives the
        weights of each text: (h, n, n), the row of a token sums to 1 over all it looks at."""
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
            weights = softmax(scores)
            if maps is not None:
                maps.append(weights)
            mixed[text] = (weights @ vh).swapaxes(0, 1).reshape(-1, x.shape[1])
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

    def hidden_states(
        self, sequences: Sequence[Sequence[int]], attention: list[Maps] | None = None
    ) -> Iterator[Array]:
        """(T, d) float32 for the embeddings, then after each layer. Each text needs at least
        one id and at most as many as the model has positions. `attention` receives, layer by
        layer, the list of the texts' attention maps, (h, n, n) float32 each."""
        ends = np.cumsum([len(sequence) for sequence in sequences])
        texts = [slice(end - len(seq), end) for end, seq in zip(ends, sequences, strict=True)]
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        places = np.concatenate([np.arange(len(sequence)) for sequence in sequences])
        x = self.norm(self.words[ids] + self.positions[places] + self.type)
        yield x
        for layer in self.layers:
            maps: Maps | None = None if attention is None else []
            x = layer(x, texts, maps)
            if attention is not None and maps is not None:
                attention.append(maps)
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
            raise ModelError(
                f"model.safetensors: {name} {has}; config.json asks for {shape}: the two do not "
                f"belong together, fetch the model again."
            )
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
