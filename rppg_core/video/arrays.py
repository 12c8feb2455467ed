"""From the user's own arrays to frames: shape, values and times are checked, and errors name the fault.

Pictures are streamed one at a time, so an array may be larger than memory. The meaning of their numbers
(0..1, 0..255, 10 bits, ...) is determined from a few pictures across the clip; then every picture is checked
when it is read. Ambiguous input is never guessed at: channels first, numbers below 0 and times in
milliseconds are refused with the line that corrects them. RGB and BGR cannot be distinguished: RGB is
expected, whereas OpenCV reads BGR.
Axis letters: T time, H, W.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import cv2
import numpy as np
from jaxtyping import Num

from rppg_core.errors import ClipTooShortError, UsageError
from rppg_core.video.array_times import as_array, checked_times
from rppg_core.video.frame import Frame, Plane

WANTED = "pictures (T, H, W, 3) in RGB, or (T, H, W) in grey"
RANGES = "whole numbers 0..255, or floats 0..1 or 0..255"
CHANNELS = (1, 3, 4)  # grey, RGB, RGB with alpha
SAMPLE = 9  # pictures from which the meaning of the numbers is determined
OVERSHOOT = 0.05  # of the range; interpolation may overshoot by as much
DIMMEST = 8.0  # floats 0..255 whose maximum is below this fit no known range
DEPTHS = (8, 10, 12, 14, 16)  # bits of an integer
MAX_SIDE = 32_766  # pixels; the longest side that OpenCV accepts


@dataclass(frozen=True)
class Given:
    """Frames from arrays, to be read once; `notes` state how the numbers were interpreted."""

    frames: Iterator[Frame]
    last_s: float
    notes: tuple[str, ...] = ()


def open_arrays(source: tuple[Any, ...]) -> Given:
    """Frames of a pair (pictures, times).

    Args:
        source: pictures (T, H, W, 3), (T, H, W, 4) whose alpha is ignored, (T, H, W) or (T, H, W, 1), as an
            array, a memory map, a tensor, or any iterable of pictures; and T times in seconds, of which the
            first becomes 0.

    Returns:
        Frames whose times start at 0.

    Raises:
        UsageError: wrong shape, dtype, values or times; it may be raised while the frames are read.
    """
    if len(source) != 2:
        raise UsageError(
            f"a tuple of {len(source)}", wanted="(frames, times_s)", do="call analyze((frames, times_s))"
        )
    frames, times = source
    if isinstance(frames, (str, bytes)) or hasattr(frames, "__fspath__"):
        raise UsageError(
            f"a tuple that starts with {frames!r}", wanted="one video", do="call analyze for each video"
        )
    times_s = checked_times(times)
    pictures = _pictures(frames, len(times_s))
    first = list(islice(pictures.sample, SAMPLE))
    if not first or not len(times_s):
        raise ClipTooShortError(
            f"{len(first)} frames with {len(times_s)} times",
            wanted="at least 5 s of frames",
            do="give the frames of a video and their times",
            lesson="too_short",
        )
    values = _values_from_sample(first)
    grey = first[0].ndim == 2
    notes = (
        *values.notes,
        *(("The alpha channel of the pictures was left out.",) if pictures.alpha() else ()),
    )
    frames_of = _frames(pictures.all(), times_s, values, grey)
    return Given(frames_of, float(times_s[-1]), notes)


@dataclass
class _Pictures:
    """Pictures one by one, (H, W) or (H, W, 3), and a sample of them that is read first."""

    sample: Iterator[np.ndarray]
    rest: Iterable[Any]
    shape: tuple[int, ...] | None = None
    dtype: np.dtype | None = None

    def alpha(self) -> bool:
        return self.shape is not None and self.shape[-1] == 4 and len(self.shape) == 3

    def checked(self, pictures: Iterable[tuple[int, Any]]) -> Iterator[np.ndarray]:
        """Pictures that share one size and dtype; grey ones as (H, W), alpha dropped."""
        for k, given in pictures:
            picture = as_array(given, f"frame {k}")
            self.shape, self.dtype = self.shape or picture.shape, self.dtype or picture.dtype
            if (picture.shape, picture.dtype) != (self.shape, self.dtype):
                raise UsageError(
                    f"frame {k} has shape {picture.shape} and dtype {picture.dtype}, the first one {self.shape} and "
                    f"{self.dtype}",
                    wanted="pictures of one size and dtype",
                    do="convert them to one size and dtype",
                )
            _check_picture(picture)
            if picture.ndim == 3:
                picture = picture[..., 0] if picture.shape[-1] == 1 else picture[..., :3]
            yield picture

    def all(self) -> Iterator[np.ndarray]:
        return self.checked(enumerate(self.rest))


def _pictures(frames: Any, n_times: int) -> _Pictures:
    """The pictures of an array, a sequence or any other iterable."""
    shape = getattr(frames, "shape", None)
    if shape is not None and str(getattr(frames, "dtype", "")) != "object":
        _check_shape(tuple(int(side) for side in shape), n_times)
    elif isinstance(frames, (dict, set)) or not hasattr(frames, "__iter__"):
        raise UsageError(
            f"frames of type {type(frames).__name__}", wanted=WANTED, do="call analyze((frames, times_s))"
        )
    if not hasattr(frames, "__len__") or not hasattr(frames, "__getitem__"):
        started = iter(frames)
        first = list(islice(started, SAMPLE))
        found = _Pictures(iter(()), chain(first, started))
        found.sample = found.checked(enumerate(first))
        return found
    if len(frames) != n_times:
        raise UsageError(
            f"{len(frames)} frames with {n_times} times",
            wanted="one time per frame, in seconds",
            do="check the times",
        )
    index = np.unique(np.linspace(0, n_times - 1, min(SAMPLE, n_times)).astype(int)).tolist()
    found = _Pictures(iter(()), (frames[k] for k in range(n_times)))
    found.sample = found.checked((k, frames[k]) for k in index)
    return found


def _check_shape(shape: tuple[int, ...], n_times: int) -> None:
    """Check the shape of an array of pictures; the error says how to correct the usual mistakes."""
    do = ""
    if len(shape) == 4 and shape[-1] in CHANNELS:
        return
    if len(shape) == 3 and (shape[-1] not in CHANNELS or (shape[0] == n_times and shape[-1] != 3)):
        return  # grey
    if len(shape) == 4 and shape[1] in CHANNELS:
        do = "channels come last: frames.transpose(0, 2, 3, 1), for a tensor frames.permute(0, 2, 3, 1)"
    elif len(shape) == 4 and shape[0] in CHANNELS:
        do = "channels come last: frames.transpose(1, 2, 3, 0), for a tensor frames.permute(1, 2, 3, 0)"
    elif len(shape) == 5 and shape[0] == 1:
        do = "leave the first axis out: frames[0]"
    elif len(shape) == 3:
        do = "that is one picture: give all frames of the video, 5 s or more"
    elif len(shape) == 2 and shape[-1] == 3:
        do = "that is a colour trace: rppg_core.classical takes it as RgbTrace(samples, fs)"
    raise UsageError(f"frames of shape {shape}", wanted=WANTED, do=do or "reshape the array")


def _check_picture(picture: np.ndarray) -> None:
    shape, dtype = picture.shape, picture.dtype
    if dtype.kind not in "iuf":
        do = (
            "multiply masks by 255"
            if dtype.kind == "b"
            else "convert them, for example with frames.astype(np.uint8)"
        )
        raise UsageError(f"pictures of dtype {dtype}", wanted=RANGES, do=do)
    if not (len(shape) == 2 or (len(shape) == 3 and shape[-1] in CHANNELS)) or not picture.size:
        do = (
            "channels come last: picture.transpose(1, 2, 0)"
            if len(shape) == 3 and shape[0] in CHANNELS
            else "check them"
        )
        raise UsageError(f"a picture of shape {shape}", wanted="(H, W, 3) in RGB, or (H, W) in grey", do=do)
    if max(shape[:2]) > MAX_SIDE:
        raise UsageError(
            f"a picture of shape {shape}", wanted=f"at most {MAX_SIDE} pixels a side", do="make it smaller"
        )


@dataclass(frozen=True)
class _Values:
    """What the numbers of the pictures mean."""

    low: float
    high: float  # largest number that still makes sense
    scale: float  # factor to grey levels 0..255
    words: str
    notes: tuple[str, ...] = ()


def _values_from_sample(sample: list[np.ndarray]) -> _Values:
    """The range of the numbers, estimated from some pictures of the clip."""
    dtype = sample[0].dtype
    finite = [picture[np.isfinite(picture)] for picture in sample] if dtype.kind == "f" else sample
    finite = [values for values in finite if values.size]
    if not finite:
        raise UsageError("pictures without a finite number", wanted=RANGES, do="check how they were made")
    low, high = min(float(values.min()) for values in finite), max(float(values.max()) for values in finite)
    found = f"{dtype} pictures with numbers from {low:.4g} to {high:.4g}"
    if dtype.kind != "f":
        return _whole_values(dtype, low, high, found)
    if low < -OVERSHOOT * (1 if high < DIMMEST else 255):
        do = "if they are normalised, undo it: (x + 1) / 2 for -1..1, or x * std + mean"
        raise UsageError(found, wanted=RANGES, do=do)
    if high <= 1 + OVERSHOOT:
        return _Values(-OVERSHOOT, 1 + OVERSHOOT, 255.0, "0..1")
    if DIMMEST <= high <= 255 * (1 + OVERSHOOT):
        return _Values(-255 * OVERSHOOT, 255 * (1 + OVERSHOOT), 1.0, "0..255")
    raise UsageError(
        found,
        wanted=RANGES,
        do="divide by the largest possible number, such as 1023 of 10 or 65535 of 16 bits",
    )


def _whole_values(dtype: np.dtype, low: float, high: float, found: str) -> _Values:
    """Integers: the smallest bit depth that holds them; a wrong depth changes only the brightness."""
    if low < 0:
        raise UsageError(found, wanted=RANGES, do="convert to uint8, so that 0 is black and 255 white")
    if high <= 1:
        raise UsageError(found, wanted=RANGES, do="if they were floats 0..1, multiply by 255 before rounding")
    depth = next((bits for bits in DEPTHS if high < 2**bits), None)
    if depth is None:
        raise UsageError(
            found, wanted=f"{RANGES}, or whole numbers of up to 16 bits", do="scale them to 0..255"
        )
    top = 2**depth - 1
    note = f"{dtype} pictures were read as {depth} bits a channel, 0 to {top}."
    return _Values(0, top, 255 / top, f"0..{top}", (note,) if depth > 8 or dtype.itemsize == 2 else ())


def _frames(
    pictures: Iterator[np.ndarray], times_s: np.ndarray, values: _Values, grey: bool
) -> Iterator[Frame]:
    """One Frame per picture, each checked when it is read."""
    to_rgb = np.tile([values.scale, 0.0], (3, 1)) if grey else np.eye(3, 4) * values.scale
    to_rgb = to_rgb.astype(np.float32)
    count = 0
    for count, picture in enumerate(pictures, start=1):
        if count > len(times_s):
            break
        yield Frame(float(times_s[count - 1]), (Plane(_plain(picture, count - 1, values)),), to_rgb)
    if count != len(times_s):
        raise UsageError(
            f"{count}{' or more' if count > len(times_s) else ''} frames with {len(times_s)} times",
            wanted="one time per frame, in seconds",
            do="check the times",
        )


def _plain(picture: Num[np.ndarray, "height width ..."], k: int, values: _Values) -> np.ndarray:
    """The picture as OpenCV needs it: contiguous uint8, uint16 or float32."""
    dtype = picture.dtype
    if dtype == np.uint8:
        return np.ascontiguousarray(picture)
    whole16 = dtype.kind == "u" and dtype.itemsize == 2
    with np.errstate(over="ignore", invalid="ignore"):  # the range check below finds overflow
        plain = np.ascontiguousarray(picture, dtype=np.uint16 if whole16 else np.float32)
    inside = (
        int(plain.max()) <= values.high
        if whole16
        else cv2.checkRange(plain, True, values.low, values.high + 0.01)[0]
    )
    if inside:
        return plain
    if broken := int((~np.isfinite(plain)).sum()):
        raise UsageError(
            f"frame {k} is NaN or infinite in {broken} of {plain.size} numbers",
            wanted="a number for every pixel",
            do="repair the frame, or drop it together with its time",
        )
    raise UsageError(
        f"frame {k} holds numbers from {plain.min():.4g} to {plain.max():.4g}, other frames {values.words}",
        wanted=f"one range for all frames: {RANGES}",
        do="scale all frames to 0..255",
    )
