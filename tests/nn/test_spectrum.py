"""Spectra that gradients flow through, against the plain Fourier transform and against waves of known rate."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from rppg_core.nn.spectrum import (  # noqa: E402
    band_and_envelope,
    expected_rate,
    power_at,
    rate_grid,
    shares_from_power,
)

FS = 30.0
T_S = torch.arange(600) / FS  # 20 s


def sine(per_minute: float) -> torch.Tensor:
    return torch.sin(2 * torch.pi * per_minute / 60 * T_S)


def test_grid_begins_at_the_slowest_rate_and_ends_before_the_last():
    assert rate_grid(40.0, 42.0, 0.5).tolist() == [40, 40.5, 41, 41.5]


def test_power_is_that_of_the_fourier_transform_where_both_look():
    wave = torch.randn(2, 600)
    whole = torch.fft.rfft((wave - wave.mean(dim=1, keepdim=True)) * torch.hann_window(600, periodic=False))
    bins = torch.arange(5, 80)  # of 600 samples at 30 Hz: 3 per minute each
    found = power_at(wave, 3.0 * bins, FS)
    assert torch.allclose(found, whole[:, bins].abs() ** 2, rtol=1e-3, atol=0.05)  # of 200 and more


@pytest.mark.parametrize("per_minute", [48.0, 72.5, 140.0])
def test_power_is_largest_at_the_rate_of_the_wave(per_minute):
    rates = rate_grid(40.0, 185.0, 0.5)
    assert rates[power_at(sine(per_minute), rates, FS).argmax()].item() == pytest.approx(per_minute, abs=0.5)


def test_offset_of_a_wave_has_no_power():
    rates = rate_grid(40.0, 185.0, 1.0)
    assert torch.allclose(power_at(sine(70) + 5, rates, FS), power_at(sine(70), rates, FS), atol=0.1)


def test_shares_sum_to_one_and_silence_has_none():
    shares = shares_from_power(torch.stack([torch.rand(20), torch.zeros(20)]))
    assert shares.sum(dim=1).tolist() == pytest.approx([1, 0])


def test_expected_rate_is_the_mean_of_the_rates_by_share():
    rates = torch.tensor([60.0, 80.0, 100.0])
    shares = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.75, 0.25, 0.0]])
    assert expected_rate(shares, rates).tolist() == pytest.approx([80, 80, 65])


def test_expected_rate_of_a_wave_pulls_at_the_wave():
    wave, rates = (sine(70) + 0.5 * torch.randn(600)).requires_grad_(), rate_grid(40.0, 185.0, 1.0)
    expected_rate(shares_from_power(power_at(wave, rates, FS)), rates).backward()
    assert wave.grad is not None and wave.grad.norm() > 0


def test_band_keeps_its_own_and_drops_the_rest():
    band, size = band_and_envelope((sine(72) + 2 * sine(15) + 1)[None], FS, low_hz=0.7, high_hz=3.0)
    assert torch.allclose(band[0], sine(72), atol=1e-4)
    assert torch.allclose(size[0], torch.ones(600), atol=1e-3)


def test_envelope_is_the_size_of_a_wave_from_moment_to_moment():
    size = 1 + 0.3 * sine(15)
    _, found = band_and_envelope((size * sine(72))[None], FS, low_hz=0.7, high_hz=3.0)
    assert torch.allclose(found[0], size, atol=1e-3)


def test_envelope_of_silence_has_a_finite_gradient():
    wave = torch.zeros(1, 600, requires_grad=True)
    band_and_envelope(wave, FS, low_hz=0.7, high_hz=3.0)[1].sum().backward()
    assert wave.grad is not None and torch.isfinite(wave.grad).all()
