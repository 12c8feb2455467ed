"""Colour traces as a table: what a video gives comes back, what others write is read, and no one is named in it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import rppg_core
from rppg_core.errors import UsageError
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.tables.text import TableError
from rppg_core.types import ROIS, FaceClip
from rppg_core.video.traces import is_traces, read_traces, traces_text, write_traces
from tests.clip_factory import full_clip

N, FPS, HR_BPM = 300, 25.0, 72.0


@pytest.fixture(scope="module")
def simulated() -> FaceClip:
    settings = SimulationSettings(seconds=20.0, hr_bpm=HR_BPM, amplitude_percent=0.5, seed=3)
    return simulate_clip(settings, frozenset({"rgb", "stmap", "still"}))[0]


def skin(n: int = N, fps: float = FPS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Times and colours of skin with a pulse of 72 bpm."""
    times_s = np.arange(n) / fps
    wave = np.sin(2 * np.pi * HR_BPM / 60 * times_s)
    noise = np.random.default_rng(seed).normal(0, 0.03, (n, 3))
    return times_s, np.array([180.0, 130.0, 110.0]) * (1 - 0.004 * wave[:, None] * [0.4, 1.0, 0.6]) + noise


def text_of(head: str, *columns: np.ndarray, sep: str = ",", digits: int = 4) -> str:
    rows = np.column_stack(columns).tolist()
    return (
        "\n".join([head, *(sep.join("" if np.isnan(v) else f"{v:.{digits}f}" for v in row) for row in rows)])
        + "\n"
    )


def write(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode(encoding))
    return path


def hr_of(report: rppg_core.Report) -> tuple[float, float]:
    hr = report.consensus.vitals.hr
    assert hr.value is not None
    return hr.value, hr.confidence


# --- written and read back ---


@pytest.mark.parametrize("methods", [None, "all"])
def test_table_gives_the_numbers_of_its_video(simulated, tmp_path, methods):
    write_traces(tmp_path / "x.csv", simulated)
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
    write_traces(tmp_path / "x.csv", clip)
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
    write_traces(tmp_path / "x.csv", bare)
    found = read_traces(tmp_path / "x.csv", needs=frozenset({"rgb"}))
    assert (found.stmap, found.background, found.boxes) == (None, None, None)
    np.testing.assert_allclose(found.rgb, bare.rgb, atol=1e-3)


def test_map_is_read_only_where_it_is_needed(simulated, tmp_path):
    write_traces(tmp_path / "x.csv", simulated)
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

HEADS = [
    "time_s,r,g,b",
    "Time (s),Red,Green,Blue",
    "timestamp,mean_r,mean_g,mean_b",
    "t,R,G,B",
    "time_s,skin_r,skin_g,skin_b",
    "seconds,faceR,faceG,faceB",
    "time [s],r_mean,g_mean,b_mean",
]


@pytest.mark.parametrize("head", HEADS)
def test_plain_table_gives_the_rate_and_says_what_is_unknown(tmp_path, head):
    report = rppg_core.analyze(write(tmp_path, text_of(head, *skin())))
    assert hr_of(report)[0] == pytest.approx(HR_BPM, abs=1)
    assert report.face.width_px == 0
    assert any("Regions that the table lacks repeat the skin" in note for note in report.notes)
    assert any("control is the clip shuffled" in note for note in report.notes)
    assert not any("cells" in note for note in report.notes)


def test_networks_run_on_a_plain_table_and_the_report_says_that_its_map_repeats_the_skin(tmp_path):
    report = rppg_core.analyze(write(tmp_path, text_of("time_s,r,g,b", *skin())), ["tracenet", "physmle"])
    assert report.estimates["tracenet"].vitals.hr.value == pytest.approx(HR_BPM, abs=1.5)
    assert any("36 cells repeat the skin, so that networks can run" in note for note in report.notes)


@pytest.mark.parametrize(
    ("sep", "decimal", "encoding"),
    [
        (",", ".", "utf-8"),
        (";", ",", "utf-8"),
        ("\t", ".", "utf-16"),
        ("\t", ",", "cp1252"),
        (";", ".", "utf-8-sig"),
    ],
)
def test_dialects_of_spreadsheets_are_read(tmp_path, sep, decimal, encoding):
    times_s, rgb = skin()
    text = "# recorded in the lab\n" + text_of(
        "time_s,r,g,b".replace(",", sep), times_s, rgb, sep=sep
    ).replace(".", decimal)
    found = read_traces(write(tmp_path, text, encoding))
    np.testing.assert_allclose(found.roi("skin"), rgb, atol=1e-3)


def test_quoted_cells_are_read(tmp_path):
    times_s, rgb = skin()
    text = text_of("time_s,r,g,b", times_s, rgb)
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines())
    np.testing.assert_allclose(read_traces(write(tmp_path, quoted)).roi("skin"), rgb, atol=1e-3)


