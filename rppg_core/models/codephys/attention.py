"""Spatial attention: where on the face, and when, features count for the queries.

Axis letters: B batch, P place, T time, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

BLOCK = 16  # samples, half a second: a mask that changes faster would beat itself
FLOOR = 1e-3  # of the standard deviation of a feature
KERNEL = (3, 3, 3)  # blocks of time, height, width


class SpatialAttention(nn.Module):
    """A mask over the face, from what all channels show there; it has the same budget at every moment.

    Args:
        channels: C.
        evidence: also read `window_evidence`, how each place behaves over the whole window.

    Shapes: features (B, P, C, T) of P places, in rows of a grid -> mask (B, P, T), whose mean over the face is 0.5 at
    every moment; features are taken as they are plus their product with it (`attended_mean`).
    Source: the paper's block of spatial attention (APB), of which only the purpose is public. Mean and maximum over
    channels: Woo et al. 2018 (CBAM), eq. (3); the budget: Chen & McDuff 2018 (DeepPhys), eq. (8). Our choice: both
    are taken of magnitudes, over half a second; the evidence; the size of the kernel.
    """

    def __init__(self, channels: int, *, evidence: bool = True):
        super().__init__()
        self.evidence = (
            nn.Sequential(nn.Linear(3 * channels, channels), nn.GELU(), nn.Linear(channels, 1))
            if evidence
            else None
        )
        self.conv = nn.Conv3d(2, 1, KERNEL, padding="same")

    def forward(
        self, features: Float[Tensor, "batch place channel time"], grid: tuple[int, int]
    ) -> Float[Tensor, "batch place time"]:
        n, size = features.shape[3], features.abs()
        pooled = torch.stack([size.mean(dim=2), size.amax(dim=2)], dim=1).flatten(1, 2)  # (B, 2 P, T)
        pooled = functional.adaptive_avg_pool1d(pooled, -(-n // BLOCK)).unflatten(1, (2, *grid))
        score = self.conv(pooled.movedim(4, 2))  # (B, 1, blocks, H, W)
        score = functional.interpolate(
            score.flatten(3)[:, 0].transpose(1, 2), size=n, mode="linear"
        )  # (B, P, T)
        if self.evidence is not None:
            score = score + self.evidence(window_evidence(features))
        mask = torch.sigmoid(score)
        return 0.5 * mask / mask.mean(dim=1, keepdim=True).clamp_min(1e-6)


def attended_mean(
    features: Float[Tensor, "batch place channel time"],
    mask: Float[Tensor, "batch place time"],
    share: Float[Tensor, "batch place"],
) -> Float[Tensor, "batch channel time"]:
    """Mean of features + features * mask over the places, relative to that of ones.

    Args:
        features: of every place.
        mask: from 0 upward.
        share: of each place in the mean; adds up to 1.
    """
    seen = share[:, :, None] * (1 + mask)
    return torch.einsum("bpct,bpt->bct", features, seen / seen.sum(dim=1, keepdim=True).clamp_min(1e-6))


def window_evidence(
    features: Float[Tensor, "batch place channel time"],
) -> Float[Tensor, "batch place evidence"]:
    """Strength, roughness and coherence of every channel over the window, one after the other.

    Strength is the logarithm of its variance; roughness that of the variance of its differences, relative to its own;
    coherence its correlation with the sum of all other places, each scaled to unit norm. The last axis has three
    times as many entries as there are channels.
    """
    strength = (features.var(dim=3) + FLOOR**2).log()
    rough = (features.diff(dim=3).var(dim=3) + FLOOR**2).log() - strength
    # with this least norm a constant place has no coherence, and no steep gradient
    least = FLOOR * features.shape[3] ** 0.5
    alike = functional.normalize(features - features.mean(dim=3, keepdim=True), dim=3, eps=least)
    others = functional.normalize(alike.sum(dim=1, keepdim=True) - alike, dim=3, eps=FLOOR)
    return torch.cat([strength, rough, (alike * others).sum(dim=3)], dim=2)
