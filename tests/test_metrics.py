"""Metrics of pairs against known values, against scipy.stats, and for properties that hold for any input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from rppg_core import metrics
from rppg_core.errors import UsageError

NUMBERS = st.floats(30, 240, allow_nan=False)
PAIRS = st.integers(3, 40).flatmap(
    lambda n: st.tuples(arrays(np.float64, n, elements=NUMBERS), arrays(np.float64, n, elements=NUMBERS))
)
PAIR_METRICS = [metrics.mae, metrics.rmse, metrics.a_rms, metrics.mape, metrics.pearson_r]


# Numbers -------------------------------------------------------------------------------------------------------


def test_known_errors():
    reference, estimated = np.array([60.0, 80.0, 100.0, 50.0]), np.array([63.0, 76.0, 100.0, 55.0])
    assert metrics.mae(reference, estimated) == pytest.approx(3)
    assert metrics.rmse(reference, estimated) == pytest.approx(np.sqrt(50 / 4))
    assert metrics.a_rms(reference, estimated) == metrics.rmse(reference, estimated)
    assert metrics.mape(reference, estimated) == pytest.approx((5 + 5 + 0 + 10) / 4)
    assert metrics.within(reference, estimated, 4.0) == 0.75
    assert metrics.bland_altman(reference, estimated).bias == pytest.approx(1)


@given(PAIRS)
def test_metrics_change_nothing_in_place(pairs):
    reference, estimated = pairs
    before = reference.copy(), estimated.copy()
    metrics.evaluate(reference, estimated)
    np.testing.assert_array_equal(reference, before[0])
    np.testing.assert_array_equal(estimated, before[1])


@given(PAIRS)
def test_absolute_errors_do_not_depend_on_the_direction(pairs):
    reference, estimated = pairs
    for metric in (metrics.mae, metrics.rmse):
        assert metric(reference, estimated) == pytest.approx(metric(estimated, reference))
    assert metrics.bland_altman(reference, estimated).bias == pytest.approx(
        -metrics.bland_altman(estimated, reference).bias
    )


@given(PAIRS)
def test_rmse_is_never_below_mae(pairs):
    assert metrics.rmse(*pairs) >= metrics.mae(*pairs) - 1e-9


@given(PAIRS, st.integers(0, 1000))
def test_the_order_of_pairs_does_not_matter(pairs, seed):
    reference, estimated = pairs
    order = np.random.default_rng(seed).permutation(len(reference))
    ours, shuffled = (
        metrics.evaluate(r[order_], e[order_])
        for r, e, order_ in ((reference, estimated, slice(None)), (reference, estimated, order))
    )
    for name, value in ours.items():
        np.testing.assert_allclose(shuffled[name], value, rtol=1e-6, atol=1e-6, err_msg=name)


@given(PAIRS, st.integers(0, 2))
def test_a_nan_pair_counts_as_left_out(pairs, side):
    reference, estimated = pairs
    more_reference, more_estimated = np.append(reference, 70.0), np.append(estimated, 70.0)
    if side != 1:
        more_reference[-1] = np.nan
    if side != 0:
        more_estimated[-1] = np.nan
    plain, with_nan = metrics.evaluate(reference, estimated), metrics.evaluate(more_reference, more_estimated)
    n = len(reference)
    assert with_nan.pop("coverage") == pytest.approx(n / (n + 1) if side == 1 else 1.0)
    plain.pop("coverage")
    np.testing.assert_equal(with_nan, plain)


@given(PAIRS)
def test_pearson_equals_scipy(pairs):
    reference, estimated = pairs
    ours = metrics.pearson_r(reference, estimated)
    if min(reference.std(), estimated.std()) > 1e-3:
        assert ours == pytest.approx(stats.pearsonr(reference, estimated).statistic, abs=1e-6)
    assert np.isnan(ours) or -1 <= ours <= 1


def test_metrics_without_any_pair_are_nan_and_coverage_is_zero():
    result = metrics.evaluate(np.array([60.0, 70.0]), np.array([np.nan, np.nan]))
    assert result["n"] == 0 and result["coverage"] == 0
    assert all(np.isnan(result[name]) for name in result if name not in ("n", "coverage"))


def test_coverage_without_any_reference_is_nan():
    assert np.isnan(metrics.evaluate(np.array([np.nan]), np.array([60.0]))["coverage"])


def test_pearson_of_a_constant_is_nan():
    assert np.isnan(metrics.pearson_r(np.array([60.0, 60.0, 60.0]), np.array([60.0, 61.0, 62.0])))


def test_bland_altman_intervals_equal_the_textbook():
    rng = np.random.default_rng(0)
    reference = rng.uniform(50, 120, 25)
    estimated = reference + rng.normal(2, 4, 25)
    ours = metrics.bland_altman(reference, estimated)
    differences = estimated - reference
    low, high = stats.t.interval(0.95, 24, differences.mean(), stats.sem(differences))
    assert ours.bias_ci == pytest.approx((low, high))
    sd = differences.std(ddof=1)
    assert (ours.lower, ours.upper) == pytest.approx((ours.bias - 1.96 * sd, ours.bias + 1.96 * sd))
    half = stats.t.ppf(0.975, 24) * sd * np.sqrt(1 / 25 + 1.96**2 / 48)
    assert ours.upper_ci == pytest.approx((ours.upper - half, ours.upper + half))
    assert ours.lower_ci == pytest.approx((ours.lower - half, ours.lower + half))


def test_bland_altman_of_two_pairs_is_nan():
    result = metrics.bland_altman(np.array([60.0, 70.0]), np.array([61.0, 72.0]))
    assert result.n == 2 and np.isnan(result.bias) and np.isnan(result.upper_ci).all()


@pytest.mark.parametrize("metric", PAIR_METRICS)
def test_pair_errors_name_the_fault(metric):
    with pytest.raises(UsageError, match="3 references and 2 estimates"):
        metric(np.ones(3), np.ones(2))
    with pytest.raises(UsageError, match="no pairs"):
        metric(np.zeros(0), np.zeros(0))
    with pytest.raises(UsageError, match="estimated holds 1 infinite"):
        metric(np.ones(2), np.array([1.0, np.inf]))


def test_mape_of_a_zero_reference_is_an_error_and_nan_in_evaluate():
    reference, estimated = np.array([0.0, 1.0]), np.array([1.0, 1.0])
    with pytest.raises(UsageError, match="reference of 0"):
        metrics.mape(reference, estimated)
    assert np.isnan(metrics.evaluate(reference, estimated)["mape"])


# Certainty -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (1, 20), (13, 20), (20, 20), (97, 100)])
def test_wilson_equals_scipy(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert metrics.wilson_interval(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_contains_the_share_and_mirrors(a, b):
    low, high = metrics.wilson_interval(a, a + b)
    assert 0 <= low <= high <= 1
    if a + b:
        assert low <= a / (a + b) <= high
    mirrored = metrics.wilson_interval(b, a + b)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_wilson_error_names_the_counts():
    with pytest.raises(UsageError, match="5 successes out of 4"):
        metrics.wilson_interval(5, 4)


def test_bootstrap_of_a_mean_agrees_with_theory_and_repeats():
    values = np.random.default_rng(0).normal(5, 2, 200)
    low, high = metrics.bootstrap_ci(values, lambda x: float(x.mean()), 7)
    half = 1.96 * values.std() / np.sqrt(200)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
    assert (low, high) == metrics.bootstrap_ci(values, lambda x: float(x.mean()), 7)


def test_bootstrap_keeps_rows_together():
    pairs = np.array([[60.0, 61.0], [80.0, 81.0], [100.0, 101.0]])
    low, high = metrics.bootstrap_ci(pairs, lambda p: metrics.mae(p[:, 0], p[:, 1]), 0, n_resamples=50)
    assert (low, high) == pytest.approx((1, 1))


def test_bootstrap_leaves_out_resamples_without_a_number():
    values = np.array([np.nan, 1.0])
    assert metrics.bootstrap_ci(values, lambda x: float(x.mean()), 0, n_resamples=100) == (1.0, 1.0)
    assert np.isnan(metrics.bootstrap_ci(values, lambda x: np.nan, 0, n_resamples=10)).all()
    with pytest.raises(UsageError, match="no values"):
        metrics.bootstrap_ci(np.zeros(0), lambda x: 0.0, 0)
