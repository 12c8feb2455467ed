"""Zero-phase filters, and the segments between gaps.

They avoid scipy.signal, which takes more than one CPU second to import; scipy.fft with scipy.ndimage takes 0.2 s,
half the time of analysing ten seconds of video. The tests compare these functions with scipy's. Axis letters:
T time.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.signals.checks import (
    check_count,
    check_edges,
    check_positive,
    check_rate,
    check_samples,
    check_window,
)


def bandpass(
    signal: Float[np.ndarray, "time ..."], fs: float, *, low_hz: float, high_hz: float, edge_hz: float = 0.3
) -> Float[np.ndarray, "time ..."]:
    """Zero-phase band-pass along the first axis.

    Args:
        signal: any unit, no NaN.
        fs: sampling rate. Unit: Hz.
        low_hz: lower corner (gain one half). 0 makes it a low-pass. Unit: Hz.
        high_hz: upper corner (gain one half). Unit: Hz.
        edge_hz: full width of the raised-cosine edges; end effects last for about 1 / edge_hz. Unit: Hz.

    Returns:
        Filtered signal, same shape and unit; the mean is removed when low_hz > 0.

    Source: our choice: raised-cosine gain on the FFT of the signal, extended at both ends by its point
    reflection (as scipy.signal.filtfilt does) so that the ends do not ring.
    """
    signal = check_samples(signal, "signal", ndim=None, least=2)
    check_edges(low_hz, high_hz, fs=check_rate(fs))
    check_positive(edge_hz, "edge_hz")
    n = len(signal)
    pad = min(n - 1, round(fs / max(low_hz, 0.1)))
    extended = _extended(signal, pad)
    freqs_hz = np.fft.rfftfreq(len(extended), 1 / fs)
    gain = _edge(freqs_hz - low_hz, edge_hz) if low_hz > 0 else np.ones_like(freqs_hz)
    gain = gain * _edge(high_hz - freqs_hz, edge_hz)
    shape = (-1,) + (1,) * (signal.ndim - 1)
    # subtract a line through both ends first: grey levels far from zero would ring where the FFT wraps around
    line = np.linspace(extended[0], extended[-1], len(extended))
    spectrum = np.fft.rfft(extended - line, axis=0) * gain.reshape(shape)
    filtered = np.fft.irfft(spectrum, len(extended), axis=0)
    return (filtered + line if low_hz <= 0 else filtered)[pad : pad + n]


def moving_average(
    signal: Float[np.ndarray, "time ..."], fs: float, window_s: float
) -> Float[np.ndarray, "time ..."]:
    """Centred moving average along the first axis, mirrored at the ends. window_s in seconds."""
    signal = check_samples(signal, "signal", ndim=None, finite=False)
    width = max(1, check_window(window_s, fs, len(signal)))
    mirrored = np.pad(
        signal, [(width // 2, (width - 1) // 2), *[(0, 0)] * (signal.ndim - 1)], mode="symmetric"
    )
    # subtract the first sample, so that the cumulative sums stay small and exact
    sums = np.cumsum(mirrored - mirrored[:1], axis=0, dtype=float)
    sums = np.concatenate([np.zeros_like(sums[:1]), sums])
    return ((sums[width:] - sums[:-width]) / width + mirrored[:1]).astype(
        np.result_type(signal.dtype, np.float32)
    )


def finely_sampled(
    signal: Float[np.ndarray, " time"], factor: int
) -> tuple[Float[np.ndarray, " fine"], Float[np.ndarray, " fine"]]:
    """A band-limited signal on a finer grid, by zero padding its FFT.

    Args:
        signal: evenly sampled.
        factor: ratio of the new sampling rate to the old.

    Returns:
        Positions in samples of `signal`, a little beyond both ends, and the values there.
    """
    signal = check_samples(signal, "signal", least=2)
    factor = check_count(factor, "factor", 1, 1000)
    pad = min(len(signal) - 1, 64)
    extended = _extended(signal, pad)
    n = len(extended)
    slope = (extended[-1] - extended[0]) / (n - 1)
    level = extended - extended[0] - slope * np.arange(n)
    positions = np.arange((n - 1) * factor + 1) / factor
    fine = np.fft.irfft(np.fft.rfft(level), n * factor)[: len(positions)] * factor
    return positions - pad, fine + extended[0] + slope * positions


def detrend(
    signal: Float[np.ndarray, "time ..."], fs: float, *, window_s: float = 1.5
) -> Float[np.ndarray, "time ..."]:
    """The signal minus its moving average (window_s in seconds): slow drift removed, pulse kept."""
    signal = check_samples(signal, "signal", ndim=None)
    return signal - moving_average(signal, fs, window_s)


def standardise(signal: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Zero mean and unit standard deviation; zeros when the signal is constant."""
    signal = check_samples(signal, "signal")
    centred = signal - signal.mean()
    std = centred.std()
    return centred / std if std > 1e-12 * (1 + np.abs(signal).max()) else np.zeros_like(centred)


def segments(valid: Bool[np.ndarray, " time"]) -> list[slice]:
    """Runs of True, in order."""
    valid = check_samples(valid, "valid", least=0) > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], valid, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def longest_segment(valid: Bool[np.ndarray, " time"]) -> slice:
    """The longest run of True, the first of several; an empty slice without any."""
    return max(segments(valid), key=lambda run: run.stop - run.start, default=slice(0, 0))


def _extended(signal: np.ndarray, pad: int) -> np.ndarray:
    """The signal extended at both ends by its point reflection, by `pad` samples each."""
    head = 2 * signal[0] - signal[pad:0:-1]
    tail = 2 * signal[-1] - signal[-2 : -pad - 2 : -1]
    return np.concatenate([head, signal, tail])


def _edge(distance_hz: np.ndarray, width_hz: float) -> np.ndarray:
    """Gain at `distance_hz` from a corner (positive inside the band): 0 outside, 1 inside, raised cosine between."""
    return 0.5 + 0.5 * np.sin(np.pi * np.clip(distance_hz / width_hz, -0.5, 0.5))
