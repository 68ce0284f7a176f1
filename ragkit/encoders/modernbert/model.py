"""The forward pass of ModernBERT in NumPy, written to be read beside the paper and `bert.model`.

Contract: as `bert.model`: token ids in, one vector per token out, within 1e-5 of transformers'
`ModernBertModel`. Knows neither strings nor pooling.

    Warner et al. 2024, ModernBERT, https://arxiv.org/abs/2412.13663
    Su et al. 2021, RoFormer, https://arxiv.org/abs/2104.09864 (rotary positions)
    Shazeer 2020, GLU Variants Improve Transformer, https://arxiv.org/abs/2002.05202 (GeGLU)
    Beltagy et al. 2020, Longformer, https://arxiv.org/abs/2004.05150 (local attention)

What differs from BERT: there is no table of positions, instead queries and keys are rotated by an
angle that grows with the position; norms come before attention and feed-forward network, not after
the residual; one half of the feed-forward network's middle gates the other; most layers attend only
to the nearest tokens, every third to all; there are no biases, which are zeros here.

Shapes as in `bert.model`: T tokens in the batch, n in one text, d the hidden size, h heads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.model import ACTIVATIONS, LayerNorm, Linear, Maps, softmax
from ragkit.encoders.weight_reader import WeightReader
from ragkit.errors import ModelError

Array = NDArray[np.float32]

_LOCAL, _GLOBAL = "sliding_attention", "full_attention"
_THETAS = {_LOCAL: ("local_rope_theta", 10_000.0), _GLOBAL: ("global_rope_theta", 160_000.0)}
_BLOCK_SCORES = 1 << 22  # scores of one block of queries: 16 MB


def is_supported(config: Mapping[str, Any]) -> bool:
    """Whether `ModernBert` computes the architecture that this `config.json` describes."""
    parameters = config.get("rope_parameters") or {}
    return (
        config.get("model_type") == "modernbert"
        and config.get("hidden_activation", "gelu") in ACTIVATIONS
        and not config.get("rope_scaling")
        and all(
            (parameters.get(kind) or {}).get("rope_type", "default") == "default"
            for kind in (_LOCAL, _GLOBAL)
        )
        and set(config.get("layer_types") or []) <= {_LOCAL, _GLOBAL}
    )


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotary positions: each pair of numbers (i, i + half) of a head is a point in the plane,
    turned by position × frequency. The product of a query and a key then depends on their distance
    only."""

    frequencies: Array  # (half,)

    @classmethod
    def of(cls, theta: float, width: int) -> Rotation:
        """The rotation of heads of `width` numbers: frequencies from 1 down to 1 / theta."""
        powers = np.arange(0, width, 2, dtype=np.float32) / np.float32(width)
        return cls((1 / np.float32(theta) ** powers).astype(np.float32))

    def tables(self, count: int) -> tuple[Array, Array]:
        """Return cosines and sines of the angles of positions 0 … `count`: (count, half) each."""
        angles = np.arange(count, dtype=np.float32)[:, None] * self.frequencies
        return np.cos(angles), np.sin(angles)

    def __call__(self, x: Array) -> Array:
        """(h, n, width) float32, turned: the i-th row by the angle of position i."""
        cos, sin = self.tables(x.shape[1])
        half = len(self.frequencies)
        first, second = x[..., :half], x[..., half:]
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)


