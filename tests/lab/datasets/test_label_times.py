from pathlib import Path

import numpy as np
import pytest
from lab.datasets.known_pulse import wave

from rppg_core.lab.datasets.base import make_stream
from rppg_core.lab.datasets.label_times import known_labels, truth_at, truth_from_streams, values_at
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces

TIMES_S = np.arange(300) / 30


def even(fs, seconds=10.0):
    return np.arange(round(fs * seconds)) / fs


def stream(name, times_s, values, **changes):
    return make_stream(Path("labels.csv"), name, times_s, values, **changes)


def truth_from_waves(*streams, times_s=TIMES_S):
    return truth_from_streams({s.name: s for s in streams}, times_s)[0]


@pytest.mark.parametrize("fs", [20.0, 29.53, 60.0, 256.0, 1000.0])
def test_wave_of_any_clock_lies_on_the_clips_times(fs):
    times_s = even(fs)
    found = truth_from_waves(stream("bvp", times_s, 300 + 7 * wave(times_s)))
    assert np.isfinite(found.bvp).all()
    assert np.corrcoef(found.bvp, wave(TIMES_S))[0, 1] > 0.9995  # 5 ms of shift would be below
    assert found.bvp.mean() == pytest.approx(0, abs=1e-9)
    assert found.bvp.std() == pytest.approx(1)


def test_masked_stretch_is_unknown_and_its_neighbours_are_not():
    times_s = even(60.0)
    mask = (times_s < 4) | (times_s > 5)
    found = truth_from_waves(stream("bvp", times_s, wave(times_s), mask=mask)).bvp
    assert np.isnan(found[(TIMES_S > 4.02) & (TIMES_S < 4.98)]).all()
    assert np.isfinite(found[(TIMES_S < 3.97) | (TIMES_S > 5.03)]).all()


def test_labels_that_end_early_or_begin_late_leave_the_rest_unknown():
    times_s = even(30.0)[60:240]
    found = truth_from_waves(stream("bvp", times_s, wave(times_s)))
    assert np.flatnonzero(np.isfinite(found.bvp))[[0, -1]] == pytest.approx([60, 240], abs=1)


def test_hole_in_the_labels_clock_is_not_bridged():
    times_s = np.delete(even(30.0), slice(100, 130))
    found = truth_from_waves(stream("bvp", times_s, wave(times_s))).bvp
    assert np.isnan(found[102:128]).all()
    assert np.isfinite(found[:100]).all()


def test_known_lag_is_taken_out_and_noted():
    times_s = even(60.0, 11.0)
    late = stream("bvp", times_s, wave(times_s - 0.25), lag_s=0.25)
    truth, notes = truth_from_streams({"bvp": late}, TIMES_S)
    assert np.corrcoef(truth.bvp, wave(TIMES_S))[0, 1] > 0.9995
    assert notes == ("bvp: the sensor's lag of 0.25 s is removed.",)


def test_rates_keep_their_unit_and_cover_their_last_second():
    times_s = even(1.0)
    found = truth_from_waves(stream("hr", times_s, 60 + times_s), stream("spo2", times_s, np.full(10, 97.0)))
    np.testing.assert_allclose(found.hr_bpm[:270:30], 60 + np.arange(9))
    assert np.isfinite(found.hr_bpm).all()
    assert found.spo2_percent == 97
    assert np.isnan(found.rr_brpm)


def test_sensor_without_a_finger_labels_nothing():
    times_s = even(1.0)
    rates = np.where(times_s < 5, 0, 72.0)
    found = truth_from_waves(stream("hr", times_s, rates)).hr_bpm
    assert np.isnan(found[: int(4.4 * 30)]).all()
    assert (found[5 * 30 :] == 72).all()


def test_breathing_rate_of_a_minority_of_the_clip_is_not_the_clips():
    times_s = even(1.0)
    known = truth_from_waves(stream("rr", times_s, np.full(10, 15.0), mask=times_s < 6)).rr_brpm
    unknown = truth_from_waves(stream("rr", times_s, np.full(10, 15.0), mask=times_s < 3)).rr_brpm
    assert known == 15
    assert np.isnan(unknown)


def test_breathing_rate_keeps_its_course():
    times_s = even(1.0)
    rising = stream("rr", times_s, 12 + 0.2 * times_s, mask=times_s < 6)
    found = truth_from_waves(rising)
    np.testing.assert_allclose(found.rr_track_brpm[:150:30], 12 + 0.2 * np.arange(5))
    assert np.isnan(found.rr_track_brpm[-60:]).all()
    assert truth_from_waves(stream("hr", times_s, np.full(10, 72.0))).rr_track_brpm is None
    later = truth_at(found, TIMES_S[:120] + 0.51)
    np.testing.assert_allclose(later.rr_track_brpm, 12 + 0.2 * (TIMES_S[:120] + 0.51))


def test_names_of_known_labels_follow_what_is_there():
    times_s = even(30.0)
    streams = [
        stream("hr", times_s, np.full(300, 72.0)),
        stream("bp", times_s, 90 + 20 * wave(times_s)),
        stream("bvp", times_s, np.zeros(300)),
        stream("spo2", times_s, np.zeros(300)),
    ]
    assert known_labels(truth_from_waves(*streams)) == ("hr",)


def test_truth_with_holes_moves_to_other_times_with_its_holes():
    _, truth = simulate_traces(SimulationSettings(seconds=10, fps=25))
    truth.bvp[100:120] = np.nan
    there = truth_at(truth, TIMES_S)
    assert np.isnan(there.bvp[121:142]).all()
    assert np.isfinite(there.bvp[:119]).all()
    at_25 = np.interp(truth.times_s[:90], there.times_s, there.bvp)
    assert np.corrcoef(at_25, truth.bvp[:90])[0, 1] > 0.999


def test_single_sample_is_no_wave():
    mask = np.array([True, False, True])
    found = values_at(np.array([0.0, 0.1, 0.2]), np.array([1.0, 2, 3]), mask, np.array([0.0]), is_wave=True)
    assert np.isnan(found).all()
