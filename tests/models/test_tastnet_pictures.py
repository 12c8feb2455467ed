"""What TAST-Net sees: a mask that does not move, cells in their places, and a gain that is the same everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rppg_core.models.tastnet.config import TastNetConfig
from rppg_core.models.tastnet.pictures import drawn_cells, face_mask, face_pictures
from rppg_core.types import FaceClip

CONFIG = TastNetConfig()
N, FS, RATE_HZ = 300, 30.0, 1.2


def clip_of(pictures: np.ndarray) -> FaceClip:
    """A clip at 30 Hz of 128 x 128 pictures in grey levels."""
    return FaceClip(
        times_s=np.arange(len(pictures)) / FS, valid=np.ones(len(pictures), bool), fs=FS,
        rgb=np.repeat(pictures.mean(axis=(1, 2))[:, None], 4, axis=1),
        crop128_raw=np.round(256 * pictures).astype(np.uint16),
    )  # fmt: skip


def beating(strength: tuple[float, float, float] = (0.004, 0.01, 0.006)) -> np.ndarray:
    wave = np.sin(2 * np.pi * RATE_HZ * np.arange(N) / FS)
    change = 1 + wave[:, None] * np.array(strength)
    return np.broadcast_to((np.array([150.0, 110, 90]) * change)[:, None, None], (N, 128, 128, 3))


def pulse_of(x: np.ndarray) -> np.ndarray:
    """Amplitude at the rate of the pulse, over the first axis."""
    t = np.arange(len(x)) * N / FS / len(x)
    return 2 * np.abs(np.tensordot(np.exp(-2j * np.pi * RATE_HZ * t), x, 1)) / len(x)


def test_mask_is_an_upright_ellipse_in_the_middle():
    mask = face_mask(16)
    assert mask.min() == 0 and mask.max() == 1
    np.testing.assert_allclose(mask, mask[::-1])
    np.testing.assert_allclose(mask, mask[:, ::-1])
    assert mask[:, 8].sum() > mask[8].sum()  # taller than wide
    assert mask.mean() == pytest.approx(np.pi / 4 * (1 / 1.5) * (1.3 / 1.5), abs=0.01)


def test_outside_of_the_face_is_black_in_every_frame_with_a_mask_alone():
    outside = face_mask(16) == 0
    masked = face_pictures(clip_of(beating()), CONFIG)
    assert (masked[:, outside] == 0).all()
    assert (face_pictures(clip_of(beating()), replace(CONFIG, mask=False))[:, outside, :3] > 0).all()


def test_gain_of_the_magnified_stream_is_121_at_every_pixel_of_the_face():
    read = face_pictures(clip_of(beating()), CONFIG)
    inner = face_mask(16) == 1
    middle = slice(13, -13)  # a second from either end
    raw, magnified = (pulse_of(read[middle, inner][..., colours]) for colours in (slice(0, 3), slice(3, 6)))
    np.testing.assert_allclose(magnified / raw, 121, rtol=0.05)


def test_shape_and_unit():
    read = face_pictures(clip_of(beating()), CONFIG)
    assert read.shape == (128, 16, 16, 6)
    assert read.dtype == np.float32
    inner = face_mask(16) == 1
    np.testing.assert_allclose(
        read[:, inner, :3].mean(axis=(0, 1)), np.array([150, 110, 90]) / 255, rtol=0.01
    )


def test_cells_are_drawn_where_they_lie_in_a_crop():
    """A cell that alone is bright is seen in its place: rows from the top, columns from the left."""
    weights = drawn_cells(16).reshape(16, 16, 6, 6)
    np.testing.assert_allclose(weights.sum(axis=(2, 3)), 1)
    y, x = np.mgrid[:16, :16]
    middle = {
        name: (weights[..., r, c] * x).sum() / weights[..., r, c].sum()
        for name, r, c in (("left", 2, 1), ("right", 2, 4))
    }
    assert middle["left"] < 7.5 < middle["right"]
    upper, lower = (np.sum(weights[..., r, 3] * y) / weights[..., r, 3].sum() for r in (1, 4))
    assert upper < 7.5 < lower


def test_cells_and_pictures_of_the_same_face_are_read_alike():
    pictures = clip_of(beating())
    cells = replace(pictures, crop128_raw=None, stmap=np.repeat(beating()[:, :1, 0], 36, axis=1))
    np.testing.assert_allclose(face_pictures(cells, CONFIG), face_pictures(pictures, CONFIG), atol=0.01)


@pytest.mark.parametrize("n", [60, 150, 299])
def test_shorter_clips_keep_their_speed(n):
    read = face_pictures(clip_of(beating()[:n]), CONFIG)
    assert len(read) == pytest.approx(n * 128 / 300, abs=1)


def test_ratio_of_ratios_is_the_same_in_both_streams():
    read = face_pictures(clip_of(beating()), CONFIG)[13:-13].mean(axis=(1, 2))
    level = read[:, :3].mean(axis=0)
    ratios = [pulse / level for pulse in (pulse_of(read[:, :3]), pulse_of(read[:, 3:]))]
    raw, magnified = (ratio[0] / ratio[1] for ratio in ratios)
    assert raw == pytest.approx(0.4, rel=0.01)
    assert magnified == pytest.approx(raw, rel=0.01)
