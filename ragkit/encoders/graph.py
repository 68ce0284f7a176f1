"""BERT as an ONNX graph: the forward pass of `bert.py` once more, for ONNX Runtime to compute.

Contract: `forward` turns a `Bert` into a function of the same shape as `Bert.forward`. The graph is
written here, node by node, and handed to the runtime in memory together with the model's own
weights: nothing is exported, downloaded or cached, and it takes a tenth of a second. Its nodes are
the runtime's fused kernels; read `bert.py` for what they compute. Knows neither strings nor
pooling.

With one thread a batch runs on the caller's: callers have a worker a core, each with a batch that
stays in its cache. On two cores that is 1.2 times as fast as one batch on two threads, and on a
busy machine 1.4 times, since no thread waits for another. For one short text alone it is the other
way round: what takes time is to read all weights once, and two threads read faster (3 ms, not 5).

int8 (`precision`): weights as 8-bit integers, one scale an output; activations quantised as they
come. Twice as fast where the processor has VNNI, and other vectors: for the default model the mean
cosine to fp32 is .994, the lowest of 2,000 texts .972 (bench/RESULTS.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.activations import gelu, gelu_tanh, relu
from ragkit.encoders.bert import Bert, Layer, LayerNorm
from ragkit.errors import ModelError

Array = NDArray[np.float32]

PRECISIONS = ("fp32", "int8")
_INPUTS = {"ids": ["T"], "positions": ["T"], "lengths": ["n"], "rows": ["n", "longest"],
           "places": ["T"]}  # fmt: skip
_FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 8  # old enough for every runtime since 2022
# Seven bits: without VNNI the kernel adds pairs of products in 16 bits, which eight would overflow.
_INT8_LARGEST = 63
_FUSED_ACTIVATIONS: dict[Callable[[Array], Array], str] = {
    gelu: "BiasGelu",
    gelu_tanh: "FastGelu",
}


def forward(
    bert: Bert, precision: str = "fp32", threads: int = 1
) -> Callable[[Sequence[Sequence[int]]], Array]:
    """(T, d) float32 from the token ids of some texts, packed, as `Bert.forward` gives them.

    Safe to call from threads. Raises ModelError where the runtime cannot be loaded or refuses the
    graph: the reason is in the message.
    """
    try:
        session = _session(bert, precision, threads)
    except Exception as error:  # onnxruntime raises its own kinds, and ImportError on rare systems
        raise ModelError(f"ONNX Runtime cannot serve this model ({error})") from error

    def run(sequences: Sequence[Sequence[int]]) -> Array:
        lengths = np.array([len(sequence) for sequence in sequences], dtype=np.int32)
        inside = np.arange(lengths.max()) < lengths[:, None]  # (n, longest)
        ids = np.concatenate([np.asarray(each, dtype=np.int32) for each in sequences])
        rows = np.zeros(inside.shape, dtype=np.int32)  # what fills up is never looked at
        rows[inside] = np.arange(len(ids))
        values = {
            "ids": ids,
            "positions": np.nonzero(inside)[1].astype(np.int32),
            "lengths": lengths,
            "rows": rows,
            "places": np.flatnonzero(inside).astype(np.int32),
        }
        states: Array = session.run(None, values)[0]
        return states

    return run


def _session(bert: Bert, precision: str, threads: int) -> Any:  # noqa: ANN401 - onnxruntime has no types
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    graph = _Graph(precision)
    graph.write(bert)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    # Threads that wait sleep: a server has other work for its cores between two queries.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors, which are raised as well
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(each) for each in graph.weights.values()]
    options.add_external_initializers(list(graph.weights), values)
    return onnxruntime.InferenceSession(
        graph.model(bert.dimension), options, providers=["CPUExecutionProvider"]
    )


@dataclass
class _Graph:
    """Nodes and weights, as they are written down; a value goes by its name."""

    precision: str
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)

    def write(self, bert: Bert) -> None:
        """Packed tokens → states (T, d) float32. All int32: `ids`, `positions` (T,); `lengths`
        (n,); for attention, which takes texts side by side, `rows` (n, longest), where each stands
        among the packed, and `places` (T,), where each stands among n · longest."""
        words = self.node("Gather", self.weight(bert.words), "ids", domain="")
        places = self.weight(bert.positions + bert.type)
        positions = self.node("Gather", places, "positions", domain="")
        norm = self.weight(bert.norm.weight), self.weight(bert.norm.bias)
        epsilon = float(bert.norm.epsilon)
        x = self.node("SkipLayerNormalization", words, positions, *norm, epsilon=epsilon)
        for layer in bert.layers:
            x = self.layer(layer, x)
        self.node("Identity", x, domain="", name="states")

    def layer(self, layer: Layer, x: str) -> str:
        """One transformer layer over the value `x`."""
        out, up, down = layer.attention_output, layer.up, layer.down
        attended = self.product(out.weight, self.attention(layer, x))
        x = self.add_and_normalise(layer.attention_norm, attended, x, out.bias)
        raised = self.activation(layer, self.product(up.weight, x), up.bias)
        lowered = self.product(down.weight, raised)
        return self.add_and_normalise(layer.output_norm, lowered, x, down.bias)

    def attention(self, layer: Layer, x: str) -> str:
        """Attention of all heads; the lengths keep tokens from looking at what fills a row up."""
        maps = (layer.query, layer.key, layer.value)
        bias = self.weight(np.concatenate([each.bias for each in maps]))
        packed = self.product(np.concatenate([each.weight for each in maps]), x)
        whole = self.node("Gather", packed, "rows", domain="")  # (n, longest, 3 · d)
        query = self.node("Split", whole, domain="", outputs=3, axis=2)  # into equal parts
        parts = (query, f"{query}-1", f"{query}-2")
        found = self.node("MultiHeadAttention", *parts, bias, "lengths", num_heads=layer.heads)
        flat = self.node("Flatten", found, domain="", axis=2)  # (n · longest, d)
        return self.node("Gather", flat, "places", domain="")

    def product(self, weight: Array, x: str) -> str:
        """x · Wᵀ, with W (outputs, inputs); the bias is added by whatever comes next."""
        if self.precision == "fp32":
            return self.node("MatMul", x, self.weight(weight.T), domain="")
        scale = np.abs(weight).max(axis=1) / np.float32(_INT8_LARGEST)
        scale[scale == 0] = 1
        whole = np.rint(weight / scale[:, None]).astype(np.int8)
        return self.node("DynamicQuantizeMatMul", x, self.weight(whole.T), self.weight(scale))

    def activation(self, layer: Layer, x: str, bias: Array) -> str:
        """The layer's activation after its bias."""
        if layer.activation is relu:
            return self.node("Relu", self.node("Add", x, self.weight(bias), domain=""), domain="")
        fused = _FUSED_ACTIVATIONS.get(layer.activation)
        if fused is None:
            raise ModelError(f"no ONNX node computes {layer.activation!r}")
        return self.node(fused, x, self.weight(bias))

    def add_and_normalise(self, norm: LayerNorm, x: str, residual: str, bias: Array) -> str:
        """Layer norm of x + residual + bias."""
        weights = (self.weight(norm.weight), self.weight(norm.bias), self.weight(bias))
        epsilon = float(norm.epsilon)
        return self.node("SkipLayerNormalization", x, residual, *weights, epsilon=epsilon)

    def node(
        self,
        kind: str,
        *inputs: str,
        domain: str = _FUSED,
        outputs: int = 1,
        name: str = "",
        **attributes: float,
    ) -> str:
        """Append a node; returns the name of its first output."""
        name = name or f"{kind}-{len(self.nodes)}"
        names = [name, *(f"{name}-{more}" for more in range(1, outputs))]
        self.nodes.append(_node(kind, inputs, names, domain, attributes))
        return name

    def weight(self, values: NDArray[Any]) -> str:
        """Add a weight; returns its name."""
        name = f"weight-{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(values)
        return name

    def model(self, dimension: int) -> bytes:
        """The graph in ONNX's own format, its weights to be handed over beside it."""
        from onnx import TensorProto, helper

        tensors = [_elsewhere(name, values) for name, values in self.weights.items()]
        inputs = [
            helper.make_tensor_value_info(name, TensorProto.INT32, shape)
            for name, shape in _INPUTS.items()
        ]
        shape: list[str | int | None] = ["T", dimension]
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, shape)
        model = helper.make_model(
            helper.make_graph(self.nodes, "bert", inputs, [states], tensors),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_FUSED, 1)],
            ir_version=_IR_VERSION,
        )
        return bytes(model.SerializeToString())


def _node(
    kind: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    domain: str,
    attributes: Mapping[str, float],
) -> Any:  # noqa: ANN401 - a message of onnx
    from onnx import helper

    node = helper.make_node(kind, inputs, outputs, domain=domain)
    node.attribute.extend(helper.make_attribute(*each) for each in attributes.items())
    return node


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
