"""Odd and damaged videos through the whole command: a right result, or a refusal with its cause."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from rppg_core.analysis.pipeline import analyze
from tests.bad_input.command import FPS, HR_BPM, SIDE
from tests.bad_input.spoiled_clips import shrunk, written
from tests.video_files import corrupted, encode, looped, remux

pytestmark = pytest.mark.usefixtures("face_models")

FUZZ_FILES = int(os.environ.get("RPPG_FUZZ_FILES", "8"))
HLG, PQ = 18, 16


# --- what is odd, and can be analysed: a right result, or a refusal with its cause ---


def test_plain_video_is_read_at_its_rate(rppg, face):
    assert rppg(face).hr_bpm == pytest.approx(HR_BPM, abs=2)


def test_cut_off_matroska_gives_what_there_is(rppg, face, tmp_path):
    data = remux(face, tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 4 // 5])
    run = rppg(tmp_path / "cut.mkv")
    assert 5 < run.report["video"]["duration_s"] < 7.5
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=4)


def test_larger_of_two_faces_is_followed_and_the_report_says_so(rppg, tmp_path, pictures):
    other = pictures[0, :, ::-1]
    beside = [
        np.hstack([picture, small])
        for picture, small in zip(pictures, shrunk([other] * len(pictures), 180), strict=True)
    ]
    run = rppg(written(tmp_path / "two.mp4", beside))
    assert run.report["face"]["n_faces"] == 2
    assert "2 faces seen; the largest one was followed." in run.out
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)


def test_overexposed_face_gets_no_wrong_number_and_the_light_is_named(rppg, tmp_path, pictures):
    bright = np.clip(3 * pictures.astype(np.uint16), 0, 255).astype(np.uint8)
    run = rppg(written(tmp_path / "bright.mp4", bright))
    assert run.report["face"]["clipped_percent"] > 80
    assert "of the skin is over- or underexposed: the rest was read." in run.out
    if run.hr_bpm is None:  # what the camera left of the pulse may or may not suffice
        assert "softer light" in run.out.splitlines()[0]
    else:
        assert run.hr_bpm == pytest.approx(HR_BPM, abs=4)


@pytest.mark.parametrize(
    "pixels", [("ffv1", "gray", ".mkv"), ("libx264", "yuv420p", ".mp4")], ids=["y", "yuv"]
)
def test_black_and_white_video_gets_no_number_and_says_so(rppg, tmp_path, pictures, pixels):
    codec, pixel_format, ending = pixels
    grey = np.repeat(pictures.mean(axis=3, keepdims=True), 3, axis=3).astype(np.uint8)
    run = rppg(encode(tmp_path / f"grey{ending}", grey, codec, pixel_format))
    assert run.hr_bpm is None
    assert "black and white" in run.out.splitlines()[0]


@pytest.mark.parametrize("transfer", [HLG, PQ], ids=["HLG", "PQ"])
def test_ten_bit_hdr_is_read_and_flagged(rppg, tmp_path, pictures, transfer):
    path = encode(
        tmp_path / "hdr.mp4",
        pictures,
        "libx264",
        "yuv420p10le",
        options={"preset": "ultrafast"},
        color_trc=transfer,
        color_primaries=9,
        colorspace=9,
    )
    run = rppg(path)
    assert (run.report["video"]["hdr"], run.report["video"]["bit_depth"]) == (True, 10)
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)


@pytest.mark.parametrize("turn_deg", [90, 180, 270])
def test_rotated_video_is_upright_and_gives_the_same_rate(rppg, tmp_path, pictures, turn_deg):
    lying = [np.ascontiguousarray(np.rot90(picture, k=turn_deg // 90)) for picture in pictures[:, :, 20:-20]]
    path = remux(written(tmp_path / "lying.mp4", lying), tmp_path / "turned.mp4", turn_deg=turn_deg)
    run = rppg(path)
    video = run.report["video"]
    assert (video["width"], video["height"], video["rotation_deg"]) == (SIDE - 40, SIDE, turn_deg)
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)
    assert upright(analyze(path, ["green"]).clip.still_outlines)


def upright(outlines) -> bool:
    """The forehead lies above the cheeks, and the person's right cheek on the left of the picture."""
    middle = {name: points.mean(axis=0) for name, points in outlines.items()}
    cheeks = middle["left cheek"], middle["right cheek"]
    level = abs(cheeks[0][1] - cheeks[1][1]) < 0.3 * abs(cheeks[0][0] - cheeks[1][0])
    return bool(level and all(middle["forehead"][1] < cheek[1] for cheek in cheeks))


