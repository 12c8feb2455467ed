"""Errors of a network on samples held out of training.

Benchmarks are not used here, so that nothing is fitted to them. Held-out samples come from the training
sources at full difficulty, and are the same at every validation.
Axis letters: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from rppg_core import metrics
from rppg_core.lab.training.batches import Share, map_batch
from rppg_core.lab.training.sources import collate
from rppg_core.models.base import SERIES, TASKS, Batch
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS

BATCH = 16


def held_out_batches(shares: Sequence[Share], n_samples: int, n_frames: int) -> list[Batch]:
    """About `n_samples` samples, from each source in proportion to its share of a training batch."""
    total = sum(share.size for share in shares)
    samples = [
        share.source.sample(k, 1.0)
        for share in shares
        for k in range(max(1, round(n_samples * share.size / total)) if share.size else 0)
    ]
    return [collate(samples[k : k + BATCH], n_frames) for k in range(0, len(samples), BATCH)]


def validate(model: nn.Module, batches: Sequence[Batch], device: torch.device) -> dict[str, float]:
    """Errors of a network for each task.

    Args:
        model: network on `device`; its training mode is restored afterwards.
        batches: batches from `held_out_batches`.
        device: device of the model.

    Returns:
        Means over the labelled samples: `bvp_r` (metrics.waveform_r), `bvp_hr_mae_bpm` (peak of its spectrum),
        `resp_r` (Pearson), `hr_mae_bpm`, `rr_mae_brpm`, `spo2_mae_percent`; only for tasks that the network
        outputs.
    """
    training = model.training
    model.eval()
    scores: dict[str, list[float]] = {}
    with torch.inference_mode():
        for batch in batches:
            inputs = map_batch(batch, lambda tensor: tensor.to(device)).inputs
            outputs = {task: y.double().cpu().numpy() for task, y in model(inputs).items() if task in TASKS}
            for task, found in outputs.items():
                for row in np.flatnonzero(batch.mask[task].numpy()):
                    for name, score in _scores(task, batch, int(row), np.asarray(found[row])).items():
                        scores.setdefault(name, []).append(score)
    model.train(training)
    return {name: float(np.mean(values)) for name, values in scores.items()}


def _scores(task: str, batch: Batch, row: int, found: np.ndarray) -> dict[str, float]:
    """Scores of one output for one task; a flat waveform counts as r 0 and rate 0."""
    truth = batch.targets[task][row].double().numpy()
    if task == "bvp":
        scores = {"bvp_r": float(np.nan_to_num(metrics.waveform_r(truth, found, FS)))}
        if batch.mask["hr"][row]:
            rate_bpm = float(np.nan_to_num(heart_rate_from_bvp(found, FS)))
            scores["bvp_hr_mae_bpm"] = abs(rate_bpm - float(batch.targets["hr"][row]))
        return scores
    if task in SERIES:
        return {f"{task}_r": float(np.nan_to_num(metrics.pearson_r(truth, found)))}
    unit = {"hr": "bpm", "rr": "brpm", "spo2": "percent"}[task]
    return {f"{task}_mae_{unit}": float(abs(found - truth))}
