"""The panel "Inside CodePhys", and that it is empty where there is nothing to show."""

from dataclasses import replace

import numpy as np
import pytest

from demo.panels import codephys
from rppg_core.figures import codes
from tests.report_factory import make_report

N, W = 4, 3
SPANS_S = np.array([(0.0, 2.0), (1.0, 3.0), (2.0, 4.0)])
INSIDE = {
    "windows_s": SPANS_S,
    "codes": np.arange(W * N, dtype=float).reshape(W, N),
    "closeness": np.full((W, N), 2.0),
    "wall_closeness": np.zeros((W, N)),
    "after": np.tile(np.sin(np.arange(60) / 5), (W, 1)),
    "before": np.tile(np.sin(np.arange(60) / 5 + 0.1), (W, 1)),
}


def report_of(rate=72.0, inside=INSIDE):
    report = make_report({"pos": 72.1, "codephys": rate})
    found = replace(report.estimates["codephys"], inside=inside, evidence={"near": 0.97, "decided": 0.9})
    return replace(report, estimates={**report.estimates, "codephys": found})


def test_timeline_takes_each_moment_from_the_window_in_whose_middle_it_lies():
    line = codes.code_timeline(INSIDE)
    assert np.allclose(line.times_s, 0.25 + 0.5 * np.arange(8))
    assert line.codes.tolist() == [0, 1, 2, 5, 6, 9, 10, 11]
    assert line.n_codes == 8


def test_timeline_leaves_out_what_fills_up_a_short_window():
    short = {
        **INSIDE,
        "codes": INSIDE["codes"].copy(),
        "windows_s": np.array([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)]),
    }
    short["codes"][2, 2:] = np.nan
    line = codes.code_timeline(short)
    assert np.isfinite(line.codes).all() and line.times_s[-2:].tolist() == [5.25, 5.75]


def test_short_window_keeps_its_neighbour_whole():
    inside = {**INSIDE, "windows_s": np.array([(0.0, 2.0), (2.5, 11.0), (6.0, 14.5)])}
    line = codes.code_timeline(inside)
    assert (line.times_s < 2.1).sum() == N and line.times_s[N] == pytest.approx(2.5 + 8.5 / 8)


def test_panel_counts_codes_and_sets_the_wall_beside_the_face():
    html = codephys.panel(report_of())
    assert "8 different items" in html
    assert "100 % of its queries are nearer to their item than the median query of the wall" in html
    assert codephys.TERMS in html
    assert '<th scope="row">closeness of queries to items</th><td>0.97</td>' in html


def test_without_a_background_there_is_no_wall():
    inside = {name: x for name, x in INSIDE.items() if name != "wall_closeness"}
    assert "the wall" not in codephys.panel(report_of(inside=inside))
    assert [trace.type for trace in codephys.figure(report_of(inside=inside)).data].count("heatmap") == 2


def test_figure_has_both_waves_and_two_strips():
    fig = codephys.figure(report_of())
    waves = [trace for trace in fig.data if trace.type == "scatter"]
    assert [trace.name for trace in waves] == ["decoded from queries", "decoded from their items"]
    assert list(fig.data[3].y) == ["wall", "face"]
    assert "8 items" in fig.layout.title.text


@pytest.mark.parametrize(("names", "words"), [(["codephys"], "still to come"), ([], "Tick <b>codephys</b>")])
def test_panel_announces_or_offers_a_method_that_did_not_run(names, words):
    report = make_report({"pos": 72.1})
    assert words in codephys.panel(report, names)
    assert codephys.figure(report) is None


def test_panel_is_empty_for_a_refused_pulse():
    report = report_of(None)
    assert "says nothing about this face" in codephys.panel(report)
    assert codephys.figure(report) is None