def test_variable_rate_is_read_by_its_frame_times(rppg, tmp_path, pictures):
    times_s = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 230))
    times_s = times_s[times_s < 8]
    shown = pictures[np.round(times_s * FPS).astype(int).clip(max=len(pictures) - 1)]
    run = rppg(written(tmp_path / "phone.mp4", shown, times_s=times_s))
    assert run.report["video"]["jitter_percent"] > 20
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=3)


def test_frame_times_win_over_the_rate_that_the_container_claims(rppg, face, tmp_path):
    run = rppg(remux(face, tmp_path / "45.mkv", rate=45))
    assert run.report["video"]["fps_container"] == pytest.approx(30, abs=0.01)
    assert run.report["video"]["fps"] == pytest.approx(45, abs=0.1)
    assert run.hr_bpm == pytest.approx(1.5 * HR_BPM, abs=3)


def test_4k_is_followed(rppg, tmp_path, pictures):
    large = [cv2.resize(picture, (3840, 2160)) for picture in pictures[:15:3]]
    half = written(tmp_path / "half.mp4", large, fps=10)
    run = rppg(looped(half, tmp_path / "4k.mp4", times=10, period_s=0.5))
    assert (run.code, run.err) == (0, "")
    assert (run.report["video"]["width"], run.report["face"]["found"]) == (3840, 1.0)


def test_whole_picture_without_blood_gets_no_number(rppg, tmp_path):
    noise = np.random.default_rng(0).normal((150, 110, 90), 3, (180, 48, 48, 3)).astype(np.uint8)
    run = rppg(written(tmp_path / "wall.mp4", noise), "--region", "whole")
    assert run.hr_bpm is None
    assert run.out.startswith("No reliable heart rate")


@pytest.mark.parametrize("name", ["mein  Gesicht 脈 ü.mp4", "50% 'face' [1]: #2?.mp4", "concat:a|b.mp4"])
def test_any_path_is_taken_as_it_is(rppg, face, tmp_path, monkeypatch, name):
    home = tmp_path / "a folder é"
    home.mkdir()
    (home / name).write_bytes(face.read_bytes())
    assert rppg(home / name).hr_bpm is not None
    monkeypatch.chdir(home)
    assert rppg(Path(name)).hr_bpm is not None


def test_file_in_a_folder_that_nobody_may_write_is_read(rppg, face, tmp_path):
    home = tmp_path / "archive"
    home.mkdir()
    (home / "face.mp4").write_bytes(face.read_bytes())
    (home / "face.mp4").chmod(0o444)
    home.chmod(0o555)
    try:
        assert rppg(home / "face.mp4").hr_bpm is not None
    finally:
        home.chmod(0o755)


# --- what is damaged at random ---


def test_corrupted_files_give_a_report_or_one_line(rppg, face, pictures, tmp_path):
    originals = [
        face,
        remux(face, tmp_path / "1.mkv"),
        encode(tmp_path / "2.avi", pictures[:180], "mjpeg", "yuvj420p"),
        remux(face, tmp_path / "3.ts"),
        remux(face, tmp_path / "4.mp4", options={"movflags": "frag_keyframe+empty_moov"}),
    ]
    codes, slowest_s = [], 0.0
    for seed in range(FUZZ_FILES):
        original = originals[seed % len(originals)]
        path = tmp_path / f"damaged{original.suffix}"
        path.write_bytes(corrupted(original.read_bytes(), np.random.default_rng(seed)))
        started = time.perf_counter()
        run = rppg(path)
        slowest_s = max(slowest_s, time.perf_counter() - started)
        codes.append(run.code)
        assert run.code in (0, 3), (seed, run.err)
        assert run.line if run.code else run.consensus, seed
    assert slowest_s < 20
    assert codes.count(0) >= FUZZ_FILES / 4  # most damage leaves something to read


# --- real recordings ---


def test_phone_video_stored_lying_is_upright_in_the_report(rppg, recordings):
    path = recordings / "face_video" / "phone_rotated.mp4"
    run = rppg(path, "--methods", "all")
    video = run.report["video"]
    assert (video["rotation_deg"], video["width"], video["height"]) == (270, 576, 1024)
    assert upright(analyze(path, ["green"]).clip.still_outlines)
    assert run.hr_bpm is None  # the methods disagree on it: no reference, no number
    assert all(
        e["vitals"]["hr"]["value"] is None for e in run.report["estimates"].values()
    )  # networks neither


@pytest.mark.parametrize("name", ["video1_forehead", "video10_forehead", "video10_rightcheek"])
def test_heavily_compressed_skin_crop_gets_a_refusal_from_every_method(rppg, recordings, name):
    run = rppg(recordings / "skin_crops" / f"{name}.avi", "--region", "whole")
    assert run.hr_bpm is None
    assert all(e["vitals"]["hr"]["value"] is None for e in run.report["estimates"].values())
    assert "AVI files hold no frame times" in run.out
