"""The spatial-aware encoders: what is seen of a face becomes queries to the codebook.

Axis letters: B batch, T time, N cell, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.codephys.attention import SpatialAttention, attended_mean
from rppg_core.models.codephys.config import CodePhysConfig
from rppg_core.nn.cells import CellEncoder
from rppg_core.nn.layers import TemporalBlock

GRID = (6, 6)  # cells of the face map, in rows


class QueryTrunk(nn.Module):
    """Reads one series of features over time, and compresses it to one query per code.

    Shapes: (B, C, T) -> (B, D, T / compression).
    """

    def __init__(self, features: int, config: CodePhysConfig, *, halved: int = 0):
        super().__init__()
        C = config.channels
        layers: list[nn.Module] = [nn.Conv1d(features, C, 1)]
        layers += [TemporalBlock(C, 7, dilation) for dilation in config.dilations]
        for _ in range(config.halvings - halved):
            layers += [nn.GELU(), nn.Conv1d(C, C, 7, stride=2, padding=3)]
        layers += [nn.GroupNorm(1, C), nn.GELU(), nn.Conv1d(C, config.code_width, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Float[Tensor, "batch channel time"]) -> Float[Tensor, "batch width code"]:
        return self.layers(features)


class SpatialAwareEncoder(nn.Module):
    """All cells of the map are filtered alike; attention acts on their 6 x 6 grid before they are averaged.

    Shapes: stmap (B, T, N, 3 colours and the projections), weight (B, N) -> queries (B, D, T / compression) and
    mask (B, N, T).
    Our choice: the paper reads pixels; cells and projections are what tracenet reads.
    """

    def __init__(self, config: CodePhysConfig):
        super().__init__()
        self.cells = CellEncoder(config.cell_channels, colours=3 + len(config.projections))
        self.attention = (
            SpatialAttention(config.cell_channels, evidence=config.cell_evidence)
            if config.attention
            else None
        )
        self.trunk = QueryTrunk(config.cell_channels, config)

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        stmap, weight = inputs["stmap"], inputs["weight"]
        cells = self.cells(stmap, weight) * (weight > 0)[:, :, None, None]  # (B, N, C, T)
        mask = cells.new_full((len(cells), cells.shape[1], cells.shape[3]), 0.5)
        if self.attention is not None:
            mask = self.attention(cells, GRID)
        share = weight / weight.sum(dim=1, keepdim=True).clamp_min(1e-6)
        return self.trunk(attended_mean(cells, mask, share)), mask


class SpatialAwareCropEncoder(nn.Module):
    """Pixels of the face through three-dimensional convolutions, with attention before they are averaged (paper).

    Shapes: frames (B, T, H, W, 3 colours) -> queries (B, D, T / compression) and mask (B, H' W', T').
    Sizes after PhysNet (Yu et al. 2019), from which the paper's relatives start.
    """

    def __init__(self, config: CodePhysConfig):
        super().__init__()
        first, *widths = config.crop_widths
        self.stem = nn.Sequential(
            nn.Conv3d(3, first, (1, 5, 5), padding=(0, 2, 2)),
            nn.GroupNorm(1, first),
            nn.GELU(),
            nn.MaxPool3d((1, 2, 2)),
        )
        stages: list[nn.Module] = []
        self.halved = min(config.halvings, len(widths))
        for k, width in enumerate(widths):
            before = config.crop_widths[k]
            stages += [
                nn.Conv3d(before, width, 3, padding=1), nn.GroupNorm(1, width), nn.GELU(),
                nn.Conv3d(width, width, 3, padding=1), nn.GroupNorm(1, width), nn.GELU(),
                nn.MaxPool3d((2 if k < self.halved else 1, 2, 2), ceil_mode=True),
            ]  # fmt: skip
        self.stages = nn.Sequential(*stages)
        last = config.crop_widths[-1]
        self.attention = SpatialAttention(last, evidence=config.cell_evidence) if config.attention else None
        self.trunk = QueryTrunk(last, config, halved=self.halved)

    def forward(self, inputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        x = self.stages(self.stem(inputs["frames"].permute(0, 4, 1, 2, 3)))  # (B, C, T', H', W')
        grid = (x.shape[3], x.shape[4])
        places = x.flatten(3).permute(0, 3, 1, 2)  # (B, H' W', C, T')
        mask = places.new_full((len(x), places.shape[1], places.shape[3]), 0.5)
        if self.attention is not None:
            mask = self.attention(places, grid)
        share = mask.new_full(mask.shape[:2], 1 / mask.shape[1])
        return self.trunk(attended_mean(places, mask, share)), mask


ENCODERS = {"cells": SpatialAwareEncoder, "crops": SpatialAwareCropEncoder}
