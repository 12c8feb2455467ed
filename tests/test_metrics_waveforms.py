"""Metrics of waveforms: agreement with a reference, and the signal-to-noise ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rppg_core import metrics
from rppg_core.errors import UsageError

TIMES_S = np.arange(600) / 30


def pulse(shift_s: float = 0.0, hr_bpm: float = 72.0) -> np.ndarray:
    phase = 2 * np.pi * hr_bpm / 60 * (TIMES_S - shift_s)
    return np.sin(phase) + 0.3 * np.sin(2 * phase + 0.7)


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
