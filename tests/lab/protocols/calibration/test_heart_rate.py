import numpy as np
import pytest

from rppg_core.analysis.controls import spectra_from_bvp
from rppg_core.lab.protocols.calibration.heart_rate import (
    clean_wrong_pulse,
    drawn_clip,
    examples_of_clip,
    fit,
    fit_confidence,
    fit_width,
)
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.signals.quality import RateEvidence
from rppg_core.types import HR_BAND_HZ
from rppg_core.video.prepare import resample


def test_confidence_recovers_a_known_logistic_model():
    rng = np.random.default_rng(0)
    features = np.column_stack([np.ones(20_000), rng.normal(size=(20_000, 2))])
    truth = np.array([-0.5, 2.0, -1.0])
    right = rng.uniform(size=20_000) < 1 / (1 + np.exp(-features @ truth))
    np.testing.assert_allclose(fit_confidence(features, right), truth, atol=0.12)


def test_width_covers_the_asked_share_in_every_condition():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 3000)
    errors = np.abs(rng.normal(0, np.exp(x)))
    features = np.column_stack([np.ones_like(x), x])
    half = np.exp(features @ fit_width(features, errors))
    for part in (x < -0.3, x > 0.3):
        assert np.mean(errors[part] <= half[part]) == pytest.approx(0.95, abs=0.02)


def test_fit_believes_supported_rates_and_not_lonely_ones():
    rng = np.random.default_rng(1)
    examples = []
    for _ in range(400):
        pulsed = rng.uniform() < 0.5
        support = rng.uniform(0.4, 0.9) if pulsed else rng.uniform(0.05, 0.3)
        evidence = RateEvidence(support, 0.02, float(rng.normal(3 if pulsed else -3, 3)), 20.0, 70.0)
        examples.append((evidence, abs(rng.normal(0, 1)) if pulsed else np.inf))
    fitted = fit(examples)
    assert fitted.probability(RateEvidence(0.8, 0.02, 3.0, 20.0, 70.0)) > 0.95
    assert fitted.probability(RateEvidence(0.1, 0.02, 3.0, 20.0, 70.0)) < 0.2


def test_half_of_the_examples_hold_no_pulse():
    with_pulse, without = examples_of_clip(1_000_000), examples_of_clip(1_000_001)
    assert all(np.isfinite(error) for _, error in with_pulse)
    assert all(np.isinf(error) for _, error in without)


def test_a_kept_clip_is_the_one_that_was_rendered(tmp_path):
    settings = SimulationSettings(seconds=1.5, size=96, face="drawn", seed=3)
    rendered, _ = drawn_clip(7, settings, frozenset({"rgb", "stmap"}), tmp_path)
    kept, truth = drawn_clip(7, settings, frozenset({"rgb", "stmap"}), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    np.testing.assert_array_equal(kept.stmap, rendered.stmap)
    assert truth.pulsed and truth.settings["seed"] == 3
    drawn_clip(
        7, SimulationSettings(seconds=1.5, size=96, face="drawn", seed=4), frozenset({"rgb"}), tmp_path
    )
    assert len(list(tmp_path.iterdir())) == 2


def test_a_clean_lie_is_clean_at_a_rate_of_its_own():
    clip = resample(simulate_traces(SimulationSettings(seconds=12, hr_bpm=72))[0])
    rates = {
        round(spectra_from_bvp(clean_wrong_pulse(clip, np.random.default_rng(k)), HR_BAND_HZ).rate_hz, 1)
        for k in range(8)
    }
    assert len(rates) > 4
    assert all(0.65 < rate < 3.6 for rate in rates)
