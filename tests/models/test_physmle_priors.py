"""What PhysMLE knows besides labels: each prior is lowest where it should be, and silent where it knows nothing."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.lab.simulate.physiology import Physiology, simulate_waves  # noqa: E402
from rppg_core.models.physmle import priors  # noqa: E402

FS = 30.0
YES, NO = torch.tensor([True]), torch.tensor([False])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def pulse(hr_bpm: float, rr_brpm: float, *, seconds: float = 40.0, seed: int = 0) -> torch.Tensor:
    """A simulated pulse whose size and level go with the breath, (1, T)."""
    person = Physiology(hr_bpm=hr_bpm, rr_brpm=rr_brpm, riav=0.15, riiv=0.5)
    waves = simulate_waves(person, np.arange(round(seconds * FS)) / FS, np.random.default_rng(seed))
    return torch.tensor((waves.bvp + waves.baseline)[None], dtype=torch.float32)


def sine(per_minute: float, n: int = 512) -> torch.Tensor:
    return torch.sin(2 * torch.pi * per_minute / 60 * torch.arange(n) / FS)[None]


# Second views --------------------------------------------------------------------------------------------------


def numbered(n_samples: int, n_cells: int = 12, time: int = 40):
    """Maps whose values tell sample, cell and time, and weights that tell the cell."""
    b, t, n = torch.meshgrid(
        torch.arange(n_samples), torch.arange(time), torch.arange(n_cells), indexing="ij"
    )
    stmap = (10_000 * b + 100 * n + t).float()[..., None].expand(-1, -1, -1, 3)
    return stmap.contiguous(), torch.arange(n_cells).float().expand(n_samples, -1).contiguous()


def test_half_of_the_second_views_have_other_cells_and_a_twentieth_begin_later():
    stmap, weight = numbered(2000, time=32)
    twin, twin_weight = priors.make_twin(stmap, weight)
    edited = (twin_weight != weight).any(dim=1)
    shifted = (twin[:, 0, :, 0] % 100 != 0).any(dim=1)
    assert not (edited & shifted).any()
    # of 2000: one part in 70 is the standard deviation; a replaced or shuffled cell may be its own successor
    assert edited.float().mean().item() == pytest.approx(0.48, abs=0.04)
    assert shifted.float().mean().item() == pytest.approx(0.05, abs=0.02)


def test_second_view_holds_cells_of_its_sample_with_their_weights():
    stmap, weight = numbered(200)
    twin, twin_weight = priors.make_twin(stmap, weight)
    cell, sample = twin[:, 0, :, 0] % 10_000 // 100, twin[:, 0, :, 0] // 10_000
    assert torch.equal(cell, twin_weight)
    assert torch.equal(sample, torch.arange(200.0)[:, None].expand_as(sample))


def test_shift_is_below_a_second_and_holds_the_last_value():
    stmap, weight = numbered(400)
    twin, _ = priors.make_twin(stmap, weight)
    first, last = twin[:, 0, 0, 0] % 100, twin[:, -1, 0, 0] % 100
    late = first > 0
    assert late.any() and first.max() <= 29 and (last == 39).all()
    assert (twin[late].diff(dim=1)[:, -1] == 0).all()


def test_first_view_is_left_as_it_is():
    stmap, weight = numbered(50)
    before = stmap.clone(), weight.clone()
    priors.make_twin(stmap, weight)
    assert torch.equal(stmap, before[0]) and torch.equal(weight, before[1])


# Consistency ---------------------------------------------------------------------------------------------------


def test_rows_that_agree_but_for_their_size_are_as_good_as_can_be():
    one = torch.randn(2, 1, 4, 60)
    assert priors.spatial_consistency(one * torch.rand(2, 36, 1, 1)).item() == pytest.approx(-1, abs=1e-5)


def test_rows_that_have_nothing_in_common_are_not():
    assert abs(priors.spatial_consistency(torch.randn(4, 36, 8, 500)).item()) < 0.1  # a row may meet itself


def test_small_gap_of_two_views_counts_and_a_large_one_does_not():
    one = torch.tensor([70.0, 80.0, 90.0], requires_grad=True)
    loss = priors.temporal_consistency(one, torch.tensor([71.0, 85.0, 90.5]))
    loss.backward()
    assert loss.item() == pytest.approx((1.0 + 0.5) / 2)
    assert one.grad is not None and one.grad[1] == 0 and one.grad[0] != 0


# Priors --------------------------------------------------------------------------------------------------------


def test_pulse_that_beats_at_the_labelled_rate_is_liked_best():
    at = {
        bpm: priors.heart_prior(sine(bpm), torch.tensor([80.0]), YES, FS).item() for bpm in (60, 76, 80, 84)
    }
    assert min(at, key=at.get) == 80
    assert priors.heart_prior(sine(60), torch.tensor([80.0]), NO, FS).item() == 0


@pytest.mark.parametrize(("hr_bpm", "rr_brpm"), [(55.0, 10.0), (72.0, 15.0), (90.0, 20.0), (110.0, 25.0)])
def test_breath_of_a_simulated_pulse_is_found(hr_bpm, rr_brpm):
    """Within 2 breaths/min on 40 s; with these modulations all of 40 random people were."""
    for seed in range(3):
        found = priors.breath_of_pulse(pulse(hr_bpm, rr_brpm, seed=seed), FS).item()
        assert found == pytest.approx(rr_brpm, abs=2.0)


def test_breath_is_counted_in_seconds_and_not_in_beats():
    """The released code is right at 60 bpm alone: a heart twice as fast makes its breaths twice as rare."""
    slow, fast = (priors.breath_of_pulse(pulse(hr, 18.0), FS).item() for hr in (60.0, 120.0))
    assert fast == pytest.approx(slow, abs=2.0)


def breath_gradients(mask: dict, *, answered: float, labelled: float):
    """Of pulse and answer, for a pulse that breathes 15 times a minute."""
    bvp, answer = pulse(75.0, 15.0).requires_grad_(), torch.tensor([answered], requires_grad=True)
    loss = priors.breath_prior(bvp, answer, torch.tensor([labelled]), mask, FS)
    loss.backward()
    return loss.item(), *(x.grad is not None and bool(x.grad.any()) for x in (bvp, answer))


def test_labelled_breath_pulls_at_the_pulse_and_an_unlabelled_one_at_the_answer():
    _, pulse_moved, answer_moved = breath_gradients({"rr": YES, "bvp": YES}, answered=17.0, labelled=17.0)
    assert (pulse_moved, answer_moved) == (True, False)
    _, pulse_moved, answer_moved = breath_gradients({"rr": NO, "bvp": YES}, answered=17.0, labelled=0.0)
    assert (pulse_moved, answer_moved) == (False, True)


@pytest.mark.parametrize(
    ("mask", "answered", "labelled"),
    [
        ({"rr": YES, "bvp": YES}, 15.0, 24.0),  # the pulse does not speak of that breath
        ({"rr": NO, "bvp": YES}, 24.0, 0.0),
        ({"rr": NO, "bvp": NO}, 15.0, 0.0),  # nothing is known
    ],
)
def test_breath_that_is_far_off_or_unknown_pulls_at_nothing(mask, answered, labelled):
    assert breath_gradients(mask, answered=answered, labelled=labelled) == (0, False, False)


def test_answer_in_proportion_to_its_features_is_what_the_oxygen_prior_wants():
    line = torch.nn.Linear(3, 1)
    with torch.no_grad():
        line.weight.copy_(torch.tensor([[1.0, 2.0, 0.0]]))
        line.bias.zero_()
    pooled, spo2 = torch.tensor([[30.0, 33.5, 5.0]]), torch.tensor([97.0])
    assert priors.oxygen_prior(line, pooled, spo2, YES).item() == pytest.approx(0, abs=1e-6)
    with torch.no_grad():
        line.weight.zero_()
        line.bias.fill_(97.0)  # the constant: right for the sample, wrong for its copies
    assert priors.oxygen_prior(line, pooled, spo2, YES).item() > 1
    assert priors.oxygen_prior(line, pooled, spo2, NO).item() == 0


def test_copies_below_eighty_percent_are_not_asked_for():
    line = torch.nn.Linear(3, 1)
    low = priors.oxygen_prior(line, torch.rand(1, 3), torch.tensor([80.0]), YES)
    low.backward()
    assert low.item() == 0 and line.weight.grad is not None and not line.weight.grad.any()
