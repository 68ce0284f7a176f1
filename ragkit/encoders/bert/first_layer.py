"""Queries, keys and values of BERT's first layer, as far as they depend on a word alone.

Contract: `FirstLayer.find` gives, for the ids of some tokens, rows of a table that holds a product
for every word met so far, each computed once. The table is begun anew when it is full, and no
larger than 32 MiB unless one batch alone takes more. Safe to call from threads. Equal to `bert.py`
but for rounding.

What the first layer reads is not mixed yet: LN(w + p), of a word's vector w and a position's p. A
norm takes off the mean, which is linear, divides by a number, σ, and scales. So, with M for the
map's weights after that scale and less their mean,

    W · LN(w + p) = (M·w + M·p) / σ + W·b

and M·w is the same wherever the word stands. Words repeat: of 22,000 tokens of data/ 2,500 are
different. That saves a fiftieth of the whole forward pass.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.model import Bert, Layer, Linear

Array = NDArray[np.float32]

# Some 7,000 words of a small model: nearly all that a job of prose has.
_TABLE_BYTES = 32 << 20


class FirstLayer:
    """The first layer of a model, taken apart."""

    layer: Layer
    """What remains: biases that hold the norm's own, for queries, keys and values from a table."""
    places: Array
    """(3, positions, d) float32: M·p for queries, keys and values."""

    def __init__(self, bert: Bert) -> None:
        layer, norm = bert.layers[0], bert.norm
        scaled = [each.weight * norm.weight for each in (layer.query, layer.key, layer.value)]
        self._maps = np.stack([(each - each.mean(axis=1, keepdims=True)).T for each in scaled])
        self.places = (bert.positions + bert.type) @ self._maps

        def shifted(linear: Linear) -> Linear:
            return replace(linear, bias=linear.bias + linear.weight @ norm.bias)

        self.layer = replace(
            layer, query=shifted(layer.query), key=shifted(layer.key), value=shifted(layer.value)
        )
        self._words = bert.words
        self._lock = threading.Lock()
        self._rows = np.full(len(bert.words), -1, dtype=np.int32)  # of each word; -1: not met yet
        self._table, self._used = self._empty(0), 0

    def find(self, ids: NDArray[np.int32]) -> tuple[Array, NDArray[np.int32]]:
        """The table, (3, any, d) float32, and (T,) int32: the row of each token in it."""
        with self._lock:
            rows = self._rows[ids]
            missing = np.unique(ids[rows < 0])
            if len(missing):
                if self._used + len(missing) > self._table.shape[1]:
                    missing = np.unique(ids)
                    # Whoever still reads the full one keeps it.
                    self._table, self._used = self._empty(len(missing)), 0
                    self._rows.fill(-1)
                new = slice(self._used, self._used + len(missing))
                self._table[:, new] = self._words[missing] @ self._maps
                self._rows[missing] = np.arange(new.start, new.stop)
                self._used = new.stop
                rows = self._rows[ids]
            return self._table, rows

    def _empty(self, least: int) -> Array:
        d = self.places.shape[2]
        return np.empty((3, max(least, _TABLE_BYTES // (3 * d * 4)), d), dtype=np.float32)
