"""Frequency-Aligned Spatial Attention: where on the face the rhythm of a task is, and only that rhythm from there.

Axis letters: B batch, N cell, C channels, T time, F frequency.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

SHARPNESS = 0.1  # temperature of the choice between frequencies, on the logarithm of power
FOCUS = 0.5  # temperature of the attention over cells
FARTHEST = 3.0  # standard deviations of prominence that count; a cell without skin may be far off
CONTEXT_HZ = (0.08, 5.0)  # power relative to which a rhythm is prominent
WIDTHS_HZ = {"hr": 0.15, "rr": 0.06}  # at the start; they are learned
HARMONIC = {"hr": 0.5, "rr": 0.0}  # weight of the second harmonic: a pulse has one


@dataclass(frozen=True)
class Aligned:
    """What the attention of one task gives."""

    features: Float[Tensor, "batch cell channel time"]
    attention: Float[Tensor, "batch cell"]  # mean 1
    frequency: Float[Tensor, " batch"]  # to which it is aligned. Unit: Hz
    lines: Float[Tensor, "batch freq"]  # logarithms of the shares of the frequencies of `band`


class FrequencyAlignedSpatialAttention(nn.Module):
    """Idea: cells whose power lies at the common frequency of the face have the rhythm; take that band from them.

    Parts: width of the selector.
    Shapes: features (B, N, C, T), weight (B, N) -> Aligned.
    Source: the abstract names band-pass selection in rhythmically prominent regions; all formulas are our choice. No
    gradient goes through the place of the selector, which would lock to whatever it is at; `lines` are trained.

    Args:
        task: "hr" or "rr".
        band_hz: in which the frequency is sought. Unit: Hz.
        fs: sampling rate of the features. Unit: Hz.
    """

    def __init__(self, task: str, band_hz: tuple[float, float], fs: float):
        super().__init__()
        self.band_hz, self.fs, self.harmonic = band_hz, fs, HARMONIC[task]
        self.width = nn.Parameter(torch.tensor(WIDTHS_HZ[task]).expm1().log())  # softplus gives the width

    def forward(
        self,
        features: Float[Tensor, "batch cell channel time"],
        weight: Float[Tensor, "batch cell"],
    ) -> Aligned:
        n = features.shape[3]
        freqs = torch.fft.rfftfreq(n, 1 / self.fs, device=features.device)  # (F,)
        spectra = torch.fft.rfft(features)
        power = tapered_power(spectra, n)
        band = self.band(n, features.device)
        lines = common_lines(power[..., torch.isin(freqs, band)], weight)
        centre = (lines.exp() * band).sum(dim=1)
        selector = self.select(freqs, centre.detach())  # (B, F)
        prominence = self.prominence(power, selector, freqs)
        attention = attend(prominence, weight)
        rhythm = torch.fft.irfft(selector[:, None, None] * spectra, n=n)
        return Aligned(features + attention[:, :, None, None] * rhythm, attention, centre, lines)

    def band(self, n: int, device: torch.device | None = None) -> Float[Tensor, " freq"]:
        """The frequencies of n samples' spectrum that lie in the band. Unit: Hz."""
        freqs = torch.fft.rfftfreq(n, 1 / self.fs, device=device)
        return freqs[(freqs >= self.band_hz[0]) & (freqs <= self.band_hz[1])]

    def select(
        self, freqs: Float[Tensor, " freq"], centre: Float[Tensor, " batch"]
    ) -> Float[Tensor, "batch freq"]:
        """A gain for every frequency: 1 at the centre, falling off as a Gaussian, and once more at the double."""
        width = functional.softplus(self.width)
        away = torch.stack([freqs - m * centre[:, None] for m in (1, 2)]) / width
        first, second = (-0.5 * away.square()).exp()
        return first + self.harmonic * second

    def prominence(
        self,
        power: Float[Tensor, "batch cell channel freq"],
        selector: Float[Tensor, "batch freq"],
        freqs: Tensor,
    ) -> Float[Tensor, "batch cell"]:
        """Share of a cell's power that passes the selector, mean over channels."""
        low_hz, high_hz = CONTEXT_HZ
        near = power[..., (freqs >= low_hz) & (freqs <= high_hz)].sum(dim=3)
        return (torch.einsum("bncf,bf->bnc", power, selector) / near.clamp_min(1e-9)).mean(dim=2)


def tapered_power(
    spectra: Complex[Tensor, "batch cell channel freq"], n: int
) -> Float[Tensor, "batch cell channel freq"]:
    """Power under a Hann window of n samples with zero mean, from their spectra without a window.

    Source: Harris 1978: in the spectrum this window is a mean over neighbours, which is faster than a transform more.
    """
    own = torch.cat([torch.zeros_like(spectra[..., :1]), spectra[..., 1:]], dim=3)
    beyond = own[..., -1 - (n % 2 == 0)].conj()[..., None]
    line = torch.view_as_real(torch.cat([own[..., 1:2].conj(), own, beyond], dim=3))
    tapered = line[..., 1:-1, :] / 2 - (line[..., :-2, :] + line[..., 2:, :]) / 4
    return tapered.square().sum(dim=4)


def common_lines(
    power: Float[Tensor, "batch cell channel freq"], weight: Float[Tensor, "batch cell"]
) -> Float[Tensor, "batch freq"]:
    """Logarithms of shares, nearly all on the strongest line of all skin and all channels together."""
    total = torch.einsum("bncf,bn->bf", power, weight)
    return torch.log_softmax((total + 1e-9).log() / SHARPNESS, dim=1)


def attend(
    prominence: Float[Tensor, "batch cell"], weight: Float[Tensor, "batch cell"]
) -> Float[Tensor, "batch cell"]:
    """Attention over the cells, with mean 1: softmax of their prominence, relative to its spread over the skin."""
    share = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)
    away = prominence - (share * prominence).sum(dim=1, keepdim=True)
    spread = ((share * away.square()).sum(dim=1, keepdim=True) + 1e-9).sqrt()
    score = (away / spread).clamp(-FARTHEST, FARTHEST) / FOCUS + (weight + 1e-6).log()
    return prominence.shape[1] * torch.softmax(score, dim=1)
