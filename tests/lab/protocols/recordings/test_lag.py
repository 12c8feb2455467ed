"""The lag of a reference comes back, and is not claimed where nothing shows it."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.lab.protocols.recordings.lag import LAGS_S, estimate_lag, joint_course
from rppg_core.lab.protocols.voices import voices_on_clip
from rppg_core.tables.reference import Reference
from tests.lab.protocols.trace_folder import easy_clip

SECONDS = np.arange(120.0)


def rate(times_s):
    """A heart rate that rises and falls."""
    return 75 + 12 * np.sin(2 * np.pi * np.asarray(times_s) / 45)


def course():
    """Exact means of windows of 10 s, half overlapping."""
    return [(s, s + 10.0, float(rate(np.linspace(s, s + 10, 50)).mean())) for s in np.arange(0.0, 111, 5)]


@pytest.mark.parametrize("late_s", [-4.0, 0.0, 3.0, 7.0])
def test_a_shift_of_the_reference_comes_back(late_s):
    lag = estimate_lag(Reference(SECONDS, rate(SECONDS - late_s)), course())
    assert lag.lag_s == late_s
    assert lag.lagged_error_bpm < 1
    assert lag.gain_bpm == pytest.approx(lag.error_bpm - lag.lagged_error_bpm)
    assert lag.gain_bpm > 2 or late_s == 0


def test_a_steady_heart_shows_no_lag():
    lag = estimate_lag(Reference(SECONDS, np.full(120, 70.0)), [(s, e, 71.0) for s, e, _ in course()])
    assert lag.lag_s == 0 and lag.gain_bpm == 0


def test_a_recording_that_is_too_short_has_no_lag():
    short = Reference(np.arange(20.0), rate(np.arange(20.0)))
    assert np.isnan(estimate_lag(short, course()[:3]).error_bpm)
    assert np.isnan(estimate_lag(short, []).error_bpm)
    assert 0.0 in LAGS_S


def test_the_course_of_the_consensus_has_the_rate_of_the_clip():
    clip, truth = easy_clip(84.0, seconds=25)
    found = joint_course(voices_on_clip(clip, ["pos"]))
    assert [start for start, _, _ in found] == pytest.approx([0, 5, 10, 15], abs=0.1)
    for start_s, end_s, bpm in found:
        inside = (truth.times_s >= start_s) & (truth.times_s <= end_s)
        assert bpm == pytest.approx(truth.hr_bpm[inside].mean(), abs=3)
