"""The panel "Inside CodePhys": what is told where, and nothing where there is nothing to tell."""

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
    "said": np.tile(np.sin(np.arange(60) / 5), (W, 1)),
    "unsaid": np.tile(np.sin(np.arange(60) / 5 + 0.1), (W, 1)),
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


def test_panel_counts_codes_and_sets_the_wall_beside_the_face():
    html = codephys.panel(report_of())
    assert "8 of its items answered" in html
    assert "100 % of the queries lie nearer to an item than the usual query of the wall" in html
    assert codephys.TERMS in html
    assert '<th scope="row">queries near to items</th><td>0.97</td>' in html


def test_without_a_background_no_wall_is_told_of():
    inside = {name: x for name, x in INSIDE.items() if name != "wall_closeness"}
    assert "wall beside" not in codephys.panel(report_of(inside=inside))
    assert [trace.type for trace in codephys.figure(report_of(inside=inside)).data].count("heatmap") == 2


def test_figure_has_both_waves_and_two_strips():
    fig = codephys.figure(report_of())
    waves = [trace for trace in fig.data if trace.type == "scatter"]
    assert [trace.name for trace in waves] == ["pulse read from queries", "pulse read from their items"]
    assert list(fig.data[3].y) == ["wall", "face"]
    assert "8 items" in fig.layout.title.text


@pytest.mark.parametrize(("names", "words"), [(["codephys"], "still to come"), ([], "Tick <b>codephys</b>")])
def test_method_that_did_not_run_is_announced_or_offered(names, words):
    report = make_report({"pos": 72.1})
    assert words in codephys.panel(report, names)
    assert codephys.figure(report) is None


def test_nothing_is_told_of_a_pulse_that_was_refused():
    report = report_of(None)
    assert "says nothing about this face" in codephys.panel(report)
    assert codephys.figure(report) is None
