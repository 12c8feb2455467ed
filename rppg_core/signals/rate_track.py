"""The course of a heart rate through windows: strong in their spectra, and without leaps.

A real heart rate changes by a few beats per minute between two windows, and the strongest line of one window alone is
often not the heart's. `follow` finds the path through all windows that has the most evidence (dynamic programming).
Evidence is the share of a band's power in a line, with the power multiplied by the frequency: the noise of faces
falls with frequency, and without the factor it hides every fast heart behind slow noise.
Axis letters: W window, F frequency, R candidate rate.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from rppg_core.signals.checks import check_band, check_samples

STEP_HZ = 1 / 60  # candidate rates lie 1 bpm apart
LINE_HALF_WIDTH_HZ = 0.1  # 6 bpm: typical variation of a heart rate within a window
HARMONIC = 0.5  # weight of the line at twice the rate, at most that of the line itself
FAINTEST = 0.01  # shares below this count alike: a gap of two windows does not end a path
# Cost of a change between windows 5 s apart, in units of log share. Our choice, on simulated and real faces: a rate
# that falls by 15 bpm in 5 s is followed, and beyond 30 bpm a leap costs no more.
CHANGE_COST = 0.2 * 60  # per Hz
LEAP_COST = 6.0
# A cost for every change draws the ends of a rise or fall towards its middle. So the path is found a second time,
# near the first, with the changes of an ordinary heart free of cost.
NEAR_HZ = 8 / 60
FREE_CHANGE_HZ = 8 / 60
USUAL_STEP_S = 5.0


def candidate_rates(band_hz: tuple[float, float]) -> Float[np.ndarray, " rate"]:
    """Whole beats per minute inside a band. Unit: Hz."""
    low_hz, high_hz = check_band(band_hz)
    return np.arange(np.ceil(low_hz / STEP_HZ), np.floor(high_hz / STEP_HZ) + 1) * STEP_HZ


def line_shares(
    power: Float[np.ndarray, "window freq"],
    freqs_hz: Float[np.ndarray, " freq"],
    band_hz: tuple[float, float],
) -> Float[np.ndarray, "window rate"]:
    """Share of the band's power in a line at every candidate rate and, at half weight, at twice the rate.

    Args:
        power: spectra on an even grid; multiplied here by the frequency.
        freqs_hz: their frequencies. Unit: Hz.
        band_hz: heart-rate band. Unit: Hz.

    Returns:
        Shares, 0..1.5; 0 for a window without power.

    Source: our choice. Without the factor, slow noise hides fast hearts in recordings of real people; the line at
    twice the rate keeps the path off half of the heart's rate.
    """
    power = check_samples(power, "power", ndim=2)
    low_hz, high_hz = check_band(band_hz)
    rates_hz = candidate_rates(band_hz)
    inside = (freqs_hz >= low_hz) & (freqs_hz <= high_hz)
    sums = np.pad(np.cumsum(power * (freqs_hz * inside), axis=1), ((0, 0), (1, 0)))
    first = np.searchsorted(freqs_hz, rates_hz - LINE_HALF_WIDTH_HZ - 1e-9)
    last = np.searchsorted(freqs_hz, rates_hz + LINE_HALF_WIDTH_HZ + 1e-9)
    total = sums[:, -1:]
    lines = np.where(total > 0, (sums[:, last] - sums[:, first]) / np.maximum(total, 1e-300), 0.0)
    twice = np.rint((2 * rates_hz - rates_hz[0]) / STEP_HZ).astype(int)
    harmonics = np.where(twice < len(rates_hz), lines[:, np.minimum(twice, len(rates_hz) - 1)], 0.0)
    return lines + HARMONIC * np.minimum(lines, harmonics)


def follow(
    shares: Float[np.ndarray, "window rate"], times_s: Float[np.ndarray, " window"]
) -> Int[np.ndarray, " window"]:
    """The candidate rate of every window on the best path.

    Args:
        shares: from `line_shares`, or their mean over methods.
        times_s: middle of each window. Unit: s.

    Returns:
        Indices of candidate rates; the path maximises the sum of 2 log share minus the costs of its changes.

    Source: our choice: the Viterbi algorithm; over a longer gap a change costs less.
    """
    evidence = 2 * np.log(np.maximum(check_samples(shares, "shares", ndim=2), FAINTEST))
    first = _best_path(evidence, times_s)
    away_hz = STEP_HZ * np.abs(np.arange(evidence.shape[1]) - first[:, None])
    near = np.where(away_hz < NEAR_HZ + STEP_HZ / 2, evidence, -np.inf)
    return _best_path(near, times_s, free_hz=FREE_CHANGE_HZ)


def _best_path(
    evidence: Float[np.ndarray, "window rate"], times_s: Float[np.ndarray, " window"], free_hz: float = 0.0
) -> Int[np.ndarray, " window"]:
    """The path with the most evidence, where only changes beyond `free_hz` cost."""
    change_hz = STEP_HZ * np.abs(np.arange(evidence.shape[1])[:, None] - np.arange(evidence.shape[1]))
    change = CHANGE_COST * np.maximum(change_hz - free_hz, 0.0)
    total, origins = evidence[0], []
    for k in range(1, len(evidence)):
        gap = max(1.0, (times_s[k] - times_s[k - 1]) / USUAL_STEP_S)
        arriving = total - np.minimum(change / gap, LEAP_COST)  # to a rate (row), from a rate (column)
        origins.append(arriving.argmax(axis=1))
        total = evidence[k] + arriving.max(axis=1)
    path = [int(total.argmax())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    return np.array(path[::-1])
