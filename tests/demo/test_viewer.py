"""The numbers of the player: outlines, beats, waveforms, and what its HTML holds."""

import json
from dataclasses import replace
from html import unescape

import numpy as np

from demo.panels.viewer import OUTLINE_UNIT, WAVE_UNIT, beats, viewer, viewer_numbers, words
from rppg_core.figures.report import display_wave
from rppg_core.types import Beats
from rppg_core.video.roi import OUTLINES
from tests.report_factory import CAUSE, make_report, make_truth, with_track


def drawn(numbers, name, k):
    """An outline in pixels of the picture at the k-th face box."""
    boxes, points = numbers["boxes"], np.array(numbers["outlines"][name]) / OUTLINE_UNIT
    return [boxes["x"][k], boxes["y"][k]] + points * boxes["w"][k]


def test_outlines_on_the_first_frame_lie_on_the_landmarks(moving):
    report, truth, video = moving
    seen = video.tracker.observe(next(iter(video.frames))).landmarks
    for name, polygon in OUTLINES.items():
        # boxes are smoothed against jitter of the detector: a pixel, in a face of 150
        np.testing.assert_allclose(
            drawn(viewer_numbers(report, truth), name, 0), seen[list(polygon)], atol=2.5
        )


def test_outlines_on_the_still_are_those_of_the_still(moving):
    report, truth, _ = moving
    numbers = viewer_numbers(report, truth)
    still = numbers["still"]
    for name, points in report.clip.still_outlines.items():
        found = [still["x"], still["y"]] + np.array(numbers["outlines"][name]) / OUTLINE_UNIT * still["w"]
        np.testing.assert_allclose(found, points, atol=0.3)


def test_outlines_follow_the_face_box(moving):
    report, truth, _ = moving
    times_s = report.clip.times_s[:, None]
    boxes = report.clip.boxes[0] * (1 + 0.1 * times_s * [1, 0, 1, 1])  # to the right, and nearer
    numbers = viewer_numbers(replace(report, clip=replace(report.clip, boxes=boxes)), truth)
    first, later = drawn(numbers, "forehead", 0), drawn(numbers, "forehead", 50)
    corner = report.clip.boxes[0, :2]
    expected = corner * [1.5, 1] + 1.5 * (first - corner)
    np.testing.assert_allclose(later, expected, atol=0.3)


def test_beats_lie_on_the_beats(moving):
    report, truth, _ = moving
    marked = np.array(viewer_numbers(report, truth)["beats"])
    delay_s = np.array([min(time - truth.beats_s[truth.beats_s <= time]) for time in marked])
    assert len(marked) >= 7
    assert np.all(delay_s < 0.25)  # the steepest rise comes after the onset, before the crest
    assert delay_s.std() < 0.04


def test_beats_are_those_of_the_clearest_method_that_agrees():
    report = make_report({"pos": 72.0, "chrom": 72.0})
    found = {
        name: replace(e, beats=Beats(np.array([k + 1.0, k + 2.0]), np.ones(1)))
        for k, (name, e) in enumerate(report.estimates.items())
    }
    name, times_s = beats(replace(report, estimates=found))
    assert (name, times_s.tolist()) == ("pos", [1.0, 2.0])  # make_report gives the first the highest SNR


def test_beats_without_a_plausible_interval_beside_them_are_not_marked():
    report = make_report({"pos": 72.0})
    found = Beats(np.array([0.2, 1.0, 1.8, 3.2]), np.array([np.nan, 0.8, np.nan]))
    estimates = {"pos": replace(report.estimates["pos"], beats=found)}
    assert beats(replace(report, estimates=estimates))[1].tolist() == [1.0, 1.8]


def test_no_beats_are_marked_without_a_trusted_rate():
    report = make_report({"pos": None})
    assert beats(report)[0] == ""
    assert viewer_numbers(report)["beats"] == []
    assert "no heart rate could be trusted" in words(report)


def test_waves_are_the_displayed_ones_and_empty_where_the_face_was_lost():
    report = make_report({"pos": 72.0})
    estimate = report.estimates["pos"]
    valid = np.ones(len(estimate.bvp.samples), bool)
    valid[200:260] = False
    bvp = replace(estimate.bvp, valid=valid)
    (lane,) = viewer_numbers(replace(report, estimates={"pos": replace(estimate, bvp=bvp)}))["lanes"]
    assert lane["z"][200:260] == [None] * 60
    z = np.array([np.nan if value is None else value for value in lane["z"]]) / WAVE_UNIT
    np.testing.assert_allclose(z, display_wave(bvp), atol=0.5 / WAVE_UNIT)


def test_boxes_are_empty_where_the_face_was_lost(moving):
    report, truth, _ = moving
    boxes = report.clip.boxes.copy()
    boxes[60:120] = np.nan
    numbers = viewer_numbers(replace(report, clip=replace(report.clip, boxes=boxes)), truth)
    assert numbers["boxes"]["w"][21:39] == [None] * 18
    assert None not in numbers["boxes"]["w"][:20] + numbers["boxes"]["w"][41:79]


def test_ninety_seconds_of_twelve_methods_stay_under_300_kb():
    report = make_report({f"method{k}": 72.0 for k in range(12)}, seconds=90)
    n = len(report.clip.times_s)
    boxes = np.random.default_rng(0).uniform(100, 1900, (n, 4))
    report = replace(report, clip=replace(report.clip, boxes=boxes))
    assert len(viewer(report).split('clip="')[1].split('"')[0]) < 300_000


def test_html_runs_no_script_and_says_of_the_upload_only_its_folder(moving):
    report, *_ = moving
    html = viewer(report, upload="/tmp/gradio/0a1b2c/my holiday.mp4")
    numbers = json.loads(unescape(html.split('clip="')[1].split('"')[0]))
    assert numbers["file"] == "0a1b2c"
    assert "holiday" not in html
    assert "<script" not in html
    assert html.count("data:image/") == 1


def test_a_simulated_clip_never_asks_for_a_file(moving):
    report, truth, _ = moving
    assert viewer_numbers(report, truth)["file"] == "none"
    assert viewer_numbers(report)["file"] == "newest"


def test_strip_has_the_windows_with_rate_and_interval_or_reason():
    report = with_track(make_report(), [71.2, None, 76.4], hr_seconds=20)
    first, second, _ = viewer_numbers(report)["strip"]["pieces"]
    assert (first["bpm"], first["interval"]) == (71.2, [70.0, 72.4])
    assert second["bpm"] is None
    assert second["words"] == f"5.0-15.0 s: none ({CAUSE})"
    assert "20 of 20 s show a heart rate, 71 to 76 bpm" in words(report)


def test_strip_of_a_simulated_clip_has_the_true_rate():
    report = with_track(make_report(), [71.2, None, 76.4], hr_seconds=20)
    strip = viewer_numbers(report, make_truth(20, 74.0))["strip"]
    assert strip["truth"] == [74.0] * 3
    assert strip["limits"][0] < 70.0
    assert strip["limits"][1] > 77.6
    assert viewer_numbers(report)["strip"]["truth"] == []


def test_strip_of_a_refused_clip_has_no_rate():
    strip = viewer_numbers(with_track(make_report({"pos": None}), [72.0, None]))["strip"]
    assert [piece["bpm"] for piece in strip["pieces"]] == [None, None]
