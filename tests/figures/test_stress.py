from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest

from rppg_core.errors import UsageError
from rppg_core.figures.report_page import protocol_html
from rppg_core.figures.stress import stress_curves, stress_figures, stress_waves
from rppg_core.lab.protocols.stress.lab import LAB_METHODS, SEEDS, stress_lab
from rppg_core.lab.protocols.stress.sweeps import SWEEPS


@pytest.fixture(scope="module")
def lab():
    return stress_lab()


def line(fig, name, axis="y"):
    return next(trace for trace in fig.data if trace.name == name and (trace.yaxis or "y") == axis)


def test_curves_draw_the_r_of_each_stop(lab):
    fig = stress_curves(SWEEPS["motion"], lab.cells)
    wanted = [lab.cell("motion", value, "green")["r"]["mean"] for value in SWEEPS["motion"].values]
    assert list(line(fig, "green").y) == wanted


def test_curves_draw_the_share_that_is_shown(lab):
    fig = stress_curves(SWEEPS["light"], lab.cells)
    wanted = [100 * lab.cell("light", value, "consensus")["shown"] for value in SWEEPS["light"].values]
    assert list(line(fig, "consensus", "y2").y) == wanted


def test_title_of_curves_names_who_keeps_and_who_loses_it(lab):
    title = stress_curves(SWEEPS["motion"], lab.cells).layout.title.text
    assert "green" in title and "simulated" in title and f"{SEEDS} people" in title


def test_title_of_curves_says_where_nobody_loses_anything(lab):
    assert "nobody" in stress_curves(SWEEPS["blur"], lab.cells).layout.title.text


def test_axis_of_curves_carries_knob_and_unit(lab):
    fig = stress_curves(SWEEPS["noise"], lab.cells)
    assert "grey levels" in fig.layout.xaxis2.title.text
    assert list(fig.layout.xaxis.ticktext) == ["2", "6", "12", "18", "24", "30"]


def test_page_of_a_result_gets_a_figure_for_every_sweep(lab):
    found = json.loads(json.dumps({"sweeps": [asdict(s) for s in SWEEPS.values()], "cells": list(lab.cells)}))
    names = [f"stress-{name.replace(' ', '-')}" for name in SWEEPS]
    assert [name for _, name, _ in stress_figures(found)] == names
    page = protocol_html("a page", "tables", {"stress": found})
    assert all(f'id="{name}"' in page for name in names)


@pytest.mark.parametrize("sweep", ["flicker", "frame rate"])
def test_waves_have_a_frame_for_every_stop_and_a_slider(lab, sweep):
    fig = stress_waves(lab, sweep)
    assert [float(frame.name) for frame in fig.frames] == list(SWEEPS[sweep].values)
    assert len(fig.layout.sliders[0].steps) == len(SWEEPS[sweep].values)
    assert len(fig.data) == 2 * len(LAB_METHODS)


def test_waves_open_at_the_stop_that_the_slider_and_the_title_name(lab):
    fig = stress_waves(lab, "flicker")
    opened = fig.frames[fig.layout.sliders[0].active]
    assert opened.layout.title.text == fig.layout.title.text
    for lane, index in enumerate(opened.traces):
        assert np.array_equal(fig.data[index].y, opened.data[lane].y)


def test_waves_of_an_unknown_sweep_name_the_known_ones(lab):
    with pytest.raises(UsageError, match="flicker"):
        stress_waves(lab, "weather")
