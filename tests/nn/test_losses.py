"""Losses: known values, and silence where there is no label."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from rppg_core.nn.losses import masked_mean, negative_pearson, rate_cross_entropy  # noqa: E402

FS = 30.0


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


@pytest.mark.parametrize("loss", ["waveform", "rate"])
def test_unlabelled_samples_change_neither_value_nor_gradient(loss):
    torch.manual_seed(0)
    x = torch.randn(3, 256, requires_grad=True)
    target, hr = torch.randn(3, 256), torch.tensor([70.0, 0.0, 100.0])
    mask = torch.tensor([True, False, True])
    value = (
        negative_pearson(x, target, mask) if loss == "waveform" else rate_cross_entropy(x, hr, mask, fs=FS)
    )
    value.backward()
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
