"""What PhysMLE learns from besides labels: views and rows agree, experts differ, vital signs are related.

Each term is the differentiable form of one in the paper; the released script computes these terms but never trains
with them. Their weights are in the recipe; the ramp is that of the released code.
Axis letters: B batch, N cell, C channels, H rows, T time, K rate.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rppg_core.nn.losses import masked_mean, rate_cross_entropy
from rppg_core.nn.spectrum import band_and_envelope, expected_rate, power_at, rate_grid, shares_from_power

RR_RANGE_BRPM = (6.0, 30.0, 0.5)
SMALL_GAP = 2.0  # between two views; the released code ignores larger gaps
SAME_BREATH_BRPM = 5.0  # waveform and label further apart do not show the same breathing
VIRTUAL = 5  # scaled copies of a sample
VIRTUAL_SCALE = (0.9, 1.0)
LOWEST_SPO2_PERCENT = 80.0


def make_twin(
    stmap: Float[Tensor, "batch time cell colour"], weight: Float[Tensor, "batch cell"]
) -> tuple[Float[Tensor, "batch time cell colour"], Float[Tensor, "batch cell"]]:
    """A second view of each sample: in half, cells are replaced or exchanged; a twentieth start up to 1 s later.

    Source: PhysMLE, released code: with probability 0.5 two rows (30 %) or four rows (30 %) replaced by others, a
    stretch of rows (30 %) or all rows (10 %) shuffled; otherwise with 0.1 a shift of up to 29 frames. Our choice:
    after a shift, the end is filled with the last value.
    """
    B, T, N, _ = stmap.shape
    stmap, weight = stmap.clone(), weight.clone()
    for b in range(B):
        spatial, kind, shifted = torch.rand(3).tolist()
        if spatial < 0.5:
            order = _edited_rows(N, kind)
            stmap[b], weight[b] = stmap[b][:, order], weight[b][order]
        elif shifted < 0.1:
            later = torch.arange(T) + int(torch.randint(1, 30, ()))
            stmap[b] = stmap[b][later.clamp_max(T - 1)]
    return stmap, weight


def _edited_rows(n: int, kind: float) -> Tensor:
    """The row to put at each place."""
    order = torch.arange(n)
    if kind < 0.6:
        places = torch.randperm(n)[: 2 if kind < 0.3 else 4]
        order[places] = torch.randint(n, places.shape)
    else:
        low, high = sorted(torch.randperm(n + 1)[:2].tolist()) if kind < 0.9 else (0, n)
        order[low:high] = order[low:high][torch.randperm(high - low)]
    return order


def spatial_consistency(rows: Float[Tensor, "batch row channel time"]) -> Float[Tensor, ""]:
    """L_sp: minus the cosine over time between two random halves of the rows; -1 where all rows agree."""
    n = rows.shape[1]
    one, other = torch.randint(n, (2, max(1, n // 2)), device=rows.device)
    length = rows.square().sum(dim=3).clamp_min(1e-12).sqrt()  # (B, H, C)
    cosines = torch.einsum("bnct,bmct->bnmc", rows, rows) / (length[:, :, None] * length[:, None])
    return -cosines[:, one, other].mean()


def temporal_consistency(
    one: Float[Tensor, " batch"], other: Float[Tensor, " batch"], *, gap: float = SMALL_GAP
) -> Float[Tensor, ""]:
    """L_tc: difference of the answers to two views of a sample; differences of `gap` or more are ignored."""
    apart = (one - other).abs()
    return masked_mean(apart, apart < gap)


def heart_prior(
    bvp: Float[Tensor, "batch time"],
    hr_bpm: Float[Tensor, " batch"],
    labelled: Bool[Tensor, " batch"],
    fs: float,
) -> Float[Tensor, ""]:
    """HB: the pulse beats at the labelled heart rate, whether or not the waveform itself is labelled.

    Source: our choice of the form: cross-entropy over the spectrum, where the released code compares two numbers
    without gradient.
    """
    return rate_cross_entropy(bvp, hr_bpm, labelled, fs=fs)


def breath_of_pulse(bvp: Float[Tensor, "batch time"], fs: float) -> Float[Tensor, " batch"]:
    """Breathing rate from the amplitude and the baseline of a pulse. Unit: breaths per minute.

    Both have equal weight: if one of them is not modulated, its noise pulls the result towards the middle of the
    range (`breath_prior` ignores results that are too far off).

    Source: our choice, in seconds; the released code computes the spectrum of beat intervals over beat number, which
    is right only at 60 bpm.
    """
    rates = rate_grid(*RR_RANGE_BRPM, device=bvp.device)
    _, size = band_and_envelope(bvp, fs, low_hz=0.7, high_hz=3.0)
    level, _ = band_and_envelope(bvp, fs, low_hz=0.1, high_hz=0.5)
    power = shares_from_power(power_at(size, rates, fs)) + shares_from_power(power_at(level, rates, fs))
    sharp = shares_from_power(power**2)  # emphasise the strongest line
    return expected_rate(sharp, rates)


def breath_prior(
    bvp: Float[Tensor, "batch time"],
    answered_brpm: Float[Tensor, " batch"],
    rr_brpm: Float[Tensor, " batch"],
    mask: Mapping[str, Bool[Tensor, " batch"]],
    fs: float,
) -> Float[Tensor, ""]:
    """BR: pulse and breathing rate agree on the breathing.

    Args:
        bvp: predicted pulse.
        answered_brpm: breathing rate predicted by the head.
        rr_brpm: labels.
        mask: which samples carry a label, "rr" and "bvp". Where breathing is labelled, the pulse is pulled to the
            label; where only the pulse is, the head is pulled to the pulse.
        fs: sampling rate of the pulse. Unit: Hz.

    Pairs that are SAME_BREATH_BRPM or more apart are ignored, as in the released code.
    """
    read_brpm = breath_of_pulse(bvp, fs)
    labelled = functional.smooth_l1_loss(read_brpm, rr_brpm, reduction="none")
    unlabelled = functional.smooth_l1_loss(answered_brpm, read_brpm.detach(), reduction="none")
    near = (read_brpm - torch.where(mask["rr"], rr_brpm, answered_brpm)).abs() < SAME_BREATH_BRPM
    return masked_mean(torch.where(mask["rr"], labelled, unlabelled), near & (mask["rr"] | mask["bvp"]))


def oxygen_prior(
    line: torch.nn.Linear,
    pooled: Float[Tensor, "batch feature"],
    spo2_percent: Float[Tensor, " batch"],
    labelled: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Asp: a sample with features scaled by s has a saturation scaled by s, down to 80 %.

    Widens the narrow range of labels: VIRTUAL copies of each sample, s drawn from VIRTUAL_SCALE.
    """
    low, high = VIRTUAL_SCALE
    scale = low + (high - low) * torch.rand(VIRTUAL, len(pooled), device=pooled.device)  # (V, B)
    wanted = scale * spo2_percent
    found = line(scale[:, :, None] * pooled)[:, :, 0]
    apart = functional.smooth_l1_loss(found, wanted, reduction="none")
    counted = labelled & (wanted >= LOWEST_SPO2_PERCENT)
    return masked_mean(apart.flatten(), counted.flatten())
