"""The loss of TAST-Net: squared error, and a correlation that keeps the trend.

Axis letters: B batch, S second.
"""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor

from rppg_core.nn.losses import masked_mean

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
    return 1 - correlation(x, y)


def trend_over_time(
    found: Float[Tensor, "batch second"], true: Float[Tensor, "batch second"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """1 - r over the seconds of each window whose SpO2 changes; 0 if there is none."""
    return masked_mean(1 - correlation(found, true), mask & (true.std(dim=1) >= LEAST))


def correlation(
    found: Float[Tensor, "*batch value"], true: Float[Tensor, "*batch value"]
) -> Float[Tensor, "*batch"]:
    """Correlation over the last axis, where a spread of LEAST in what was found halves its square.

    Our choice: of outputs that are all alike the plain one has a slope without bound, and a network starts there.
    """
    x, y = (one - one.mean(dim=-1, keepdim=True) for one in (found, true))
    spread = (x.square().mean(dim=-1) + LEAST**2).sqrt() * y.square().mean(dim=-1).sqrt()
    return (x * y).mean(dim=-1) / spread.clamp_min(1e-9)
