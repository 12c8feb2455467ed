"""Confidence in an output of the codebook: its decoder outputs a plausible pulse for any input, even for a wall.

Axis letters: B batch, N code in time, K item.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from rppg_core.nn.losses import masked_mean

NAMES = ("near", "decided")
# Of a pulse against none, where evidence is used: the reading has passed all other checks. Our choice, after protocol
# `refusal`: methods without evidence show nearly all clips with a pulse and one in a hundred without.
ODDS = 100.0
PACE = 200.0  # offset and slope move this many times faster than other weights: they begin far from their optimum


class QueryTrust(nn.Module):
    """Probability of a pulse, from how near the queries are to items, and from how decided they are between them.

    Parts: offset and slope of a logistic curve for each of the two, in units of PACE, fitted after the queries; no
    gradient goes from here to them.
    Shapes: distances (B, N, K), log shares (B, N, K), spacing () -> each of NAMES (B,), 0 to 1.
    Source: our choice.
    """

    def __init__(self):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(len(NAMES)))
        self.slope = nn.Parameter(torch.full((len(NAMES),), 1 / PACE))

    def forward(
        self,
        distances: Float[Tensor, "batch code item"],
        log_shares: Float[Tensor, "batch code item"],
        spacing: Float[Tensor, ""],
    ) -> dict[str, Float[Tensor, " batch"]]:
        return {name: torch.sigmoid(x) for name, x in self.logits(distances, log_shares, spacing).items()}

    def logits(
        self,
        distances: Float[Tensor, "batch code item"],
        log_shares: Float[Tensor, "batch code item"],
        spacing: Float[Tensor, ""],
    ) -> dict[str, Float[Tensor, " batch"]]:
        """The same before the logistic curve."""
        scores = (closeness(distances, spacing).mean(dim=1), decision(log_shares).mean(dim=1))
        return {
            name: PACE * (self.offset[k] + self.slope[k] * score.detach())
            for k, (name, score) in enumerate(zip(NAMES, scores, strict=True))
        }

    def loss(
        self,
        logits: dict[str, Float[Tensor, " batch"]],
        right: Float[Tensor, " batch"],
        free: Bool[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Cross-entropy of both curves, at ODDS of a pulse.

        Args:
            logits: of every sample.
            right: weight of each sample as one with a pulse: how right the waveform is. Where a pulse is in the face
                and none is found, nothing is to be learned about what a pulse looks like.
            free: samples without a pulse.
        """
        share = right / right.sum().clamp_min(1e-9)
        terms = [
            ODDS * (share * functional.softplus(-x)).sum() + masked_mean(functional.softplus(x), free)
            for x in logits.values()
        ]
        return torch.stack(terms).sum() / (1 + ODDS)


def closeness(
    distances: Float[Tensor, "batch code item"], spacing: Float[Tensor, ""]
) -> Float[Tensor, "batch code"]:
    """Minus the logarithm of the squared distance to the nearest item, relative to that between items."""
    return -(distances.min(dim=2).values / spacing + 1e-3).log()


def decision(log_shares: Float[Tensor, "batch code item"]) -> Float[Tensor, "batch code"]:
    """Minus the logarithm of the relative entropy of the shares; 0 where they are even."""
    return -(relative_entropy(log_shares) + 1e-3).log()


def relative_entropy(log_shares: Float[Tensor, "batch code item"]) -> Float[Tensor, "batch code"]:
    """Entropy of the shares of items, relative to that of even ones: 0 decided, 1 even."""
    return -(log_shares.exp() * log_shares).sum(dim=2) / math.log(log_shares.shape[2])
