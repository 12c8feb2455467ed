"""Every kind of file that users bring: true times, rotation, formats, and bad files with one clear line."""

from __future__ import annotations

import os
import tempfile
import time
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from rppg_core.errors import ClipTooLongError, RppgError, VideoError
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video
from tests.video_files import corrupted, encode, remux

FUZZ_FILES = int(os.environ.get("RPPG_FUZZ_FILES", "20"))
HLG, PQ, BT709 = 18, 16, 1


def pictures(n: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """Colour fields that move a little, with noise."""
    rng = np.random.default_rng(seed)
    base = rng.integers(60, 190, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
    return [
        (np.roll(base, i, 1)[:height, :width] + rng.integers(-3, 4, (height, width, 3))).astype(np.uint8)
        for i in range(n)
    ]


def whole(frame) -> np.ndarray:
    return frame.region(0, 0, frame.width, frame.height, frame.width, frame.height)


@pytest.fixture(scope="module")
def h264(tmp_path_factory) -> Path:
    return encode(tmp_path_factory.mktemp("reader") / "clip.mp4", pictures(60), "libx264", "yuv420p")


def test_header_is_known_before_and_facts_after_reading(h264):
    video = open_video(h264)
    assert (video.header.codec, video.header.width, video.header.height) == ("h264", 64, 48)
    assert video.header.duration_s == pytest.approx(2.0, abs=0.05)
    frames = list(video.frames())
    info = video.info()
    assert len(frames) == info.n_frames == 60
    assert info.fps == pytest.approx(30, abs=0.01)
    assert info.jitter_percent < 0.1
    assert info.duration_s == pytest.approx(2.0, abs=1e-3)
    assert 0.1 < info.bits_per_pixel < 24
    assert (info.dropped_frames, info.audio, info.hdr, info.bit_depth) == (0, False, False, 8)
    assert video.notes == ()


def test_a_video_can_be_read_again(h264):
    video = open_video(h264)
    first = [frame.time_s for frame in video.frames()]
    assert [frame.time_s for frame in video.frames()] == first
    assert video.info().n_frames == len(first)


def test_reading_may_stop_early_and_start_over(h264):
    video = open_video(h264)
    frames = video.frames()
    next(frames)
    frames.close()
    assert len(list(video.frames())) == 60


def test_frame_times_win_over_the_container_rate(h264, tmp_path):
    video = open_video(remux(h264, tmp_path / "45.mkv", rate=45))
    times_s = [frame.time_s for frame in video.frames()]
    assert video.info().fps_container == pytest.approx(30, abs=0.01)
    assert np.mean(np.diff(times_s)) == pytest.approx(1 / 45, rel=1e-3)
    assert video.info().fps == pytest.approx(45, rel=0.03)  # Matroska keeps whole milliseconds


def test_uneven_frame_times_are_kept(tmp_path):
    times_s = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 40))
    times_s[20:] += 0.2  # about five frames are missing
    write_video(tmp_path / "vfr.mp4", pictures(40), times_s=times_s, codec="h264")
    video = open_video(tmp_path / "vfr.mp4")
    got = [frame.time_s for frame in video.frames()]
    np.testing.assert_allclose(got, times_s - times_s[0], atol=2e-6)
    assert video.info().jitter_percent > 20
    assert 4 <= video.info().dropped_frames <= 7


def test_frames_without_time_stamps_take_the_header_rate_and_say_so(tmp_path):
    path = encode(tmp_path / "bare.h264", pictures(20), "libx264", "yuv420p", options={"bf": "0"})
    video = open_video(path)
    times_s = [frame.time_s for frame in video.frames()]
    assert len(times_s) == 20
    assert np.all(np.diff(times_s) > 0)
    assert "holds no frame times; its stated rate of 30 frames per second" in " ".join(video.notes)


def test_avi_says_that_it_holds_no_frame_times(tmp_path):
    video = open_video(encode(tmp_path / "a.avi", pictures(10), "mpeg4", "yuv420p"))
    assert len(list(video.frames())) == 10
    assert "AVI" in video.notes[0]


