"""Findings about files and pictures whose faults are known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from rppg_core.errors import ClipTooShortError, VideoError
from rppg_core.video.inspect import inspect_video, light_of, scene_of
from rppg_core.video.writer import write_video


def clip(n: int = 60, level: float = 120, height: int = 64, width: int = 96) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.clip(level + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8) for _ in range(n)]


def findings(path) -> dict:
    return {finding.name: finding for finding in inspect_video(path)}


def test_findings_come_in_a_fixed_order_with_remedies_only_where_needed(tmp_path):
    write_video(tmp_path / "a.mkv", clip(), fps=30)
    found = inspect_video(tmp_path / "a.mkv")
    assert [finding.name for finding in found] == [
        "Length", "Picture", "Codec", "Compression", "Frame rate", "Header's rate", "Frame timing",
        "Dropped frames", "Rotation", "Dynamic range", "Light", "Highlights",
    ]  # fmt: skip
    for finding in found:
        assert bool(finding.remedy) == (finding.level != "good")
        assert finding.lesson


def test_a_good_recording_has_no_complaint_about_time_or_codec(tmp_path):
    write_video(tmp_path / "a.mp4", clip(90), fps=30, codec="h264_lossless")
    found = findings(tmp_path / "a.mp4")
    names = ("Codec", "Compression", "Frame rate", "Header's rate", "Frame timing", "Dropped frames", "Light")
    assert {found[name].level for name in names} == {"good"}


def test_strong_compression_is_poor(tmp_path):
    smooth = [cv2.GaussianBlur(frame, (0, 0), 9) for frame in clip(90, height=240, width=320)]
    write_video(tmp_path / "a.mp4", smooth, fps=30, codec="h264", crf=45)
    found = findings(tmp_path / "a.mp4")
    assert found["Compression"].level == "poor"
    assert "original file" in found["Compression"].remedy


@pytest.mark.parametrize(("fps", "level"), [(30, "good"), (20, "fair"), (8, "poor")])
def test_slow_video_is_marked_down(tmp_path, fps, level):
    write_video(tmp_path / "a.mkv", clip(30), fps=fps)
    assert findings(tmp_path / "a.mkv")["Frame rate"].level == level


def test_jitter_and_gaps_are_found(tmp_path):
    rng = np.random.default_rng(0)
    times_s = np.arange(90) / 30 + rng.uniform(0, 0.028, 90)
    times_s[45:] += 0.5
    write_video(tmp_path / "a.mp4", clip(90), times_s=times_s, codec="h264")
    found = findings(tmp_path / "a.mp4")
    assert found["Frame timing"].level == "poor"
    assert found["Dropped frames"].level == "poor"


@pytest.mark.parametrize(("level", "name"), [(15, "Light"), (252, "Highlights")])
def test_bad_exposure_is_poor(tmp_path, level, name):
    write_video(tmp_path / "a.mkv", clip(10, level), fps=30)
    assert findings(tmp_path / "a.mkv")[name].level == "poor"


def test_one_frame_and_no_video_are_errors(tmp_path):
    write_video(tmp_path / "one.mkv", clip(1), fps=30)
    with pytest.raises(ClipTooShortError, match="1 frame"):
        inspect_video(tmp_path / "one.mkv")
    with pytest.raises(VideoError):
        inspect_video(tmp_path / "none.mkv")


def flat(*rgb: float) -> np.ndarray:
    return np.tile(np.array(rgb, np.float32), (40, 60, 1))


def test_scene_of_a_neutral_flat_picture():
    scene = scene_of(flat(100, 100, 100))
    assert scene == {"light": 100, "evenness": 1, "highlights": 0, "cast": 0, "blur": 0}


def test_evenness_is_the_darker_side_over_the_brighter():
    picture = flat(100, 100, 100)
    picture[:, 30:] = 50
    assert scene_of(picture)["evenness"] == pytest.approx(0.5)
    assert scene_of(picture[:, ::-1].copy())["evenness"] == pytest.approx(0.5)


def test_cast_is_the_spread_of_the_channel_means():
    assert scene_of(flat(150, 100, 50))["cast"] == pytest.approx(1.0)


def test_highlights_are_the_share_of_pixels_with_a_bright_channel():
    picture = flat(100, 100, 100)
    picture[:10, :, 0] = 250
    assert scene_of(picture)["highlights"] == pytest.approx(0.25)


def test_blur_falls_with_blur_and_not_with_light():
    sharp = np.random.default_rng(0).uniform(50, 150, (40, 60, 3)).astype(np.float32)
    blurred = cv2.GaussianBlur(sharp, (0, 0), 2)
    assert scene_of(blurred)["blur"] < 0.1 * scene_of(sharp)["blur"]
    assert scene_of(0.5 * sharp)["blur"] == pytest.approx(scene_of(sharp)["blur"], rel=1e-3)


def test_scene_of_a_black_picture_is_finite():
    assert all(np.isfinite(value) for value in scene_of(flat(0, 0, 0)).values())


def test_light_of_skin_tells_grey_from_pale_and_counts_clipped_samples():
    skin = np.tile(np.array([200.0, 150.0, 130.0]), (10, 1))
    assert light_of(skin) == {"brightness": pytest.approx(160), "clipped_percent": 0.0, "grey": False}
    skin[:2] = 255.0
    skin[2] = 3.0
    assert light_of(skin)["clipped_percent"] == pytest.approx(30)
    assert light_of(np.full((10, 3), 120.0))["grey"] is True
    assert (
        light_of(0.05 * np.tile(np.array([200.0, 150.0, 130.0]), (10, 1)))["grey"] is False
    )  # dark, not grey
    assert light_of(np.zeros((0, 3))) == {}
