"""Files whose clock or pictures are not the camera's: the right rate comes out, or none, and the report says why."""

from __future__ import annotations

import av
import numpy as np
import pytest

from rppg_core import analyze
from rppg_core.errors import FrameRateError
from rppg_core.video.writer import write_video
from tests.bad_input.command import FPS, HR_BPM
from tests.video_files import encode, in_sizes

GOOD = {"qp": "12", "preset": "ultrafast", "bf": "0"}


def held(pictures, fps):
    """A camera of `fps` pictures a second in a file of FPS."""
    source = np.floor(np.arange(len(pictures)) * fps / FPS + 1e-9)
    return pictures[(source * FPS / fps).astype(int)]


def with_noise(pictures):
    """Each picture with noise of its own, of one grey level."""
    noise = np.random.default_rng(0).integers(-1, 2, pictures.shape, dtype=np.int16)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def test_a_bare_stream_is_read_by_the_rate_that_it_states(rppg, pictures, tmp_path):
    run = rppg(encode(tmp_path / "a.h264", list(pictures), "libx264", "yuv420p", options=GOOD))
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)
    assert "holds no frame times" in run.report["consensus"]["verdict"]


def test_without_any_clock_no_rate_is_given_until_somebody_says_one(rppg, pictures, tmp_path):
    path = encode(tmp_path / "a.mjpeg", list(pictures), "mjpeg", "yuvj420p", options={"qscale": "2"})
    refused = rppg(path)
    assert all(vital["value"] is None for vital in refused.consensus.values() if isinstance(vital, dict))
    assert refused.consensus["hr_track"] == [] and refused.consensus["hr_seconds"] == 0
    assert "states no frame rate" in refused.report["consensus"]["verdict"]
    assert "--fps" in refused.report["consensus"]["verdict"]
    for estimate in refused.report["estimates"].values():
        assert "states no frame rate" in estimate["vitals"]["hr"]["note"]
    assert rppg(path, "--fps", str(FPS)).hr_bpm == pytest.approx(HR_BPM, abs=2)


def test_a_wrong_rate_is_a_usage_error(rppg, face):
    run = rppg(face, "--fps", "-30")
    assert (run.code, "frames a second" in run.line) == (2, True)


@pytest.mark.parametrize("fps", [3, 5, 8])
@pytest.mark.parametrize("kind", ["lossless", "encoded again"])
def test_a_slow_camera_in_a_fast_file_is_refused_as_such(rppg, pictures, tmp_path, fps, kind):
    slow, path = held(pictures, fps), tmp_path / "a.mkv"
    if kind == "lossless":
        write_video(path, slow, fps=FPS, codec="h264_lossless")
    else:
        encode(path, list(slow), "libx264", "yuv420p", options=GOOD)
    run = rppg(path)
    assert run.code == 3
    assert "repeat the previous picture: the camera delivered" in run.line and " per second)" in run.line
    assert "use more light" in run.line


def test_fresh_noise_does_not_hide_a_held_picture(rppg, pictures, tmp_path):
    write_video(tmp_path / "a.mkv", with_noise(held(pictures, 5)), fps=FPS)
    assert "repeat the previous picture" in rppg(tmp_path / "a.mkv").line


@pytest.mark.parametrize("fps", [3, 8])
@pytest.mark.parametrize("changed", [np.array, with_noise])
def test_frames_in_memory_are_compared_as_well(pictures, fps, changed):
    frames = changed(held(pictures, fps))
    with pytest.raises(FrameRateError, match="repeat the previous picture"):
        analyze((frames, np.arange(len(frames)) / FPS), ["pos"])


def test_a_camera_of_fifteen_in_a_file_of_thirty_is_read(rppg, pictures, tmp_path):
    write_video(tmp_path / "a.mkv", held(pictures, 15), fps=FPS, codec="h264_lossless")
    run = rppg(tmp_path / "a.mkv")
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)
    assert run.report["video"]["fps"] == pytest.approx(15, rel=0.02)


def test_frozen_seconds_are_not_usable(rppg, pictures, tmp_path):
    frozen = pictures.copy()
    frozen[-70:-10] = frozen[-70]
    write_video(tmp_path / "a.mkv", frozen, fps=FPS, codec="h264_lossless")
    run = rppg(tmp_path / "a.mkv")
    assert run.report["video"]["repeated_frames"] == 59
    assert "6 of 8 s usable" in run.report["consensus"]["verdict"]


def test_slow_motion_gives_the_rate_of_the_recording(rppg, pictures, tmp_path):
    path, capture_fps = (
        tmp_path / "slow.mp4",
        40,
    )  # each second of these pictures in 0.75 s of recording, 2 s of play
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata["com.android.capture.fps"] = f"{capture_fps:f}"
        stream = out.add_stream("libx264", rate=15, options=GOOD)
        (stream.height, stream.width), stream.pix_fmt = pictures.shape[1:3], "yuv420p"
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    run = rppg(path)
    assert run.hr_bpm == pytest.approx(HR_BPM * capture_fps / FPS, abs=2)
    assert (
        "Slow motion: recorded at 40 frames a second and played at 15" in run.report["consensus"]["verdict"]
    )


def test_the_larger_part_of_a_growing_picture_is_read(rppg, pictures, tmp_path):
    small = [np.ascontiguousarray(picture[::2, ::2]) for picture in pictures[:20]]
    run = rppg(in_sizes(tmp_path / "ramp.webm", [small, list(pictures[20:])]))
    assert run.hr_bpm == pytest.approx(HR_BPM, abs=2)
    assert (run.report["video"]["width"], run.report["video"]["height"]) == pictures.shape[2:0:-1]


def test_what_was_odd_about_a_file_is_part_of_its_error(rppg, pictures, tmp_path):
    small = [np.ascontiguousarray(picture[::2, ::2]) for picture in pictures[:60]]
    run = rppg(in_sizes(tmp_path / "short.webm", [small, list(pictures[:90])]))
    assert run.code == 3
    assert "size of the picture changes" in run.line
