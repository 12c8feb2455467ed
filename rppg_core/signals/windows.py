"""A signal in windows of 10 s: their spectra, their strongest lines, and the rate that runs through them.

All judgements of a heart rate start here. Windows overlap by half and never cross a gap. Axis letters: T time;
W window, F frequency, R candidate rate.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Complex, Float, Int

from rppg_core.signals.checks import check_band, check_bvp
from rppg_core.signals.filters import detrend, segments
from rppg_core.signals.rate_track import LINE_HALF_WIDTH_HZ, candidate_rates, follow, line_shares
from rppg_core.signals.spectrum import Spectrum, hann_transform, peak_hz, window_slices
from rppg_core.types import HR_BAND_HZ, Bvp

WINDOW_S = 10.0
MIN_SEGMENT_S = 5.0
CREST_HZ = 0.05  # a track runs on whole beats per minute; the crest within 3 bpm of it refines it
SNR_RANGE_DB = (-40.0, 40.0)
LOWEST_HZ = 0.5  # slower power was removed with the trend
BESIDE_HZ = 0.3  # width of the strips beside a rate in which the noise is measured
FLAT = 1e-10  # largest amplitude of a waveform without any line


@dataclass(frozen=True)
class WindowSpectra:
    """Fourier transforms of a waveform in its windows."""

    freqs_hz: Float[np.ndarray, " freq"]
    transforms: Complex[np.ndarray, "window freq"]
    spans_s: Float[np.ndarray, "window 2"]  # first and last moment of each window
    seconds: float  # usable signal
    band_hz: tuple[float, float]

    @cached_property
    def power(self) -> Float[np.ndarray, "window freq"]:
        """Power spectra."""
        return np.abs(self.transforms) ** 2

    @cached_property
    def shares(self) -> Float[np.ndarray, "window rate"]:
        """Share of the power at every candidate rate, from `line_shares`."""
        return line_shares(self.power, self.freqs_hz, self.band_hz)

    @cached_property
    def crests_hz(self) -> Float[np.ndarray, " window"]:
        """The candidate rate with the largest share of each window by itself. Unit: Hz."""
        return candidate_rates(self.band_hz)[self.shares.argmax(axis=1)]

    @cached_property
    def crest_snrs_db(self) -> Float[np.ndarray, " window"]:
        """SNR of each window at its own crest."""
        return self.snrs_db(self.crests_hz)

    @cached_property
    def track_hz(self) -> Float[np.ndarray, " window"]:
        """The rate that runs through all windows. Unit: Hz."""
        return self.refined(candidate_rates(self.band_hz)[follow(self.shares, self.middles_s)])

    @property
    def middles_s(self) -> Float[np.ndarray, " window"]:
        """Middle of each window. Unit: s."""
        return self.spans_s.mean(axis=1)

    @cached_property
    def window_s(self) -> float:
        """Median length of the windows. Unit: s."""
        return float(np.median(self.spans_s[:, 1] - self.spans_s[:, 0]))

    @cached_property
    def half_width_hz(self) -> float:
        """Half of a line's width: of the heart rate's variation, or of a short window's main lobe. Unit: Hz."""
        return max(LINE_HALF_WIDTH_HZ, 1.0 / self.window_s)

    @property
    def rate_hz(self) -> float:
        """Mean of the track. Unit: Hz."""
        return float(self.track_hz.mean())

    def at(self, spans_s: Float[np.ndarray, "other 2"]) -> WindowSpectra:
        """The same spectra in other windows: for each span, those of the window whose middle is nearest."""
        if np.array_equal(spans_s, self.spans_s):
            return self
        places = nearest(self.spans_s, spans_s)
        return replace(self, transforms=self.transforms[places], spans_s=self.spans_s[places])

    def refined(self, track_hz: Float[np.ndarray, " window"]) -> Float[np.ndarray, " window"]:
        """A track moved to the crests beside it; where a window has none, it stays. Unit: Hz."""
        crests = [
            peak_hz(Spectrum(self.freqs_hz, power), low_hz=at_hz - CREST_HZ, high_hz=at_hz + CREST_HZ)
            for power, at_hz in zip(self.power, track_hz, strict=True)
        ]
        return np.where(np.isfinite(crests), crests, track_hz)

    def line(self, rate_hz: float | Float[np.ndarray, " window"]) -> Float[np.ndarray, " window"]:
        """Power at a rate, inside the band, in each window."""
        half, (low, high) = self.half_width_hz, self.band_hz
        rate_hz = np.broadcast_to(rate_hz, len(self.power))
        return self.between(np.maximum(rate_hz - half, low), np.minimum(rate_hz + half, high))

    def between(
        self, low_hz: float | Float[np.ndarray, " window"], high_hz: float | Float[np.ndarray, " window"]
    ) -> Float[np.ndarray, " window"]:
        """Power between two frequencies, in each window."""
        rows = np.arange(len(self.power))
        first = np.broadcast_to(np.searchsorted(self.freqs_hz, low_hz), len(rows))
        last = np.broadcast_to(np.searchsorted(self.freqs_hz, high_hz, side="right"), len(rows))
        return self._sums[rows, np.maximum(first, last)] - self._sums[rows, first]

    def snrs_db(self, rate_hz: float | Float[np.ndarray, " window"]) -> Float[np.ndarray, " window"]:
        """Power at a rate and its first harmonic relative to the rest of the band, in each window.

        Source: de Haan & Jeanne 2013, eq. for SNR.
        """
        rate_hz = np.broadcast_to(rate_hz, len(self.power))
        line = self.line(rate_hz) + np.where(2 * rate_hz <= self.band_hz[1], self.line(2 * rate_hz), 0.0)
        rest = np.maximum(self.between(*self.band_hz) - line, 0.0)
        floor = 1e-300 + 1e-9 * (line + rest)
        return np.clip(10 * np.log10(np.maximum(line, floor) / np.maximum(rest, floor)), *SNR_RANGE_DB)

    def snr_db(self, rate_hz: float | Float[np.ndarray, " window"]) -> float:
        """Mean of `snrs_db` over the windows."""
        return float(self.snrs_db(rate_hz).mean())

    def contrasts(self, rate_hz: float | Float[np.ndarray, " window"]) -> Float[np.ndarray, " window"]:
        """Log of the power density at a rate over that of its neighbourhood on either side.

        Slow noise is strong at many rates beside each other; a heart is strong at one. Source: our choice.
        """
        half = self.half_width_hz
        rate_hz = np.broadcast_to(rate_hz, len(self.power))
        inner, outer = 1.5 * half, 1.5 * half + BESIDE_HZ
        low_hz = np.maximum(rate_hz - outer, LOWEST_HZ)
        below = np.maximum(rate_hz - inner, LOWEST_HZ)
        around = self.between(low_hz, below) + self.between(rate_hz + inner, rate_hz + outer)
        width = below - low_hz + outer - inner
        return np.log(
            np.maximum(self.line(rate_hz) / (2 * half), 1e-300) / np.maximum(around / width, 1e-300)
        )

    @cached_property
    def _sums(self) -> Float[np.ndarray, "window edge"]:
        return np.pad(np.cumsum(self.power, axis=1), ((0, 0), (1, 0)))


