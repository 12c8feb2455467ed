import json
from pathlib import Path

import numpy as np
import pytest

import rppg_core.lab.simulate
from rppg_core.video import roi, stmap
from rppg_core.video.pose import ReferenceFace


@pytest.fixture(scope="module")
def landmarks():
    stored = json.loads((Path(rppg_core.lab.simulate.__file__).parent / "astronaut.json").read_text())
    points = np.array(stored["landmarks"] if isinstance(stored, dict) else stored, float)
    return ReferenceFace(points).points_in_box(roi.BOX_WIDTHS, roi.BOX_HEIGHTS, roi.GRID)


def skin_picture(colour=(180.0, 130.0, 110.0)):
    return np.tile(np.array(colour), (roi.GRID, roi.GRID, 1))


def test_even_skin_is_kept_and_eyes_brows_and_lips_are_not(landmarks):
    from rppg_core.video.mesh_points import LEFT_EYE, LIPS

    weights = roi.roi_weights(skin_picture(), landmarks)
    assert weights.skin_fraction > 0.95
    assert not weights.relaxed
    for outline in (LEFT_EYE, LIPS):
        x, y = landmarks[list(outline)].mean(axis=0).astype(int)
        assert weights.skin[y, x] < 0.1


def test_hair_across_the_forehead_is_left_out(landmarks):
    picture = skin_picture()
    picture[:20] = (40, 28, 20)
    weights = roi.roi_weights(picture, landmarks)
    assert weights.skin[:18].max() < 0.1
    assert weights.skin[40, 15:57].max() > 0.9


def test_half_dark_face_is_relaxed_and_says_so(landmarks):
    picture = skin_picture()
    picture[:, : roi.GRID * 2 // 3] *= 0.15
    weights = roi.roi_weights(picture, landmarks)
    assert weights.relaxed
    assert weights.skin_fraction >= roi.MIN_SKIN_FRACTION


@pytest.mark.parametrize("brightness", [0.2, 0.5, 1.0, 1.3])
def test_weight_depends_on_colour_and_not_on_exposure(landmarks, brightness):
    weights = roi.roi_weights(skin_picture() * brightness, landmarks)
    assert weights.skin_fraction > 0.9


def test_weighted_means_are_means():
    rng = np.random.default_rng(0)
    faces = rng.integers(0, 65535, (70, roi.GRID, roi.GRID, 3)).astype(np.uint16)
    weights = np.stack([np.ones((roi.GRID, roi.GRID)), np.zeros((roi.GRID, roi.GRID))])
    means = roi.weighted_means(faces, weights)
    np.testing.assert_allclose(means[:, 0], faces.mean(axis=(1, 2)) / 256, rtol=1e-4)
    assert np.isnan(means[:, 1]).all()


def test_cells_cover_the_grid_once():
    skin = np.ones((roi.GRID, roi.GRID), np.float32)
    cells = stmap.cell_weights(skin)
    np.testing.assert_array_equal(cells.sum(axis=0), skin)
    np.testing.assert_allclose(stmap.skin_share(cells), 1)


def test_cell_without_skin_takes_the_colour_of_the_skin():
    cells = np.full((4, 2, 3), np.nan)
    cells[:, 0] = 5.0
    filled = stmap.fill_empty_cells(cells, np.array([1.0, 0.0]), np.full((4, 3), 7.0))
    np.testing.assert_array_equal(filled[:, 0], 5.0)
    np.testing.assert_array_equal(filled[:, 1], 7.0)
