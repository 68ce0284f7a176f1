"""Intervals and p-values, compared with SciPy and with values worked by hand."""

import numpy as np
import pytest
import scipy  # whose parts are imported when they are used

from ragkit.evaluation import significance


def values(seed, size):
    """Measures as they are: many 0 and 1, some between."""
    generator = np.random.default_rng(seed)
    return np.clip(generator.normal(0.6, 0.5, size), 0, 1)


@pytest.mark.parametrize(("seed", "size"), [(1, 12), (2, 60), (3, 400)])
def test_intervals_are_those_of_scipy(seed, size):
    found = significance.bootstrap_interval(list(values(seed, size)))
    expected = scipy.stats.bootstrap(
        (values(seed, size),), np.mean, n_resamples=20_000, method="BCa", rng=seed
    ).confidence_interval
    spread = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.03 * spread)


def test_equal_values_have_no_width():
    assert significance.bootstrap_interval([1.0]) == (1.0, 1.0)
    assert significance.bootstrap_interval([0.25] * 30) == (0.25, 0.25)
    with pytest.raises(ValueError, match="needs values"):
        significance.bootstrap_interval([])


def test_p_values_of_few_queries_are_exact():
    # Five changes in one direction: of 32 assignments of signs, two are as far from 0.
    assert significance.sign_flip_p_value([0.1, 0.2, 0.3, 0.1, 0.5, 0, 0]) == 2 / 32
    assert significance.sign_flip_p_value([0.0, 0.0]) == 1
    assert significance.sign_flip_p_value([0.3, -0.3]) == 1


@pytest.mark.parametrize(("seed", "size"), [(1, 10), (2, 40), (3, 300)])
def test_p_values_are_those_of_scipy(seed, size):
    changes = values(seed, size) - values(seed + 100, size) - 0.05
    # "samples" flips signs; "pairings", the default of paired statistics, is another test.
    expected = scipy.stats.permutation_test(
        (changes,), np.mean, permutation_type="samples", n_resamples=20_000, rng=seed
    ).pvalue
    assert significance.sign_flip_p_value(list(changes)) == pytest.approx(expected, abs=0.012)


def test_few_changed_queries_without_an_effect_are_rarely_significant():
    # Of 200 queries 5 % change, in either direction: at most 1 in 20 trials may find an effect.
    generator = np.random.default_rng(0)
    found = 0
    for _ in range(200):
        changes = np.zeros(200)
        changes[:10] = generator.choice([-1, 1], 10) * generator.uniform(0.1, 1, 10)
        found += significance.sign_flip_p_value(list(changes)) < 0.05
    assert found <= 16  # 10 expected; 17 or more has a probability below 3 %


def test_a_comparison_names_the_queries_that_changed():
    before = {"a": 0.0, "b": 1.0, "c": 0.5, "d": 0.5}
    found = significance.compare(before, {"a": 0.5, "b": 0.0, "c": 0.75, "d": 0.5})
    assert (found.before, found.after) == (0.5, 0.4375)
    assert found.improved == ("a", "c")
    assert found.worse == ("b",)
    assert found.p_value == 1.0  # |.5 + .25 − 1| is the smallest sum that signs can give
    assert not found.is_significant
    low, high = found.interval
    assert low < found.after - found.before < high
    with pytest.raises(ValueError, match="the same queries"):
        significance.compare(before, {"a": 1.0})
