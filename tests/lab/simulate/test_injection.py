"""An injected pulse has the rate, strength and colour that were asked for, and touches nothing but skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.injection import (
    COURSE_S,
    COURSES,
    RATES_BPM,
    draw_person,
    inject,
    rate_course,
    warped_waves,
)
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.types import FaceClip

TIMES_S = np.arange(900) / 30.0
EVEN = Physiology(rsa=0.0, mayer=0.0, drift=0.0, jitter=0.0)


def plain_clip(n=600, cells=4, seed=0) -> FaceClip:
    rng = np.random.default_rng(seed)
    return FaceClip(
        times_s=np.arange(n) / 30.0,
        valid=np.ones(n, bool),
        rgb=rng.uniform(60, 200, (n, 2, 3)),
        rois=("skin", "forehead"),
        background=rng.uniform(60, 200, (n, 3)),
        stmap=rng.uniform(60, 200, (n, cells, 3)),
        stmap_weight=np.array([0.0, 0.02, 0.4, 1.0])[:cells],
    )


def put_in(clip: FaceClip, amplitude: float, seed: int, **more):
    rng = np.random.default_rng(seed)
    return inject(clip, amplitude, rate_course("steady", clip.times_s, rng), rng, **more)


def strengths(before: np.ndarray, after: np.ndarray, truth) -> np.ndarray:
    """Relative change per unit of the truth's pulse, %, in every channel."""
    change = 1 - after / before
    flat = change.reshape(len(change), -1)
    breath = np.stack([truth.bvp, np.ones(len(flat)), truth.resp], axis=1)
    return 100 * np.linalg.lstsq(breath, flat, rcond=None)[0][0].reshape(change.shape[1:])


@given(amplitude=st.floats(0.05, 2.0), seed=st.integers(0, 10**6))
def test_green_of_every_region_changes_by_the_amplitude_asked_for(amplitude, seed):
    clip = plain_clip()
    person, _ = draw_person(np.random.default_rng(seed))
    after, truth = put_in(clip, amplitude, seed, person=replace(person, riiv=0.0))
    change = 1 - after.rgb[:, :, 1] / clip.rgb[:, :, 1]
    assert 100 * change.std(axis=0) == pytest.approx([amplitude, amplitude], rel=1e-9)
    assert change[:, 0] == pytest.approx(amplitude / 100 * truth.bvp, abs=1e-12)


@given(seed=st.integers(0, 10**6))
def test_channels_change_in_the_colour_of_the_pulse(seed):
    clip = plain_clip()
    colour = np.array([0.3, 1.0, 0.6])
    after, truth = put_in(clip, 0.5, seed, colour=colour)
    found = strengths(clip.rgb, after.rgb, truth)
    assert found / found[:, 1:2] == pytest.approx(np.stack([colour, colour]), rel=1e-6)


@given(amplitude=st.floats(0.0, 2.0), seed=st.integers(0, 10**6))
def test_background_and_cells_without_skin_stay_as_they_were(amplitude, seed):
    clip = plain_clip()
    after, _ = put_in(clip, amplitude, seed)
    assert after.background is clip.background
    assert (after.stmap[:, 0] == clip.stmap[:, 0]).all()


@given(shares=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4), seed=st.integers(0, 10**6))
def test_the_mean_of_the_cells_over_skin_changes_as_the_region_does(shares, seed):
    """The pass makes the region as this mean of the cells, so their pulses have to agree."""
    share = np.array(shares)
    share[3] += 0.05
    clip = plain_clip()
    flat = np.full((600, 4, 3), 100.0)
    clip = replace(clip, rgb=flat[:, :2], stmap=flat, stmap_weight=share)
    after, _ = put_in(clip, 0.5, seed)
    mean = np.tensordot(after.stmap, share / share.sum(), axes=(1, 0))
    assert mean == pytest.approx(after.rgb[:, 0], abs=1e-9)


def test_the_pulse_of_a_cell_grows_with_its_share_of_skin():
    clip = plain_clip()
    after, truth = put_in(clip, 0.5, 3)
    cells = strengths(clip.stmap, after.stmap, truth)[:, 1]
    assert cells / cells[3] == pytest.approx(clip.stmap_weight, abs=1e-6)


def test_frames_without_a_face_stay_without_colour_and_the_others_are_not_affected():
    clip = plain_clip()
    rgb = clip.rgb.copy()
    rgb[100:130] = np.nan
    gap = replace(clip, rgb=rgb, valid=np.isfinite(rgb[:, 0, 0]))
    after, whole = put_in(gap, 0.5, 1)[0], put_in(clip, 0.5, 1)[0]
    assert np.isnan(after.rgb[100:130]).all()
    assert (after.rgb[gap.valid] == whole.rgb[gap.valid]).all()


