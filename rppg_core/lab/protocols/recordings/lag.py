"""How late a reference is, judged by the estimates themselves.

Oximeters average over seconds and so show a change late; a table may also start at another moment than the video. The
delay is found by shifting the reference until it agrees best with the course of the consensus. Such a fit flatters
the estimates, so its gain is printed, and no number is given with it alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rppg_core.lab.protocols.recordings.reading import reference_rate
from rppg_core.lab.protocols.voices import ClipVoices
from rppg_core.signals.filters import segments
from rppg_core.signals.spectrum import heart_rate_from_bvp, window_slices
from rppg_core.tables.reference import Reference
from rppg_core.types import Bvp

LAGS_S = tuple(float(lag) for lag in range(-5, 11))
WINDOW_S = 10.0
CAP_BPM = 15.0  # a larger difference is an error of the estimate and says nothing about time
LEAST_POINTS = 4

Course = list[tuple[float, float, float]]  # start and end of a window (s), and its rate (bpm)


@dataclass(frozen=True)
class Lag:
    """The shift of a reference that agrees best, and what it gains."""

    lag_s: float  # positive: the reference is late
    error_bpm: float  # mean difference of reference and consensus without the shift, NaN with too few windows
    lagged_error_bpm: float  # the same with it

    @property
    def gain_bpm(self) -> float:
        return self.error_bpm - self.lagged_error_bpm


def joint_course(judged: ClipVoices) -> Course:
    """The rate of the agreeing methods in windows of 10 s, half overlapping; the median over the methods."""
    waves = [wave for name in judged.agree if (wave := judged.waves.get(name)) is not None]
    if not waves:
        return []
    found = []
    for window in _windows(waves[0]):
        rates = [heart_rate_from_bvp(wave.samples[window], wave.fs) for wave in waves]
        if np.isfinite(rates).any():
            start_s = waves[0].t0_s + window.start / waves[0].fs
            seconds = (window.stop - window.start) / waves[0].fs
            found.append((start_s, start_s + seconds, float(np.nanmedian(rates))))
    return found


def estimate_lag(reference: Reference, course: Course) -> Lag:
    """The lag of LAGS_S with the smallest mean difference from the course.

    Args:
        reference: of the whole recording.
        course: windows of the consensus over the whole recording.

    Returns:
        The lag; the smallest one where several are equally good, and 0 s with fewer than LEAST_POINTS windows
        whose middle the reference covers at every lag.

    Source: our choice: differences above CAP_BPM count as CAP_BPM, all lags are compared on the same windows.
    """
    if not course:
        return Lag(0.0, float("nan"), float("nan"))
    spans = np.array(course)
    middles_s = spans[:, :2].mean(axis=1)
    first_s, last_s = reference.times_s[0] - min(LAGS_S), reference.times_s[-1] - max(LAGS_S)
    within = (middles_s >= first_s) & (middles_s <= last_s)
    if within.sum() < LEAST_POINTS:
        return Lag(0.0, float("nan"), float("nan"))
    errors = {lag_s: _error(reference, spans[within], lag_s) for lag_s in sorted(LAGS_S, key=abs)}
    best_s = min(errors, key=lambda lag_s: errors[lag_s])
    return Lag(best_s, errors[0.0], errors[best_s])


def _error(reference: Reference, spans: np.ndarray, lag_s: float) -> float:
    rates = [reference_rate(reference, start_s, end_s, lag_s=lag_s) for start_s, end_s, _ in spans]
    return float(np.minimum(np.abs(np.array(rates) - spans[:, 2]), CAP_BPM).mean())


def _windows(wave: Bvp) -> Sequence[slice]:
    found = []
    for part in segments(wave.valid):
        if part.stop - part.start >= WINDOW_S * wave.fs:
            inside = window_slices(part.stop - part.start, wave.fs, window_s=WINDOW_S)
            found += [slice(part.start + w.start, part.start + w.stop) for w in inside]
    return found