@dataclass(frozen=True, slots=True)
class ModernBertLayer:
    """One layer: attention, then a gated feed-forward network, each added to its input."""

    attention_norm: LayerNorm | None  # the first layer has none: the embeddings are normed
    query: Linear
    key: Linear
    value: Linear
    attention_output: Linear
    norm: LayerNorm
    up: Linear
    gate: Linear
    activation: Callable[[Array], Array]
    down: Linear
    heads: int
    rotation: Rotation
    reach: int | None  # tokens on either side that a token attends to; None: all

    def __call__(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """(T, d) float32 from the (T, d) of the layer below."""
        normed = x if self.attention_norm is None else self.attention_norm(x)
        x = x + self.attention_output(self.attention(normed, texts, maps))
        normed = self.norm(x)
        gated = self.activation(self.up(normed))
        gated *= self.gate(normed)
        return x + self.down(gated)

    def attention(self, x: Array, texts: Sequence[slice], maps: Maps | None = None) -> Array:
        """Multi-head self-attention with rotary positions; returns (T, d) float32."""
        width = x.shape[1] // self.heads
        q, k, v = self.query(x), self.key(x), self.value(x)
        q *= np.float32(1 / math.sqrt(width))
        mixed = np.empty_like(x)
        for text in texts:
            qh, kh, vh = (y[text].reshape(-1, self.heads, width).swapaxes(0, 1) for y in (q, k, v))
            mixed[text] = self._attend(self.rotation(qh), self.rotation(kh), vh, maps)
        return mixed

    def _attend(self, q: Array, k: Array, v: Array, maps: Maps | None) -> Array:
        """(n, d) from (h, n, d/h) each, by blocks of queries: a text of 8,192 tokens has 67 million
        scores in each head."""
        n = q.shape[1]
        mixed = np.empty((n, q.shape[0] * q.shape[2]), dtype=np.float32)
        all_weights = None if maps is None else np.zeros((self.heads, n, n), dtype=np.float32)
        reach = n if self.reach is None else self.reach
        block = max(reach, 1) if reach < n else max(1, _BLOCK_SCORES // (self.heads * n))
        for start in range(0, n, block):
            end = min(n, start + block)
            first, last = max(0, start - reach), min(n, end + reach)
            scores = q[:, start:end] @ k[:, first:last].swapaxes(1, 2)
            distance = np.arange(first, last)[None, :] - np.arange(start, end)[:, None]
            scores[:, np.abs(distance) > reach] = -np.inf
            weights = softmax(scores)
            if all_weights is not None:
                all_weights[:, start:end, first:last] = weights
            mixed[start:end] = (weights @ v[:, first:last]).swapaxes(0, 1).reshape(end - start, -1)
        if maps is not None and all_weights is not None:
            maps.append(all_weights)
        return mixed


class ModernBert:
    """A ModernBERT with `weights`, the tensors of its `model.safetensors` by name. Raises
    ModelError if the config is not supported or does not fit the tensors."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        if not is_supported(config):
            raise ModelError(
                f"the NumPy encoder supports ModernBERT with the activations "
                f"{', '.join(ACTIVATIONS)} and plain rotary positions, not "
                f"{config.get('model_type')!r} with {config.get('hidden_activation')!r} and "
                f"{config.get('rope_scaling') or config.get('rope_parameters')!r}: use "
                "sentence-transformers for it."
            )
        read = _Reader(WeightReader(config, weights, "model."))
        d = self.dimension = read.weights.size("hidden_size")
        words = read.weights.size("vocab_size")
        self.word_embeddings = read.weights.tensor("embeddings.tok_embeddings.weight", words, d)
        self.norm = read.layer_norm("embeddings.norm")
        self.layers = [read.layer(i) for i in range(read.weights.size("num_hidden_layers"))]
        self.final_norm = read.layer_norm("final_norm")
        self.max_positions = read.weights.size("max_position_embeddings")

    def forward(
        self, sequences: Sequence[Sequence[int]], types: Sequence[Sequence[int]] | None = None
    ) -> Array:
        """Return the last layer's vector of every token, text after text: (T, d) float32. There are
        no token types: `types` is not used."""
        for states in self.hidden_states(sequences, types=types):
            last = states
        return last

    def hidden_states(
        self,
        sequences: Sequence[Sequence[int]],
        attention: list[Maps] | None = None,
        types: Sequence[Sequence[int]] | None = None,
    ) -> Iterator[Array]:
        """Yield the output of the embedding layer, then that of each layer, the last one normed:
        (T, d) float32 each. `attention` receives the maps of each layer as in `bert.model`."""
        ends = np.cumsum([len(sequence) for sequence in sequences])
        texts = [slice(end - len(seq), end) for end, seq in zip(ends, sequences, strict=True)]
        ids = np.concatenate([np.asarray(sequence, dtype=np.intp) for sequence in sequences])
        x = self.norm(self.word_embeddings[ids])
        yield x
        for layer in self.layers:
            maps: Maps | None = None if attention is None else []
            x = layer(x, texts, maps)
            if attention is not None and maps is not None:
                attention.append(maps)
            yield x if layer is not self.layers[-1] else self.final_norm(x)


@dataclass(frozen=True, slots=True)
class _Reader:
    """The parts of a model, by their names in the file."""

    weights: WeightReader

    def linear(
        self, name: str, inputs: int, outputs: int, key: str, parts: int = 1
    ) -> list[Linear]:
        """The maps that a file stores as one, with `outputs` each."""
        weight = self.weights.tensor(f"{name}.weight", parts * outputs, inputs)
        bias = np.zeros(parts * outputs, dtype=np.float32)
        if self.weights.config.get(key, False):
            bias = self.weights.tensor(f"{name}.bias", parts * outputs)
        rows = [slice(part * outputs, (part + 1) * outputs) for part in range(parts)]
        return [Linear(weight[part], bias[part]) for part in rows]

    def layer_norm(self, name: str) -> LayerNorm:
        config, d = self.weights.config, self.weights.size("hidden_size")
        bias = np.zeros(d, dtype=np.float32)
        if config.get("norm_bias", False):
            bias = self.weights.tensor(f"{name}.bias", d)
        epsilon = np.float32(config.get("norm_eps", 1e-5))
        return LayerNorm(self.weights.tensor(f"{name}.weight", d), bias, epsilon)

    def layer(self, index: int) -> ModernBertLayer:
        config = self.weights.config
        d, wide = self.weights.size("hidden_size"), self.weights.size("intermediate_size")
        heads = self.weights.size("num_attention_heads")
        if d % heads or d // heads % 2:
            raise ModelError(
                f"config.json: num_attention_heads {heads} does not divide hidden_size {d} into "
                "even parts."
            )
        at = f"layers.{index}"
        query, key, value = self.linear(f"{at}.attn.Wqkv", d, d, "attention_bias", 3)
        up, gate = self.linear(f"{at}.mlp.Wi", d, wide, "mlp_bias", 2)
        kind = self.kind(index)
        return ModernBertLayer(
            attention_norm=self.layer_norm(f"{at}.attn_norm") if index else None,
            query=query,
            key=key,
            value=value,
            attention_output=self.linear(f"{at}.attn.Wo", d, d, "attention_bias")[0],
            norm=self.layer_norm(f"{at}.mlp_norm"),
            up=up,
            gate=gate,
            activation=ACTIVATIONS[config.get("hidden_activation", "gelu")],
            down=self.linear(f"{at}.mlp.Wo", wide, d, "mlp_bias")[0],
            heads=heads,
            rotation=Rotation.of(self.theta(kind), d // heads),
            reach=config.get("local_attention", 128) // 2 if kind == _LOCAL else None,
        )

    def kind(self, index: int) -> str:
        """Local or global; older configs say only that every n-th layer is global."""
        types = self.weights.config.get("layer_types")
        if types:
            return str(types[index])
        every = self.weights.config.get("global_attn_every_n_layers", 3)
        return _LOCAL if index % every else _GLOBAL

    def theta(self, kind: str) -> float:
        """The base of the frequencies; older configs have a key for each kind."""
        config = self.weights.config
        old, default = _THETAS[kind]
        parameters = (config.get("rope_parameters") or {}).get(kind) or {}
        return float(parameters.get("rope_theta") or config.get(old) or default)
