"""Spatial attention: where on the face, and when, features are worth asking the codebook with.

Axis letters: B batch, T time, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

KERNEL = (9, 3, 3)  # time, height, width


class SpatialAttention(nn.Module):
    """A mask over the face, from what all channels show there; on average it doubles nothing and hides nothing.

    Args:
        channels: C.
        evidence: also read how large and how rough each place is over the whole window.

    Shapes: (B, C, T, H, W) -> mask (B, 1, T, H, W), whose mean over the face is 0.5 at every moment; features are
    taken as they are plus their product with it.
    Source: the paper's block of spatial attention (APB), of which only the purpose is public. Mean and maximum over
    channels: Woo et al. 2018 (CBAM), eq. (3); the budget: Chen & McDuff 2018 (DeepPhys), eq. (8). Our choice: the
    evidence, and the size of the kernel.
    """

    def __init__(self, channels: int, *, evidence: bool = True):
        super().__init__()
        self.evidence = (
            nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.GELU(), nn.Conv2d(channels, 1, 1))
            if evidence
            else None
        )
        self.conv = nn.Conv3d(2, 1, KERNEL, padding="same")

    def forward(self, features: Float[Tensor, "batch channel time height width"]) -> Tensor:
        pooled = torch.stack([features.mean(dim=1), features.amax(dim=1)], dim=1)
        score = self.conv(pooled)  # (B, 1, T, H, W)
        if self.evidence is not None:
            score = score + self.evidence(window_evidence(features))[:, :, None]
        mask = torch.sigmoid(score)
        return 0.5 * mask / mask.mean(dim=(3, 4), keepdim=True).clamp_min(1e-6)

    def attend(self, features: Float[Tensor, "batch channel time height width"]) -> tuple[Tensor, Tensor]:
        """Features with the mask applied, and the mask."""
        mask = self(features)
        return features + features * mask, mask


def window_evidence(
    features: Float[Tensor, "batch channel time height width"],
) -> Float[Tensor, "batch channel2 height width"]:
    """Logarithms of the variance of every channel over the window, and of that of its differences."""
    spread = (features.var(dim=2) + 1e-6).log()
    rough = (features.diff(dim=2).var(dim=2) + 1e-6).log()
    return torch.cat([spread, rough], dim=1)
