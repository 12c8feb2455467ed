"""Rates from spectra: no staircase, no favourite phase, no invented line."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as reference

from rppg_core.signals.filters import detrend
from rppg_core.signals.spectrum import (
    BIN_HZ,
    Spectrum,
    heart_rate_from_bvp,
    peak_hz,
    power_spectrum,
    slow_share,
    window_slices,
)


def pulse(bpm: float, n: int, fs: float, phase: float = 0.0, harmonic: float = 0.3) -> np.ndarray:
    angle = 2 * np.pi * bpm / 60 * np.arange(n) / fs + phase
    return np.sin(angle) + harmonic * np.sin(2 * angle + 0.7)


@pytest.mark.parametrize("bpm", [61, 77, 93, 119])
def test_heart_rate_of_128_frames_is_within_one_bpm(bpm):
    # a plain FFT of these frames only knows 56, 70, 84, 98, 112 and 127 bpm
    errors = [
        heart_rate_from_bvp(pulse(bpm, 128, 30.0, phase), 30.0) - bpm for phase in np.arange(0, 6.2, 0.5)
    ]
    assert np.abs(errors).max() <= 1.0


@pytest.mark.parametrize("fs", [15.0, 24.0, 25.0, 29.97, 30.0, 60.0])
def test_heart_rate_does_not_depend_on_the_frame_rate(fs):
    assert heart_rate_from_bvp(pulse(72, round(10 * fs), fs), fs) == pytest.approx(72, abs=0.3)


@settings(max_examples=60)
@given(bpm=st.floats(45, 200), phase=st.floats(0, 6.28), scale=st.floats(1e-4, 1e4))
def test_heart_rate_of_ten_seconds_is_right_at_any_rate_phase_and_scale(bpm, phase, scale):
    assert heart_rate_from_bvp(scale * pulse(bpm, 300, 30.0, phase), 30.0) == pytest.approx(bpm, abs=0.6)


def test_heart_rate_ignores_a_drift_ten_times_as_large():
    times = np.arange(300) / 30
    drift = 10 * np.sin(2 * np.pi * 0.15 * times) + 3 * times
    assert heart_rate_from_bvp(pulse(84, 300, 30.0) + drift, 30.0) == pytest.approx(84, abs=1)


@pytest.mark.parametrize("level", [0.0, 1.0, 120.0])
def test_heart_rate_of_a_constant_is_nan(level):
    assert np.isnan(heart_rate_from_bvp(np.full(300, level), 30.0))


def test_heart_rate_stays_inside_the_band_it_is_given():
    x = pulse(60, 300, 30.0) + 0.2 * pulse(150, 300, 30.0, harmonic=0)
    assert heart_rate_from_bvp(x, 30.0, low_hz=1.3, high_hz=3.7) > 78


def test_power_spectrum_agrees_with_scipy_periodogram():
    x = np.random.default_rng(1).standard_normal(300)
    got = power_spectrum(x, 30.0)
    n_fft = round(30.0 / (got.freqs_hz[1] - got.freqs_hz[0]))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(300) + 0.5) / 300)
    freqs_hz, wanted = reference.periodogram(
        x - x.mean(), 30.0, window=window, nfft=n_fft, detrend=False, scaling="spectrum"
    )
    wanted = wanted[: len(got.power)] / 2  # one-sided doubling, which does not matter for a peak
    np.testing.assert_allclose(got.freqs_hz, freqs_hz[: len(got.power)], atol=1e-9)
    np.testing.assert_allclose(got.power[1:], wanted[1:], rtol=1e-6)


@pytest.mark.parametrize(("n", "fs"), [(128, 30.0), (300, 29.97), (1800, 60.0), (75, 15.0)])
def test_power_spectrum_grid_is_fine_and_ends_at_max_hz(n, fs):
    got = power_spectrum(np.random.default_rng(0).standard_normal(n), fs, max_hz=5.0)
    assert np.diff(got.freqs_hz).max() <= BIN_HZ * 1.0001
    assert got.freqs_hz[-1] <= 5.0


def test_band_includes_both_ends():
    spectrum = Spectrum(np.array([0.5, 1.0, 1.5, 2.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(spectrum.band(1.0, 2.0).power, [2.0, 3.0, 4.0])


def test_peak_is_refined_between_bins():
    freqs_hz = np.arange(0.5, 3.0, 0.1)
    power = np.exp(-0.5 * ((freqs_hz - 1.234) / 0.2) ** 2)  # a Gaussian lobe: the parabola is exact
    assert peak_hz(Spectrum(freqs_hz, power)) == pytest.approx(1.234, abs=1e-6)


def test_power_that_leaks_over_the_edge_of_the_band_is_no_peak():
    freqs_hz = np.arange(0.3, 4.0, 0.01)
    drift = 1 / freqs_hz**2
    assert np.isnan(peak_hz(Spectrum(freqs_hz, drift)))
    line = 0.2 * np.exp(-0.5 * ((freqs_hz - 1.5) / 0.05) ** 2)
    assert peak_hz(Spectrum(freqs_hz, drift + line)) == pytest.approx(1.5, abs=0.05)


@settings(max_examples=80)
@given(n=st.integers(30, 20_000), fs=st.sampled_from([15.0, 25.0, 29.97, 30.0, 60.0]))
def test_windows_cover_everything_and_overlap_by_half_at_least(n, fs):
    windows = window_slices(n, fs)
    assert windows[0].start == 0
    assert windows[-1].stop == n
    length = windows[0].stop - windows[0].start
    for a, b in pairwise(windows):
        assert a.stop - a.start == length
        assert a.stop - b.start >= length // 2 - 1
    if len(windows) == 1:
        assert n <= 1.5 * round(10 * fs)


def test_detrended_windows_of_a_changing_rate_have_its_median():
    times = np.arange(1800) / 30
    rate_hz = 1.0 + 0.4 * times / 60  # 60 to 84 bpm
    x = np.sin(2 * np.pi * np.cumsum(rate_hz) / 30)
    rates = [heart_rate_from_bvp(detrend(x[w], 30.0), 30.0) for w in window_slices(1800, 30.0)]
    assert np.median(rates) == pytest.approx(72, abs=1)


@pytest.mark.parametrize("slow", [0.0, 0.5, 1.0, 2.0])
def test_slow_share_is_the_share_of_power_below_half_a_hertz(slow):
    times_s = np.arange(900) / 30
    wave = np.sin(2 * np.pi * 1.2 * times_s) + slow * np.sin(2 * np.pi * 0.25 * times_s)
    assert slow_share(wave, 30.0) == pytest.approx(slow**2 / (1 + slow**2), abs=0.01)


def test_slow_share_of_a_flat_waveform_is_zero():
    assert slow_share(np.ones(300), 30.0) == 0.0
