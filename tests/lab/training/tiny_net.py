"""A network of two convolutions that keeps to the contract, and a recipe that trains it in seconds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from rppg_core import roster
from rppg_core.lab.protocols.held_out.split_training import Task, train_one
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.models.base import TASKS, Batch, RppgModel
from rppg_core.models.recipe import Recipe
from rppg_core.nn.losses import masked_mean, negative_pearson
from rppg_core.types import FS, FaceClip, STMap
from rppg_core.video.prepare import stmap_band

N_FRAMES = 64


@dataclass(frozen=True, kw_only=True)
class TinyConfig:
    window: int = N_FRAMES
    channels: int = 8
    sizes: tuple[int, ...] = (5, 5)

    @classmethod
    def small(cls) -> TinyConfig:
        return cls()


class Tiny(RppgModel):
    """Mean over cells, two convolutions with dropout between them, one head per task."""

    name = "tiny"
    paper = "ours: for tests"
    needs = frozenset({"rgb", "stmap"})
    tasks = frozenset({"bvp", "resp", "hr"})

    def __init__(self, config: TinyConfig):
        super().__init__(config)
        first, second = config.sizes
        self.first = nn.Conv1d(3, config.channels, first, padding=first // 2)
        self.drop = nn.Dropout(0.2)
        self.bvp_head = nn.Conv1d(config.channels, 1, second, padding=second // 2)
        self.resp_head = nn.Conv1d(config.channels, 1, second, padding=second // 2)
        self.hr_head = nn.Linear(config.channels, 1)

    @classmethod
    def inputs_from_clip(cls, clip: FaceClip, config: TinyConfig) -> dict[str, np.ndarray]:
        stmap = STMap(clip.need("stmap"), clip.fs or FS, clip.need("stmap_weight"))
        return {"stmap": stmap_band(stmap, "pulse").astype(np.float32)}

    def forward(self, inputs):
        x = self.drop(torch.tanh(self.first(inputs["stmap"].mean(dim=2).transpose(1, 2))))
        return {
            "bvp": self.bvp_head(x)[:, 0],
            "resp": self.resp_head(x)[:, 0],
            "hr": 80 + self.hr_head(x.mean(dim=2))[:, 0],
        }

    def loss(self, outputs, batch: Batch):
        taught = {} if batch.teacher is None else batch.teacher
        return {
            **{
                f"taught_{task}": (outputs[task] - y).square().mean()
                for task, y in taught.items()
                if task == "bvp"
            },
            "waveform": negative_pearson(outputs["bvp"], batch.targets["bvp"], batch.mask["bvp"]),
            "breath": negative_pearson(outputs["resp"], batch.targets["resp"], batch.mask["resp"]),
            "rate": masked_mean((outputs["hr"] - batch.targets["hr"]).abs() / 60, batch.mask["hr"]),
        }


RECIPE = TINY = Recipe(
    method="tiny",
    config=TinyConfig(),
    steps=12,
    traces=2,
    lr=1e-2,
    n_frames=N_FRAMES,
    validate_every=8,
    validation_samples=4,
)


ABLATIONS = {}
ABOUT = roster.Network(
    model=f"{__name__}:Tiny", recipe=__name__, needs=Tiny.needs, tasks=Tiny.tasks, paper=Tiny.paper
)
PLACE = f"{__name__}:ABOUT"  # as the roster writes it


def register() -> None:
    """Make the tiny network known by its name, as the roster knows a method."""
    roster.METHODS["tiny"] = PLACE


def train_tiny(task: Task) -> Trained:
    """`train_one` for a worker process, which does not know the tiny network yet."""
    register()
    return train_one(task)


def tiny(**changes) -> Recipe:
    """The tiny recipe with some numbers changed."""
    return replace(TINY, **changes)


assert set(TASKS) > Tiny.tasks  # two tasks that nobody answers stay in every batch
