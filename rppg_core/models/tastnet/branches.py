"""The two branches of TAST-Net: convolutions for what is near in space and time, attention for what is far.

Both give features at the same moments, `config.slots` of them, so that their sum over any stretch of time is an
output: over the window for SpO2, over a second for its trend.
Axis letters: B batch, C channels, T time, H height, W width, L slot, D width of a token.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rppg_core.models.tastnet.config import POOLED, TastNetConfig


class ResidualBlock3d(nn.Module):
    """Two convolutions of 3 x 3 x 3 with a norm and a rectifier each, and a way round them.

    Source: the authors cite residual networks (He et al. 2016); group norm, so that a sample never depends on its
    batch: our choice.
    """

    def __init__(self, channels: int, out: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(channels, out, 3, padding=1, bias=False),
            nn.GroupNorm(1, out),
            nn.ReLU(),
            nn.Conv3d(out, out, 3, padding=1, bias=False),
            nn.GroupNorm(1, out),
        )
        self.round = nn.Conv3d(channels, out, 1, bias=False) if channels != out else nn.Identity()

    def forward(
        self, x: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch out time height width"]:
        return torch.relu(self.layers(x) + self.round(x))


class LocalBranch(nn.Module):
    """The 3-D convolutions: three residual blocks, each after a halving of the picture, two of them of time, too."""

    def __init__(self, config: TastNetConfig):
        super().__init__()
        first, second, third = config.cnn_channels
        self.stem = nn.Conv3d(3 * len(config.streams), first, (3, 5, 5), stride=(1, 2, 2), padding=(1, 2, 2))
        self.blocks = nn.Sequential(
            ResidualBlock3d(first, first),
            nn.AvgPool3d(2),
            ResidualBlock3d(first, second),
            nn.AvgPool3d(2),
            ResidualBlock3d(second, third),
        )
        self.width = third
        for part in self.modules():
            if isinstance(part, nn.Conv3d):
                nn.init.kaiming_normal_(part.weight, nonlinearity="relu")

    def forward(
        self, frames: Float[Tensor, "batch colour time height width"]
    ) -> Float[Tensor, "batch slot channel"]:
        return self.blocks(self.stem(frames)).mean(dim=(3, 4)).transpose(1, 2)


class GlobalBranch(nn.Module):
    """A factorised ViViT: tokens of one slot of time attend to each other, then the slots do.

    Source: Arnab et al. 2021 (ViViT), model 2, https://arxiv.org/abs/2103.15691. Layers are those of `transformers`;
    its own model is the joint one, which attends over all tokens at once.
    """

    def __init__(self, config: TastNetConfig):
        super().__init__()
        cube = (POOLED, config.tubelet_px, config.tubelet_px)
        self.tubelets = nn.Conv3d(3 * len(config.streams), config.width, cube, stride=cube)
        n = (config.side // config.tubelet_px) ** 2
        self.summary = nn.Parameter(torch.zeros(1, 1, config.width))
        self.places = nn.Parameter(0.02 * torch.randn(1, n + 1, config.width))
        self.moments = nn.Parameter(0.02 * torch.randn(1, config.slots, config.width))
        self.over_space = vivit_layers(config, config.spatial_layers)
        self.over_time = vivit_layers(config, config.temporal_layers)
        self.norm = nn.LayerNorm(config.width)
        self.width = config.width

    def forward(
        self, frames: Float[Tensor, "batch colour time height width"]
    ) -> Float[Tensor, "batch slot token"]:
        cubes = self.tubelets(frames)  # (B, D, L, H', W')
        B, D, L = cubes.shape[:3]
        tokens = cubes.flatten(3).permute(0, 2, 3, 1).flatten(0, 1)  # (B L, places, D)
        x = torch.cat([self.summary.expand(len(tokens), -1, -1), tokens], dim=1) + self.places
        for layer in self.over_space:
            x = layer(x)
        x = x[:, 0].view(B, L, D) + self.moments[:, :L]
        for layer in self.over_time:
            x = layer(x)
        return self.norm(x)


def vivit_layers(config: TastNetConfig, n: int) -> nn.ModuleList:
    """Layers of attention, each with its own weights."""
    from transformers import VivitConfig
    from transformers.models.vivit.modeling_vivit import VivitLayer

    sizes = VivitConfig(
        hidden_size=config.width,
        num_attention_heads=config.heads,
        intermediate_size=4 * config.width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    sizes._attn_implementation = "sdpa"
    return nn.ModuleList(VivitLayer(sizes) for _ in range(n))
