"""Build the ONNX graph of a BERT: the forward pass of `model`, for ONNX Runtime to compute.

Contract: `build_graph` turns a `Bert` into a serialized ONNX model and its weights. The graph is
built here node by node; nothing is exported or downloaded. Read `model` for what the nodes
compute. Knows neither strings nor pooling, nor the runtime session (`onnx_session`).

The choice of kernels: matrix products take four fifths of the time and run near the processor's
rate, so the rest matters. SkipLayerNormalization takes seven times as long as Add and
LayerNormalization. Attention without a mask takes a tenth less time and is used for batches of one
length. Constants are added once, when the graph is built. In bulk the first layer uses a table
(`first_layer`).

int8 (`precision`): `runtime.integers`. The map to the values of attention stays in fp32: it is a
twelfth of the work and causes half of the remaining error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.model import Bert, Layer
from ragkit.encoders.runtime.graph_builder import FUSED, GraphBuilder, Shape

_INPUTS: dict[str, tuple[type, Shape]] = {
    "positions": (np.int32, ["T"]), "lengths": (np.int32, ["n"]),
    "rows": (np.int32, ["n", "longest"]), "places": (np.int32, ["T"]),
    "alike": (np.bool_, []), "shape": (np.int64, [3]),
}  # fmt: skip
TABLES = ("queries", "keys", "values")  # the inputs with the first layer's tables


def build_graph(
    bert: Bert, precision: str, first: FirstLayer | None, *, pairs: bool = False
) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The serialized model and its weights by name. `precision` is fp32 or int8.

    Maps packed tokens to `states`, (T, d) float32, the last layer's vectors. Inputs: `words`,
    (T, d) float32, the tokens' word embeddings, which are looked up outside: the runtime would copy
    the whole table, most of the model where the vocabulary is large. And int32:

    - `positions` (T,) of the tokens, `lengths` (n,) of the texts;
    - for attention, which needs the texts side by side: `rows` (n, longest), the packed index of
      each token, and `places` (T,), the index of each token among n · longest.

    bool: `alike`, whether all lengths are the same. int64: `shape` (3,), which is n, longest, d.
    With `first`: `entries` (T,) int32, the row of each token in `TABLES`, (any, d) float32 each.
    With `pairs`: `types` (T,) int32, the token types. For a model with a bias of attention: `bias`
    (1, h, longest, longest) float32.

    Raises ModelError for an activation that no ONNX node computes.
    """
    graph = _Graph(precision, bias="bias" if bert.bias else "")
    graph.bert(bert, first, pairs)
    inputs = _INPUTS | {"words": (np.float32, ["T", bert.dimension])}
    if first:
        inputs["entries"] = np.int32, ["T"]
        inputs |= {table: (np.float32, [None, bert.dimension]) for table in TABLES}
    if pairs:
        inputs["types"] = np.int32, ["T"]
    if bert.bias:
        inputs["bias"] = np.float32, [1, None, "longest", "longest"]
    return graph.model(inputs, bert.dimension), graph.weights


@dataclass
class _Graph(GraphBuilder):
    """The graph of a BERT under construction."""

    bias: str = ""  # the input that is added to the scores of attention, if any

    def bert(self, bert: Bert, first: FirstLayer | None, pairs: bool) -> None:
        """Add all nodes of the model."""
        words, table = "words", bert.position_embeddings
        if pairs:
            types = self.node("Gather", self.weight(bert.token_types), "types")
            words = self.node("Add", words, types)
        else:
            table = table + bert.token_type_embedding
        positions = self.node("Gather", self.weight(table), "positions")
        x = self.add_and_normalize(bert.norm, words, positions)
        layers, from_table = bert.layers, None
        if first:
            self.nodes[-1].output.extend(["", "1/σ"])  # an optional output of the norm
            layers, from_table = [first.layer, *layers[1:]], self.from_table(first)
        for layer in map(_fold_biases, layers):
            x = self.layer(layer, x, from_table)
            from_table = None
        self.node("Identity", x, name="states")

    def from_table(self, first: FirstLayer) -> list[str]:
        """Queries, keys and values of the first layer, (T, d) each, from its tables."""
        values = []
        for table, by_position in zip(TABLES, first.positions, strict=True):
            word = self.node("Gather", table, "entries")
            position = self.node("Gather", self.weight(by_position), "positions")
            values.append(self.node("Mul", self.node("Add", word, position), "1/σ"))
        values[0] = self.node("Add", values[0], self.weight(first.layer.query.bias))
        return values

    def layer(self, layer: Layer, x: str, from_table: list[str] | None) -> str:
        """One transformer layer over the value `x`."""
        out, up, down = layer.attention_output, layer.up, layer.down
        parts = from_table or [
            self.product(layer.query.weight, x, layer.query.bias),
            self.product(layer.key.weight, x),
            self.product(layer.value.weight, x, is_exact=True),
        ]
        attended = self.product(out.weight, self.attention(layer.heads, parts, x), out.bias)
        x = self.add_and_normalize(layer.attention_norm, attended, x)
        raised = self.activated(layer.activation, up, x)
        return self.add_and_normalize(layer.output_norm, self.product(down.weight, raised), x)

    def attention(self, heads: int, parts: Sequence[str], name: str) -> str:
        """(T, d): multi-head attention within each text."""
        alike, ragged = (
            _Graph(self.precision, prefix=f"{name}-{kind}-", bias=self.bias) for kind in ("a", "r")
        )
        branches = {
            "then_branch": alike.alike(heads, parts),
            "else_branch": ragged.ragged(heads, parts),
        }
        return self.node("Flatten", self.node("If", "alike", **branches), axis=-1)

    def alike(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Attention of texts of one length, which lie side by side already."""
        texts = [self.node("Reshape", part, "shape") for part in parts]
        if self.bias:
            texts += ["", "", self.bias]
        return self.branch(self.node("MultiHeadAttention", *texts, domain=FUSED, num_heads=heads))

    def ragged(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Attention of texts of any lengths; `lengths` masks the padding."""
        texts = [self.node("Gather", part, "rows") for part in parts]  # (n, longest, d)
        more = ["", "lengths", *([self.bias] if self.bias else [])]
        attended = self.node("MultiHeadAttention", *texts, *more, domain=FUSED, num_heads=heads)
        flat = self.node("Flatten", attended, axis=2)  # (n · longest, d)
        return self.branch(self.node("Gather", flat, "places"))


def _fold_biases(layer: Layer) -> Layer:
    """The same layer with fewer additions.

    Rows of attention sum to 1, so the bias of the values passes through and is added to the bias of
    the map that follows. The bias of the keys adds the same number to all scores of a row, which
    softmax ignores. The bias of the layer's last map is added before, by the norm whose output is
    its residual, and the map in between subtracts it again.
    """
    out, up, norm, added = layer.attention_output, layer.up, layer.attention_norm, layer.down.bias
    return replace(
        layer,
        attention_output=replace(out, bias=out.bias + out.weight @ layer.value.bias),
        attention_norm=replace(norm, bias=norm.bias + added),
        up=replace(up, bias=up.bias - up.weight @ added),
    )
