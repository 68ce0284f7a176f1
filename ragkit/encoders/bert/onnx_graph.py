"""Build the ONNX graph of a BERT: the forward pass of `model`, for ONNX Runtime to compute.

Contract: `build_graph` turns a `Bert` into a serialized ONNX model and its weights. The graph is
built here node by node; nothing is exported or downloaded. Read `model` for what the nodes
compute. Knows neither strings nor pooling, nor the runtime session (`onnx_session`).

The choice of kernels: matrix products take four fifths of the time and run near the processor's
rate, so the rest matters. SkipLayerNormalization takes seven times as long as Add and
LayerNormalization. Attention without a mask takes a tenth less time and is used for batches of one
length. Constants are added once, when the graph is built. In bulk the first layer uses a table
(`first_layer`).

int8 (`precision`): weights as 8-bit integers with one scale per output; activations quantized at
run time. Twice as fast on processors with VNNI, at the cost of other vectors: for the default model
the mean cosine to fp32 is .994, the lowest of 2,000 texts .981 (bench/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.model import Bert, Layer, LayerNorm, gelu, gelu_tanh, relu
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Shape: TypeAlias = list[str | int | None]

_INPUTS: dict[str, Shape] = {
    "ids": ["T"], "positions": ["T"], "lengths": ["n"], "rows": ["n", "longest"], "places": ["T"],
    "alike": [], "shape": [3],
}  # fmt: skip
TABLES = ("queries", "keys", "values")  # the inputs with the first layer's tables
_FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 8  # old enough for every runtime since 2022
# Seven bits: without VNNI the kernel adds pairs of products in 16 bits, which eight would overflow.
_INT8_MAX = 63
_ACTIVATIONS: dict[Callable[[Array], Array], tuple[str, str]] = {
    gelu: ("Gelu", _FUSED),
    gelu_tanh: ("FastGelu", _FUSED),
    relu: ("Relu", ""),
}


def build_graph(
    bert: Bert, precision: str, first: FirstLayer | None
) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The serialized model and its weights by name. `precision` is fp32 or int8.

    Maps packed tokens to `states`, (T, d) float32, the last layer's vectors. Inputs, int32:

    - `ids` and `positions` (T,) of the tokens, `lengths` (n,) of the texts;
    - for attention, which needs the texts side by side: `rows` (n, longest), the packed index of
      each token, and `places` (T,), the index of each token among n · longest.

    bool: `alike`, whether all lengths are the same. int64: `shape` (3,), which is n, longest, d.
    With `first`: `words` (T,) int32, the row of each token in `TABLES`, (any, d) float32 each.

    Raises ModelError for an activation that no ONNX node computes.
    """
    graph = _Graph(precision)
    graph.bert(bert, first)
    inputs = _INPUTS
    if first:
        inputs = inputs | {"words": ["T"]} | {table: [None, bert.dimension] for table in TABLES}
    return graph.model(inputs, bert.dimension), graph.weights


