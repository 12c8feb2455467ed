"""Layers that more than one method uses.

Axis letters: B batch, C channels, T time, N cell.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

EPS = 1e-5


class TemporalBlock(nn.Module):
    """Residual block over time: norm, activation and dilated convolution; the same with a single tap.

    Source: Bai et al. 2018 (temporal convolutional networks), https://arxiv.org/abs/1803.01271. Our choice: not
    causal, pre-activation, group norm with one group, so that a sample never depends on its batch.
    """

    def __init__(self, channels: int, kernel: int, dilation: int):
        super().__init__()
        pad = dilation * (kernel - 1) // 2
        self.layers = nn.Sequential(
            nn.GroupNorm(1, channels),
            nn.GELU(),
            nn.Conv1d(channels, channels, kernel, padding=pad, dilation=dilation),
            nn.GroupNorm(1, channels),
            nn.GELU(),
            nn.Conv1d(channels, channels, 1),
        )

    def forward(self, x: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch channel time"]:
        return x + self.layers(x)


def weighted_mean(
    x: Float[Tensor, "batch time cell channel"], weight: Float[Tensor, "batch cell"]
) -> Float[Tensor, "batch time channel"]:
    """Mean over the cells, weighted by their share of skin."""
    share = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)
    return torch.einsum("btnc,bn->btc", x, share)


def standardise(x: Float[Tensor, "*batch time"]) -> Float[Tensor, "*batch time"]:
    """S(x) = (x - mean) / (standard deviation + 1e-5), over time."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / (centred.square().mean(dim=-1, keepdim=True).sqrt() + EPS)
