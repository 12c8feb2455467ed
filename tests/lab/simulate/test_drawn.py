"""Painted faces: skin of every tone where they say it is, and a pulse in it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from lab.simulate.skin_means import STILL

from rppg_core.lab.simulate.drawn import draw_portrait
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.video.mesh_points import FACE_OVAL, FOREHEAD, LEFT_EYE, LIPS, RIGHT_EYE

DRAWN = {"face": "drawn", "size": 128}


def portraits(tone, n=6):
    return [draw_portrait(np.random.default_rng(seed), tone=tone, size=128) for seed in range(n)]


def test_the_same_seed_draws_the_same_face_and_another_one_another():
    first, again = (draw_portrait(np.random.default_rng(3), tone=2, size=96) for _ in range(2))
    other = draw_portrait(np.random.default_rng(4), tone=2, size=96)
    assert np.array_equal(first.body, again.body) and np.array_equal(first.landmarks, again.landmarks)
    assert np.abs(first.landmarks - other.landmarks).mean() > 1
    assert np.abs(first.body - other.body).mean() > 0.02


def test_tones_go_from_light_to_dark():
    green = [np.mean([p.skin.colour[1] for p in portraits(tone)]) for tone in range(6)]
    assert all(a > b for a, b in pairwise(green))
    assert green[0] > 4 * green[5]


def test_faces_lie_upright_within_the_picture_with_their_parts_in_order():
    for portrait in portraits(1, n=30):
        oval = portrait.landmarks[list(FACE_OVAL)]
        assert oval.min() > 8 and oval.max() < 120
        left, right, mouth, forehead = (
            portrait.landmarks[list(group)].mean(axis=0) for group in (LEFT_EYE, RIGHT_EYE, LIPS, FOREHEAD)
        )
        assert left[0] < right[0] and forehead[1] < left[1] < mouth[1]
        assert abs(np.arctan2(*(right - left)[::-1])) < np.radians(18)


def test_blood_is_in_the_skin_and_not_in_eyes_or_background():
    for portrait in portraits(3):
        blood = portrait.skin.pulse
        assert blood.min() >= 0 and blood.max() < 1.001
        assert blood[:, :4].max() == 0 and portrait.skin.face.sum() > 0.3 * (blood > 0.5).sum()
        for eye in (LEFT_EYE, RIGHT_EYE):
            x, y = portrait.landmarks[list(eye)].mean(axis=0).astype(int)
            assert blood[y, x] < 0.5


@pytest.mark.parametrize("tone", [0, 3, 5])
def test_amplitude_in_the_drawn_skin_is_exact(tone):
    settings = SimulationSettings(**DRAWN, **STILL, seconds=4, tone=tone, amplitude_percent=0.7, seed=tone)
    video = simulate_video(settings)
    weight = video.frames.layers.skin
    green = np.array([(weight * p[..., 1]).sum() / weight.sum() for p in video.frames.pictures()])
    assert 100 * green.std() / green.mean() == pytest.approx(0.7, rel=0.05)
    assert np.corrcoef(green, video.truth.bvp)[0, 1] < -0.97


def test_pass_keeps_the_drawn_skin_and_finds_the_pulse_in_it():
    for seed in range(8):
        settings = SimulationSettings(
            **DRAWN, **STILL, seconds=5, tone=seed % 6, amplitude_percent=0.8, noise=1.0, seed=seed
        )
        clip, truth = simulate_clip(settings)
        assert clip.valid.all() and clip.face.skin_fraction > 0.4
        assert np.corrcoef(clip.roi("skin")[:, 1], truth.bvp)[0, 1] < -0.85


def test_no_drawn_face_is_the_benchmarks_photo():
    photo = load_portrait(size=128).body
    for portrait in portraits(1):
        assert np.corrcoef(photo.ravel(), portrait.body.ravel())[0, 1] < 0.8
