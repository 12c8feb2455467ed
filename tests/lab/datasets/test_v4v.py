import pytest
from lab.datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from lab.datasets.make_layouts import make_v4v

from rppg_core.lab.datasets.base import DatasetError

PRESSURE = "Phase 1_ Training_Validation sets/Ground truth/BP_raw_1KHz/F001-T1-BP.txt"
RATES = "Phase 1_ Training_Validation sets/Ground truth/Physiology/F001_T1.txt"


@pytest.fixture
def root(tmp_path):
    return make_v4v(tmp_path)


@pytest.mark.parametrize("clip", ["F001_T1", "F008_T2", "M007_T10"])
def test_frames_and_labels_of_both_phases_round_trip(root, clip):
    record = records_of("v4v", root)[clip]
    assert_streams_round_trip(record, ("hr", "rr", "bp"))
    assert_frames_carry_the_pulse(record, 100)
    assert record.streams["rr"].step_s == pytest.approx(1 / 25)
    assert record.streams["bp"].step_s == pytest.approx(1e-3)


def test_pressure_is_not_called_a_pulse_wave(root):
    record = records_of("v4v", root)["F001_T1"]
    assert "bvp" not in record.streams
    assert "shape" in record.notes[0]


def test_phase_can_be_named_by_itself(root):
    records = records_of("v4v", root / "Phase 2_ Testing set")
    assert list(records) == ["F008_T2", "M007_T10"]
    assert_streams_round_trip(records["M007_T10"], ("hr", "rr", "bp"))


def test_subject_and_task_come_from_the_name(root):
    record = records_of("v4v", root)["M007_T10"]
    assert (record.subject, dict(record.condition)) == ("M007", {"task": "T10"})


def test_pressure_cut_off_is_an_error_that_names_the_file(root):
    path = root / PRESSURE
    path.write_text("\n".join(path.read_text().split()[:2500]))
    with pytest.raises(
        DatasetError, match="2500 samples of blood pressure for 100 frames; wanted: 4000"
    ) as caught:
        records_of("v4v", root)["F001_T1"].streams["bp"]
    assert caught.value.path == path


def test_pressure_in_volts_is_an_error(root):
    path = root / PRESSURE
    path.write_text("".join(f"{float(x) / 100}\n" for x in path.read_text().split()))
    with pytest.raises(DatasetError, match=r"median of bp is 0\.9.*; wanted: 30 to 250 mmHg"):
        records_of("v4v", root)["F001_T1"].streams["bp"]


def test_breathing_in_hertz_is_an_error(root):
    path = root / RATES
    path.write_text(path.read_text().replace(" 15", " 0.25"))
    with pytest.raises(DatasetError, match=r"F001_T1\.txt: the median of rr is 0\.25"):
        records_of("v4v", root)["F001_T1"].streams["rr"]


def test_release_file_without_a_clip_is_an_error_that_names_both(root):
    path = root / "Phase 2_ Testing set/test_set_gt_release.txt"
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "F008" not in line))
    with pytest.raises(DatasetError, match=r"release\.txt: has no line 'F008_T2\.mkv, HR"):
        records_of("v4v", root)["F008_T2"].streams["hr"]


def test_line_with_a_word_for_a_number_is_an_error(root):
    path = root / RATES
    path.write_text(path.read_text().replace("72,", "oops,", 1))
    with pytest.raises(DatasetError, match=r"F001_T1\.txt: F001_T1, HR: 'oops' is not a number"):
        records_of("v4v", root)["F001_T1"].streams["hr"]
