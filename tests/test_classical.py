"""The seven classical methods against known truth, on traces and on whole clips."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from rppg_core import classical
from rppg_core.classical import CLASSICAL
from rppg_core.errors import ClipTooShortError, UsageError
from rppg_core.signals.filters import bandpass
from rppg_core.signals.spectrum import heart_rate_from_bvp, power_spectrum
from rppg_core.types import ROIS, FaceClip, RgbTrace
from tests.skin_trace import PULSE_COLOUR, SKIN, skin_trace

NAMES = list(CLASSICAL)


def clip_of(trace: RgbTrace, valid: np.ndarray | None = None) -> FaceClip:
    """An even clip whose ROIs all show the same skin."""
    n = len(trace.samples)
    valid = np.ones(n, bool) if valid is None else valid
    rgb = np.repeat(trace.samples[:, None], len(ROIS), axis=1)
    rgb[~valid] = np.nan
    return FaceClip(times_s=5.0 + np.arange(n) / trace.fs, valid=valid, rgb=rgb, fs=trace.fs)


def power_at(samples: np.ndarray, fs: float, hz: float) -> float:
    band = power_spectrum(samples, fs).band(hz - 0.05, hz + 0.05)
    return float(band.power.max())


def test_the_seven_methods_stand_in_their_order():
    assert NAMES == ["green", "ica", "chrom", "pbv", "pos", "lgi", "omit"]
    assert all(m.needs == {"rgb"} and m.weights == "none needed" and m.paper for m in CLASSICAL.values())


# Polarity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_bvp_rises_with_blood_volume(name):
    truth, trace = skin_trace()
    bvp = CLASSICAL[name].function(trace)
    assert np.corrcoef(truth, bvp)[0, 1] > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_upstroke_is_shorter_than_decay(name):
    _, trace = skin_trace(hr_bpm=60)
    smooth = bandpass(CLASSICAL[name].function(trace), 30, low_hz=0.5, high_hz=6)
    beat = smooth[90:-90].reshape(-1, 30).mean(axis=0)  # 60 bpm at 30 Hz: 30 samples a beat
    rise = (int(beat.argmax()) - int(beat.argmin())) % 30
    assert rise < 15


@pytest.mark.parametrize("seed", range(12))
def test_ica_keeps_its_sign_when_brightness_sways_twice_as_much_as_the_pulse(seed):
    truth, trace = skin_trace(motion=0.01, noise=2e-3, seed=seed, hr_bpm=55 + 5 * seed)
    assert np.corrcoef(truth, classical.ica(trace))[0, 1] > 0.3


# Rate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fs", [24.0, 25.0, 29.97, 60.0])
def test_72_bpm_is_recovered_at_every_frame_rate(name, fs):
    _, trace = skin_trace(fs=fs, noise=2e-3)
    assert heart_rate_from_bvp(CLASSICAL[name].function(trace), fs) == pytest.approx(72, abs=0.5)


@pytest.mark.parametrize("name", ["ica", "chrom", "pbv", "pos", "lgi", "omit"])
def test_random_motion_that_drowns_green_leaves_the_others_alone(name):
    truth, trace = skin_trace(motion=0.01, noise=1e-3)
    assert np.corrcoef(truth, classical.green(trace))[0, 1] < 0.6
    assert np.corrcoef(truth, CLASSICAL[name].function(trace))[0, 1] > 0.75


@pytest.mark.parametrize("name", ["chrom", "pbv", "pos", "lgi", "omit"])  # ICA picks what is most periodic
def test_a_periodic_brightness_change_that_fools_green_leaves_the_others_alone(name):
    _, trace = skin_trace(shading=0.02, noise=1e-3)
    assert heart_rate_from_bvp(classical.green(trace), 30) == pytest.approx(1.9 * 60, abs=1)
    assert heart_rate_from_bvp(CLASSICAL[name].function(trace), 30) == pytest.approx(72, abs=1)


# Raw, comparable, deterministic -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_energy_above_the_cardiac_band_survives(name):
    _, trace = skin_trace(amplitude=0.004)
    t_s = np.arange(len(trace.samples)) / 30
    ripple = 0.002 * np.sin(2 * np.pi * 6.3 * t_s)[:, None] * PULSE_COLOUR
    with_ripple = CLASSICAL[name].function(replace(trace, samples=trace.samples - SKIN * ripple))
    without = CLASSICAL[name].function(trace)
    assert power_at(with_ripple, 30, 6.3) > 100 * power_at(without, 30, 6.3)
    assert power_at(with_ripple, 30, 6.3) > 0.05 * power_at(with_ripple, 30, 1.2)  # went in with about 0.2


@pytest.mark.parametrize("name", ["green", "ica", "pbv", "lgi", "omit"])
def test_energy_below_the_cardiac_band_survives_where_windows_are_long(name):
    _, trace = skin_trace(amplitude=0.004)
    t_s = np.arange(len(trace.samples)) / 30
    breathing = 0.004 * np.sin(2 * np.pi * 0.3 * t_s)[:, None] * PULSE_COLOUR
    with_it = CLASSICAL[name].function(replace(trace, samples=trace.samples - SKIN * breathing))
    assert power_at(with_it, 30, 0.3) > 0.2 * power_at(with_it, 30, 1.2)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_trace_gives_the_same_samples_and_stays_untouched(name):
    _, trace = skin_trace(shading=0.01, noise=2e-3)
    before = trace.samples.copy()
    first = CLASSICAL[name].function(trace)
    assert first.dtype == np.float64
    np.testing.assert_array_equal(first, CLASSICAL[name].function(trace))
    np.testing.assert_array_equal(before, trace.samples)


@pytest.mark.parametrize("name", NAMES)
def test_size_follows_the_pulse(name):
    stds = [
        bandpass(
            CLASSICAL[name].function(skin_trace(amplitude=a, noise=1e-4)[1]), 30, low_hz=0.7, high_hz=4
        ).std()
        for a in (0.003, 0.006)
    ]
    assert stds[1] / stds[0] == pytest.approx(
        2, rel=0.05
    )  # 5 %: noise, and the product of pulse and brightness


@pytest.mark.parametrize("name", ["green", "ica", "pbv"])
def test_size_is_the_relative_change_of_green(name):
    _, trace = skin_trace(amplitude=0.005, noise=1e-4)
    assert CLASSICAL[name].function(trace).std() == pytest.approx(0.005, rel=0.05)


@pytest.mark.parametrize("name", ["green", "ica", "chrom", "pbv", "pos"])
def test_a_gain_of_each_channel_changes_nothing_where_the_paper_normalises(name):
    _, trace = skin_trace(shading=0.005, noise=2e-3)
    gained = replace(trace, samples=trace.samples * [0.6, 1.3, 1.1])
    np.testing.assert_allclose(
        CLASSICAL[name].function(gained), CLASSICAL[name].function(trace), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_common_gain_changes_nothing(name):
    _, trace = skin_trace(shading=0.005, noise=2e-3)
    gained = replace(trace, samples=trace.samples * 0.5)
    np.testing.assert_allclose(
        CLASSICAL[name].function(gained), CLASSICAL[name].function(trace), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_or_black_trace_gives_zeros(name):
    for level in (0.0, 90.0):
        bvp = CLASSICAL[name].function(RgbTrace(np.full((120, 3), level), 30.0))
        np.testing.assert_allclose(bvp, 0, atol=1e-12)


def test_a_black_channel_is_not_blown_up():
    truth, trace = skin_trace()
    rng = np.random.default_rng(1)
    samples = trace.samples.copy()
    samples[:, 2] = np.abs(0.01 * rng.standard_normal(len(samples)))
    for name in ("chrom", "pos", "pbv", "lgi", "omit"):
        bvp = CLASSICAL[name].function(replace(trace, samples=samples))
        assert abs(np.corrcoef(truth, bvp)[0, 1]) > 0.5
        assert bvp.std() < 0.05


# As a Method -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_estimate_on_a_whole_clip_is_the_function_on_its_skin(name):
    _, trace = skin_trace(noise=2e-3)
    bvp = CLASSICAL[name].estimate(clip_of(trace)).bvp
    assert bvp is not None and bvp.valid.all()
    assert (bvp.fs, bvp.t0_s) == (30.0, 5.0)
    np.testing.assert_array_equal(bvp.samples, CLASSICAL[name].function(trace))


@pytest.mark.parametrize("name", NAMES)
def test_gaps_stay_empty_and_segments_are_equally_large(name):
    _, trace = skin_trace(seconds=30, noise=1e-4)
    valid = np.ones(900, bool)
    valid[400:450] = False  # lost face
    valid[890:] = True
    valid[800:850] = False
    valid[850:] = True  # the last segment has 50 samples: 1.7 s, too short
    bvp = CLASSICAL[name].estimate(clip_of(trace, valid)).bvp
    assert bvp is not None
    np.testing.assert_array_equal(bvp.valid, valid & (np.arange(900) < 850))
    assert np.all(bvp.samples[~bvp.valid] == 0) and np.isfinite(bvp.samples).all()
    first, second = bvp.samples[:400].std(), bvp.samples[450:800].std()
    assert second / first == pytest.approx(1, abs=0.05)  # 5 %: noise and cut beats


@pytest.mark.parametrize("name", NAMES)
def test_a_segment_in_half_the_light_has_a_pulse_of_the_same_size(name):
    _, trace = skin_trace(seconds=20, noise=1e-4)
    samples, valid = trace.samples.copy(), np.ones(600, bool)
    valid[290:310] = False
    samples[300:] *= 0.5
    bvp = CLASSICAL[name].estimate(clip_of(replace(trace, samples=samples), valid)).bvp
    assert bvp is not None
    assert bvp.samples[310:].std() / bvp.samples[:290].std() == pytest.approx(1, abs=0.05)


def test_a_clip_without_a_long_segment_gives_no_valid_sample():
    _, trace = skin_trace(seconds=5)
    valid = np.arange(150) % 40 < 35
    bvp = classical.CLASSICAL["pos"].estimate(clip_of(trace, valid)).bvp
    assert bvp is not None and not bvp.valid.any()


def test_uneven_clip_error_names_the_resampler():
    _, trace = skin_trace(seconds=5)
    with pytest.raises(UsageError, match="resample"):
        CLASSICAL["pos"].estimate(replace(clip_of(trace), fs=None))


@pytest.mark.parametrize("name", NAMES)
def test_short_trace_error_says_what_is_needed(name):
    with pytest.raises(ClipTooShortError, match=r"41 samples \(1\.4 s at 30 Hz\); wanted: at least 2 s"):
        CLASSICAL[name].function(RgbTrace(np.full((41, 3), 90.0), 30.0))


@pytest.mark.parametrize("name", NAMES)
def test_a_trace_with_gaps_is_refused(name):
    samples = np.full((90, 3), 90.0)
    samples[10] = np.nan
    with pytest.raises(UsageError, match="3 values that are not numbers"):
        CLASSICAL[name].function(RgbTrace(samples, 30.0))


def test_all_seven_take_less_than_60_ms_for_a_minute():
    _, trace = skin_trace(seconds=60, noise=2e-3)
    clip = clip_of(trace)

    def cpu_seconds() -> float:
        start = time.process_time()
        for method in CLASSICAL.values():
            method.estimate(clip)
        return time.process_time() - start

    assert min(cpu_seconds() for _ in range(5)) < 0.06
