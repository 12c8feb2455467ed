import numpy as np
import pytest
from lab.datasets.expect import assert_streams_round_trip, records_of
from lab.datasets.known_pulse import wave
from lab.datasets.make_layouts import make_stmap
from scipy.io import savemat

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder
from rppg_core.lab.datasets.stmap_folder import Window, read_window, subject_from_clip_name


@pytest.fixture
def root(tmp_path):
    return make_stmap(tmp_path)


def test_map_is_read_as_rgb_over_time_at_30_hz(root):
    stmap = records_of("stmap", root)["HCW/s03_a"].stmap()
    assert (stmap.samples.shape, stmap.fs) == ((90, 25, 3), 30.0)
    assert np.corrcoef(stmap.samples[:, 0, 1], -wave(np.arange(90) / 30))[0, 1] > 0.999
    assert stmap.samples[0, 0, 0] == 10
    assert stmap.samples[0, 0, 2] == 30


def test_cells_without_pixels_have_no_weight(root):
    weight = records_of("stmap", root)["HCW/s03_a"].stmap().weight
    assert np.flatnonzero(weight == 0).tolist() == [7]


def test_breathing_wave_and_rate_are_told_apart(root):
    records = records_of("stmap", root)
    assert_streams_round_trip(records["HCW/s03_a"], ("bvp", "resp"))
    assert_streams_round_trip(records["V4V/F001_T1"], ("hr", "rr"))


def test_labels_that_were_only_filled_in_are_masked(root):
    streams = records_of("stmap", root)["UBFC/subject21"].streams
    assert set(streams) == {"bvp", "hr", "spo2", "rr"}
    assert {name: bool(stream.mask.any()) for name, stream in streams.items()} == {
        "bvp": True,
        "hr": True,
        "spo2": False,
        "rr": False,
    }
    assert "repeats the heart rate" in streams["rr"].notes[0]
    assert streams["rr"].unit == "brpm"


def test_dataset_and_subject_come_from_the_folders(root):
    record = records_of("stmap", root)["V4V/F001_T1"]
    assert (record.dataset, record.subject) == ("V4V", "F001")


@pytest.mark.parametrize(
    "clip, subject",
    [
        ("p12_v1_source2", "p12"),
        ("01-06", "01"),
        ("subject21", "subject21"),
        ("F001_T1", "F001"),
        ("Sub 01_lux 10.0", "Sub 01"),
        ("s03_a", "s03"),
    ],
)
def test_subject_is_the_person_in_the_name(clip, subject):
    assert subject_from_clip_name(clip) == subject


def test_index_of_another_machine_finds_its_clip_here(root):
    assert read_window(root / "Train_Index/0.mat", root) == Window(root / "HCW/s03_a", 30)


def test_index_of_a_clip_that_is_not_here_is_a_problem(root):
    savemat(root / "Train_Index/1.mat", {"Path": "/home/x/STMap/HCW/s09_a", "Step_Index": [[0]]})
    (problem,) = check_folder(root).problems
    assert problem.path == root / "Train_Index/1.mat"
    assert "s09_a" in problem.what


def test_hidden_subjects_are_not_drawable_here_either(root):
    drawable = {clip: record.drawable for clip, record in records_of("stmap", root).items()}
    assert drawable == {"HCW/s03_a": True, "UBFC/subject21": False, "V4V/F001_T1": True}


def test_map_in_another_colour_space_is_an_error_that_names_it(tmp_path):
    root = make_stmap(tmp_path, clips=("HCW/s03_a",), name="STMap_YUV.png")
    with pytest.raises(DatasetError, match=r"STMap_YUV\.png: is a map in YUV"):
        records_of("stmap", root)["HCW/s03_a"].stmap()


def test_map_cut_off_is_an_error_that_names_it(root):
    path = root / "HCW/s03_a/STMap/STMap_RGB.png"
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(DatasetError, match="has 150 bytes and no end") as caught:
        records_of("stmap", root)["HCW/s03_a"].stmap()
    assert caught.value.path == path


def test_label_shorter_than_its_map_is_a_problem(root):
    path = root / "HCW/s03_a/Label/BVP.mat"
    savemat(path, {"BVP": wave(np.arange(60) / 30)[None]})
    (problem,) = check_folder(root).problems
    assert problem.path == path
    assert "bvp lasts 2.00 s and the pictures 3.00 s" in problem.what


def test_heart_rate_in_hertz_is_an_error(root):
    savemat(root / "V4V/F001_T1/Label/HR.mat", {"HR": np.full((1, 90), 1.2)})
    with pytest.raises(DatasetError, match=r"HR\.mat: the median of hr is 1\.2"):
        records_of("stmap", root)["V4V/F001_T1"].streams["hr"]
