import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core.signals.filters import standardise
from rppg_core.types import ROIS, FaceClip, STMap
from rppg_core.video.prepare import overlap_add, overlapping_windows, resample, stmap_band


def clip_at(times_s, wave, valid=None):
    valid = np.ones(len(times_s), bool) if valid is None else valid
    rgb = np.repeat(wave[:, None, None], 3, axis=2).repeat(len(ROIS), axis=1)
    rgb[~valid] = np.nan
    return FaceClip(times_s=times_s, valid=valid, rgb=rgb)


def test_resample_recovers_a_pulse_from_uneven_times():
    rng = np.random.default_rng(0)
    times_s = np.cumsum(rng.uniform(0.02, 0.05, 400))
    even = resample(clip_at(times_s, 100 + np.sin(2 * np.pi * 1.2 * times_s)), 30)
    expected = 100 + np.sin(2 * np.pi * 1.2 * even.times_s)
    assert even.fs == 30
    assert np.abs(even.roi("skin")[:, 1] - expected).max() < 0.03  # cubic: far below a tenth of the wave


@pytest.mark.parametrize("fps", [15, 24, 25, 29.97, 60])
def test_resample_keeps_time_at_any_frame_rate(fps):
    times_s = np.arange(int(10 * fps)) / fps
    even = resample(clip_at(times_s, np.sin(2 * np.pi * 1.5 * times_s)), 30)
    assert even.times_s[-1] == pytest.approx(times_s[-1], abs=1 / 30 + 1e-9)
    phase = np.corrcoef(even.roi("skin")[:, 0], np.sin(2 * np.pi * 1.5 * even.times_s))[0, 1]
    assert phase > 0.995


@pytest.mark.parametrize("fps", [10, 15, 24, 25, 30, 45, 60])
@pytest.mark.parametrize("digits", [3, 6], ids=["mkv", "mp4"])  # what the container keeps of a frame time
def test_five_seconds_are_five_seconds_at_any_frame_rate(fps, digits):
    times_s = np.round(np.arange(5 * fps) / fps, digits)
    even = resample(clip_at(times_s, np.sin(2 * np.pi * 1.5 * times_s)), 30)
    assert len(even.times_s) == 150
    assert even.valid.all() and np.isfinite(even.rgb).all()


def test_short_gap_is_bridged_and_long_gap_splits():
    times_s = np.arange(300) / 30
    valid = np.ones(300, bool)
    valid[50:56] = False  # 0.23 s between good frames
    valid[100:160] = False  # 2 s
    even = resample(clip_at(times_s, np.ones(300), valid), 30)
    assert even.valid[45:60].all()
    assert not even.valid[105:155].any()
    assert np.isnan(even.roi("skin")[120]).all()


def test_stmap_bands_separate_pulse_and_breathing():
    times_s = np.arange(900) / 30
    pulse, breath = np.sin(2 * np.pi * 1.2 * times_s), np.sin(2 * np.pi * 0.15 * times_s)
    cells = 100 + (0.5 * pulse + breath)[:, None, None] * np.ones((1, 4, 3))
    stmap = STMap(cells, 30.0, np.ones(4))
    fast = standardise(stmap_band(stmap, "pulse")[:, 0, 1])
    slow = standardise(stmap_band(stmap, "slow")[:, 0, 1])
    assert np.mean(fast * standardise(pulse)) > 0.9
    assert np.mean(slow * standardise(breath)) > 0.98


def test_stmap_band_keeps_relative_strength_of_cells():
    times_s = np.arange(600) / 30
    pulse = np.sin(2 * np.pi * 1.2 * times_s)
    cells = 100 + np.stack([pulse, 2 * pulse], axis=1)[:, :, None] * np.ones(3)
    band = stmap_band(STMap(cells, 30.0, np.ones(2)), "pulse")
    assert band[:, 1].std() / band[:, 0].std() == pytest.approx(2, rel=0.01)  # never a z-score per cell


@settings(max_examples=30, deadline=None)
@given(n=st.integers(10, 500), length=st.integers(10, 120))
def test_overlap_add_of_windows_of_a_wave_gives_the_wave(n, length):
    wave = np.sin(np.arange(n) / 7)
    windows = overlapping_windows(n, length)
    joined = overlap_add([wave[w] for w in windows], windows, n)
    np.testing.assert_allclose(joined, wave, atol=1e-9)


@pytest.mark.parametrize("apart_s", [1e-12, 1e-6, 1e-4])
def test_two_frames_at_nearly_one_time_do_not_spoil_the_rest(apart_s):
    times_s = np.arange(250) / 25
    wave = 100 + np.sin(2 * np.pi * times_s)
    twice_s = np.insert(times_s, 100, times_s[100] - apart_s)
    found = resample(clip_at(twice_s, np.insert(wave, 100, wave[100] + 0.5)))
    np.testing.assert_allclose(
        found.rgb, resample(clip_at(times_s, wave)).rgb, atol=0.55
    )  # the other picture's
