"""A short training on samples in memory, for tables that compare parts of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from rppg_core.models.recipe import Recipe, lr_factor


def train_briefly(weights: Sequence[nn.Parameter], recipe: Recipe, loss: Callable[[], Tensor]) -> None:
    """Train some weights with optimizer, schedule and clipping of the real training; no average, no checkpoint.

    Args:
        weights: that are trained.
        recipe: sets the number of steps, learning rate, weight decay and clipping.
        loss: of the next batch.
    """
    optimizer = torch.optim.AdamW(weights, lr=recipe.lr, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr_factor(recipe, step))
    for _ in range(recipe.steps):
        loss().backward()
        torch.nn.utils.clip_grad_norm_(weights, recipe.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
