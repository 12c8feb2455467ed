"""Frames from memory: every layout and range whose meaning is clear gives numbers, every other one is named."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.analysis.pipeline import analyze
from rppg_core.errors import UsageError
from rppg_core.video.array_times import checked_times
from rppg_core.video.arrays import open_arrays

FPS, SIDE, HR_BPM = 30.0, 24, 72.0
TIMES_S = np.arange(300) / FPS


@pytest.fixture(scope="module")
def skin() -> np.ndarray:
    """10 s of skin that fills the picture, with a pulse."""
    pulse = 0.02 * np.sin(2 * np.pi * HR_BPM / 60 * TIMES_S)[:, None] * [0.4, 1.0, 0.5]
    noise = np.random.default_rng(0).normal(0, 2, (len(TIMES_S), SIDE, SIDE, 3))
    return (np.array([180.0, 130.0, 110.0]) * (1 - pulse[:, None, None]) + noise).astype(np.uint8)


def report(frames, times_s=TIMES_S, **more):
    return analyze((frames, times_s), ["pos"], region="whole", **more)


def refusal(frames, times_s=TIMES_S) -> str:
    with pytest.raises(UsageError) as caught:
        report(frames, times_s)
    return str(caught.value)


GOOD = {
    "uint8": lambda p: p,
    "floats 0..1": lambda p: p / 255,
    "half floats": lambda p: (p / 255).astype(np.float16),
    "floats 0..255": lambda p: p.astype(np.float32),
    "floats with an overshoot": lambda p: p / 255 * 1.02 - 0.01,
    "uint16 of 16 bits": lambda p: p.astype(np.uint16) * 257,
    "uint16 of 10 bits": lambda p: p.astype(np.uint16) * 4,
    "big-endian uint16": lambda p: (p.astype(np.uint16) * 16).astype(">u2"),
    "int64": lambda p: p.astype(np.int64),
    "with alpha": lambda p: np.concatenate([p, np.full_like(p[..., :1], 255)], axis=-1),
    "a list": list,
    "lists of lists": lambda p: [picture.tolist() for picture in p],
    "a generator": iter,
    "mirrored, not contiguous": lambda p: p[:, ::-1, ::-1],
    "cut out": lambda p: np.pad(p, ((0, 0), (3, 3), (3, 3), (0, 0)))[:, 3:-3, 3:-3],
}


@pytest.mark.parametrize("name", GOOD)
def test_pictures_whose_numbers_are_clear_give_the_rate(skin, name):
    assert report(GOOD[name](skin)).consensus.vitals.hr.value == pytest.approx(HR_BPM, abs=2)


def test_memory_map_is_read_frame_by_frame(skin, tmp_path):
    stored = np.lib.format.open_memmap(tmp_path / "frames.npy", "w+", np.uint8, skin.shape)
    stored[:] = skin
    assert report(stored).consensus.vitals.hr.value == pytest.approx(HR_BPM, abs=2)


@pytest.mark.parametrize("kind", ["plain", "gradient", "bfloat16"])
def test_tensor_is_taken_with_or_without_a_gradient(skin, kind):
    torch = pytest.importorskip("torch")
    frames = torch.tensor(skin / 255, dtype=torch.bfloat16 if kind == "bfloat16" else torch.float32)
    frames.requires_grad_(kind == "gradient")
    assert analyze((frames, torch.tensor(TIMES_S)), ["green"], region="whole").clip.rgb.shape == (300, 4, 3)


@pytest.mark.parametrize("layout", ["T H W", "T H W 1", "floats"])
def test_grey_pictures_are_a_black_and_white_video(skin, layout):
    grey = {"T H W": skin[..., 1], "T H W 1": skin[..., 1:2], "floats": skin[..., 1] / 255}[layout]
    found = report(grey)
    assert found.face.grey
    assert "black and white" in found.consensus.verdict


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_report_says_how_many_bits_were_read(skin, bits):
    notes = report(skin.astype(np.uint16) * (2 ** (bits - 8))).notes
    assert f"uint16 pictures were read as {bits} bits a channel, 0 to {2**bits - 1}." in notes


def test_alpha_that_was_left_out_is_noted(skin):
    assert "The alpha channel of the pictures was left out." in report(GOOD["with alpha"](skin)).notes


BAD = {
    "-1..1": (lambda p: p / 127.5 - 1, ("(x + 1) / 2",)),
    "standardised": (lambda p: (p - p.mean()) / p.std(), ("normalised",)),
    "floats 0..1023": (lambda p: p * 4.0, ("divide by",)),
    "floats up to 3": (lambda p: p / 80, ("from",)),
    "bool": (lambda p: p > 100, ("bool",)),
    "int8": (lambda p: (p.astype(int) - 128).astype(np.int8), ("int8", "uint8")),
    "floats rounded away": (lambda p: (p / 255).astype(np.uint8), ("from 0 to", "multiply by 255")),
    "large numbers": (lambda p: p.astype(np.int32) * 1000, ("scale them",)),
    "complex": (lambda p: p * 1j, ("complex128",)),
    "objects": (lambda p: p.astype(object), ("object",)),
    "words": (lambda p: ["a.png"] * len(p), ("dtype <U5",)),
    "channels first": (lambda p: p.transpose(0, 3, 1, 2), ("(300, 3, 24, 24)", "transpose(0, 2, 3, 1)")),
    "channels first of all": (
        lambda p: p.transpose(3, 0, 1, 2),
        ("(3, 300, 24, 24)", "transpose(1, 2, 3, 0)"),
    ),
    "pictures with channels first": (lambda p: list(p.transpose(0, 3, 1, 2)), ("(3, 24, 24)",)),
    "two channels": (lambda p: p[..., :2], ("(300, 24, 24, 2)",)),
    "one picture": (lambda p: p[0], ("one picture",)),
    "a batch": (lambda p: p[None], ("frames[0]",)),
    "a trace": (lambda p: p.mean(axis=(1, 2)), ("RgbTrace",)),
    "sizes that differ": (lambda p: [*p[:150], *p[150:, ::2]], ("shape (12, 24, 3)", "one size")),
    "dtypes that differ": (lambda p: [*p[:150], *(p[150:] / 255)], ("float64", "uint8")),
    "no pixels": (lambda p: p[:, :0], ("(0, 24, 3)",)),
    "masked": (lambda p: np.ma.masked_greater(p, 150), ("masked",)),
    "too few in a generator": (lambda p: iter(p[:200]), ("200 frames with 300 times",)),
    "too many in a generator": (lambda p: iter([*p, *p]), ("301 or more frames with 300 times",)),
    "a dict": (lambda p: {}, ("dict",)),
    "nothing but NaN": (lambda p: np.full(p.shape, np.nan), ("finite",)),
}


@pytest.mark.parametrize("name", BAD)
def test_pictures_that_make_no_sense_are_named(skin, name):
    make, words = BAD[name]
    said = refusal(make(skin))
    assert all(word in said for word in words), said


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN"), (np.inf, "infinite"), (1e6, "numbers from"), (-50, "numbers from")]
)
def test_one_pixel_that_is_no_colour_is_named_with_its_frame(skin, value, words):
    frames = skin.astype(np.float32)
    frames[200, 3, 3, 1] = value
    said = refusal(frames)
    assert "frame 200" in said and words in said


def test_channel_without_a_number_is_named(skin):
    frames = skin.astype(np.float32)
    frames[..., 1] = np.nan
    assert "frame 0 is NaN or infinite in 576 of 1728" in refusal(frames)


NO_TIMES = {
    "too few": (TIMES_S[:-1], "300 frames with 299 times"),
    "NaN": (np.where(TIMES_S == 1, np.nan, TIMES_S), "times[30] is nan"),
    "backwards": (TIMES_S[::-1], "reverse frames and times"),
    "one time twice": (np.where(np.arange(300) == 9, TIMES_S[8], TIMES_S), "times[9]"),
    "milliseconds": (1e3 * TIMES_S, "divide milliseconds by 1000"),
    "whole milliseconds": ((1e3 * TIMES_S).astype(int), "divide milliseconds by 1000"),
    "microseconds": (1e6 * TIMES_S, "divide microseconds"),
    "nanoseconds": ((1e9 * TIMES_S).astype(np.int64), "divide nanoseconds"),
    "frame numbers": (np.arange(300), "divide by the frame rate"),
    "hours": (TIMES_S / 3600, "multiply by"),
    "a rate": (30, "np.arange(n) / 30"),
    "two axes": (TIMES_S[:, None], "shape (300, 1)"),
    "words": (["now"] * 300, "dtype <U3"),
    "dates": (TIMES_S.astype("datetime64[s]"), "datetime64"),
    "None": (None, "times of shape ()"),
    "too coarse": ((TIMES_S + 1.7e9).astype(np.float32), "float64"),
}


@pytest.mark.parametrize("name", NO_TIMES)
def test_times_that_make_no_sense_are_named(skin, name):
    times_s, words = NO_TIMES[name]
    assert words in refusal(skin, times_s)


@pytest.mark.parametrize("shift_s", [-100.0, 5.0, 1.7e9])
def test_times_count_from_the_first_one(skin, shift_s):
    found = report(skin, TIMES_S + shift_s)
    assert found.clip.times_s == pytest.approx(TIMES_S, abs=1e-6)
    assert found.consensus.vitals.hr.value == pytest.approx(HR_BPM, abs=2)


def test_times_may_be_a_list_and_uneven():
    assert checked_times([0.0, 0.03, 0.07]) == pytest.approx([0.0, 0.03, 0.07])


def test_few_pictures_decide_what_the_numbers_mean(skin):
    class Counted:
        """Counts how often a picture is read."""

        def __init__(self):
            self.read = 0

        def __len__(self):
            return len(skin)

        def __iter__(self):
            raise AssertionError("a sequence is read by its indices")

        def __getitem__(self, k):
            self.read += 1
            return skin[k]

    frames = Counted()
    given = open_arrays((frames, TIMES_S))
    assert frames.read < 10
    assert len(list(given.frames)) == 300
    assert frames.read < 310


@pytest.mark.parametrize(
    "band", [(40.0, 180.0), (3.0, 1.0), (1.0, 1.0), (-1.0, 3.0), (0.0, 3.0), (1.0, 1.1), (0.7, 20.0)]
)
def test_band_that_makes_no_sense_is_named_with_the_unit(skin, band):
    with pytest.raises(UsageError, match=r"band_hz is in Hz: \(0\.67, 3\.0\) for 40-180 bpm"):
        report(skin, band_hz=band)


def test_band_above_half_the_frame_rate_is_refused(skin):
    with pytest.raises(UsageError, match=r"at most 5 Hz \(half of 10 frames a second\)"):
        report(skin[::3], TIMES_S[::3], band_hz=(2.0, 6.0))
