import json

import h5py
import numpy as np
import pytest
from lab.datasets.known_pulse import truth_text, wave
from lab.datasets.make_layouts import MAKERS, make_cohface, make_generic, make_ubfc2

from rppg_core.command import cli
from rppg_core.lab.datasets.base import COPY
from rppg_core.lab.datasets.check import check_folder, record_problems
from rppg_core.lab.datasets.layouts import LAYOUTS


@pytest.fixture
def broken(tmp_path):
    """subject1: half a video; subject21: no labels."""
    root = make_ubfc2(tmp_path)
    video = root / "subject1" / "vid.avi"
    video.write_bytes(video.read_bytes()[:100_000])
    (root / "subject21" / "ground_truth.txt").unlink()
    return root


def test_each_fault_is_told_once_with_its_repair(broken):
    found = check_folder(broken)
    assert not found.holds
    assert [(problem.path, problem.repair) for problem in found.problems] == [
        (broken / "subject1/vid.avi", COPY),
        (broken / "subject21/ground_truth.txt", "copy it here, or leave the clip out"),
    ]


def test_text_counts_clips_and_names_what_is_not_in_this_copy(broken):
    text = check_folder(broken).text()
    assert "UBFC-rPPG, dataset 2 (ubfc2)" in text
    assert "Clips: 2. Subjects: 2. Labels, with clips that have them: bvp 2, hr 2." in text
    assert "Not in this copy (41): subject3, " in text
    assert "and 29 more" in text
    assert "repair: copy it here" in text


def test_labels_of_another_length_than_the_video_are_a_problem(tmp_path):
    root = make_cohface(tmp_path)
    record = next(LAYOUTS["cohface"]().records(root))
    assert list(record_problems(record)) == []
    with h5py.File(root / "1/0/data.hdf5", "r+") as file:
        for name in ("pulse", "respiration", "time"):
            values = file[name][:900]
            del file[name]
            file[name] = values
    (problem, _) = record_problems(next(LAYOUTS["cohface"]().records(root)))
    assert problem.path == root / "1/0/data.hdf5"
    assert problem.what == "bvp lasts 3.52 s and the pictures 4.00 s"


def test_labels_two_percent_off_are_taken(tmp_path):
    root = make_ubfc2(tmp_path, labels_fewer=2, subjects=(1,))
    assert check_folder(root).problems == ()


def test_progress_names_clips(tmp_path):
    seen = []
    check_folder(make_ubfc2(tmp_path), progress=lambda words, fraction: seen.append((words, fraction)))
    assert seen == [("checking subject1", 0.0), ("checking subject21", 0.5)]


def test_command_says_what_is_broken_and_exits_with_1(broken, tmp_path, capsys):
    code = cli.main(["dataset", "check", str(broken), "--json", str(tmp_path / "found.json")])
    assert code == 1
    assert "✗ Problems: 2." in capsys.readouterr().out
    found = json.loads((tmp_path / "found.json").read_text())
    assert [problem["path"] for problem in found["problems"]] == [
        "subject1/vid.avi",
        "subject21/ground_truth.txt",
    ]
    assert str(broken) not in (tmp_path / "found.json").read_text()


def test_command_exits_with_0_where_nothing_is_broken(tmp_path, capsys):
    assert cli.main(["dataset", "check", str(make_ubfc2(tmp_path))]) == 0
    assert "✓ Nothing is broken." in capsys.readouterr().out


def test_command_on_an_unknown_folder_is_one_line(tmp_path, capsys):
    assert cli.main(["dataset", "check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"rppg: '{tmp_path}' has no known layout")


def test_command_takes_the_layout_by_name(tmp_path, capsys):
    root = make_ubfc2(tmp_path)
    path = root / "subject1" / "ground_truth.txt"
    times_s = np.arange(118) / 29.53
    path.write_text(truth_text((wave(times_s), np.full(118, 1.2), times_s)))
    assert cli.main(["dataset", "check", str(root), "--layout", "ubfc2"]) == 1
    assert "the median of hr is 1.2; wanted: 25 to 250 bpm" in capsys.readouterr().out


def test_labels_on_another_clock_than_the_pictures_are_a_problem(tmp_path):
    root = make_generic(tmp_path)
    path = root / "ann_1.csv"
    head, *rows = path.read_text().splitlines()
    late = [f"{float(row.split(',')[0]) + 60:.6f},{row.split(',', 1)[1]}" for row in rows]
    path.write_text("\n".join([head, *late]))
    (pulse, rate) = check_folder(root).problems
    assert pulse.what == "bvp runs from 60.00 to 63.97 s, the pictures from 0 to 4.00 s"
    assert rate.path == pulse.path == path
    assert "from the first picture" in pulse.repair


@pytest.mark.parametrize("layout", LAYOUTS)
def test_repairs_fit_files_of_ones_own_too(tmp_path, layout):
    MAKERS[layout](tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.parent.name != "fold":  # a list of splits is read before any clip
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    found = check_folder(tmp_path, layout).problems
    assert found
    own = ("came with a dataset", "wrote it", "your own", "yourself")
    for problem in found:  # "the archive" alone sends whoever recorded the file to a place that has none
        assert "archive" not in problem.repair or any(words in problem.repair for words in own), (
            problem.repair
        )
