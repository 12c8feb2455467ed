"""Batch k of a run: one sub-batch from each source, computed as a pure function of the recipe's seed and k.

The step is the index into a map-style dataset; worker processes prepare the next batches while a step runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    """A source and its number of samples in each batch."""

    source: Source
    size: int


@dataclass(frozen=True)
class TimedBatch:
    """A batch, and the processor time that was spent on making it."""

    batch: Batch
    cpu_s: float

    def pin_memory(self) -> TimedBatch:
        """Move the batch to pinned memory, for asynchronous copies to a GPU."""
        return TimedBatch(map_batch(self.batch, torch.Tensor.pin_memory), self.cpu_s)

    def on(self, device: torch.device) -> Batch:
        """Move the batch to the training device."""
        return map_batch(self.batch, lambda tensor: tensor.to(device, non_blocking=True))


class StepDataset(Dataset):
    """All batches of a run, indexed by step."""

    def __init__(self, recipe: Recipe, shares: Sequence[Share], *, process: int = 0, processes: int = 1):
        """Batches of one process.

        Args:
            recipe: sets the number of steps and the length of a window.
            shares: the sources of a batch, in order.
            process: index of this process; each process draws different samples.
            processes: number of processes that train together.
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
    """Apply a function to every tensor of a batch."""

    def changed(part: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: change(tensor) for name, tensor in part.items()}

    return replace(
        batch,
        inputs=changed(batch.inputs),
        targets=changed(batch.targets),
        mask=changed(batch.mask),
        teacher=None if batch.teacher is None else changed(batch.teacher),
    )


def step_loader(dataset: StepDataset, first_step: int, *, workers: int) -> Iterator[TimedBatch]:
    """Batches from `first_step` on, prepared by worker processes while the caller trains."""
    pinned = TimedBatch.pin_memory if torch.cuda.is_available() else None
    return loaded(dataset, range(first_step, len(dataset)), workers=workers, finish=pinned)
