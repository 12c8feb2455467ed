"""The loss of TAST-Net: squared error, and a correlation that keeps the trend.

Axis letters: B batch, S second.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rppg_core.nn.losses import masked_mean, negative_pearson

SPREAD = 4.0  # standard deviation of SpO2 in training: errors are counted in it. Unit: %
LEAST = 0.05  # standard deviation of a course below which it has no trend. Unit: %
FEWEST = 3  # values that a correlation needs


def squared_error(
    found: Float[Tensor, " batch"], true: Float[Tensor, " batch"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Mean squared error in units of the spread of SpO2."""
    return masked_mean(((found - true) / SPREAD).square(), mask)


def trend_over_people(
    found: Float[Tensor, " batch"], true: Float[Tensor, " batch"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """1 - r over the windows of a batch; 0 if fewer than three have a label, or all have the same one."""
    x, y = found[mask], true[mask]
    if len(x) < FEWEST or float(y.std()) < LEAST:
        return 0 * found.sum()
    one = torch.ones(1, dtype=torch.bool, device=x.device)
    return negative_pearson(x[None], y[None], one)


def trend_over_time(
    found: Float[Tensor, "batch second"], true: Float[Tensor, "batch second"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """1 - r over the seconds of each window whose SpO2 changes; 0 if there is none."""
    return negative_pearson(found, true, mask & (true.std(dim=1) >= LEAST))
