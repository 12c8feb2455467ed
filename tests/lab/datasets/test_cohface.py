import sys

import h5py
import numpy as np
import pytest
from lab.datasets.expect import assert_frames_carry_the_pulse, assert_streams_round_trip, records_of
from lab.datasets.make_layouts import make_cohface

from rppg_core.errors import UsageError
from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder


@pytest.fixture
def root(tmp_path):
    return make_cohface(tmp_path)


def rewrite(root, change):
    path = root / "1" / "0" / "data.hdf5"
    with h5py.File(path, "r+") as file:
        file["time"][...] = change(file["time"][()])
    return path


def test_frames_and_labels_round_trip(root):
    record = records_of("cohface", root)["1/0"]
    assert_streams_round_trip(record, ("bvp", "resp"))
    assert_frames_carry_the_pulse(record, 80)
    assert record.streams["resp"].step_s == pytest.approx(1 / 256)


def test_light_and_split_come_from_session_and_protocols(root):
    records = records_of("cohface", root)
    assert records["1/2"].condition == {"light": "daylight", "split": "train"}
    assert records["2/0"].condition == {"light": "studio", "split": "test"}


def test_matroska_copy_of_the_video_is_found(root):
    (root / "1/0/data.avi").rename(root / "1/0/data.mkv")
    assert_frames_carry_the_pulse(records_of("cohface", root)["1/0"], 80)


def test_shuffled_times_are_an_error_that_names_the_file(root):
    path = rewrite(root, np.random.default_rng(0).permutation)
    with pytest.raises(DatasetError, match="times of bvp do not increase") as caught:
        records_of("cohface", root)["1/0"].streams["bvp"]
    assert caught.value.path == path


def test_times_in_milliseconds_are_an_error(root):
    rewrite(root, lambda times_s: 1e3 * times_s)
    with pytest.raises(DatasetError, match=r"data\.hdf5: resp steps by 3\.906 s"):
        records_of("cohface", root)["1/0"].streams["resp"]


def test_file_without_breathing_is_an_error_that_says_so(root):
    with h5py.File(root / "1/0/data.hdf5", "r+") as file:
        del file["respiration"]
    with pytest.raises(DatasetError, match="holds no 'respiration'"):
        records_of("cohface", root)["1/0"].streams["resp"]


def test_missing_h5py_is_an_error_that_says_what_to_install(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UsageError, match=r"pip install 'rppg-lab\[datasets\]'"):
        records_of("cohface", root)["1/0"].streams["bvp"]


def test_clip_of_the_protocols_that_is_not_here_is_a_problem(root):
    (root / "protocols/all/dev.txt").write_text("3/1/data\n")
    assert [(p.path, p.what) for p in check_folder(root).problems] == [
        (root / "3/1", "is listed in protocols/ but missing")
    ]
