"""Which pictures of a file are the video, which way up, how large, and at which times."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import av
import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
from rppg_core.types import VideoInfo
from rppg_core.video.clip import extract
from rppg_core.video.decoder import Decoder
from rppg_core.video.face import FaceTracker
from rppg_core.video.frame import ArrayFrame
from rppg_core.video.mp4_edits import has_other_speeds
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video
from tests.video_files import box, encode, in_sizes, restamped, sound, with_edits


def pictures(n: int, height: int = 48, width: int = 64, seed: int = 0) -> list[np.ndarray]:
    """Colours that are bright in one corner, with noise."""
    rng = np.random.default_rng(seed)
    base = np.full((height, width, 3), 60)
    base[: height // 3, : width // 3] = (200, 120, 90)
    return [(base + rng.integers(-3, 4, base.shape)).astype(np.uint8) for _ in range(n)]


def whole(frame) -> np.ndarray:
    return frame.region(0, 0, frame.width, frame.height, frame.width, frame.height)


def times_of(path, **options) -> np.ndarray:
    return np.array([frame.time_s for frame in open_video(path, **options).frames()])


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    return encode(folder / "clip.mp4", pictures(90), "libx264", "yuv420p", options={"bf": "0"})


def joined(target, *sources, marks=None):
    """The streams of several files in one, with a default mark on those that `marks` names."""
    files = [av.open(str(source)) for source in sources]
    with av.open(str(target), "w") as out:
        streams = [out.add_stream_from_template(file.streams.video[0]) for file in files]
        for k, stream in enumerate(streams):
            if marks is not None:
                stream.disposition = av.stream.Disposition.default if k in marks else av.stream.Disposition(0)
        for file, stream in zip(files, streams, strict=True):
            for packet in file.demux(video=0):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
            file.close()
    return target


# --- which stream ---


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_still_picture_beside_a_video_is_not_the_video(clip, tmp_path, order):
    cover = encode(tmp_path / "cover.mkv", pictures(1, seed=9), "mjpeg", "yuvj420p")
    sources = (cover, clip)
    path = joined(tmp_path / "both.mkv", *(sources[k] for k in order))
    assert len(times_of(path)) == 90


def test_a_preview_of_one_picture_a_second_is_not_the_video(clip, tmp_path):
    preview = tmp_path / "preview.mkv"
    write_video(preview, pictures(3, seed=9), fps=1)
    assert len(times_of(joined(tmp_path / "both.mkv", preview, clip, marks=[0]))) == 90


@pytest.mark.parametrize("marked", [0, 1])
def test_of_two_videos_the_one_with_the_default_mark_is_read(clip, tmp_path, marked):
    other = encode(tmp_path / "other.mp4", pictures(80, 32, 32), "libx264", "yuv420p", options={"bf": "0"})
    video = open_video(joined(tmp_path / "both.mkv", clip, other, marks=[marked]))
    assert (video.header.width, len(list(video.frames()))) == ((64, 90), (32, 80))[marked]


# --- which size ---


def test_frames_of_every_size_are_given_and_counted(tmp_path):
    small, large = pictures(10, 48, 64), pictures(40, 96, 128)
    video = open_video(in_sizes(tmp_path / "ramp.webm", [small, large]))
    sizes = [(frame.width, frame.height) for frame in video.frames()]
    assert sizes == [(64, 48)] * 10 + [(128, 96)] * 40
    assert (video.info().width, video.info().height) == (128, 96)
    assert "size of the picture changes" in " ".join(video.notes)


class Corner:
    """A tracker that sees the same face points in every frame, in the part of the picture where they lie."""

    def __init__(self, tracker):
        self.tracker = tracker

    def observe(self, frame):
        seen = self.tracker.observe(frame)
        return replace(seen, landmarks=seen.landmarks * frame.width / 256)


@pytest.mark.parametrize("small_first", [True, False])
def test_a_clip_keeps_the_size_with_the_most_frames(small_first):
    video = simulate_video(SimulationSettings(seconds=4.0))
    frames = list(video.frames)
    few = [ArrayFrame(f.time_s, np.ascontiguousarray(whole(f)[::2, ::2])) for f in frames[:40]]
    many = [ArrayFrame(f.time_s, whole(f)) for f in frames[40:]]
    if not small_first:
        few = [ArrayFrame(f.time_s + 4, np.ascontiguousarray(whole(f)[::2, ::2])) for f in frames[:40]]
    ordered = few + many if small_first else many + few
    found = extract(ordered, Corner(video.tracker), frozenset({"rgb"}), info=VideoInfo)
    assert len(found.times_s) == 80
    assert found.times_s[0] == pytest.approx(40 / 30)


# --- which way up ---

MATRICES = {  # of the track header: name -> (a, b, c, d), and what is shown
    "flipped left to right": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "flipped upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "turned by 180 degrees": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "turned by 90 degrees": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "turned by 90 degrees and flipped": ((0, 1, 1, 0), lambda p: np.rot90(p, -1)[:, ::-1]),
    "turned by 270 degrees and flipped": ((0, -1, -1, 0), lambda p: np.rot90(p, 1)[:, ::-1]),
}


def with_matrix(source, target, values):
    """A copy of an MP4 file with another matrix in its track header."""
    data = bytearray(source.read_bytes())
    place = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version and flags, times and number, layer and volume
    a, b, c, d = (round(v * 65536) for v in values)
    matrix = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    data[place : place + 36] = matrix
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("name", MATRICES)
def test_the_picture_is_shown_as_its_matrix_asks(clip, tmp_path, name):
    values, shown = MATRICES[name]
    stored = [whole(frame) for frame in open_video(clip).frames()]
    video = open_video(with_matrix(clip, tmp_path / "turned.mp4", values))
    for frame, picture in zip(video.frames(), stored, strict=True):
        upright = np.ascontiguousarray(shown(picture))
        assert (frame.height, frame.width) == upright.shape[:2]
        np.testing.assert_allclose(whole(frame), upright, atol=1e-3)
        part = frame.region(4, 2, 20, 10, 20, 10)
        np.testing.assert_allclose(part, upright[2:12, 4:24], atol=1)  # colours blend at a cut
    assert video.header.mirrored is ("flipped" in name)
    assert (video.header.height, video.header.width) == upright.shape[:2]


def test_a_face_on_its_head_is_read_the_right_way_round(face_models):
    frames = list(simulate_video(SimulationSettings(seconds=3.0, amplitude_percent=0.7, tone=2)).frames)
    upright = [ArrayFrame(f.time_s, whole(f)) for f in frames]
    turned = [ArrayFrame(f.time_s, np.ascontiguousarray(whole(f)[::-1, ::-1])) for f in frames]
    needs = frozenset({"rgb", "still"})
    right, wrong = (extract(f, FaceTracker(), needs) for f in (upright, turned))
    np.testing.assert_allclose(wrong.rgb, right.rgb, atol=1.5)
    assert np.abs(wrong.still.astype(float) - right.still).mean() < 8
    assert "is upside down" in " ".join(wrong.notes)
    assert not right.notes
    np.testing.assert_allclose(wrong.background, right.background, atol=6)


# --- which times ---


def test_a_bare_stream_has_the_rate_that_it_states(tmp_path):
    path = encode(tmp_path / "a.h264", pictures(60), "libx264", "yuv420p", options={"bf": "0"})
    np.testing.assert_allclose(times_of(path), np.arange(60) / 30)
    header = open_video(path).header
    assert header.clock_known and "holds no frame times" in header.clock


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
