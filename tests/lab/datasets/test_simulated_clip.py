"""A clip of a simulated domain: the clocks of its labels, and the colours of its camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.lab.datasets.simulated import DOMAINS
from rppg_core.lab.datasets.simulated_clip import CameraFrames, ClipColours, LabelClock, true_course
from rppg_core.lab.simulate.faces import simulate_video
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.types import FS


def a_clip(name="pure-like", k=0, **changes):
    domain = next(domain for domain in DOMAINS if domain.name == name)
    record = list(domain.records(k + 1, seconds=6.0))[k]
    return replace(record.face_clip, **changes)


def test_wave_is_written_by_the_clock_of_its_instrument():
    right, late = a_clip(clock=LabelClock()), a_clip(clock=LabelClock(offset_s=0.2, drift=0.01))
    times_s = np.arange(30, 150) / FS
    moved = late.labels_at(times_s).bvp
    # what happened at time t is written at 1.01 t + 0.2; two splines of 60 Hz differ by far less than 1 %
    assert np.allclose(moved, right.labels_at((times_s - 0.2) / 1.01).bvp, atol=0.01)
    assert np.std(moved - right.labels_at(times_s).bvp) > 0.3


def test_labels_without_a_clock_error_are_the_truth_of_the_simulator():
    clip = a_clip(clock=LabelClock())
    truth = true_course(replace(clip.settings, seconds=7.0))  # with the half seconds before and after
    first_s = truth.times_s[truth.times_s >= 0.5][0]
    read = clip.labels_at(truth.times_s[20:-20] - first_s)
    assert np.allclose(read.bvp, truth.bvp[20:-20], atol=0.02)  # 60 Hz keep a pulse to 1 %


def test_truth_and_streams_say_the_same():
    clip = a_clip("hcw-like")
    times_s = np.arange(0, 5, 1 / FS)
    truth, streams = clip.labels_at(times_s), clip.streams()
    hr, rr = streams["hr"], streams["rr"]
    assert np.allclose(truth.hr_bpm, np.interp(times_s, hr.times_s, hr.values))
    assert truth.rr_brpm == pytest.approx(rr.values[0]) == pytest.approx(clip.settings.rr_brpm)
    clock = clip.clock
    assert clock.offset_s != 0
    # a frame: the clip begins with the first one after the lead of half a second
    assert streams["bvp"].times_s[0] == pytest.approx(clock.offset_s - 0.5 * (1 + clock.drift), abs=0.04)


def test_oximeter_shows_whole_numbers_once_a_second():
    hr, spo2 = (a_clip("vipl-like").streams()[name] for name in ("hr", "spo2"))
    for stream in (hr, spo2):
        assert np.array_equal(stream.values, np.round(stream.values))
        assert stream.step_s == pytest.approx(1.0, rel=0.01)
    assert hr.times_s[0] > 1.0  # late: it shows a mean of the seconds before
    assert spo2.values.min() >= 90 and spo2.values.max() <= 100


def test_course_of_a_clip_is_known_without_rendering_it():
    settings = a_clip("v4v-like").settings
    cheap, full = true_course(settings), simulate_video(settings).truth
    assert np.array_equal(cheap.bvp, full.bvp) and np.array_equal(cheap.times_s, full.times_s)


def test_camera_acts_in_linear_light():
    settings = SimulationSettings(seconds=1, size=64, noise=0, gamma=1.0, exposure=0.5, face="drawn")
    frames = simulate_video(settings).frames
    plain, red = (
        CameraFrames(frames, c.matrix()).rgb(3).astype(float) for c in (ClipColours(), ClipColours(red=1.3))
    )
    assert np.array_equal(plain, frames.rgb(3))
    unclipped = plain[..., 0] < 255 / 1.3 - 1
    assert np.allclose(red[..., 0][unclipped], 1.3 * plain[..., 0][unclipped], atol=1.2)  # two roundings
    assert np.array_equal(red[..., 1:], plain[..., 1:])


def test_stronger_colours_leave_grey_alone():
    assert np.allclose(ClipColours(saturation=0.3).matrix() @ np.full(3, 0.4), 0.4)
    strong = ClipColours(saturation=0.3).matrix() @ [0.5, 0.3, 0.2]
    assert strong[0] - strong[2] > 0.3


@pytest.mark.parametrize("name", ["buaa-like", "v4v-like", "vipl-like"])
def test_encoded_clip_is_the_same_every_time(name):
    clip = a_clip(name, k=2)
    clip = replace(clip, settings=replace(clip.settings, seconds=2.0))
    once = clip(frozenset({"rgb"}))[0].rgb
    for size in (10_000, 400_001):  # what lies in memory must not matter
        litter = np.random.default_rng(size).random(size)
        assert np.array_equal(clip(frozenset({"rgb"}))[0].rgb, once, equal_nan=True), len(litter)
