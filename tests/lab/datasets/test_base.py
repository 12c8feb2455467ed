import ast
import pickle
from pathlib import Path

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import DatasetError, ReadLater, Record, Streams, make_stream

ROOT = Path(__file__).parents[3]
HERE = Path("labels.csv")
SECONDS = np.arange(5.0)


def test_stream_keeps_values_and_unit_and_tells_its_step():
    stream = make_stream(HERE, "hr", SECONDS, [70, 71, 72, 73, 74])
    assert stream.values.tolist() == [70, 71, 72, 73, 74]
    assert (stream.unit, stream.step_s, stream.seconds) == ("bpm", 1.0, 5.0)
    assert stream.mask.all()


def test_rates_of_zero_and_missing_numbers_are_masked():
    stream = make_stream(HERE, "hr", SECONDS, [70, 0, np.nan, 73, 74])
    assert stream.mask.tolist() == [True, False, False, True, True]


def test_flat_wave_is_masked_and_says_so():
    stream = make_stream(HERE, "bvp", SECONDS / 30, np.zeros(5))
    assert not stream.mask.any()
    assert stream.notes == ("labels.csv: bvp never changes and is left out.",)


def test_saturation_outside_80_to_100_percent_is_masked():
    stream = make_stream(HERE, "spo2", SECONDS, [97, 44, 103.79, 80, 100])
    assert stream.mask.tolist() == [True, False, False, True, True]


def test_mask_of_the_layout_is_kept():
    stream = make_stream(HERE, "hr", SECONDS, np.full(5, 70), mask=[1, 1, 0, 1, 1])
    assert stream.mask.tolist() == [True, True, False, True, True]


def test_values_are_never_resampled_where_times_are_uneven():
    times_s = [0, 0.03, 0.06, 0.9, 0.93]
    assert make_stream(HERE, "bvp", times_s, SECONDS).times_s.tolist() == times_s


@pytest.mark.parametrize(
    "name, times_s, values, words",
    [
        ("hr", SECONDS[:4], np.full(5, 70), "4 times and 5 values of hr"),
        ("hr", SECONDS[:1], [70], "1 times and 1 values"),
        ("hr", SECONDS[[0, 2, 1, 3, 4]], np.full(5, 70), "1 steps back or in place, the first after 2 s"),
        ("hr", [0, 1, 1, 2, 3], np.full(5, 70), "1 steps back or in place, the first after 1 s"),
        ("hr", [0, 1, np.nan, 2, 3], np.full(5, 70), "time 3 of 5 of hr is missing"),
        ("hr", 1e3 * SECONDS, np.full(5, 70), "hr steps by 1000 s"),
        ("bvp", SECONDS, SECONDS, "bvp steps by 1 s"),
        ("bvp", 1e-6 * SECONDS, SECONDS, "bvp steps by 1e-06 s"),
        ("hr", SECONDS, np.full(5, 1.2), r"median of hr is 1\.2; wanted: 25 to 250 bpm"),
        ("rr", SECONDS, np.full(5, 0.25), r"median of rr is 0\.25; wanted: 3 to 90 brpm"),
        ("spo2", SECONDS, np.full(5, 0.97), "30 to 101 %"),
        ("bp", SECONDS / 1e3, np.full(5, 12000.0), "30 to 250 mmHg"),
    ],
)
def test_impossible_labels_are_errors_that_name_the_file(name, times_s, values, words):
    with pytest.raises(DatasetError, match=words) as caught:
        make_stream(HERE, name, times_s, values)
    assert str(caught.value).startswith("labels.csv: ")


def test_few_samples_out_of_order_are_sorted_with_their_values_where_allowed():
    times_s = np.arange(50) / 60
    order = np.arange(50)
    order[[10, 11]] = 11, 10
    stream = make_stream(HERE, "bvp", times_s[order], np.arange(50)[order], unsorted_share=0.05)
    assert np.array_equal(stream.times_s, times_s)
    assert np.array_equal(stream.values, np.arange(50))


def test_streams_are_read_once_and_only_when_asked_for():
    read = []

    def reader(name):
        return lambda: read.append(name) or make_stream(HERE, name, SECONDS, np.full(5, 70))

    streams = Streams({"hr": reader("hr"), "spo2": reader("spo2")})
    assert (list(streams), len(streams), "hr" in streams, read) == (["hr", "spo2"], 2, True, ["hr"])
    assert streams["hr"] is streams["hr"]
    assert read == ["hr"]


def test_conditions_are_read_when_looked_into():
    read = []
    later = ReadLater(lambda: read.append(1) or {"motion": "talking"})
    assert read == []
    assert (dict(later), read) == ({"motion": "talking"}, [1])


def test_error_of_a_worker_arrives_as_it_was():
    error = DatasetError(HERE, "is empty", wanted="numbers", do="copy it")
    sent = pickle.loads(pickle.dumps(error))
    assert (str(sent), sent.path, sent.exit_code) == (str(error), HERE, 3)


def test_record_without_pictures_has_no_still():
    with pytest.raises(UsageError, match="holds no pictures"):
        Record(dataset="x", subject="1", clip="1").still()


def test_face_that_may_not_be_shown_is_refused_before_the_video_is_opened():
    record = Record(dataset="ubfc2", subject="subject21", clip="subject21", drawable=False)
    with pytest.raises(UsageError, match="readme excludes this one"):
        record.still()


def draws_unasked(source: str) -> bool:
    """Whether code that has records shows pictures without asking whether it may."""
    names = {node.module or "" for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}
    stored = "rppg_core.lab.datasets.clip_file"  # holds no picture of a record: extraction leaves them out
    has_records = any(name.startswith("rppg_core.lab.datasets") and name != stored for name in names)
    shows = any(word in source for word in ('"still"', ".still", "imshow", "imwrite", "Image("))
    return has_records and shows and "require_drawable" not in source and ".still()" not in source


def test_whatever_draws_stills_of_records_asks_first():
    ours = [path for folder in ("rppg_core", "demo") for path in (ROOT / folder).rglob("*.py")]
    ours = [
        path for path in ours if path.parent.name != "datasets"
    ]  # pictures leave it by still() and frames
    assert not [path for path in ours if draws_unasked(path.read_text())]
    assert draws_unasked("from rppg_core.lab.datasets.layouts import find_layout\nneeds = {'a': \"still\"}")
