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
from ragkit.encoders.runtime import integers
from ragkit.errors import ModelError

Array = NDArray[np.float32]
Shape: TypeAlias = list[str | int | None]

FUSED = "com.microsoft"  # the domain of ONNX Runtime's own operators
_OPSET, _IR_VERSION = 17, 8  # old enough for every runtime since 2022
_ACTIVATIONS: dict[Callable[[Array], Array], tuple[str, str]] = {
    gelu: ("Gelu", FUSED),
    gelu_tanh: ("FastGelu", FUSED),
    relu: ("Relu", ""),
}
# No value of these functions is lower than minus this number.
_DEPTHS: dict[Callable[[Array], Array], float] = {gelu: 0.17, gelu_tanh: 0.1701, relu: 0.0}


@dataclass
class GraphBuilder:
    """The nodes and weights of a graph under construction."""

    precision: str
    prefix: str = ""
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[Any]] = field(default_factory=dict)
    depths: dict[str, float] = field(default_factory=dict)
    """Values that are nowhere lower than minus this number."""
    rounded: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The int8 form of values that had to be rounded: see `_rounded`."""

    def branch(self, output: str) -> Any:  # noqa: ANN401 - a message of onnx
        """These nodes as one branch of an If, whose value is `output`."""
        from onnx import TensorProto, helper

        value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
        return helper.make_graph(self.nodes, output, [], [value])

    def linear(self, linear: Linear, x: str, *, is_exact: bool = False) -> str:
        """x · Wᵀ plus the bias, if there is one. `is_exact` as in `product`."""
        bias = linear.bias if linear.bias.any() else None
        return self.product(linear.weight, x, bias, is_exact=is_exact)

    def product(
        self, weight: Array, x: str, bias: Array | None = None, *, is_exact: bool = False
    ) -> str:
        """x · Wᵀ, with W (outputs, inputs), plus the bias. `is_exact`: in fp32 in any precision."""
        biases = [] if bias is None else [self.weight(bias)]
        if self.precision == "fp32" or is_exact:
            # Transposed by the runtime while it packs the weights: no copy of a mapped file.
            return self.node("Gemm", x, self.weight(weight), *biases, transB=1)
        weights, scales = integers.quantize_weights(weight)
        rows, largest, unit, zero = self._rounded(x)
        operands = (rows, self.weight(weights.T), unit, self.weight(scales), zero)
        scaled = self.node("MatMulIntegerToFloat", *operands, domain=FUSED)
        product = self.node("Mul", scaled, largest)
        return self.node("Add", product, *biases) if biases else product

    def _rounded(self, x: str) -> tuple[str, ...]:
        """The rows of x (T, any) as uint8, the largest value of each (T, 1), and of all rows the
        scale and the zero point: x = rows less zero point · scale · largest.

        Each row has a scale of its own, so that it is the same next to any others.
        """
        if x not in self.rounded:
            largest = self.node("ReduceMax", x, axes=[1])
            levels, zero = integers.LEVELS, integers.ZERO_POINT
            if x in self.depths:
                zero = integers.SHALLOW_ZERO_POINT
                levels = integers.HIGHEST - zero
                least = max(self.depths[x] * levels / zero, integers.LEAST)
            else:
                smallest = self.node("Neg", self.node("ReduceMin", x, axes=[1]))
                largest, least = self.node("Max", largest, smallest), integers.LEAST
            largest = self.node("Max", largest, self.weight(np.array([least], np.float32)))
            unit = self.weight(np.array([1 / levels], np.float32))
            point = self.weight(np.array([zero], np.uint8))
            rows = self.node("QuantizeLinear", self.node("Div", x, largest), unit, point)
            self.rounded[x] = (rows, largest, unit, point)
        return self.rounded[x]

    def activated(self, function: Callable[[Array], Array], linear: Linear, x: str) -> str:
        """An activation function of x · Wᵀ + bias. Raises ModelError as `activation`."""
        if self.precision == "fp32" or function is not gelu:
            return self.activation(function, self.product(linear.weight, x, linear.bias))
        product = self.product(linear.weight, x)
        raised = self.node("BiasGelu", product, self.weight(linear.bias), domain=FUSED)
        self.depths[raised] = _DEPTHS[function]
        return raised

    def activation(self, function: Callable[[Array], Array], x: str) -> str:
        """An activation function. Raises ModelError if no ONNX node computes it."""
        if function not in _ACTIVATIONS:
            raise ModelError(f"no ONNX node computes {function!r}")
        kind, domain = _ACTIVATIONS[function]
        name = self.node(kind, x, domain=domain)
        self.depths[name] = _DEPTHS[function]
        return name

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
