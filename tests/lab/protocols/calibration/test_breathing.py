"""The fit of breathing confidence, on few examples."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rppg_core.lab.protocols.calibration import breathing as module
from rppg_core.lab.protocols.calibration.breathing import SEED, fit_respiration, simulated_example
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.signals.respiration import RESPIRATION_FILE, respiration_calibration


@pytest.fixture(scope="module")
def examples():
    """Examples whose seeds the stored calibration has not seen."""
    found = [simulated_example(SEED - 1 - k) for k in range(300)]
    return [e for e in found if e is not None and e[0].features is not None]


def test_the_same_seed_gives_the_same_example():
    (first, error), (second, again) = simulated_example(5), simulated_example(5)
    assert first.rr_brpm == second.rr_brpm
    assert error == again


def test_fit_separates_right_from_wrong(examples):
    fitted = fit_respiration(examples)
    scores = np.array([np.dot(fitted.confidence, r.features) for r, _ in examples])
    right = np.array([error <= 2 for _, error in examples])
    assert scores[right].mean() > scores[~right].mean() + 1


def test_stored_confidence_is_the_share_that_is_right(examples):
    confidence = np.array([r.confidence for r, _ in examples])
    right = np.array([error <= 2 for _, error in examples])
    for low, high in ((0.0, 0.5), (0.5, 0.8), (0.8, 1.0)):
        part = (confidence >= low) & (confidence < high)
        error = 1.5 / np.sqrt(part.sum())  # three standard deviations of a share
        assert right[part].mean() == pytest.approx(confidence[part].mean(), abs=error)


def test_stored_intervals_hold_the_truth(examples):
    shown = [(r, error) for r, error in examples if r.confidence >= 0.8]
    assert np.mean([error <= r.half_width_brpm for r, error in shown]) >= 0.9  # 95 % meant


def test_calibration_is_written_with_what_made_it(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RESPIRATION_FILE", tmp_path / "respiration.json")
    stages = []
    fitted = module.calibrate_respiration(
        60, progress=lambda stage, fraction: stages.append((stage, fraction))
    )
    stored = json.loads((tmp_path / "respiration.json").read_text())
    np.testing.assert_allclose(stored["confidence"], fitted.confidence, atol=1e-4)
    assert stored["simulator_version"] == SIMULATOR_VERSION
    assert stored["first_seed"] == SEED
    assert stages[0][1] > 0


def test_the_shipped_calibration_belongs_to_this_simulator():
    assert json.loads(RESPIRATION_FILE.read_text())["simulator_version"] == SIMULATOR_VERSION
    assert respiration_calibration().confidence[1] > 0  # a clearer line gives more confidence
