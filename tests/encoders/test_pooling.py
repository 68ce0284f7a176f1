"""Pooling, against values worked on paper."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.encoders import pooling

# Two texts: of two tokens and of one.
STATES = np.array([[1, 2], [3, -4], [5, 6]], dtype=np.float32)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cls", [[1, 2], [5, 6]]),
        ("mean", [[2, -1], [5, 6]]),
        ("max", [[3, 2], [5, 6]]),
    ],
)
def test_poolings(mode: str, expected: list[list[float]]) -> None:
    found = pooling.POOLINGS[mode](STATES, [2, 1])
    assert found.tolist() == expected
    assert found.dtype == np.float32


def test_a_text_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="without tokens"):
        pooling.mean(STATES, [3, 0])


def test_unit_rows() -> None:
    rows = pooling.unit_rows(np.array([[3, 4], [0, 0]], dtype=np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert rows.dtype == np.float32
