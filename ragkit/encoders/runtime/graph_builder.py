"""Build ONNX graphs node by node, for ONNX Runtime to compute.

Contract: values are referred to by name; `model` serializes the graph, and the weights are passed
to the session separately. Knows the operators that several architectures share, and no
architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.model import LayerNorm, Linear, gelu, gelu_tanh, relu
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Shape: TypeAlias = list[str | int | None]

FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 8  # old enough for every runtime since 2022
# Seven bits: without VNNI the kernel adds pairs of products in 16 bits, which eight would overflow.
_INT8_MAX = 63
_ACTIVATIONS: dict[Callable[[Array], Array], tuple[str, str]] = {
    gelu: ("Gelu", FUSED),
    gelu_tanh: ("FastGelu", FUSED),
    relu: ("Relu", ""),
}


@dataclass
class GraphBuilder:
    """The nodes and weights of a graph under construction."""

    precision: str
    prefix: str = ""
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)

    def branch(self, output: str) -> Any:  # noqa: ANN401 - a message of onnx
        """These nodes as one branch of an If, whose value is `output`."""
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        return helper.make_graph(self.nodes, output, [], [value])

    def linear(self, linear: Linear, x: str) -> str:
        """x · Wᵀ plus the bias, if there is one."""
        return self.product(linear.weight, x, linear.bias if linear.bias.any() else None)

    def product(self, weight: Array, x: str, bias: Array | None = None) -> str:
        """x · Wᵀ, with W (outputs, inputs), plus the bias."""
        biases = [] if bias is None else [self.weight(bias)]
        if self.precision == "fp32":
            return self.node("Gemm" if biases else "MatMul", x, self.weight(weight.T), *biases)
        scale = np.abs(weight).max(axis=1) / np.float32(_INT8_MAX)
        scale[scale == 0] = 1
        quantized = np.rint(weight / scale[:, None]).astype(np.int8)
        weights = (self.weight(quantized.T), self.weight(scale), "", *biases)  # "": no zero point
        return self.node("DynamicQuantizeMatMul", x, *weights, domain=FUSED)

    def activation(self, function: Callable[[Array], Array], x: str) -> str:
        """An activation function. Raises ModelError if no ONNX node computes it."""
        if function not in _ACTIVATIONS:
            raise ModelError(f"no ONNX node computes {function!r}")
        kind, domain = _ACTIVATIONS[function]
        return self.node(kind, x, domain=domain)

    def normalize(self, norm: LayerNorm, x: str) -> str:
        """Layer norm of x."""
        weights = [self.weight(norm.weight)]
        if norm.bias.any():
            weights.append(self.weight(norm.bias))
        return self.node("LayerNormalization", x, *weights, epsilon=float(norm.epsilon))

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

    def model(self, inputs: Mapping[str, tuple[type, Shape]], dimension: int) -> bytes:
        """The serialized model, from inputs of some type and shape to `states`, (T, d) float32."""
        from onnx import TensorProto, helper

        described = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape
            )
            for name, (kind, shape) in inputs.items()
        ]
        tensors = [_external_tensor(name, values) for name, values in self.weights.items()]
        states = helper.make_tensor_value_info("states", TensorProto.FLOAT, ["T", dimension])
        model = helper.make_model(
            helper.make_graph(self.nodes, "encoder", described, [states], tensors),
            opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)],
            ir_version=_IR_VERSION,
        )
        return bytes(model.SerializeToString())


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
