"""The regions of a face against each other: a heart moves all of them in step, the noise of a camera does not.

Each pair of regions is compared through its cross spectrum, whose real part is positive where both move in step and
averages to zero where they are independent. Source: our choice. Axis letters: W window, F frequency, R region.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float

from rppg_core.signals.windows import BESIDE_HZ, LOWEST_HZ, WindowSpectra

SILENT = 1e-15  # amplitude of noise below which a region has none


class InStep:
    """How far regions move in step at a rate, window by window.

    Args:
        windows: of the waveform that is judged.
        regions: spectra of one method on each region.
        track_hz: the rate of each window. Unit: Hz.
    """

    def __init__(
        self,
        windows: WindowSpectra,
        regions: Sequence[WindowSpectra],
        track_hz: Float[np.ndarray, " window"],
    ):
        n = len(windows.spans_s)
        self.line, self.power, self.noise = np.zeros(n), np.zeros(n), np.ones(n)
        if len(regions) < 2:
            return
        transforms = np.stack([region.at(windows.spans_s).transforms for region in regions])  # (R, W, F)
        half = windows.half_width_hz
        for k, rate_hz in enumerate(track_hz):
            away_hz = np.abs(windows.freqs_hz - rate_hz)
            at = away_hz <= half
            beside = (away_hz > 1.5 * half) & (away_hz <= 1.5 * half + BESIDE_HZ)
            beside &= windows.freqs_hz >= LOWEST_HZ
            rows = transforms[:, k]
            rows = rows / np.maximum(np.sqrt(np.mean(np.abs(rows[:, beside]) ** 2, axis=1)), SILENT)[:, None]
            powers = np.mean(np.abs(rows[:, at]) ** 2, axis=1)
            pairs = list(combinations(range(len(rows)), 2))
            self.line[k] = np.mean([_step(rows[a, at], rows[b, at]) for a, b in pairs])
            self.power[k] = np.mean([np.sqrt(powers[a] * powers[b]) for a, b in pairs])
            self.noise[k] = np.mean([_step(rows[a, beside], rows[b, beside]) for a, b in pairs])

    def together(self, weights: Float[np.ndarray, " window"]) -> float:
        """Share of the regions' power at the rate that is in step: 1 in blood, 0 in independent noise."""
        power = float(weights @ self.power)
        return float(np.clip(weights @ self.line / power, -1, 1)) if power > 0 else 0.0

    def apart(self, weights: Float[np.ndarray, " window"]) -> float:
        """How far the noise beside the rate is independent, 0..1: 0 also where there are no regions to compare."""
        return float(np.clip(1 - weights @ self.noise / weights.sum(), 0, 1))


def _step(a: np.ndarray, b: np.ndarray) -> float:
    """Mean real part of a cross spectrum."""
    return float(np.vdot(a, b).real / len(a))
