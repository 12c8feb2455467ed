"""A teacher that knows nothing is refused before it teaches."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rppg_core.errors import UsageError
from rppg_core.lab.training.probe import BATCHES, everyday, probe_teacher
from rppg_core.lab.training.teacher import Teacher
from rppg_core.models.base import TASKS, Batch
from rppg_core.models.recipe import Recipe

D = 12


def batches(n: int, seed: int, unlabelled: int = 0) -> list[Batch]:
    """Batches of eight with heart rates from 50 to 150; the first `unlabelled` of each have no label."""
    maker = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(n):
        hr = 50 + 100 * torch.rand(8, generator=maker)
        known = torch.arange(8) >= unlabelled
        inputs = {"hidden": hr + (500 * torch.randn(8, generator=maker)) * ~known}
        targets = {task: torch.zeros(8) for task in TASKS} | {"hr": hr * known}
        made.append(Batch(inputs, targets, dict.fromkeys(TASKS, known)))
    return made


class Made(Teacher):
    """Embeds the heart rate of a sample, with noise, in twelve numbers; or answers with something else."""

    def __init__(self, noise: float, **instead: torch.Tensor):
        self.noise, self.instead = noise, instead
        self.direction = torch.randn(D, generator=torch.Generator().manual_seed(1))

    def teach(self, batch: Batch) -> Batch:
        hr = batch.inputs["hidden"][:, None]
        x = (hr - 100) / 30 * self.direction + self.noise * torch.randn(len(hr), D)
        return replace(batch, teacher=self.instead or {"embedding": x})


def test_teacher_whose_embedding_holds_the_rate_passes_and_its_errors_are_stated():
    torch.manual_seed(0)
    probe = probe_teacher(Made(0.1), batches(20, 0), batches(6, 1))
    assert probe is not None and probe.line < 3 and 20 < probe.mean < 30
    assert f"{probe.times:.1f} times better" in probe.words()


def test_teacher_that_knows_nothing_is_refused():
    torch.manual_seed(0)
    with pytest.raises(UsageError, match=r"times better.*at least 3 times"):
        probe_teacher(Made(50.0), batches(20, 0), batches(6, 1))


def test_samples_without_a_heart_rate_do_not_count():
    torch.manual_seed(0)
    probe = probe_teacher(Made(0.1), batches(30, 0, unlabelled=3), batches(6, 1, unlabelled=3))
    assert probe is not None and probe.line < 3


def test_teacher_without_an_embedding_is_not_asked():
    assert probe_teacher(Made(0.1, bvp=torch.zeros(8, 30)), batches(2, 0), batches(2, 1)) is None


def test_teacher_of_a_dataset_is_asked_on_as_many_simulated_traces():
    asked = everyday(
        Recipe(method="physvlm", traces=0, clips=10, steps=2, labelled=0.1, validation_samples=8)
    )
    assert (asked.traces, asked.clips, asked.harshness, asked.labelled) == (10, 0, 1.0, 1.0)
    assert asked.steps >= BATCHES and asked.validation_samples >= 96
