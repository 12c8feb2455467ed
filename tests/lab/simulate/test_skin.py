"""Six tones are tones, and skin is found where it is."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.lab.simulate.skin import PULSE_COLOUR, TONES, fill, skin_colour
from rppg_core.video.mesh_points import LEFT_CHEEK, LEFT_EYE, LIPS, RIGHT_EYE

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def typology_angle(linear_rgb):
    """Individual typology angle in degrees (Chardon et al. 1991), under D65."""
    f = np.cbrt(RGB_TO_XYZ @ linear_rgb / [0.9505, 1.0, 1.089])
    lightness, blueness = 116 * f[1] - 16, 200 * (f[1] - f[2])
    return np.degrees(np.arctan2(lightness - 50, blueness))


def test_tones_are_ordered_in_luminance():
    light = [LUMINANCE @ skin_colour(*tone) for tone in TONES]
    assert np.all(np.diff(light) < 0)
    assert light[0] > 0.35 and light[-1] < 0.1


def test_tones_span_the_classes_of_the_typology_angle():
    """One tone a class: very light over 55, light, intermediate, tan, brown, dark under -30 degrees."""
    angles = [typology_angle(skin_colour(*tone)) for tone in TONES]
    assert list(np.digitize(angles, [55, 41, 27, 10, -30])) == [0, 1, 2, 3, 4, 5]


def test_tones_differ_in_chroma_and_not_only_in_brightness():
    chroma = np.array([skin_colour(*tone) / skin_colour(*tone).sum() for tone in TONES])
    steps = np.linalg.norm(np.diff(chroma, axis=0), axis=1)
    assert steps[:4].min() > 0.015
    assert np.linalg.norm(chroma[0] - chroma[4]) > 0.15


def test_blood_darkens_green_most_and_red_least():
    less, more = skin_colour(0.025, 0.010), skin_colour(0.025, 0.011)
    red, green, blue = np.log(less / more)
    assert red < blue and red < green and red > 0
    assert PULSE_COLOUR[0] < PULSE_COLOUR[2] < PULSE_COLOUR[1]


def test_melanin_darkens_blue_most():
    red, green, blue = np.log(skin_colour(0.02, 0.01) / skin_colour(0.06, 0.01))
    assert 0 < red < green < blue


@pytest.fixture(scope="module")
def portrait():
    return load_portrait(tone=2)


def test_skin_map_covers_the_cheeks_and_leaves_out_eyes_and_lips(portrait):
    shape = portrait.body.shape[:2]

    def share(group):
        mask = fill(portrait.landmarks[list(group)], shape)
        return float((portrait.skin.pulse * mask).sum() / mask.sum())

    assert share(LEFT_CHEEK) > 0.95
    assert max(share(LEFT_EYE), share(RIGHT_EYE), share(LIPS)) < 0.1


def test_skin_map_leaves_out_hair_and_background(portrait):
    size = len(portrait.body)
    corner = portrait.skin.pulse[: size // 8]
    beside = portrait.skin.pulse[:, : size // 8]
    assert corner.max() < 0.01 and beside.max() < 0.01
    hair = portrait.skin.pulse[int(0.1 * size) : int(0.22 * size), int(0.3 * size) : int(0.7 * size)]
    assert hair.mean() < 0.02


def test_another_tone_changes_the_skin_only_and_keeps_the_shading():
    light, dark = load_portrait(tone=0), load_portrait(tone=5)
    skin = light.skin.tint > 0.98
    outside = light.skin.tint < 1e-3
    assert np.allclose(light.body[outside], dark.body[outside], atol=3e-3)
    ratio = dark.body[skin] / light.body[skin]
    assert np.allclose(ratio, skin_colour(*TONES[5]) / skin_colour(*TONES[0]), rtol=0.08)


def test_highlights_stay_white_on_every_tone():
    assert np.array_equal(load_portrait(tone=0).highlights, load_portrait(tone=5).highlights)
    assert load_portrait(tone=0).highlights.max() > 0.02
