"""The forward pass of BERT in NumPy, written to be read beside the papers.

Contract: token ids in, one vector per token out, and on request every layer's vectors and
attention maps, all within 1e-5 of transformers' `BertModel` (relative for numbers above one; both
are that far from the same pass in float64). Computes encoders of the BERT architecture (BERT,
MiniLM, BGE, E5, GTE) and of its relatives RoBERTa, XLM-R, CamemBERT, DistilBERT and MPNet:
absolute positions, layer norm after each residual. `variants` says where each stores its weights.
Knows neither strings nor pooling.

    Vaswani et al. 2017, Attention Is All You Need, https://arxiv.org/abs/1706.03762
    Devlin et al. 2019, BERT, https://arxiv.org/abs/1810.04805
    Liu et al. 2019, RoBERTa, https://arxiv.org/abs/1907.11692
    Sanh et al. 2019, DistilBERT, https://arxiv.org/abs/1910.01108
    Song et al. 2020, MPNet, https://arxiv.org/abs/2004.09297
    Hendrycks & Gimpel 2016, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415

Texts are packed: the tokens of all texts of a batch lie one after another in one array, without
padding. Only attention needs to know where a text ends; everything else treats each token alone.

Shapes: T tokens in the batch, n tokens in one text, d the hidden size, h heads of d/h numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from ragkit.encoders.bert.variants import VARIANTS, Variant
from ragkit.encoders.weight_reader import WeightReader
from ragkit.errors import ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Array: TypeAlias = "NDArray[np.float32]"
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
    variant = VARIANTS.get(config.get("model_type", ""))
    return (
        variant is not None
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get(variant.activation, "gelu") in ACTIVATIONS
        and not config.get("is_decoder", False)
        and not config.get("sinusoidal_pos_embds", False)
    )


def softmax(scores: Array) -> Array:
    """Softmax over the last axis, in place. The largest score is subtracted against overflow."""
    scores -= np.maximum.reduce(scores, axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= np.add.reduce(scores, axis=-1, keepdims=True)
    return scores


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Linear:
    """x → x · Wᵀ + b, with W (outputs, inputs) as the file stores it."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """(T, outputs) float32 from (T, inputs)."""
        y: Array = x @ self.weight.T
        y += self.bias
        return y


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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


@dataclass(frozen=True, slots=True, eq=False, repr=False)
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

    def __call__(
        self,
        x: Array,
        texts: Sequence[slice],
        maps: Maps | None = None,
        bias: RelativeBias | None = None,
    ) -> Array:
        """(T, d) float32 from the (T, d) of the layer below."""
        attended = self.attention_output(self.attention(x, texts, maps, bias))
        attended += x  # residual: the layer adds to what was there
        x = self.attention_norm(attended)
        transformed = self.down(self.activation(self.up(x)))
        transformed += x
        return self.output_norm(transformed)

    def attention(
        self,
        x: Array,
        texts: Sequence[slice],
        maps: Maps | None = None,
        bias: RelativeBias | None = None,
    ) -> Array:
        """Multi-head self-attention; returns (T, d) float32.

        Each token gets the weighted mean of its text's values. The weights are the softmax of its
        query times their keys, computed by each head on its own d/h numbers. `maps` receives the
        weights of each text, (h, n, n); every row sums to 1. MPNet adds a `bias` to the scores.
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
            if bias is not None:
                scores += bias.matrix(scores.shape[1])
            weights = softmax(scores)
            if maps is not None:
                maps.append(weights)
            mixed[text] = (weights @ vh).swapaxes(0, 1).reshape(-1, x.shape[1])
        return mixed


class RelativeBias:
    """What MPNet adds to the scores of two tokens, by the distance between them: `table`,
    (buckets, h) float32.

    Half of the buckets are for tokens before, half for tokens after. In each half, half of the
    buckets are for one distance each, the others for ranges that grow up to 128 tokens.
    Raffel et al. 2020, T5, https://arxiv.org/abs/1910.10683
    """

    _MAX_DISTANCE = 128

    def __init__(self, table: Array) -> None:
        self._table = table
        self._matrix = np.empty((table.shape[1], 0, 0), dtype=np.float32)

    def matrix(self, tokens: int) -> Array:
        """Return the bias of each pair of tokens of a text: (h, tokens, tokens) float32."""
        matrix = self._matrix
        if matrix.shape[1] < tokens:  # the corner of a longer text's matrix is a shorter one's
            matrix = self._table[self._buckets(tokens)].transpose(2, 0, 1)
            self._matrix = matrix = np.ascontiguousarray(matrix)
        return matrix[:, :tokens, :tokens]

    def _buckets(self, tokens: int) -> NDArray[np.intp]:
        half = len(self._table) // 2
        exact = half // 2
        places = np.arange(tokens)
        after = places[None, :] - places[:, None]  # (n, n)
        distance = np.abs(after)
        share = np.log(np.maximum(distance, 1).astype(np.float32) / np.float32(exact))
        share /= np.float32(math.log(self._MAX_DISTANCE / exact))
        ranges = exact + (share * np.float32(half - exact)).astype(np.intp)
        bucket = np.where(distance < exact, distance, np.minimum(ranges, half - 1))
        buckets: NDArray[np.intp] = bucket + half * (after > 0)
        return buckets


