"""Protocol `vitals` on few clips: its rows, its words and its promises."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rppg_core.lab.protocols.beats import protocol as vitals
from rppg_core.lab.protocols.beats.protocol import (
    BeatRow,
    BreathRow,
    VitalsResult,
    add_noise,
    beat_case,
    interval_errors,
    run_vitals,
)
from rppg_core.signals.spectrum import power_spectrum
from rppg_core.types import Beats


@pytest.fixture(scope="module")
def told() -> list[tuple[str, float]]:
    """Progress of the run that is `small`."""
    return []


@pytest.fixture(scope="module")
def small(told) -> VitalsResult:
    """Twenty people's beats and three clips of breathing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vitals, "BREATH_CLIPS", 3)
        return run_vitals(None, 1, lambda stage, fraction: told.append((stage, fraction)), workers=1)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 20.0])
def test_added_noise_has_the_in_band_snr_that_was_asked_for(snr_db):
    times_s = np.arange(9000) / 30
    pulse = np.sin(2 * np.pi * 1.2 * times_s)
    noise = add_noise(pulse, 30.0, snr_db, np.random.default_rng(0)) - pulse

    def in_band(x: np.ndarray) -> float:
        return float(power_spectrum(x, 30.0).band(0.65, 4.0).power.sum())

    assert 10 * np.log10(in_band(pulse) / in_band(noise)) == pytest.approx(snr_db, abs=0.7)


def test_infinite_snr_adds_nothing():
    pulse = np.sin(np.arange(300) / 5)
    np.testing.assert_array_equal(add_noise(pulse, 30.0, np.inf, np.random.default_rng(0)), pulse)


def test_interval_errors_ignore_a_constant_delay_and_missed_beats():
    onsets_s = np.array([0.0, 0.8, 1.7, 2.5, 3.2, 4.1])
    found_s = np.delete(onsets_s + 0.12, 2)
    found_s[-1] += 0.01
    errors_s = interval_errors(Beats(found_s, np.diff(found_s)), onsets_s)
    np.testing.assert_allclose(errors_s, [0.0, 0.0, 0.01], atol=1e-9)


def test_same_seed_gives_the_same_row():
    assert beat_case(3, 15.0) == beat_case(3, 15.0)


def test_promises_hold_on_a_few_clips(small):
    beat_promises = small.criteria()[:2]
    assert all(criterion.holds for criterion in beat_promises), [c.line() for c in beat_promises]


def test_breath_rows_name_voice_truth_and_modulations(small):
    assert {row.voice for row in small.breaths} == {"pos", "consensus"}
    assert all(8 <= row.true_brpm <= 26 and row.modulations for row in small.breaths)


def test_text_says_what_was_done_and_where_rr_was_shown(small):
    text = small.text()
    for words in ("no noise", "15 dB", "uncorrected", "simulator only", "constant 17", "holds"):
        assert words in text


def test_result_is_plain_json_without_nan(small):
    assert json.loads(json.dumps(small.to_dict(), allow_nan=False)) == small.to_dict()


def test_a_broken_promise_is_said_to_fail():
    wrong = BeatRow(0, 15.0, 70.0, 30.0, 60.0, 61.0, 5.0, 40.0, 50.0, 9.0, 1.0, False)
    lost = BreathRow(0, "consensus", 15.0, 22.0, 0.9, 20.0, 24.0, "rate")
    lines = [criterion.line() for criterion in VitalsResult(1, [wrong], [lost]).criteria()]
    assert sum(line.startswith("FAILS") for line in lines) == 3  # the one breathing rate is shown


def test_run_reports_progress_and_uses_every_snr(small, told):
    assert len(small.beats) == 20 * len(vitals.SNRS_DB)
    assert len(small.breaths) == 3 * 2
    assert told[-1] == ("breathing, clip 3 of 3", pytest.approx(1.0))
    assert "beats 1 of 20" in told[0][0]


def test_recordings_join_the_result(recordings, monkeypatch):
    monkeypatch.setattr(vitals, "BEAT_CLIPS", 1)
    monkeypatch.setattr(vitals, "BREATH_CLIPS", 0)
    monkeypatch.setattr(vitals, "match_recordings", lambda folder: None)  # tested in a file of its own
    result = run_vitals(recordings, 1, workers=1)
    text = result.text()
    assert "sample_vitals_1" in text
    assert "DC red alone" in text
    assert all(c.holds for c in result.criteria() if c.name.startswith("HR of"))
