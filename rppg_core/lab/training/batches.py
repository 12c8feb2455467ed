"""Batch k of a run: one sub-batch from each source, a pure function of the recipe's seed and k.

Steps are the index of a map-style dataset; a worker process makes the next batches while a step runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import Dataset

from rppg_core.lab.training.sources import Source, collate
from rppg_core.lab.workers import loaded
from rppg_core.models.base import Batch
from rppg_core.models.recipe import Recipe, difficulty


@dataclass(frozen=True)
class Share:
    """A source and how many samples of a batch are its."""

    source: Source
    size: int


@dataclass(frozen=True)
class TimedBatch:
    """A batch, and the processor time that its worker took for it."""

    batch: Batch
    cpu_s: float

    def pin_memory(self) -> TimedBatch:
        """In memory from which a GPU copies without waiting."""
        return TimedBatch(map_batch(self.batch, torch.Tensor.pin_memory), self.cpu_s)

    def on(self, device: torch.device) -> Batch:
        """The batch on the device that trains."""
        return map_batch(self.batch, lambda tensor: tensor.to(device, non_blocking=True))


class StepDataset(Dataset):
    """All batches of a run, by step."""

    def __init__(self, recipe: Recipe, shares: Sequence[Share], *, process: int = 0, processes: int = 1):
        """Batches of one process.

        Args:
            recipe: says the length of the run and of a window.
            shares: the sources of a batch, in order.
            process: number of this process; each draws samples of its own.
            processes: how many train together.
        """
        self.recipe, self.shares, self.process, self.processes = recipe, tuple(shares), process, processes

    def __len__(self) -> int:
        return self.recipe.steps

    def __getitem__(self, step: int) -> TimedBatch:
        started_s = time.process_time()
        batch = self.mixed(step)
        return TimedBatch(batch, time.process_time() - started_s)

    def mixed(self, step: int) -> Batch:
        """The sub-batches of one step, concatenated."""
        hard = difficulty(self.recipe, step)
        turn = step * self.processes + self.process
        samples = [
            share.source.sample(turn * share.size + k, hard)
            for share in self.shares
            for k in range(share.size)
        ]
        return replace(collate(samples, self.recipe.n_frames), done=step / self.recipe.steps)


def map_batch(batch: Batch, change: Callable[[Tensor], Tensor]) -> Batch:
    """A batch with every tensor changed."""
    parts = (batch.inputs, batch.targets, batch.mask)
    changed = ({name: change(tensor) for name, tensor in part.items()} for part in parts)
    return Batch(*changed, done=batch.done)


def step_loader(dataset: StepDataset, first_step: int, *, workers: int) -> Iterator[TimedBatch]:
    """Batches from `first_step` on, made by worker processes while the caller trains."""
    pinned = TimedBatch.pin_memory if torch.cuda.is_available() else None
    return loaded(dataset, range(first_step, len(dataset)), workers=workers, finish=pinned)
