"""BERT as an ONNX graph: the forward pass of `bert.py` once more, for ONNX Runtime to compute.

Contract: `write` turns a `Bert` into a graph in ONNX's own format and the weights that belong to
it. It is written here, node by node, and exported from nowhere. Read `bert.py` for what the nodes
compute. Knows neither strings nor pooling, nor who runs it: `runtime.py`.

Which kernels: products of matrices are four fifths of the time and run near the processor's rate,
so what counts is what lies between. SkipLayerNormalization takes seven times as long as Add and
LayerNormalization. Attention without a mask is cheaper by a tenth, and texts of one length, or one
text, need none: chosen as they come. What can be added once, when the graph is written, is not
added to every token; in bulk the first layer looks up what it can (`firstlayer.py`).

int8 (`precision`): weights as 8-bit integers, one scale an output; activations quantised as they
come. Twice as fast where the processor has VNNI, and other vectors: for the default model the mean
cosine to fp32 is .994, the lowest of 2,000 texts .981 (bench/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.activations import gelu, gelu_tanh, relu
from ragkit.encoders.bert.first_layer import FirstLayer
from ragkit.encoders.bert.model import Bert, Layer, LayerNorm
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Shape: TypeAlias = list[str | int | None]

_INPUTS: dict[str, Shape] = {
    "ids": ["T"], "positions": ["T"], "lengths": ["n"], "rows": ["n", "longest"], "places": ["T"],
    "alike": [], "shape": [3],
}  # fmt: skip
TABLES = ("queries", "keys", "values")  # of the first layer, where it looks them up
_FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 8  # old enough for every runtime since 2022
# Seven bits: without VNNI the kernel adds pairs of products in 16 bits, which eight would overflow.
_INT8_LARGEST = 63
_ACTIVATIONS: dict[Callable[[Array], Array], tuple[str, str]] = {
    gelu: ("Gelu", _FUSED),
    gelu_tanh: ("FastGelu", _FUSED),
    relu: ("Relu", ""),
}


def write(
    bert: Bert, precision: str, first: FirstLayer | None
) -> tuple[bytes, dict[str, NDArray[Any]]]:
    """The graph and, by their names in it, its weights. `precision` is fp32 or int8.

    From packed tokens to `states`, (T, d) float32. int32: `ids`, `positions` (T,); `lengths` (n,);
    for attention, which takes texts side by side, `rows` (n, longest), where each token stands
    among the packed, and `places` (T,), where each stands among n · longest. bool: `alike`, whether
    all lengths are the same. int64: `shape` (3,), which is n, longest, d. With `first`, the first
    layer looks up: `words` (T,) int32, each token's row in `TABLES`, (any, d) float32.

    Raises ModelError for an activation that no node computes.
    """
    graph = _Graph(precision)
    graph.bert(bert, first)
    inputs = _INPUTS
    if first:
        inputs = inputs | {"words": ["T"]} | {table: [None, bert.dimension] for table in TABLES}
    return graph.model(inputs, bert.dimension), graph.weights


@dataclass
class _Graph:
    """Nodes and weights, as they are written down; a value goes by its name."""

    precision: str
    prefix: str = ""
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)

    def bert(self, bert: Bert, first: FirstLayer | None) -> None:
        """All of it."""
        words = self.node("Gather", self.weight(bert.words), "ids")
        places = self.node("Gather", self.weight(bert.positions + bert.type), "positions")
        x = self.add_and_normalise(bert.norm, words, places)
        layers, looked_up = bert.layers, None
        if first:
            self.nodes[-1].output.extend(["", "1/σ"])  # which the norm gives where it is asked to
            layers, looked_up = [first.layer, *layers[1:]], self.looked_up(first)
        for layer in map(_folded, layers):
            x = self.layer(layer, x, looked_up)
            looked_up = None
        self.node("Identity", x, name="states")

    def looked_up(self, first: FirstLayer) -> list[str]:
        """Queries, keys and values of the first layer, (T, d) each, from its tables."""
        found = []
        for table, of_places in zip(TABLES, first.places, strict=True):
            word = self.node("Gather", table, "words")
            place = self.node("Gather", self.weight(of_places), "positions")
            found.append(self.node("Mul", self.node("Add", word, place), "1/σ"))
        found[0] = self.node("Add", found[0], self.weight(first.layer.query.bias))
        return found

    def layer(self, layer: Layer, x: str, looked_up: list[str] | None) -> str:
        """One transformer layer over the value `x`."""
        out, up, down = layer.attention_output, layer.up, layer.down
        parts = looked_up or [
            self.product(layer.query.weight, x, layer.query.bias),
            self.product(layer.key.weight, x),
            self.product(layer.value.weight, x),
        ]
        attended = self.product(out.weight, self.attention(layer.heads, parts, x), out.bias)
        x = self.add_and_normalise(layer.attention_norm, attended, x)
        raised = self.activation(layer, self.product(up.weight, x, up.bias))
        return self.add_and_normalise(layer.output_norm, self.product(down.weight, raised), x)

    def attention(self, heads: int, parts: Sequence[str], name: str) -> str:
        """(T, d): attention of all heads, each text's tokens to its own."""
        alike, ragged = (_Graph(self.precision, prefix=f"{name}-{each}-") for each in ("a", "r"))
        branches = {
            "then_branch": alike.alike(heads, parts),
            "else_branch": ragged.ragged(heads, parts),
        }
        return self.node("Flatten", self.node("If", "alike", **branches), axis=-1)

    def alike(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Of texts of one length, which stand side by side already."""
        whole = [self.node("Reshape", each, "shape") for each in parts]
        return self.branch(self.node("MultiHeadAttention", *whole, domain=_FUSED, num_heads=heads))

    def ragged(self, heads: int, parts: Sequence[str]) -> Any:  # noqa: ANN401 - of onnx
        """Of any texts; the lengths keep tokens from looking at what fills a row up."""
        whole = [self.node("Gather", each, "rows") for each in parts]  # (n, longest, d)
        found = self.node(
            "MultiHeadAttention", *whole, "", "lengths", domain=_FUSED, num_heads=heads
        )
        flat = self.node("Flatten", found, axis=2)  # (n · longest, d)
        return self.branch(self.node("Gather", flat, "places"))

    def branch(self, found: str) -> Any:  # noqa: ANN401 - a message of onnx
        """These nodes as one branch of an If, whose value is `found`."""
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info(found, TensorProto.FLOAT, None)
        return helper.make_graph(self.nodes, found, [], [value])

    def product(self, weight: Array, x: str, bias: Array | None = None) -> str:
        """x · Wᵀ, with W (outputs, inputs), plus the bias."""
        biases = [] if bias is None else [self.weight(bias)]
        if self.precision == "fp32":
            return self.node("Gemm" if biases else "MatMul", x, self.weight(weight.T), *biases)
        scale = np.abs(weight).max(axis=1) / np.float32(_INT8_LARGEST)
        scale[scale == 0] = 1
        whole = np.rint(weight / scale[:, None]).astype(np.int8)
        weights = (self.weight(whole.T), self.weight(scale), "", *biases)  # "": no zero point
        return self.node("DynamicQuantizeMatMul", x, *weights, domain=_FUSED)

    def activation(self, layer: Layer, x: str) -> str:
        """The layer's activation."""
        if layer.activation not in _ACTIVATIONS:
            raise ModelError(f"no ONNX node computes {layer.activation!r}")
        kind, domain = _ACTIVATIONS[layer.activation]
        return self.node(kind, x, domain=domain)

    def add_and_normalise(self, norm: LayerNorm, x: str, residual: str) -> str:
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
        """Append a node; returns the name of its output."""
        from onnx import helper

        name = name or f"{self.prefix}{kind}-{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def weight(self, values: NDArray[Any]) -> str:
        """Add a weight; returns its name."""
        name = f"weight-{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(values)
        return name

    def model(self, shapes: Mapping[str, Shape], dimension: int) -> bytes:
        """The graph in ONNX's own format, its weights to be handed over beside it."""
        from onnx import TensorProto, helper

        kinds = {"alike": TensorProto.BOOL, "shape": TensorProto.INT64}
        kinds |= dict.fromkeys(TABLES, TensorProto.FLOAT)
        inputs = [
            helper.make_tensor_value_info(name, kinds.get(name, TensorProto.INT32), shape)
            for name, shape in shapes.items()
        ]
        tensors = [_elsewhere(name, values) for name, values in self.weights.items()]
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["T", dimension])
        model = helper.make_model(
            helper.make_graph(self.nodes, "bert", inputs, [states], tensors),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
            ir_version=_IR_VERSION,
        )
        return bytes(model.SerializeToString())


def _folded(layer: Layer) -> Layer:
    """The same layer with fewer additions.

    Rows of attention sum to 1, so a value's bias passes through and may as well be added by the map
    that follows; a key's adds the same to all scores of a row, which softmax does not see. What the
    last map of a layer adds may be added before, by the norm whose output it is added to, if the
    map in between takes it off again.
    """
    out, up, norm, added = layer.attention_output, layer.up, layer.attention_norm, layer.down.bias
    return replace(
        layer,
        attention_output=replace(out, bias=out.bias + out.weight @ layer.value.bias),
        attention_norm=replace(norm, bias=norm.bias + added),
        up=replace(up, bias=up.bias - up.weight @ added),
    )


def _elsewhere(name: str, values: NDArray[Any]) -> Any:  # noqa: ANN401 - a message of onnx
    """A weight's name, type and shape, marked as kept outside of the model."""
    from onnx import TensorProto, helper

    tensor = TensorProto(
        name=name,
        data_type=helper.np_dtype_to_tensor_dtype(values.dtype),
        dims=values.shape,
        data_location=TensorProto.EXTERNAL,
    )
    tensor.external_data.add(key="location", value="memory")
    return tensor
