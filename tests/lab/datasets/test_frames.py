import av
import numpy as np
import pytest
from lab.datasets.known_pulse import even, pictures, write_avi

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.frames import VideoFrames, read_stated_bytes, require_whole
from rppg_core.video.writer import write_video


@pytest.fixture
def video(tmp_path):
    return write_avi(tmp_path / "a.avi", even(30.0, 1.0), 30)


def made(path):
    if path.suffix == ".avi":
        return write_avi(path, even(30.0, 1.0), 30)
    codec = "ffv1" if path.suffix == ".mkv" else "h264_lossless"
    write_video(path, pictures(even(30.0, 1.0)), fps=30, codec=codec)
    return path


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4", ".mov"])
def test_file_knows_its_length(tmp_path, suffix):
    path = made(tmp_path / f"a{suffix}")
    assert read_stated_bytes(path) == path.stat().st_size
    require_whole(path)


@pytest.mark.parametrize("suffix", [".avi", ".mkv"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_file_cut_off_is_an_error_that_gives_both_lengths(tmp_path, suffix, share):
    path = made(tmp_path / f"a{suffix}")
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: int(share * size)])
    with pytest.raises(
        DatasetError, match=rf"{path.name}: has {int(share * size)} of {size} bytes: the copy is incomplete"
    ):
        VideoFrames(path)()


def test_mp4_cut_off_is_an_error(tmp_path):
    path = made(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DatasetError, match=r"a\.mp4: "):
        VideoFrames(path)()


def test_length_that_was_never_filled_in_is_no_fault(tmp_path):
    """A recorder that streams Matroska writes an unknown length."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.height, stream.width, stream.pix_fmt = 24, 32, "bgr0"
        for rgb in pictures(even(30.0, 1.0)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgb, format="rgb24")))
        container.mux(stream.encode(None))
    assert read_stated_bytes(path) is None
    assert len(list(VideoFrames(path)())) == 30


def test_unknown_container_says_nothing_of_its_length(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"something else altogether")
    assert read_stated_bytes(path) is None


def test_frames_take_the_times_of_their_clock(video):
    times_s = 0.1 + np.arange(30) ** 1.1 / 30
    frames = VideoFrames(video, lambda: times_s)
    assert [frame.time_s for frame in frames()] == times_s.tolist()
    assert frames.seconds() == pytest.approx(times_s[-1] - times_s[0] + np.median(np.diff(times_s)))


def test_frames_without_a_clock_take_the_stamps_of_the_file(video):
    assert np.allclose([frame.time_s for frame in VideoFrames(video)()], np.arange(30) / 30)
    assert VideoFrames(video).seconds() == pytest.approx(1.0)
    assert VideoFrames(video).count() == 30


@pytest.mark.parametrize("n", [29, 31])
def test_one_time_more_or_less_needs_slack(video, n):
    times_s = np.arange(n) / 30
    frames = VideoFrames(video, lambda: times_s, slack=1)
    frames.check()
    assert len(list(frames())) == 30
    strict = VideoFrames(video, lambda: times_s)
    for act in (strict.check, lambda: list(strict())):
        with pytest.raises(DatasetError, match=f"30 frames, but its labels has {n} times"):
            act()


def test_file_that_is_no_video_is_an_error_with_its_whole_path(tmp_path):
    path = tmp_path / "a.avi"
    path.write_text("not a video at all")
    with pytest.raises(DatasetError) as caught:
        VideoFrames(path)()
    assert str(caught.value).startswith(f"{path}: ")


def test_long_avi_is_a_chain_of_parts_and_long_mp4_counts_in_64_bits(tmp_path):
    avi, mp4 = tmp_path / "a.avi", tmp_path / "a.mp4"
    parts = [
        b"RIFF" + (20).to_bytes(4, "little") + bytes(20),
        b"RIFF" + (31).to_bytes(4, "little") + bytes(31),
    ]
    avi.write_bytes(b"".join(parts))
    assert read_stated_bytes(avi) == 28 + 39 + 1  # a part of odd length is padded
    head = (16).to_bytes(4, "big") + b"ftypisom" + bytes(4)
    mp4.write_bytes(head + (1).to_bytes(4, "big") + b"mdat" + (40).to_bytes(8, "big") + bytes(10))
    assert read_stated_bytes(mp4) == 16 + 40
