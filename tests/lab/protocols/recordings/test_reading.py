"""Which files make a recording, and what its reference says about a window."""

from __future__ import annotations

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.protocols.recordings.reading import find_recordings, reference_rate
from rppg_core.tables.reference import Reference


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


def test_the_rate_of_a_window_is_the_median_of_its_values_at_the_lag():
    reference = Reference(np.arange(60.0), np.repeat([60.0, 80.0], 30))
    assert reference_rate(reference, 0, 29) == 60
    assert reference_rate(reference, 30, 59) == 80
    assert reference_rate(reference, 25, 29, lag_s=6.0) == 80  # a late reference shows the window later


def test_between_rare_values_the_rate_is_interpolated_and_beyond_them_unknown():
    reference = Reference(np.array([10.0, 50.0]), np.array([60.0, 100.0]))
    assert reference_rate(reference, 25, 35) == pytest.approx(80.0)
    assert np.isnan(reference_rate(reference, 55, 65))
