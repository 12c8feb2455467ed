"""The moving average of a network's weights, which is evaluated and shipped.

torch stores the average; this module sets its decay at each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rppg_core.models.base import RppgModel


def create_average(network: RppgModel, decay: float) -> AveragedModel:
    """A new average of a network's weights, which starts as a copy of the network."""
    return AveragedModel(network, multi_avg_fn=young_average(decay))


def restart_average(average: AveragedModel) -> None:
    """Discard the history, so that the next update starts a new average."""
    average.n_averaged.zero_()


def young_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Moving average with a decay that ramps up, so that short runs also forget their initial weights.

    With a constant decay of 0.995, the initial weights would still have a share of 22 % after 300 steps.

    Source: our choice: the ramp min(decay, (1 + n) / (10 + n)) of TensorFlow's moving averages.
    """

    def average(averaged: Any, current: Any, n: Any) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + float(n)) / (10 + float(n))))(averaged, current, n)

    return average
