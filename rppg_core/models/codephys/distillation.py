"""Soft feature distillation: queries are trained towards the PPG encoder's features of the true pulse.

The abstract names it; its formula is not public. Three readings of its name, each a loss per sample.
Axis letters: B batch, N code in time, D width, K item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from rppg_core.models.codephys.codebook import Codebook, squared_distances

Features = Float[Tensor, "batch width code"]
Reading = Callable[[Features, Features, Codebook], Float[Tensor, " batch"]]


def distribution(queries: Features, features: Features, codebook: Codebook) -> Float[Tensor, " batch"]:
    """Soft assignments to the items agree: KL divergence, mean over codes."""
    items = codebook.items.detach()
    asked, wanted = (
        codebook.log_shares(squared_distances(x.transpose(1, 2), items)) for x in (queries, features)
    )
    return functional.kl_div(asked, wanted, reduction="none", log_target=True).sum(dim=2).mean(dim=1)


def feature(queries: Features, features: Features, codebook: Codebook) -> Float[Tensor, " batch"]:
    """Queries lie where the features lie, before they are quantised: smooth L1, on the scale of the codebook."""
    scale = codebook.items.detach().std().clamp_min(1e-6)
    return functional.smooth_l1_loss(queries / scale, features / scale, reduction="none").mean(dim=(1, 2))


def relation(queries: Features, features: Features, codebook: Codebook) -> Float[Tensor, " batch"]:
    """Cosines between all pairs of codes agree: mean squared difference."""
    asked, wanted = (
        torch.einsum("bdn,bdm->bnm", unit, unit)
        for unit in (
            functional.normalize(x - x.mean(dim=2, keepdim=True), dim=1) for x in (queries, features)
        )
    )
    return (asked - wanted).square().mean(dim=(1, 2))


READING: dict[str, tuple[Reading, float]] = {
    "distribution": (distribution, 1.0),
    "feature": (feature, 0.5),
    "relation": (relation, 1.0),
}  # with its weight


def soft_feature_distillation(
    queries: Features, features: Features, codebook: Codebook, *, readings: Sequence[str], shift: int = 0
) -> Float[Tensor, " batch"]:
    """The weighted sum of readings, at the lag of the label, up to `shift` codes, at which it is smallest.

    Contact PPG lags behind the face by up to a code and a half (our choice of a cure).

    Args:
        queries: of the video.
        features: of the PPG; no gradient reaches them.
        codebook: frozen or not; no gradient reaches it.
        readings: keys of READING.
        shift: largest lag in either direction. Unit: codes.
    """
    features, n = features.detach(), queries.shape[2]
    losses = []
    for lag in range(-shift, shift + 1):
        ours = queries[:, :, max(0, -lag) : n - max(0, lag)]
        theirs = features[:, :, max(0, lag) : n - max(0, -lag)]
        made = [READING[name][1] * READING[name][0](ours, theirs, codebook) for name in readings]
        losses.append(torch.stack(made).sum(dim=0))
    return torch.stack(losses).amin(dim=0)
