"""Light events, talk, and the head that moves with breath and beat."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.disturbances import auto_exposure, light_steps, screen_light, talk, with_body
from rppg_core.lab.simulate.head import Motion

TIMES_S = np.arange(0, 60, 1 / 30)
STILL = Motion(np.zeros((1800, 2)), np.zeros(1800), np.ones(1800))


def rng(seed=0):
    return np.random.default_rng(seed)


def test_light_steps_come_as_often_as_asked_and_stay():
    assert not light_steps(TIMES_S, rng(), per_min=0.0).any()
    counts = []
    for seed in range(20):
        change = light_steps(TIMES_S, rng(seed), per_min=4.0)
        flat = np.abs(np.diff(change)) < 1e-12
        counts.append((np.diff(flat.astype(int)) == -1).sum() + (not flat[0]))
        assert flat.mean() > 0.9 and change.min() >= -0.7
    assert np.mean(counts) == pytest.approx(4, abs=1.5)


def test_screen_has_the_requested_strength_and_a_rhythm_that_may_look_like_a_heart():
    assert not screen_light(TIMES_S, rng(), strength=0.0).any()
    peaks_hz = []
    for seed in range(12):
        change = screen_light(TIMES_S, rng(seed), strength=0.01)
        assert change.std() == pytest.approx(0.01, rel=0.05)
        peaks_hz.append(np.argmax(np.abs(np.fft.rfft(change))) / 60)
    assert min(peaks_hz) < 1.0 < max(peaks_hz) < 4.2


def test_auto_exposure_takes_back_its_share_of_a_step_after_its_lag():
    brightness = np.where(TIMES_S < 30, 1.0, 1.2)
    gain = auto_exposure(brightness, TIMES_S, share=0.8, lag_s=1.0)
    seen = brightness * gain
    before, at_once, later = (seen[int(t * 30)] for t in (29.0, 30.05, 45.0))
    assert at_once / before == pytest.approx(1.2, rel=0.03)
    assert np.log(later / before) == pytest.approx(0.2 * np.log(1.2), rel=0.02)
    one_lag = np.log(gain[930] / gain[880]) / np.log(gain[1500] / gain[880])
    assert one_lag == pytest.approx(1 - np.exp(-1), abs=0.03)
    assert np.allclose(auto_exposure(brightness, TIMES_S, share=0.0, lag_s=1.0), 1)


def test_mouth_talks_for_its_share_of_the_time_in_syllables():
    assert not talk(TIMES_S, rng(), share=0.0).any()
    for seed in range(5):
        opened = talk(TIMES_S, rng(seed), share=0.5)
        assert opened.min() >= 0 and 0.4 < opened.max() <= 1
        speaking = np.convolve(opened > 0.05, np.ones(15), "same") > 0
        assert 0.35 < speaking.mean() < 0.8
    opened = talk(TIMES_S, rng(), share=1.0)
    peaks = ((opened[1:-1] > opened[:-2]) & (opened[1:-1] >= opened[2:])).sum()
    assert 1.8 < peaks / 60 < 7.0


def test_head_rises_with_breath_and_moves_with_the_slope_of_the_beat():
    resp, bvp = np.sin(2 * np.pi * 0.25 * TIMES_S), np.sin(2 * np.pi * 1.2 * TIMES_S)
    still = with_body(STILL, TIMES_S, resp=resp, bvp=bvp, breath_percent=0.0, beat_percent=0.0)
    assert np.array_equal(still.shift, STILL.shift) and np.array_equal(still.zoom, STILL.zoom)
    breath = with_body(STILL, TIMES_S, resp=resp, bvp=bvp, breath_percent=1.0, beat_percent=0.0)
    assert np.allclose(breath.shift[:, 1], -0.01 * resp)  # up is negative
    beat = with_body(STILL, TIMES_S, resp=resp, bvp=bvp, breath_percent=0.0, beat_percent=0.1)
    assert beat.shift[:, 1].std() == pytest.approx(0.001)
    assert np.corrcoef(beat.shift[:, 1], np.gradient(bvp))[0, 1] < -0.99
