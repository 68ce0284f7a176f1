"""How sure a difference between two rankings is, and how precise a mean over queries is.

`bootstrap_interval`: the interval of a mean, by the bias-corrected and accelerated bootstrap
(Efron, "Better Bootstrap Confidence Intervals", 1987). `sign_flip_p_value`: the permutation test of
paired differences (Fisher's randomization test; Smucker, Allan and Carterette, "A Comparison of
Statistical Significance Tests for Information Retrieval Evaluation", 2007). Whether a difference is
significant is decided by the sign flips alone: where only few queries change, bootstrap intervals
exclude 0 too often. Both draw from a fixed seed, so the same values give the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_RESAMPLES = 10_000
_EXACT_QUERIES = 14  # up to so many changed queries all 2ⁿ signs are tried
_BLOCK = 4_000_000  # random numbers drawn at once
_SEED = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure of two rankings of the same queries, and how sure their difference is."""

    before: float  # means over the queries
    after: float
    interval: tuple[float, float]  # of the mean difference, after − before, at 95 %
    p_value: float
    improved: tuple[str, ...]  # query ids, largest change first
    worse: tuple[str, ...]

    @property
    def is_significant(self) -> bool:
        """Whether a difference this large is rarer than 1 in 20 without any effect."""
        return self.p_value < 1 - CONFIDENCE


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of `values`; of one value, or of equal ones, that value.

    Raises ValueError without values.
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        raise ValueError("a mean needs values")
    if array.min() == array.max():
        return float(array[0]), float(array[0])
    means = _resampled_means(array)
    normal = NormalDist()
    share = np.mean(means < array.mean()) + np.mean(means == array.mean()) / 2
    bias = normal.inv_cdf(float(np.clip(share, 1e-6, 1 - 1e-6)))
    deviations = array - array.mean()  # those of the jackknife's means, but for a factor
    skew = float((deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5))
    bounds = []
    for tail in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2):
        z = bias + normal.inv_cdf(tail)
        bounds.append(normal.cdf(bias + z / (1 - skew * z)))
    low, high = np.quantile(means, bounds)
    return float(low), float(high)


def sign_flip_p_value(differences: Sequence[float]) -> float:
    """Return the two-sided p-value of the mean of paired differences.

    Without an effect each difference could have had the other sign. The p-value is the share of
    assignments of signs with a mean at least as far from 0: of all of them up to 14 differences
    that are not 0, otherwise of 10,000 drawn ones and the observed one.
    """
    array = np.asarray(differences, dtype=np.float64)
    array = array[array != 0]
    if not array.size:
        return 1.0
    # Sums that are equal but for rounding count as equal.
    observed = abs(array.sum()) * (1 - 1e-12) - 1e-15
    if array.size <= _EXACT_QUERIES:
        numbers = np.arange(2**array.size)[:, None]
        signs = 1 - 2 * ((numbers >> np.arange(array.size)) & 1)
        return float(np.mean(np.abs(signs @ array) >= observed))
    generator = np.random.default_rng(_SEED)
    extreme, rows = 0, max(1, _BLOCK // array.size)
    for start in range(0, _RESAMPLES, rows):
        shape = (min(rows, _RESAMPLES - start), array.size)
        drawn = generator.integers(0, 2, shape, dtype=np.int8) * 2.0 - 1
        extreme += int(np.count_nonzero(np.abs(drawn @ array) >= observed))
    return (extreme + 1) / (_RESAMPLES + 1)


def compare(before: Mapping[str, float], after: Mapping[str, float]) -> Difference:
    """Return the difference of a measure, from its values by query id in two evaluations.

    Raises ValueError if the queries are not the same ones, or if there are none.
    """
    if before.keys() != after.keys() or not before:
        raise ValueError("a comparison needs the same queries on both sides, one at least")
    queries = list(before)
    first = np.array([before[query] for query in queries])
    changes = np.array([after[query] for query in queries]) - first
    order = np.argsort(-np.abs(changes), kind="stable")
    means = _resampled_means(changes)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, (tail, 1 - tail))
    return Difference(
        before=float(first.mean()),
        after=float((first + changes).mean()),
        interval=(float(low), float(high)),
        p_value=sign_flip_p_value(list(changes)),
        improved=tuple(queries[i] for i in order if changes[i] > 0),
        worse=tuple(queries[i] for i in order if changes[i] < 0),
    )


def _resampled_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of samples with replacement: (10,000,)."""
    generator = np.random.default_rng(_SEED)
    rows = max(1, _BLOCK // values.size)
    blocks = []
    for start in range(0, _RESAMPLES, rows):
        shape = (min(rows, _RESAMPLES - start), values.size)
        blocks.append(values[generator.integers(0, values.size, shape)].mean(axis=1))
    return np.concatenate(blocks)