def test_regions_and_their_cells_are_taken_where_the_table_has_them(tmp_path):
    times_s, rgb = skin()
    head = "time_s,skin_r,skin_g,skin_b,forehead_r,forehead_g,forehead_b,cheeks_r,cheeks_g,cheeks_b"
    found = read_traces(write(tmp_path, text_of(head, times_s, rgb, rgb + 10, rgb - 10)))
    np.testing.assert_allclose(found.roi("forehead"), rgb + 10, atol=1e-3)
    np.testing.assert_allclose(found.roi("left cheek"), rgb - 10, atol=1e-3)
    np.testing.assert_allclose(found.roi("right cheek"), rgb - 10, atol=1e-3)
    assert found.stmap is not None
    np.testing.assert_allclose(found.stmap[:, 8], rgb + 10, atol=1e-3)
    np.testing.assert_allclose(found.stmap[:, 19], rgb - 10, atol=1e-3)
    np.testing.assert_allclose(found.stmap[:, 0], rgb, atol=1e-3)


def test_region_that_is_missing_for_a_moment_is_bridged(tmp_path):
    times_s, rgb = skin()
    forehead = rgb + 10
    forehead[40:50] = np.nan
    head = "time_s,skin_r,skin_g,skin_b,forehead_r,forehead_g,forehead_b"
    found = read_traces(write(tmp_path, text_of(head, times_s, rgb, forehead)))
    assert np.isfinite(found.rgb[found.valid]).all()
    assert found.valid.all()


@pytest.mark.parametrize("lost", [0.0, np.nan])
def test_rows_of_zeros_and_blanks_hold_no_face(tmp_path, lost):
    times_s, rgb = skin()
    rgb[100:130] = lost
    found = read_traces(write(tmp_path, text_of("time_s,r,g,b", times_s, rgb)))
    np.testing.assert_array_equal(np.flatnonzero(~found.valid), np.arange(100, 130))
    assert np.isnan(found.rgb[~found.valid]).all()
    assert found.face.found == pytest.approx(0.9)


def test_background_becomes_the_control(tmp_path):
    times_s, rgb = skin()
    wall = 90 + np.random.default_rng(1).normal(0, 0.05, (N, 3))
    head = "time_s,r,g,b,background_r,background_g,background_b"
    report = rppg_core.analyze(write(tmp_path, text_of(head, times_s, rgb, wall)), ["pos"])
    assert report.estimates["pos"].control == "background"


def test_colours_from_0_to_1_are_scaled_with_a_note(tmp_path):
    times_s, rgb = skin()
    found = read_traces(write(tmp_path, text_of("time_s,r,g,b", times_s, rgb / 255, digits=8)))
    np.testing.assert_allclose(found.roi("skin"), rgb, atol=1e-3)
    assert "The colours were in 0..1 and were multiplied by 255." in found.notes


@pytest.mark.parametrize(("name", "per_s"), [("time_ms", 1e3), ("timestamp", 1e3), ("t_us", 1e6)])
def test_times_in_milliseconds_are_recognised(tmp_path, name, per_s):
    times_s, rgb = skin()
    found = read_traces(write(tmp_path, text_of(f"{name},r,g,b", times_s * per_s, rgb)))
    np.testing.assert_allclose(found.times_s, times_s, atol=1e-6)
    assert any("The times were in" in note for note in found.notes)


def test_unsorted_and_repeated_times_are_put_in_order_with_a_note(tmp_path):
    times_s, rgb = skin()
    order = np.r_[np.arange(150), 149, 151, 150, np.arange(152, N)]
    found = read_traces(write(tmp_path, text_of("time_s,r,g,b", times_s[order], rgb[order])))
    np.testing.assert_allclose(found.times_s, times_s, atol=1e-4)
    np.testing.assert_allclose(found.roi("skin"), rgb, atol=1e-3)
    assert "Rows were sorted by time; steps back: 1." in found.notes
    assert "Frames left out because they repeat an earlier time: 1." in found.notes


def test_clip_keeps_its_clock_which_a_reference_may_share(tmp_path):
    times_s, rgb = skin()
    np.testing.assert_allclose(
        read_traces(write(tmp_path, text_of("time_s,r,g,b", times_s + 7, rgb))).times_s,
        times_s + 7,
        atol=1e-4,
    )


def test_clock_that_starts_elsewhere_starts_at_zero(tmp_path):
    times_s, rgb = skin()
    found = read_traces(write(tmp_path, text_of("time_s,r,g,b", times_s + 1.7e9, rgb)))
    np.testing.assert_allclose(found.times_s, times_s, atol=1e-4)


def test_given_rate_stands_for_missing_times(tmp_path):
    path = write(tmp_path, text_of("r,g,b", skin()[1]))
    assert hr_of(rppg_core.analyze(path, fps=FPS))[0] == pytest.approx(HR_BPM, abs=1)
    with pytest.raises(UsageError, match="frames a second"):
        read_traces(path, fps=-1)


def test_finger_on_the_lens_is_analysed_as_a_whole_picture(tmp_path):
    report = rppg_core.analyze(write(tmp_path, text_of("time_s,r,g,b", *skin())), region="whole")
    assert report.clip.region == "whole"


def test_small_face_is_no_complaint_about_a_table(tmp_path):
    times_s, rgb = skin()
    rgb = 120 + np.random.default_rng(2).normal(0, 0.5, rgb.shape)
    rgb[:, 0] += 50
    report = rppg_core.analyze(write(tmp_path, text_of("time_s,r,g,b", times_s, rgb)))
    assert report.consensus.vitals.hr.refused
    for word in ("pixels", "small", "moves", "compression"):
        assert word not in report.consensus.verdict


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
