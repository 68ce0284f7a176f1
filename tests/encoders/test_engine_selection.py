"""The truth table of the engine selection.

Every row was also true of the chain of conditions that the table replaced.
"""

from __future__ import annotations

import pytest

from ragkit.encoders.sentence_encoder import EngineName, EngineSelector

QUERY_SESSION: set[EngineName] = {"numpy", "onnx_query"}
BULK_SESSION: set[EngineName] = {"numpy", "onnx_bulk"}
BOTH_SESSIONS = QUERY_SESSION | BULK_SESSION
NUMPY: set[EngineName] = {"numpy"}

BULK = [
    # precision, NumPy supports it, tokens before, of the call, loaded, GPU → candidates in order
    ("fp32", True, 0, 10, NUMPY, False, ["numpy"]),
    ("fp32", True, 0, 3_999, NUMPY, False, ["numpy"]),
    ("fp32", True, 0, 4_000, NUMPY, False, ["onnx_bulk", "numpy"]),
    ("fp32", True, 3_990, 10, NUMPY, False, ["onnx_bulk", "numpy"]),
    # a session that is loaded serves small calls from the start
    ("fp32", True, 0, 10, QUERY_SESSION, False, ["onnx_query", "numpy"]),
    ("fp32", True, 0, 10, BULK_SESSION, False, ["onnx_bulk", "numpy"]),
    ("fp32", True, 0, 10, BOTH_SESSIONS, False, ["onnx_bulk", "onnx_query", "numpy"]),
    ("fp32", True, 4_000, 10, QUERY_SESSION, False, ["onnx_query", "onnx_bulk", "numpy"]),
    ("fp32", True, 0, 4_000, QUERY_SESSION, False, ["onnx_bulk", "numpy"]),
    # a GPU pays only after many tokens; the processor's engines follow where torch finds none
    ("fp32", True, 39_989, 10, NUMPY, True, ["onnx_bulk", "numpy"]),
    ("fp32", True, 39_990, 10, NUMPY, True, ["torch_gpu", "onnx_bulk", "numpy"]),
    ("fp32", True, 39_990, 10, NUMPY, False, ["onnx_bulk", "numpy"]),
    ("fp32", True, 40_000, 10, QUERY_SESSION, True,
     ["torch_gpu", "onnx_query", "onnx_bulk", "numpy"]),
    ("fp32", True, 0, 40_000, BULK_SESSION, True, ["torch_gpu", "onnx_bulk", "numpy"]),
    # int8 has one engine, also on a machine with a GPU
    ("int8", True, 0, 10, NUMPY, False, ["onnx_bulk"]),
    ("int8", True, 10**6, 10**6, BULK_SESSION, True, ["onnx_bulk"]),
    # other architectures have one engine
    ("fp32", False, 0, 10, set(), False, ["torch"]),
    ("fp32", False, 10**6, 10**6, set(), True, ["torch"]),
]  # fmt: skip
QUERIES = [
    ("fp32", True, set(), ["numpy"]),
    ("fp32", True, BULK_SESSION, ["numpy"]),
    ("fp32", True, QUERY_SESSION, ["onnx_query", "numpy"]),
    ("int8", True, BULK_SESSION, ["numpy"]),
    ("fp32", False, set(), ["torch"]),
]


@pytest.mark.parametrize(
    ("precision", "supported", "before", "tokens", "loaded", "has_gpu", "expected"), BULK
)
def test_bulk_engines(
    precision: str,
    supported: bool,
    before: int,
    tokens: int,
    loaded: set[EngineName],
    has_gpu: bool,
    expected: list[EngineName],
) -> None:
    selector = EngineSelector(precision, numpy_supported=supported)
    selector.count_tokens(before)
    selector.count_tokens(tokens)
    assert list(selector.bulk_engines(tokens, loaded, has_gpu=has_gpu)) == expected


@pytest.mark.parametrize(("precision", "supported", "loaded", "expected"), QUERIES)
def test_query_engines(
    precision: str, supported: bool, loaded: set[EngineName], expected: list[EngineName]
) -> None:
    selector = EngineSelector(precision, numpy_supported=supported)
    assert list(selector.query_engines(loaded)) == expected
    assert selector.has_query_session == (precision == "fp32" and supported)


@pytest.mark.parametrize(
    ("precision", "queries", "loaded", "expected"),
    [
        ("fp32", 31, NUMPY, False),
        ("fp32", 32, NUMPY, True),
        ("fp32", 32, BULK_SESSION, True),
        ("fp32", 255, QUERY_SESSION, False),
        ("fp32", 256, QUERY_SESSION, True),
        ("int8", 10**6, NUMPY, False),
    ],
)
def test_groups_of_queries(
    precision: str, queries: int, loaded: set[EngineName], expected: bool
) -> None:
    selector = EngineSelector(precision, numpy_supported=True)
    assert selector.is_bulk(queries, loaded) is expected


def test_selecting_changes_nothing() -> None:
    selector = EngineSelector("fp32", numpy_supported=True)
    for _ in range(3):
        assert list(selector.bulk_engines(3_999, NUMPY, has_gpu=True)) == ["numpy"]
        assert selector.is_bulk(32, NUMPY)
    assert [selector.count_query() for _ in range(3)] == [1, 2, 3]
