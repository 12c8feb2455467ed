"""At which times the pictures of a file are shown: stated rates, slow motion, edit lists and wrong stamps."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.video.decoder import Decoder
from rppg_core.video.mp4_edits import has_other_speeds
from rppg_core.video.reader import open_video
from tests.video.bright_corner import pictures, times_of
from tests.video_files import box, encode, restamped, sound, with_edits


def test_a_bare_stream_has_the_rate_that_it_states(tmp_path):
    path = encode(tmp_path / "a.h264", pictures(60), "libx264", "yuv420p", options={"bf": "0"})
    np.testing.assert_allclose(times_of(path), np.arange(60) / 30)
    video = open_video(path)
    assert video.header.clock_known
    assert "holds no frame times; its stated rate of 30 frames per second" in video.header.clock
    assert len(list(video.frames())) == 60
    assert video.header.clock in " ".join(video.notes)


def test_a_bare_stream_without_a_rate_says_that_its_seconds_cannot_be_counted(tmp_path):
    path = encode(tmp_path / "a.mjpeg", pictures(60), "mjpeg", "yuvj420p")
    video = open_video(path)
    assert not video.header.clock_known
    list(video.frames())
    assert "states no frame rate" in " ".join(video.notes)


@pytest.mark.parametrize("name", ["a.mjpeg", "a.mp4", "a.avi"])
def test_the_users_rate_counts_more_than_the_files(tmp_path, name):
    path = encode(tmp_path / name, pictures(60), "mjpeg", "yuvj420p")
    np.testing.assert_allclose(times_of(path, fps=20), np.arange(60) / 20)
    assert open_video(path, fps=20).header.clock_known
    for fps in (0, -1, float("nan"), 1e6):
        with pytest.raises(UsageError, match="frames a second"):
            open_video(path, fps=fps)


def tagged(path, capture_fps: float, *, n: int = 120, rate: float = 30, with_sound: float = 0.0):
    tags = {"com.android.version": "13", "com.android.capture.fps": f"{capture_fps:f}"}
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata.update(tags)
        stream = out.add_stream("libx264", rate=Fraction(rate).limit_denominator(1001), options={"bf": "0"})
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        if with_sound:
            voice = sound(path.with_suffix(".m4a"), with_sound * n / rate)
            with av.open(str(voice)) as source:
                track = out.add_stream_from_template(source.streams.audio[0])
                for packet in source.demux(audio=0):
                    if packet.dts is not None:
                        packet.stream = track
                        out.mux(packet)
        for picture in pictures(n):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("capture_fps", "speed"), [(240, 8), (120, 4), (60, 2), (30, 1), (29.97, 1)])
def test_slow_motion_that_a_phone_tags_is_read_at_the_pace_of_the_recording(tmp_path, capture_fps, speed):
    path = tagged(tmp_path / "slow.mp4", capture_fps)
    np.testing.assert_allclose(times_of(path), np.arange(120) / (30 * speed), atol=1e-6)
    header = open_video(path).header
    assert ("Slow motion" in header.clock) is (speed > 1)
    assert header.duration_s == pytest.approx(120 / (30 * speed), rel=0.02)


def test_a_camera_with_sound_that_slowed_down_in_the_dark_is_no_slow_motion(tmp_path):
    path = tagged(tmp_path / "dark.mp4", 60, with_sound=1.0)
    np.testing.assert_allclose(times_of(path), np.arange(120) / 30, atol=1e-6)
    assert "the file's times were used" in open_video(path).header.clock


@pytest.mark.parametrize("part", [0.1, 0.5])
def test_sound_that_is_shorter_than_the_pictures_is_that_of_slow_motion(tmp_path, part):
    path = tagged(tmp_path / "slow.mkv", 60, with_sound=part)
    np.testing.assert_allclose(times_of(path), np.arange(120) / 60, atol=2e-3)


def test_an_edit_list_with_a_slow_part_is_left_aside(clip, tmp_path):
    path = with_edits(clip, tmp_path / "slow.mp4", [(1, 0, 1), (4, 1, 0.25), (1, 2, 1)])
    assert has_other_speeds(path)
    np.testing.assert_allclose(times_of(path), np.arange(90) / 30, atol=1e-3)


def test_a_trimmed_recording_stays_trimmed(clip, tmp_path):
    path = with_edits(clip, tmp_path / "trim.mp4", [(0.5, -1, 1), (1, 1, 1)])
    assert not has_other_speeds(path)
    assert len(times_of(path)) == pytest.approx(30, abs=1)


def test_what_is_no_mp4_has_no_edits(tmp_path, clip):
    data = clip.read_bytes()
    nested = box(b"moov", b"")
    for _ in range(2000):
        nested = box(b"moov", nested)
    for name, content in {
        "empty list.mp4": box(b"moov", box(b"elst", b"")),
        "nested.mp4": nested,
        "cut.mp4": data[: len(data) // 2],
        "noise.bin": bytes(range(256)) * 9,
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert not has_other_speeds(tmp_path / name)
    assert not has_other_speeds(tmp_path / "nothing")


def test_one_wrong_stamp_changes_neither_length_nor_losses(clip, tmp_path):
    for wrong_s in (0.0, 27.0):
        path = restamped(clip, tmp_path / "odd.mkv", lambda k, s, wrong=wrong_s: wrong if k == 40 else s)
        video = open_video(path)
        times_s = [frame.time_s for frame in video.frames()]
        np.testing.assert_allclose(times_s, np.arange(90) / 30, atol=2e-3)
        info = video.info()
        assert (info.duration_s, info.dropped_frames) == (pytest.approx(3.0, abs=0.01), 0)
        assert video.notes == ("Isolated wrong time stamps replaced: 1.",)


def test_stamps_in_decoding_order_give_the_times_of_the_pictures(tmp_path):
    source = encode(
        tmp_path / "b.mp4", pictures(90), "libx264", "yuv420p", options={"bf": "3", "b_strategy": "0"}
    )
    video = open_video(restamped(source, tmp_path / "order.mkv", lambda k, s: k / 30))
    times_s = [frame.time_s for frame in video.frames()]
    np.testing.assert_allclose(times_s, np.arange(90) / 30, atol=2e-3)
    assert video.info().dropped_frames == 0


@pytest.mark.parametrize("said_s", [0.5, 1200.0])
def test_a_length_in_the_header_is_believed_only_where_the_frames_agree(clip, monkeypatch, said_s):
    monkeypatch.setattr(Decoder, "duration_s", property(lambda self: said_s))
    video = open_video(clip)
    assert len(list(video.frames())) == 90
    assert video.info().duration_s == pytest.approx(3.0, abs=0.01)
