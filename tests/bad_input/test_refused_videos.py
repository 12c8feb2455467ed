"""Videos that cannot be analysed, through the whole command: one clear line and exit code 3."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.analysis.pipeline import MIN_FACE_PX
from tests.bad_input.spoiled_clips import shrunk, written
from tests.video_files import looped, sound

pytestmark = pytest.mark.usefixtures("face_models")


def missing(path, face, pictures):
    return path


def folder(path, face, pictures):
    path.mkdir()
    return path


def empty(path, face, pictures):
    path.touch()
    return path


def text(path, face, pictures):
    path.write_text("Dear diary,\n" * 50)
    return path


def truncated(path, face, pictures):
    path.write_bytes(face.read_bytes()[: face.stat().st_size // 2])
    return path


def audio_only(path, face, pictures):
    return sound(path)


def one_frame(path, face, pictures):
    return written(path, pictures[:1])


def three_seconds(path, face, pictures):
    return written(path, pictures[:90])


def five_fps(path, face, pictures):
    return written(path, pictures[::6], fps=5)


def no_face(path, face, pictures):
    return written(path, np.full_like(pictures[:150], 120))


def black(path, face, pictures):
    return written(path, np.zeros_like(pictures[:150]))


def white(path, face, pictures):
    return written(path, np.full_like(pictures[:150], 255))


def small_face(path, face, pictures):
    return written(path, shrunk(pictures, 90), codec="h264_lossless")  # a face of 40 pixels


def twenty_minutes(path, face, pictures):
    return written(path, pictures[:61, :32, :32], times_s=np.arange(61) * 20.0)


def twenty_minutes_from_a_browser(path, face, pictures):
    second = written(path.with_suffix(".second.mkv"), pictures[:30, :16, :16])
    return looped(second, path.with_suffix(".mkv"), times=1200, period_s=1.0, options={"live": "1"})


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (missing, "there is no file 'a clip.mp4'"),
        (folder, "'a clip.mp4' is a folder"),
        (empty, "'a clip.mp4' is empty"),
        (text, "'a clip.mp4' is not a video"),
        (truncated, "the index of 'a clip.mp4' is missing or damaged"),
        (audio_only, "'a clip.mp4' holds only sound"),
        (one_frame, "the video has 1 frame; wanted: at least 5 s"),
        (three_seconds, "the clip has 90 frames (3.00 s at 30 fps); wanted: at least 5 s"),
        (five_fps, "5.0 frames a second; wanted: at least 10"),
        (no_face, "no face found in 150 frames; wanted:"),
        (black, "no face found in 150 frames, which are almost black"),
        (white, "no face found in 150 frames, which are almost white"),
        (small_face, "pixels wide; wanted: at least 60 pixels"),
        (twenty_minutes, "lasts at least 20.0 min; wanted: at most 10 min"),
        (twenty_minutes_from_a_browser, "lasts at least 20.0 min; wanted: at most 10 min"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_video_that_cannot_be_analysed_is_one_line_and_exit_code_3(
    made, words, rppg, tmp_path, face, pictures
):
    run = rppg(made(tmp_path / "a clip.mp4", face, pictures))
    assert run.code == 3
    assert words in run.line
    assert " — " in run.line  # and what to do


def test_too_small_a_face_is_named_alike_wherever_it_is_noticed(rppg, tmp_path, pictures, face):
    assert (
        f"{MIN_FACE_PX:.0f} pixels wide or more" in rppg(no_face(tmp_path / "wall.mp4", face, pictures)).line
    )
