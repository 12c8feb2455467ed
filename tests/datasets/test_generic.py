import numpy as np
import pytest
from datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from datasets.make_layouts import make_generic

from rppg_core.datasets.base import DatasetError
from rppg_core.datasets.check import check_folder


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
        "ann_1": "ann", "cleo/rest_2": "cleo",
    }  # fmt: skip


def test_times_under_another_name_are_an_error_that_says_what_to_do(root):
    path = root / "ann_1.csv"
    path.write_text(path.read_text().replace("t_s", "t_ms"))
    with pytest.raises(DatasetError, match="a column t_s: seconds from the first frame"):
        records_of("generic", root)["ann_1"].streams["bvp"]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda rows: rows[np.random.default_rng(0).permutation(len(rows))], "times of bvp do not increase"),
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
    with pytest.raises(DatasetError, match=r"ann_1\.csv: line 121 has 1 cells; wanted: 3"):
        records_of("generic", root)["ann_1"].streams["bvp"]


def test_labels_without_a_video_are_a_problem(root):
    (root / "ann_1.mkv").unlink()
    assert [problem.path for problem in check_folder(root).problems] == [root / "ann_1.csv"]
