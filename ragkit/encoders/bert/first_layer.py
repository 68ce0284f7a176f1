"""A table of the first layer's queries, keys and values, computed once for each word of a job.

Contract: `FirstLayer.lookup` maps token ids to rows of a table, which has the products of every
word so far. A full table is replaced by an empty one; it takes at most 32 MiB unless one batch
alone needs more. Safe to share between threads. Equal to the first layer of `model` except for
rounding.

The input of the first layer is LN(w + p), of a word embedding w and a position embedding p: not
mixed with other tokens yet. Layer norm subtracts the mean, which is linear, divides by the
standard deviation σ, and scales. So, with M for the map's weights after that scale and less their
mean,

    W · LN(w + p) = (M·w + M·p) / σ + W·b

and M·w is the same wherever the word occurs. Words repeat: 22,000 tokens of data/ have 2,500
different words. bench/RESULTS.md has what the table saves.
"""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ragkit.encoders.bert.model import Bert, Layer, Linear

Array = NDArray[np.float32]

# Some 7,000 words of a small model: nearly all words of a job of prose.
_TABLE_BYTES = 32 << 20


class FirstLayer:
    """The table of one model's first layer."""

    layer: Layer
    """The first layer with the norm's bias added to its own, for values from the table."""
    positions: Array
    """(3, positions, d) float32: M·p for queries, keys and values."""

    def __init__(self, bert: Bert) -> None:
        layer, norm = bert.layers[0], bert.norm
        linears = (layer.query, layer.key, layer.value)
        scaled = [linear.weight * norm.weight for linear in linears]
        self._maps = np.stack([(w - w.mean(axis=1, keepdims=True)).T for w in scaled])
        self.positions = (bert.position_embeddings + bert.token_type_embedding) @ self._maps

        def shifted(linear: Linear) -> Linear:
            return replace(linear, bias=linear.bias + linear.weight @ norm.bias)

        self.layer = replace(
            layer, query=shifted(layer.query), key=shifted(layer.key), value=shifted(layer.value)
        )
        self._word_embeddings = bert.word_embeddings
        self._lock = threading.Lock()
        self._rows = np.full(
            len(bert.word_embeddings), -1, dtype=np.int32
        )  # of each word; -1: not in the table
        self._table, self._used = self._new_table(0), 0

    def lookup(self, ids: NDArray[np.int32]) -> tuple[Array, NDArray[np.int32]]:
        """Return the table, (3, any, d) float32 for queries, keys and values, and the row of each
        token in it, (T,) int32.

        Computes the rows of words that the table lacks.
        """
        with self._lock:
            rows = self._rows[ids]
            missing = np.unique(ids[rows < 0])
            if len(missing):
                if self._used + len(missing) > self._table.shape[1]:
                    missing = np.unique(ids)
                    # Another thread may still read the full table: it is replaced, not emptied.
                    self._table, self._used = self._new_table(len(missing)), 0
                    self._rows.fill(-1)
                new = slice(self._used, self._used + len(missing))
                self._table[:, new] = self._word_embeddings[missing] @ self._maps
                self._rows[missing] = np.arange(new.start, new.stop)
                self._used = new.stop
                rows = self._rows[ids]
            return self._table, rows

    def _new_table(self, min_rows: int) -> Array:
        d = self.positions.shape[2]
        return np.empty((3, max(min_rows, _TABLE_BYTES // (3 * d * 4)), d), dtype=np.float32)
