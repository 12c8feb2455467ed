"""Plain tables of colours, written by other programs: what they hold, lack and leave open."""

import numpy as np
import pytest

import rppg_core
from rppg_core.errors import UsageError
from rppg_core.video.traces import read_traces
from tests.video.trace_tables import FPS, HR_BPM, N, hr_of, skin, text_of, write

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
    assert any("No background in the table to compare" in note for note in report.notes)
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
