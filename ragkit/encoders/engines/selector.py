"""Select the engine that computes a call, by one table.

Contract: `EngineSelector` counts tokens and queries, and names the engines for a call in order of
preference: the first one that can be loaded computes it. Knows names and numbers only; it loads no
engine. The thresholds come from measurements: bench/RESULTS.md, "Bulk encoding".
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

EngineName: TypeAlias = Literal["numpy", "onnx_query", "onnx_bulk", "torch", "torch_gpu"]
"""`onnx_query` computes one batch with all cores, `onnx_bulk` one batch per core; `torch_gpu` is
`torch` where it has a GPU."""

# ONNX Runtime takes a third of a second to load, in which NumPy encodes this many tokens.
# sentence-transformers takes 6 to 7 s, so a GPU saves time only beyond this many tokens.
MIN_ONNX_TOKENS = 4_000
MIN_GPU_TOKENS = 40_000
# Queries in one call from which the bulk engine is used. A process that has the query session
# already, such as a server, uses it for larger groups: a second session takes 160 MB.
MIN_BULK_QUERIES = 32
MIN_BULK_QUERIES_WITH_SESSION = 256
# Queries of one process after which more are expected and the query session is loaded.
QUERIES_BEFORE_SESSION = 2


@dataclass(frozen=True, slots=True)
class _Rule:
    """One row of the table: the engine is a candidate where all conditions hold."""

    engine: EngineName
    workload: Literal["query", "bulk"]
    precision: Literal["fp32", "int8"] = "fp32"
    numpy_supported: bool = True
    """Whether the NumPy engine supports the model: a BERT without extra modules."""
    min_total_tokens: int = 0
    """Tokens of all bulk calls of this encoder, this one included."""
    max_call_tokens: int | None = None
    """Only for calls of fewer tokens than this."""
    only_loaded: bool = False
    """Only where the engine is loaded already."""
    needs_gpu: bool = False


# In order of preference. A model that NumPy does not support has one engine and only fp32.
_TABLE = (
    _Rule("torch", "query", numpy_supported=False),
    _Rule("onnx_query", "query", only_loaded=True),
    _Rule("numpy", "query"),
    _Rule("numpy", "query", "int8"),  # int8 rounds, and queries are never rounded
    _Rule("torch", "bulk", numpy_supported=False),
    _Rule("onnx_bulk", "bulk", "int8"),
    _Rule("torch_gpu", "bulk", min_total_tokens=MIN_GPU_TOKENS, needs_gpu=True),
    _Rule("onnx_bulk", "bulk", max_call_tokens=MIN_ONNX_TOKENS, only_loaded=True),
    _Rule("onnx_query", "bulk", max_call_tokens=MIN_ONNX_TOKENS, only_loaded=True),
    _Rule("onnx_bulk", "bulk", min_total_tokens=MIN_ONNX_TOKENS),
    _Rule("numpy", "bulk"),
)


class EngineSelector:
    """The engines for each call to one model. Safe to share between threads."""

    def __init__(self, precision: str, *, numpy_supported: bool) -> None:
        self._rules = [
            rule
            for rule in _TABLE
            if (rule.precision, rule.numpy_supported)
            == (precision if numpy_supported else "fp32", numpy_supported)
        ]
        self._precision = precision
        self._total_tokens = 0
        self._queries = 0
        self._counting = threading.Lock()

    def count_tokens(self, tokens: int) -> None:
        """Add the tokens of a bulk call to the total."""
        with self._counting:
            self._total_tokens += tokens

    def count_query(self) -> int:
        """Add one call of a few queries; the number of such calls so far."""
        with self._counting:
            self._queries += 1
            return self._queries

    @property
    def has_query_session(self) -> bool:
        """Whether the table names `onnx_query` for queries to this model."""
        return any(rule.engine == "onnx_query" for rule in self._rules)

    def is_bulk(self, queries: int, loaded: Collection[EngineName]) -> bool:
        """Whether a call of this many queries is a bulk call."""
        if self._precision != "fp32":
            return False
        limit = MIN_BULK_QUERIES_WITH_SESSION if "onnx_query" in loaded else MIN_BULK_QUERIES
        return queries >= limit

    def query_engines(self, loaded: Collection[EngineName]) -> Iterator[EngineName]:
        """The engines for a few queries, the preferred one first."""
        return self._matching("query", 0, loaded, has_gpu=False)

    def bulk_engines(
        self, tokens: int, loaded: Collection[EngineName], *, has_gpu: bool
    ) -> Iterator[EngineName]:
        """The engines for a bulk call of this many tokens, the preferred one first. `loaded` names
        the engines in memory; `has_gpu` says that the machine has a GPU's driver."""
        return self._matching("bulk", tokens, loaded, has_gpu=has_gpu)

    def _matching(
        self, workload: str, tokens: int, loaded: Collection[EngineName], *, has_gpu: bool
    ) -> Iterator[EngineName]:
        for rule in self._rules:
            if (
                rule.workload == workload
                and self._total_tokens >= rule.min_total_tokens
                and (rule.max_call_tokens is None or tokens < rule.max_call_tokens)
                and (not rule.only_loaded or rule.engine in loaded)
                and (not rule.needs_gpu or has_gpu)
            ):
                yield rule.engine
