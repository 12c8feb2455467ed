from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rppg_core.lab.training.batches import Share
from rppg_core.lab.training.sources import Sample, collate
from rppg_core.lab.training.validation import held_out_batches, validate

TIME_S = np.arange(256) / 30
CPU = torch.device("cpu")


class Known(nn.Module):
    """Answers with what its input says."""

    def forward(self, inputs):
        return dict(inputs)


def pulse(bpm: float, phase: float = 0.0) -> np.ndarray:
    return np.sin(2 * np.pi * bpm / 60 * TIME_S + phase)


def sample(answers: dict, **targets) -> Sample:
    return Sample({task: np.asarray(answer) for task, answer in answers.items()}, targets)


def test_right_answers_score_best():
    wave = pulse(80)
    batch = collate([sample({"bvp": 3 * wave, "hr": 80.0, "rr": 15.0}, bvp=wave, hr=80.0, rr=15.0)], 256)
    found = validate(Known(), [batch], CPU)
    assert found["bvp_r"] == pytest.approx(1, abs=1e-6)
    assert found["bvp_hr_mae_bpm"] < 0.5
    assert found["hr_mae_bpm"] == found["rr_mae_brpm"] == pytest.approx(0, abs=1e-5)


def test_errors_are_means_over_labelled_samples():
    rows = [sample({"hr": 70.0}, hr=80.0), sample({"hr": 90.0}, hr=86.0), sample({"hr": 1000.0})]
    assert validate(Known(), [collate(rows, 256)], CPU) == {"hr_mae_bpm": pytest.approx(7)}


def test_wrong_rate_shows_in_the_waveform():
    batch = collate([sample({"bvp": pulse(100)}, bvp=pulse(80), hr=80.0)], 256)
    found = validate(Known(), [batch], CPU)
    assert found["bvp_r"] < 0.5
    assert found["bvp_hr_mae_bpm"] == pytest.approx(20, abs=1)


def test_flat_waveform_is_worth_nothing():
    batch = collate([sample({"bvp": np.zeros(256)}, bvp=pulse(80), hr=80.0)], 256)
    assert validate(Known(), [batch], CPU) == {"bvp_r": 0, "bvp_hr_mae_bpm": 80}


def test_validation_leaves_training_mode_as_it_was():
    model = Known().train()
    validate(model, [collate([sample({"hr": 70.0}, hr=70.0)], 256)], CPU)
    assert model.training


class Counting:
    name = "counting"

    def __init__(self):
        self.asked = []

    def sample(self, index: int, difficulty: float) -> Sample:
        self.asked.append((index, difficulty))
        return sample({"hr": 70.0}, hr=70.0)


def test_held_out_samples_are_hard_and_shared_as_in_training():
    many, few = Counting(), Counting()
    batches = held_out_batches([Share(many, 12), Share(few, 4)], 40, 256)
    assert sum(len(batch.mask["hr"]) for batch in batches) == 40
    assert many.asked == [(k, 1.0) for k in range(30)]
    assert few.asked == [(k, 1.0) for k in range(10)]
