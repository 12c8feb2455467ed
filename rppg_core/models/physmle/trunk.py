"""From the map to features: the stem, and stages of convolutions with low-rank experts.

This is the first stage of the network, before `heads`. Axis letters: B batch, N cell, C channels, H rows, T time, E
expert.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.physmle.config import PhysMLEConfig
from rppg_core.nn.cells import CellAttention, CellEncoder
from rppg_core.nn.experts import ExpertActivity, LowRankExperts


class Stem(nn.Module):
    """The first features of the map, at half its sampling rate; they are also the query of every router.

    Two kinds, `config.stem`: "image" is the paper's 7 x 7 convolution over rows and time; "cells" (our choice)
    filters all cells alike and averages them, weighted by their signal, into one row.

    Shapes: map (B, T, N, colours), weight (B, N) -> features (B, C, H, ceil(T / 2)), rows (B, H', C', T / 2).
    """

    def __init__(self, config: PhysMLEConfig):
        super().__init__()
        self.kind, self.rows = config.stem, config.rows
        width, cells = config.widths[0], config.cell_channels
        if self.kind == "image":
            self.conv = nn.Conv2d(3, width, 7, stride=2, padding=3)
        else:
            self.encoder = CellEncoder(cells, colours=6 + len(config.projections), stride=2)
            self.attention = CellAttention(cells)
            self.conv = nn.Conv2d(2 * cells, width, 1)

    def forward(
        self, stmap: Float[Tensor, "batch time cell colour"], weight: Float[Tensor, "batch cell"]
    ) -> tuple[Float[Tensor, "batch channel row time2"], Float[Tensor, "batch row2 channel2 time2"]]:
        if self.kind == "image":
            picture = stmap.permute(0, 3, 2, 1)  # (B, 3, N, T)
            picture = functional.interpolate(picture, size=(self.rows, stmap.shape[1]), mode="bilinear")
            features = self.conv(picture)
            return features, features.transpose(1, 2)
        cells = self.encoder(stmap, weight)  # (B, N, C, T)
        return self.conv(self.attention(cells, weight)[:, :, None]), cells


class ExpertBlock(nn.Module):
    """Norm, activation, convolution with experts, twice, with a shortcut around them.

    Source: ResNet basic block (He et al. 2016) with PhysMLE's experts on both convolutions; our choice: norm before
    convolution, group norm, GELU.

    Shapes: x (B, C, H, T), query (B, C', H', T') -> (B, C', H', T').
    """

    def __init__(self, inside: int, outside: int, stride: int, dilation: int, config: PhysMLEConfig):
        super().__init__()
        self.norms = nn.ModuleList([nn.GroupNorm(1, inside), nn.GroupNorm(1, outside)])
        self.convs = nn.ModuleList(
            LowRankExperts(
                _conv(a, outside, s, d, config.kernel),
                experts=config.experts,
                rank=config.rank,
                alpha=config.alpha,
                router=config.router,
            )
            for a, s, d in ((inside, stride, dilation), (outside, 1, 2 * dilation if dilation > 1 else 1))
        )

    def forward(
        self, x: Float[Tensor, "batch channel row time"], query: Tensor, shortcut: nn.Module
    ) -> tuple[Float[Tensor, "batch channel2 row2 time2"], list[ExpertActivity | None]]:
        kept, activity = shortcut(x), []
        for norm, conv in zip(self.norms, self.convs, strict=True):
            x, added = conv(functional.gelu(norm(x)), query)
            activity.append(added)
        return kept + x, activity


class Stage(nn.Module):
    """Blocks of one width, and the 1 x 1 convolution that maps the features and the query to that width.

    Source: PhysMLE, released code: the query is the stem's output, passed through the trunk's own down-sampling
    convolutions, so that it fits the size of each stage. Our choice: no norm in them, because the released code mixes
    its statistics.

    Shapes: x and query (B, C, H, T) -> both (B, C', ceil(H / stride), ceil(T / stride)).
    """

    def __init__(self, inside: int, outside: int, stride: int, dilation: int, config: PhysMLEConfig):
        super().__init__()
        changes = (inside, 1) != (outside, stride)
        self.down = nn.Conv2d(inside, outside, 1, stride=stride) if changes else nn.Identity()
        self.blocks = nn.ModuleList(
            ExpertBlock(inside if k == 0 else outside, outside, stride if k == 0 else 1, dilation, config)
            for k in range(config.blocks)
        )

    def forward(
        self, x: Float[Tensor, "batch channel row time"], query: Float[Tensor, "batch channel row time"]
    ) -> tuple[Tensor, Tensor, list[ExpertActivity | None]]:
        query, activity = self.down(query), []
        for k, block in enumerate(self.blocks):
            x, added = block(x, query, self.down if k == 0 else nn.Identity())
            activity += added
        return x, query, activity


def _conv(inside: int, outside: int, stride: int, dilation: int, kernel: tuple[int, int]) -> nn.Conv2d:
    rows, time = kernel
    return nn.Conv2d(
        inside,
        outside,
        kernel,
        stride=stride,
        dilation=(1, dilation),
        padding=(rows // 2, dilation * (time - 1) // 2),
        bias=False,
    )