def test_repeated_times_are_left_out_and_impossible_ones_replaced(tmp_path):
    path = encode(tmp_path / "plain.mkv", pictures(20), "mjpeg", "yuvj420p")
    ticks = [10, 43, 76, 76, 110, 143, 9_000_000, 9_000_033, 176, 210]  # ms
    with av.open(str(path)) as old, av.open(str(tmp_path / "odd.mkv"), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for i, (packet, tick) in enumerate(zip(old.demux(video=0), ticks, strict=False)):
            packet.pts, packet.dts, packet.stream = tick, i, stream
            new.mux(packet)
    video = open_video(tmp_path / "odd.mkv", max_s=1e9)
    times_s = [frame.time_s for frame in video.frames()]
    wanted = [0, 0.033, 0.066, 0.1, 0.133, 0.144, 0.155, 0.166, 0.2]
    np.testing.assert_allclose(times_s, wanted, atol=1e-6)
    assert [note.rsplit(" ", 1)[1] for note in video.notes] == [
        "1.",
        "2.",
    ]  # one repeated, two that fit nowhere


@pytest.mark.parametrize("turn_deg", [90, 180, 270])
def test_rotated_video_is_read_upright(h264, tmp_path, turn_deg):
    stored = [whole(frame) for frame in open_video(h264).frames()]
    video = open_video(remux(h264, tmp_path / "turned.mp4", turn_deg=turn_deg))
    assert video.header.rotation_deg == turn_deg
    for frame, picture in zip(video.frames(), stored, strict=True):
        upright = np.rot90(picture, k=-turn_deg // 90)
        assert (frame.height, frame.width) == upright.shape[:2]
        np.testing.assert_allclose(whole(frame), upright, atol=1e-3)
    assert (video.header.height, video.header.width) == upright.shape[:2]


@pytest.mark.parametrize(
    ("pixel_format", "bits"), [("yuv420p10le", 10), ("yuv422p10le", 10), ("gray", 8), ("gray10le", 10)]
)
def test_deep_and_grey_video_is_read(tmp_path, pixel_format, bits):
    video = open_video(encode(tmp_path / "v.mkv", pictures(5), "ffv1", pixel_format))
    frames = [whole(frame) for frame in video.frames()]
    assert video.header.bit_depth == bits
    assert len(frames) == 5
    for got, picture in zip(frames, pictures(5), strict=True):
        wanted = picture.astype(float)
        if pixel_format.startswith("gray"):
            wanted = (wanted @ [0.299, 0.587, 0.114])[..., None]
        assert abs((got - wanted).mean()) < 2


@pytest.mark.parametrize(("transfer", "hdr"), [(HLG, True), (PQ, True), (BT709, False)])
def test_hdr_is_flagged(tmp_path, transfer, hdr):
    path = encode(
        tmp_path / "v.mp4",
        pictures(5),
        "libx264",
        "yuv420p10le",
        color_trc=transfer,
        color_primaries=9,
        colorspace=9,
    )
    video = open_video(path)
    assert video.header.hdr is hdr
    assert len(list(video.frames())) == 5


def test_4k_is_read_quickly(tmp_path):
    path = tmp_path / "4k.mp4"
    large = [picture.repeat(8, 0).repeat(8, 1) for picture in pictures(4, 270, 480)]
    write_video(path, large, fps=30, codec="h264", crf=30)
    started = time.perf_counter()
    video = open_video(path)
    faces = [frame.region(1000, 500, 900, 900, 150, 150) for frame in video.frames()]
    assert (video.header.width, video.header.height, len(faces)) == (3840, 2160, 4)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("name", ["grüße 脈 video.mp4", "12:30 %d a?b#c.mp4", "concat:clip.mp4"])
def test_any_file_name_is_taken_as_it_is(h264, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(h264.read_bytes())
    assert len(list(open_video(path).frames())) == 60
    assert len(list(open_video(str(path)).frames())) == 60


def test_relative_paths_work(h264, monkeypatch):
    monkeypatch.chdir(h264.parent)
    assert open_video(h264.name).header.codec == "h264"


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


def test_one_frame_is_a_video_of_one_frame(tmp_path):
    write_video(tmp_path / "one.mkv", pictures(1), fps=30)
    video = open_video(tmp_path / "one.mkv")
    assert [frame.time_s for frame in video.frames()] == [0.0]
    assert video.info().n_frames == 1


def test_twenty_minutes_are_refused_at_once_unless_asked_for(tmp_path):
    path = tmp_path / "long.mkv"
    write_video(path, pictures(61), times_s=np.arange(61) * 20.0)
    with pytest.raises(ClipTooLongError) as caught:
        open_video(path)
    assert "20.0 min" in one_line(caught.value)
    assert open_video(path, max_s=3600).header.duration_s > 1100


def test_a_header_without_a_length_is_made_up_for_by_the_packets(h264, tmp_path):
    path = remux(h264, tmp_path / "live.mkv", options={"live": "1"})
    video = open_video(path)
    assert video.header.duration_s == pytest.approx(2.0, abs=0.05)
    assert len(list(video.frames())) == 60
    with pytest.raises(ClipTooLongError, match="lasts at least"):
        open_video(path, max_s=1.0)


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


def test_real_phone_video_is_upright(recordings):
    video = open_video(recordings / "face_video" / "phone_rotated.mp4")
    n = sum(1 for _ in video.frames())
    assert (video.header.width, video.header.height, video.header.rotation_deg) == (576, 1024, 270)
    assert n == 228
    assert video.info().fps == pytest.approx(30, abs=0.1)


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


def test_nothing_is_left_in_the_temporary_folder(h264, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    list(open_video(h264).frames())
    assert list(tmp_path.iterdir()) == []
