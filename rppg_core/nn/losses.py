"""Losses that more than one method is trained with; each takes a mask of the samples that have the label.

Floor 3. A masked sample adds exactly zero to value and gradient. Axis letters: B batch, T time, K frequency.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

HR_RANGE_BPM = (40.0, 185.0)  # of the frequency loss


def masked_mean(values: Float[Tensor, " batch"], mask: Bool[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Mean over the samples that are labelled, 0 when none is."""
    return torch.where(mask, values, torch.zeros_like(values)).sum() / mask.sum().clamp_min(1)


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
        mask: which are labelled.
        fs: sampling rate. Unit: Hz.
        spread_bpm: standard deviation of the target.

    Source: Niu et al. 2020 and Yu et al. 2022 (PhysFormer, section 3.4: label distribution over rates); our choice:
    one bin a bpm, Hann window.
    """
    rates = torch.arange(*HR_RANGE_BPM, 1.0, device=predicted.device)  # (K,)
    time_s = torch.arange(predicted.shape[1], device=predicted.device) / fs
    angle = 2 * torch.pi * rates[:, None] / 60 * time_s  # (K, T)
    window = torch.hann_window(predicted.shape[1], periodic=False, device=predicted.device)
    x = (predicted - predicted.mean(dim=1, keepdim=True)) * window
    power = (x @ angle.cos().T) ** 2 + (x @ angle.sin().T) ** 2  # (B, K)
    log_share = (power / power.sum(dim=1, keepdim=True).clamp_min(1e-12)).clamp_min(1e-6).log()
    target = torch.softmax(-0.5 * ((rates - hr_bpm[:, None]) / spread_bpm) ** 2, dim=1)
    return masked_mean(-(target * log_share).sum(dim=1), mask)
