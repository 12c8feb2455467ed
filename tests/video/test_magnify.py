"""Eulerian magnification: gains, colours that keep their ratio, and a video whose pulse can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rppg_core.errors import ClipTooShortError, UsageError, WriteError
from rppg_core.signals.filters import bandpass
from rppg_core.video.magnify import (
    FACTOR,
    PyramidGains,
    band_of_frames,
    magnify,
    magnify_pictures,
    magnify_video,
)
from rppg_core.video.reader import open_video
from rppg_core.video.writer import write_video

FS, T, SIDE = 30.0, 240, 48
COLOUR, PULSE = (
    np.array([180.0, 130.0, 110.0]),
    np.array([0.33, 0.77, 0.53]),
)  # grey levels; relative strengths
OVAL = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2) / [[[18.0]], [[14.0]]]) <= 1


def face(hz: float = 1.33, strength: float = 0.01) -> np.ndarray:
    """An even oval whose colour beats, on black."""
    beat = strength * np.sin(2 * np.pi * hz * np.arange(T) / FS)
    return (COLOUR * (1 - beat[:, None] * PULSE))[:, None, None] * OVAL[None, :, :, None]


def swing(frames: np.ndarray) -> np.ndarray:
    """Standard deviation in the band, of every pixel and colour, away from the ends."""
    return bandpass(frames, FS, low_hz=0.7, high_hz=3.0)[45:-45].std(axis=0)


def test_network_form_magnifies_a_uniform_pulse_alike_everywhere():
    before, after = (swing(frames)[OVAL] for frames in (face(), magnify(face(), FS)))
    np.testing.assert_allclose(after / before, 1 + FACTOR, rtol=0.05)


def test_ratio_of_ratios_does_not_change():
    def ratio(frames):
        skin = frames[:, OVAL].mean(axis=1)
        relative = swing(skin) / skin.mean(axis=0)
        return relative[0] / relative[2], relative[0] / relative[1]

    beats = face(hz=1.25)  # whole beats, or the mean of the magnified ones would not be that of the skin
    np.testing.assert_allclose(ratio(magnify(beats, FS)), ratio(beats), rtol=0.01)


@pytest.mark.parametrize(
    ("hz", "low", "high"), [(0.1, 0.9, 1.6), (0.8, 115, 127), (3.0, 115, 127), (6.0, 0.9, 7)]
)
def test_the_band_is_magnified_and_hardly_anything_beside_it(hz, low, high):
    before, after = (f[45:-45, OVAL].std(axis=0).mean() for f in (face(hz), magnify(face(hz), FS)))
    assert low < after / before < high


@given(factor=st.floats(0, 500), height=st.integers(9, 40), width=st.integers(9, 40), n=st.integers(1, 3))
def test_equal_gains_of_all_levels_are_a_multiplication(factor, height, width, n):
    band = np.random.default_rng(0).standard_normal((height, width, 3)).astype(np.float32)
    added = PyramidGains((factor,) * n, factor).add(band)
    np.testing.assert_allclose(added, factor * band, atol=1e-4 * max(1.0, factor))


def test_view_damps_fine_levels_and_keeps_the_whole_picture():
    gains = PyramidGains.for_picture(64, 64, FACTOR)
    assert list(gains.levels) == sorted(gains.levels) and gains.levels[0] < 0.2 * FACTOR
    spots = [gains.of_spot(share) for share in (4.0, 0.5, 0.2, 0.05)]
    assert spots[0] == pytest.approx(1 + FACTOR, rel=0.02)
    assert spots == sorted(spots, reverse=True) and spots[-1] < 0.5 * spots[0]


def test_band_keeps_its_shape_and_has_no_mean():
    band = band_of_frames(face(), FS)
    assert band.shape == face().shape and band.dtype == np.float32
    assert abs(band.mean(axis=0)).max() < 0.1 * band.std(axis=0).max()


@pytest.mark.parametrize(
    "changes", [{"factor": -1.0}, {"factor": 1e6}, {"band_hz": (4.0, 0.4)}, {"band_hz": (float("nan"), 4.0)}]
)
def test_what_is_impossible_is_refused(changes):
    with pytest.raises(UsageError):
        magnify(face(), FS, **changes)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Five seconds of a face with a pulse of a quarter of a grey level, at uneven times."""
    rng = np.random.default_rng(0)
    times_s = np.arange(150) / FS + rng.uniform(0, 0.008, 150)
    beat = np.sin(2 * np.pi * 1.33 * times_s)
    frames = 128 + 0.25 * beat[:, None, None, None] + rng.uniform(-0.5, 0.5, (150, 90, 120, 3))
    path = tmp_path_factory.mktemp("magnify") / "face.mkv"
    write_video(path, frames.round().astype(np.uint8), times_s=times_s.tolist())
    return path, times_s, beat


