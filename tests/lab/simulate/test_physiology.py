"""Beats, breath and pulse shape against what was asked for."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from rppg_core.lab.simulate.physiology import Physiology, band_noise, pulse_template, simulate_waves
from rppg_core.lab.simulate.settings import SimulationSettings, random_settings
from rppg_core.signals.spectrum import power_spectrum

STEADY = {"rsa": 0.0, "mayer": 0.0, "drift": 0.0, "jitter": 0.0, "riav": 0.0, "riiv": 0.0}


@cache
def drawn(seed: int) -> SimulationSettings:
    return random_settings(np.random.default_rng(seed), pulsed=True)


def waves(seconds=60.0, fs=100.0, seed=0, **person):
    times_s = np.arange(0, seconds, 1 / fs)
    return simulate_waves(Physiology(**person), times_s, np.random.default_rng(seed)), times_s


def upstrokes_s(wave, times_s):
    """Time from 20 to 80 % of the way from trough to systolic peak, of each beat."""
    rises = []
    for onset, following in pairwise(wave.beats_s):
        inside = (times_s >= onset - 0.08) & (times_s < following - 0.08)
        beat, at_s = wave.bvp[inside], times_s[inside]
        top = int(np.argmax(beat))
        foot = int(np.argmin(beat[: top + 1]))
        height = (beat[foot : top + 1] - beat[foot]) / (beat[top] - beat[foot])
        rises.append(np.subtract(*np.interp([0.8, 0.2], height, at_s[foot : top + 1])))
    return np.array(rises)


@pytest.mark.parametrize("hr_bpm", [40.0, 72.0, 120.0, 185.0])
def test_mean_rate_of_the_beats_is_the_requested_one(hr_bpm):
    wave, _ = waves(hr_bpm=hr_bpm)
    assert (
        abs(60 / np.diff(wave.beats_s).mean() - hr_bpm) < 0.01 * hr_bpm
    )  # first and last interval are partial
    assert abs(wave.hr_bpm.mean() - hr_bpm) < 0.01 * hr_bpm


def test_rmssd_comes_from_the_jitter_when_nothing_else_varies():
    wave, _ = waves(seconds=600, fs=30.0, hr_bpm=60.0, **{**STEADY, "jitter": 0.02})
    rmssd_s = np.sqrt(np.mean(np.diff(np.diff(wave.beats_s)) ** 2))
    assert rmssd_s == pytest.approx(0.02 * np.sqrt(2), rel=0.1)  # independent intervals: sqrt(2) sigma


def test_rise_time_is_the_same_at_50_and_150_bpm():
    slow, times_s = waves(hr_bpm=50.0, fs=500.0)
    fast, _ = waves(hr_bpm=150.0, fs=500.0)
    rise_slow, rise_fast = upstrokes_s(slow, times_s).mean(), upstrokes_s(fast, times_s).mean()
    assert 0.05 <= rise_slow <= 0.1
    assert rise_fast == pytest.approx(rise_slow, rel=0.25)  # the steeper tail; a stretched pulse: factor 3


def test_pulse_does_not_know_the_interval_that_follows():
    """One long interval: the wave before the next onset is the same as with a short one."""
    wave, times_s = waves(hr_bpm=60.0, **{**STEADY, "ectopic": 0.1}, seed=3, fs=250.0)
    intervals = np.diff(wave.beats_s)
    assert intervals.min() < 0.8 and intervals.max() > 1.2
    rises = upstrokes_s(wave, times_s)
    assert np.abs(rises - np.median(rises)).max() < 0.01  # only a smaller pulse on a steeper tail differs


def test_upstroke_is_shorter_than_decay_at_every_rate():
    for hr_bpm in (42.0, 90.0, 140.0, 185.0):
        wave, _ = waves(hr_bpm=hr_bpm, rise_s=0.2, fs=200.0)
        assert (np.diff(wave.bvp) > 0).mean() < 0.45


def test_wave_is_continuous_and_standardised():
    wave, _ = waves(hr_bpm=80.0, fs=1000.0)
    assert np.abs(np.diff(wave.bvp)).max() < 0.05  # steps of 1 ms
    assert np.abs(np.diff(wave.bvp, 2)).max() < 2e-3  # no corner, no jump at an onset
    assert wave.bvp.mean() == pytest.approx(0, abs=1e-9)
    assert wave.bvp.std() == pytest.approx(1)


def test_harmonics_lie_in_the_range_of_real_pulses():
    wave, _ = waves(hr_bpm=72.0, **STEADY)
    spectrum = power_spectrum(wave.bvp, 100.0)
    first, second = (np.sqrt(spectrum.band(k * 1.2 - 0.2, k * 1.2 + 0.2).power.sum()) for k in (1, 2))
    assert 0.15 < second / first < 0.55


def test_breathing_rate_is_the_requested_one():
    for rr_brpm in (6.0, 15.0, 30.0):
        wave, times_s = waves(seconds=120.0, rr_brpm=rr_brpm)
        breaths = ((wave.resp[1:] > 0) & (wave.resp[:-1] <= 0)).sum()
        assert abs(breaths / (times_s[-1] / 60) - rr_brpm) <= 0.6  # one breath in two minutes


@pytest.mark.parametrize("rr_brpm", [8.0, 15.0, 30.0])
def test_breathing_rate_over_time_is_that_of_each_breath(rr_brpm):
    wave, times_s = waves(seconds=120.0, rr_brpm=rr_brpm)
    before = np.flatnonzero((wave.resp[1:] > 0) & (wave.resp[:-1] <= 0))
    share = -wave.resp[before] / (wave.resp[before + 1] - wave.resp[before])
    starts_s = times_s[before] + 0.01 * share
    of_breaths = 60 / np.diff(starts_s)
    over_time = [wave.rr_brpm[(times_s >= a) & (times_s < b)].mean() for a, b in pairwise(starts_s)]
    assert over_time == pytest.approx(of_breaths, rel=0.01)  # a breath has 200 samples or more
    assert of_breaths.std() > 0.02 * rr_brpm
    assert wave.rr_brpm.mean() == pytest.approx(rr_brpm, rel=1e-3)


def test_each_respiratory_modulation_can_be_on_alone_or_off():
    def seen(**on):
        wave, times_s = waves(seconds=120, hr_bpm=90.0, rr_brpm=14.0, fs=50.0, **{**STEADY, **on})
        peaks = [wave.bvp[(times_s >= t) & (times_s < t + 0.5)].max() for t in wave.beats_s[:-1]]
        at_beats = np.interp(wave.beats_s[:-1], times_s, wave.resp)
        return wave.hr_bpm.std() / 90, np.polyfit(at_beats, peaks, 1)[0], wave.baseline.std()

    rate, height, baseline = seen()
    assert rate < 0.002 and abs(height) < 0.02 and baseline == 0
    assert seen(rsa=0.05)[0] > 0.02
    assert seen(riav=0.2)[1] < -0.2  # inhaling makes pulses smaller
    assert 0.4 < seen(riiv=0.8)[2] < 0.8


def test_ectopic_beats_come_early_and_pause_afterwards():
    wave, _ = waves(hr_bpm=60.0, seconds=120, **{**STEADY, "ectopic": 0.05})
    intervals = np.diff(wave.beats_s)
    early = np.flatnonzero(intervals < 0.8)
    assert len(early) >= 1
    assert (intervals[early[early + 1 < len(intervals)] + 1] > 1.2).all()


def test_same_generator_state_gives_the_same_beats():
    assert np.array_equal(waves(seed=5)[0].bvp, waves(seed=5)[0].bvp)
    assert not np.array_equal(waves(seed=5)[0].bvp, waves(seed=6)[0].bvp)


def test_pulse_template_starts_at_zero_and_ends_at_zero():
    pulse = pulse_template(Physiology())
    assert pulse[0] < 1e-3 and abs(pulse[-1]) < 1e-3
    assert 0.9 < pulse.max() < 1.1


def test_band_noise_stays_in_its_band():
    times_s = np.arange(0, 100, 0.02)
    noise = band_noise(times_s, 0.5, 1.0, np.random.default_rng(0))
    spectrum = power_spectrum(noise, 50.0)
    assert spectrum.band(0.45, 1.05).power.sum() > 0.98 * spectrum.power.sum()
    assert noise.std() == pytest.approx(1)


def test_smoothness_takes_its_share_from_every_harmonic_and_moves_no_beat():
    def ratios(wave):
        spectrum = power_spectrum(wave.bvp, 100.0)
        first, second, third = (
            np.sqrt(spectrum.band(k * 1.2 - 0.2, k * 1.2 + 0.2).power.sum()) for k in (1, 2, 3)
        )
        return second / first, third / first

    sharp, _ = waves(hr_bpm=72.0, **STEADY)
    for smoothness in (0.3, 0.6):
        smooth, _ = waves(hr_bpm=72.0, **STEADY, smoothness=smoothness)
        assert np.array_equal(smooth.beats_s, sharp.beats_s)
        assert np.allclose(ratios(smooth), (1 - smoothness) * np.array(ratios(sharp)), rtol=0.05)
        assert np.corrcoef(smooth.bvp, sharp.bvp)[0, 1] > 0.9  # in phase


def test_random_pulse_shapes_cover_the_harmonics_of_real_pulses():
    """Targets: the sim-to-real study; real recordings have .39/.25 (finger), .28/.06 and .23/.07 (faces)."""
    found = []
    for seed in range(400):
        person = drawn(seed).person
        template, f_hz = pulse_template(person), person.hr_bpm / 60
        at_s = np.arange(len(template)) / 1000
        lines = [abs((template * np.exp(-2j * np.pi * k * f_hz * at_s)).sum()) for k in (1, 2, 3)]
        found.append([lines[1] / lines[0], lines[2] / lines[0]])
    quantiles = np.quantile(found, [0.1, 0.5, 0.9], axis=0)
    assert np.allclose(quantiles[:, 0], [0.17, 0.32, 0.55], atol=0.08)
    assert np.allclose(quantiles[:, 1], [0.06, 0.15, 0.26], atol=0.06)


def test_saturation_is_constant_unless_it_swings_slowly_around_its_mean():
    assert (waves(spo2_percent=93.0)[0].spo2 == 93.0).all()
    wave, times_s = waves(seconds=120.0, spo2_percent=92.0, spo2_swing=3.0)
    assert wave.spo2.mean() == pytest.approx(92, abs=0.3) and wave.spo2.std() == pytest.approx(3, rel=0.1)
    assert np.abs(np.gradient(wave.spo2, times_s)).max() < 1.5  # percent points a second
    assert waves(seconds=120.0, spo2_percent=99.0, spo2_swing=3.0)[0].spo2.max() == 100
    assert np.array_equal(wave.beats_s, waves(seconds=120.0)[0].beats_s)


def test_a_few_draws_in_a_hundred_have_early_or_uneven_beats():
    draws = [drawn(seed) for seed in range(1500)]
    early, uneven = np.array([[draw.ectopic > 0, draw.jitter > 0.1] for draw in draws]).T
    assert min(early.mean(), uneven.mean()) > 0.005 and not (early & uneven).any()
    assert 0.03 < (early | uneven).mean() < 0.05
