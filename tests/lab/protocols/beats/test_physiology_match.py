"""Simulated people beside recorded ones: known harmonics and swings come back, and what is missed is said."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest

from rppg_core.lab.protocols.beats import physiology_match
from rppg_core.lab.protocols.beats import protocol as vitals
from rppg_core.lab.protocols.beats.physiology_match import (
    BREATH_HZ,
    SLOW_HZ,
    harmonic_ratios,
    interval_swing,
    match_intervals,
    match_pulses,
    match_recordings,
    random_people,
    relative_power,
    swing_spectrum,
)
from rppg_core.lab.protocols.beats.protocol import VitalsResult, run_vitals
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves

FS = 30.0
TIMES_S = np.arange(360) / FS


@pytest.fixture(scope="module", autouse=True)
def fewer_people():
    """A quarter of the pool; with a quarter of the draws, those nearest in heart rate are as near."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(physiology_match, "POOL", 500)
        physiology_match._pool.cache_clear()
        yield
        physiology_match._pool.cache_clear()


def wave(second: float, third: float, hr_bpm: float = 75.0) -> np.ndarray:
    turns = 2 * np.pi * hr_bpm / 60 * TIMES_S
    return np.cos(turns) + second * np.cos(2 * turns + 1) + third * np.cos(3 * turns + 2)


def swinging(share: float, hz: float, mean_s: float = 1.1, seconds: float = 110.0) -> np.ndarray:
    """Intervals that swing sinusoidally around their mean."""
    ibi_s, at_s = [], 0.0
    while at_s < seconds:
        ibi_s.append(mean_s * (1 + share * np.sin(2 * np.pi * hz * at_s)))
        at_s += ibi_s[-1]
    return np.array(ibi_s)


@pytest.mark.parametrize("hr_bpm", [50.0, 75.0, 130.0])
@pytest.mark.parametrize("ratios", [(0.4, 0.25), (0.1, 0.05)])
def test_known_harmonic_ratios_come_back(ratios, hr_bpm):
    assert harmonic_ratios(wave(*ratios, hr_bpm=hr_bpm), FS) == pytest.approx(ratios, rel=0.05)


def test_spectrum_stands_at_multiples_of_the_heart_rate():
    power = relative_power(wave(0.5, 0.1), FS, np.array([1.0, 1.5, 2.0, 3.0]))
    assert power[[0, 2, 3]] == pytest.approx([1.0, 0.25, 0.01], rel=0.05)
    assert power[1] < 1e-3


@pytest.mark.parametrize(("hz", "inside", "outside"), [(0.2, BREATH_HZ, SLOW_HZ), (0.08, SLOW_HZ, BREATH_HZ)])
def test_a_known_swing_of_the_intervals_comes_back_in_its_band(hz, inside, outside):
    ibi_s = swinging(0.05, hz)
    assert interval_swing(ibi_s, *inside) == pytest.approx(0.05, rel=0.12)  # beats sample it coarsely
    assert interval_swing(ibi_s, *outside) < 0.01
    assert swing_spectrum(ibi_s, np.array([hz]))[0] == pytest.approx(0.05, rel=0.12)


def test_people_are_drawn_near_a_heart_rate_and_put_on_it():
    people = random_people(54.0, 50)
    assert {person.hr_bpm for person in people} == {54.0}
    assert people == random_people(54.0, 50)
    assert len({person.rsa for person in people}) == 50


def test_a_simulated_pulse_is_covered_and_a_sinusoid_is_not():
    person = Physiology(hr_bpm=75.0, decay_s=0.1, dicrotic=0.1, smoothness=0.15)
    pulse = simulate_waves(person, TIMES_S, np.random.default_rng(0)).bvp
    covered, curve = match_pulses([pulse], FS, draws=60)
    missed, _ = match_pulses([wave(0, 0)], FS, draws=60)
    assert all(row.covered for row in covered) and not any(row.covered for row in missed)
    assert all(row.below < 0.05 for row in missed)
    fundamental = int(np.argmin(np.abs(np.array(curve.x) - 1)))
    assert curve.recorded[fundamental] == pytest.approx(
        0, abs=0.2
    )  # dB; 10 s of uneven beats spread a little
    assert curve.low[fundamental] <= curve.middle[fundamental] <= curve.high[fundamental]


def test_intervals_that_swing_more_than_any_draw_are_not_covered():
    rows, curve = match_intervals([swinging(0.12, 0.2)], draws=40)
    breath = rows[0]
    assert not breath.covered and breath.below > 0.9
    assert breath.recorded.middle == pytest.approx(0.12, rel=0.12)
    assert curve.x[int(np.argmax(curve.recorded))] == pytest.approx(0.2, abs=0.01)
    assert match_intervals([swinging(0.03, 0.2)], draws=40)[0][0].covered


def test_what_the_simulator_does_not_reach_is_said_in_numbers(tmp_path):
    folder = tmp_path / "finger_hrv"
    folder.mkdir()
    (folder / "a_RR.txt").write_text(" ".join(f"{1e3 * ibi:.0f}" for ibi in swinging(0.12, 0.2)))
    match = match_recordings(tmp_path, draws=20)
    assert match is not None and match.spectrum is None and not match.harmonics
    assert "Not covered: interval swing, breathing 0.12-0.4 Hz, recorded 0.1" in match.text()
    found = match.to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["intervals"][0]["covered"] is False


def test_a_folder_without_pulse_or_intervals_is_not_compared(tmp_path):
    assert match_recordings(tmp_path) is None


def test_vitals_without_recordings_has_no_comparison():
    assert VitalsResult(1, [], []).to_dict()["physiology"] is None


def test_draws_reach_the_recorded_pulse_and_the_recorded_breathing_in_the_intervals(recordings, monkeypatch):
    """One contact PPG, .40/.27; one series of a slow heart that breathes deeply, 10.6 %."""
    monkeypatch.setattr(vitals, "BEAT_CLIPS", 1)
    monkeypatch.setattr(vitals, "BREATH_CLIPS", 0)
    monkeypatch.setattr(vitals, "match_recordings", partial(match_recordings, draws=50))
    result = run_vitals(recordings, 1, workers=1)
    match = result.physiology
    assert match is not None
    assert [row.recorded.middle for row in match.harmonics] == pytest.approx([0.40, 0.27], abs=0.02)
    assert match.harmonics[0].covered
    assert all(row.below < 0.97 for row in [*match.harmonics, *match.intervals])
    assert match.intervals[0].recorded.middle == pytest.approx(0.106, abs=0.01)
    assert match.spectrum is not None and match.modulation is not None
    assert "Simulated people beside recorded ones" in result.text()
    assert result.to_dict()["physiology"]["intervals"][0]["n_recorded"] == 1
