"""Matrix products in 8 bits: how weights and activations become integers.

Contract: numbers and arrays only; `graph_builder` makes the nodes. Measured on 380 texts of data/,
cranfield and xquad (all-MiniLM-L6-v2): see bench/RESULTS.md, "Bulk encoding in int8".

Activations are uint8 with one scale for each row, which is a token: a text has the same vector
whatever else is in its batch. Weights are int8 with one scale for each output.

Processors without VNNI add the products of two neighbouring inputs in 16 bits, and the sum
saturates: 255 · 127 · 2 is too large. Weights are therefore as large as the sum of each pair
allows, which is a bit more than if each of them were limited to 63.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HIGHEST = 255  # of uint8
ZERO_POINT, LEVELS = 128, 127  # of activations that are as often negative as positive
# Of activations that are hardly negative: GELU has no value below -.17.
SHALLOW_ZERO_POINT = 24
LEAST = 1e-9  # the scale of a row of zeros
_HIGHEST_WEIGHT, _HIGHEST_PAIR = 127, 127.5  # rounded, a pair is at most 128: 255 · 128 < 2¹⁵


def quantize_weights(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return the weights (outputs, inputs) as integers of the same shape, and the scale of each
    output, (outputs,) float32.

    The absolute values of the integers at the inputs 2i and 2i + 1 add up to at most 128.
    """
    sizes = np.abs(weight)
    pairs = np.add.reduceat(sizes, np.arange(0, sizes.shape[1], 2), axis=1)
    largest = np.maximum(
        pairs.max(axis=1) / _HIGHEST_PAIR, sizes.max(axis=1) / np.float32(_HIGHEST_WEIGHT)
    )
    scales = np.where(largest > 0, largest, 1).astype(np.float32)
    return np.rint(weight / scales[:, None]).astype(np.int8), scales
