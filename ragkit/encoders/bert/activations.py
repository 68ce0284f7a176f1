"""The functions between BERT's two linear maps, by the names that `config.json` gives them.

Contract: (T, any) float32 in, the same shape out, possibly the same array: the input is used up.

    Hendrycks & Gimpel 2016, Gaussian Error Linear Units, https://arxiv.org/abs/1606.08415
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# Rows are worked on in blocks that stay in the processor's cache.
_BLOCK = 32_768


def gelu(x: Array) -> Array:
    """x · Φ(x), with Φ the normal distribution: 1 passes, 0 stops. In place. (T, any) float32.

    That is max(0, x) but for |x| · Φ(-|x|) near zero, and Φ(-a) = erfc(a/√2) / 2. erfc by
    Abramowitz & Stegun 7.1.26, |error| ≤ 1.5e-7, about one unit of float32.
    """
    rows = max(1, _BLOCK // x.shape[1])
    for start in range(0, len(x), rows):
        y = x[start : start + rows]
        a = np.abs(y)
        t = a * np.float32(0.3275911 * math.sqrt(0.5))
        t += 1
        np.reciprocal(t, out=t)
        half_erfc = np.float32(1.061405429 / 2) * t
        for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            half_erfc += np.float32(coefficient / 2)
            half_erfc *= t
        np.multiply(y, y, out=t)
        t *= np.float32(-0.5)
        np.exp(t, out=t)
        half_erfc *= t
        half_erfc *= a
        np.maximum(y, 0, out=y)
        y -= half_erfc
    return x


def gelu_tanh(x: Array) -> Array:
    """The tanh approximation of GELU, which some models were trained with."""
    inner = np.float32(math.sqrt(2 / math.pi)) * (x + np.float32(0.044715) * x**3)
    share: Array = (1 + np.tanh(inner)) * np.float32(0.5)
    return x * share


def relu(x: Array) -> Array:
    """max(0, x), in place."""
    np.maximum(x, 0, out=x)
    return x


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": gelu,
    "gelu_new": gelu_tanh,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": relu,
}
