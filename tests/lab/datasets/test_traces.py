"""Colour traces with heart rates beside them: clips, labels on their clock, and the folder after extraction."""

import numpy as np
import pytest
from lab.datasets.known_pulse import FPS, HR_BPM, SECONDS, wave
from lab.datasets.make_layouts import make_traces

from rppg_core.lab.datasets.base import DatasetError
from rppg_core.lab.datasets.check import check_folder
from rppg_core.lab.datasets.extracted import read_manifest
from rppg_core.lab.datasets.layouts import find_layout
from rppg_core.lab.datasets.scale import extract_dataset
from rppg_core.lab.datasets.traces import Traces


@pytest.fixture
def folder(tmp_path):
    return make_traces(tmp_path / "set")


def test_name_gives_person_and_activity(folder):
    found = [(r.subject, r.clip, dict(r.condition)) for r in Traces().records(folder)]
    assert found == [
        ("ann", "ann_sitting", {"activity": "sitting"}),
        ("ben", "ben_talking", {"activity": "talking"}),
    ]


def test_colours_become_a_clip(folder):
    record = next(Traces().records(folder))
    clip = record.traces(frozenset({"rgb"}))
    np.testing.assert_allclose(clip.times_s, np.arange(SECONDS * FPS) / FPS, atol=1e-4)
    np.testing.assert_allclose(clip.roi("skin")[:, 1], 120 - 20 * wave(clip.times_s), atol=0.05)


def test_heart_rates_before_and_after_the_recording_are_left_out(folder):
    stream = next(Traces().records(folder)).streams["hr"]
    assert stream.times_s[0] == 0
    assert stream.times_s[-1] <= SECONDS
    assert set(stream.values) == {HR_BPM}


def test_common_clock_of_both_files_may_start_anywhere(folder):
    for name in ("ann_sitting", "ann_sitting_hr"):
        path = folder / f"{name}.csv"
        head, *rows = path.read_text().splitlines()
        later = [f"{float(row.split(',')[0]) + 100:.4f},{row.split(',', 1)[1]}" for row in rows]
        path.write_text("\n".join([head, *later]))
    record = next(Traces().records(folder))
    assert record.traces(frozenset({"rgb"})).times_s[0] == 0
    assert record.streams["hr"].times_s[0] == 0
    assert check_folder(folder).problems == ()


def test_table_without_its_other_half_is_a_problem(folder):
    (folder / "cleo_1.csv").write_bytes((folder / "ann_sitting.csv").read_bytes())
    (folder / "dora_1_hr.csv").write_bytes((folder / "ann_sitting_hr.csv").read_bytes())
    said = [f"{problem.path.name} {problem.what}" for problem in check_folder(folder).problems]
    assert any("cleo_1_hr.csv is missing" in words for words in said)
    assert any("dora_1_hr.csv has no dora_1.csv beside it" in words for words in said)


def test_table_that_holds_no_colours_is_named(folder):
    path = folder / "ann_sitting.csv"
    path.write_text("time_s,spo2\n0,97\n1,97\n")
    with pytest.raises(DatasetError, match="has the columns") as caught:
        next(Traces().records(folder)).traces(frozenset({"rgb"}))
    assert caught.value.path == path


def test_rows_without_a_face_are_named(folder):
    path = folder / "ann_sitting.csv"
    path.write_text("time_s,r,g,b\n" + "".join(f"{k / 30:.3f},0,0,0\n" for k in range(99)))
    with pytest.raises(DatasetError, match="holds a colour of skin"):
        next(Traces().records(folder)).traces(frozenset({"rgb"}))


def test_labels_of_a_video_are_no_colours(folder):
    for name in ("ann_sitting", "ben_talking"):
        (folder / f"{name}.mp4").touch()
    assert not Traces().recognise(folder)


def test_folder_is_extracted_and_made_again_when_a_file_changes(folder, tmp_path):
    out = tmp_path / "out"
    extract_dataset(folder, out, needs=frozenset({"rgb", "stmap"}), workers=1)
    clips = read_manifest(out)
    assert [clip.labels for clip in clips] == [("hr",), ("hr",)]
    clip, truth = clips[0].load()
    assert clip.stmap is not None and clip.stmap.shape[1] == 36
    assert np.nanmedian(truth.hr_bpm) == HR_BPM
    path = folder / "ann_sitting.csv"
    path.write_text(path.read_text().replace("170.00", "150.00"))
    extract_dataset(folder, out, needs=frozenset({"rgb", "stmap"}), workers=1)
    assert read_manifest(out)[0].load()[0].roi("skin")[0, 0] == pytest.approx(150, abs=0.1)


def test_real_recordings_are_a_folder_without_problems(recordings):
    found = check_folder(recordings / "face_traces")
    assert (found.layout, found.problems) == ("traces", ())
    assert found.clips >= 14
    assert find_layout(recordings / "face_traces").name == "traces"
