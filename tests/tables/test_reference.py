"""Heart rates of chest straps and oximeters, as their programs write them."""

import numpy as np
import pytest

from rppg_core.tables.reference import Reference, read_reference
from rppg_core.tables.text import TableError

IBI_MS = [820, 840, 800, 0, 830, 810, 2900, 825]


def read(tmp_path, text: str) -> Reference:
    path = tmp_path / "hr.csv"
    path.write_text(text, encoding="utf-8")
    return read_reference(path)


@pytest.mark.parametrize(
    "name", ["hr_bpm", "hr", "HR [bpm]", "heart_rate", "Heart Rate", "bpm", "pulse", "PULSE", "PR"]
)
@pytest.mark.parametrize("time", ["time_s", "Time", "seconds"])
def test_rates_are_found_by_the_usual_names(tmp_path, time, name):
    found = read(tmp_path, f"{time},{name},spo2\n0,70,98\n1,0,97\n2,72,98\n3,,98\n4,74,97\n")
    np.testing.assert_array_equal(found.times_s, [0, 2, 4])
    np.testing.assert_array_equal(found.hr_bpm, [70, 72, 74])


def test_rates_come_in_the_order_of_time_and_in_seconds(tmp_path):
    found = read(tmp_path, "time_ms;hr\n2000;72,5\n1000;71,5\n3000;73,5\n")
    np.testing.assert_array_equal(found.times_s, [1, 2, 3])
    np.testing.assert_array_equal(found.hr_bpm, [71.5, 72.5, 73.5])


@pytest.mark.parametrize("head", ["", "RR\n", "ibi_ms\n", "RR-interval [ms]\n", "# Polar H10\n"])
@pytest.mark.parametrize("scale", [1.0, 0.001])
def test_intervals_between_beats_become_rates_at_their_ends(tmp_path, head, scale):
    found = read(tmp_path, head + "\n".join(f"{value * scale:g}" for value in IBI_MS))
    assert found.median_bpm == pytest.approx(60 / 0.8225, rel=0.01)
    assert len(found.hr_bpm) == 6  # neither the 0 nor the interval of a missed beat
    assert found.times_s[:2] == pytest.approx([0.82, 1.66])
    assert found.times_s[-1] == pytest.approx(sum(IBI_MS) / 1000)


def test_rates_without_times_are_one_a_second(tmp_path):
    np.testing.assert_array_equal(read(tmp_path, "hr\n70\n71\n72\n").times_s, [0, 1, 2])


def test_part_during_a_clip_is_cut_out_if_the_clocks_agree():
    reference = Reference(np.arange(100.0), np.linspace(60, 80, 100))
    assert reference.during(10, 20).times_s.tolist() == list(range(10, 21))
    assert reference.during(10, 20).seconds == 11
    later = reference.during(1000, 1010)
    assert (later.seconds, later.note) == (100, "all of it: its clock is another one than that of the clip")
    assert not reference.during(10, 20).note
    assert reference.to_dict() == {"hr_bpm": 70.0, "seconds": 100.0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_s,temperature\n0,36\n1,37\n", "has the columns time_s, temperature"),
        ("time_s,hr\n0,1.2\n1,1.3\n", "the median of column hr is 1.25"),
        ("time_s,hr\n0,0\n1,\n", "no value above 0"),
        ("time_s,hr\n0,72\n1,fast\n", "'fast' is not a number"),
        ("5.1\n5.2\n5.3\n", "the median interval is 5.2"),
        ("0\n0\n", "no value above 0"),
        ("0,72\n1,73\n", "names of the columns"),
        ("time_s,rr_brpm\n0,15\n1,15\n", "has the columns time_s, rr_brpm"),
        ("", "empty"),
    ],
)
def test_table_of_something_else_is_refused(tmp_path, text, words):
    with pytest.raises(TableError, match=words):
        read(tmp_path, text)


def test_reference_of_real_recordings_is_read(recordings):
    found = read_reference(recordings / "face_traces" / "u1_sitting_hr.csv")
    assert found.median_bpm == pytest.approx(108, abs=1.5)
