from pathlib import Path

import numpy as np
import pytest

from rppg_core.tables.columns import name_words, read_times, time_column
from rppg_core.tables.table import Table, read_table
from rppg_core.tables.text import TableError

FRAMES = {"fastest_s": 1 / 2000, "slowest_s": 0.999}


def table_of(tmp_path: Path, name: str, values: np.ndarray) -> Table:
    path = tmp_path / "t.csv"
    path.write_text("\n".join([f"{name},x", *(f"{value:.10g},1" for value in values)]))
    return read_table(path, header=True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Time [ms]", ("time", "ms")),
        ("left_cheek_r", ("left", "cheek", "r")),
        ("skinR", ("skin", "r")),
        ("cell12_g", ("cell", "12", "g")),
        ("HR (bpm)", ("hr", "bpm")),
        ("t/µs", ("t", "μs")),
    ],
)
def test_names_are_split_into_words(name, words):
    assert name_words(name) == words


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("frame", "time_s", "r"), "time_s"),
        (("Timestamp", "r"), "Timestamp"),
        (("sensor timestamp [ns]", "time [s]"), "time [s]"),
        (("phone time", "timestamp [ms]"), "timestamp [ms]"),
        (("seconds", "r"), "seconds"),
        (("frame", "r"), None),
        (("first", "s"), "s"),
    ],
)
def test_column_of_times_is_found_by_its_name(names, chosen):
    assert time_column(names) == chosen


@pytest.mark.parametrize(
    ("name", "per_s"),
    [
        ("time_s", 1),
        ("t", 1),
        ("time", 1e3),
        ("time_ms", 1e3),
        ("timestamp_us", 1e6),
        ("time", 1e6),
        ("ns", 1e9),
    ],
)
def test_times_come_in_seconds_whatever_their_unit(tmp_path, name, per_s):
    found = read_times(table_of(tmp_path, name, np.arange(50) / 25 * per_s), name, **FRAMES)
    np.testing.assert_allclose(found.times_s, np.arange(50) / 25, atol=1e-9)
    assert bool(found.notes) == (per_s != 1)


@pytest.mark.parametrize(
    ("name", "step", "words"),
    [
        ("time_s", 33.3, "if these are milliseconds, name the column time_ms"),
        ("t", 1.0, "divide them by the frame rate"),
        ("time_ms", 1e-6, "write the times in seconds"),
    ],
)
def test_times_in_a_unit_that_cannot_be_are_refused(tmp_path, name, step, words):
    with pytest.raises(TableError, match=words):
        read_times(table_of(tmp_path, name, np.arange(50) * step), name, **FRAMES)


def test_missing_time_is_named_with_its_line(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("time_s,r\n0.0,1\n,1\n0.2,1\n")
    with pytest.raises(TableError, match="line 3"):
        read_times(read_table(path, header=True), "time_s", **FRAMES)
