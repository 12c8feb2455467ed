"""Figures of the dataset protocols: who is drawn in which colour, and titles that say the finding."""

from __future__ import annotations

from typing import Any

import pytest

from rppg_core.figures.held_out import agreement_figure, condition_figure, parts_figure
from rppg_core.figures.report_page import protocol_html
from rppg_core.figures.style import ESTIMATE, REFERENCE


def entry(method: str, bias: float) -> dict[str, Any]:
    points = [[60.0, bias - 1.0], [80.0, bias], [100.0, bias + 1.0]]
    return {"method": method, "bias": bias, "lower": bias - 1.96, "upper": bias + 1.96, "points": points}


def level(condition: str, name: str, pos: float, tracenet: float | None) -> dict[str, Any]:
    mae = {"pos": pos, "chrom": 5.0, "tracenet": tracenet, "constant": 12.0}
    return {"condition": condition, "level": name, "n_clips": 4, "mae": mae}


def words(fig) -> str:
    return fig.layout.title.text.replace("<br>", " ")


def test_agreement_shows_the_last_method_beside_pos_in_grey():
    fig = agreement_figure([entry("pos", 3.0), entry("chrom", 9.0), entry("tracenet", -0.5)])
    assert [(trace.name, trace.marker.color) for trace in fig.data] == [
        ("pos", REFERENCE),
        ("tracenet", ESTIMATE),
    ]
    assert [shape.y0 for shape in fig.layout.shapes] == pytest.approx([-0.5, -2.46, 1.46])
    assert "tracenet reads 0.5 bpm low on average" in words(fig)


def test_agreement_of_pos_alone_is_drawn_in_the_accent():
    fig = agreement_figure([entry("pos", 3.0)])
    assert [(trace.name, trace.marker.color) for trace in fig.data] == [("pos", ESTIMATE)]


def test_agreement_has_units_on_both_axes():
    fig = agreement_figure([entry("pos", 3.0)])
    assert "(bpm)" in fig.layout.xaxis.title.text and "(bpm)" in fig.layout.yaxis.title.text


def test_agreement_of_saturation_stands_beside_the_constant_in_its_own_unit():
    fig = agreement_figure([entry("tastnet", 1.0) | {"unit": "%"}, entry("constant", 2.0) | {"unit": "%"}])
    assert [(trace.name, trace.marker.color) for trace in fig.data] == [
        ("constant", REFERENCE),
        ("tastnet", ESTIMATE),
    ]
    assert "tastnet reads 1.0 % high" in words(fig)
    assert "(%)" in fig.layout.yaxis.title.text


def test_conditions_keep_their_order_and_the_title_names_the_worst():
    levels = [
        level("motion", "large", 20.0, 9.0),
        level("motion", "none", 4.0, 2.0),
        level("lux", "10", 6.0, 4.0),
    ]
    fig = condition_figure(levels)
    assert list(fig.data[0].y) == ["motion: large (4)", "motion: none (4)", "lux: 10 (4)"]
    assert fig.layout.yaxis.autorange == "reversed"
    assert "tracenet is worst at motion: large, off by 9.0 bpm" in words(fig)


def test_pos_and_the_constant_are_grey_and_the_last_method_has_the_accent():
    fig = condition_figure([level("motion", "large", 20.0, 9.0)])
    colours = {trace.name: trace.marker.color for trace in fig.data}
    assert colours["pos"] == colours["constant"] == REFERENCE
    assert colours["tracenet"] == ESTIMATE
    assert colours["chrom"] not in (REFERENCE, ESTIMATE)


def test_level_without_a_label_leaves_a_gap():
    fig = condition_figure([level("motion", "large", 20.0, None), level("motion", "none", 4.0, 2.0)])
    tracenet = next(trace for trace in fig.data if trace.name == "tracenet")
    assert tracenet.x == (None, 2.0)
    assert "worst at motion: none" in words(fig)


def test_page_draws_both():
    found = {"bland_altman": [entry("pos", 1.0)], "error_by_condition": [level("motion", "large", 9.0, 3.0)]}
    page = protocol_html("title", "tables", found)
    assert 'id="bland-altman"' in page and 'id="error-by-condition"' in page


def spread(*values: float) -> dict[str, Any]:
    sd = abs(values[0] - values[1]) / 2**0.5
    return {"seeds": [0, 1], "values": list(values), "mean": sum(values) / 2, "sd": sd}


def parts_of(without: tuple[float, float]) -> dict[str, Any]:
    """A network that is off by 3 bpm, and a variant of it."""
    minus = spread(without[0] - 2.9, without[1] - 3.1)
    variants = [
        {"variant": "whole", "hr_window": spread(2.9, 3.1), "minus_whole": None},
        {"variant": "no-experts", "hr_window": spread(*without), "minus_whole": minus},
        {"variant": "only-spo2", "hr_window": None, "minus_whole": None},
    ]
    beside = {"pos": {"hr_window": 6.0}, "constant": {"hr_window": None}}
    return {"network": "physmle", "target": "v4v-like", "steps": 240, "ablations": variants, "beside": beside}


def test_title_names_the_part_that_is_missed_most():
    fig = parts_figure(parts_of((7.0, 7.2)))
    assert "no-experts: off by 4.1 bpm more than physmle whole" in words(fig)
    assert list(fig.data[0].y) == ["whole", "no-experts"]
    assert list(fig.data[0].marker.color) == [ESTIMATE, REFERENCE]
    assert list(fig.data[1].x) == [2.9, 3.1, 7.0, 7.2]


def test_part_that_is_missed_no_more_than_seeds_differ_is_not_named():
    assert "No part is missed" in words(parts_figure(parts_of((2.0, 5.0))))


def test_page_draws_the_parts_of_every_network():
    page = protocol_html("mssdg", "the table", {"parts": [parts_of((7.0, 7.2))]})
    assert "one point per seed" in page and "no-experts" in page
