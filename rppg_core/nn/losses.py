"""Losses shared by several methods; each takes a mask of the samples that have the label.

A sample without the label adds exactly zero to the value and the gradient.
Axis letters: B batch, T time, K frequency.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rppg_core.nn.spectrum import power_at, rate_grid, shares_from_power

HR_RANGE_BPM = (40.0, 185.0)  # range of the frequency loss


def masked_mean(values: Float[Tensor, " batch"], mask: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean over the labelled samples, 0 if there are none."""
    return torch.where(mask, values, torch.zeros_like(values)).sum() / mask.sum().clamp_min(1)


def phased_in(done: float) -> float:
    """Weight of terms that come in late: 0 at the start, 0.46 after a tenth, 0.99 after half of the training.

    Source: PhysMLE, released code: 2 / (1 + exp(-10 n / N)) - 1.
    """
    return 2 / (1 + math.exp(-10 * done)) - 1


def negative_pearson(
    predicted: Float[Tensor, "batch time"], target: Float[Tensor, "batch time"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """1 - Pearson correlation of each pair of waveforms.

    Source: Yu et al. 2019 (PhysNet), eq. (3), https://arxiv.org/abs/1905.02419.
    """
    x = predicted - predicted.mean(dim=1, keepdim=True)
    y = target - target.mean(dim=1, keepdim=True)
    r = (x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1)).clamp_min(1e-6)
    return masked_mean(1 - r, mask)


def rate_cross_entropy(
    predicted: Float[Tensor, "batch time"],
    hr_bpm: Float[Tensor, " batch"],
    mask: Bool[Tensor, " batch"],
    *,
    fs: float,
    spread_bpm: float = 3.0,
) -> Float[Tensor, ""]:
    """Cross-entropy between the waveform's spectrum over 40-185 bpm and a Gaussian around the true rate.

    Args:
        predicted: raw pulse.
        hr_bpm: mean heart rate of each window.
        mask: which samples are labelled.
        fs: sampling rate. Unit: Hz.
        spread_bpm: standard deviation of the target.

    Source: Niu et al. 2020 and Yu et al. 2022 (PhysFormer, section 3.4: label distribution over rates); our choice:
    one bin per bpm, Hann window.
    """
    rates = rate_grid(*HR_RANGE_BPM, 1.0, device=predicted.device)  # (K,)
    log_share = shares_from_power(power_at(predicted, rates, fs)).clamp_min(1e-6).log()  # (B, K)
    return rate_distribution(log_share, rates, hr_bpm, mask, spread=spread_bpm)


def rate_distribution(
    log_share: Float[Tensor, "batch rate"],
    rates: Float[Tensor, " rate"],
    rate: Float[Tensor, " batch"],
    mask: Bool[Tensor, " batch"],
    *,
    spread: float,
) -> Float[Tensor, ""]:
    """Cross-entropy between a distribution over rates and a Gaussian around the true rate.

    Args:
        log_share: logarithms of shares that sum to 1.
        rates: the rates of these shares. Unit: per minute.
        rate: the true rate. Unit: per minute.
        mask: which samples are labelled.
        spread: standard deviation of the target. Unit: per minute.
    """
    target = torch.softmax(-0.5 * ((rates - rate[:, None]) / spread) ** 2, dim=1)
    return masked_mean(-(target * log_share).sum(dim=1), mask)


def smooth_l1(
    predicted: Float[Tensor, " batch"], target: Float[Tensor, " batch"], mask: Bool[Tensor, " batch"]
) -> Float[Tensor, ""]:
    """Squared error below 1, absolute error above. Source: Girshick 2015 (Fast R-CNN), eq. (3)."""
    return masked_mean(functional.smooth_l1_loss(predicted, target, reduction="none"), mask)
