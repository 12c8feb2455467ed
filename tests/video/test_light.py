"""Light, colour and blur of a crop, and of the skin in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rppg_core.video.light import light_from_skin, scene_from_crop


def flat(*rgb: float) -> np.ndarray:
    return np.tile(np.array(rgb, np.float32), (40, 60, 1))


def test_scene_of_a_neutral_flat_picture():
    scene = scene_from_crop(flat(100, 100, 100))
    assert scene == {"light": 100, "evenness": 1, "highlights": 0, "cast": 0, "blur": 0}


def test_evenness_is_the_darker_side_over_the_brighter():
    picture = flat(100, 100, 100)
    picture[:, 30:] = 50
    assert scene_from_crop(picture)["evenness"] == pytest.approx(0.5)
    assert scene_from_crop(picture[:, ::-1].copy())["evenness"] == pytest.approx(0.5)


def test_cast_is_the_spread_of_the_channel_means():
    assert scene_from_crop(flat(150, 100, 50))["cast"] == pytest.approx(1.0)


def test_highlights_are_the_share_of_pixels_with_a_bright_channel():
    picture = flat(100, 100, 100)
    picture[:10, :, 0] = 250
    assert scene_from_crop(picture)["highlights"] == pytest.approx(0.25)


def test_blur_falls_with_blur_and_not_with_light():
    sharp = np.random.default_rng(0).uniform(50, 150, (40, 60, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    assert scene_from_crop(blurred)["blur"] < 0.1 * scene_from_crop(sharp)["blur"]
    assert scene_from_crop(0.5 * sharp)["blur"] == pytest.approx(scene_from_crop(sharp)["blur"], rel=1e-3)


def test_blur_of_a_large_picture_follows_the_lens_and_not_the_noise():
    rng = np.random.default_rng(0)
    coarse = rng.uniform(50, 150, (24, 24, 3)).astype(np.float32)
    sharp = cv2.resize(coarse, (240, 240), interpolation=cv2.INTER_NEAREST)
    noise = 5 * rng.standard_normal(sharp.shape, dtype=np.float32)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 6) + noise  # at full size, noise would make it the sharper one
    assert scene_from_crop(blurred)["blur"] < 0.25 * scene_from_crop(sharp)["blur"]


def test_scene_of_a_black_picture_is_finite():
    assert all(np.isfinite(value) for value in scene_from_crop(flat(0, 0, 0)).values())


def test_light_of_skin_tells_grey_from_pale_and_counts_clipped_samples():
    skin = np.tile(np.array([200.0, 150.0, 130.0]), (10, 1))
    assert light_from_skin(skin) == {"brightness": pytest.approx(160), "clipped_percent": 0.0, "grey": False}
    skin[:2] = 255.0
    skin[2] = 3.0
    assert light_from_skin(skin)["clipped_percent"] == pytest.approx(30)
    assert light_from_skin(np.full((10, 3), 120.0))["grey"] is True
    assert (
        light_from_skin(0.05 * np.tile(np.array([200.0, 150.0, 130.0]), (10, 1)))["grey"] is False
    )  # dark, not grey
    assert light_from_skin(np.zeros((0, 3))) == {}
