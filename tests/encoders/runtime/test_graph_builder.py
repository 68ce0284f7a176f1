"""A graph of one product, computed by ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.encoders.bert.model import LayerNorm, Linear
from ragkit.encoders.runtime.graph_builder import GraphBuilder
from ragkit.encoders.runtime.session import create_session

X = np.array([[1, 2], [3, 5]], dtype=np.float32)


def compute(graph: GraphBuilder) -> np.ndarray:
    session = create_session(
        lambda: (graph.model({"x": (np.float32, ["T", 2])}, 2), graph.weights), 1
    )
    return np.asarray(session.run(None, {"x": X})[0])


@pytest.mark.parametrize("bias", [[0, 0], [1, -1]])
def test_a_linear_map(bias: list[int]) -> None:
    linear = Linear(np.array([[1, 1], [0, 2]], np.float32), np.array(bias, np.float32))
    graph = GraphBuilder("fp32")
    graph.node("Identity", graph.linear(linear, "x"), name="states")
    np.testing.assert_array_equal(compute(graph), np.array([[3, 4], [8, 10]]) + bias)


@pytest.mark.parametrize("bias", [[0, 0], [3, 4]])
def test_a_layer_norm(bias: list[int]) -> None:
    """Two numbers become -1 and 1."""
    norm = LayerNorm(np.ones(2, np.float32), np.array(bias, np.float32), np.float32(1e-12))
    graph = GraphBuilder("fp32")
    graph.node("Identity", graph.normalize(norm, "x"), name="states")
    np.testing.assert_allclose(compute(graph), np.array([[-1, 1], [-1, 1]]) + bias, atol=1e-5)
