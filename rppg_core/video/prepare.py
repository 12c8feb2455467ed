"""Input of the methods, made from a FaceClip: even times, segments, the two bands of an STMap, windows.

This is the only resampler of the project. Training and inference call the same functions, so models trained
on simulated clips work on real ones. Axis letters: T time, N cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.errors import UsageError
from rppg_core.signals.checks import check_count, check_kind, check_number, check_rate
from rppg_core.signals.filters import bandpass, moving_average
from rppg_core.signals.projections import (
    chrom_projection,
    pbv_projection,
    pos_projection,
    relative_change,
)
from rppg_core.types import FaceClip, STMap, marked_rows
from rppg_core.video.clip_fields import whole_seconds

MAX_GAP_S = 0.3  # longer gaps split the clip
TIME_ERROR = 0.05  # of a sample interval; containers round frame times to a millisecond
FASTEST_HZ = 1000.0  # of an even clip
CLOSEST = 0.02  # of the usual interval; a frame that follows sooner is dropped
BLACK_LEVEL = 10.0  # x / (mean + 10): dark cells have no reliable relative change
PROJECTION_S = 1.6  # POS and CHROM: 32 frames at 20 fps in both papers
CELL_SIGNATURE = (0.25, 0.88, 0.40)  # unit vector of the pulse's colour in processed video
PROJECTIONS = {
    "pos": pos_projection,
    "chrom": chrom_projection,
    "pbv": lambda relative: pbv_projection(relative, relative, np.array(CELL_SIGNATURE)),
}


def cut(clip: FaceClip, part: slice | Bool[np.ndarray, " time"]) -> FaceClip:
    """A stretch of a clip, or the frames that a mask keeps, in all fields with rows per frame or per second.

    Rows per second are kept from the first to the last kept frame; a second that is cut stays whole.
    """
    kept: dict[str, Any] = {}
    for name in marked_rows(clip, "frame"):
        if (values := getattr(clip, name)) is not None:
            kept[name] = values[part]
    seconds = whole_seconds(kept["times_s"])
    first = whole_seconds(clip.times_s).start
    stretch = slice(seconds.start - first, seconds.stop - first)
    for name in marked_rows(clip, "second"):
        if (table := getattr(clip, name)) is not None:
            kept[name] = {word: numbers[stretch] for word, numbers in table.items()}
    return replace(clip, **kept)


def resample(clip: FaceClip, fs: float = 30.0) -> FaceClip:
    """The clip on even times; gaps up to MAX_GAP_S are bridged, longer ones become invalid samples.

    Args:
        clip: native times.
        fs: target rate. Unit: Hz.

    Returns:
        A clip with `fs` set; colours are NaN (crops 0) where `valid` is False. It is as long as the source
        including the interval of its last frame: 5 s at 24 fps become 5 s at 30 Hz.

    Source: our choice: cubic Hermite interpolation (Catmull-Rom slopes for uneven times), after a box average
    over 1/fs where the source is faster than 1.5 fs; constant over the last frame of a slower source.
    """
    check_kind(clip, FaceClip, "clip", do="extract one from a video, or simulate one")
    fs = check_rate(fs, most=FASTEST_HZ)
    tail_s = max(float(np.median(np.diff(clip.times_s))) - 1 / fs, 0.0)
    n = int(np.floor((clip.times_s[-1] - clip.times_s[0] + tail_s) * fs + TIME_ERROR)) + 1
    times_s = clip.times_s[0] + np.arange(n) / fs
    after_s = max(tail_s + TIME_ERROR / fs, 0.5 / fs)
    runs, valid = [], np.zeros(n, bool)
    for frames in _runs(clip.times_s, clip.valid):
        first_s, last_s = clip.times_s[frames[[0, -1]]]
        covered = (times_s >= first_s - 0.5 / fs) & (times_s <= last_s + after_s)
        runs.append((frames, covered))
        valid |= covered

    if clip.background is not None and not np.isfinite(clip.background).all():
        clip = replace(clip, background=None)
    made: dict[str, Any] = {"times_s": times_s, "valid": valid, "fs": float(fs)}
    for name, rows in marked_rows(clip, "frame").items():
        if name not in made and (values := getattr(clip, name)) is not None:
            source = values.astype(np.float32) if rows.is_crop else values
            even = _resample_runs(clip.times_s, source, times_s, runs, fs)
            made[name] = _crops(even) if rows.is_crop else even
    return replace(clip, **made)


def stmap_band(stmap: STMap, band: Literal["pulse", "slow"]) -> Float[np.ndarray, "time cell 3"]:
    """Relative change of each cell in one of two bands, with one scale for the whole clip.

    Args:
        stmap: evenly sampled cell means, no NaN.
        band: "pulse": minus a 1.5 s moving average; "slow": minus the linear trend, low-passed below 0.7 Hz.

    Returns:
        Dimensionless, standard deviation 1 over all cells weighted by skin, clipped to +-6. Never a z-score
        per cell and never raw pixels: both failed in our experiments.
    """
    check_kind(stmap, STMap, "stmap", do="make one: STMap(cells, fs, weight)")
    if not isinstance(band, str) or band not in ("pulse", "slow"):
        raise UsageError(f"band {band!r}"[:80], wanted="'pulse' or 'slow'", do="choose one of them")
    relative = relative_change(stmap.samples.swapaxes(0, 1), BLACK_LEVEL)  # (N, T, C)
    if band == "pulse":
        changes = relative.swapaxes(0, 1)
        return _one_scale(changes - moving_average(changes, stmap.fs, 1.5), stmap.weight[None, :, None])
    slow = bandpass(_without_line(relative).swapaxes(0, 1), stmap.fs, low_hz=0.0, high_hz=0.7)
    return _one_scale(slow, stmap.weight[None, :, None])


def projections(
    stmap: STMap, *, names: Sequence[str] = tuple(PROJECTIONS), window_s: float = PROJECTION_S
) -> Float[np.ndarray, "time cell projection"]:
    """The pulse of every cell by algebra in which light and motion cancel, with one scale for each projection.

    Args:
        stmap: evenly sampled cell means, no NaN.
        names: keys of PROJECTIONS, in the order of the last axis.
        window_s: length of the windows in which colours are weighed against each other. Unit: s.

    Returns:
        Dimensionless, rises with blood volume; standard deviation 1 over all cells weighted by skin, clipped to +-6.

    Source: our choice: `signals.projections` on `x / (mean + 10)` minus its line, in windows an eighth of their
    length apart, Hann overlap-add. A convolution cannot cancel light that is far larger than the pulse.
    """
    check_kind(stmap, STMap, "stmap", do="make one: STMap(cells, fs, weight)")
    check_projections(names)
    window_s = check_number(window_s, "window_s", low=0.1)
    pulses = unscaled_projections(stmap.samples, stmap.fs, names, window_s)
    return np.stack([_one_scale(pulses[..., k], stmap.weight[None, :]) for k in range(len(names))], axis=2)


def check_projections(names: Sequence[str], *, least: int = 1) -> None:
    """Check names of projections.

    Args:
        names: keys of PROJECTIONS, each at most once.
        least: how many there must be.

    Raises:
        UsageError: anything else.
    """
    if not isinstance(names, (tuple, list)) or not least <= len(names) == len({*names} & {*PROJECTIONS}):
        raise UsageError(
            f"projections {names!r}"[:80],
            wanted=f"some of {', '.join(PROJECTIONS)}, each once{'' if least else ', or ()'}",
            do="leave it out for all",
        )


def unscaled_projections(
    samples: Float[np.ndarray, "time cell 3"], fs: float, names: Sequence[str], window_s: float = PROJECTION_S
) -> Float[np.ndarray, "time cell projection"]:
    """`projections` before they are scaled: relative changes, each in the unit of its method."""
    n = len(samples)
    length = min(n, round(window_s * fs))
    windows = overlapping_windows(n, length, hop=max(1, length // 8))
    samples = samples.astype(np.float32)  # faster, and far more digits than a camera gives
    cells = np.stack([samples[window] for window in windows]).swapaxes(1, 2)  # (W, N, K, C)
    relative = _without_line(relative_change(cells, BLACK_LEVEL))
    joined = [overlap_add(list(PROJECTIONS[name](relative).swapaxes(1, 2)), windows, n) for name in names]
    return np.stack(joined, axis=2)


def overlapping_windows(n: int, length: int, *, hop: int | None = None) -> list[slice]:
    """Windows of `length` samples that cover n samples; the last one ends at n.

    Args:
        n: samples.
        length: of a window.
        hop: from the start of one to that of the next; None for half of the length.
    """
    n, length = check_count(n, "n"), check_count(length, "length", 1)
    hop = max(1, length // 2) if hop is None else check_count(hop, "hop", 1)
    if n <= length:
        return [slice(0, n)]
    starts = [*range(0, n - length, hop), n - length]
    return [slice(s, s + length) for s in starts]


def overlap_add(
    parts: list[Float[np.ndarray, "window ..."]], windows: list[slice], n: int
) -> Float[np.ndarray, "time ..."]:
    """Join windowed waveforms with Hann weights that sum to one."""
    n = check_count(n, "n")
    check_kind(parts, list, "parts", do="give the waveforms in a list")
    check_kind(windows, list, "windows", do="take windows of overlapping_windows(n, length)")
    fits = (
        all(isinstance(window, slice) for window in windows)
        and len(parts) == len(windows)
        and all(
            0 <= window.start <= window.stop <= n and len(part) == window.stop - window.start
            for part, window in zip(parts, windows, strict=True)
        )
    )
    if not fits:
        raise UsageError(
            f"{len(parts)} parts and {len(windows)} windows of {n} samples",
            wanted="one part per window, as long as the window",
            do="take windows of overlapping_windows(n, length)",
        )
    shape = parts[0].shape[1:] if parts else ()
    each = (-1, *(1,) * len(shape))
    total, weight = np.zeros((n, *shape)), np.zeros(n)
    for part, window in zip(parts, windows, strict=True):
        taper = np.hanning(len(part) + 2)[1:-1]
        total[window] += part * taper.reshape(each)
        weight[window] += taper
    return total / np.maximum(weight, 1e-9).reshape(each)


def _one_scale(values: Float[np.ndarray, "time ..."], weight: Float[np.ndarray, "#time ..."]) -> np.ndarray:
    """Values of standard deviation 1 over everything, weighted; clipped to +-6."""
    weight = np.broadcast_to(weight, values.shape)
    scale = np.sqrt((values**2 * weight).sum() / max(weight.sum(), 1e-9))
    return np.clip(values / max(scale, 1e-9), -6, 6)


def _without_line(values: Float[np.ndarray, "*any frame 3"]) -> Float[np.ndarray, "*any frame 3"]:
    """Zero-mean values minus their regression line over the frames."""
    time = np.linspace(-1, 1, values.shape[-2], dtype=values.dtype)
    slope = time @ values / (time @ time)  # (..., 3)
    return values - time[:, None] * slope[..., None, :]


def _runs(times_s: np.ndarray, valid: Bool[np.ndarray, " time"]) -> list[np.ndarray]:
    """Indices of the valid frames, split where two neighbours are more than MAX_GAP_S apart."""
    index = np.flatnonzero(valid)
    steps_s = np.diff(times_s[index], prepend=-np.inf)
    # the slope between two frames at nearly the same time is arbitrary
    index = index[steps_s > CLOSEST * np.median(steps_s[1:])] if len(index) > 1 else index
    cuts = np.flatnonzero(np.diff(times_s[index]) > MAX_GAP_S) + 1
    return [run for run in np.split(index, cuts) if len(run) >= 2]


def _crops(values: Float[np.ndarray, "time height width 3"]) -> np.ndarray:
    """Interpolated crops in the format of the pass; 0 where the face was lost."""
    return np.clip(np.round(np.nan_to_num(values)), 0, 65535).astype(np.uint16)


def _resample_runs(
    times_s: np.ndarray,
    values: np.ndarray,
    even_s: np.ndarray,
    runs: list[tuple[np.ndarray, np.ndarray]],
    fs: float,
) -> np.ndarray:
    """Values at even times; a run is the indices of its frames and a mask of the samples that it covers."""
    out = np.full((len(even_s), *values.shape[1:]), np.nan, dtype=np.result_type(values.dtype, np.float32))
    for frames, covered in runs:
        source = values[frames]
        width = round(float(1 / (fs * np.median(np.diff(times_s[frames])))))
        source_s = times_s[frames]
        if width > 1:  # times too: the mean of an even number of frames lies between two of them
            source, source_s = moving_average(source, 1.0, width), moving_average(source_s, 1.0, width)
        out[covered] = _hermite(source_s, source, even_s[covered])
    return out


def _hermite(x: np.ndarray, y: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Cubic Hermite interpolation with Catmull-Rom slopes for uneven x; constant beyond the ends."""
    slopes = np.gradient(y, x, axis=0)
    at = np.clip(at, x[0], x[-1])
    k = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    shape = (-1,) + (1,) * (y.ndim - 1)
    h = (x[k + 1] - x[k]).reshape(shape)
    u = ((at - x[k]).reshape(shape) / h).astype(y.dtype)
    return (
        (1 + 2 * u) * (1 - u) ** 2 * y[k]
        + u * (1 - u) ** 2 * h * slopes[k]
        + u**2 * (3 - 2 * u) * y[k + 1]
        - u**2 * (1 - u) * h * slopes[k + 1]
    )
