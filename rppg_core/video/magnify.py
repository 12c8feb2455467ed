"""Eulerian colour magnification: changes of colour that are too small for the eye, made large.

A video is filtered in time, pixel by pixel, and what passes the band is added to it many times over. Two forms:

    network  every pixel alike: x + factor * band-pass(x). It keeps the ratio of the colours, which is what a network
             for SpO2 reads, and adds no information: what is noise grows as much as the pulse.
    view     for the eye: the band is taken on a small copy of each picture, and the finer a level of its Laplacian
             pyramid is, the less of it is added. At the edges of things motion is larger than any pulse.

Source: Wu et al. 2012, "Eulerian Video Magnification for Revealing Subtle Changes in the World", section 3 and the
gain of equation 14, https://doi.org/10.1145/2185520.2185561.
What differs from the paper: the residual of the pyramid is magnified as well, since a pulse is nearly even over the
skin and lies there; red, green and blue get the same gain, where the paper reduces chroma; the filter has zero phase
and mirrored ends.
Axis letters: T time, H height, W width.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from rppg_core.errors import ClipTooShortError, UsageError
from rppg_core.signals.checks import check_edges, check_number
from rppg_core.signals.filters import bandpass
from rppg_core.signals.frame_times import frame_timing
from rppg_core.types import Progress
from rppg_core.video.reader import Video, open_video
from rppg_core.video.writer import write_video

FACTOR = 120.0
BAND_HZ = (0.4, 4.0)
EDGE_HZ = 0.3  # width of the band's edges
MOST = 1000.0  # largest factor
SMALL = 64  # longer side of the copy on which the band is taken, pixels
CUTOFF_PX = 80.0  # wavelength below which less is added; the paper's lambda_c, for pictures as small as these
SHARE_OF_DIAGONAL = 1 / 3  # of the picture's diagonal, the wavelength of the coarsest level
MIN_S, MAX_S = 3.0, 120.0  # length of a video
BLOCK = 512  # values of a frame that are filtered together
TOLD_EVERY = 15  # pictures in memory, from one report of the progress to the next
SPOTS = {  # words for the size of what changes, and its share of the picture's longer side
    "the whole picture": 4.0,
    "half its longer side": 0.5,
    "an eighth of it": 0.125,
    "a twentieth": 0.05,
}
CRF = 22  # quality of the new file; noise that was magnified takes most of it
FLASHES = (
    "A magnified video flickers with the pulse. Do not show it to people who are sensitive to flashing light."
)


def magnify(
    frames: Float[np.ndarray, "time height width 3"],
    fs: float,
    *,
    factor: float = FACTOR,
    band_hz: tuple[float, float] = BAND_HZ,
) -> Float[np.ndarray, "time height width 3"]:
    """Form `network`: x + factor * band-pass(x), in float32, not clipped.

    Args:
        frames: at an even rate, any unit.
        fs: their rate. Unit: Hz.
        factor: 0 gives the frames back.
        band_hz: what is magnified. Unit: Hz.

    Raises:
        UsageError: a factor or a band that is impossible.
    """
    band = band_of_frames(frames, fs, band_hz)
    return (frames + check_number(factor, "factor", 0, MOST) * band).astype(np.float32)


def band_of_frames(
    frames: Float[np.ndarray, "time ..."], fs: float, band_hz: tuple[float, float] = BAND_HZ
) -> Float[np.ndarray, "time ..."]:
    """What changes within a band, at every place and in every colour.

    Raises:
        UsageError: a band that is impossible at this rate.
    """
    low_hz, high_hz = band_hz
    check_edges(low_hz, high_hz, fs=fs)
    flat = frames.reshape(len(frames), -1)
    band = np.empty(flat.shape, np.float32)
    # in blocks, because the filter takes a dozen times the memory of what it is given
    for start in range(0, flat.shape[1], BLOCK):
        part = flat[:, start : start + BLOCK]
        band[:, start : start + BLOCK] = bandpass(part, fs, low_hz=low_hz, high_hz=high_hz, edge_hz=EDGE_HZ)
    return band.reshape(frames.shape)


@dataclass(frozen=True)
class PyramidGains:
    """What each level of a Laplacian pyramid is multiplied by before it is added."""

    levels: tuple[float, ...]  # from the finest to the coarsest
    residual: float

    @classmethod
    def for_picture(cls, height: int, width: int, factor: float) -> PyramidGains:
        """Gains of form `view` for a picture of this size.

        Source: Wu et al. 2012, equation 14 solved for the gain, and doubled as in their released script.
        """
        n = max(1, int(np.log2(min(height, width))) - 2)
        coarsest_px = float(np.hypot(height, width)) * SHARE_OF_DIAGONAL
        delta = CUTOFF_PX / (8 * (1 + factor))
        gains = [float(np.clip(2 * (coarsest_px / 2**k / (8 * delta) - 1), 0, factor)) for k in range(n)]
        return cls(tuple(gains[::-1]), factor)

    def add(self, picture: Float[np.ndarray, "height width 3"]) -> Float[np.ndarray, "height width 3"]:
        """What is added for a picture of the band: its levels, each times its gain."""
        sizes, details = [], []
        for gain in self.levels:
            height, width = picture.shape[:2]
            smaller = cv2.pyrDown(picture)
            details.append(gain * (picture - cv2.pyrUp(smaller, dstsize=(width, height))))
            sizes.append((width, height))
            picture = smaller
        found = self.residual * picture
        for detail, size in zip(reversed(details), reversed(sizes), strict=True):
            found = cv2.pyrUp(found, dstsize=size) + detail
        return found

    def of_spot(self, share: float, side: int = SMALL) -> float:
        """How many times larger the middle of a round spot gets that changes by itself.

        Args:
            share: diameter of the spot relative to the side of a square picture.
            side: of that picture, pixels.
        """
        y, x = np.mgrid[:side, :side] - (side - 1) / 2
        spot = (np.hypot(x, y) <= max(share * side / 2, 0.8)).astype(np.float32)
        inner = np.hypot(x, y) <= max(share * side / 4, 0.8)
        return 1 + float(self.add(np.repeat(spot[..., None], 3, axis=2))[inner].mean())

    def words(self, spots: Mapping[str, float] = SPOTS) -> str:
        """By how much a change of colour grows, for spots by their names and shares of the side."""
        grown = ", ".join(f"{words} {self.of_spot(share):.0f}" for words, share in spots.items())
        return f"A change of colour grows by its size: {grown} times."


@dataclass(frozen=True)
class Magnified:
    """A magnified video, and how much changes of colour grew in it."""

    path: Path
    n_frames: int
    gains: PyramidGains
    clipped: float  # share of the pixels of which a colour reached the end of its range

    def words(self) -> str:
        """The outcome, with the gain by the size of what changes."""
        return (
            f"{self.path}: {self.n_frames} frames. {self.gains.words()} "
            f"{100 * self.clipped:.1f} % of the pixels reach the end of a colour's range. {FLASHES}"
        )


@dataclass(frozen=True)
class MagnifiedPictures:
    """Pictures in memory, before and after; the same of them at the same times."""

    times_s: Float[np.ndarray, " time"]
    before: UInt8[np.ndarray, "time height width 3"]
    after: UInt8[np.ndarray, "time height width 3"]
    gains: PyramidGains
    clipped: float  # share of the pixels of which a colour reached the end of its range


def magnify_video(
    video: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    factor: float = FACTOR,
    band_hz: tuple[float, float] = BAND_HZ,
    fps: float | None = None,
    progress: Progress | None = None,
) -> Magnified:
    """Form `view` of a video file. It is read twice, so that memory holds small copies alone.

    Args:
        video: the file.
        out: name of the new one (.mp4, H.264).
        factor: of what is as large as the picture; less for what is small.
        band_hz: what is magnified. Unit: Hz.
        fps: rate of a file that states none or a wrong one. Unit: Hz.
        progress: called with a stage and a fraction.

    Raises:
        UsageError: a factor or a band that is impossible, or a name with another extension.
        VideoError, ClipTooLongError: a file that cannot be read, or longer than MAX_S.
        ClipTooShortError: shorter than MIN_S.
        WriteError: the new file cannot be written.
    """
    factor, tell = check_number(factor, "factor", 0, MOST), progress or (lambda stage, fraction: None)
    check_edges(*band_hz)
    if Path(out).suffix.lower() != ".mp4":
        raise UsageError(f"output {str(out)!r}", wanted="a name that ends in .mp4", do="choose one")
    opened = open_video(video, max_s=MAX_S, fps=fps)
    length_s = max(opened.header.duration_s, 1e-3)
    times_s, small = _small_copies(opened, lambda t: tell("reading", 0.4 * min(t / length_s, 1)))
    _check_length(times_s, "the video lasts")
    band = _band_at(times_s, small, band_hz)
    _, height, width, _ = small.shape
    gains = PyramidGains.for_picture(height, width, factor)
    clipped: list[float] = []

    def pictures() -> Iterator[UInt8[np.ndarray, "height width 3"]]:
        size = None  # even, as its encoder wants
        for k, frame in enumerate(open_video(video, max_s=MAX_S, fps=fps).frames()):
            size = size or (frame.width - frame.width % 2, frame.height - frame.height % 2)
            picture = frame.region(0, 0, frame.width, frame.height, *size)
            picture, beyond = _with_band(picture, band[k], gains)
            clipped.append(beyond)
            yield picture
            tell("magnifying", 0.4 + 0.6 * (k + 1) / len(times_s))

    n = write_video(out, pictures(), times_s=times_s.tolist(), codec="h264", crf=CRF)
    return Magnified(Path(out), n, gains, float(np.mean(clipped)))


def magnify_pictures(
    pictures: UInt8[np.ndarray, "time height width 3"],
    times_s: Float[np.ndarray, " time"],
    *,
    factor: float = FACTOR,
    band_hz: tuple[float, float] = BAND_HZ,
    progress: Progress | None = None,
) -> MagnifiedPictures:
    """Form `view` of pictures in memory, at even or uneven times.

    Args:
        pictures: RGB. Those that are 0 everywhere, as crops are where the face was lost, are left out; the band is
            drawn straight across the gap.
        times_s: strictly increasing. Unit: s.
        factor: of what is as large as the picture; less for what is small.
        band_hz: what is magnified. Unit: Hz.
        progress: called with a stage and a fraction.

    Raises:
        UsageError: a factor or a band that is impossible.
        ClipTooShortError: pictures over less than MIN_S.
    """
    factor, tell = check_number(factor, "factor", 0, MOST), progress or (lambda stage, fraction: None)
    check_edges(*band_hz)
    seen = np.array([bool(picture.any()) for picture in pictures], bool)
    pictures, times_s = pictures[seen], np.asarray(times_s, float)[seen]
    _check_length(times_s, "the pictures cover")
    tell("filtering", 0.0)
    width, height = _small_size(pictures.shape[2], pictures.shape[1])
    small = [
        cv2.resize(x.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) for x in pictures
    ]
    band = _band_at(times_s, np.stack(small), band_hz)
    gains = PyramidGains.for_picture(height, width, factor)
    made, clipped = np.empty_like(pictures), np.zeros(len(pictures))
    for k, picture in enumerate(pictures):
        made[k], clipped[k] = _with_band(picture.astype(np.float32), band[k], gains)
        if k % TOLD_EVERY == 0:
            tell("magnifying", 0.5 + 0.5 * k / len(pictures))
    return MagnifiedPictures(times_s, pictures, made, gains, float(clipped.mean()))


def _check_length(times_s: Float[np.ndarray, " time"], what: str) -> None:
    length_s = float(times_s[-1] - times_s[0]) if len(times_s) else 0.0
    if length_s < MIN_S - 0.1:
        raise ClipTooShortError(
            f"{what} {length_s:.1f} s", wanted=f"at least {MIN_S:g} s", do="record a longer one"
        )


def _with_band(
    picture: Float[np.ndarray, "height width 3"], band: Float[np.ndarray, "h w 3"], gains: PyramidGains
) -> tuple[UInt8[np.ndarray, "height width 3"], float]:
    """A picture, overwritten, with its band added; and the share of pixels at the end of a colour's range."""
    size = picture.shape[1], picture.shape[0]
    cv2.add(picture, cv2.resize(gains.add(band), size, interpolation=cv2.INTER_LINEAR), dst=picture)
    beyond = (picture[::8, ::8] < 0) | (picture[::8, ::8] > 255)
    return cv2.convertScaleAbs(np.maximum(picture, 0, out=picture)), float(beyond.any(axis=2).mean())


