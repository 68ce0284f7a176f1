"""A deterministic encoder: each word has a fixed direction, a text is the normalised sum.

`vector_of` is plain NumPy, so the checker computes the expected vectors without ragkit. It is the
encoder of `tests/conftest.py`, with which the stored collections of earlier versions were written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

DIMENSION = 64
FINGERPRINT = "f" * 64


@lru_cache(10_000)
def _direction(word: str) -> NDArray[np.float64]:
    seed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")
    return np.random.default_rng(seed).standard_normal(DIMENSION)


def vector_of(text: str) -> NDArray[np.float32]:
    """Return the unit vector of `text`: (64,) float32."""
    total = np.full(DIMENSION, 1e-3)
    for word in re.findall(r"\w+", text.lower()):
        total += _direction(word)
    return (total / np.linalg.norm(total)).astype(np.float32)


class FakeEncoder:
    """Implements `ragkit.encoders.Encoder` with `vector_of`."""

    name = "words"
    fingerprint = FINGERPRINT
    dimension = DIMENSION
    window = 60

    def token_spans(self, text: str) -> NDArray[np.int64]:
        spans = [match.span() for match in re.finditer(r"\w+|[^\w\s]", text)]
        return np.array(spans, dtype=np.int64).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self.token_spans(text)) for text in texts]

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [vector_of(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(-1, DIMENSION)

    def encode_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.encode_queries(texts)
