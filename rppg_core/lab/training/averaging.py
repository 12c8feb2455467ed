"""The moving average of a network's weights: what is measured and shipped.

torch keeps it; how much of it is renewed in a step is decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rppg_core.models.base import RppgModel


def create_average(network: RppgModel, decay: float) -> AveragedModel:
    """The average of a network's weights, which so far is the network itself."""
    return AveragedModel(network, multi_avg_fn=young_average(decay))


def restart_average(average: AveragedModel) -> None:
    """Forget what was averaged: the next weights are the first."""
    average.n_averaged.zero_()


def young_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """Moving average of weights that forgets the start, however short the run.

    With a constant decay a short run would mostly be the weights that it began with (22 % after 300 steps of 0.995).

    Source: our choice of the ramp, min(decay, (1 + n) / (10 + n)), as TensorFlow's moving averages have it.
    """

    def average(averaged: Any, current: Any, n: Any) -> None:
        get_ema_multi_avg_fn(min(decay, (1 + float(n)) / (10 + float(n))))(averaged, current, n)

    return average
