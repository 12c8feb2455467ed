"""The figure of simulated beside recorded people: three panels, two colours, titles that say the finding."""

from __future__ import annotations

from typing import Any

import pytest

from rppg_core.figures.physiology import physiology_figure
from rppg_core.figures.report_page import protocol_html
from rppg_core.figures.style import ESTIMATE, REFERENCE


def row(quantity: str, recorded: float, low: float, high: float) -> dict[str, Any]:
    spread = {"low": recorded, "middle": recorded, "high": recorded}
    return {
        "quantity": quantity,
        "recorded": spread,
        "covered": low <= recorded <= high,
        "n_recorded": 2,
        "simulated": {"low": low, "middle": (low + high) / 2, "high": high},
    }


def curve() -> dict[str, list[float]]:
    return {
        "x": [0.1, 0.2, 0.3],
        "recorded": [0.5, 0.5, 0.9],
        "low": [0.0, 0.1, 0.2],
        "middle": [0.3, 0.3, 0.3],
        "high": [0.6, 0.6, 0.6],
    }


@pytest.fixture
def match() -> dict[str, Any]:
    harmonics = [
        row("harmonic 2 : fundamental", 0.4, 0.2, 0.5),
        row("harmonic 3 : fundamental", 0.27, 0.1, 0.3),
    ]
    return {
        "harmonics": harmonics,
        "intervals": [row("interval swing", 0.106, 0.014, 0.052)],
        "spectrum": curve(),
        "modulation": curve(),
        "breath_hz": [0.12, 0.4],
    }


def panel_titles(fig) -> list[str]:
    return [note.text for note in fig.layout.annotations]


def test_there_are_three_panels_with_a_finding_each(match):
    fig = physiology_figure(match)
    assert {trace.xaxis for trace in fig.data} == {"x", "x2", "x3"}
    assert panel_titles(fig) == [
        "<b>Harmonics 0.40, 0.27: in the simulated range</b>",
        "<b>Spectrum: 67 % of it in the simulated band</b>",
        "<b>RSA 10.6 %: outside simulated 1.4 to 5.2 %</b>",
    ]


def test_title_says_what_is_covered_and_what_is_not(match):
    title = physiology_figure(match).layout.title.text.replace("<br>", " ")
    assert "Simulated people cover recorded pulse shapes, not breathing in the intervals" in title
    assert "2 pulse windows" in title
    match["intervals"][0]["covered"] = True
    title = physiology_figure(match).layout.title.text.replace("<br>", " ")
    assert "cover recorded pulse shapes and breathing in the intervals" in title


def test_recorded_is_grey_and_simulated_has_the_accent(match):
    fig = physiology_figure(match)
    for name, colour in (("recorded", REFERENCE), ("simulated, median", ESTIMATE)):
        traces = [trace for trace in fig.data if trace.name == name]
        assert [(trace.line.color or trace.marker.color) for trace in traces] == [colour] * 3
        assert sum(trace.showlegend for trace in traces) == 1


def test_a_missing_recording_leaves_its_panel_empty_and_says_so(match):
    fig = physiology_figure(match | {"harmonics": [], "spectrum": None})
    assert panel_titles(fig)[:2] == [
        "<b>Harmonics: nothing recorded</b>",
        "<b>Spectrum: nothing recorded</b>",
    ]
    assert "do not cover recorded breathing" in fig.layout.title.text.replace("<br>", " ")
    assert any(trace.showlegend and trace.name == "recorded" for trace in fig.data)


def test_the_page_of_the_protocol_shows_it_only_where_there_is_one(match):
    assert 'id="physiology"' in protocol_html("vitals", "tables", {"physiology": match})
    assert 'id="physiology"' not in protocol_html("vitals", "tables", {"physiology": None})
