"""A network with a front of its own, trained in two stages: front first, then the heads; and it doubts itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from lab.training.tiny_net import N_FRAMES, Tiny
from torch import nn

from rppg_core import roster
from rppg_core.models.base import Batch, RppgModel
from rppg_core.models.recipe import Recipe, Stage
from rppg_core.nn.losses import masked_mean, negative_pearson


@dataclass(frozen=True, kw_only=True)
class StagedConfig:
    window: int = N_FRAMES
    channels: int = 6
    clarity: float = 1.0  # what it says of every window

    @classmethod
    def small(cls) -> StagedConfig:
        return cls()


class Staged(RppgModel):
    """All that a frozen part might change: weights, statistics of a norm, dropout, and a count of the root's own."""

    name = "staged"
    paper = "ours: for tests"
    needs = frozenset({"rgb", "stmap"})
    tasks = frozenset({"bvp", "hr"})
    evidence = ("clarity",)

    def __init__(self, config: StagedConfig):
        super().__init__(config)
        self.front = nn.Sequential(
            nn.Conv1d(3, config.channels, 5, padding=2), nn.BatchNorm1d(config.channels), nn.Dropout(0.2)
        )
        self.heads = nn.ModuleDict(
            {"bvp": nn.Conv1d(config.channels, 1, 5, padding=2), "hr": nn.Linear(config.channels, 1)}
        )
        self.register_buffer("count", torch.zeros(1))

    @classmethod
    def inputs_from_clip(cls, clip, config) -> dict[str, np.ndarray]:
        return Tiny.inputs_from_clip(clip, config)

    def forward(self, inputs):
        if self.training:
            self.count += 1
        x = self.front(inputs["stmap"].mean(dim=2).transpose(1, 2))
        return {
            "bvp": self.heads["bvp"](x)[:, 0],
            "hr": 80 + self.heads["hr"](x.mean(dim=2))[:, 0],
            "clarity": torch.full((len(x),), self.config.clarity, device=x.device),
        }

    def loss(self, outputs, batch: Batch):
        return {
            "waveform": negative_pearson(outputs["bvp"], batch.targets["bvp"], batch.mask["bvp"]),
            "rate": masked_mean((outputs["hr"] - batch.targets["hr"]).abs() / 60, batch.mask["hr"]),
        }


STAGES = (Stage(name="front", steps=6, train=("front",)), Stage(name="heads", steps=6, train=("heads",)))
RECIPE = STAGED = Recipe(
    method="staged",
    config=StagedConfig(),
    steps=12,
    traces=2,
    lr=1e-2,
    weight_decay=0.5,  # large: a frozen weight that decays shows it at once
    n_frames=N_FRAMES,
    validate_every=6,
    validation_samples=4,
    stages=STAGES,
)
ABLATIONS = {}
ABOUT = roster.Network(
    model=f"{__name__}:Staged", recipe=__name__, needs=Staged.needs, tasks=Staged.tasks, paper=Staged.paper
)
PLACE = f"{__name__}:ABOUT"


def staged(**changes) -> Recipe:
    """The recipe of two stages with some numbers changed."""
    return replace(STAGED, **changes)