class Bert:
    """An encoder with `weights`, the tensors of its `model.safetensors` by name. Raises ModelError
    if the config is not supported or does not fit the tensors."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        if not is_supported(config):
            raise ModelError(
                f"the NumPy encoder supports {', '.join(VARIANTS)} with absolute positions and the "
                f"activations {', '.join(ACTIVATIONS)}, not {config.get('model_type')!r} with "
                f"{config.get('position_embedding_type', 'absolute')!r} positions and "
                f"{config.get('hidden_act', 'gelu')!r}: use sentence-transformers for it."
            )
        variant = VARIANTS[config["model_type"]]
        read = _Reader(WeightReader(config, weights, variant.prefix), variant)
        d = self.dimension = read.size("hidden_size")
        self.word_embeddings = read.embeddings("word_embeddings", read.size("vocab_size"))
        self.position_embeddings = read.embeddings(
            "position_embeddings", read.size("max_position_embeddings")
        )
        # Type 1 marks the second text of a pair; an encoder of single texts uses type 0.
        self.token_types = np.zeros((1, d), dtype=np.float32)
        if variant.has_types:
            self.token_types = read.embeddings(
                "token_type_embeddings", read.size("type_vocab_size")
            )
        self.token_type_embedding = self.token_types[0]
        self._padding = variant.padding(config)
        self.norm = read.layer_norm("embeddings.LayerNorm")
        self.layers = [read.layer(i) for i in range(read.size("num_hidden_layers"))]
        self.bias = read.relative_bias()

    def forward(
        self, sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        """Return the last layer's vector of every token, text after text: (T, d) float32."""
        for states in self.hidden_states(sequences, types=types):
            last = states
        return last

    def positions(self, sequence: Sequence[int]) -> NDArray[np.intp]:
        """Return the row of each token in the table of positions: (n,).

        BERT counts from 0. RoBERTa counts from after the id of its padding token, and does not
        count that token, which also has this row.
        """
        if self._padding is None:
            return np.arange(len(sequence))
        counted = np.asarray(sequence) != self._padding
        positions: NDArray[np.intp] = np.cumsum(counted) * counted + self._padding
        return positions

    def hidden_states(
        self,
        sequences: Sequence[Sequence[int]],
        attention: list[Maps] | None = None,
        types: Sequence[Sequence[int]] | None = None,
    ) -> Iterator[Array]:
        """Yield the output of the embedding layer, then that of each layer: (T, d) float32 each.

        Each text has at least one id and at most as many as the model has positions. `attention`
        receives for each layer the list of the texts' attention maps, (h, n, n) float32 each.
        `types` are the token types of pairs of texts; by default all are 0.
        """
        ends = np.cumsum([len(sequence) for sequence in sequences])
        texts = [slice(end - len(seq), end) for end, seq in zip(ends, sequences, strict=True)]
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        positions = np.concatenate([self.positions(sequence) for sequence in sequences])
        kinds = self.token_type_embedding
        if types is not None and len(self.token_types) > 1:
            kinds = self.token_types[np.concatenate([np.asarray(kind) for kind in types])]
        x = self.norm(self.word_embeddings[ids] + self.position_embeddings[positions] + kinds)
        yield x
        for layer in self.layers:
            maps: Maps | None = None if attention is None else []
            x = layer(x, texts, maps, self.bias)
            if attention is not None and maps is not None:
                attention.append(maps)
            yield x


class _Reader(NamedTuple):
    """The parts of a model, found by the names and sizes of its variant."""

    weights: WeightReader
    variant: Variant

    def size(self, key: str) -> int:
        return self.weights.size(self.variant.sizes.get(key, key))

    def embeddings(self, name: str, rows: int) -> Array:
        return self.weights.tensor(f"embeddings.{name}.weight", rows, self.size("hidden_size"))

    def linear(self, name: str, inputs: int, outputs: int) -> Linear:
        weight = self.weights.tensor(f"{name}.weight", outputs, inputs)
        return Linear(weight, self.weights.tensor(f"{name}.bias", outputs))

    def layer_norm(self, name: str) -> LayerNorm:
        d = self.size("hidden_size")
        epsilon = np.float32(self.weights.config.get("layer_norm_eps", 1e-12))
        weight = self.weights.tensor(f"{name}.weight", d)
        return LayerNorm(weight, self.weights.tensor(f"{name}.bias", d), epsilon)

    def relative_bias(self) -> RelativeBias | None:
        if not self.variant.relative_bias:
            return None
        buckets = self.weights.config.get("relative_attention_num_buckets", 32)
        heads = self.size("num_attention_heads")
        return RelativeBias(
            self.weights.tensor(f"{self.variant.relative_bias}.weight", buckets, heads)
        )

    def layer(self, index: int) -> Layer:
        part = {
            name: f"{self.variant.layer}.{index}.{place}"
            for name, place in self.variant.parts.items()
        }
        d, wide = self.size("hidden_size"), self.size("intermediate_size")
        heads = self.size("num_attention_heads")
        if d % heads:
            raise ModelError(
                f"config.json: num_attention_heads {heads} does not divide hidden_size {d}."
            )
        return Layer(
            query=self.linear(part["query"], d, d),
            key=self.linear(part["key"], d, d),
            value=self.linear(part["value"], d, d),
            attention_output=self.linear(part["attention_output"], d, d),
            attention_norm=self.layer_norm(part["attention_norm"]),
            up=self.linear(part["up"], d, wide),
            activation=ACTIVATIONS[self.weights.config.get(self.variant.activation, "gelu")],
            down=self.linear(part["down"], wide, d),
            output_norm=self.layer_norm(part["output_norm"]),
            heads=heads,
        )
