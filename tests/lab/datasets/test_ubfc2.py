import numpy as np
import pytest
from lab.datasets.expect import (
    assert_frames_carry_the_pulse,
    assert_streams_round_trip,
    green_over_time,
    records_of,
)
from lab.datasets.known_pulse import even, truth_text, wave
from lab.datasets.make_layouts import make_ubfc2

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import DatasetError


@pytest.fixture
def root(tmp_path):
    return make_ubfc2(tmp_path)


def rewrite(root, change):
    """ground_truth.txt of subject1 after `change(rows)`."""
    path = root / "subject1" / "ground_truth.txt"
    rows = np.array([line.split() for line in path.read_text().splitlines()], float)
    path.write_text(truth_text(change(rows)))
    return path


def test_frames_and_labels_round_trip(root):
    record = records_of("ubfc2", root)["subject1"]
    assert_streams_round_trip(record, ("bvp", "hr"))
    assert_frames_carry_the_pulse(record, 118)


def test_last_line_is_the_clock_of_the_frames(tmp_path):
    record = records_of("ubfc2", make_ubfc2(tmp_path, gap_s=0.8))["subject1"]
    times_s, green = green_over_time(record)
    assert np.diff(times_s).max() == pytest.approx(0.8 + 1 / 29.53, abs=1e-3)
    assert np.corrcoef(green, -wave(times_s))[0, 1] > 0.999
    assert record.streams["bvp"].seconds == pytest.approx(4.8, abs=0.05)


@pytest.mark.parametrize("fewer", [1, 2])
def test_few_labels_less_than_frames_are_taken(tmp_path, fewer):
    record = records_of("ubfc2", make_ubfc2(tmp_path, labels_fewer=fewer))["subject1"]
    assert_frames_carry_the_pulse(record, 118)
    assert len(record.streams["bvp"].values) == 118 - fewer


def test_many_labels_less_than_frames_are_an_error_that_names_the_video(tmp_path):
    record = records_of("ubfc2", make_ubfc2(tmp_path, labels_fewer=40))["subject1"]
    with pytest.raises(
        DatasetError, match=r"subject1/vid\.avi: 118 frames, but ground_truth\.txt has 78 times"
    ):
        list(record.frames())


def test_blanks_at_line_ends_do_no_harm(tmp_path):
    record = records_of("ubfc2", make_ubfc2(tmp_path, end="   \n"))["subject1"]
    assert_streams_round_trip(record, ("bvp", "hr"))


def test_last_frame_cut_short_is_tolerated(root):
    """subject33 of the original ends within a frame."""
    video = root / "subject1" / "vid.avi"
    video.write_bytes(video.read_bytes()[:-1500])
    times_s, _ = green_over_time(records_of("ubfc2", root)["subject1"])
    assert len(times_s) >= 116


def test_shuffled_times_are_an_error_that_names_the_file(root):
    def shuffle(rows):
        rows[2] = np.random.default_rng(0).permutation(rows[2])
        return rows

    path = rewrite(root, shuffle)
    with pytest.raises(DatasetError, match="times of bvp do not increase") as caught:
        records_of("ubfc2", root)["subject1"].streams["bvp"]
    assert caught.value.path == path


def test_times_in_milliseconds_are_an_error_that_names_the_file(root):
    path = rewrite(root, lambda rows: rows * [[1], [1], [1000]])
    with pytest.raises(DatasetError, match="another unit") as caught:
        records_of("ubfc2", root)["subject1"].frames()
    assert caught.value.path == path


def test_heart_rate_in_hertz_is_an_error_that_names_the_unit(root):
    rewrite(root, lambda rows: rows / [[1], [60], [1]])
    with pytest.raises(DatasetError, match=r"median of hr is 1\.2; wanted: 25 to 250 bpm"):
        records_of("ubfc2", root)["subject1"].streams["hr"]


def test_line_cut_off_is_an_error_that_says_how_long_each_is(root):
    path = root / "subject1" / "ground_truth.txt"
    path.write_text(path.read_text()[:-200])
    with pytest.raises(DatasetError, match=r"3 lines of 118, 118, 10[0-9] numbers"):
        records_of("ubfc2", root)["subject1"].streams["bvp"]


def test_faces_of_subjects_21_and_27_are_never_drawn(tmp_path):
    records = records_of("ubfc2", make_ubfc2(tmp_path, subjects=(1, 21, 27)))
    assert {clip: record.drawable for clip, record in records.items()} == {
        "subject1": True,
        "subject21": False,
        "subject27": False,
    }
    for clip in ("subject21", "subject27"):
        with pytest.raises(UsageError, match=f"face of subject {clip}"):
            records[clip].still()
    assert records["subject1"].still().shape == (24, 32, 3)


def test_hidden_faces_still_give_their_pulse(root):
    assert_frames_carry_the_pulse(records_of("ubfc2", root)["subject21"], len(even(29.53)))


def test_subjects_come_in_the_order_of_their_numbers(tmp_path):
    root = make_ubfc2(tmp_path, subjects=(10, 9))
    assert list(records_of("ubfc2", root)) == ["subject9", "subject10"]
