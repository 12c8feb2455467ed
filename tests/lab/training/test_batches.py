from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from lab.training.tiny_net import tiny

from rppg_core.lab.training.batches import Share, StepDataset, step_loader
from rppg_core.lab.training.sources import Sample


@dataclass(frozen=True)
class Numbers:
    """A source whose sample says which one it is."""

    name: str
    first: int = 0

    def sample(self, index: int, difficulty: float) -> Sample:
        return Sample({"number": np.array([self.first + index, difficulty])}, {"hr": 60.0})


def numbers(batch) -> list[float]:
    return batch.inputs["number"][:, 0].tolist()


def dataset(**where) -> StepDataset:
    shares = [Share(Numbers("a"), 3), Share(Numbers("b", 1000), 1)]
    return StepDataset(tiny(steps=10, easy=0.2, hard=0.7), shares, **where)


def test_batch_is_one_part_of_each_source():
    assert numbers(dataset().mixed(0)) == [0, 1, 2, 1000]
    assert numbers(dataset().mixed(5)) == [15, 16, 17, 1005]


def test_no_sample_comes_twice_whatever_the_number_of_processes():
    seen = [
        n
        for process in range(3)
        for step in range(10)
        for n in numbers(dataset(process=process, processes=3).mixed(step))
    ]
    assert len(seen) == len(set(seen)) == 120


def test_samples_get_the_difficulty_of_their_step():
    found = [dataset().mixed(step).inputs["number"][0, 1].item() for step in range(10)]
    assert found == pytest.approx([0, 0, 0, 0.2, 0.4, 0.6, 0.8, 1, 1, 1])


def test_batch_tells_how_much_of_the_training_lies_behind_it():
    assert [dataset().mixed(step).done for step in (0, 1, 5, 9)] == pytest.approx([0, 0.1, 0.5, 0.9])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_loader_goes_on_at_its_step_whatever_the_workers(workers):
    found = [numbers(timed.batch)[0] for timed in step_loader(dataset(), 4, workers=workers)]
    assert found == [12, 15, 18, 21, 24, 27]


def test_loader_leaves_the_random_numbers_of_torch_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    next(iter(step_loader(dataset(), 0, workers=0)))
    assert torch.equal(torch.get_rng_state(), before)


def test_batch_moves_to_a_device_as_a_whole():
    batch = dataset()[0].on(torch.device("meta"))
    tensors = [t for part in (batch.inputs, batch.targets, batch.mask) for t in part.values()]
    assert {t.device.type for t in tensors} == {"meta"}
    assert dataset()[7].on(torch.device("meta")).done == 0.7
