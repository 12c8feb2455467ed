"""The network of TraceNet: filter all cells alike, weight them by their signal, read the pulse over time.

Axis letters: B batch, T time, N cell, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.base import Batch, RppgModel, check_choices, check_sizes
from rppg_core.nn.cells import CellAttention, CellEncoder
from rppg_core.nn.layers import TemporalBlock
from rppg_core.nn.losses import negative_pearson, rate_cross_entropy
from rppg_core.signals.checks import check_number
from rppg_core.types import FS, FaceClip, STMap
from rppg_core.video.prepare import PROJECTION_S, check_projections, projections, stmap_band

CELLS = 36


@dataclass(frozen=True, kw_only=True)
class TraceNetConfig:
    """Sizes of the network, and the scaling of its input."""

    window: int = 256  # samples at 30 Hz, 8.5 s
    cell_channels: int = 20  # features of each cell
    channels: int = 48  # features of the trunk
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 1)  # of the trunk's blocks: 3.2 s on each side of a sample
    # "band" is the preparation of DESIGN section 4; the other two were measured to fail, and stay for the ablation
    scaling: Literal["band", "zscore", "raw"] = "band"
    # read beside the colours of each cell, keys of `prepare.PROJECTIONS`; () reads colours alone
    projections: tuple[str, ...] = ("pos", "chrom", "pbv")
    projection_s: float = PROJECTION_S  # window in which they weigh colours against each other

    def __post_init__(self):
        check_sizes(self, ("window", "cell_channels", "channels"), ("dilations",))
        check_choices(self, scaling=("band", "zscore", "raw"))
        check_projections(self.projections, least=0)
        check_number(self.projection_s, "projection_s", 0.5, 8.0)

    @classmethod
    def tiny(cls) -> TraceNetConfig:
        return cls(window=64, cell_channels=6, channels=12, dilations=(1, 2))

    @classmethod
    def small(cls) -> TraceNetConfig:
        return cls()


class TraceNet(RppgModel):
    """Idea: filter every cell alike, weight the cells by their signal, then read the pulse from the weighted mean.

    Parts:
        encoder: CellEncoder, per cell.
        attention: CellAttention, over cells.
        trunk: TemporalBlocks, over time.
        head: one convolution that outputs the pulse.
    Shapes: stmap (B, T, N, 3 colours and the projections), weight (B, N) -> bvp (B, T).
    Left out: heads for rates; HR is computed from the waveform as for every method.
    """

    name: ClassVar[str] = "tracenet"
    paper: ClassVar[str] = "ours: baseline network on the STMap"
    needs: ClassVar[frozenset[str]] = frozenset({"rgb", "stmap"})
    tasks: ClassVar[frozenset[str]] = frozenset({"bvp"})

    def __init__(self, config: TraceNetConfig):
        super().__init__(config)
        self.encoder = CellEncoder(config.cell_channels, colours=3 + len(config.projections))
        self.attention = CellAttention(config.cell_channels)
        self.widen = nn.Conv1d(2 * config.cell_channels, config.channels, 1)
        self.trunk = nn.Sequential(*(TemporalBlock(config.channels, 7, d) for d in config.dilations))
        self.head = nn.Sequential(
            nn.GroupNorm(1, config.channels), nn.GELU(), nn.Conv1d(config.channels, 1, 5, padding=2)
        )

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: TraceNetConfig) -> dict[str, np.ndarray]:
        cells, weight = clip.need("stmap"), clip.need("stmap_weight")
        stmap = STMap(cells, clip.fs or FS, weight)
        read = scaled_map(stmap, config.scaling)
        if config.projections:
            pulses = projections(stmap, names=config.projections, window_s=config.projection_s)
            read = np.concatenate([read, pulses], axis=2)
        return {"stmap": read.astype(np.float32), "weight": weight.astype(np.float32)}

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"bvp": self.head(self.features(inputs)[-1])[:, 0]}

    def features(self, inputs: Mapping[str, Tensor]) -> list[Float[Tensor, "batch channel time"]]:
        """Features over time, before the first block of the trunk and after each."""
        weight = inputs["weight"]
        cells = self.encoder(inputs["stmap"], weight)  # (B, N, C, T)
        pooled = self.attention(cells, weight)  # (B, 2 C, T)
        made = [self.widen(pooled)]
        for block in self.trunk:
            made.append(block(made[-1]))
        return made

    def loss(self, outputs: Mapping[str, Tensor], batch: Batch) -> dict[str, Tensor]:
        bvp, labelled = outputs["bvp"], batch.mask["bvp"]
        return {
            "waveform": negative_pearson(bvp, batch.targets["bvp"], labelled),
            "rate": rate_cross_entropy(bvp, batch.targets["hr"], labelled & batch.mask["hr"], fs=FS),
        }


def scaled_map(stmap: STMap, scaling: str) -> Float[np.ndarray, "time cell 3"]:
    """The map as input to the network; "zscore" and "raw" exist for comparison."""
    if scaling == "band":
        return stmap_band(stmap, "pulse")
    if scaling == "raw":
        return stmap.samples / 128 - 1
    centred = stmap.samples - stmap.samples.mean(axis=0)
    return centred / np.maximum(stmap.samples.std(axis=0), 1e-6)
