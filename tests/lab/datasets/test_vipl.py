import numpy as np
import pytest
from lab.datasets.expect import (
    assert_frames_carry_the_pulse,
    assert_streams_round_trip,
    green_over_time,
    records_of,
)
from lab.datasets.make_layouts import make_vipl

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder
from rppg_core.video.reader import open_video

CLIP = "p1/v1/source1"


@pytest.fixture
def root(tmp_path):
    return make_vipl(tmp_path)


def test_frames_and_labels_round_trip(root):
    record = records_of("vipl", root)[CLIP]
    assert_streams_round_trip(record, ("bvp", "hr", "spo2"))
    assert_frames_carry_the_pulse(record, 119)
    assert np.array_equal(record.streams["hr"].times_s, [0, 1, 2, 3])


def test_time_file_outweighs_the_header(root):
    times_s, _ = green_over_time(records_of("vipl", root)[CLIP])
    assert open_video(root / CLIP / "video.avi").header.fps == 25
    assert 1 / np.diff(times_s).mean() == pytest.approx(29.82, rel=1e-3)


def test_phone_video_is_spread_over_its_heart_rates_and_says_so(root):
    record = records_of("vipl", root)["p1/v1/source2"]
    assert_frames_carry_the_pulse(record, 120)
    assert "assumed" in record.notes[0]
    assert not any("assumed" in note for note in records_of("vipl", root)[CLIP].notes)


def test_lost_time_file_of_a_webcam_is_said(root):
    (root / CLIP / "time.txt").unlink()
    record = records_of("vipl", root)[CLIP]
    assert "time.txt is missing" in record.notes[0]
    times_s, _ = green_over_time(record)
    assert 1 / np.diff(times_s).mean() == pytest.approx(119 / 4, rel=1e-3)


def test_near_infra_red_is_not_offered_as_colour(root):
    assert (root / "p1/v1/source4/video.avi").exists()
    assert not any("source4" in clip for clip in records_of("vipl", root))


def test_fault_codes_of_saturation_are_masked_and_kept(root):
    stream = records_of("vipl", root)[CLIP].streams["spo2"]
    assert stream.values.tolist() == [97, 44, 97, 97]
    assert stream.mask.tolist() == [True, False, True, True]


def test_wave_that_does_not_match_the_video_is_masked_throughout(root):
    stream = records_of("vipl", root)[CLIP].streams["bvp"]
    assert not stream.mask.any()
    assert "never supervise" in stream.notes[0]


def test_second_take_scenario_camera_and_fold_are_conditions(root):
    records = records_of("vipl", root)
    assert records["p1/v1-2/source1"].condition == {
        "scenario": "stable",
        "camera": "Logitech C310",
        "take": "2",
        "fold": "2",
    }
    assert records["p1/v9/source2"].condition["scenario"] == "phone, moving"
    assert {record.subject for record in records.values()} == {"p1"}


def test_frames_and_times_of_different_number_are_an_error_that_names_both(root):
    path = root / CLIP / "time.txt"
    path.write_text("\n".join(path.read_text().split()[:-1]))
    with pytest.raises(DatasetError, match=r"source1/video\.avi: 119 frames, but time\.txt has 118 times"):
        list(records_of("vipl", root)[CLIP].frames())


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda ms: np.random.default_rng(0).permutation(ms), r"time\.txt: the times do not increase"),
        (lambda ms: ms / 1e3, r"time\.txt: steps by 0\.034"),
        (lambda ms: ms * 1000, r"time\.txt: steps by 3\.4e\+04"),
    ],
)
def test_shuffled_times_and_other_units_are_errors(root, change, words):
    path = root / CLIP / "time.txt"
    path.write_text("".join(f"{t}\n" for t in change(np.array(path.read_text().split(), int))))
    with pytest.raises(DatasetError, match=words):
        records_of("vipl", root)[CLIP].frames()


def test_label_file_without_its_header_is_an_error(root):
    (root / CLIP / "gt_HR.csv").write_text("72\n72\n72\n72\n")
    with pytest.raises(DatasetError, match=r"gt_HR\.csv: line 1 holds numbers .*, such as HR / 72"):
        records_of("vipl", root)[CLIP].streams["hr"]


def test_what_missing_data_lists_is_no_problem_and_the_rest_is(root):
    assert check_folder(root).problems == ()
    (root / "Missing_data.txt").write_text("none\n")
    assert [problem.path for problem in check_folder(root).problems] == [root / "p1/v7/source1"]
