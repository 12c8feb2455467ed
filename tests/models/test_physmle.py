"""PhysMLE: experts that begin silent, missing labels, losses that can be switched off, the sizes of the paper."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nn.expert_order import give_voice, reorder  # noqa: E402

from rppg_core.lab.simulate.settings import SimulationSettings  # noqa: E402
from rppg_core.lab.simulate.traces import simulate_traces  # noqa: E402
from rppg_core.lab.training.sources import Sample as Window  # noqa: E402
from rppg_core.lab.training.sources import collate, even_truth, targets_from_truth  # noqa: E402
from rppg_core.models.base import TASKS, Batch, check_model, run_clip  # noqa: E402
from rppg_core.models.physmle import PhysMLE, PhysMLEConfig  # noqa: E402
from rppg_core.models.physmle.model import GATED  # noqa: E402
from rppg_core.models.physmle.priors import breath_of_pulse  # noqa: E402
from rppg_core.nn.experts import Router  # noqa: E402
from rppg_core.types import STMap  # noqa: E402
from rppg_core.video.prepare import cut, resample, stmap_band  # noqa: E402

N_FRAMES = 64
TINY = PhysMLEConfig.tiny()
# The paper's arrangement (picture, halving stages, pooled heads, frozen trunk) in a small size.
PICTURE = replace(
    PhysMLEConfig.paper(),
    window=N_FRAMES,
    rows=16,
    widths=(8, 12),
    blocks=1,
    strides=(1, 2),
    dilations=(1, 1),
    rank=2,
    alpha=4.0,
    rr_window=N_FRAMES,
)
AUXILIARY = ("spatial", "temporal", "diversity", "prior_hr", "prior_rr", "prior_spo2")  # switch and term
INSIDE = {"router_gates", "expert_share", "expert_size", "task_experts"}
SUPERVISED = {"waveform", "hr", "rr", "spo2", "hr_spectrum", "rr_spectrum"}


@pytest.fixture(scope="module")
def windows():
    """Three people, as a native window and its full truth."""
    found = []
    for seed in range(3):
        clip, truth = simulate_traces(SimulationSettings(seconds=N_FRAMES / 30 + 1, seed=seed))
        even, part = resample(clip), slice(0, N_FRAMES)
        targets = targets_from_truth(even_truth(truth, even.times_s), part, frozenset(TASKS))
        found.append((cut(even, part), targets))
    return found


def batch_of(windows, config=TINY, *, without: str = "") -> Batch:
    """All labels but one."""
    return collate(
        [
            Window(PhysMLE.inputs_from_clip(clip, config), {k: v for k, v in targets.items() if k != without})
            for clip, targets in windows
        ],
        N_FRAMES,
    )


def voiced(config=TINY, seed: int = 0) -> PhysMLE:
    """A network whose experts have something to say."""
    torch.manual_seed(seed)
    model = PhysMLE(config)
    for layer in model.layers if config.experts else []:
        give_voice(layer, seed)
    return model


def loss_of(model: PhysMLE, batch: Batch) -> dict[str, torch.Tensor]:
    torch.manual_seed(4)  # dropout, second views
    return model.train().loss(model(batch.inputs), batch)


def moved(part: torch.nn.Module) -> bool:
    """Some parameter got a gradient that is not zero."""
    return any(p.grad is not None and bool(p.grad.any()) for p in part.parameters())


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


def test_experts_with_something_to_say_are_heard(windows):
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


def test_evaluation_throws_no_dice_and_looks_at_one_sample_at_a_time(windows):
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


def test_task_experts_tell_what_each_gate_lets_through(windows):
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


def test_size_of_the_experts_is_what_they_add_against_what_the_trunk_says(windows):
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
def test_network_without_some_part_answers_all_the_same(windows, change, left):
    model = voiced(replace(TINY, **change)).eval()
    assert set(model(batch_of(windows).inputs)) == model.tasks | left


# Labels that are missing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", GATED)
@pytest.mark.parametrize("config", [TINY, PICTURE], ids=["cells", "picture"])
def test_head_without_labels_gets_exactly_no_gradient(windows, task, config):
    model = voiced(config.without_priors())
    terms = loss_of(model, batch_of(windows, config, without=task))
    torch.stack(list(terms.values())).sum().backward()
    assert not moved(model.heads[task])
    assert all(moved(model.heads[other]) for other in GATED if other != task)
    assert moved(model.decoder)


def test_decoder_without_waveforms_gets_exactly_no_gradient(windows):
    model = voiced(TINY.without_priors())
    torch.stack(list(loss_of(model, batch_of(windows, without="bvp")).values())).sum().backward()
    assert not moved(model.decoder)
    assert all(moved(head) for head in model.heads.values())


def test_batch_without_any_label_moves_nothing_that_a_label_would(windows):
    """What asks no label (rows agree, views agree, experts differ) still trains; all else is exactly zero."""
    model, batch = voiced(), batch_of(windows)
    nothing = {task: torch.zeros_like(known) for task, known in batch.mask.items()}
    terms = loss_of(model, replace(batch, mask=nothing))
    asked = [term for name, term in terms.items() if name not in ("spatial", "temporal", "diversity")]
    torch.stack(asked).sum().backward()
    assert all(term.item() == 0 for term in asked) and not moved(model)
    assert all(terms[name].item() != 0 for name in ("spatial", "temporal", "diversity"))


# Auxiliary losses ----------------------------------------------------------------------------------------------


def aided(config: PhysMLEConfig) -> PhysMLEConfig:
    """Every sample gets a second view."""
    return replace(config, twins=1.0)


def with_breath_near(model: PhysMLE, batch: Batch) -> Batch:
    """Breathing labels that lie where the pulse breathes, so that the prior trusts them."""
    torch.manual_seed(4)
    heard = breath_of_pulse(model.train()(batch.inputs)["bvp"], 30.0).detach()
    return replace(batch, targets={**batch.targets, "rr": heard + 2})


@pytest.mark.parametrize("name", AUXILIARY)
def test_every_auxiliary_loss_trains_the_network(windows, name):
    """The released script computes them and calls backward on the others."""
    model = voiced(aided(TINY))
    terms = loss_of(model, with_breath_near(model, batch_of(windows)))
    terms[name].backward()
    assert moved(model)
    if name != "spatial":  # whose only rows, the cells, end before the first expert
        assert any(bool(layer.widen.grad.any()) for layer in model.layers if layer.widen.grad is not None)


def test_agreement_of_rows_trains_the_experts_where_rows_go_through_them(windows):
    model = voiced(PICTURE)
    loss_of(model, batch_of(windows, PICTURE))["spatial"].backward()
    assert all(layer.widen.grad is not None and bool(layer.widen.grad.any()) for layer in model.layers)


@pytest.mark.parametrize("name", AUXILIARY)
def test_every_auxiliary_loss_has_its_switch(windows, name):
    batch = batch_of(windows)
    assert set(loss_of(voiced(aided(TINY)), batch)) == SUPERVISED | set(AUXILIARY)
    off = replace(aided(TINY), **{name: False})
    assert set(loss_of(voiced(off), batch)) == SUPERVISED | set(AUXILIARY) - {name}


def test_auxiliary_losses_are_brought_in_slowly(windows):
    model, batch = voiced(aided(TINY)), batch_of(windows)
    start, end = (loss_of(model, replace(batch, done=done)) for done in (0.0, 1.0))
    assert all(start[name].item() == 0 for name in AUXILIARY)
    assert all(
        end[name].item() != 0 for name in ("spatial", "temporal", "diversity", "prior_hr", "prior_spo2")
    )
    assert start["waveform"].item() == end["waveform"].item() != 0
    assert start["hr"].item() == 0 != end["hr"].item()


def test_second_views_stand_beside_the_answers_and_not_among_them(windows):
    model = voiced(replace(TINY, twins=0.5)).train()
    answers = model(batch_of(windows).inputs)
    assert answers["bvp"].shape == (3, N_FRAMES) and answers["hr"].shape == (3,)
    assert {task: len(twin) for task, twin in answers["twins"].items()} == dict.fromkeys(GATED, 2)
    off = voiced(replace(TINY, spatial=False, temporal=False)).train()
    assert "twins" not in off(batch_of(windows).inputs)


# What it reads, and how long it is -----------------------------------------------------------------------------


@pytest.mark.parametrize("config", [TINY, PICTURE], ids=["cells", "picture"])
def test_waveform_is_as_long_as_the_map_whatever_its_length(windows, config):
    inputs = batch_of(windows, config).inputs
    model = voiced(config).eval()
    for n in (61, 64, 91, 130):
        stmap = torch.cat([inputs["stmap"]] * 3, dim=1)[:, :n]
        assert model({**inputs, "stmap": stmap})["bvp"].shape == (3, n)


def test_breathing_rate_is_told_only_of_stretches_that_hold_enough_breaths(windows):
    inputs = batch_of(windows).inputs
    model = voiced().eval()
    assert "rr" in model(inputs)
    short = model({**inputs, "stmap": inputs["stmap"][:, :-1]})
    assert set(short) & set(TASKS) == {"bvp", "hr", "spo2"}
    assert PhysMLEConfig.small().rr_window / 30 == 17.0


def test_it_reads_both_bands_of_the_shared_preparation(windows):
    clip, _ = windows[0]
    stmap = STMap(clip.stmap, 30.0, clip.stmap_weight)
    found = PhysMLE.inputs_from_clip(clip, TINY)["stmap"]
    np.testing.assert_allclose(found[:, :, :3], stmap_band(stmap, "pulse"), atol=1e-5)
    np.testing.assert_allclose(found[:, :, 3:], stmap_band(stmap, "slow"), atol=1e-5)


def test_picture_of_the_paper_stretches_every_row_from_zero_to_one(windows):
    clip, _ = windows[0]
    found = PhysMLE.inputs_from_clip(clip, PICTURE)["stmap"]
    assert (found.min(axis=0) == 0).all() and found.max(axis=0) == pytest.approx(1)
    darker = replace(clip, stmap=0.5 * clip.stmap + 3)
    np.testing.assert_allclose(PhysMLE.inputs_from_clip(darker, PICTURE)["stmap"], found, atol=1e-5)


# Presets -------------------------------------------------------------------------------------------------------


def test_as_released_has_nothing_but_the_supervised_losses(windows):
    config = PICTURE.as_released()
    assert set(loss_of(voiced(config), batch_of(windows, config))) == {"waveform", "hr", "rr", "spo2"}
    assert set(loss_of(voiced(PICTURE), batch_of(windows, PICTURE))) >= set(AUXILIARY)


def test_frozen_trunk_gets_no_gradient_and_everything_else_does(windows):
    model = voiced(PICTURE)
    torch.stack(list(loss_of(model, batch_of(windows, PICTURE)).values())).sum().backward()
    still = {name for name, p in model.named_parameters() if p.grad is None}
    assert still == {
        name
        for name, _ in model.named_parameters()
        if name.startswith("stem.") or name.endswith(".conv.weight")
    }
    assert all(p.grad.any() for p in model.parameters() if p.grad is not None)


def part_of(name: str) -> str:
    """Which of the paper's parts a parameter belongs to."""
    for mark, part in (
        (".router.", "routers"),
        (".shrink.", "experts"),
        (".widen", "experts"),
        (".conv.weight", "trunk"),
        (".down.", "query"),
    ):
        if name.startswith("stages.") and mark in name:
            return part
    return {"gates": "task gates", "decoder": "decoder", "stem": "stem"}.get(name.partition(".")[0], "rest")


