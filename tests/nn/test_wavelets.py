"""Wavelets: exact reconstruction, the octaves they split, and the filters of a reference library."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppg_core.errors import UsageError  # noqa: E402
from rppg_core.nn.wavelets import FILTERS, compose, decompose, filters, pad_symmetric  # noqa: E402

WAVELETS = sorted(FILTERS)


@pytest.mark.parametrize("wavelet", WAVELETS)
@pytest.mark.parametrize("n", [8, 16, 64, 256])
def test_a_signal_of_any_length_is_reconstructed_exactly(wavelet, n):
    x = torch.randn(2, 3, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))
    assert torch.allclose(compose(*decompose(x, wavelet, 3), wavelet), x, atol=1e-12)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_bands_hold_the_energy_of_the_signal(wavelet):
    x = torch.randn(64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    coarse, details = decompose(x, wavelet, 3)
    assert sum(float((band**2).sum()) for band in [coarse, *details]) == pytest.approx(float((x**2).sum()))


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_filters_are_those_of_pywavelets(wavelet):
    pywt = pytest.importorskip("pywt")
    low, high = filters(wavelet, torch.zeros(1, dtype=torch.float64))
    reference = pywt.Wavelet(wavelet)
    np.testing.assert_allclose(low, reference.rec_lo, atol=1e-15)
    np.testing.assert_allclose(high.abs(), np.abs(reference.rec_hi), atol=1e-15)


@pytest.mark.parametrize("wavelet", WAVELETS)
def test_coefficients_are_those_of_pywavelets_but_for_a_shift(wavelet):
    pywt = pytest.importorskip("pywt")
    x = np.random.default_rng(0).standard_normal(64)
    odd = len(FILTERS[wavelet]) // 2 % 2 == 0  # PyWavelets centres its filters
    coarse, details = decompose(torch.from_numpy(np.roll(x, odd)), wavelet, 1)
    theirs = pywt.dwt(x, wavelet, mode="periodization")
    for mine, reference in zip((coarse, details[0]), theirs, strict=True):
        shifts = [np.abs(np.abs(np.roll(reference, k)) - mine.abs().numpy()).max() for k in range(32)]
        assert min(shifts) < 1e-12


def test_a_tone_lands_in_its_octave():
    t = torch.arange(256) / 30
    coarse, details = decompose(torch.sin(2 * torch.pi * 2.6 * t), "coif6", 3)
    energy = [float((band**2).sum()) for band in [*details, coarse]]
    assert energy[2] > 0.9 * sum(energy)  # 1.9 to 3.75 Hz


@pytest.mark.parametrize("n", [1, 5, 36, 100])
def test_padding_mirrors_both_ends(n):
    x = torch.arange(n, dtype=torch.float64)
    padded = pad_symmetric(x, 36, multiple=8)
    assert len(padded) % 8 == 0 and len(padded) >= n + 72
    assert torch.equal(padded[36 : 36 + n], x)
    np.testing.assert_array_equal(padded[: n + 72], np.pad(np.arange(n), 36, mode="symmetric"))


def test_gradient_flows_through_both_ways():
    x = torch.randn(2, 16, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: compose(*decompose(x, "db4", 2), "db4"), x)


def test_a_length_that_does_not_fit_the_levels_is_refused():
    with pytest.raises(UsageError, match="multiple of 8"):
        decompose(torch.zeros(12), "db4", 3)


def test_an_unknown_wavelet_is_refused():
    with pytest.raises(UsageError, match="coif6"):
        decompose(torch.zeros(8), "db40", 1)
