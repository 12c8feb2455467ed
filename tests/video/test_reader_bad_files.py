"""Files that are missing, no video, damaged or too long: one clear line, or the frames that are left."""

from __future__ import annotations

import os
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from rppg_core.errors import ClipTooLongError, RppgError, VideoError
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video
from tests.video.colour_fields import pictures
from tests.video_files import corrupted, encode, remux

FUZZ_FILES = int(os.environ.get("RPPG_FUZZ_FILES", "20"))


def one_line(error: RppgError) -> str:
    text = str(error)
    assert "\n" not in text
    assert len(text) < 300
    return text


def test_missing_file_folder_and_empty_file_are_named(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for path, words in (
        (tmp_path / "nothing.mp4", "no file 'nothing.mp4'"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.mp4", "is empty"),
        (tmp_path / "n\0ul.mp4", "no file"),
    ):
        with pytest.raises(VideoError) as caught:
            open_video(path)
        assert words in one_line(caught.value)


def test_text_and_pictures_and_play_lists_are_no_videos(h264, tmp_path):
    contents = {
        "text.mp4": b"just some words\n" * 50,
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{h264}\n#EXT-X-ENDLIST\n".encode(),
        "script.mp4": f"ffconcat version 1.0\nfile {h264.name}\n".encode(),
        "page.png": b"\x89PNG\r\n\x1a\n" + bytes(50),
    }
    for name, content in contents.items():
        path = h264.parent / name
        path.write_bytes(content)
        with pytest.raises(VideoError) as caught:
            open_video(path)
        assert "is not a video" in one_line(caught.value)


def test_sound_only_is_named(tmp_path):
    with wave.open(str(tmp_path / "voice.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16000))
    with pytest.raises(VideoError, match="holds only sound"):
        open_video(tmp_path / "voice.wav")


def test_a_recording_without_its_index_says_so(h264, tmp_path):
    data = h264.read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])  # the index stands at the end
    with pytest.raises(VideoError, match=r"index of 'cut\.mp4' is missing"):
        open_video(tmp_path / "cut.mp4")


def test_a_truncated_file_gives_what_there_is(h264, tmp_path):
    data = remux(h264, tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 2 // 3])
    video = open_video(tmp_path / "cut.mkv")
    assert 25 <= len(list(video.frames())) < 60


def test_damage_in_the_middle_is_skipped_and_counted(tmp_path):
    path = encode(tmp_path / "a.mkv", pictures(60), "mjpeg", "yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    path.write_bytes(data)
    video = open_video(path)
    n = len(list(video.frames()))
    assert 40 <= n < 60
    assert any("Damaged" in note for note in video.notes)


def test_twenty_minutes_are_refused_at_once_unless_asked_for(tmp_path):
    path = tmp_path / "long.mkv"
    write_video(path, pictures(61), times_s=np.arange(61) * 20.0)
    with pytest.raises(ClipTooLongError) as caught:
        open_video(path)
    assert "20.0 min" in one_line(caught.value)
    assert open_video(path, max_s=3600).header.duration_s > 1100


def test_a_long_video_without_lengths_or_times_is_stopped_while_reading(tmp_path):
    path = encode(tmp_path / "bare.h264", pictures(40), "libx264", "yuv420p", options={"bf": "0"})
    video = open_video(path, max_s=1.0)
    assert video.header.duration_s == 0
    with pytest.raises(ClipTooLongError, match="lasts at least"):
        list(video.frames())


def test_too_many_pixels_are_refused(tmp_path):
    write_video(tmp_path / "wide.mkv", [np.zeros((16, 8208, 3), np.uint8)], fps=30)
    with pytest.raises(ClipTooLongError, match="8208 x 16 pixels"):
        open_video(tmp_path / "wide.mkv")


@pytest.fixture(scope="module")
def originals(h264, tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("originals")
    frames = pictures(30)
    files = [h264, remux(h264, folder / "a.mkv")]
    files.append(encode(folder / "b.avi", frames, "mjpeg", "yuvj420p"))
    files.append(encode(folder / "c.webm", frames, "libvpx", "yuv420p", options={"deadline": "realtime"}))
    files.append(remux(h264, folder / "d.ts"))
    files.append(remux(h264, folder / "e.mp4", options={"movflags": "frag_keyframe+empty_moov"}))
    return files


@pytest.mark.timeout(20 * FUZZ_FILES)
def test_corrupted_files_give_frames_or_a_clear_error(originals, tmp_path):
    slowest, read = 0.0, 0
    for seed in range(FUZZ_FILES):
        rng = np.random.default_rng(seed)
        original = originals[seed % len(originals)]
        path = tmp_path / f"{seed}{original.suffix}"
        path.write_bytes(corrupted(original.read_bytes(), rng))
        started = time.perf_counter()
        try:
            video = open_video(path)
            times_s = []
            for frame in video.frames():
                assert np.isfinite(frame.region(-4, 5, 30, 30, 12, 12)).all()
                times_s.append(frame.time_s)
            assert np.all(np.diff(times_s) > 0)
            assert video.info().n_frames == len(times_s)
            read += bool(times_s)
        except RppgError as error:
            one_line(error)
        slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 20
    assert read > FUZZ_FILES / 4  # most damage leaves something to read
