"""The losses of PhysMLE: what a missing label leaves untrained, and the auxiliary losses with their switches."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from rppg_core.models.base import Batch  # noqa: E402
from rppg_core.models.physmle import PhysMLE, PhysMLEConfig  # noqa: E402
from rppg_core.models.physmle.model import GATED  # noqa: E402
from rppg_core.models.physmle.priors import breath_of_pulse  # noqa: E402
from tests.models.physmle_batches import N_FRAMES, PICTURE, TINY, batch_of, loss_of, moved, voiced  # noqa: E402

AUXILIARY = ("spatial", "temporal", "diversity", "prior_hr", "prior_rr", "prior_spo2")  # switch and term
SUPERVISED = {"waveform", "hr", "rr", "spo2", "hr_spectrum", "rr_spectrum"}


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
    """Losses that need no label (rows agree, views agree, experts differ) still train; all others are exactly 0."""
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
    rr_brpm = breath_of_pulse(model.train()(batch.inputs)["bvp"], 30.0).detach()
    return replace(batch, targets={**batch.targets, "rr": rr_brpm + 2})


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