def test_a_pulse_below_a_grey_level_can_be_seen_afterwards(video, tmp_path):
    path, times_s, beat = video
    told = []
    made = magnify_video(path, tmp_path / "seen.mp4", progress=lambda stage, fraction: told.append(fraction))
    frames = list(open_video(made.path).frames())
    skin = np.array([frame.region(0, 0, 120, 90, 1, 1)[0, 0, 1] for frame in frames])
    np.testing.assert_allclose([frame.time_s for frame in frames], times_s - times_s[0], atol=2e-3)
    assert np.corrcoef(skin[20:-20], beat[20:-20])[0, 1] > 0.95
    assert 0.6 * 121 * 0.25 < np.ptp(skin[20:-20]) / 2 < 1.4 * 121 * 0.25
    assert told == sorted(told) and told[-1] == pytest.approx(1)
    assert "121" in made.words() and "150 frames" in made.words() and "flickers" in made.words()


def test_what_cannot_be_magnified_says_so(video, tmp_path):
    path, *_ = video
    short = tmp_path / "short.mkv"
    write_video(short, np.full((30, 32, 32, 3), 90, np.uint8), fps=30)
    with pytest.raises(ClipTooShortError):
        magnify_video(short, tmp_path / "out.mp4")
    with pytest.raises(UsageError, match=r"ends in \.mp4"):
        magnify_video(path, tmp_path / "out.gif")
    with pytest.raises(UsageError, match="low_hz"):
        magnify_video(path, tmp_path / "out.mp4", band_hz=(4.0, 1.0))
    with pytest.raises(WriteError, match="writable folder"):
        magnify_video(path, tmp_path / "none" / "out.mp4")
    assert not list(tmp_path.glob("*out*"))


def crops(strength: float = 0.004) -> tuple[np.ndarray, np.ndarray]:
    """Noisy 128 px pictures whose colour beats by half a grey level, all over; and their times."""
    times_s, rng = np.arange(T) / FS, np.random.default_rng(1)
    beat = strength * np.sin(2 * np.pi * 1.33 * times_s)
    levels = (COLOUR * (1 - beat[:, None] * PULSE))[:, None, None]
    noise = rng.normal(0, 1, (T, 128, 128, 3)).astype(np.float32)
    return np.clip(np.round(levels + noise), 1, 255).astype(np.uint8), times_s


def mean_swing(pictures: np.ndarray) -> np.ndarray:
    return swing(pictures.mean(axis=(1, 2)))


def test_pulse_of_pictures_in_memory_grows_by_the_stated_gain():
    pictures, times_s = crops()
    told = []
    made = magnify_pictures(pictures, times_s, factor=40, progress=lambda _, fraction: told.append(fraction))
    growth = mean_swing(made.after) / mean_swing(pictures)
    np.testing.assert_allclose(growth, made.gains.of_spot(4.0), rtol=0.05)
    assert made.after.shape == pictures.shape and made.after.dtype == np.uint8
    assert told == sorted(told) and told[0] == 0 and 0.9 < told[-1] <= 1


def test_factor_0_gives_the_pictures_back_and_what_is_beside_the_band_does_not_grow():
    pictures, times_s = crops()
    np.testing.assert_array_equal(magnify_pictures(pictures, times_s, factor=0).after, pictures)
    beside = magnify_pictures(pictures, times_s, factor=40, band_hz=(2.2, 3.0))
    assert (mean_swing(beside.after) < 3 * mean_swing(pictures)).all()


def test_pictures_without_a_face_are_left_out_and_do_not_flash():
    pictures, times_s = crops()
    pictures[100:106] = 0  # as crop128_raw where the face was lost
    made = magnify_pictures(pictures, times_s, factor=40)
    assert len(made.times_s) == len(made.after) == len(made.before) == T - 6
    assert made.after.mean(axis=(1, 2, 3)).min() > 100
    whole = magnify_pictures(*crops(), factor=40).after[np.r_[:100, 106:T]]
    apart = np.abs(made.after.mean(axis=(1, 2)) - whole.mean(axis=(1, 2)))
    assert np.median(apart) < 1 and apart.max() < 12  # most of it next to the gap, of a swing of 16


def test_pictures_of_too_short_a_time_say_so():
    pictures, times_s = crops()
    with pytest.raises(ClipTooShortError, match=r"cover 2\.0 s; wanted: at least 3 s"):
        magnify_pictures(pictures[:61], times_s[:61])
    with pytest.raises(ClipTooShortError, match=r"cover 0\.0 s"):
        magnify_pictures(np.zeros_like(pictures), times_s)


def test_command_offers_the_factor_and_the_band_of_the_module():
    from rppg_core.command import cli
    from rppg_core.command.arguments import make_parser
    from rppg_core.video.magnify import BAND_HZ

    asked = make_parser(cli.COMMANDS).parse_args(["magnify", "in.mp4", "out.mp4"])
    assert (asked.factor, asked.band) == (FACTOR, BAND_HZ)
