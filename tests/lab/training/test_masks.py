"""What a sample has no label for must not move the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from lab.training.tiny_net import Tiny, TinyConfig
from torch import nn

from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.lab.training.sources import Sample, collate, even_truth, targets_from_truth
from rppg_core.models.base import SERIES, TASKS, Batch, RppgModel
from rppg_core.models.physmle import PhysMLEConfig
from rppg_core.models.physvlm import PhysVLMConfig
from rppg_core.models.weights import config_class, model_class
from rppg_core.roster import list_trained_networks
from rppg_core.video.prepare import cut, resample

HEADS = {"bvp_head": "bvp", "resp_head": "resp", "hr_head": "hr"}


def samples_of(model: RppgModel, n: int) -> list[Sample]:
    """Fully labelled windows of easy clips."""
    found = []
    for seed in range(n):
        clip, truth = simulate_traces(SimulationSettings(seconds=model.window / 30 + 1, seed=seed))
        even, part = resample(clip), slice(0, model.window)
        inputs = model.inputs_from_clip(cut(even, part), model.config)
        found.append(
            Sample(inputs, targets_from_truth(even_truth(truth, even.times_s), part, frozenset(TASKS)))
        )
    return found


def only(samples: list[Sample], *labels: set[str]) -> list[Sample]:
    """Sample k with the labels of `labels[k]`."""
    pairs = zip(samples, labels, strict=True)
    return [Sample(s.inputs, {task: t for task, t in s.targets.items() if task in keep}) for s, keep in pairs]


def loss_of(model: RppgModel, batch: Batch) -> torch.Tensor:
    torch.manual_seed(0)  # dropout, where there is some
    return torch.stack(list(model.loss(model(batch.inputs), batch).values())).sum()


def class_of(name: str) -> type[RppgModel]:
    return Tiny if name == "tiny" else model_class(name)


NETWORKS = ["tiny", *list_trained_networks()]
ANSWERS = [(name, task) for name in NETWORKS for task in TASKS if task in class_of(name).tasks]


# Losses that ask for no label, or let one label speak for another task; they are switched off where labels are
# what a test is about.
BESIDES_LABELS = {
    "physmle": PhysMLEConfig.tiny().without_priors(),
    "physvlm": replace(PhysVLMConfig.tiny(), consistency=False, rates_alone=False),
}


def make(name: str, *, labels_alone: bool = True) -> RppgModel:
    torch.manual_seed(3)
    if name == "tiny":
        return Tiny(TinyConfig())
    config = config_class(class_of(name)).tiny()
    return class_of(name)(BESIDES_LABELS.get(name, config) if labels_alone else config)


def leaf(value):
    """An output, or a list of them, cut off from what made it."""
    return [leaf(part) for part in value] if isinstance(value, list) else value.detach().requires_grad_()


@pytest.mark.parametrize("head", HEADS)
def test_head_without_labels_gets_exactly_no_gradient(head):
    model = Tiny(TinyConfig())
    others = set(TASKS) - {HEADS[head]}
    loss_of(model, collate(only(samples_of(model, 2), others, others), model.window)).backward()
    part = getattr(model, head)
    assert isinstance(part, nn.Module)
    assert all(p.grad is None or not p.grad.any() for p in part.parameters())
    moved = [n for n in HEADS if n != head and any(p.grad.any() for p in getattr(model, n).parameters())]
    assert moved == [n for n in HEADS if n != head]


@pytest.mark.parametrize("name", NETWORKS)
def test_batch_without_labels_gives_no_loss_and_no_gradient(name):
    model = make(name)
    loss = loss_of(model, collate(only(samples_of(model, 2), set(), set()), model.window))
    assert loss.item() == 0
    if loss.requires_grad:
        loss.backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


@pytest.mark.parametrize(("name", "task"), ANSWERS)
def test_answer_to_an_unlabelled_sample_gets_exactly_no_gradient(name, task):
    """Sample 0 has every label, sample 1 all but one: its answer to that task, in any form, moves nothing."""
    model = make(name)
    batch = collate(only(samples_of(model, 2), set(TASKS), set(TASKS) - {task}), model.window)
    outputs = {key: leaf(y) for key, y in model(batch.inputs).items()}
    torch.stack(list(model.loss(outputs, batch).values())).sum().backward()
    forms = {key: y.grad for key, y in outputs.items() if key == task or key.startswith(f"{task}_")}
    assert forms[task][0].any()
    assert not any(gradient[1].any() for gradient in forms.values() if gradient is not None)


@pytest.mark.parametrize("name", NETWORKS)
def test_target_under_a_mask_changes_nothing(name):
    """Whatever stands where the mask is False, is not looked at."""
    model = make(name, labels_alone=False)
    batch = collate(only(samples_of(model, 2), set(TASKS), set()), model.window)
    filled = {}
    for task, target in batch.targets.items():
        filled[task] = target.clone()
        filled[task][1] = torch.from_numpy(
            np.full(batch.targets[task][1].shape, 7.0 if task in SERIES else 77.0)
        )
    changed = Batch(batch.inputs, filled, batch.mask)
    assert loss_of(model, changed).item() == loss_of(model, batch).item()
