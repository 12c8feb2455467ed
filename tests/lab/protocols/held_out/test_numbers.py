from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rppg_core import metrics
from rppg_core.lab.protocols.held_out import numbers as dataset_numbers
from rppg_core.lab.protocols.held_out.numbers import (
    CONSTANT,
    FIXED,
    bland_altman_from_rows,
    by_condition,
    constant_rows,
    fit_constant,
    numbers_from_rows,
)
from rppg_core.lab.protocols.held_out.scores import StretchRow


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(dataset_numbers, "N_RESAMPLES", 100)


def row(true_bpm: float, hr_bpm: float, subject: str = "s1", **changes) -> StretchRow:
    about = {
        "method": "pos",
        "seed": 0,
        "split": "fold 1",
        "dataset": "a",
        "subject": subject,
        "clip": f"{subject}/{true_bpm}",
        "unit": "window",
        "start_s": 0.0,
        "seconds": 10.0,
        "hr_from": "hr label",
    }
    return StretchRow(**{**about, "hr_true_bpm": true_bpm, "hr_bpm": hr_bpm, "hr_shown": True, **changes})


def test_rates_are_scored_by_metrics():
    true, found = np.array([60.0, 70.0, 80.0, 90.0]), np.array([61.0, 69.0, 90.0, np.nan])
    rows = [row(t, f, subject=f"s{k}") for k, (t, f) in enumerate(zip(true, found, strict=True))]
    numbers = numbers_from_rows(rows)["hr"]
    for name, value in metrics.evaluate(true, found).items():
        if not name.startswith("bias_ci"):
            assert numbers[name] == pytest.approx(value), name
    assert numbers["mae"] == pytest.approx(4.0)  # (1 + 1 + 10) / 3
    assert numbers["coverage"] == 0.75


def test_shown_counts_what_the_calibration_lets_pass():
    rows = [row(60.0, 61.0, "s1"), row(70.0, 120.0, "s2", hr_shown=False), row(80.0, 82.0, "s3")]
    shown = numbers_from_rows(rows)["shown"]
    assert shown["coverage"] == pytest.approx(2 / 3)
    assert shown["mae"] == pytest.approx(1.5)


def test_regressed_rates_stand_beside_those_of_the_waveform():
    numbers = numbers_from_rows(
        [row(60.0, 70.0, "s1", direct_hr_bpm=61.0), row(80.0, 90.0, "s2", direct_hr_bpm=79.0)]
    )
    assert (numbers["hr"]["mae"], numbers["direct_hr"]["mae"]) == (10.0, 1.0)
    assert numbers["rr"] is None
    assert numbers["direct_spo2"] is None


def test_interval_is_of_people_and_not_of_their_windows():
    """Ten windows a person with one error: resampling windows would make the interval three times too narrow."""
    rng = np.random.default_rng(0)
    errors = rng.uniform(0, 10, 8)
    rows = [row(70.0, 70.0 + error, f"s{k}") for k, error in enumerate(errors) for _ in range(10)]
    low, high = numbers_from_rows(rows)["hr"]["intervals"]["mae"]
    assert high - low > 2.5  # standard error of 8 people is 2.9 / sqrt(8) = 1, the interval 3.9 of it


@pytest.mark.parametrize("n_people", [3, 4])
def test_few_people_have_no_interval(n_people):
    numbers = numbers_from_rows([row(60.0, 61.0 + k, f"s{k % n_people}") for k in range(8)])
    assert numbers["n_people"] == n_people
    assert (numbers["hr"]["intervals"]["mae"] is None) == (n_people < dataset_numbers.FEWEST_PEOPLE)


@settings(max_examples=8)
@given(
    st.lists(st.tuples(st.floats(40, 180), st.floats(40, 180), st.integers(0, 3)), min_size=3, max_size=12)
)
def test_intervals_hold_the_number_they_belong_to(pairs):
    """The sample's own statistic lies among its resamples, so inside their whole range; 95 % may just miss it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_numbers, "N_RESAMPLES", 20)
        numbers = numbers_from_rows([row(t, f, f"s{who}") for t, f, who in pairs])["hr"]
    interval = numbers["intervals"]["mae"]
    if interval is not None:
        errors = [abs(t - f) for t, f, _ in pairs]
        assert min(errors) - 1e-9 <= interval[0] <= interval[1] <= max(errors) + 1e-9


def test_without_a_pair_there_is_no_number():
    numbers = numbers_from_rows([row(np.nan, 61.0, "s1"), row(70.0, np.nan, "s2")])
    assert numbers["hr"] is None
    assert numbers_from_rows([])["hr"] is None


def test_constant_is_the_mean_of_the_training_labels():
    constant = fit_constant([(60.0, np.nan, 98.0), (80.0, np.nan, 96.0), (np.nan, np.nan, np.nan)])
    assert (constant.hr_bpm, constant.spo2_percent) == (70.0, 97.0)
    assert constant.rr_brpm == FIXED["rr_brpm"]
    assert constant.why == "mean of the training labels"


def test_constant_is_fixed_where_nothing_is_learned_from():
    constant = fit_constant([])
    assert (constant.hr_bpm, constant.why) == (70.0, "fixed")


def test_constant_says_its_number_of_every_window_once():
    rows = [row(60.0, 61.0, "s1", method=m, start_s=s) for m in ("pos", "green") for s in (0.0, 5.0)]
    constants = constant_rows(rows, {"fold 1": fit_constant([(80.0, 14.0, 97.0)])})
    assert [(r.method, r.start_s, r.hr_bpm, r.rr_brpm) for r in constants] == [
        (CONSTANT, 0.0, 80.0, 14.0),
        (CONSTANT, 5.0, 80.0, 14.0),
    ]
    assert np.isnan(constants[0].r)


def test_worst_level_of_a_condition_comes_first():
    rows = [
        row(70.0, 70.0 + error, f"s{k}", condition={"light": light, "camera": "one"})
        for k, (light, error) in enumerate([("bright", 1.0), ("dim", 9.0), ("bright", 3.0), ("dim", 7.0)])
    ]
    levels = by_condition(rows)
    assert [(found["level"], found["n_clips"], found["mae"]) for found in levels] == [
        ("dim", 2, {"pos": 8.0}),
        ("bright", 2, {"pos": 2.0}),
    ]


def test_a_condition_with_a_level_for_each_clip_is_no_condition():
    rows = [
        row(70.0, 71.0, f"s{k}", condition={"lux": str(k)}) for k in range(dataset_numbers.MOST_LEVELS + 1)
    ]
    assert by_condition(rows) == []


def test_agreement_is_that_of_metrics_and_has_a_point_a_video():
    true, found = np.array([60.0, 70.0, 80.0, 90.0]), np.array([61.0, 73.0, 79.0, 95.0])
    agreement = bland_altman_from_rows([row(t, f) for t, f in zip(true, found, strict=True)])
    expected = metrics.bland_altman(true, found)
    assert agreement is not None
    assert (agreement["bias"], agreement["lower"]) == (expected.bias, expected.lower)
    assert agreement["points"][1].tolist() == [71.5, 3.0]
    assert bland_altman_from_rows([row(60.0, 61.0)]) is None
