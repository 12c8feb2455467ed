"""Which pictures of a file are the video, which way up, and how large."""

from __future__ import annotations

from dataclasses import replace

import av
import numpy as np
import pytest

from rppg_core.lab.simulate.faces import SimulationSettings, simulate_video
from rppg_core.types import VideoInfo
from rppg_core.video.clip import extract
from rppg_core.video.face import FaceTracker
from rppg_core.video.frame import ArrayFrame
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video
from tests.video.bright_corner import pictures, times_of
from tests.video.colour_fields import whole
from tests.video_files import encode, in_sizes


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
    "turned by 270 degrees": ((0, -1, 1, 0), lambda p: np.rot90(p, 1)),
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
    if "flipped" not in name:
        assert video.header.rotation_deg == int(name.split()[2])
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