def test_an_amplitude_of_zero_changes_nothing_and_has_no_true_pulse():
    clip = plain_clip()
    after, truth = put_in(clip, 0, 1)
    assert after is clip
    assert not truth.pulsed and not truth.bvp.any() and np.isnan(truth.hr_bpm).all()


def test_crops_are_left_out_because_they_would_show_the_face_without_the_pulse():
    clip = replace(plain_clip(), crop36=np.zeros((600, 36, 36, 3), np.uint16))
    assert put_in(clip, 0.5, 1)[0].crop36 is None


def test_same_seed_gives_the_same_clip():
    clip = plain_clip()
    assert (put_in(clip, 0.5, 7)[0].rgb == put_in(clip, 0.5, 7)[0].rgb).all()
    assert (put_in(clip, 0.5, 7)[0].rgb != put_in(clip, 0.5, 8)[0].rgb).any()


def test_a_method_finds_the_injected_pulse_on_a_face_without_one():
    from rppg_core.classical import CLASSICAL
    from rppg_core.metrics import waveform_r
    from rppg_core.video.prepare import resample

    face, _ = simulate_traces(SimulationSettings(kind="photo", seconds=20, motion="none", seed=3))
    clip, truth = put_in(face, 0.7, 5)
    even = resample(clip)
    bvp = CLASSICAL["pos"].estimate(even).bvp
    assert bvp is not None
    assert waveform_r(np.interp(even.times_s, truth.times_s, truth.bvp), bvp.samples, 30.0) > 0.9


def test_a_steady_course_gives_the_waves_of_the_simulator():
    person = Physiology(hr_bpm=70.0)
    ours = warped_waves(person, TIMES_S, np.full(900, 70.0), np.random.default_rng(4))
    plain = simulate_waves(person, TIMES_S, np.random.default_rng(4))
    assert ours.bvp == pytest.approx(plain.bvp, abs=1e-9)
    assert ours.beats_s == pytest.approx(plain.beats_s, abs=1e-9)
    assert ours.hr_bpm == pytest.approx(plain.hr_bpm, abs=1e-6)
    assert ours.rr_brpm == pytest.approx(plain.rr_brpm, abs=1e-6)


@pytest.mark.parametrize("course", ["falling", "rising"])
def test_beats_follow_the_course_of_the_rate(course):
    rates = rate_course(course, TIMES_S, np.random.default_rng(0))
    waves = warped_waves(EVEN, TIMES_S, rates, np.random.default_rng(1))
    middle = (waves.beats_s[1:] + waves.beats_s[:-1]) / 2
    assert 60 / np.diff(waves.beats_s) == pytest.approx(np.interp(middle, TIMES_S, rates), rel=0.01)
    assert waves.hr_bpm == pytest.approx(rates, rel=0.01)
    ends = [np.mean(part) for part in np.split(waves.rr_brpm, 10)]
    assert (ends[-1] > ends[0]) == (course == "rising")  # breaths slow down with the beats
    # the first and last intervals may lie half outside the clip
    assert len(waves.beats_s) == pytest.approx(rates.mean() / 60 * TIMES_S[-1], abs=1)


def test_uneven_frame_times_do_not_change_the_rate():
    rng = np.random.default_rng(2)
    times_s = np.sort(rng.uniform(0, 30, 700))
    waves = warped_waves(EVEN, times_s, np.full(700, 90.0), rng)
    assert 60 / np.diff(waves.beats_s).mean() == pytest.approx(90.0, rel=1e-3)


def test_courses_change_as_stated_and_a_short_clip_sees_their_first_part():
    rng = np.random.default_rng(0)
    for name, ends in COURSES.items():
        rates = rate_course(name, np.array([5.0, 5.0 + COURSE_S / 3, 5.0 + COURSE_S, 50.0]), rng)
        if ends is None:
            assert RATES_BPM[0] <= rates[0] <= RATES_BPM[1] and np.ptp(rates) == 0
        else:
            first, last = ends
            assert rates == pytest.approx([first, first + (last - first) / 3, last, last])


def test_wrong_arguments_are_refused_with_what_is_wanted():
    clip, rng = plain_clip(), np.random.default_rng(0)
    rates = np.full(600, 70.0)
    with pytest.raises(UsageError, match="0 to 20"):
        inject(clip, -0.5, rates, rng)
    with pytest.raises(UsageError, match="0 to 20"):
        inject(clip, float("nan"), rates, rng)
    with pytest.raises(UsageError, match="one rate"):
        inject(clip, 0.5, 0 * rates, rng)
    with pytest.raises(UsageError, match="steady, falling, rising"):
        rate_course("up", clip.times_s, rng)
