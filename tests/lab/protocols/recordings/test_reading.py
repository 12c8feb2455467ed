"""Which files make a recording, and what its reference says about a window."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import RppgError, UsageError
from rppg_core.lab.protocols.recordings.reading import (
    Reference,
    find_recordings,
    read_reference,
    reference_rate,
)


def touch(folder, *names):
    for name in names:
        (folder / name).touch()


def test_person_and_kind_come_from_the_name(tmp_path):
    touch(
        tmp_path,
        "p0_resting.csv",
        "p0_resting_hr.csv",
        "ann.mp4",
        "ann_hr.csv",
        "p1_gym_2.mkv",
        "p1_gym_2_hr.csv",
    )
    found = [(r.name, r.person, r.kind) for r in find_recordings(tmp_path)]
    assert found == [
        ("ann", "ann", "recording"),
        ("p0_resting", "p0", "resting"),
        ("p1_gym_2", "p1", "gym_2"),
    ]


def test_a_missing_reference_is_named_with_what_to_do(tmp_path):
    touch(tmp_path, "a.csv", "a_hr.csv", "b.csv", "c.mp4")
    with pytest.raises(
        UsageError, match=r"b\.csv has no reference beside it \(and 1 more\).*b_hr\.csv.*injected"
    ):
        find_recordings(tmp_path)


def test_references_alone_are_no_recordings(tmp_path):
    touch(tmp_path, "a_hr.csv")
    with pytest.raises(UsageError, match="no recording"):
        find_recordings(tmp_path)


def test_rows_without_a_rate_are_left_out(tmp_path):
    path = tmp_path / "a_hr.csv"
    path.write_text("time_s,hr_bpm\n0,60\n1,\n2,64\n")
    found = read_reference(path)
    assert found.times_s.tolist() == [0, 2] and found.hr_bpm.tolist() == [60, 64]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time_s,pulse\n0,60\n", "hr_bpm"),
        ("time_s,hr_bpm\n0,\n1,\n", "no heart rate"),
        ("time_s,hr_bpm\n0,1.1\n1,1.2\n", "median hr_bpm of 1.15"),
        ("time_s,hr_bpm\n1,60\n0,61\n", "increase"),
    ],
)
def test_tables_that_are_no_reference_are_refused(tmp_path, text, said):
    path = tmp_path / "a_hr.csv"
    path.write_text(text)
    with pytest.raises(RppgError, match=said):
        read_reference(path)


def test_the_rate_of_a_window_is_the_median_of_its_values_at_the_lag():
    reference = Reference(np.arange(60.0), np.repeat([60.0, 80.0], 30))
    assert reference_rate(reference, 0, 29) == 60
    assert reference_rate(reference, 30, 59) == 80
    assert reference_rate(reference, 25, 29, lag_s=6.0) == 80  # a late reference shows the window later


def test_between_rare_values_the_rate_is_interpolated_and_beyond_them_unknown():
    reference = Reference(np.array([10.0, 50.0]), np.array([60.0, 100.0]))
    assert reference_rate(reference, 25, 35) == pytest.approx(80.0)
    assert np.isnan(reference_rate(reference, 55, 65))
