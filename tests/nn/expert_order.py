"""Make the experts of a convolution speak, and exchange them together with their parts of the router."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from rppg_core.nn.experts import LowRankExperts


def give_voice(layer: LowRankExperts, seed: int = 0) -> None:
    """Replace the zeros that experts begin with by something to say."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.widen.copy_(0.3 * torch.randn(layer.widen.shape, generator=rng))


def reorder(layer: LowRankExperts, order: Sequence[int]) -> None:
    """Expert order[k] and its gate become number k."""
    with torch.no_grad():
        layer.widen.copy_(layer.widen[list(order)].clone())
        _reorder(layer.shrink.weight, order)
        if layer.router is not None:
            parts = [layer.router.read, layer.router.norm, layer.router.decide]
            for parameter in (p for part in parts for p in part.parameters()):
                _reorder(parameter, order)


def _reorder(parameter: nn.Parameter, order: Sequence[int]) -> None:
    """Exchange equal stretches of the first axis, one an expert."""
    stretches = parameter.unflatten(0, (len(order), -1))
    parameter.copy_(stretches[list(order)].clone().flatten(0, 1))
