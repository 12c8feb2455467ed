"""The pulse of a face without one of its octaves, for looking inside: which of them holds the rate?

Axis letters: T time, N cell, J octave (from the highest to the lowest), K rate.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.models.physvlm.config import STRIDE, PhysVLMConfig
from rppg_core.models.physvlm.wavelet_block import octave_of_coefficients, transform_matrices
from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power
from rppg_core.types import FS

RATES_BPM = (30.0, 240.0, 3.0)  # of the spectra: low, end, step


def muted_maps(
    stmap: Float[Tensor, "time cell channel"], config: PhysVLMConfig, wavelet: str | Tensor
) -> Float[Tensor, "version time cell channel"]:
    """A map as it is, then without each of the octaves of the Wavelet Temporal Block in turn.

    Args:
        stmap: at 30 Hz.
        wavelet: of the block, or its low-pass filter.
        config: sets the levels. Octave 0 is 3.75 to 7.5 Hz, the last one all that is left below the others.
    """
    T = len(stmap)
    above = STRIDE.bit_length() - 1  # octaves of the map that features at a lower rate do not have
    analysis, synthesis = transform_matrices(wavelet, T, config.levels + above)
    octave = octave_of_coefficients(T, config.levels + above)
    flat = stmap.flatten(1)  # (T, N * channels)
    without = [
        flat - synthesis[octave == j + above].T @ (analysis[:, octave == j + above].T @ flat)
        for j in range(config.levels + 1)
    ]
    return torch.stack([flat, *without]).reshape(-1, *stmap.shape)


def octave_edges_hz(config: PhysVLMConfig) -> list[tuple[float, float]]:
    """Lowest and highest frequency of every octave, from the highest to the lowest. Unit: Hz."""
    top = FS / STRIDE / 2
    split = [(top / 2 ** (j + 1), top / 2**j) for j in range(config.levels)]
    return [*split, (0.0, split[-1][0])]


def rate_shares(bvp: Float[Tensor, "version time"]) -> Float[Tensor, "version rate"]:
    """Share of each of RATES_BPM in the spectrum of waveforms at 30 Hz."""
    return shares_from_power(power_at(bvp, rate_grid(*RATES_BPM, device=bvp.device), FS))
