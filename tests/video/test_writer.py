"""What is written comes back: every grey level where promised, every time, or nothing at all."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import UsageError, WriteError
from rppg_core.video.reader import open_video
from rppg_core.video.writer import video_bytes, write_video


def noise(n: int, height: int = 33, width: int = 47) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, width, 3), dtype=np.uint8) for _ in range(n)]


def read(path) -> tuple[np.ndarray, np.ndarray]:
    frames = list(open_video(path).frames())
    whole = [f.region(0, 0, f.width, f.height, f.width, f.height) for f in frames]
    return np.stack(whole), np.array([f.time_s for f in frames])


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mkv", "ffv1"), ("a.mp4", "h264_lossless"), ("a.mkv", "h264_lossless")]
)
def test_lossless_codecs_keep_every_grey_level(tmp_path, name, codec):
    frames = noise(12)
    assert write_video(tmp_path / name, iter(frames), fps=30, codec=codec) == 12
    got, times_s = read(tmp_path / name)
    np.testing.assert_array_equal(got, np.stack(frames))
    np.testing.assert_allclose(times_s, np.arange(12) / 30, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "atol"),
    [("a.mkv", "ffv1", 1.1e-3), ("a.mp4", "h264_lossless", 2e-6), ("a.mov", "h264", 2e-6)],
)
def test_uneven_times_are_kept(tmp_path, name, codec, atol):
    times_s = np.cumsum(np.random.default_rng(1).uniform(0.01, 0.09, 20))
    write_video(tmp_path / name, noise(20, 32, 48), times_s=times_s, codec=codec)
    np.testing.assert_allclose(read(tmp_path / name)[1], times_s - times_s[0], atol=atol)


@pytest.mark.parametrize("fps", [15, 24, 29.97, 60])
@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "ffv1"), ("a.mp4", "h264")])
def test_the_rate_is_kept(tmp_path, name, codec, fps):
    write_video(tmp_path / name, noise(60, 32, 48), fps=fps, codec=codec)
    video = open_video(tmp_path / name)
    times_s = [frame.time_s for frame in video.frames()]
    assert video.info().fps_container == pytest.approx(fps, rel=2e-3)
    assert np.mean(np.diff(times_s)) == pytest.approx(1 / fps, rel=1e-3)


def test_crf_trades_size_for_quality(tmp_path):
    frames = noise(10, 64, 64)
    for crf in (10, 40):
        write_video(tmp_path / f"{crf}.mp4", frames, fps=30, codec="h264", crf=crf)
    assert (tmp_path / "40.mp4").stat().st_size < 0.5 * (tmp_path / "10.mp4").stat().st_size


def test_unicode_paths_and_single_frames_work(tmp_path):
    path = tmp_path / "été 脈 1:2.mkv"
    write_video(path, noise(1), fps=30)
    assert len(read(path)[0]) == 1


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("a.mkv", {}, "fps"),
        ("a.mkv", {"fps": 30, "times_s": [0, 1]}, "fps"),
        ("a.mkv", {"fps": 30, "codec": "vp7"}, "ffv1, h264_lossless, h264"),
        ("a.doc", {"fps": 30}, ".mkv, .mp4, .mov"),
        ("a.mkv", {"times_s": [0.1, 0.1]}, "time after the frame before"),
    ],
)
def test_wrong_arguments_are_explained_and_leave_nothing(tmp_path, name, arguments, words):
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        write_video(tmp_path / name, noise(2), **arguments)
    assert list(tmp_path.iterdir()) == []


def test_frames_of_another_size_or_none_are_refused(tmp_path):
    with pytest.raises(UsageError, match="shape"):
        write_video(tmp_path / "a.mkv", [*noise(2), *noise(1, 20, 20)], fps=30)
    with pytest.raises(UsageError, match="no frames"):
        write_video(tmp_path / "a.mkv", [], fps=30)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_file_that_was_there(tmp_path):
    path = tmp_path / "a.mkv"
    write_video(path, noise(3), fps=30)

    def failing():
        yield from noise(2)
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        write_video(path, failing(), fps=30)
    assert len(read(path)[0]) == 3
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["nowhere/a.mkv", "folder.mkv"])
def test_a_place_that_cannot_be_written_is_a_write_error(tmp_path, name):
    (tmp_path / "folder.mkv").mkdir()
    with pytest.raises(WriteError) as caught:
        write_video(tmp_path / name, noise(2), fps=30)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.mkv"]


def test_odd_sizes_that_a_codec_cannot_take_are_a_write_error(tmp_path):
    with pytest.raises(WriteError):
        write_video(tmp_path / "a.mp4", noise(2, 33, 47), fps=30, codec="h264")


def test_file_in_memory_is_the_one_on_disk(tmp_path):
    frames, times_s = noise(8, 32, 48), [0.0, 0.04, 0.07, 0.1, 0.2, 0.24, 0.27, 0.3]
    write_video(tmp_path / "a.mp4", frames, times_s=times_s, codec="h264", crf=22)
    assert video_bytes(frames, times_s=times_s, crf=22) == (tmp_path / "a.mp4").read_bytes()
    with pytest.raises(UsageError, match="no frames"):
        video_bytes([], times_s=[])
