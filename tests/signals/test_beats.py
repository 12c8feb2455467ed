"""Beat times and HRV of simulated pulses whose beats are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal as reference

from rppg_core.lab.protocols.beats.protocol import add_noise, beat_case, interval_errors
from rppg_core.lab.simulate.physiology import Physiology, Waves, simulate_waves
from rppg_core.signals.beats import MIN_HRV_S, find_beats, hrv, hrv_noise_floor_ms
from rppg_core.signals.filters import bandpass
from rppg_core.types import Beats


def waves(seconds: float = 60.0, fs: float = 30.0, seed: int = 0, **person) -> Waves:
    times_s = np.arange(round(seconds * fs)) / fs
    return simulate_waves(Physiology(**person), times_s, np.random.default_rng(seed))


def known(ibi_s: np.ndarray) -> Beats:
    return Beats(np.concatenate([[0.0], np.cumsum(ibi_s)]), ibi_s)


@pytest.mark.parametrize("fs", [15.0, 20.0, 24.0, 29.97, 30.0, 60.0])
@pytest.mark.parametrize("hr_bpm", [45.0, 72.0, 110.0, 170.0])
def test_intervals_without_noise_are_far_finer_than_a_frame(fs, hr_bpm):
    truth = waves(fs=fs, hr_bpm=hr_bpm)
    beats = find_beats(truth.bvp, fs, hr_bpm=hr_bpm)
    errors_s = interval_errors(beats, truth.beats_s)
    assert len(errors_s) >= 0.93 * (len(truth.beats_s) - 1)
    assert np.sqrt(np.mean(errors_s**2)) < 0.005  # a frame lasts 17-67 ms


def test_beats_are_found_without_a_given_heart_rate():
    truth = waves(hr_bpm=66)
    beats = find_beats(truth.bvp, 30.0)
    np.testing.assert_allclose(beats.times_s, find_beats(truth.bvp, 30.0, hr_bpm=66).times_s, atol=2e-3)


def test_breathing_baseline_does_not_move_beats():
    truth = waves(hr_bpm=70, rr_brpm=15, riiv=1.2)
    plain = find_beats(truth.bvp, 30.0, hr_bpm=70)
    riding = find_beats(truth.bvp + truth.baseline, 30.0, hr_bpm=70)
    np.testing.assert_allclose(riding.ibi_s, plain.ibi_s, atol=0.004)


@settings(max_examples=20)
@given(scale=st.floats(1e-6, 1e6), offset=st.floats(-1e3, 1e3))
def test_beats_depend_neither_on_scale_nor_on_offset(scale, offset):
    truth = waves(seconds=15, hr_bpm=75)
    beats = find_beats(scale * (truth.bvp + offset), 30.0, hr_bpm=75)
    np.testing.assert_allclose(beats.times_s, find_beats(truth.bvp, 30.0, hr_bpm=75).times_s, atol=1e-5)


def test_alignment_beats_the_steepest_rise_under_noise():
    ours, theirs = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        truth = waves(seed=seed, hr_bpm=60 + 5 * seed)
        noisy = add_noise(truth.bvp, 30.0, 15.0, rng)
        ours.append(interval_errors(find_beats(noisy, 30.0, hr_bpm=60 + 5 * seed), truth.beats_s).std())
        wave = reference.resample(bandpass(noisy, 30.0, low_hz=0.5, high_hz=4.0), 8 * len(noisy))
        rise = np.gradient(wave)
        steepest, _ = reference.find_peaks(rise, distance=120, height=0.4 * np.percentile(rise, 99))
        times_s = steepest / 240
        theirs.append(interval_errors(Beats(times_s, np.diff(times_s)), truth.beats_s).std())
    assert np.median(ours) < 0.7 * np.median(theirs)


@pytest.mark.parametrize("snr_db", [20.0, 15.0, 12.0])
def test_stated_timing_error_is_the_one_that_noise_makes(snr_db):
    ratio = []
    for seed in range(12):
        truth = waves(seed=seed, hr_bpm=50 + 5 * seed)
        noisy = add_noise(truth.bvp, 30.0, snr_db, np.random.default_rng(seed))
        beats = find_beats(noisy, 30.0, hr_bpm=50 + 5 * seed)
        ratio.append(interval_errors(beats, truth.beats_s).std() / (np.sqrt(2) * beats.timing_error_s))
    assert 0.85 < np.median(ratio) < 1.3


def test_rmssd_at_15_db_is_within_10_ms_for_nine_clips_of_ten():
    rows = [beat_case(seed, 15.0) for seed in range(500, 560)]
    near = [not r.flagged and abs(r.rmssd_ms - r.true_rmssd_ms) <= 10 for r in rows]
    assert np.mean(near) >= 0.9


def test_rmssd_at_10_db_is_flagged_as_too_coarse():
    rows = [beat_case(seed, 10.0) for seed in range(600, 640)]
    bias_ms = np.mean([r.uncorrected_ms - r.true_rmssd_ms for r in rows])
    print(f"RMSSD at 10 dB without correction: {bias_ms:+.1f} ms")
    assert np.mean([r.flagged for r in rows]) >= 0.95
    assert bias_ms > 10


def test_interval_of_rmssd_holds_the_truth():
    rows = [beat_case(seed, snr_db) for seed in range(700, 720) for snr_db in (20.0, 15.0)]
    held = [abs(r.rmssd_ms - r.true_rmssd_ms) <= r.half_width_ms for r in rows]
    assert np.mean(held) >= 0.88  # 95 % meant; 40 clips


def test_correction_takes_the_bias_out_of_rmssd():
    rows = [beat_case(seed, 15.0) for seed in range(800, 830)]
    corrected = np.mean([r.rmssd_ms - r.true_rmssd_ms for r in rows])
    raw = np.mean([r.uncorrected_ms - r.true_rmssd_ms for r in rows])
    assert abs(corrected) < 0.4 * raw


def test_a_gap_has_no_interval_across_it_and_no_beats_inside():
    truth = waves(hr_bpm=72)
    valid = np.ones(1800, bool)
    valid[600:690] = False
    beats = find_beats(np.where(valid, truth.bvp, 0.0), 30.0, hr_bpm=72, valid=valid)
    assert not np.any((beats.times_s > 20.0) & (beats.times_s < 23.0))
    across = np.flatnonzero((beats.times_s[:-1] < 20) & (beats.times_s[1:] > 23))
    assert len(across) == 1
    assert np.isnan(beats.ibi_s[across[0]])
    assert np.abs(interval_errors(beats, truth.beats_s)).max() < 0.02


def test_intervals_beside_an_artefact_are_left_out():
    truth = waves(hr_bpm=72)
    broken = truth.bvp.copy()
    broken[900:930] += 8 * np.sin(2 * np.pi * 1.7 * np.arange(30) / 30)
    beats = find_beats(broken, 30.0, hr_bpm=72)
    assert np.abs(interval_errors(beats, truth.beats_s)).max() < 0.1
    assert np.isnan(beats.ibi_s[(beats.times_s[:-1] > 29) & (beats.times_s[1:] < 32)]).any()


def test_a_missed_and_an_early_beat_do_not_enter_hrv():
    truth = waves(hr_bpm=60, ectopic=0.05, seed=3)
    beats = find_beats(truth.bvp, 30.0, hr_bpm=60)
    steps = np.abs(np.diff(beats.ibi_s))
    assert np.nanmax(steps) < 0.4  # an early beat and its pause differ by 0.6 s


@pytest.mark.parametrize("n", [0, 1, 10, 59, 70])
def test_too_little_signal_gives_no_beats(n):
    assert len(find_beats(np.zeros(n), 30.0, hr_bpm=70).times_s) == 0


def test_a_constant_gives_no_beats():
    assert len(find_beats(np.full(900, 3.0), 30.0).times_s) == 0


def test_all_invalid_gives_no_beats():
    assert len(find_beats(np.zeros(900), 30.0, valid=np.zeros(900, bool)).times_s) == 0


def test_heights_follow_the_breath():
    truth = waves(hr_bpm=80, rr_brpm=12, riav=0.25, rsa=0.0)
    beats = find_beats(truth.bvp, 30.0, hr_bpm=80)
    breath = np.interp(beats.times_s, np.arange(1800) / 30, truth.resp)
    assert np.corrcoef(beats.heights, breath)[0, 1] < -0.8  # inhaling makes beats smaller


def test_hrv_of_known_beats_follows_the_definitions():
    ibi_s = np.array([0.8, 0.9, 0.84, 0.8, 0.86, 0.95, 0.9, 0.85] * 4)
    found = hrv(known(ibi_s))
    steps = np.diff(1e3 * ibi_s)
    assert found.sdnn_ms == pytest.approx(np.std(1e3 * ibi_s, ddof=1))
    assert found.rmssd_ms == pytest.approx(np.sqrt(np.mean(steps**2)))
    assert found.pnn50_percent == pytest.approx(100 * np.mean(np.abs(steps) > 50))
    assert found.n_intervals == len(ibi_s)
    assert not found.coarse


def test_hrv_skips_steps_beside_a_missing_interval():
    ibi_s = np.full(30, 0.8)
    ibi_s[1::2] = 0.82
    ibi_s[10] = np.nan
    found = hrv(Beats(np.arange(31.0), ibi_s))
    assert found.rmssd_ms == pytest.approx(20.0)
    assert found.n_intervals == 29


def test_hrv_of_a_short_clip_is_nan():
    found = hrv(known(np.full(12, 0.8)))
    assert MIN_HRV_S > 12 * 0.8
    assert np.isnan([found.sdnn_ms, found.rmssd_ms, found.pnn50_percent, found.lf_hf]).all()
    assert found.coarse


def test_lf_hf_is_not_read_from_30_s():
    truth = waves(seconds=30)
    found = hrv(find_beats(truth.bvp, 30.0, hr_bpm=72))
    assert np.isfinite(found.rmssd_ms)
    assert np.isnan(found.lf_hf)


@pytest.mark.parametrize(("low", "high"), [(0.04, 0.04), (0.05, 0.025), (0.02, 0.04)])
def test_lf_hf_is_the_ratio_of_two_known_waves(low, high):
    times_s, at = [], 0.0
    while at < 300:
        times_s.append(at)
        at += 0.8 + low * np.sin(2 * np.pi * 0.1 * at) + high * np.sin(2 * np.pi * 0.28 * at)
    found = hrv(Beats(np.array(times_s), np.diff(times_s)))
    # an interval averages the rate over itself: sinc(f * 0.8 s) of each wave is left
    left = (np.sinc(0.1 * 0.8) / np.sinc(0.28 * 0.8)) ** 2
    assert found.lf_hf == pytest.approx(low**2 / high**2 * left, rel=0.25)


def test_lf_hf_agrees_with_a_lomb_periodogram_of_scipy():
    truth = waves(seconds=180, hr_bpm=65, rr_brpm=15, jitter=0.01)
    beats = Beats(truth.beats_s, np.diff(truth.beats_s))
    at_s = 0.5 * (beats.times_s[1:] + beats.times_s[:-1])
    window = np.hanning(len(at_s))
    freqs_hz = np.arange(0.04, 0.4, 0.001)
    line_free = reference.detrend(beats.ibi_s)
    power = reference.lombscargle(at_s, window * line_free, 2 * np.pi * freqs_hz)
    wanted = power[freqs_hz < 0.15].sum() / power[freqs_hz >= 0.15].sum()
    assert hrv(beats).lf_hf == pytest.approx(wanted, rel=0.15)


def test_noise_floor_falls_with_snr_and_frame_rate_and_grows_with_jitter():
    assert hrv_noise_floor_ms(30, 0.0, 21.0) == pytest.approx(
        0.5 * hrv_noise_floor_ms(30, 0.0, 15.0), rel=0.01
    )
    assert hrv_noise_floor_ms(30, 0.02, np.inf) > 2 * hrv_noise_floor_ms(120, 0.01, np.inf)
    assert hrv_noise_floor_ms(30, 0.0, np.inf) == 0.0


@pytest.mark.parametrize(("fs", "jitter_s"), [(30.0, 0.02), (15.0, 0.02), (60.0, 0.02)])
def test_noise_floor_of_jitter_is_the_measured_one(fs, jitter_s):
    excess = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        times_s = np.arange(round(60 * fs)) / fs
        person = Physiology(hr_bpm=60 + 4 * seed)
        untrue_s = np.sort(times_s + jitter_s * rng.standard_normal(len(times_s)))
        truth = simulate_waves(person, untrue_s, rng)
        beats = find_beats(truth.bvp, fs, hr_bpm=person.hr_bpm)
        excess.append(interval_errors(beats, truth.beats_s).var())
    measured_ms = 1e3 * np.sqrt(
        3 * np.mean(excess)
    )  # six times the variance of a beat time, three of an interval
    assert hrv_noise_floor_ms(fs, jitter_s, np.inf) == pytest.approx(measured_ms, rel=0.3)


def test_frame_times_that_may_be_untrue_flag_hrv():
    beats = find_beats(waves(hr_bpm=70).bvp, 30.0, hr_bpm=70)
    sure, unsure = hrv(beats), hrv(beats, frame_noise_ms=40.0)
    assert not sure.coarse
    assert unsure.coarse
    assert unsure.rmssd_ms == sure.rmssd_ms
    assert unsure.rmssd_error_ms > sure.rmssd_error_ms
