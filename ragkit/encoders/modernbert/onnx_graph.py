"""Build the ONNX graph of a ModernBERT: the forward pass of `model`, for ONNX Runtime to compute.

Contract: as `bert.onnx_graph`. Read `model` for what the nodes compute.

Local attention of a text that is longer than the reach is computed in blocks: the queries of a
block attend to the keys of the block and its neighbours, so that the work grows with the length of
a text and not with its square. A block is one "text" of the attention operator; `bias` masks the
keys that are out of a query's reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.modernbert.model import ModernBert, ModernBertLayer
from ragkit.encoders.runtime.graph_builder import FUSED, GraphBuilder, Shape

_INPUTS: dict[str, tuple[type, Shape]] = {
    "positions": (np.int64, [1, "T"]), "lengths": (np.int32, ["n"]),
    "rows": (np.int32, ["n", "longest"]), "places": (np.int32, ["T"]),
    "alike": (np.bool_, []), "shape": (np.int64, [3]), "local": (np.bool_, []),
    "queries": (np.int32, ["blocks", "block"]), "keys": (np.int32, ["blocks", "near"]),
    "bias": (np.float32, ["blocks", 1, "block", "near"]), "back": (np.int32, ["T"]),
}  # fmt: skip


def build_graph(model: ModernBert, precision: str) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The serialized model and its weights by name. `precision` is fp32 or int8.

    Maps packed tokens to `states`, (T, d) float32, the last layer's vectors. Inputs as those of
    `bert.onnx_graph.build_graph`, and for local attention, where `local` says that a text is
    longer than the reach: `queries` (blocks, block) and `keys` (blocks, near), the packed indexes
    of the tokens of each block; `bias` (blocks, 1, block, near), 0 or very small; `back` (T,), the
    index of each token among blocks · block.

    Raises ModelError for an activation that no ONNX node computes.
    """
    graph = _Graph(precision)
    x = graph.normalize(model.norm, "words")
    tables: dict[bytes, tuple[str, str]] = {}  # most layers share them
    for layer in model.layers:
        key = layer.rotation.frequencies.tobytes()
        if key not in tables:
            cos, sin = layer.rotation.tables(model.max_positions)
            tables[key] = graph.weight(cos), graph.weight(sin)
        x = graph.layer(layer, x, tables[key])
    graph.node("Identity", graph.normalize(model.final_norm, x), name="states")
    inputs = _INPUTS | {"words": (np.float32, ["T", model.dimension])}
    return graph.model(inputs, model.dimension), graph.weights


@dataclass
class _Graph(GraphBuilder):
    """The graph of a ModernBERT under construction."""

    def layer(self, layer: ModernBertLayer, x: str, tables: tuple[str, str]) -> str:
        """One layer over the value `x`."""
        normed = x if layer.attention_norm is None else self.normalize(layer.attention_norm, x)
        query, key = (self.linear(part, normed) for part in (layer.query, layer.key))
        value = self.linear(layer.value, normed, is_exact=True)
        parts = [self.rotate(query, tables), self.rotate(key, tables), value]
        attended = self.attention(layer, parts, x)
        x = self.node("Add", x, self.linear(layer.attention_output, attended))
        normed = self.normalize(layer.norm, x)
        raised = self.activation(layer.activation, self.linear(layer.up, normed))
        gated = self.node("Mul", raised, self.linear(layer.gate, normed))
        return self.node("Add", x, self.linear(layer.down, gated))

    def rotate(self, x: str, tables: tuple[str, str]) -> str:
        """(T, d) with the heads turned by their positions: all tokens as one text."""
        one = self.node("Unsqueeze", x, self.node("Constant", value_ints=[0]))
        turned = self.node("RotaryEmbedding", one, "positions", *tables, domain=FUSED)
        return self.node("Flatten", turned, axis=2)

    def attention(self, layer: ModernBertLayer, parts: Sequence[str], name: str) -> str:
        """(T, d): attention within each text, or within the reach."""
        everything = _Graph(self.precision, prefix=f"{name}-all-")
        inner = everything.attention_to_all(layer.heads, parts)
        if layer.reach is None:
            self.nodes += everything.nodes
            return inner
        near = _Graph(self.precision, prefix=f"{name}-near-")
        branches = {
            "then_branch": near.attention_in_blocks(layer.heads, parts),
            "else_branch": everything.branch(inner),
        }
        return self.node("If", "local", **branches)

    def attention_to_all(self, heads: int, parts: Sequence[str]) -> str:
        """(T, d): as in `bert.onnx_graph`, texts of one length without a mask."""
        alike, ragged = (
            _Graph(self.precision, prefix=f"{self.prefix}{kind}-") for kind in ("a", "r")
        )
        texts = [alike.node("Reshape", part, "shape") for part in parts]
        same = alike.node("MultiHeadAttention", *texts, domain=FUSED, num_heads=heads)
        texts = [ragged.node("Gather", part, "rows") for part in parts]
        mixed = ragged.node(
            "MultiHeadAttention", *texts, "", "lengths", domain=FUSED, num_heads=heads
        )
        flat = ragged.node("Gather", ragged.node("Flatten", mixed, axis=2), "places")
        branches = {"then_branch": alike.branch(same), "else_branch": ragged.branch(flat)}
        return self.node("Flatten", self.node("If", "alike", **branches), axis=-1)

    def attention_in_blocks(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Attention of each block of queries to the keys that are near."""
        places = ("queries", "keys", "keys")
        texts = [self.node("Gather", part, rows) for part, rows in zip(parts, places, strict=True)]
        mixed = self.node(
            "MultiHeadAttention", *texts, "", "", "bias", domain=FUSED, num_heads=heads
        )
        return self.branch(self.node("Gather", self.node("Flatten", mixed, axis=2), "back"))