@dataclass
class _Graph:
    """The nodes and weights of a graph under construction. Values are referred to by name."""

    precision: str
    prefix: str = ""
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)

    def bert(self, bert: Bert, first: FirstLayer | None) -> None:
        """Add all nodes of the model."""
        words = self.node("Gather", self.weight(bert.word_embeddings), "ids")
        positions = self.node(
            "Gather", self.weight(bert.position_embeddings + bert.token_type_embedding), "positions"
        )
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
            word = self.node("Gather", table, "words")
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
            self.product(layer.value.weight, x),
        ]
        attended = self.product(out.weight, self.attention(layer.heads, parts, x), out.bias)
        x = self.add_and_normalize(layer.attention_norm, attended, x)
        raised = self.activation(layer, self.product(up.weight, x, up.bias))
        return self.add_and_normalize(layer.output_norm, self.product(down.weight, raised), x)

    def attention(self, heads: int, parts: Sequence[str], name: str) -> str:
        """(T, d): multi-head attention within each text."""
        alike, ragged = (_Graph(self.precision, prefix=f"{name}-{kind}-") for kind in ("a", "r"))
        branches = {
            "then_branch": alike.alike(heads, parts),
            "else_branch": ragged.ragged(heads, parts),
        }
        return self.node("Flatten", self.node("If", "alike", **branches), axis=-1)

    def alike(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Attention of texts of one length, which lie side by side already."""
        texts = [self.node("Reshape", part, "shape") for part in parts]
        return self.branch(self.node("MultiHeadAttention", *texts, domain=_FUSED, num_heads=heads))

    def ragged(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Attention of texts of any lengths; `lengths` masks the padding."""
        texts = [self.node("Gather", part, "rows") for part in parts]  # (n, longest, d)
        attended = self.node(
            "MultiHeadAttention", *texts, "", "lengths", domain=_FUSED, num_heads=heads
        )
        flat = self.node("Flatten", attended, axis=2)  # (n · longest, d)
        return self.branch(self.node("Gather", flat, "places"))

    def branch(self, output: str) -> Any:  # noqa: ANN401 - a message of onnx
        """These nodes as one branch of an If, whose value is `output`."""
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        return helper.make_graph(self.nodes, output, [], [value])

    def product(self, weight: Array, x: str, bias: Array | None = None) -> str:
        """x · Wᵀ, with W (outputs, inputs), plus the bias."""
        biases = [] if bias is None else [self.weight(bias)]
        if self.precision == "fp32":
            return self.node("Gemm" if biases else "MatMul", x, self.weight(weight.T), *biases)
        scale = np.abs(weight).max(axis=1) / np.float32(_INT8_MAX)
        scale[scale == 0] = 1
        quantized = np.rint(weight / scale[:, None]).astype(np.int8)
        weights = (self.weight(quantized.T), self.weight(scale), "", *biases)  # "": no zero point
        return self.node("DynamicQuantizeMatMul", x, *weights, domain=_FUSED)

    def activation(self, layer: Layer, x: str) -> str:
        """The layer's activation."""
        if layer.activation not in _ACTIVATIONS:
            raise ModelError(f"no ONNX node computes {layer.activation!r}")
        kind, domain = _ACTIVATIONS[layer.activation]
        return self.node(kind, x, domain=domain)

    def add_and_normalize(self, norm: LayerNorm, x: str, residual: str) -> str:
        """Layer norm of x + residual."""
        weights = (self.weight(norm.weight), self.weight(norm.bias))
        total = self.node("Add", x, residual)
        return self.node("LayerNormalization", total, *weights, epsilon=float(norm.epsilon))

    def node(
        self,
        kind: str,
        *inputs: str,
        domain: str = "",
        name: str = "",
        **attributes: Any,  # noqa: ANN401 - numbers, and graphs, which are messages of onnx
    ) -> str:
        """Append a node. Returns the name of its output."""
        from onnx import helper

        name = name or f"{self.prefix}{kind}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def weight(self, values: NDArray[Any]) -> str:
        """Add a weight. Returns its name."""
        name = f"weight-{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(values)
        return name

    def model(self, shapes: Mapping[str, Shape], dimension: int) -> bytes:
        """The serialized model; its weights are passed to the session separately."""
        from onnx import TensorProto, helper

        kinds = {"alike": TensorProto.BOOL, "shape": TensorProto.INT64}
        kinds |= dict.fromkeys(TABLES, TensorProto.FLOAT)
        inputs = [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.INT32), shape)
            for name, shape in shapes.items()
        ]
        tensors = [_external_tensor(name, values) for name, values in self.weights.items()]
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["T", dimension])
        model = helper.make_model(
            helper.make_graph(self.nodes, "bert", inputs, [states], tensors),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
            ir_version=_IR_VERSION,
        )
        return bytes(model.SerializeToString())


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


def _external_tensor(name: str, values: NDArray[Any]) -> Any:  # noqa: ANN401 - a message of onnx
    """The name, type and shape of a weight whose data is stored outside the model."""
    from onnx import TensorProto, helper

    tensor = TensorProto(
        name=name,
        data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
        dims=values.shape,
        data_location=TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="memory")
    return tensor
