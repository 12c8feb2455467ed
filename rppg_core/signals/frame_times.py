"""What frame times reveal about the camera: frame rate, jitter, and the number of missing frames.

A camera may slow down in the dark and a program may write frames in bursts, so every interval is compared
with the local rate, never with one rate for the whole clip. Axis letters: T time (frames).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy.lib.stride_tricks import sliding_window_view

from rppg_core.types import VideoInfo

COUNT_S = 1.0  # in which frames are counted, before and after an interval
LEAST_S = 0.4  # the shortest such span, at the ends of a clip
ALIKE, ALIKE_AROUND = 0.25, 15  # of the rough interval; intervals on each side
SHORT, IN_BURSTS, SPREAD_FRAMES = 0.35, 0.3, 45  # of the local interval; of all; frames on each side of one
LONGEST_BURST = 64  # intervals
MISSING_FROM = 1.75  # local intervals: a longer one lacks at least one frame


@dataclass(frozen=True)
class FrameTiming:
    """Quantities derived from frame times alone."""

    fps: float  # frames per second, missing ones included; 0 for fewer than two frames
    jitter_s: float  # scatter (root mean square) of the intervals about multiples of the local one
    missing: int  # frames expected at the local rate that no burst makes up for


def frame_timing(times_s: Float[np.ndarray, " time"]) -> FrameTiming:
    """Rate, jitter and missing frames.

    Args:
        times_s: strictly increasing. Unit: s.

    Source: our choice. Missing frames are counted relative to the local rate, so that a change from 30 to 15 frames
    per second loses none. Frames that came too early just before or after are subtracted: three frames at once are a
    burst, and the pause next to them is no loss.
    """
    if len(times_s) < 2:
        return FrameTiming(0.0, 0.0, 0)
    intervals_s = np.diff(times_s)
    local_s = local_intervals_s(times_s)
    if (even_s := evened_bursts(times_s)) is not None:
        return replace(frame_timing(even_s), jitter_s=float(np.sqrt(np.mean((intervals_s - local_s) ** 2))))
    steps = np.ones(len(intervals_s))  # usual intervals in each interval
    surplus = np.minimum(intervals_s / local_s - 1, 0)  # below 0 where frames come faster than the rate
    for k in np.flatnonzero(intervals_s >= MISSING_FROM * local_s):
        before, after = surplus[max(0, k - LONGEST_BURST) : k][::-1], surplus[k + 1 : k + 1 + LONGEST_BURST]
        burst = max(_burst(before), _burst(after))
        steps[k] += max(0, round(float(intervals_s[k] / local_s[k]) - 1 - burst))
    missing = round(float(steps.sum())) - len(steps)
    span_s = float(times_s[-1] - times_s[0])
    jitter_s = float(np.sqrt(np.mean((intervals_s - steps * local_s) ** 2)))
    return FrameTiming((len(intervals_s) + missing) / span_s, jitter_s, missing)


def _burst(surplus: Float[np.ndarray, " interval"]) -> float:
    """Frames that came too early, one right after the other, from the first interval on."""
    ends = np.flatnonzero(surplus > -0.5)
    return -float(surplus[: ends[0] if len(ends) else None].sum())


def timed_info(info: VideoInfo, times_s: np.ndarray) -> VideoInfo:
    """The file information completed with what follows from the frame times.

    Args:
        info: of the same file.
        times_s: two or more frame times, strictly increasing. Unit: s.
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
    """The usual interval around each interval, from the frames in the second before and after it. Unit: s."""
    intervals_s = np.diff(times_s)
    before_s = np.minimum(COUNT_S, times_s[:-1] - times_s[0])
    after_s = np.minimum(COUNT_S, times_s[-1] - times_s[1:])
    before = _counted(times_s, times_s[:-1] - before_s + 1e-6, times_s[:-1] + 1e-6)
    after = _counted(times_s, times_s[1:] - 1e-6, times_s[1:] + after_s - 1e-6)
    enough = np.stack([before_s, after_s]) >= LEAST_S
    if not enough.any(axis=0).all():  # a clip of one second is too short to count in
        n, span_s = len(intervals_s), float(times_s[-1] - times_s[0])
        return np.full(n, max(float(np.median(intervals_s)), 0.5 * span_s / n))
    rates = np.stack([before, after]) / np.maximum([before_s, after_s], LEAST_S)
    usual_s = 1 / np.maximum(rates, 1 / COUNT_S)
    # take the second that this interval belongs to: the rate may change here, or a pause may lie on one side
    unlike = np.where(enough, np.abs(np.log(usual_s / intervals_s)), np.inf)
    rough_s = np.where(unlike[0] <= unlike[1], *usual_s)
    return _refined(intervals_s, rough_s)


def evened_bursts(times_s: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"] | None:
    """Times of frames that arrive in bursts, spread evenly over the SPREAD_FRAMES frames around each.

    Args:
        times_s: strictly increasing. Unit: s.

    Returns:
        New times, or None where frames do not come in bursts.

    Source: our choice. If a program stamps frames on arrival, the stamps say little about when each was taken, but
    the number of frames per second stays right.
    """
    n = len(times_s)
    if n < 2 * SPREAD_FRAMES or (np.diff(times_s) < SHORT * local_intervals_s(times_s)).mean() < IN_BURSTS:
        return None
    even_s = np.linspace(times_s[0], times_s[-1], n)
    late_s = np.pad(times_s - even_s, SPREAD_FRAMES, mode="reflect", reflect_type="odd")
    window = np.hanning(2 * SPREAD_FRAMES + 3)[1:-1]
    found = even_s + np.convolve(late_s, window / window.sum(), mode="valid")
    return found if (np.diff(found) > 0).all() else None


def slow_parts(times_s: Float[np.ndarray, " time"], min_fps: float) -> Bool[np.ndarray, " time"]:
    """Frames with fewer than `min_fps` frames in the second before them and in the second after them."""
    before = _counted(times_s, times_s - COUNT_S - 1e-6, times_s - 1e-6)
    after = _counted(times_s, times_s + 1e-6, times_s + COUNT_S + 1e-6)
    return np.maximum(before, after) < 0.8 * min_fps * COUNT_S  # counts fluctuate by one frame


def _counted(times_s: np.ndarray, starts_s: np.ndarray, stops_s: np.ndarray) -> np.ndarray:
    """Frames from each start until before each stop."""
    return (np.searchsorted(times_s, stops_s) - np.searchsorted(times_s, starts_s)).astype(float)


def _refined(intervals_s: np.ndarray, rough_s: np.ndarray) -> np.ndarray:
    """The rough local interval, from whole frames, refined to the mean of the similar intervals around it."""
    around = sliding_window_view(np.pad(intervals_s, ALIKE_AROUND, mode="reflect"), 2 * ALIKE_AROUND + 1)
    alike = np.abs(around / rough_s[:, None] - 1) < ALIKE
    number = alike.sum(axis=1)
    mean_s = (around * alike).sum(axis=1) / np.maximum(number, 1)
    return np.where(number > ALIKE_AROUND, mean_s, rough_s)
