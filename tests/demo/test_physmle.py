"""The panel "Inside PhysMLE": what is told where, and nothing where there is nothing to tell."""

from dataclasses import replace

import numpy as np
import pytest

from demo import events, inference
from demo.panels import physmle, section
from demo.panels.methods import method_panels
from demo.session import Origin
from tests.demo.browser import no_foreign_requests, snapshot, with_example
from tests.report_factory import make_report, make_truth

INSIDE = {
    "task_experts": np.array([[0.2, 0.5, 0.3], [0.6, 0.2, 0.2], [0.4, 0.2, 0.4]]),
    "router_gates": np.array([[0.5, 1.0, 1.5], [0.9, 1.0, 1.1]]),
}
DIRECT = {"hr": 71.4, "rr": 14.9, "spo2": 96.8}


def report_of(rate=72.0, *, inside=INSIDE, direct=DIRECT):
    """PhysMLE beside POS, with experts by hand."""
    report = make_report({"pos": 72.1, "physmle": rate})
    found = replace(
        report.estimates["physmle"], inside=inside, direct=direct, weights="trained on simulated physiology"
    )
    return replace(report, estimates={**report.estimates, "physmle": found})


def test_panel_tells_sentences_terms_and_where_the_weights_come_from():
    html = physmle.panel(report_of())
    assert "expert 2 leads for heart rate (50 %)" in html
    assert "The router chooses most in layer 1" in html
    assert physmle.TERMS in html
    assert "Weights: trained on simulated physiology." in html


def test_heads_stand_beside_the_waveform_and_are_told_to_be_no_estimate():
    html = physmle.panel(report_of())
    assert '<th scope="row">heart rate (bpm)</th><td>71.4</td><td>72.0</td>' in html
    assert '<th scope="row">breathing (breaths/min)</th><td>14.9</td><td>15.2</td>' in html
    assert '<th scope="row">SpO2 (%)</th><td>96.8</td><td>—</td>' in html
    assert "it is not the estimate above" in html
    assert "not calibrated" in html


def test_short_clip_is_told_why_the_head_reads_no_breathing():
    html = physmle.panel(report_of(direct={"hr": 71.4, "spo2": 96.8}))
    assert "needs 17 s in one piece" in html


def test_seconds_that_breathing_needs_are_those_of_the_network():
    pytest.importorskip("torch")
    from rppg_core.models.physmle import PhysMLEConfig
    from rppg_core.types import FS

    assert PhysMLEConfig.small().rr_window / FS == physmle.RR_S


def test_every_number_of_the_figure_stands_in_a_table_too():
    html = physmle.panel(report_of())
    assert '<th scope="row">SpO2</th><td>60 %</td><td>20 %</td><td>20 %</td>' in html
    assert '<th scope="row">layer 1</th><td>0.50</td><td>1.00</td><td>1.50</td>' in html


def test_panel_that_was_not_asked_for_says_to_tick_it():
    report = make_report()
    assert "Tick <b>physmle</b>" in physmle.panel(report)
    assert physmle.figure(report) is None


def test_panel_waits_for_its_method():
    html = physmle.panel(make_report(), ["physmle"])
    assert "still to come" in html
    assert "Tick" not in html


def test_refusal_shows_no_number_of_the_network():
    report = report_of(None)
    html = physmle.panel(report)
    assert "PhysMLE gave no heart rate (no clear pulse" in html
    assert "71.4" not in html
    assert "96.8" not in html
    assert "<table" not in html
    assert physmle.figure(report) is None


def test_network_without_experts_is_told():
    assert "no experts" in physmle.panel(report_of(inside={}))
    assert physmle.figure(report_of(inside={})) is None


@pytest.mark.parametrize("name", ["10_physmle.ipynb", ""])
def test_lesson_is_linked_where_there_is_one(name, tmp_path, monkeypatch):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    if name:
        (folder / name).touch()
    monkeypatch.setattr(section, "NOTEBOOKS", folder)
    assert ("/notebooks/10_physmle.ipynb" in physmle.panel(report_of())) == bool(name)


@pytest.fixture
def shown(monkeypatch):
    """What the two panels of PhysMLE get."""
    monkeypatch.setattr(inference, "offered", lambda: ["pos", "physmle"])

    def own_two(report, waiting=(), **how):
        return own_of(events._panels(report, Origin(make_truth()), waiting, **how))

    return own_two


def own_of(panels):
    """Text and figure of PhysMLE among all panels; two for each network end the list."""
    names = [method.name for method in method_panels()]
    k = 2 * (names.index("physmle") - len(names))
    return panels[len(panels) + k], panels[len(panels) + k + 1]


def test_figure_comes_with_the_last_method_and_goes_with_the_result(shown):
    said, plot = shown(make_report(), ["physmle"])
    assert "still to come" in said
    assert (plot.visible, plot.value) == (False, None)
    said, plot = shown(report_of())
    assert "expert 2 leads" in said
    assert plot.visible
    assert plot.value is not None
    said, plot = own_of(events._no_panels("deleted"))
    assert said == ""
    assert (plot.visible, plot.value) == (False, None)


def test_page_without_networks_is_silent(monkeypatch, shown):
    monkeypatch.setattr(inference, "offered", lambda: ["pos"])
    assert shown(make_report())[0] == ""


@pytest.mark.browser
def test_ticked_physmle_shows_its_experts_and_a_new_analysis_without_it_hides_them(browser, served):
    page = with_example(browser, served.url, width=360)
    assert "Tick physmle" in page.inner_text("#physmle")
    for name in ("green", "ica", "pbv", "lgi", "omit"):
        page.get_by_label(name, exact=True).uncheck()
    page.get_by_label("physmle", exact=True).check()
    page.locator("#analyse").click()
    page.wait_for_selector("#physmle-figure .main-svg")
    said = page.inner_text("#physmle")
    assert "its heads" in said
    assert "trained on simulated physiology" in said
    assert page.locator("#physmle-figure .heatmaplayer").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    snapshot(page, "physmle_phone")
    page.get_by_label("physmle", exact=True).uncheck()
    page.locator("#analyse").click()
    page.locator("#physmle", has_text="Tick physmle").wait_for()
    assert page.locator("#physmle-figure").count() == 0
    no_foreign_requests(page)
    assert page.failed == []
    page.close()
