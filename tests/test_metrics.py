"""Metrics against known values, against scipy.stats, and for properties that must hold for any input."""

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
TIMES_S = np.arange(600) / 30


def pulse(shift_s: float = 0.0, hr_bpm: float = 72.0) -> np.ndarray:
    phase = 2 * np.pi * hr_bpm / 60 * (TIMES_S - shift_s)
    return np.sin(phase) + 0.3 * np.sin(2 * phase + 0.7)


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


# Waveforms -----------------------------------------------------------------------------------------------------


def test_waveform_r_of_itself_is_one_whatever_gain_offset_and_drift():
    drift = 5 * np.sin(2 * np.pi * 0.1 * TIMES_S)
    assert metrics.waveform_r(pulse(), 3 * pulse() + 8 + drift, 30.0) == pytest.approx(
        1, abs=5e-3
    )  # the drift leaks a little at the ends of the band-pass


def test_waveform_r_of_an_upside_down_pulse_is_not_good():
    assert metrics.waveform_r(pulse(hr_bpm=45), -pulse(hr_bpm=45), 30.0) < 0.2


@pytest.mark.parametrize("shift_s", [-0.2, -0.1, 0.1, 0.2])
def test_waveform_r_allows_a_lag_of_a_fifth_of_a_second(shift_s):
    assert metrics.waveform_r(pulse(), pulse(shift_s), 30.0) == pytest.approx(
        1, abs=0.015
    )  # the ends of the band-pass differ, as the pulse is cut elsewhere


@pytest.mark.parametrize("shift_s", [-0.4, 0.4])
def test_waveform_r_allows_no_more_than_that(shift_s):
    assert metrics.waveform_r(pulse(hr_bpm=50), pulse(shift_s, hr_bpm=50), 30.0) < 0.95


def test_waveform_r_equals_a_plain_search_over_lags():
    rng = np.random.default_rng(1)
    x, y = pulse() + rng.standard_normal(600), pulse(0.07) + rng.standard_normal(600)
    from rppg_core.signals.filters import bandpass

    x_, y_ = (bandpass(z, 30.0, low_hz=0.7, high_hz=3.0) for z in (x, y))
    plain = max(
        stats.pearsonr(x_[6:-6], np.roll(y_, -k)[6:-6]).statistic for k in range(-6, 7)
    )  # the middle only, to need no care at the ends
    assert metrics.waveform_r(x, y, 30.0) == pytest.approx(
        plain, abs=0.03
    )  # the reference filter has sharper edges


def test_macc_of_itself_is_one_and_sign_does_not_matter():
    assert metrics.macc(pulse(), pulse(), 30.0) == pytest.approx(1)
    assert metrics.macc(pulse(), -2 * pulse() + 7, 30.0) == pytest.approx(1)


def test_macc_does_not_wrap_around():
    burst = np.zeros(600)
    burst[:30] = np.hanning(30)
    far = np.roll(burst, 570)  # the same burst at the other end: 30 samples away on a circle
    n = len(burst)
    x, y = burst - burst.mean(), far - far.mean()
    plain = max(abs(x[max(0, -k) : n - max(0, k)] @ y[max(0, k) : n - max(0, -k)]) for k in range(1 - n, n))
    assert metrics.macc(burst, far, 30.0) == pytest.approx(plain / (x @ x), abs=1e-9)
    half = np.where(TIMES_S < 10, pulse(), 0.0)
    assert metrics.macc(half, np.roll(half, 300), 30.0) > 0.99  # moved by half, nothing lost
    assert metrics.macc(pulse(), np.where(TIMES_S < 10, pulse(), 0.0), 30.0) < 0.8


@given(st.integers(0, 10_000))
def test_waveform_metrics_stay_in_their_range(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal(300), rng.standard_normal(300)
    assert -1 <= metrics.waveform_r(x, y, 30.0) <= 1
    assert 0 <= metrics.macc(x, y, 30.0) <= 1
    assert metrics.macc(x, y, 30.0) == pytest.approx(metrics.macc(y, x, 30.0))


def test_waveform_metrics_of_a_constant_are_nan():
    flat = np.full(600, 1000.0)
    assert np.isnan(metrics.waveform_r(pulse(), flat, 30.0))
    assert np.isnan(metrics.macc(flat, pulse(), 30.0))
    assert np.isnan(metrics.snr_db(72.0, flat, 30.0))


def test_snr_of_equal_lines_inside_and_outside_the_template_is_zero_db():
    two_lines = np.sin(2 * np.pi * 1.2 * TIMES_S) + np.sin(2 * np.pi * 3.3 * TIMES_S)
    assert metrics.snr_db(72.0, two_lines, 30.0) == pytest.approx(0, abs=0.1)


def test_snr_counts_the_first_harmonic_as_signal_and_what_is_out_of_band_not_at_all():
    both = pulse() + 0.1 * np.sin(2 * np.pi * 3.3 * TIMES_S)
    fast = both + 10 * np.sin(2 * np.pi * 6.0 * TIMES_S)
    expected = 10 * np.log10((1 + 0.3**2) / 0.1**2)
    assert metrics.snr_db(72.0, both, 30.0) == pytest.approx(expected, abs=0.3)  # window leakage
    assert metrics.snr_db(72.0, fast, 30.0) == pytest.approx(expected, abs=0.3)


def test_snr_does_not_depend_on_gain():
    noisy = pulse() + np.random.default_rng(0).standard_normal(600)
    assert metrics.snr_db(72.0, 100 * noisy, 30.0) == pytest.approx(metrics.snr_db(72.0, noisy, 30.0))


def test_waveform_errors_name_the_fault():
    with pytest.raises(UsageError, match="600 and 599 samples"):
        metrics.waveform_r(pulse(), pulse()[:-1], 30.0)
    with pytest.raises(UsageError, match="2 s or more"):
        metrics.macc(pulse()[:20], pulse()[:20], 30.0)
    with pytest.raises(UsageError, match="each segment"):
        metrics.waveform_r(pulse(), np.where(TIMES_S < 1, np.nan, pulse()), 30.0)
    with pytest.raises(UsageError, match=r"1\.2 bpm; wanted: 40-240 bpm"):
        metrics.snr_db(1.2, pulse(), 30.0)


def test_evaluate_waveform_is_the_three_numbers():
    noisy = pulse() + np.random.default_rng(0).standard_normal(600)
    result = metrics.evaluate_waveform(pulse(), noisy, 30.0, reference_hr_bpm=72.0)
    assert result == {
        "r": metrics.waveform_r(pulse(), noisy, 30.0),
        "macc": metrics.macc(pulse(), noisy, 30.0),
        "snr_db": metrics.snr_db(72.0, noisy, 30.0),
    }


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
