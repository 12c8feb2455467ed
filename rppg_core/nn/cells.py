"""From a map to one series of features: the same filter on every cell, then a trust weight for each cell.

Used by tracenet and physmle. Our choice: cells keep their place and their relative strength, and the trust in each
cell in a window is learned, in addition to its share of skin.
Axis letters: B batch, T time, N cell, C channels.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.nn.layers import weighted_mean


class CellEncoder(nn.Module):
    """The same temporal convolutions on every cell, each together with the mean of the whole skin.

    Args:
        channels: features per cell.
        colours: values per cell and sample; 3 per band.
        stride: neighbouring samples merged into one; the length of a map must be a multiple of it.

    Shapes: (B, T, N, colours) and (B, N) -> (B, N, C, T / stride).
    """

    def __init__(self, channels: int, *, colours: int = 3, stride: int = 1):
        super().__init__()
        self.stride = stride
        self.mix = nn.Conv1d(2 * stride * colours, channels, 1)
        self.filter = nn.Conv1d(channels, channels, 9, padding=4, groups=channels)
        self.combine = nn.Conv1d(channels, channels, 1)

    def forward(
        self, stmap: Float[Tensor, "batch time cell colour"], weight: Float[Tensor, "batch cell"]
    ) -> Float[Tensor, "batch cell channel time2"]:
        B, T, N, colours = stmap.shape
        steps = T // self.stride
        own = stmap.reshape(B, steps, self.stride, N, colours).permute(0, 2, 4, 1, 3)
        own = own.reshape(B, self.stride * colours, steps, N)
        mean = weighted_mean(stmap, weight).reshape(B, steps, -1).transpose(1, 2)[..., None]
        # the mean is the same for every cell, so it is mixed once and not once per cell
        of_own, of_mean = self.mix.weight.split(self.stride * colours, dim=1)
        x = _over_time(own, of_own) + _over_time(mean, of_mean, self.mix.bias)
        filtered = _over_time(x, self.filter.weight, self.filter.bias)
        x = x + _over_time(functional.gelu(filtered), self.combine.weight, self.combine.bias)
        return x.permute(0, 3, 1, 2)  # (B, N, C, T)


def _over_time(
    x: Float[Tensor, "batch channel time cell"], weight: Tensor, bias: Tensor | None = None
) -> Float[Tensor, "batch channel2 time cell"]:
    """A 1-D convolution over every cell; run as a 2-D one with channels last, which trains faster on CPUs."""
    groups = x.shape[1] // weight.shape[1]
    x = x.contiguous(memory_format=torch.channels_last)
    return functional.conv2d(x, weight[..., None], bias, padding=(weight.shape[2] // 2, 0), groups=groups)


class CellAttention(nn.Module):
    """Attention over cells: how far to trust each one, from its skin share and its signal in this window.

    Shapes: (B, N, C, T) and (B, N) -> (B, heads * C, T).
    """

    def __init__(self, channels: int, heads: int = 2):
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(2 * channels + 1, 2 * channels), nn.GELU(), nn.Linear(2 * channels, heads)
        )

    def forward(
        self, cells: Float[Tensor, "batch cell channel time"], weight: Float[Tensor, "batch cell"]
    ) -> Float[Tensor, "batch feature time"]:
        spread = (cells.var(dim=3) + 1e-6).log()  # (B, N, C)
        rough = (cells.diff(dim=3).var(dim=3) + 1e-6).log()
        scores = self.score(torch.cat([spread, rough, weight[..., None]], dim=2))  # (B, N, heads)
        share = torch.softmax(scores + (weight[..., None] + 1e-3).log(), dim=1)
        pooled = torch.einsum("bnct,bnh->bhct", cells, share)
        return pooled.flatten(1, 2)
