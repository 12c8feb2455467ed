"""From the features of both branches to a percentage.

Axis letters: B batch, L slot, S second, F fused feature.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.models.tastnet.config import TastNetConfig

LOW, HIGH = 70.0, 100.0  # of the bounded output. Unit: %
USUAL = 97.0  # where the linear output starts


class Fusion(nn.Module):
    """Both branches in one feature per slot.

    "gated": a gate between 0 and 1 for every feature, from both branches. "concatenated": side by side.
    "crossed": features of the convolutions ask the tokens by attention. How the authors fuse is not public.
    """

    def __init__(self, widths: Mapping[str, int], config: TastNetConfig):
        super().__init__()
        self.kind = config.fusion if len(widths) > 1 else "concatenated"
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name, width in widths.items()})
        width = sum(widths.values())
        self.gate = nn.Linear(width, width) if self.kind == "gated" else None
        self.cross = (
            nn.MultiheadAttention(
                widths["cnn"], 1, kdim=widths["vivit"], vdim=widths["vivit"], batch_first=True
            )
            if self.kind == "crossed"
            else None
        )
        self.mix = nn.Linear(2 * widths["cnn"] if self.cross is not None else width, config.fused)

    def forward(self, branches: Mapping[str, Tensor]) -> Float[Tensor, "batch slot fused"]:
        normed = {name: self.norms[name](x) for name, x in branches.items()}
        if self.cross is not None:
            asked, _ = self.cross(normed["cnn"], normed["vivit"], normed["vivit"], need_weights=False)
            both = torch.cat([normed["cnn"], asked], dim=2)
        else:
            both = torch.cat(list(normed.values()), dim=2)
        if self.gate is not None:
            both = torch.sigmoid(self.gate(both)) * both
        return functional.gelu(self.mix(both))


class SaturationHead(nn.Module):
    """SpO2 of a stretch of time from the mean of its features."""

    def __init__(self, config: TastNetConfig):
        super().__init__()
        self.bounded = config.head == "bounded"
        self.layers = nn.Sequential(
            nn.Linear(config.fused, config.fused), nn.GELU(), nn.Linear(config.fused, 1)
        )
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        share = (USUAL - LOW) / (HIGH - LOW)
        nn.init.constant_(last.bias, float(torch.logit(torch.tensor(share))) if self.bounded else USUAL)

    def forward(self, fused: Float[Tensor, "*batch fused"]) -> Float[Tensor, "*batch"]:
        y = self.layers(fused)[..., 0]
        return LOW + (HIGH - LOW) * torch.sigmoid(y) if self.bounded else y
