"""The heart rate over time: its pieces, its figure and its words."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rppg_core.figures.hr_track import (
    REFUSED,
    rate_range,
    shown_track,
    track_finding,
    track_pieces,
    window_words,
)
from rppg_core.figures.report import figure, pulse_figure
from rppg_core.figures.style import ESTIMATE, REFERENCE
from rppg_core.types import Reading, TrackReading
from tests.report_factory import CAUSE, make_report, make_track, make_truth, with_track

RATES = [71.2, 73.0, None, None, 76.4]  # windows from 0, 5, 10, 15 and 20 s


@pytest.fixture
def report():
    return with_track(make_report(seconds=30), RATES, seconds=30, hr_seconds=25)


def trace(fig, name):
    return next(t for t in fig.data if t.name == name)


def flat(words: str) -> str:
    return words.replace("<br>", " ")


def test_every_refused_window_has_one_hatched_piece_with_its_reason(report):
    hatched = trace(pulse_figure(report), REFUSED)
    assert len(hatched.x) == 2
    assert hatched.marker.pattern.shape == "/"
    assert all(CAUSE in flat(words) for words in hatched.customdata)
    assert hatched.hovertemplate == "%{customdata}<extra></extra>"


def test_shown_windows_have_value_interval_and_confidence_on_hover(report):
    dots = trace(pulse_figure(report), "heart rate of a window")
    assert list(dots.y) == [71.2, 73.0, 76.4]
    assert flat(dots.customdata[0]) == "0.0-10.0 s: 71.2 bpm, 70.0 to 72.4, confidence 0.97"
    assert dots.marker.color == ESTIMATE


def test_line_joins_neighbours_and_breaks_at_a_refusal(report):
    line = trace(pulse_figure(report), "heart rate")
    assert list(line.y) == [71.2, 71.2, 73.0, 73.0, None, 76.4, 76.4, 76.4]
    assert line.x[4] is None


def test_band_spans_the_intervals(report):
    band = trace(pulse_figure(report), "95 % interval")
    heights = [y for y in band.y if y is not None]
    assert min(heights) == pytest.approx(70.0)
    assert max(heights) == pytest.approx(77.6)


def test_pieces_lie_side_by_side_and_fill_the_clip(report):
    pieces = track_pieces(report)
    assert all(a.right_s == b.left_s for a, b in pairwise(pieces))
    assert [piece.left_s for piece in pieces] == [0, 7.5, 15, 17.5, 20]
    assert pieces[-1].right_s == 30
    assert pieces[0].middle_s == 5


def test_hatched_time_is_what_the_counted_seconds_leave():
    report = with_track(make_report(seconds=12), [72.0, None], seconds=12, hr_seconds=10)
    assert track_pieces(report)[1].width_s == pytest.approx(2)


@pytest.mark.parametrize(
    ("seconds", "rates"),
    [
        (10.2, [72.0, None]),
        (10.2, [None, 72.0]),
        (14.0, [72.0, None]),
        (17.0, [72.0, None, 72.0]),
        (20.0, [72.0, None, 72.0]),
        (35.0, [None, 72.0, None, 72.0, 72.0, None]),
    ],
)
def test_refused_window_that_shown_ones_cover_keeps_a_piece(seconds, rates):
    pieces = track_pieces(with_track(make_report(seconds=seconds), rates, seconds=seconds))
    assert all(p.width_s >= 0.99 for p in pieces if p.window.reading.refused)
    assert all(a.left_s < a.right_s <= b.left_s for a, b in pairwise(pieces))
    assert (pieces[0].left_s, pieces[-1].right_s) == pytest.approx((0, seconds))


def test_pieces_leave_out_the_time_without_a_face(report):
    windows = (*make_track([72.0], 10), *(replace(w, start_s=18, end_s=28) for w in make_track([72.0], 10)))
    vitals = replace(report.consensus.vitals, hr_track=windows)
    pieces = track_pieces(replace(report, consensus=replace(report.consensus, vitals=vitals)))
    assert [(p.left_s, p.right_s) for p in pieces] == [(0, 10), (18, 28)]


def test_strip_shares_the_time_axis_of_the_waveforms(report):
    for fig in (pulse_figure(report), figure(report)):
        assert fig.layout.xaxis2.matches == "x"
        assert fig.layout.xaxis2.title.text == "time (s)"
        assert trace(fig, "heart rate").xaxis == "x2"


def test_title_of_the_strip_says_the_finding(report):
    assert track_finding(report) == "25 of 30 s show a heart rate, 71 to 76 bpm"
    (title,) = pulse_figure(report).layout.annotations
    assert "25 of 30 s show a heart rate, 71 to 76 bpm" in flat(title.text)


def test_one_rate_is_named_once():
    assert track_finding(with_track(make_report(), [72.0, 72.3], hr_seconds=20)).endswith("rate, 72 bpm")


def test_true_rate_is_grey_and_dashed(report):
    line = trace(pulse_figure(report, make_truth(30, 74.0)), "true rate").line
    assert (line.color, line.dash) == (REFERENCE, "dash")
    assert "true rate" not in [t.name for t in pulse_figure(report).data]


def test_truth_without_a_pulse_has_no_rate(report):
    truth = replace(make_truth(30), pulsed=False)
    assert "true rate" not in [t.name for t in pulse_figure(report, truth).data]


def test_clip_shorter_than_a_window_is_one_level_line():
    fig = figure(with_track(make_report(seconds=7), [72.0], seconds=7, hr_seconds=7))
    assert list(trace(fig, "heart rate").x) == [0, 3.5, 7]
    assert REFUSED not in [t.name for t in fig.data]


@pytest.mark.parametrize("rates", [[None, None, None], []])
def test_refused_clip_is_hatched_from_end_to_end(rates):
    refused = with_track(make_report({"pos": None, "green": None}), rates)
    fig = pulse_figure(refused)
    hatched = trace(fig, REFUSED)
    assert sum(hatched.width) == pytest.approx(20, abs=0.1)
    assert "heart rate" not in [t.name for t in fig.data]
    assert "None of 20 s shows a heart rate" in flat(fig.layout.annotations[0].text)
    assert fig.layout.yaxis2.showticklabels is False


def test_no_window_shows_a_rate_where_the_clip_has_none():
    refused = with_track(make_report({"pos": None}), [72.0, None, 72.0])
    windows = shown_track(refused.consensus.vitals)
    assert all(window.reading.refused for window in windows)
    assert windows[0].reading.note == f"the clip as a whole has no heart rate: {CAUSE}"
    assert windows[1].reading.note == CAUSE


def test_axis_holds_all_intervals_and_is_never_narrow():
    low, high = rate_range([Reading(72, "bpm", 0.9, (71, 73))])
    assert high - low == pytest.approx(20)
    low, high = rate_range([Reading(72, "bpm", 0.9, (60, 100))], [120])
    assert low < 60
    assert high > 120


def test_confidence_of_a_refusal_is_said_once():
    assert window_words(TrackReading(0, 10, Reading(None, "bpm", 0.31, note=CAUSE))).count("confidence") == 1
    refused = Reading(None, "bpm", 0.2, note="only 2 of 5 methods agree")
    assert window_words(TrackReading(5, 15, refused)) == (
        "5.0-15.0 s: none (only 2 of 5 methods agree, confidence 0.20)"
    )


def test_hover_lines_fit_a_phone(report):
    fig = pulse_figure(report)
    words = [*trace(fig, REFUSED).customdata, *trace(fig, "heart rate of a window").customdata]
    assert max(len(line) for said in words for line in said.split("<br>")) <= 34
    assert np.all([said.count("<br>") <= 4 for said in words])
