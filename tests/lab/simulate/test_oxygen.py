"""Simulated people for SpO2: what depends on what."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.simulate.oxygen import PEOPLE, SPO2_PERCENT, oxygen_settings
from rppg_core.lab.training.sources import noisier


def draws(people: str, n: int = 300):
    return [oxygen_settings(people, np.random.default_rng(k), seconds=10.0) for k in range(n)]


@pytest.mark.parametrize("people", PEOPLE[:2])
def test_spo2_is_drawn_apart_from_everything_else(people):
    drawn = draws(people)
    spo2 = [one.spo2_percent for one in drawn]
    assert min(spo2) < SPO2_PERCENT[0] + 1
    assert max(spo2) > SPO2_PERCENT[1] - 1
    for name in ("tone", "hr_bpm", "amplitude_percent", "noise", "spo2_swing"):
        assert abs(np.corrcoef(spo2, [getattr(one, name) for one in drawn])[0, 1]) < 0.2, name


def test_the_shortcut_is_the_tone_of_the_skin():
    drawn = draws("shortcut")
    assert np.corrcoef([one.spo2_percent for one in drawn], [one.tone for one in drawn])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("people", "alike"), [("one camera", True), ("every camera", False), ("shortcut", False)]
)
def test_cameras_differ_unless_there_is_one(people, alike):
    answers = {(one.spo2_slope, one.spo2_offset, one.pulse_colour_spread) for one in draws(people, 20)}
    assert (len(answers) == 1) == alike


def test_people_keep_still_with_a_pulse():
    assert all(one.motion == "none" and one.pulsed and one.talking == 0 for one in draws("one camera", 50))


def test_noise_grows_by_a_factor_within_its_limits():
    quiet = draws("one camera", 1)[0]
    factors = [noisier(quiet, np.random.default_rng(k), 8.0).noise / quiet.noise for k in range(200)]
    assert 1 <= min(factors) < 1.2
    assert 6.5 < max(factors) <= 8
    assert noisier(quiet, np.random.default_rng(0), 1.0).noise == pytest.approx(quiet.noise)
