"""New pictures and repeated ones: a held camera is seen, a codec and a still scene are not taken for one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rppg_core.types import FaceClip, VideoInfo
from rppg_core.video.frame import ArrayFrame, Frame, Plane
from rppg_core.video.reader import open_video
from rppg_core.video.repeats import PictureChanges, find_repeats, staircase_repeats, without_repeats
from tests.video_files import encode

N = 240


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """8 s of a patch of skin that beats and sways a little, with the noise of a camera."""
    rng = np.random.default_rng(3)
    beat = 1 + 0.01 * np.sin(2 * np.pi * 1.1 * np.arange(N) / 30)
    texture = rng.uniform(80, 170, (96, 128, 3))
    texture = cv2.GaussianBlur(texture, (0, 0), 2)
    shifts = [np.float64([[1, 0, 3 * np.sin(k / 20)], [0, 1, np.sin(k / 13)]]) for k in range(N)]
    moved = np.stack(
        [
            cv2.warpAffine(texture, m, (128, 96), borderMode=cv2.BORDER_REFLECT) * b
            for m, b in zip(shifts, beat, strict=True)
        ]
    )
    return np.clip(moved + rng.normal(0, 1.0, moved.shape), 0, 255).astype(np.uint8)


def held(pictures: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """What a file of 30 frames a second holds of a slower camera, and which frames repeat the one before."""
    source = np.floor(np.arange(len(pictures)) * fps / 30 + 1e-9)
    first = (source * 30 / fps).astype(int)
    return pictures[first], np.concatenate([[False], np.diff(source) == 0])


def repeated(frames) -> np.ndarray:
    changes = PictureChanges()
    for frame in frames:
        changes.add(frame)
    return changes.repeated()


def arrays(pictures: np.ndarray) -> list[ArrayFrame]:
    return [ArrayFrame(k / 30, picture) for k, picture in enumerate(pictures)]


@pytest.mark.parametrize("fps", [1, 3, 5, 8, 12, 24])
def test_exact_repeats_are_found(scene, fps):
    pictures, truth = held(scene, fps)
    assert (repeated(arrays(pictures)) == truth).all()


def test_a_camera_that_gives_every_picture_repeats_none(scene):
    assert not repeated(arrays(scene)).any()


def test_two_pictures_that_differ_between_the_places_compared_are_two(scene):
    large = np.repeat(np.repeat(scene[:1], 4, axis=1), 4, axis=2)
    other = large.copy()
    other[0, 0, 0, 1] ^= 1
    assert not repeated(arrays(np.concatenate([large, other]))).any()


@pytest.mark.parametrize("fps", [4, 7])
@pytest.mark.parametrize(
    ("codec", "options", "name"),
    [
        ("libx264", {"qp": "12", "preset": "ultrafast", "bf": "0"}, "a.mp4"),
        ("mjpeg", {"qscale": "3"}, "a.mkv"),
    ],
)
def test_repeats_are_found_through_a_second_encoding(scene, tmp_path, fps, codec, options, name):
    pictures, truth = held(scene, fps)
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    found = repeated(
        open_video(encode(tmp_path / name, list(pictures), codec, pixels, options=options)).frames()
    )
    assert np.mean(found == truth) > 0.95


@pytest.mark.parametrize("crf", ["18", "23", "28"])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le"])
@pytest.mark.parametrize("extra", [{}, {"tune": "zerolatency"}])
def test_no_repeats_are_made_up_where_a_codec_saves_bits(scene, tmp_path, crf, pixels, extra):
    path = encode(tmp_path / "a.mp4", list(scene), "libx264", pixels, options={"crf": crf, **extra})
    assert (
        repeated(open_video(path).frames()).mean() < 0.02
    )  # where the scene rests, a coarse codec does stand still


@pytest.mark.parametrize(("kind", "levels"), [(np.uint8, 1.0), (np.uint16, 255 / 65535), (np.float32, 255.0)])
def test_changes_are_in_grey_levels_whatever_the_numbers_are(scene, kind, levels):
    stored = (scene.astype(float) / levels).astype(kind)
    to_rgb = np.eye(3, 4, dtype=np.float32) * levels
    changes = PictureChanges()
    for k, picture in enumerate(stored[:70]):
        changes.add(Frame(k / 30, (Plane(picture),), to_rgb))
    plain = PictureChanges()
    for frame in arrays(scene[:70]):
        plain.add(frame)
    np.testing.assert_allclose(changes._changes[1:], plain._changes[1:], rtol=1e-3)


def test_small_changes_of_one_kind_of_encoded_picture_are_the_codecs():
    changes = np.where(np.arange(N) % 4 == 0, 1.0, 0.01)
    kinds = np.where(np.arange(N) % 4 == 0, "P", "B")
    assert not find_repeats(changes, kinds).any()
    assert find_repeats(changes, np.full(N, "P")).mean() == pytest.approx(0.75)


def test_a_freeze_under_fresh_noise_is_no_repeat_and_a_staircase_is():
    rng = np.random.default_rng(0)
    steps = np.repeat(100 + np.cumsum(rng.normal(0, 0.3, (N // 6, 3)), axis=0), 6, axis=0)
    noisy = steps + rng.normal(0, 0.004, steps.shape)
    found = staircase_repeats(noisy)
    assert found.mean() == pytest.approx(5 / 6, abs=0.03)
    smooth = 100 + np.sin(np.arange(N) / 5)[:, None] + rng.normal(0, 0.05, (N, 3))
    assert not staircase_repeats(smooth).any()
    assert not staircase_repeats(np.where(np.arange(N)[:, None] == 9, np.nan, noisy)).any()


def test_what_is_left_has_the_cameras_rate(scene):
    pictures, truth = held(scene, 12)
    changes = PictureChanges()
    for frame in arrays(pictures):
        changes.add(frame)
    times_s = np.arange(N) / 30
    clip = FaceClip(
        times_s=times_s,
        valid=np.ones(N, bool),
        rgb=np.ones((N, 4, 3)),
        boxes=np.ones((N, 4)),
        notes=("odd",),
        video=VideoInfo(n_frames=N, fps=30.0),
    )
    left = without_repeats(clip, changes)
    assert len(left.times_s) == len(left.boxes) == N - truth.sum()
    assert left.video.fps == pytest.approx(12, rel=0.02)
    assert left.video.repeated_frames == truth.sum()
    assert left.notes[0] == "odd" and "repeat the previous picture" in left.notes[1]
