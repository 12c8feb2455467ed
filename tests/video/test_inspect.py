"""Findings about files and pictures whose faults are known."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rppg_core.analysis.clip_source import load_clip
from rppg_core.errors import ClipTooShortError, VideoError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from rppg_core.types import FaceClip, FaceInfo, VideoInfo
from rppg_core.video import inspect
from rppg_core.video.inspect import findings_from_clip, inspect_video, lesson_link
from rppg_core.video.writer import write_video

ABOUT_FILE = [
    "Length",
    "Picture",
    "Codec",
    "Compression",
    "Converted",
    "Frame rate",
    "Header's rate",
    "Clock",
    "Frame timing",
    "Dropped frames",
    "Repeated pictures",
    "Rotation",
    "Dynamic range",
]
ABOUT_TIMES = ["Length", "Frame rate", "Frame timing", "Dropped frames", "Repeated pictures"]
ABOUT_LIGHT, ABOUT_FACE = ["Light", "Exposure", "Colour"], ["Face", "Face size", "Motion"]


@pytest.fixture(autouse=True)
def no_face_models(request, monkeypatch, tmp_path):
    """Without the models, so that files of noise are read in no time; tests about faces ask for the models."""
    if "face_models" not in request.fixturenames:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.delenv("RPPG_MODEL_DIR", raising=False)


GOOD_VIDEO = VideoInfo(
    codec="h264",
    pixel_format="yuv420p",
    width=1280,
    height=720,
    n_frames=900,
    duration_s=30.0,
    fps_container=30.0,
    fps=30.0,
    bits_per_pixel=0.2,
)
GOOD_FACE = FaceInfo(found=1.0, n_faces=1, width_px=250.0, motion_percent=3.0, brightness=140.0)


def clip(n: int = 60, level: float = 120, height: int = 64, width: int = 96) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [np.clip(level + rng.normal(0, 8, (height, width, 3)), 0, 255).astype(np.uint8) for _ in range(n)]


def findings(path) -> dict:
    return {finding.name: finding for finding in inspect_video(path)}


def judged(video=GOOD_VIDEO, face=GOOD_FACE) -> dict:
    """Findings about a clip that was already read."""
    clip = FaceClip(np.zeros(2), np.ones(2, bool), np.zeros((2, 4, 3)), video=video, face=face)
    return {finding.name: finding for finding in findings_from_clip(clip)}


def test_findings_come_in_a_fixed_order_with_remedies_only_where_needed(tmp_path):
    write_video(tmp_path / "a.mkv", clip(), fps=30)
    found = inspect_video(tmp_path / "a.mkv")
    assert [finding.name for finding in found] == [*ABOUT_FILE, *ABOUT_LIGHT, "Face"]
    for finding in found:
        assert bool(finding.remedy) == (finding.level != "good")
        assert finding.lesson


def test_every_level_has_a_sign_of_its_own():
    assert len(set(inspect.SIGNS.values())) == 3


def test_face_is_not_looked_for_without_the_models_and_nothing_is_fetched(tmp_path):
    write_video(tmp_path / "a.mkv", clip(10), fps=30)
    found = findings(tmp_path / "a.mkv")["Face"]
    assert (found.level, found.remedy) == ("fair", "run: rppg doctor --fetch")
    assert not (tmp_path / "rppg-lab").exists()


def test_face_findings_of_a_file_are_those_of_the_pass(face_models, tmp_path):
    simulated = simulate_video(SimulationSettings(seconds=6, size=320, motion="medium", seed=3))
    frames = (simulated.frames.rgb(k) for k in range(len(simulated.frames)))
    write_video(tmp_path / "a.mkv", frames, times_s=simulated.truth.times_s)
    read = findings(tmp_path / "a.mkv")
    passed = {f.name: f for f in findings_from_clip(load_clip(tmp_path / "a.mkv", frozenset({"rgb"})))}
    assert list(read) == list(passed) == [*ABOUT_FILE, *ABOUT_LIGHT, *ABOUT_FACE]
    assert {name: finding.level for name, finding in read.items()} == {n: f.level for n, f in passed.items()}
    for name in (*ABOUT_FILE, "Face", "Face size", "Motion"):
        assert read[name].value == passed[name].value


def test_file_without_a_face_is_poor(face_models, tmp_path):
    write_video(tmp_path / "a.mkv", clip(10), fps=30)
    assert findings(tmp_path / "a.mkv")["Face"].level == "poor"


def test_a_good_clip_has_no_complaint():
    assert {finding.level for finding in judged().values()} == {"good"}


@pytest.mark.parametrize(
    ("face", "name", "level"),
    [
        ({"found": 0.8}, "Face", "fair"),
        ({"found": 0.3}, "Face", "poor"),
        ({"n_faces": 2}, "Face", "fair"),
        ({"width_px": 80}, "Face size", "fair"),
        ({"width_px": 50}, "Face size", "poor"),
        ({"motion_percent": 15}, "Motion", "fair"),
        ({"motion_percent": 40}, "Motion", "poor"),
        ({"brightness": 50}, "Light", "fair"),
        ({"brightness": 20}, "Light", "poor"),
        ({"clipped_percent": 30}, "Exposure", "poor"),
        ({"grey": True}, "Colour", "poor"),
    ],
)
def test_fault_of_the_face_is_marked_down_alone(face, name, level):
    found = judged(face=replace(GOOD_FACE, **face))
    assert found.pop(name).level == level
    assert {finding.level for finding in found.values()} == {"good"}


@pytest.mark.parametrize(
    ("video", "name", "level"),
    [
        ({"duration_s": 15.0}, "Length", "fair"),
        ({"width": 320, "height": 200}, "Picture", "poor"),
        ({"codec": "mpeg4"}, "Codec", "fair"),
        ({"bits_per_pixel": 0.05}, "Compression", "fair"),
        ({"bits_per_pixel": 0.02}, "Compression", "poor"),
        ({"fps_container": 25.0}, "Header's rate", "fair"),
        ({"jitter_percent": 20.0}, "Frame timing", "fair"),
        ({"dropped_frames": 30}, "Dropped frames", "fair"),
        ({"hdr": True}, "Dynamic range", "fair"),
    ],
)
def test_fault_of_the_file_is_marked_down_alone(video, name, level):
    found = judged(video=replace(GOOD_VIDEO, **video))
    assert found.pop(name).level == level
    assert {finding.level for finding in found.values()} == {"good"}


def test_simulated_clip_has_no_complaint_and_nothing_about_a_file():
    simulated, _ = simulate_clip(SimulationSettings(seconds=21))
    found = {finding.name: finding.level for finding in findings_from_clip(simulated)}
    assert list(found) == ["File", *ABOUT_TIMES, *ABOUT_LIGHT, *ABOUT_FACE]
    assert set(found.values()) == {"good"}


def test_clip_without_a_file_is_still_marked_down_for_its_times():
    assert judged(video=VideoInfo(codec="simulated", duration_s=30.0, fps=12.0))["Frame rate"].level == "poor"


def test_light_of_traces_without_pictures_is_not_judged():
    traces = VideoInfo(codec="simulated", duration_s=30.0, fps=30.0)
    found = judged(video=traces, face=replace(GOOD_FACE, brightness=0.0))
    assert list(found) == ["File", *ABOUT_TIMES, *ABOUT_FACE]


def test_whole_picture_taken_as_skin_has_no_findings_about_a_face():
    skin = FaceClip(
        np.zeros(2),
        np.ones(2, bool),
        np.zeros((2, 4, 3)),
        region="whole",
        video=GOOD_VIDEO,
        face=FaceInfo(found=1.0, width_px=640, brightness=140.0),
    )
    assert [finding.name for finding in findings_from_clip(skin)] == [*ABOUT_FILE, *ABOUT_LIGHT]


@pytest.mark.parametrize(
    ("written_by", "level"),
    [
        ("", "good"),
        ("Apple iPhone 13", "good"),
        ("Chrome", "good"),
        ("Apple iPhone 13, Lavf62.12.102", "good"),  # cut or repackaged, not encoded again
        ("Lavf62.12.102", "fair"),
        ("Lavf62.12.102, x264 crf=23.0", "fair"),
        ("Apple iPhone 13, x264 crf=23.0", "fair"),
        ("x265 crf=28.0", "poor"),
    ],
)
def test_second_encoding_is_recognised_by_the_names_in_the_file(written_by, level):
    assert judged(replace(GOOD_VIDEO, written_by=written_by))["Converted"].level == level


def test_encoder_signs_a_lossy_file_and_a_lossless_one_is_no_copy(tmp_path):
    write_video(tmp_path / "a.mp4", clip(10), fps=30, codec="h264", crf=30)
    assert "x264 crf=30.0" in findings(tmp_path / "a.mp4")["Converted"].value
    write_video(tmp_path / "b.mp4", clip(10), fps=30, codec="h264_lossless")
    found = findings(tmp_path / "b.mp4")
    assert (found["Converted"].level, found["Compression"].level) == ("good", "good")


def test_lesson_is_linked_once_a_notebook_has_a_section_of_its_name(monkeypatch, tmp_path):
    lesson_link.cache_clear()
    monkeypatch.setattr(inspect, "NOTEBOOKS", tmp_path / "notebooks")
    assert lesson_link("motion") is None
    (tmp_path / "notebooks").mkdir()
    cell = {"cell_type": "markdown", "source": ['<a id="motion"></a>\n', "## When the head moves"]}
    (tmp_path / "notebooks" / "01_pulse.ipynb").write_text(json.dumps({"cells": [cell]}))
    lesson_link.cache_clear()
    assert lesson_link("motion") == "notebooks/01_pulse.ipynb#motion"
    assert lesson_link("hdr") is None
    assert lesson_link("") is None
    lesson_link.cache_clear()


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


@pytest.mark.parametrize(("level", "name"), [(15, "Light"), (252, "Exposure")])
def test_bad_exposure_is_poor(tmp_path, level, name):
    write_video(tmp_path / "a.mkv", clip(10, level), fps=30)
    assert findings(tmp_path / "a.mkv")[name].level == "poor"


def test_one_frame_and_no_video_are_errors(tmp_path):
    write_video(tmp_path / "one.mkv", clip(1), fps=30)
    with pytest.raises(ClipTooShortError, match="1 frame"):
        inspect_video(tmp_path / "one.mkv")
    with pytest.raises(VideoError):
        inspect_video(tmp_path / "none.mkv")
