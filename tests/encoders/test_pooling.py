"""Pooling, with values worked by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from ragkit.encoders import pooling
from ragkit.errors import UsageError

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
def test_each_pooling_by_hand(mode: str, expected: list[list[float]]) -> None:
    pooled = pooling.POOLINGS[mode](STATES, [2, 1])
    assert pooled.tolist() == expected
    assert pooled.dtype == np.float32


def test_a_text_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="without tokens"):
        pooling.mean(STATES, [3, 0])


def test_rows_are_normalized_and_zero_rows_stay_zero() -> None:
    rows = pooling.normalize_rows(np.array([[3, 4], [0, 0]], dtype=np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    assert rows.dtype == np.float32


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("last", [12]),
        ("12", [12]),
        ("0", [0]),
        ("-1", [12]),
        ("-2", [11]),
        ("-13", [0]),
        ("mean(-4:)", [9, 10, 11, 12]),
        ("mean(1:3)", [1, 2]),
        ("mean(:)", list(range(13))),
        ("mean(1:13:4)", [1, 5, 9]),
        ("mean(-1:-5:-1)", [9, 10, 11, 12]),
        (" mean( -2 : -1 ) ", [11]),
    ],
)
def test_layers_are_parsed(spec: str, expected: list[int]) -> None:
    assert list(pooling.parse_layers(spec, 12)) == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("13", "13 is out of range: the model has 12 layers, 1 to 12, and 0 for its embeddings"),
        ("-14", "-14 is out of range"),
        ("mean(-20:)", "-20 is out of range"),
        ("mean(0:14)", "14 is out of range"),
        ("mean(5:5)", "selects no layer: the model has 12 layers"),
        ("mean(1:3:0)", "expected last, a number such as -2"),
        ("-4:", r"perhaps mean\(-4:\)"),
        ("", "expected last"),
        ("sum(-4:)", "expected last"),
        ("1.5", "expected last"),
    ],
)
def test_invalid_layers_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        pooling.parse_layers(spec, 12)


def test_layers_are_averaged_and_no_more_are_computed() -> None:
    def states() -> Iterator[pooling.Array]:
        for layer in (1, 3, 8):
            yield np.full((2, 2), layer, dtype=np.float32)
        raise AssertionError("a layer too many")

    assert pooling.average_layers(states(), [0, 2]).tolist() == [[4.5, 4.5], [4.5, 4.5]]
    assert pooling.average_layers(states(), [1]).tolist() == [[3, 3], [3, 3]]