def window_spectra(bvp: Bvp, band_hz: tuple[float, float] = HR_BAND_HZ) -> WindowSpectra | None:
    """Spectra of every window of every valid segment of MIN_SEGMENT_S or more; None if there are none.

    Args:
        bvp: raw waveform.
        band_hz: heart-rate band. Unit: Hz.

    Returns:
        Spectra from 0 to 8 Hz, of the waveform minus its 1.5 s moving average; None also for a constant waveform.
    """
    check_bvp(bvp)
    check_band(band_hz)
    transforms, spans = [], []
    freqs_hz = np.zeros(0)
    for segment in long_segments(bvp.valid, bvp.fs):
        trend_free = detrend(bvp.samples[segment], bvp.fs)
        for window in window_slices(len(trend_free), bvp.fs, window_s=WINDOW_S):
            freqs_hz, transform = hann_transform(trend_free[window], bvp.fs)
            transforms.append(transform)
            start_s = bvp.t0_s + (segment.start + window.start) / bvp.fs
            spans.append((start_s, start_s + (window.stop - window.start) / bvp.fs))
    if not transforms or max(np.abs(transform).max() for transform in transforms) <= FLAT:
        return None
    usable_s = sum(s.stop - s.start for s in segments(bvp.valid)) / bvp.fs
    return WindowSpectra(freqs_hz, np.stack(transforms), np.array(spans), usable_s, band_hz)


def long_segments(valid: np.ndarray, fs: float) -> list[slice]:
    """Runs of valid samples of MIN_SEGMENT_S or more."""
    return [s for s in segments(valid) if s.stop - s.start >= MIN_SEGMENT_S * fs - 1e-6]


def nearest(
    of_s: Float[np.ndarray, "window 2"], to_s: Float[np.ndarray, "other 2"]
) -> Int[np.ndarray, " other"]:
    """For each span of `to_s`, the index of the span of `of_s` whose middle is nearest."""
    return np.abs(to_s.mean(axis=1)[:, None] - of_s.mean(axis=1)).argmin(axis=1)
