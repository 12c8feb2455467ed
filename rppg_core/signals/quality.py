"""How far a heart rate can be trusted: which other methods support it, and what contradicts it.

A clean waveform proves nothing: the output of a learned decoder is clean even for a wall. Evidence for a rate f is
    support   share of the panel's band power that lies at f (POS, CHROM, GREEN, LGI on the skin trace),
    control   the same for the control run (background, or shuffled clip), as far as it could explain the skin's line,
    snr_db    power of the method's own waveform at f and 2 f relative to the rest of the band,
    seconds   duration of usable face.
`calibration` turns the four into a probability. Axis letters: T time; W window, F frequency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.signals.checks import check_band, check_bvp, check_kind, check_number
from rppg_core.signals.filters import detrend, segments
from rppg_core.signals.spectrum import Spectrum, peak_hz, power_spectrum, window_slices
from rppg_core.types import HR_BAND_HZ, Bvp

LINE_HALF_WIDTH_HZ = 0.1  # 6 bpm: typical variation of a heart rate within a clip
AGREE_HZ = 5 / 60
MIN_SEGMENT_S = 5.0


@dataclass(frozen=True)
class WindowSpectra:
    """Power spectra of a waveform in 10 s windows, inside one band."""

    freqs_hz: Float[np.ndarray, " freq"]
    power: Float[np.ndarray, "window freq"]
    rates_hz: Float[np.ndarray, " window"]  # strongest line of each window inside the band
    seconds: float  # usable signal
    window_s: float  # median length of a window
    band_hz: tuple[float, float]

    @property
    def rate_hz(self) -> float:
        """Median rate over the windows, refined by the mean of those within 5 bpm of it.

        Source: our choice: on simulated beats the mean of agreeing windows is a third closer to the clip's heart
        rate than the median alone, and equally robust to an outlying window.
        """
        return float(np.mean(self._agreeing()))

    def line(self, rate_hz: float) -> Float[np.ndarray, " window"]:
        """Power at a rate, inside the band, in each window."""
        half = max(LINE_HALF_WIDTH_HZ, 1.0 / self.window_s)  # 1/T: half of a Hann window's main lobe
        return self.power[:, (np.abs(self.freqs_hz - rate_hz) <= half) & self._inside()].sum(axis=1)

    def share(self, rate_hz: float) -> float:
        """Share of the band's power at a rate, mean over windows, 0..1."""
        total = self._total()
        return float(np.mean(np.divide(self.line(rate_hz), total, out=np.zeros_like(total), where=total > 0)))

    def snr_db(self, rate_hz: float) -> float:
        """Power at a rate and its first harmonic relative to the rest of the band.

        Source: de Haan & Jeanne 2013, eq. for SNR; our choice: pooled over 10 s windows.
        """
        line = self.line(rate_hz)
        if 2 * rate_hz <= self.band_hz[1]:
            line = line + self.line(2 * rate_hz)
        signal, total = float(line.sum()), float(self._total().sum())
        if total <= 0:
            return -40.0
        return float(10 * np.log10(max(signal, 1e-9 * total) / max(total - signal, 1e-9 * total)))

    def _total(self) -> np.ndarray:
        return self.power[:, self._inside()].sum(axis=1)

    def _agreeing(self) -> np.ndarray:
        """Rates within 5 bpm of the lower median, which is always one of them."""
        rates = np.sort(self.rates_hz[np.isfinite(self.rates_hz)])
        return rates[np.abs(rates - rates[(len(rates) - 1) // 2]) <= AGREE_HZ]

    def _inside(self) -> np.ndarray:
        low, high = self.band_hz
        return (self.freqs_hz >= low) & (self.freqs_hz <= high)


@dataclass(frozen=True)
class Panel:
    """The fixed panel of classical methods on the skin and on the control."""

    skin: Mapping[str, WindowSpectra]
    control: Mapping[str, WindowSpectra]
    control_kind: str  # "background" or "shuffled"

    def support(self, rate_hz: float) -> float:
        """Mean share of the panel's band power at a rate, 0..1."""
        return float(np.mean([spectra.share(rate_hz) for spectra in self.skin.values()]))

    def explained(self, rate_hz: float) -> float:
        """How much of the panel's line the control could explain, largest over the panel, 0..1."""
        return max(explained_by_control(self.skin[n], self.control[n], rate_hz) for n in self.skin)


@dataclass(frozen=True)
class RateEvidence:
    """The inputs of `calibration`; they do not include the method's name."""

    support: float
    control: float
    snr_db: float
    seconds: float
    rate_bpm: float


def window_spectra(bvp: Bvp, band_hz: tuple[float, float] = HR_BAND_HZ) -> WindowSpectra | None:
    """Spectra of every window of every valid segment of MIN_SEGMENT_S or more; None if there are none."""
    check_bvp(bvp)
    low, high = check_band(band_hz)
    power, rates, lengths = [], [], []
    freqs_hz = np.zeros(0)
    for segment in segments(bvp.valid):
        samples = bvp.samples[segment]
        if len(samples) < MIN_SEGMENT_S * bvp.fs - 1e-6:
            continue
        trend_free = detrend(samples, bvp.fs)
        for window in window_slices(len(samples), bvp.fs):
            spectrum: Spectrum = power_spectrum(trend_free[window], bvp.fs)
            freqs_hz = spectrum.freqs_hz
            power.append(spectrum.power)
            rates.append(peak_hz(spectrum, low_hz=low, high_hz=high))
            lengths.append(window.stop - window.start)
    if not power or not np.isfinite(rates).any():
        return None
    usable_s = sum(s.stop - s.start for s in segments(bvp.valid)) / bvp.fs
    return WindowSpectra(
        freqs_hz, np.stack(power), np.array(rates), usable_s, float(np.median(lengths)) / bvp.fs, band_hz
    )


def explained_by_control(skin: WindowSpectra, control: WindowSpectra, rate_hz: float) -> float:
    """How much of a line in the skin the control could explain, 0..1.

    Args:
        skin: spectra of a method on the skin.
        control: the same method on the control.
        rate_hz: the rate of the line. Unit: Hz.

    Returns:
        Share of the control's power at the rate, times the ratio of the control's line to the skin's (at most 1).
        Light flicker gives nearly 1; a quiet wall behind a beating face gives nearly 0 even when its faint noise
        happens to peak at the same rate.

    Source: our choice.
    """
    for name, spectra in (("skin", skin), ("control", control)):
        check_kind(spectra, WindowSpectra, name, do="make it with window_spectra(bvp)")
    check_number(rate_hz, "rate_hz", 0)
    skin_line, control_line = float(np.mean(skin.line(rate_hz))), float(np.mean(control.line(rate_hz)))
    if skin_line <= 0:
        return 0.0
    return control.share(rate_hz) * min(1.0, control_line / skin_line)


def rate_evidence(
    spectra: WindowSpectra, rate_hz: float, *, panel: Panel | None, control: WindowSpectra | None
) -> RateEvidence:
    """All evidence on one rate of one method.

    Args:
        spectra: of the method itself.
        rate_hz: the rate to assess. Unit: Hz.
        panel: the fixed panel; without it, the support is 0.
        control: the method's own control run.
    """
    check_kind(spectra, WindowSpectra, "spectra", do="make it with window_spectra(bvp)")
    check_number(rate_hz, "rate_hz", 0)
    if panel is not None:
        check_kind(panel, Panel, "panel", do="leave it out, or take that of runs.ControlledRuns(clip)")
    own = explained_by_control(spectra, control, rate_hz) if control is not None else 0.0
    return RateEvidence(
        support=panel.support(rate_hz) if panel is not None else 0.0,
        control=max(own, panel.explained(rate_hz) if panel is not None else 0.0),
        snr_db=spectra.snr_db(rate_hz),
        seconds=spectra.seconds,
        rate_bpm=60 * rate_hz,
    )
