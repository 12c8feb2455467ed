"""What frame times say of the camera: its rate, how much they jitter, and how many frames are missing.

A camera may slow down in the dark and a program may write frames in bursts, so every interval is judged
against the rate around it, never against one rate for the whole clip. Axis letters: T time (frames).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view

from rppg_core.types import VideoInfo

GRID_S = 0.25  # between two places where frames are counted
COUNT_S = 1.0  # over which they are counted
AROUND = 5  # grid places on each side of which the median is taken
MISSING_FROM = 1.75  # local intervals: a longer one lacks at least one frame


@dataclass(frozen=True)
class FrameTiming:
    """Facts that follow from frame times alone."""

    fps: float  # frames a second, missing ones counted; 0 for fewer than two frames
    jitter_s: float  # scatter (root mean square) of the intervals about multiples of the local one
    missing: int  # frames that the rate around them promises and nothing makes up for


def frame_timing(times_s: Float[np.ndarray, " time"]) -> FrameTiming:
    """Rate, jitter and missing frames.

    Args:
        times_s: strictly increasing. Unit: s.

    Source: our choice. Missing frames are counted against the rate around them, so that a change from 30 to 15
    frames a second misses none, and only as far as the surrounding second lacks them: three frames at once after a
    pause are a burst, not a loss.
    """
    if len(times_s) < 2:
        return FrameTiming(0.0, 0.0, 0)
    intervals_s = np.diff(times_s)
    local_s = local_intervals_s(times_s)
    steps = np.maximum(np.round(intervals_s / local_s), 1)
    missing = 0
    for k in np.flatnonzero(intervals_s >= MISSING_FROM * local_s):
        start_s, stop_s = times_s[k] - COUNT_S / 2, times_s[k + 1] + COUNT_S / 2
        start_s, stop_s = max(start_s, times_s[0]), min(stop_s, times_s[-1])
        seen = np.searchsorted(times_s, stop_s, side="right") - np.searchsorted(times_s, start_s) - 1
        lacking = round(float((stop_s - start_s) / local_s[k])) - int(seen)
        promised = int(steps[k]) - 1
        missing += promised if lacking > promised / 2 else max(0, lacking)
    span_s = float(times_s[-1] - times_s[0])
    jitter_s = float(np.sqrt(np.mean((intervals_s - steps * local_s) ** 2)))
    return FrameTiming((len(intervals_s) + missing) / span_s, jitter_s, missing)


def timed_info(info: VideoInfo, times_s: np.ndarray) -> VideoInfo:
    """The facts of a file that follow from the times of its frames.

    Args:
        info: of the same file.
        times_s: two or more, strictly increasing. Unit: s.
    """
    timing = frame_timing(times_s)
    interval_s = 1 / timing.fps
    return replace(
        info,
        duration_s=float(times_s[-1] - times_s[0] + interval_s),
        fps=round(timing.fps, 4),
        jitter_percent=round(100 * timing.jitter_s / interval_s, 3),
        dropped_frames=timing.missing,
    )


def local_intervals_s(times_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " interval"]:
    """The interval that is usual around each interval: a median of counts, deaf to one gap or one burst. Unit: s."""
    span_s = float(times_s[-1] - times_s[0])
    n = len(times_s) - 1
    if span_s <= 2 * COUNT_S:  # too short to count in: the median, unless frames come in bursts
        usual_s = max(float(np.median(np.diff(times_s))), 0.5 * span_s / n)
        return np.full(n, usual_s)
    grid_s = np.arange(times_s[0], times_s[-1] - COUNT_S, GRID_S)
    counts = _counted(times_s, grid_s, grid_s + COUNT_S)
    padded = np.pad(counts, AROUND, mode="edge")
    rate = np.maximum(np.median(sliding_window_view(padded, 2 * AROUND + 1), axis=1), 1.0) / COUNT_S
    middle_s = (times_s[:-1] + times_s[1:]) / 2
    rough_s = COUNT_S / np.interp(middle_s, grid_s + COUNT_S / 2, rate)
    return _refined(np.diff(times_s), rough_s)


def slow_parts(times_s: Float[np.ndarray, " time"], min_fps: float) -> Bool[np.ndarray, " time"]:
    """Frames with fewer than `min_fps` frames in the second before them and in the second after them."""
    before = _counted(times_s, times_s - COUNT_S - 1e-6, times_s - 1e-6)
    after = _counted(times_s, times_s + 1e-6, times_s + COUNT_S + 1e-6)
    return np.maximum(before, after) < 0.8 * min_fps * COUNT_S  # counts waver by a frame


def _counted(times_s: np.ndarray, starts_s: np.ndarray, stops_s: np.ndarray) -> np.ndarray:
    """Frames from each start until before each stop."""
    return (np.searchsorted(times_s, stops_s) - np.searchsorted(times_s, starts_s)).astype(float)


def _refined(intervals_s: np.ndarray, rough_s: np.ndarray) -> np.ndarray:
    """The rough local interval, counted in whole frames, made exact by the mean of the intervals that resemble it."""
    alike = np.abs(intervals_s / rough_s - 1) < 0.25
    if alike.mean() < 0.5:
        return rough_s
    ratio = np.where(alike, intervals_s / rough_s, np.nan)
    padded = np.pad(ratio, 30, mode="edge")
    with np.errstate(all="ignore"):
        sums = np.nansum(sliding_window_view(padded, 61), axis=1)
        number = np.isfinite(sliding_window_view(padded, 61)).sum(axis=1)
    return rough_s * np.divide(sums, number, out=np.ones_like(sums), where=number > 0)
