"""The figure of recorded and drawn light."""

from __future__ import annotations

import json

import numpy as np
import pytest

from rppg_core.figures.light_spread import light_spread_figure
from rppg_core.figures.report_page import protocol_html

ROWS = [
    {
        "quantity": "skin, first direction",
        "recorded": [0.2, 1.0, 9.0],
        "drawn": list(np.linspace(0.5, 1.5, 21)),
    },
    {"quantity": "cells, after POS", "recorded": [], "drawn": [0.1, 0.2]},
]


def test_every_panel_has_both_curves_and_the_title_counts_values_within_the_draws():
    fig = light_spread_figure(ROWS)
    assert [trace.name for trace in fig.data] == 2 * ["these clips", "drawn for training"]
    recorded = fig.data[0]
    assert list(recorded.x) == pytest.approx([0.2, 1.0, 9.0])
    assert list(recorded.y) == pytest.approx([100 / 3, 200 / 3, 100])
    assert "1 of 3 values" in fig.layout.title.text


def test_it_stands_on_the_page_of_the_protocol():
    assert 'id="light"' in protocol_html("injected", "tables", {"light": json.loads(json.dumps(ROWS))})
    assert 'id="light"' not in protocol_html("injected", "tables", {"light": []})
