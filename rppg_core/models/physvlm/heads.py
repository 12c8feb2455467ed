"""From features at 15 Hz to a waveform at 30 Hz, one head for each task.

Axis letters: B batch, N cell, C channels, T time.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.physvlm.config import STRIDE
from rppg_core.nn.cells import CellAttention
from rppg_core.nn.layers import TemporalBlock


class WaveHead(nn.Module):
    """Idea: cells become one series of features by learned trust, temporal blocks read the waveform.

    Parts: pool, attention over cells; widen; trunk of blocks; smooth and wave, two convolutions
    after time is interpolated.
    Shapes: cells (B, N, C, T), weight (B, N) -> waveform (B, STRIDE * T), features (B, channels, T).
    Source: our choice; as in tracenet.
    """

    def __init__(self, inside: int, channels: int, dilations: Sequence[int]):
        super().__init__()
        self.pool = CellAttention(inside)
        self.widen = nn.Conv1d(2 * inside, channels, 1)
        self.trunk = nn.Sequential(*(TemporalBlock(channels, 7, d) for d in dilations))
        self.norm = nn.GroupNorm(1, channels)
        self.smooth = nn.Conv1d(channels, channels // 2, 5, padding=2)
        self.wave = nn.Conv1d(channels // 2, 1, 5, padding=2)

    def forward(
        self, cells: Float[Tensor, "batch cell channel time"], weight: Float[Tensor, "batch cell"]
    ) -> tuple[Float[Tensor, "batch time2"], Float[Tensor, "batch channel2 time"]]:
        features = self.trunk(self.widen(self.pool(cells, weight)))
        finer = functional.interpolate(
            functional.gelu(self.norm(features)), scale_factor=float(STRIDE), mode="linear"
        )
        return self.wave(functional.gelu(self.smooth(finer)))[:, 0], features
