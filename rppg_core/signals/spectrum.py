"""Power spectra of a pulse with sub-bin peaks, of a whole signal or of 10 s windows.

A plain FFT of 128 frames at 30 fps can only return 54, 70, 84 or 98 bpm; zero padding and a parabola through the top
three bins remove these steps. Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex, Float

from rppg_core.signals.checks import (
    check_count,
    check_edges,
    check_kind,
    check_positive,
    check_rate,
    check_samples,
)
from rppg_core.signals.filters import detrend
from rppg_core.types import HR_BAND_HZ

SLOW_HZ = 0.5  # a pulse has no power of its own below it: 30 bpm
BIN_HZ = 0.25 / 60  # grid of the padded spectrum: a quarter of a beat per minute


@dataclass(frozen=True)
class Spectrum:
    """A one-sided power spectrum on an even grid."""

    freqs_hz: Float[np.ndarray, " freq"]
    power: Float[np.ndarray, " freq"]

    def band(self, low_hz: float, high_hz: float) -> Spectrum:
        """The part between two frequencies, both included."""
        keep = (self.freqs_hz >= low_hz) & (self.freqs_hz <= high_hz)
        return Spectrum(self.freqs_hz[keep], self.power[keep])


def power_spectrum(signal: Float[np.ndarray, " time"], fs: float, *, max_hz: float = 8.0) -> Spectrum:
    """Hann-windowed, zero-padded periodogram up to max_hz, on a grid of at most BIN_HZ.

    Args:
        signal: no NaN, any unit; its mean is removed.
        fs: sampling rate. Unit: Hz.
        max_hz: highest frequency kept. Unit: Hz.

    Returns:
        Power in signal units squared (not normalised by bandwidth).

    Source: our choice (Hann window, so that side lobes of a strong drift do not reach the band).
    """
    freqs_hz, transform = hann_transform(signal, fs, max_hz=max_hz)
    return Spectrum(freqs_hz, np.abs(transform) ** 2)


def hann_transform(
    signal: Float[np.ndarray, " time"], fs: float, *, max_hz: float = 8.0
) -> tuple[Float[np.ndarray, " freq"], Complex[np.ndarray, " freq"]]:
    """Frequencies and Fourier transform whose squared size is `power_spectrum`; its phase compares signals.

    Args:
        signal: no NaN, any unit; its mean is removed.
        fs: sampling rate. Unit: Hz.
        max_hz: highest frequency kept. Unit: Hz.
    """
    signal = check_samples(signal, "signal", least=2)
    check_rate(fs)
    check_positive(max_hz, "max_hz")
    n = len(signal)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)
    n_fft = max(n, int(np.ceil(fs / BIN_HZ)))
    transform = np.fft.rfft((signal - signal.mean()) * window, n_fft) / np.sum(window)
    freqs_hz = np.fft.rfftfreq(n_fft, 1 / fs)
    keep = freqs_hz <= max_hz
    return freqs_hz[keep], transform[keep]


def peak_hz(spectrum: Spectrum, *, low_hz: float = HR_BAND_HZ[0], high_hz: float = HR_BAND_HZ[1]) -> float:
    """Frequency of the strongest crest inside a band, refined by a parabola through its log power; NaN if none.

    The band edge is not a crest: power that leaks in from a drift below the band is not a rate.

    Source: our choice: parabolic interpolation on the log spectrum is exact for a Gaussian main lobe.
    """
    check_kind(spectrum, Spectrum, "spectrum", do="make it with power_spectrum(bvp, fs)")
    check_edges(low_hz, high_hz)
    part = spectrum.band(low_hz, high_hz)
    power = part.power
    crest = 1 + np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] > power[2:]))
    if not len(crest) or power[crest].max() <= 1e-20:
        return float("nan")
    k = int(crest[np.argmax(power[crest])])
    left, top, right = np.log(power[k - 1 : k + 2] + 1e-300)
    curvature = left - 2 * top + right
    shift = 0.5 * (left - right) / curvature if curvature < 0 else 0.0
    return float(part.freqs_hz[k] + shift * (part.freqs_hz[1] - part.freqs_hz[0]))


def heart_rate_from_bvp(
    bvp: Float[np.ndarray, " time"],
    fs: float,
    *,
    low_hz: float = HR_BAND_HZ[0],
    high_hz: float = HR_BAND_HZ[1],
) -> float:
    """Heart rate of one window as the strongest spectral line inside the cardiac band.

    Args:
        bvp: blood volume pulse, any amplitude, no NaN.
        fs: sampling rate. Unit: Hz.
        low_hz: lower edge of the band. Unit: Hz (0.65 Hz is 39 bpm).
        high_hz: upper edge of the band. Unit: Hz (4.0 Hz is 240 bpm).

    Returns:
        Heart rate. Unit: beats per minute. NaN for a constant signal.

    Source: de Haan & Jeanne 2013 (spectral peak); our choice: padding and parabolic refinement.
    """
    check_edges(low_hz, high_hz, fs=check_rate(fs))
    return 60 * peak_hz(power_spectrum(detrend(bvp, fs), fs), low_hz=low_hz, high_hz=high_hz)


def window_slices(n: int, fs: float, *, window_s: float = 10.0) -> list[slice]:
    """Windows of window_s seconds that overlap by half and cover n samples.

    Source: our choice: the spectrum of a long clip is up to 3 bpm off when the rate varies, so the heart rate of
    a longer clip comes from windows.
    """
    n = check_count(n, "n")
    length = max(1, round(check_positive(window_s, "window_s", "s") * check_rate(fs)))
    if n <= length:
        return [slice(0, n)]
    n_windows = int(np.ceil((n - length) / (length / 2))) + 1
    starts = np.linspace(0, n - length, n_windows).round().astype(int)
    return [slice(int(s), int(s) + length) for s in starts]


def slow_share(bvp: Float[np.ndarray, " time"], fs: float) -> float:
    """Spectral leakage: share of a pulse's power below SLOW_HZ, where breathing is. 0 for a flat waveform.

    Args:
        bvp: any unit.
        fs: sampling rate. Unit: Hz.

    Source: our choice, for the claim of PhysVLM that consistency between tasks lowers spectral leakage.
    """
    spectrum = power_spectrum(bvp, fs)
    total = float(spectrum.power.sum())
    return float(spectrum.power[spectrum.freqs_hz < SLOW_HZ].sum()) / total if total > 0 else 0.0