def _small_size(width: int, height: int) -> tuple[int, int]:
    """Width and height of the copy on which the band is taken."""
    shrink = SMALL / max(width, height)
    return max(8, round(width * shrink)), max(8, round(height * shrink))


def _small_copies(
    video: Video, tell: Callable[[float], None]
) -> tuple[Float[np.ndarray, " time"], Float[np.ndarray, "time height width 3"]]:
    """Times and area-averaged copies of all frames, of the first frame's shape."""
    times_s: list[float] = []
    copies: list[np.ndarray] = []
    for frame in video.frames():
        if not copies:
            width, height = _small_size(frame.width, frame.height)
        copies.append(frame.region(0, 0, frame.width, frame.height, width, height))
        times_s.append(frame.time_s)
        tell(frame.time_s)
    return np.array(times_s), np.stack(copies)


def _band_at(
    times_s: Float[np.ndarray, " time"],
    frames: Float[np.ndarray, "time height width 3"],
    band_hz: tuple[float, float],
) -> Float[np.ndarray, "time height width 3"]:
    """The band of frames at uneven times: filtered on an even grid, and read there again."""
    fs = frame_timing(times_s).fps
    even_s = np.arange(times_s[0], times_s[-1] + 0.5 / fs, 1 / fs)
    band = band_of_frames(_read_at(times_s, frames, even_s), fs, band_hz)
    return _read_at(even_s, band, times_s)


def _read_at(
    times_s: Float[np.ndarray, " time"], frames: Float[np.ndarray, "time ..."], at_s: Float[np.ndarray, " at"]
) -> Float[np.ndarray, "at ..."]:
    """Frames at other times, on straight lines between neighbours."""
    before = np.clip(np.searchsorted(times_s, at_s, side="right") - 1, 0, len(times_s) - 2)
    rest = (at_s - times_s[before]) / (times_s[before + 1] - times_s[before])
    rest = np.clip(rest, 0, 1).astype(np.float32).reshape(-1, *[1] * (frames.ndim - 1))
    return (1 - rest) * frames[before] + rest * frames[before + 1]
