"""Faces and walls as 36 cells: what each cause changes in them."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.cell_faces import draw_cell_face, draw_cell_wall, skin_mean
from rppg_core.lab.simulate.render import PULSE, SCREEN, SLOPE
from rppg_core.lab.simulate.settings import SimulationSettings


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(4))
def test_wall_has_light_and_nothing_else(seed):
    wall = draw_cell_wall(rng(seed))
    used = set(np.flatnonzero(np.any(wall.layers, axis=(1, 2))))
    assert used == {0, SLOPE, SCREEN}
    assert not wall.leak.any()
    hue = wall.layers[0] / wall.layers[0].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(hue, np.broadcast_to(hue[:1], hue.shape))
    np.testing.assert_allclose(hue[0], wall.wall / wall.wall.sum())  # the background is the same wall


def test_light_on_a_wall_is_smooth():
    green = np.array([draw_cell_wall(rng(k)).layers[0, :, 1].reshape(6, 6) for k in range(20)])
    swing = green.std(axis=(1, 2))
    assert 0.05 < np.median(swing / green.mean(axis=(1, 2))) < 0.3
    assert (np.abs(np.diff(green)).mean(axis=(1, 2)) < 0.9 * swing).all()  # 1.1 for independent cells


def test_blank_wall_has_one_grey_everywhere():
    wall = draw_cell_wall(rng(0), blank=True)
    assert len(np.unique(wall.layers[0])) == len(np.unique(wall.wall)) == 1
    assert wall.layers[0, 0, 0] == wall.wall[0]


def test_cells_without_skin_weight_average_all_of_their_pixels():
    weighted, plain = (draw_cell_wall(rng(3), skin_weight=on) for on in (True, False))
    assert np.ptp(plain.pixels) == 0 and np.ptp(weighted.pixels) > 0
    np.testing.assert_array_equal(weighted.layers, plain.layers)


def test_outlines_on_walls_are_those_of_faces():
    walls = np.array([draw_cell_wall(rng(k)).share for k in range(40)])
    faces = np.array([draw_cell_face(SimulationSettings(), rng(k), rng(100 + k)).share for k in range(40)])
    assert walls.min() >= 0 and walls.max() <= 1
    assert np.abs(np.median(walls, axis=0) - np.median(faces, axis=0)).max() < 0.15


def test_blood_darkens_the_skin_of_a_face():
    face = draw_cell_face(SimulationSettings(), rng(0), rng(1))
    change = skin_mean(face.layers, face.share)
    assert (change[PULSE] < 0).all()
    assert change[PULSE, 1] / change[0, 1] < change[PULSE, 0] / change[0, 0]  # green most
