import numpy as np
import pytest

from rppg_core.analysis.controls import spectra_from_bvp
from rppg_core.lab.protocols.calibration import draws
from rppg_core.lab.protocols.calibration.examples import (
    Example,
    clean_wrong_pulse,
    examples_of_clip,
    true_bpm,
)
from rppg_core.lab.protocols.calibration.heart_rate import gather, report
from rppg_core.lab.protocols.calibration.regressions import fit, fit_confidence, fit_width
from rppg_core.lab.simulate.script import survives_shuffling
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.signals.quality import RateEvidence
from rppg_core.types import HR_BAND_HZ
from rppg_core.video.prepare import resample


def evidence(contrast, snr_db, **more):
    known = {
        "votes": 0.5,
        "apart": 0.5,
        "together": 0.9,
        "chroma": 0.4,
        "explained": 0.0,
        "seconds": 20.0,
        "swing_bpm": 1.5,
        "rate_s": 10.0,
        "unseen": 0.0,
        "rate_bpm": 70.0,
    }
    return RateEvidence(contrast=contrast, snr_db=snr_db, **{**known, **more})


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


def test_fit_believes_rates_that_the_panel_sees_and_not_lonely_ones():
    rng = np.random.default_rng(1)
    examples = []
    for _ in range(400):
        pulsed = rng.uniform() < 0.5
        seen = evidence(
            rng.uniform(1.5, 3.5) if pulsed else rng.uniform(-1, 1.2), rng.normal(3 if pulsed else -3, 3)
        )
        examples.append(Example(seen, abs(rng.normal(0, 1)) if pulsed else np.inf, "simulated"))
    fitted = fit(examples)
    assert fitted.probability(evidence(3.2, 3.0)) > 0.95
    assert fitted.probability(evidence(-0.5, 3.0)) < 0.2


def test_clips_without_a_pulse_count_the_stated_share_however_many_there_are():
    """The probability is one on what people record; a fit to more walls must not lower it."""

    def fitted(n_walls):
        rng = np.random.default_rng(2)
        rows = [Example(evidence(rng.normal(2, 1), 0.0), 0.5, "simulated") for _ in range(300)]
        return fit(
            rows + [Example(evidence(rng.normal(0, 1), 0.0), np.inf, "simulated") for _ in range(n_walls)]
        )

    few, many = (fitted(n).probability(evidence(1.2, 0.0)) for n in (300, 3000))
    assert few == pytest.approx(many, abs=0.08)


def test_a_weight_counts_an_example_several_times():
    features = np.column_stack([np.ones(40), np.tile([0.0, 1.0], 20)])
    right = np.tile([False, False, True, True, False, True, False, True], 5)
    twice = fit_confidence(np.r_[features, features[:8]], np.r_[right, right[:8]])
    weighted = fit_confidence(features, right, np.r_[np.full(8, 2.0), np.ones(32)])
    np.testing.assert_allclose(twice, weighted, atol=0.02)  # the decay counts rows, not weights


@pytest.mark.parametrize("k", [0, 3])
def test_every_third_trace_clip_holds_no_pulse(k):
    clip, truth = draws.trace_clip(k)
    assert not truth.pulsed
    rows = examples_of_clip((clip, truth), np.random.default_rng(0))
    assert rows and all(np.isinf(row.error_bpm) for row in rows)


def test_examples_are_windows_and_clips_of_every_method_with_finite_errors():
    known = draws.trace_clip(2)
    rows = examples_of_clip(known, np.random.default_rng(0), source="here", person="p", weight=2.0)
    assert all(np.isfinite(row.error_bpm) and row.source == "here" and row.weight == 2.0 for row in rows)
    assert 8 <= sum(row.whole for row in rows) < len(rows) / 2
    part = [row for row in rows if row.evidence.unseen]
    assert {row.whole for row in part} == {False} and all(0 < row.evidence.unseen < 1 for row in part)


def test_a_third_of_the_clips_has_no_background_with_a_pulse_and_without():
    for first in (0, 1):
        alone = [draws._alone(k) for k in range(first, 90, 3)]
        assert np.mean(alone) == pytest.approx(1 / 3, abs=0.05)


def test_a_changing_rate_is_in_the_draws():
    _, truth = next(known for known in map(draws.trace_clip, range(1, 60, 4)) if np.ptp(known[1].hr_bpm) > 15)
    assert true_bpm(truth, 0, 10) != true_bpm(truth, truth.times_s[-1] - 10, truth.times_s[-1])


def test_a_lost_pulse_is_in_the_draws_and_counts_as_none():
    clip, truth = next(
        known for known in map(draws.trace_clip, range(11, 60, 8)) if np.isneginf(known[1].hr_bpm).any()
    )
    end_s = float(truth.times_s[-1])
    lost_s = float(truth.times_s[np.isneginf(truth.hr_bpm)][0])
    assert true_bpm(truth, end_s - 2, end_s) == -np.inf
    assert true_bpm(truth, lost_s - 3, lost_s + 1) == pytest.approx(true_bpm(truth, 0, lost_s - 1), abs=15)
    skin = clip.roi("skin")[clip.times_s > lost_s + 0.1]
    assert np.isfinite(skin).all()


def test_half_of_the_lost_pulses_come_back():
    lost = [np.isneginf(draws.trace_clip(k)[1].hr_bpm) for k in (7, 11, 19, 23, 31, 35)]
    assert all(gone.any() for gone in lost)
    assert {bool(gone[-1]) for gone in lost} == {True, False}


def test_one_mean_colour_is_given_for_all_regions_of_a_fifth_of_the_clips():
    same = [np.ptp(draws.trace_clip(k)[0].rgb, axis=1).max() == 0 for k in range(10)]
    assert [k for k, one in enumerate(same) if one] == [0, 5]


def test_a_rendered_clip_is_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(draws, "SECONDS", (2.0, 2.1))
    one, _ = draws.rendered_clip(1, tmp_path)
    two, truth = draws.rendered_clip(1, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 1 and not truth.pulsed
    np.testing.assert_array_equal(one.rgb, two.rgb)


def test_no_clip_without_a_pulse_is_a_shuffled_one_that_keeps_it():
    shuffled = [
        one for one in map(draws.rendered_settings, range(draws.N_RENDERED)) if one.kind == "shuffled"
    ]
    assert len(shuffled) > 20
    assert not any(survives_shuffling(one.hr_bpm) for one in shuffled)


def test_report_sets_sources_side_by_side(tmp_path):
    rows = gather(clips=[1, 2, 0], folder=tmp_path, workers=1)
    text = report(rows, fit(rows))
    assert "simulated" in text and "contrast" in text and "no pulse" in text


def test_a_clean_wrong_pulse_is_clean_at_a_rate_of_its_own():
    clip = resample(simulate_traces(SimulationSettings(seconds=12, hr_bpm=72))[0])
    rates = {
        round(spectra_from_bvp(clean_wrong_pulse(clip, np.random.default_rng(k)), HR_BAND_HZ).rate_hz, 1)
        for k in range(8)
    }
    assert len(rates) > 4
    assert all(0.65 < rate < 3.6 for rate in rates)
