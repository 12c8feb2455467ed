"""From features to outputs: rates, a percentage, and the pulse.

This is the last stage of the network, after `trunk`. Axis letters: B batch, C channels, H rows, T time, K rate.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.nn.spectrum import expected_rate, power_at, rate_grid, shares_from_power

WAVES = 6  # learned waveforms; a rate is read from their spectra


class PooledHead(nn.Module):
    """A number as a linear function of the features' means.

    Source: PhysMLE, released code (global average, one linear layer). Our choice: the bias starts at a typical value,
    so that thousands of steps are not spent on the offset; and `spread` adds the log variance of each feature to its
    mean, because the mean of a wave does not reflect its amplitude.

    Shapes: (B, C, H, T) -> (B,).
    """

    def __init__(self, channels: int, start: float, *, spread: bool):
        super().__init__()
        self.spread = spread
        self.line = nn.Linear(2 * channels if spread else channels, 1)
        nn.init.constant_(self.line.bias, start)

    def pool(self, features: Float[Tensor, "batch channel row time"]) -> Float[Tensor, "batch feature"]:
        mean = features.mean(dim=(2, 3))
        if not self.spread:
            return mean
        return torch.cat([mean, (features.mean(dim=2).var(dim=2) + 1e-4).log()], dim=1)

    def forward(self, features: Float[Tensor, "batch channel row time"]) -> Float[Tensor, " batch"]:
        return self.line(self.pool(features))[:, 0]


class SpectralHead(nn.Module):
    """A rate as the expectation over the joint spectrum of a few learned waveforms.

    Source: our choice, where the paper uses a linear function of means: a rate is the place of a spectral peak, and a
    mean over time loses it.

    Args:
        channels: of the features.
        low: lowest rate. Unit: per minute.
        high: end of the grid, exclusive. Unit: per minute.
        step: step of the grid. Unit: per minute.

    Shapes: (B, C, H, T) -> log shares (B, K).
    """

    rates: Tensor

    def __init__(self, channels: int, low: float, high: float, step: float):
        super().__init__()
        self.project = nn.Conv1d(channels, WAVES, 1, bias=False)
        self.trust = nn.Parameter(torch.full((WAVES,), 2.0 / WAVES))
        self.register_buffer("rates", rate_grid(low, high, step), persistent=False)

    def forward(
        self, features: Float[Tensor, "batch channel row time"], fs: float
    ) -> Float[Tensor, "batch rate"]:
        waves = self.project(features.mean(dim=2))  # (B, waves, T)
        shares = shares_from_power(power_at(waves, self.rates, fs)).clamp_min(1e-4).log()
        return torch.log_softmax(torch.einsum("bwk,w->bk", shares, self.trust), dim=1)

    def rate(self, log_share: Float[Tensor, "batch rate"]) -> Float[Tensor, " batch"]:
        """The expected rate of the distribution. Unit: per minute."""
        return expected_rate(log_share.exp(), self.rates)


class BvpDecoder(nn.Module):
    """Decode features to a pulse at the map's sampling rate, doubling the rate step by step.

    Source: PhysMLE, released code (transposed convolution and a block, as often as the trunk halved the rate; no
    residual). Our choice: rows are averaged at the start.

    Shapes: (B, C, H, T) -> (B, T * 2 ** doublings).
    """

    def __init__(self, channels: int, doublings: int):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(doublings):
            smaller = max(channels // 2, 8)
            layers += [
                nn.ConvTranspose1d(channels, smaller, 2, stride=2),
                nn.GroupNorm(1, smaller),
                nn.GELU(),
                nn.Conv1d(smaller, smaller, 5, padding=2),
                nn.GroupNorm(1, smaller),
                nn.GELU(),
            ]
            channels = smaller
        self.layers = nn.Sequential(*layers, nn.Conv1d(channels, 1, 5, padding=2))

    def forward(self, features: Float[Tensor, "batch channel row time"]) -> Float[Tensor, "batch time2"]:
        return self.layers(functional.gelu(features.mean(dim=2)))[:, 0]
