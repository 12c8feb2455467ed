import h5py
import numpy as np
import pytest
from scipy.io import savemat

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.labels import (
    as_text,
    csv_columns,
    hdf5_variables,
    mat_variables,
    number_lines,
    number_table,
    text_lines,
    vector,
)


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_byte_order_mark_and_blank_lines_are_left_out(written):
    assert text_lines(written(b"\xef\xbb\xbf1\r\n\r\n2\r\n")) == ["1", "2"]


def test_header_is_checked_and_left_out(written):
    assert number_lines(written('"HR"\n62\n63\n'), header="HR").tolist() == [62, 63]


def test_columns_have_their_names_and_blank_cells_are_nan(written):
    columns = csv_columns(written("t_s, ppg\n0,1\n1,\n"), ("t_s", "ppg"))
    assert columns["t_s"].tolist() == [0, 1]
    assert np.isnan(columns["ppg"]).tolist() == [False, True]


def test_table_has_a_row_a_line(written):
    assert number_table(written("1,2\n3,4\n"), 2).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "text, read, words",
    [
        ("", text_lines, "the file is empty"),
        ("\n \n", text_lines, "only blank lines"),
        (b"\xff\xfe\x00", text_lines, "cannot be read as text"),
        ("1\ntwo\n", number_lines, "line 2, column 1: 'two' is not a number"),
        ("1,2\n3\n", lambda path: number_table(path, 2), "line 2 has 1 cell"),
        (
            "a,b\n1\n",
            lambda path: csv_columns(path, ("a",)),
            r"line 2 has 1 cell .*; wanted: 2 cells, one for each",
        ),
        (b"MATLAB 5.0 and no more", lambda path: mat_variables(path, ("x",)), "cannot be read as MATLAB"),
        (b"MATLAB 7.3 and no more", lambda path: mat_variables(path, ("x",)), "cannot be read as HDF5"),
        (b"no HDF5", lambda path: hdf5_variables(path, ("x",)), "cannot be read as HDF5"),
    ],
)
def test_broken_files_are_errors_that_name_them(written, text, read, words):
    path = written(text)
    with pytest.raises(DatasetError, match=words) as caught:
        read(path)
    assert caught.value.path == path


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.txt: there is no such file"):
        text_lines(tmp_path / "gone.txt")


def test_only_variables_that_are_wanted_and_there_come_back(tmp_path):
    savemat(tmp_path / "a.mat", {"x": [1.0, 2.0], "y": 3, "word": "LED-low"})
    found = mat_variables(tmp_path / "a.mat", ("x", "word", "z"))
    assert set(found) == {"x", "word"}
    assert found["word"] == "LED-low"


def test_hdf5_keeps_its_axes_and_matlab_turns_them(tmp_path):
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["x"] = np.arange(6).reshape(2, 3)
    assert hdf5_variables(tmp_path / "a.hdf5", ("x",))["x"].shape == (2, 3)
    assert hdf5_variables(tmp_path / "a.hdf5", ("x",), matlab=True)["x"].shape == (3, 2)


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (4,)])
def test_vector_lies_either_way_round(tmp_path, shape):
    assert vector(tmp_path, {"x": np.arange(4).reshape(shape)}, "x").tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "value, words", [(np.zeros((2, 2)), r"the shape \(2, 2\)"), ("word", "holds no numbers")]
)
def test_what_is_no_row_of_numbers_is_an_error(tmp_path, value, words):
    with pytest.raises(DatasetError, match=words):
        vector(tmp_path, {"x": value}, "x")


def test_text_is_unwrapped_and_numbers_are_left():
    wrapped = np.empty((1, 1), object)
    wrapped[0, 0] = np.array(["Walking"])
    assert as_text(wrapped) == "Walking"
    assert as_text(np.array([[5]])).tolist() == [[5]]
