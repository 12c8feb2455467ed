"""Colours of the pulse and of the camera."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.colour import (
    NEUTRAL_SPO2,
    VIDEO_PULSE_COLOUR,
    camera_colours,
    pulse_colour,
    red_change,
)
from rppg_core.lab.simulate.skin import PULSE_COLOUR


def draws(make, n=400):
    return np.stack([make(np.random.default_rng(seed)) for seed in range(n)])


def test_pulse_colour_without_spread_is_the_published_or_the_measured_one():
    rng = np.random.default_rng(0)
    assert np.allclose(pulse_colour(0, 0, rng), np.array(PULSE_COLOUR) / PULSE_COLOUR[1])
    assert np.allclose(pulse_colour(1, 0, rng), np.array(VIDEO_PULSE_COLOUR) / VIDEO_PULSE_COLOUR[1])


def test_spread_of_the_pulse_colour_is_that_of_each_channel():
    red = np.log(draws(lambda rng: pulse_colour(0, 0.2, rng))[:, 0])
    assert red.std() == pytest.approx(0.2 * np.sqrt(2), rel=0.15)  # red and green vary, green is set to 1
    assert np.exp(red.mean()) == pytest.approx(PULSE_COLOUR[0] / PULSE_COLOUR[1], rel=0.1)


def test_red_pulse_grows_by_the_slope_for_each_point_of_missing_oxygen():
    assert red_change(np.array([NEUTRAL_SPO2]), slope=0.05, offset=0.0)[0] == 0
    assert red_change(np.array([90.0]), slope=0.05, offset=0.1)[0] == pytest.approx(0.5)
    assert red_change(np.array([100.0]), slope=1.0, offset=0.0)[0] > -1  # never turns over


def test_camera_colours_keep_white_white_unless_balanced_otherwise():
    assert np.array_equal(camera_colours(0, 0, np.random.default_rng(0)), np.eye(3))
    matrices = draws(lambda rng: camera_colours(0.3, 0, rng))
    assert np.allclose(matrices @ np.ones(3), 1)
    balanced = draws(lambda rng: camera_colours(0, 0.2, rng) @ np.ones(3))
    assert np.log(balanced[:, 0]).std() == pytest.approx(0.2, rel=0.15) and np.allclose(balanced[:, 1], 1)


def test_colour_matrices_make_colours_stronger_on_the_whole():
    skin = np.array([0.5, 0.3, 0.2])
    contrast = draws(lambda rng: camera_colours(0.3, 0, rng) @ skin)
    assert np.mean(contrast[:, 0] - contrast[:, 2]) > 0.3
    assert (contrast > 0).mean() > 0.95
