"""The sweeps: one knob each, the same people, and what flicker, light and blur do to the pictures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rppg_core.lab.protocols.calibration import draws as calibrate
from rppg_core.lab.protocols.face_clips import background_as_skin
from rppg_core.lab.protocols.photo.clips import FIRST_SEED as PHOTO_SEED
from rppg_core.lab.protocols.stress.sweeps import (
    FIRST_SEED,
    FLICKER_HZ,
    HR_BPM,
    SWEEPS,
    StressCase,
    line_kernel,
    lit,
    stress_case,
    stress_clip,
)
from rppg_core.lab.simulate.scene import tone_curve
from rppg_core.roster import get_method
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.video.prepare import resample


def short(name: str, value: float, seed: int = 0) -> StressCase:
    case = stress_case(SWEEPS[name], value, seed)
    return replace(case, settings=replace(case.settings, seconds=6.0))


@pytest.mark.parametrize("name", SWEEPS)
def test_sweep_turns_one_knob_only(name):
    sweep = SWEEPS[name]
    assert len(sweep.values) >= 5 and sweep.expect.endswith(".")
    cases = [stress_case(sweep, value, 3) for value in sweep.values]
    flat = [
        {**vars(case.settings), **{k: v for k, v in vars(case).items() if k != "settings"}} for case in cases
    ]
    assert all(sum(a[key] != b[key] for key in a) == 1 for a, b in pairwise(flat))


def test_the_same_person_sits_through_all_sweeps():
    people = [stress_case(sweep, sweep.hard, 2).settings for sweep in SWEEPS.values()]
    assert len({(s.hr_bpm, s.rr_brpm, s.seed) for s in people}) == 1


def test_seeds_are_apart_from_benchmark_and_calibration():
    seeds = [stress_case(SWEEPS["noise"], 2.0, seed).settings.seed for seed in (0, 999)]
    assert PHOTO_SEED + 100_000 <= FIRST_SEED <= min(seeds) and max(seeds) < calibrate.SEED


def test_flicker_is_no_rate_nor_harmonic_of_any_person():
    assert HR_BPM[1] + 10 < 60 * FLICKER_HZ < 2 * HR_BPM[0] - 10


def test_more_light_on_a_finished_picture_is_what_the_camera_would_have_shown():
    light = np.linspace(0.02, 0.8, 50)[:, None, None] * np.ones((1, 2, 3))
    gamma = 1 / 2.4
    picture = np.round(tone_curve(light, gamma)).astype(np.uint8)
    # rounding moves the light by half a grey level, and 1.2 of it by little more
    assert np.allclose(lit(picture, 1.2, gamma), tone_curve(1.2 * light, gamma), atol=0.7)


def test_flicker_takes_green_and_the_wall_but_not_pos():
    clip, truth = stress_clip(short("flicker", 8.0))
    even = resample(clip)
    true_bpm = float(np.mean(truth.hr_bpm))

    def rate_bpm(name, seen):
        return heart_rate_from_bvp(get_method(name).estimate(seen).bvp.samples, 30.0)

    lamp_bpm = 60 * FLICKER_HZ
    # 6 s tell rates apart to a few beats a minute
    assert rate_bpm("green", even) == pytest.approx(lamp_bpm, abs=3)
    assert rate_bpm("green", background_as_skin(even)) == pytest.approx(lamp_bpm, abs=3)
    assert rate_bpm("pos", even) == pytest.approx(true_bpm, abs=3)


def test_blur_takes_detail_from_the_picture_and_leaves_the_mean_colour():
    needs = frozenset({"still"})
    sharp, soft = (stress_clip(short("blur", value), needs)[0] for value in (0.0, 10.0))
    assert (
        np.abs(np.diff(soft.need("still").astype(float), axis=1)).mean()
        < 0.5 * np.abs(np.diff(sharp.need("still").astype(float), axis=1)).mean()
    )
    # hair and wall are darker or lighter than skin: a tenth of the face width of blur mixes in a little of both
    assert np.allclose(soft.roi("skin").mean(axis=0), sharp.roi("skin").mean(axis=0), rtol=0.1)


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.5])
@pytest.mark.parametrize("length_px", [0.0, 3.0, 7.5])
def test_a_smear_is_a_line_of_its_length_and_direction(length_px, angle):
    kernel = line_kernel(length_px, angle)
    assert kernel.sum() == pytest.approx(1.0) and kernel.min() >= 0
    assert np.allclose(kernel, kernel[::-1, ::-1])  # nothing is moved
    rows, columns = np.indices(kernel.shape) - len(kernel) // 2
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    spread = [np.sum(kernel * (columns * d[0] + rows * d[1]) ** 2) for d in (along, across)]
    # the variance of a uniform line, and that of the four neighbours which share a point
    assert spread[0] == pytest.approx(length_px**2 / 12, abs=0.4) and spread[1] < 0.3


def test_motion_blur_takes_detail_from_the_picture_and_leaves_the_mean_colour():
    needs = frozenset({"still"})
    sharp, smeared = (stress_clip(short("motion blur", value), needs)[0] for value in (0.0, 10.0))
    detail = [np.abs(np.diff(c.need("still").astype(float), axis=1)).mean() for c in (sharp, smeared)]
    assert detail[1] < 0.75 * detail[0]
    assert np.allclose(smeared.roi("skin").mean(axis=0), sharp.roi("skin").mean(axis=0), rtol=0.1)
