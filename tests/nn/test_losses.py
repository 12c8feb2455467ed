"""Losses: known values, and silence where there is no label."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from rppg_core.nn.losses import (  # noqa: E402
    masked_mean,
    negative_pearson,
    phased_in,
    rate_cross_entropy,
    rate_distribution,
    smooth_l1,
)

FS = 30.0
RATES = torch.arange(256.0) / 2 + 40


def sine(bpm: float, n: int = 256):
    return torch.sin(2 * torch.pi * bpm / 60 * torch.arange(n) / FS)[None]


def test_negative_pearson_is_zero_for_a_scaled_copy_and_two_for_its_opposite():
    x, labelled = sine(70), torch.tensor([True])
    assert negative_pearson(3 * x + 5, x, labelled).item() == pytest.approx(0, abs=1e-5)
    assert negative_pearson(-x, x, labelled).item() == pytest.approx(2, abs=1e-5)


def test_rate_loss_is_lowest_at_the_true_rate():
    labelled, truth = torch.tensor([True]), torch.tensor([90.0])
    at = {bpm: rate_cross_entropy(sine(bpm), truth, labelled, fs=FS).item() for bpm in (60, 80, 90, 100, 140)}
    assert min(at, key=at.get) == 90


def test_shares_are_judged_best_when_they_are_the_bell_around_the_true_rate():
    truth, labelled = torch.tensor([90.0]), torch.tensor([True])

    def loss_at(centre: float, spread: float = 3.0) -> float:
        log_share = torch.log_softmax(-0.5 * ((RATES[None] - centre) / spread) ** 2, dim=1)
        return rate_distribution(log_share, RATES, truth, labelled, spread=3.0).item()

    assert loss_at(90) < min(loss_at(88), loss_at(92), loss_at(90, 1.5), loss_at(90, 6.0))


def test_small_errors_are_squared_and_large_ones_are_not():
    truth, labelled = torch.tensor([70.0]), torch.tensor([True])
    found = {d: smooth_l1(truth + d, truth, labelled).item() for d in (0.0, 0.5, -0.5, 4.0)}
    assert found == pytest.approx({0.0: 0, 0.5: 0.125, -0.5: 0.125, 4.0: 3.5})


@pytest.mark.parametrize("loss", ["waveform", "rate", "shares", "number"])
def test_unlabelled_samples_change_neither_value_nor_gradient(loss):
    torch.manual_seed(0)
    x = torch.randn(3, 256, requires_grad=True)
    target, hr = torch.randn(3, 256), torch.tensor([70.0, 0.0, 100.0])
    mask = torch.tensor([True, False, True])
    values = {
        "waveform": lambda: negative_pearson(x, target, mask),
        "rate": lambda: rate_cross_entropy(x, hr, mask, fs=FS),
        "shares": lambda: rate_distribution(torch.log_softmax(x, dim=1), RATES, hr, mask, spread=3.0),
        "number": lambda: smooth_l1(x[:, 0], hr, mask),
    }
    values[loss]().backward()
    assert x.grad is not None
    assert (x.grad[1] == 0).all() and (x.grad[0] != 0).any()


def test_mean_over_no_labels_is_zero_and_has_no_gradient():
    x = torch.ones(4, requires_grad=True)
    value = masked_mean(x, torch.zeros(4, dtype=torch.bool))
    value.backward()
    assert value.item() == 0 and (x.grad == 0).all()


def test_nan_of_an_unlabelled_sample_does_not_spread():
    x = torch.tensor([1.0, float("nan")], requires_grad=True)
    value = masked_mean(x, torch.tensor([True, False]))
    value.backward()
    assert value.item() == 1 and torch.isfinite(x.grad).all()


def test_late_terms_come_in_as_in_the_released_code_of_physmle():
    found = [round(phased_in(done), 2) for done in (0.0, 0.1, 0.2, 0.5, 1.0)]
    assert found == [0, 0.46, 0.76, 0.99, 1]
