"""A short training of TAST-Net's trend head on windows of one finger, for a table."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from rppg_core.lab.training.briefly import train_briefly
from rppg_core.models.recipe import Recipe
from rppg_core.models.tastnet.config import TastNetConfig
from rppg_core.models.tastnet.trend import TREND, TrendHead

BATCH = 16


def train_trend(
    windows: Float[Tensor, "window time colour"],
    spo2_percent: Float[Tensor, " window"],
    course: Float[Tensor, "window second"],
    *,
    steps: int,
    seed: int,
    config: TastNetConfig = TREND,
) -> TrendHead:
    """Train a new head; the random state outside is left as it is.

    Args:
        windows: from `trend_input`.
        spo2_percent: of each window.
        course: of each of its seconds; NaN where there is none.
        steps: of AdamW, each on BATCH windows.
        seed: of weights and order.
        config: sizes.

    Returns:
        The head in evaluation mode.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = TrendHead(config).train()
        model.use_labels(spo2_percent)

        def next_loss() -> Tensor:
            chosen = torch.randperm(len(windows))[:BATCH]
            return model.loss(model(windows[chosen]), spo2_percent[chosen], course[chosen])

        train_briefly([*model.parameters()], Recipe(method="tastnet", steps=steps), next_loss)
    return model.eval()


def read_trend(model: TrendHead, windows: Float[Tensor, "window time colour"]) -> Float[Tensor, " window"]:
    """SpO2 of each window. Unit: %."""
    with torch.no_grad():
        return torch.cat([model(part)["spo2"] for part in windows.split(256)])
