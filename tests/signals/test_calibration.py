import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rppg_core.roster import list_ready_methods
from rppg_core.signals.calibration import CALIBRATION_FILE, calibration
from rppg_core.signals.quality import RateEvidence

GOOD = RateEvidence(
    contrast=2.5,
    votes=0.9,
    apart=0.5,
    together=0.95,
    snr_db=3.0,
    chroma=0.4,
    explained=0.0,
    seconds=20.0,
    swing_bpm=1.5,
    rate_s=10.0,
    unseen=0.0,
    rate_bpm=72.0,
)
evidences = st.builds(
    RateEvidence,
    contrast=st.floats(-10, 20),
    votes=st.floats(0, 1),
    apart=st.floats(0, 1),
    together=st.floats(-1, 1),
    snr_db=st.floats(-40, 40),
    chroma=st.floats(0, 5),
    explained=st.floats(0, 1),
    seconds=st.floats(5, 600),
    swing_bpm=st.floats(0, 60),
    rate_s=st.floats(5, 600),
    unseen=st.floats(0, 1),
    rate_bpm=st.floats(39, 240),
)


@given(evidences)
def test_confidence_is_a_probability_and_the_interval_has_a_width(evidence):
    fitted = calibration()
    assert 0 <= fitted.probability(evidence) <= 1
    assert 0.1 < fitted.half_width_bpm(evidence) < 40


@pytest.mark.parametrize(
    "worse",
    [
        {"contrast": 1.0},
        {"votes": 0.3},
        {"together": 0.2},
        {"explained": 0.3},
        {"snr_db": -6.0},
        {"seconds": 6.0},
    ],
)
def test_less_evidence_gives_less_confidence(worse):
    fitted = calibration()
    assert fitted.probability(dataclasses.replace(GOOD, **worse)) < fitted.probability(GOOD)


def test_clean_waveform_alone_is_not_believed():
    """A learned decoder is clean on a wall: SNR without panel and regions must not carry a number."""
    lonely = dataclasses.replace(GOOD, contrast=0.8, votes=0.1, together=0.1, snr_db=40.0)
    assert calibration().probability(lonely) < 0.2


def test_a_heart_that_swings_gets_a_wider_interval():
    fitted = calibration()
    assert fitted.half_width_bpm(dataclasses.replace(GOOD, swing_bpm=6.0)) > 1.2 * fitted.half_width_bpm(GOOD)


def test_a_mean_that_leaves_windows_out_gets_a_wider_interval():
    none, some, most = (
        calibration().half_width_bpm(dataclasses.replace(GOOD, unseen=share)) for share in (0.0, 0.3, 0.8)
    )
    assert 1.1 * none < some < most


def test_shorter_and_noisier_clips_get_wider_intervals():
    fitted = calibration()
    short, long = (dataclasses.replace(GOOD, seconds=s, rate_s=s) for s in (8.0, 40.0))
    assert fitted.half_width_bpm(short) > 1.5 * fitted.half_width_bpm(long)
    assert fitted.half_width_bpm(dataclasses.replace(GOOD, snr_db=-3.0)) > fitted.half_width_bpm(GOOD)


def test_stored_calibration_names_its_origin_and_covers_the_roster():
    stored = json.loads(CALIBRATION_FILE.read_text())
    from rppg_core.lab.simulate.settings import SIMULATOR_VERSION

    assert stored["simulator_version"] == SIMULATOR_VERSION, "refit with `make calibrate`"
    assert stored["first_seed"] >= 1_000_000
    assert set(list_ready_methods()) <= set(stored["methods"]), "a new method: refit with `make calibrate`"
