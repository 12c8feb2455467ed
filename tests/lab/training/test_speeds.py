"""Clips at other speeds: rates follow, pulse and truth stay in step, and limits hold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")

from rppg_core.classical import pos
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.sources import even_truth
from rppg_core.lab.training.speeds import LEARNED_BPM, at_speed, random_speed
from rppg_core.metrics import waveform_r
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, FaceClip, RgbTrace, Truth
from rppg_core.video.prepare import resample


@pytest.fixture(scope="module")
def known() -> tuple[FaceClip, Truth]:
    """A clip and its truth at 30 Hz."""
    clip, truth = simulate_traces(SimulationSettings(seconds=20, hr_bpm=75, rr_brpm=15, seed=3))
    even = resample(clip)
    return even, even_truth(truth, even.times_s)


@pytest.mark.parametrize("speed", [0.6, 0.8, 1.3, 2.0])
def test_rates_follow_the_speed_and_the_pulse_follows_the_truth(known, speed):
    clip, truth = at_speed(*known, speed)
    assert clip.fs == FS and len(clip.times_s) == pytest.approx(len(known[0].times_s) / speed, abs=2)
    np.testing.assert_allclose(np.diff(clip.times_s), 1 / FS, atol=1e-9)
    bvp = pos(RgbTrace(clip.roi("skin"), FS))
    assert heart_rate_from_bvp(bvp, FS) == pytest.approx(75 * speed, abs=3)
    assert waveform_r(truth.bvp, bvp, FS) > 0.9
    assert np.mean(truth.hr_bpm) == pytest.approx(np.mean(known[1].hr_bpm) * speed, rel=0.02)
    assert truth.rr_brpm == pytest.approx(known[1].rr_brpm * speed)
    assert len(truth.times_s) == len(truth.bvp) == len(truth.resp) == len(clip.times_s)


def test_what_has_no_label_keeps_none(known):
    clip, truth = known
    nothing = replace(truth, bvp=np.full_like(truth.bvp, np.nan), rr_brpm=float("nan"))
    other = at_speed(clip, nothing, 0.7)[1]
    assert np.isnan(other.bvp).all() and np.isnan(other.rr_brpm) and np.isfinite(other.hr_bpm).all()


def test_saturation_and_the_places_of_cells_stay(known):
    clip, truth = at_speed(*known, 0.7)
    assert truth.spo2_percent == known[1].spo2_percent
    np.testing.assert_array_equal(clip.stmap_weight, known[0].stmap_weight)
    np.testing.assert_allclose(clip.stmap.mean(axis=0), known[0].stmap.mean(axis=0), rtol=0.02)


@pytest.mark.parametrize("speed", [0.5, 1.5])
def test_seconds_of_a_scene_stay_with_their_moments(known, speed):
    clip, truth = known
    light = np.arange(20.0)
    other = at_speed(replace(clip, scene={"light": light}), truth, speed)[0]
    expected = np.minimum((np.arange(len(other.scene["light"])) * speed).astype(int), 19)
    np.testing.assert_array_equal(other.scene["light"], expected)


@given(st.integers(0, 10_000), st.floats(45, 170), st.floats(1.0, 2.0))
@settings(max_examples=60, deadline=None)
def test_no_rate_leaves_what_is_learned_and_the_clip_stays_long_enough(seed, bpm, most):
    truth = Truth(*[np.zeros(2)] * 3, np.array([bpm - 2, bpm + 2]), np.zeros(0), 15.0, 97.0, True)
    speed = random_speed(np.random.default_rng(seed), (0.6, 1.5), truth, most=most)
    assert speed <= most
    assert LEARNED_BPM[0] - 1e-9 <= speed * (bpm - 2) or speed == 1
    assert speed * (bpm + 2) <= LEARNED_BPM[1] + 1e-9 or speed in (1, most)