def test_paper_preset_has_the_sizes_of_the_released_code():
    """16 convolutions; gates 8.40 M, task gates 1.58 M, convolutions of the query 0.17 M, as counted in that code.

    Experts are half of its 3.12 M, since ours have rank r and not 3 r; the decoder has one row, 0.8 M for 2.8 M.
    """
    model = PhysMLE(PhysMLEConfig.paper())
    counts = Counter()
    for name, parameter in model.named_parameters():
        counts[part_of(name)] += parameter.numel()
    assert len(model.layers) == 16
    millions = {part: round(n / 1e6, 2) for part, n in counts.items()}
    assert millions == {
        "routers": 8.40,
        "task gates": 1.58,
        "query": 0.17,
        "trunk": 10.99,
        "experts": 1.65,
        "decoder": 0.79,
        "stem": 0.01,
        "rest": 0.01,
    }
    assert (
        counts["routers"] + counts["task gates"]
        > sum(p.numel() for p in model.parameters() if p.requires_grad) / 2
    )  # more than half of what is trained decides, and does not say anything itself


def test_shipped_size_stays_below_three_megabytes_in_half_precision():
    assert 2 * check_model(PhysMLE(PhysMLEConfig.small())) < 3e6


def test_every_layer_has_a_name():
    model = PhysMLE(replace(PICTURE, blocks=2))
    assert model.layer_names[:5] == [*(f"stage 1, layer {k}" for k in (1, 2, 3, 4)), "stage 2, layer 1"]
    assert len(model.layer_names) == len(model.layers) == 8
