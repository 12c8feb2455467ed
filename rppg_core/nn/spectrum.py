"""Differentiable spectra: the power of a waveform at each rate, and the rate derived from it.

Axis letters: B batch, T time, K rate.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def rate_grid(
    low: float, high: float, step: float, device: torch.device | None = None
) -> Float[Tensor, " rate"]:
    """Rates from `low` to below `high`. Unit: per minute."""
    return torch.arange(low, high, step, device=device)


def power_at(
    wave: Float[Tensor, "*batch time"], rates: Float[Tensor, " rate"], fs: float
) -> Float[Tensor, "*batch rate"]:
    """Power of a waveform at given rates.

    Args:
        wave: any offset; it is subtracted, and a Hann window is applied to the rest.
        rates: rates at which to compute the power. Unit: per minute.
        fs: sampling rate of the waveform. Unit: Hz.
    """
    n = wave.shape[-1]
    angle = 2 * torch.pi * rates[:, None] / 60 * torch.arange(n, device=wave.device) / fs  # (K, T)
    window = torch.hann_window(n, periodic=False, device=wave.device)
    x = (wave - wave.mean(dim=-1, keepdim=True)) * window
    return (x @ angle.cos().T) ** 2 + (x @ angle.sin().T) ** 2


def shares_from_power(power: Float[Tensor, "*batch rate"]) -> Float[Tensor, "*batch rate"]:
    """Powers as fractions of their sum."""
    return power / power.sum(dim=-1, keepdim=True).clamp_min(1e-12)


def expected_rate(
    share: Float[Tensor, "*batch rate"], rates: Float[Tensor, " rate"]
) -> Float[Tensor, "*batch"]:
    """Mean of the rates, weighted by their shares. Unit: per minute."""
    return (share * rates).sum(dim=-1)


def band_and_envelope(
    wave: Float[Tensor, "batch time"], fs: float, *, low_hz: float, high_hz: float
) -> tuple[Float[Tensor, "batch time"], Float[Tensor, "batch time"]]:
    """The part of a waveform inside a band, and its envelope over time.

    Source: analytic signal by the discrete Fourier transform (Marple 1999).
    """
    n = wave.shape[-1]
    spectrum = torch.fft.fft(wave - wave.mean(dim=-1, keepdim=True))
    freqs_hz = torch.fft.fftfreq(n, d=1 / fs, device=wave.device)
    inside = (freqs_hz >= low_hz) & (freqs_hz <= high_hz)
    analytic = torch.fft.ifft(2 * spectrum * inside)
    return analytic.real, (analytic.real**2 + analytic.imag**2 + 1e-12).sqrt()
