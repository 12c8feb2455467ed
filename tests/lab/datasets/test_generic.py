import numpy as np
import pytest
from lab.datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from lab.datasets.make_layouts import make_generic

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder


@pytest.fixture
def root(tmp_path):
    return make_generic(tmp_path)


def test_frames_and_labels_round_trip(root):
    record = records_of("generic", root)["ann_1"]
    assert_streams_round_trip(record, ("bvp", "hr"))
    assert_frames_carry_the_pulse(record, 120)


def test_blank_cells_give_a_column_its_own_clock(root):
    streams = records_of("generic", root)["ann_1"].streams
    assert len(streams["bvp"].values) == 120
    assert streams["hr"].times_s.tolist() == [0, 1, 2, 3]


def test_subject_is_the_folder_or_the_beginning_of_the_name(root):
    (root / "cleo").mkdir()
    for suffix in (".mkv", ".csv"):
        (root / f"ben_1{suffix}").rename(root / "cleo" / f"rest_2{suffix}")
    assert {clip: record.subject for clip, record in records_of("generic", root).items()} == {
        "ann_1": "ann",
        "cleo/rest_2": "cleo",
    }


def test_times_under_another_name_are_an_error_that_says_what_to_do(root):
    path = root / "ann_1.csv"
    path.write_text(path.read_text().replace("t_s", "t_ms"))
    with pytest.raises(DatasetError, match="a column t_s: seconds from the first frame"):
        records_of("generic", root)["ann_1"].streams["bvp"]


@pytest.mark.parametrize(
    "change, words",
    [
        (
            lambda rows: rows[np.random.default_rng(0).permutation(len(rows))],
            r"line \d+, column t_s: [\d.]+ comes after [\d.]+ \(and \d+ more\); wanted: times",
        ),
        (lambda rows: rows * [1000, 1], "bvp steps by 33.33 s"),
    ],
)
def test_shuffled_rows_and_milliseconds_are_errors_that_name_the_file(root, change, words):
    path = root / "ann_1.csv"
    rows = np.array([line.split(",")[:2] for line in path.read_text().splitlines()[1:]], float)
    path.write_text("t_s,ppg\n" + "".join(f"{t:.6f},{p:.6f}\n" for t, p in change(rows)))
    with pytest.raises(DatasetError, match=words) as caught:
        records_of("generic", root)["ann_1"].streams["bvp"]
    assert caught.value.path == path


def test_line_cut_off_is_an_error_that_names_it(root):
    path = root / "ann_1.csv"
    path.write_text(path.read_text().rsplit(",", 2)[0])
    with pytest.raises(DatasetError, match=r"ann_1\.csv: line 121 has 1 cell .*; wanted: 3 cells"):
        records_of("generic", root)["ann_1"].streams["bvp"]


def test_labels_without_a_video_are_a_problem(root):
    (root / "ann_1.mkv").unlink()
    assert [problem.path for problem in check_folder(root).problems] == [root / "ann_1.csv"]


def rewritten(root, change, encoding="utf-8"):
    """The record of ann_1 after its table was written in another way."""
    path = root / "ann_1.csv"
    path.write_bytes(change(path.read_text()).encode(encoding))
    return records_of("generic", root)["ann_1"]


@pytest.mark.parametrize(
    "change, encoding",
    [
        (lambda text: text.replace(",", ";").replace(".", ","), "utf-8-sig"),
        (lambda text: text.replace(",", "\t").replace(".", ","), "utf-16"),
        (lambda text: text.replace(",", "\t"), "utf-16-le"),
        (
            lambda text: "\n".join(",".join(f'"{c}"' for c in line.split(",")) for line in text.splitlines()),
            "utf-8",
        ),
        (lambda text: "sep=,\n" + text.replace("\n", ",\n").replace(",,\n", ",NA,\n"), "cp1252"),
        (
            lambda text: "# Gerät: µ\n" + text.replace("t_s,ppg,hr", "Time [s], PPG (a.u.), HR [bpm]"),
            "latin-1",
        ),
        (lambda text: "# " + text.replace("\n", "\r"), "utf-8"),
    ],
)
def test_table_in_another_dialect_gives_the_same(root, change, encoding):
    before = records_of("generic", root)["ann_1"].streams
    record = rewritten(root, change, encoding)
    assert_streams_round_trip(record, ("bvp", "hr"))
    for name in before:
        np.testing.assert_allclose(record.streams[name].values, before[name].values)
    assert check_folder(root).problems == ()


@pytest.mark.parametrize(
    "change, words, repair",
    [
        (lambda text: text.replace(".", ","), "line 2: .* has decimal commas and commas between cells", "semicolons"),
        (lambda text: text.replace("\n0.000000", "\nNA", 1), "line 2, column t_s: 'NA' is not a value", "fill"),
        (lambda text: text.replace("0.033333", "12:30:05.123"), "line 3, column t_s: '12:30:05.123' is a time of day",
         "seconds as a number, counted from the first frame"),
        (lambda text: text.replace("\n", "\n1700000").replace("1700000t", "t").rsplit("\n", 1)[0],
         "the times begin at 1700000", "subtract the time of the first frame"),
        (lambda text: text.replace("t_s", "Time (ms)"), r"has 'Time \(ms\)', in ms; wanted: a column t_s", "convert"),
        (lambda text: text.replace("t_s", "time"), "has the columns time, ppg, hr; wanted: a column t_s", "add it"),
        (lambda text: text.split("\n", 1)[1], "line 1 holds numbers", "the names of the columns first"),
        (lambda text: "PK\x03\x04xl/workbook.xml", "is an Excel workbook", "save it as CSV"),
    ],
)  # fmt: skip
def test_table_that_cannot_be_read_tells_what_is_wanted_of_ones_own_file(root, change, words, repair):
    record = rewritten(root, change)
    with pytest.raises(DatasetError, match=words) as caught:
        record.streams["bvp"]
    assert repair in caught.value.do
    assert "archive" not in caught.value.do


def test_label_in_another_unit_is_an_error(root):
    record = rewritten(root, lambda text: text.replace("hr", "hr [Hz]"))
    with pytest.raises(DatasetError, match=r"has 'hr \[Hz\]', in hz; wanted: a column hr: bpm"):
        record.streams["hr"]


def test_other_columns_may_hold_words(root):
    record = rewritten(root, lambda text: text.replace("\n", ",x\n").replace("hr,x", "hr,hr_ecg"))
    assert_streams_round_trip(record, ("bvp", "hr"))


def test_missing_values_leave_a_gap_and_rows_without_a_value_need_no_time(root):
    record = rewritten(root, lambda text: text + "NA,,\n,NaN,\n")
    assert len(record.streams["bvp"].values) == 120
