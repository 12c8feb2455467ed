"""The FFT filters against scipy.signal, and the properties that the rest relies on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as reference

from rppg_core.signals.filters import (
    bandpass,
    detrend,
    longest_segment,
    moving_average,
    segments,
    standardise,
)

LOW_HZ, HIGH_HZ = 0.65, 4.0
seeds = st.integers(0, 2**32 - 1)


def tone(hz: float, fs: float, seconds: float, phase: float = 0.3) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(fs * seconds)) / fs + phase)


@pytest.mark.parametrize("fs", [24.0, 25.0, 29.97, 60.0])
@pytest.mark.parametrize("hz", [0.9, 1.2, 2.5, 3.7])
def test_bandpass_keeps_the_pass_band_where_butterworth_does(fs, hz):
    x = tone(hz, fs, 20)
    wide = reference.butter(4, [LOW_HZ / 2, 1.6 * HIGH_HZ], "band", fs=fs, output="sos")
    got = bandpass(x, fs, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    inner = slice(round(4 * fs), -round(4 * fs))  # 1 / edge_hz after the ends
    np.testing.assert_allclose(got[inner], x[inner], atol=0.02)  # no phase shift, gain within 2 %
    np.testing.assert_allclose(got[inner], reference.sosfiltfilt(wide, x)[inner], atol=0.05)  # rings itself


@pytest.mark.parametrize("hz", [0.1, 0.3, 0.48, 4.2, 6.0, 10.0])
def test_bandpass_stops_more_than_a_butterworth_of_second_order(hz):
    fs = 30.0
    x = tone(hz, fs, 20)
    butterworth = reference.butter(2, [LOW_HZ, HIGH_HZ], "band", fs=fs)
    ours = bandpass(x, fs, low_hz=LOW_HZ, high_hz=HIGH_HZ)[120:-120]
    theirs = reference.filtfilt(*butterworth, x)[120:-120]
    assert ours.std() <= max(theirs.std(), 0.01)


@pytest.mark.parametrize("hz", [0.9, 1.2, 2.5, 3.7])
def test_bandpass_disturbs_less_than_a_tenth_of_the_pulse_two_seconds_from_the_ends(hz):
    phases = np.arange(0, 6.2, 0.5)
    wrong = [
        bandpass(x, 30, low_hz=LOW_HZ, high_hz=HIGH_HZ) - x for x in (tone(hz, 30, 20, p) for p in phases)
    ]
    assert np.abs(np.array(wrong)[:, 60:-60]).max() < 0.1


def test_bandpass_removes_drift_below_low_hz():
    fs = 30.0
    times = np.arange(900) / fs
    pulse, drift = np.sin(2 * np.pi * 1.2 * times), 5 * times + 3 * np.sin(2 * np.pi * 0.1 * times)
    got = bandpass(pulse + drift, fs, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    assert np.abs(got - pulse)[60:-60].max() < 0.05  # 150 grey levels of drift leave 5 % of the pulse


def test_bandpass_does_not_ring_at_the_ends_of_a_pulse_far_from_zero():
    x = 180 + tone(1.0, 30, 10)
    got = bandpass(x, 30, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    assert np.abs(got).max() < 1.6  # a naive FFT of 180 grey levels would ring by tens


def test_bandpass_with_low_hz_zero_keeps_the_mean():
    x = 100 + tone(0.2, 30, 30) + tone(6.0, 30, 30)
    got = bandpass(x, 30, low_hz=0.0, high_hz=2.0)
    assert np.mean(got) == pytest.approx(np.mean(x), abs=0.05)
    assert np.std((got - 100 - tone(0.2, 30, 30))[60:-60]) < 0.02


@settings(max_examples=40)
@given(seed=seeds, n=st.integers(30, 400), scale=st.floats(-50, 50))
def test_bandpass_is_linear(seed, n, scale):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, n))
    band = {"low_hz": LOW_HZ, "high_hz": HIGH_HZ}
    together = bandpass(a + scale * b, 30, **band)
    apart = bandpass(a, 30, **band) + scale * bandpass(b, 30, **band)
    np.testing.assert_allclose(together, apart, atol=1e-8 * (1 + abs(scale)))


@settings(max_examples=40)
@given(seed=seeds, n=st.integers(2, 300))
def test_bandpass_has_no_direction_in_time(seed, n):
    x = np.random.default_rng(seed).standard_normal(n)
    forward = bandpass(x, 30, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    backward = bandpass(x[::-1].copy(), 30, low_hz=LOW_HZ, high_hz=HIGH_HZ)[::-1]
    np.testing.assert_allclose(forward, backward, atol=1e-8)


def test_bandpass_filters_every_column_alike():
    x = np.random.default_rng(3).standard_normal((300, 4, 3))
    together = bandpass(x, 30, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    np.testing.assert_allclose(
        together[:, 2, 1], bandpass(x[:, 2, 1], 30, low_hz=LOW_HZ, high_hz=HIGH_HZ), atol=1e-12
    )


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(2, 200))
def test_bandpass_keeps_length_and_stays_finite(seed, n):
    x = np.random.default_rng(seed).standard_normal(n)
    got = bandpass(x, 30, low_hz=LOW_HZ, high_hz=HIGH_HZ)
    assert got.shape == x.shape
    assert np.isfinite(got).all()


def test_moving_average_of_an_odd_window_is_the_mean_of_neighbours():
    x = np.random.default_rng(0).standard_normal(100)
    got = moving_average(x, 10.0, 0.5)  # 5 samples
    assert got[50] == pytest.approx(x[48:53].mean())


def test_detrend_keeps_the_pulse_and_drops_a_slope():
    times = np.arange(600) / 30
    got = detrend(np.sin(2 * np.pi * 1.5 * times) + 4 * times, 30.0)
    inner = slice(30, -30)
    amplitude = np.std(got[inner]) * np.sqrt(2)
    assert amplitude == pytest.approx(1.0, abs=0.25)  # 1.5 s hold 2.25 periods: a fifth of the pulse at most
    assert abs(np.polyfit(times[inner], got[inner], 1)[0]) < 0.01


@settings(max_examples=40)
@given(seed=seeds, offset=st.floats(-1e4, 1e4), scale=st.floats(0.01, 1e3))
def test_standardise_forgets_offset_and_scale(seed, offset, scale):
    x = np.random.default_rng(seed).standard_normal(50)
    got = standardise(offset + scale * x)
    np.testing.assert_allclose(got, standardise(x), atol=1e-5)
    assert got.std() == pytest.approx(1.0)


@pytest.mark.parametrize("level", [0.0, 0.1, 173.3, -1e6])
def test_standardise_of_a_constant_is_zero(level):
    np.testing.assert_array_equal(standardise(np.full(40, level)), np.zeros(40))


@settings(max_examples=60)
@given(st.lists(st.booleans(), max_size=60))
def test_segments_cover_exactly_what_is_valid_and_never_touch(flags):
    valid = np.array(flags, dtype=bool)
    found = segments(valid)
    again = np.zeros(len(valid), bool)
    for piece in found:
        assert piece.stop > piece.start
        again[piece] = True
    np.testing.assert_array_equal(again, valid)
    assert all(a.stop < b.start for a, b in pairwise(found))
    lengths = [piece.stop - piece.start for piece in found]
    assert longest_segment(valid) == (found[lengths.index(max(lengths))] if found else slice(0, 0))
