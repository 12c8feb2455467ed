"""Colour traces as a table: what a video gives comes back, what others write is read, and no one is named in it."""

import json
from dataclasses import replace

import numpy as np
import pytest

import rppg_core
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.tables.text import TableError
from rppg_core.types import ROIS, FaceClip
from rppg_core.video.traces import is_traces, read_traces, traces_text
from tests.clip_factory import full_clip
from tests.video.trace_tables import HR_BPM, hr_of, write


@pytest.fixture(scope="module")
def simulated() -> FaceClip:
    settings = SimulationSettings(seconds=20.0, hr_bpm=HR_BPM, amplitude_percent=0.5, seed=3)
    return simulate_clip(settings, frozenset({"rgb", "stmap", "still"}))[0]


@pytest.mark.parametrize("methods", [None, "all"])
def test_table_gives_the_numbers_of_its_video(simulated, tmp_path, methods):
    (tmp_path / "x.csv").write_text(traces_text(simulated))
    before, after = rppg_core.analyze(simulated, methods), rppg_core.analyze(tmp_path / "x.csv", methods)
    assert hr_of(after)[0] == pytest.approx(hr_of(before)[0], abs=0.1)
    assert hr_of(after)[1] == pytest.approx(hr_of(before)[1], abs=0.02)
    for name, estimate in before.estimates.items():
        assert after.estimates[name].vitals.hr.value == pytest.approx(estimate.vitals.hr.value, abs=0.1), name


def test_every_column_comes_back_to_a_thousandth_of_a_grey_level(tmp_path):
    clip = full_clip()
    gone = np.arange(len(clip.times_s)) % 7 == 3
    clip = replace(clip, valid=~gone, rgb=np.where(gone[:, None, None], np.nan, clip.rgb))
    clip = replace(clip, stmap=np.where(gone[:, None, None], np.nan, clip.stmap))
    (tmp_path / "x.csv").write_text(traces_text(clip))
    found = read_traces(tmp_path / "x.csv")
    np.testing.assert_array_equal(found.valid, clip.valid)
    np.testing.assert_allclose(found.times_s, clip.times_s, atol=1e-6)
    for name in ("rgb", "background", "boxes", "stmap"):
        np.testing.assert_allclose(getattr(found, name), getattr(clip, name), atol=1e-3, err_msg=name)
    np.testing.assert_allclose(found.stmap_weight, clip.stmap_weight, atol=1e-5)
    assert (found.rois, found.region) == (clip.rois, clip.region)
    assert found.face == replace(clip.face, found=0.3)
    assert found.video == replace(clip.video, fps=29.97, written_by="")
    assert found.notes[: len(clip.notes)] == clip.notes


def test_clip_without_map_and_background_is_written_too(simulated, tmp_path):
    bare = replace(simulated, stmap=None, stmap_weight=None, background=None, boxes=None)
    (tmp_path / "x.csv").write_text(traces_text(bare))
    found = read_traces(tmp_path / "x.csv", needs=frozenset({"rgb"}))
    assert (found.stmap, found.background, found.boxes) == (None, None, None)
    np.testing.assert_allclose(found.rgb, bare.rgb, atol=1e-3)


def test_map_is_read_only_where_it_is_needed(simulated, tmp_path):
    (tmp_path / "x.csv").write_text(traces_text(simulated))
    assert read_traces(tmp_path / "x.csv", needs=frozenset({"rgb", "still"})).stmap is None
    assert read_traces(tmp_path / "x.csv").stmap is not None


def test_table_names_neither_picture_nor_file_nor_device_nor_date(simulated, tmp_path):
    video = replace(simulated.video, written_by="Apple iPhone 15 of Ann, 2024-05-06")
    text = traces_text(replace(simulated, video=video))
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert len(head) == 4
    assert "personal data" in text
    assert "research and teaching" in text
    for word in ("Ann", "iPhone", "2024", "written_by", "still", str(tmp_path), "/", "\\"):
        assert word not in "\n".join(head).replace("# rppg-traces", ""), word
    numbers = text.splitlines()[5].split(",")
    assert len(numbers) == 2 + 4 + 3 * (len(ROIS) + 1 + 36)


def test_ten_seconds_take_less_than_half_a_megabyte(simulated):
    assert len(traces_text(simulated)) < 0.05e6 * (simulated.times_s[-1] - simulated.times_s[0])


def test_same_clip_gives_the_same_text(simulated):
    assert traces_text(simulated) == traces_text(simulated)


def test_table_saved_again_by_a_spreadsheet_is_read(simulated, tmp_path):
    lines = traces_text(simulated).splitlines()
    quoted = ['"' + line.replace('"', '""') + '"' if line.startswith("#") else line for line in lines]
    path = write(tmp_path, "\r\n".join(quoted), "utf-8-sig")
    assert read_traces(path).face.width_px == pytest.approx(simulated.face.width_px, rel=1e-4)
    split = [
        ",".join('"' + part.replace('"', '""') + '"' if '"' in part else part for part in line.split(","))
        for line in lines
    ]
    assert read_traces(write(tmp_path, "\n".join(split))).video.width == simulated.video.width


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"format": 1', '"format": 99'), "a later version"),
        (lambda text: text.replace('{"format"', "{format"), "damaged comment"),
        (lambda text: text.replace('"video": {', '"film": {'), "damaged comment"),
        (lambda text: text.replace("forehead_", "brow_"), "lacks the columns of forehead"),
    ],
)
def test_table_whose_comments_and_columns_do_not_fit_is_refused(simulated, tmp_path, change, words):
    with pytest.raises(TableError, match=words):
        read_traces(write(tmp_path, change(traces_text(simulated))))


def test_table_without_its_comments_is_read_as_one_of_another_program(simulated, tmp_path):
    text = "\n".join(line for line in traces_text(simulated).splitlines() if line[0] != "#")
    found = read_traces(write(tmp_path, text))
    np.testing.assert_allclose(found.stmap, simulated.stmap, atol=1e-3)
    assert any("all count alike" in note for note in found.notes)
    assert found.face.width_px == 0


# --- tables of other programs ---


def test_traces_are_told_from_other_files(tmp_path, simulated):
    assert is_traces(write(tmp_path, "time_s,r,g,b\n0,1,2,3\n"))
    assert is_traces(write(tmp_path, traces_text(simulated)))
    assert not is_traces(write(tmp_path, "time_s,hr_bpm\n0,70\n"))
    assert not is_traces(tmp_path / "missing.csv")
    (tmp_path / "video.csv").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    assert not is_traces(tmp_path / "video.csv")


def test_facts_are_written_as_json_in_one_comment(simulated):
    (line,) = [line for line in traces_text(simulated).splitlines() if "rppg-traces:" in line]
    about = json.loads(line.partition("rppg-traces:")[2])
    assert set(about) == {"format", "region", "rois", "video", "face", "notes", "stmap_weight"}


def test_traces_of_real_faces_are_read(recordings):
    found = read_traces(recordings / "face_traces" / "q01_sitting.csv")
    assert found.rois == ROIS
    assert found.valid.all()
    report = rppg_core.analyze(recordings / "face_traces" / "u1_sitting.csv")
    assert hr_of(report)[0] == pytest.approx(108, abs=3)
