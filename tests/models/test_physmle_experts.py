"""The experts of PhysMLE: silent at first, gated, and what a report keeps of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from nn.expert_order import reorder  # noqa: E402

from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.models.base import run_clip  # noqa: E402
from rppg_core.models.physmle import PhysMLE  # noqa: E402
from rppg_core.models.physmle.model import GATED  # noqa: E402
from rppg_core.nn.experts import Router  # noqa: E402
from rppg_core.video.prepare import resample  # noqa: E402
from tests.models.physmle_batches import PICTURE, TINY, batch_of, voiced  # noqa: E402

INSIDE = {"router_gates", "expert_share", "expert_size", "task_experts"}


# Experts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY, PICTURE], ids=["cells", "picture"])
def test_fresh_network_answers_as_its_trunk_alone(windows, config):
    torch.manual_seed(0)
    model = PhysMLE(config).eval()
    trunk = PhysMLE(replace(config, experts=0)).eval()
    missing, unused = trunk.load_state_dict(model.state_dict(), strict=False)
    assert not missing and all(".router." in key or ".shrink." in key or ".widen" in key for key in unused)
    inputs = batch_of(windows, config).inputs
    answers, alone = model(inputs), trunk(inputs)
    assert set(alone) == model.tasks
    assert all(torch.equal(answers[task], alone[task]) for task in model.tasks)


def test_experts_that_write_something_change_the_waveform(windows):
    inputs = batch_of(windows).inputs
    model = voiced().eval()
    before = model(inputs)["bvp"]
    for layer in model.layers:
        torch.nn.init.zeros_(layer.widen)
    assert not torch.allclose(model(inputs)["bvp"], before, atol=1e-3)


def test_every_gate_lies_between_zero_and_two(windows):
    model, seen = voiced().eval(), []
    routers = [part for part in model.modules() if isinstance(part, Router)]
    hooks = [part.register_forward_hook(lambda *args: seen.append(args[2])) for part in routers]
    answers = model(batch_of(windows).inputs)
    for hook in hooks:
        hook.remove()
    assert len(seen) == len(model.layers) + len(GATED)
    assert all(gates.min() > 0 and gates.max() < 2 for gates in seen)
    assert answers["router_gates"].min() > 0 and answers["router_gates"].max() < 2


def test_experts_that_change_places_with_their_gates_change_no_answer(windows):
    inputs, order = batch_of(windows, replace(TINY, experts=3)).inputs, (2, 0, 1)
    model = voiced(replace(TINY, experts=3)).eval()
    before = model(inputs)
    for layer in model.layers:
        reorder(layer, order)
    after = model(inputs)
    for task in model.tasks:
        assert torch.allclose(after[task], before[task], rtol=1e-5, atol=1e-4)
    for name in ("router_gates", "expert_share", "task_experts"):
        assert torch.allclose(after[name], before[name][:, :, list(order)], atol=1e-5)
    assert torch.allclose(after["expert_size"], before["expert_size"], rtol=1e-4)


def test_evaluation_is_deterministic_and_treats_every_sample_alone(windows):
    """The released gates stay in training mode when tested: answers change with the batch, and from call to call."""
    inputs = batch_of(windows).inputs
    model = voiced().eval()
    both, again = model(inputs), model(inputs)
    alone = model({name: x[1:2] for name, x in inputs.items()})
    for name, answer in both.items():
        assert torch.equal(answer, again[name])
        assert torch.allclose(answer[1:2], alone[name], rtol=1e-5, atol=1e-4)


# What a report keeps of the experts ----------------------------------------------------------------------------


def test_shares_of_the_experts_sum_to_one_in_every_layer_and_for_every_task(windows):
    model = voiced().eval()
    found = model(batch_of(windows).inputs)
    assert (
        found["router_gates"].shape
        == found["expert_share"].shape
        == (3, len(model.layer_names), TINY.experts)
    )
    assert found["task_experts"].shape == (3, len(GATED), TINY.experts)
    for name in ("expert_share", "task_experts"):
        assert torch.allclose(found[name].sum(dim=2), torch.ones(3, 1), atol=1e-5)


def test_task_experts_are_what_each_gate_lets_through(windows):
    """Expert k writes channel k alone, and the gate of SpO2 lets through channel 0 alone."""
    model = voiced().eval()
    last = model.layers[-1]
    with torch.no_grad():
        last.widen.zero_()
        last.widen[0, 0] = last.widen[1, 1] = 1.0
        decide = model.gates["spo2"].router.decide
        decide.weight.zero_()
        decide.bias.fill_(-8.0)
        decide.bias[0] = 8.0
    shares = model(batch_of(windows).inputs)["task_experts"]
    assert (shares[:, GATED.index("spo2"), 0] > 0.99).all()
    others = shares[:, [GATED.index("hr"), GATED.index("rr")], 0]
    assert (others < 0.95).all()


def test_size_of_the_experts_is_what_they_add_relative_to_the_trunk(windows):
    inputs, model = batch_of(windows).inputs, voiced().eval()
    before = model(inputs)["expert_size"]
    assert before.shape == (3, len(model.layers)) and (before > 0.01).all()
    with torch.no_grad():
        model.layers[0].widen *= 3
        model.layers[-1].widen.zero_()
    after = model(inputs)["expert_size"]
    assert torch.allclose(after[:, 0], 3 * before[:, 0], rtol=1e-4)
    assert (after[:, -1] < 1e-6).all()


def test_report_keeps_what_the_experts_did_over_the_whole_clip():
    clip = resample(simulate_traces(SimulationSettings(seconds=8, seed=3))[0])
    output = run_clip(voiced().eval(), clip)
    assert set(output.direct) == {"hr", "rr", "spo2"}
    assert {name: x.shape for name, x in output.inside.items()} == {
        "router_gates": (4, 2),
        "expert_share": (4, 2),
        "expert_size": (4,),
        "task_experts": (3, 2),
    }


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"experts": 0}, set()),
        ({"task_gates": False}, INSIDE),
        ({"router": False}, INSIDE),
    ],
)
def test_network_without_one_of_its_parts_still_answers(windows, change, left):
    model = voiced(replace(TINY, **change)).eval()
    assert set(model(batch_of(windows).inputs)) == model.tasks | left
