import pytest
from lab.datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from lab.datasets.make_layouts import make_buaa
from scipy.io import savemat

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder

CLIP = "Sub 01/lux 10.0"


@pytest.mark.parametrize("packed, names", [(False, ("bvp", "hr")), (True, ("bvp",))])
def test_frames_and_labels_of_either_copy_round_trip(tmp_path, packed, names):
    record = records_of("buaa", make_buaa(tmp_path, packed=packed))[CLIP]
    assert_streams_round_trip(record, names)
    assert_frames_carry_the_pulse(record, 120)
    assert record.streams["bvp"].step_s == pytest.approx(1 / 60)


def test_levels_come_in_order_of_light_and_are_conditions(tmp_path):
    records = records_of("buaa", make_buaa(tmp_path))
    assert [record.condition["lux"] for record in records.values()] == ["2.5", "10.0"]
    assert {record.subject for record in records.values()} == {"Sub 01"}


def test_stretched_labels_say_that_they_are(tmp_path):
    assert "assumed" in records_of("buaa", make_buaa(tmp_path))[CLIP].streams["bvp"].notes[0]


def test_wave_of_a_few_values_is_an_error_that_names_the_file(tmp_path):
    root = make_buaa(tmp_path)
    path = root / CLIP / "lux10.0_APH_wave.csv"
    path.write_text("\n".join(path.read_text().split()[:60]))
    with pytest.raises(DatasetError, match=r"APH_wave\.csv: 60 values for a video of 4\.0 s: 15 per second"):
        records_of("buaa", root)[CLIP].streams["bvp"]


def test_wave_of_two_thirds_is_reported_by_the_check(tmp_path):
    root = make_buaa(tmp_path)
    path = root / CLIP / "lux10.0_APH_wave.csv"
    path.write_text("\n".join(path.read_text().split()[:160]))
    (problem,) = check_folder(root).problems
    assert problem.path == path
    assert "160 values for 4.0 s are 40.0 per second" in problem.what


def test_heart_rate_in_hertz_is_an_error(tmp_path):
    root = make_buaa(tmp_path)
    (root / CLIP / "lux10.0_APH.csv").write_text("TIME,PULSE\n0,1.2\n1,1.2\n2,1.2\n3,1.2\n")
    with pytest.raises(DatasetError, match=r"lux10\.0_APH\.csv: the median of hr is 1\.2"):
        records_of("buaa", root)[CLIP].streams["hr"]


def test_table_without_pulse_is_an_error_that_lists_its_columns(tmp_path):
    root = make_buaa(tmp_path)
    (root / CLIP / "lux10.0_APH.csv").write_text("TIME,HEART\n0,72\n1,72\n")
    with pytest.raises(DatasetError, match="has the columns TIME, HEART; wanted: one column PULSE"):
        records_of("buaa", root)[CLIP].streams["hr"]


def test_matlab_file_without_the_structure_is_an_error(tmp_path):
    root = make_buaa(tmp_path, packed=True)
    savemat(root / CLIP / "PPGData.mat", {"other": [1, 2, 3]})
    with pytest.raises(DatasetError, match=r"PPGData\.mat: holds no structure PPG with a field data"):
        records_of("buaa", root)[CLIP].streams["bvp"]
