"""Terms between the tasks: pulse and breathing keep to their own bands, and the pulse breathes at the breathing rate.

None of them needs a label. Axis letters: B batch, T time, K rate.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from rppg_core.nn.spectrum import band_and_envelope, expected_rate, power_at, rate_grid, shares_from_power
from rppg_core.signals.spectrum import SLOW_HZ

GRID = (4.0, 300.0, 2.0)  # rates of all spectra here: low, end, step. Unit: per minute
NEAR = 12.0  # rates from a peak that belong to it. Unit: per minute
HARMONIC_NEAR = 2.0  # rates from a multiple of the breathing rate. Unit: per minute
TRUE_NEAR = 6.0  # of the heart rate, where the guard does not apply. Unit: per minute
RATIO = (2.5, 8.0)  # heart rate over breathing rate; a weak prior
WEIGHTS = {"leak": 1.0, "overlap": 0.5, "guard": 0.2, "modulation": 0.1, "ratio": 0.01}
SHARPNESS = 0.2  # temperature of rates read from spectra, on the logarithm of power


def consistency(
    bvp: Float[Tensor, "batch time"],
    resp: Float[Tensor, "batch time"],
    *,
    fs: float,
    band_hz: tuple[float, float],
    rr_band_hz: tuple[float, float],
) -> Float[Tensor, ""]:
    """L_ct: how far pulse and breathing disturb or contradict each other.

    Args:
        bvp: raw pulse.
        resp: raw breathing waveform.
        fs: sampling rate of both. Unit: Hz.
        band_hz: of the heart. Unit: Hz.
        rr_band_hz: of breathing. Unit: Hz.

    Source: the abstract names cross-task consistency against spectral leakage. Leakage and sparsity as in Speth et
    al. 2023 (SiNC), https://arxiv.org/abs/2303.07944; the rest is our choice.
    """
    rates = rate_grid(*GRID, device=bvp.device)
    heart, breath = (shares_from_power(power_at(x, rates, fs)) for x in (bvp, resp))
    hr, rr = (soft_rate(shares, rates, band) for shares, band in ((heart, band_hz), (breath, rr_band_hz)))
    terms = {
        "leak": leakage(heart, rates)
        + outside(breath, rates, rr_band_hz)
        + 0.5 * (spread_power(heart, rates) + spread_power(breath, rates)),
        "overlap": (heart * breath + 1e-12).sqrt().sum(dim=1),
        "guard": harmonics_of_breath(heart, rates, hr, rr),
        "modulation": modulation(bvp, rr, fs, rr_band_hz),
        "ratio": functional.relu(RATIO[0] - hr / rr) + functional.relu(hr / rr - RATIO[1]),
    }
    return torch.stack([WEIGHTS[name] * value.mean() for name, value in terms.items()]).sum()


def leakage(heart: Float[Tensor, "batch rate"], rates: Tensor) -> Float[Tensor, " batch"]:
    """Share of a pulse's power below SLOW_HZ, where breathing is."""
    return heart[:, rates < 60 * SLOW_HZ].sum(dim=1)


def outside(
    shares: Float[Tensor, "batch rate"], rates: Tensor, band_hz: tuple[float, float]
) -> Float[Tensor, " batch"]:
    """Share of the power outside a band."""
    low, high = (60 * edge for edge in band_hz)
    return shares[:, (rates < low) | (rates > high)].sum(dim=1)


def spread_power(shares: Float[Tensor, "batch rate"], rates: Tensor) -> Float[Tensor, " batch"]:
    """Share of the power that is not near the highest peak. Source: SiNC, sparsity term."""
    peak = rates[shares.argmax(dim=1)]
    return (shares * ((rates - peak[:, None]).abs() > NEAR)).sum(dim=1)


def harmonics_of_breath(
    heart: Float[Tensor, "batch rate"], rates: Tensor, hr: Tensor, rr: Tensor
) -> Float[Tensor, " batch"]:
    """Share of a pulse's power at multiples of the breathing rate, unless the pulse itself is there."""
    lines = torch.stack([m * rr for m in (2, 3, 4)], dim=1)  # (B, 3)
    near = ((rates - lines[..., None]).abs() <= HARMONIC_NEAR).any(dim=1)
    own = (rates - hr[:, None]).abs() <= TRUE_NEAR
    return (heart * (near & ~own)).sum(dim=1)


def modulation(
    bvp: Float[Tensor, "batch time"], rr: Float[Tensor, " batch"], fs: float, rr_band_hz: tuple[float, float]
) -> Float[Tensor, " batch"]:
    """Difference between the breathing rate and that of the pulse's size, weighted by how clear the latter is.

    Source: Charlton et al. 2018 (amplitude modulation of a pulse by breathing).
    """
    low, high = (60 * edge for edge in rr_band_hz)
    rates = rate_grid(low, high, 1.0, device=bvp.device)
    _, envelope = band_and_envelope(bvp, fs, low_hz=0.65, high_hz=4.0)
    shares = shares_from_power(power_at(envelope, rates, fs))
    clear = (shares.amax(dim=1) * len(rates) / 10).clamp_max(1.0).detach()
    found = soft_rate(shares, rates, rr_band_hz)
    return clear * functional.smooth_l1_loss(found, rr, reduction="none")


def soft_rate(
    shares: Float[Tensor, "batch rate"], rates: Tensor, band_hz: tuple[float, float]
) -> Float[Tensor, " batch"]:
    """The strongest rate in a band, differentiable. Unit: per minute."""
    low, high = (60 * edge for edge in band_hz)
    inside = (rates >= low) & (rates <= high)
    sharp = torch.softmax((shares[:, inside] + 1e-9).log() / SHARPNESS, dim=1)
    return expected_rate(sharp, rates[inside])
