"""Every kind of file that users bring: true times, rotation, formats and names."""

from __future__ import annotations

import tempfile
import time

import av
import numpy as np
import pytest

from rppg_core.errors import ClipTooLongError
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video
from tests.video.colour_fields import pictures, whole
from tests.video_files import encode, remux

HLG, PQ, BT709 = 18, 16, 1


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


def test_one_frame_is_a_video_of_one_frame(tmp_path):
    write_video(tmp_path / "one.mkv", pictures(1), fps=30)
    video = open_video(tmp_path / "one.mkv")
    assert [frame.time_s for frame in video.frames()] == [0.0]
    assert video.info().n_frames == 1


def test_a_header_without_a_length_is_made_up_for_by_the_packets(h264, tmp_path):
    path = remux(h264, tmp_path / "live.mkv", options={"live": "1"})
    video = open_video(path)
    assert video.header.duration_s == pytest.approx(2.0, abs=0.05)
    assert len(list(video.frames())) == 60
    with pytest.raises(ClipTooLongError, match="lasts at least"):
        open_video(path, max_s=1.0)


def test_real_phone_video_is_upright(recordings):
    video = open_video(recordings / "face_video" / "phone_rotated.mp4")
    n = sum(1 for _ in video.frames())
    assert (video.header.width, video.header.height, video.header.rotation_deg) == (576, 1024, 270)
    assert n == 228
    assert video.info().fps == pytest.approx(30, abs=0.1)


def test_nothing_is_left_in_the_temporary_folder(h264, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    list(open_video(h264).frames())
    assert list(tmp_path.iterdir()) == []
