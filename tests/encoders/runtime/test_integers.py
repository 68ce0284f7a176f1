"""Weights as integers, and what ONNX Runtime computes from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.encoders.bert.model import gelu, relu
from ragkit.encoders.runtime.graph_builder import GraphBuilder
from ragkit.encoders.runtime.integers import quantize_weights
from ragkit.encoders.runtime.session import create_session


def product_of(weight: np.ndarray, x: np.ndarray, function: object = None) -> np.ndarray:
    """x · Wᵀ in int8 as ONNX Runtime computes it, behind an activation function if one is given."""
    graph = GraphBuilder("int8")
    value = "x" if function is None else graph.activation(function, "x")
    graph.node("Identity", graph.product(weight, value), name="states")
    model = graph.model({"x": (np.float32, ["T", weight.shape[1]])}, len(weight))
    return create_session(lambda: (model, graph.weights), 1).run(None, {"x": x})[0]


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 9))
def test_pairs_of_weights_leave_room_for_the_largest_activation(
    seed: int, outputs: int, inputs: int
) -> None:
    weight = np.random.default_rng(seed).standard_normal((outputs, inputs)).astype(np.float32)
    weight[0] = 0
    integers, scales = quantize_weights(weight)
    assert integers.dtype == np.int8
    assert scales.dtype == np.float32
    np.testing.assert_allclose(integers * scales[:, None], weight, atol=scales.max() / 1.99)
    sizes = np.abs(integers.astype(int))
    pairs = sizes[:, 0::2].copy()
    pairs[:, : sizes.shape[1] // 2] += sizes[:, 1::2]
    assert 255 * pairs.max() < 2**15


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_products_do_not_saturate(sign: int) -> None:
    """All inputs and weights as large as they can be: the sums of the integers are exact."""
    weight = np.full((4, 64), sign, np.float32)
    x = np.stack([np.ones(64), -np.ones(64), np.zeros(64)]).astype(np.float32)
    integers, scales = quantize_weights(weight)
    expected = x @ (integers * scales[:, None]).T
    np.testing.assert_allclose(product_of(weight, x), expected, atol=1e-4)


def test_a_row_is_the_same_next_to_any_others() -> None:
    random = np.random.default_rng(5)
    weight = random.standard_normal((16, 32)).astype(np.float32)
    x = random.standard_normal((20, 32)).astype(np.float32)
    x[3] *= 1_000
    together = product_of(weight, x)
    for row in (0, 3, 19):
        np.testing.assert_array_equal(product_of(weight, x[row : row + 1]), together[row : row + 1])
    error = np.linalg.norm(together - x @ weight.T, axis=1) / np.linalg.norm(x @ weight.T, axis=1)
    assert error.max() < 0.03


@pytest.mark.parametrize("function", [gelu, relu])
def test_values_that_are_hardly_negative_are_rounded_in_finer_steps(function: object) -> None:
    random = np.random.default_rng(6)
    weight = random.standard_normal((16, 64)).astype(np.float32)
    x = (3 * random.standard_normal((50, 64))).astype(np.float32)
    x[0] = -0.75  # nearly the lowest value of GELU everywhere
    raised = function(x.copy())  # type: ignore[operator]

    def error(found: np.ndarray) -> float:
        return float(np.abs(found - raised @ weight.T)[1:].mean())

    after = product_of(weight, x, function)
    assert np.isfinite(after).all()
    np.testing.assert_allclose(after[0], raised[0] @ weight.T, atol=0.06 * np.abs(weight).sum(1)[0])
    assert error(after) < error(product_of(weight, raised))
