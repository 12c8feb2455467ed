"""The panel of PhysVLM: octaves in words, as a table and as a figure, and the octave that holds the rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_factory import make_report

from demo.panels import physvlm
from rppg_core.figures import octaves
from rppg_core.types import Bvp

RATES_BPM = 30 + 3 * np.arange(70)
RESP = Bvp(np.sin(np.arange(900) / 30), 30.0, 0.0, np.arange(900) % 300 > 20)


def spectrum(rate: float, height: float) -> np.ndarray:
    flat = np.full(len(RATES_BPM), (1 - height) / len(RATES_BPM))
    return flat + height * (np.abs(RATES_BPM - rate) < 2) / (np.abs(RATES_BPM - rate) < 2).sum()


INSIDE = {
    "octaves": np.array([0.05, 0.1, 0.4, 0.1, 0.15, 0.2]),
    "gates": np.array([[0.1, 0.6, 0.9, 0.4, 0.2, 0.1], [0.1, 0.1, 0.1, 0.2, 0.8, 0.7]]),
    "attention": np.stack([np.linspace(0, 2, 36), np.linspace(2, 0, 36)]),
    "frequency": np.array([1.2, 0.25]),
    "muted": np.stack([spectrum(72, 0.8 if k != 3 else 0.1) for k in range(7)]),
}


def report_of(inside=INSIDE, rate: float | None = 72.0):
    report = make_report({"pos": 72.1, "physvlm": rate})
    found = replace(report.estimates["physvlm"], inside=inside, resp=RESP)
    return replace(report, estimates={**report.estimates, "physvlm": found})


def test_octaves_have_the_edges_of_the_network():
    from rppg_core.models.physvlm import PhysVLMConfig
    from rppg_core.models.physvlm.muting import octave_edges_hz

    edges = octave_edges_hz(PhysVLMConfig.small())
    assert edges[0][1] == octaves.TOP_HZ
    assert (
        octaves.octave_names(len(edges))[1] == "1.9-3.8 Hz" and octaves.octave_names(6)[-1] == "below 0.2 Hz"
    )
    assert [low for low, _ in edges[:-1]] == [octaves.TOP_HZ / 2 ** (k + 1) for k in range(5)]


def test_sentences_name_the_octave_that_holds_the_rate_and_both_places():
    html = physvlm.panel(report_of())
    assert "Without the octave 0.9-1.9 Hz" in html
    assert "aligned to 72 per minute, that for breathing to 15" in html
    assert "different places" in html and physvlm.TERMS in html
    assert "<caption>Octaves of this face</caption>" in html


def test_loss_is_that_of_the_power_at_the_rate():
    lost = octaves.lost_shares(INSIDE)
    assert lost.argmax() == 2 and lost[2] > 0.7
    np.testing.assert_allclose(np.delete(lost, 2), 0, atol=1e-9)


def test_no_octave_is_named_if_none_takes_the_rate_with_it():
    report = report_of(inside={**INSIDE, "muted": np.stack([spectrum(72, 0.8)] * 7)})
    assert "No octave of the face holds the rate alone" in physvlm.panel(report)
    assert "No octave holds the rate" in physvlm.figure(report).layout.title.text.replace("<br>", " ")


def test_rates_of_the_spectra_are_those_of_the_network():
    from rppg_core.models.physvlm.muting import RATES_BPM as GRID
    from rppg_core.nn.spectrum import rate_grid

    np.testing.assert_array_equal(octaves.spectrum_rates(70), rate_grid(*GRID).numpy())


def test_figure_shows_one_muted_octave_at_a_time():
    fig = physvlm.figure(report_of())
    assert "0.9-1.9 Hz" in fig.layout.title.text
    names = [trace.name for trace in fig.data]
    assert {"share of the energy", "gate, pulse", "gate, breathing", "breathing waveform"} <= {*names}
    buttons = fig.layout.updatemenus[0].buttons
    assert len(buttons) == 7
    shown = [
        [
            n
            for n, seen in zip(names, button.args[0]["visible"], strict=True)
            if seen and n and "spectrum" in n
        ]
        for button in buttons
    ]
    assert shown[0] == ["spectrum as it is"]
    assert shown[3] == ["spectrum as it is", "spectrum without 0.9-1.9 Hz"]


@pytest.mark.parametrize(("names", "words"), [(["physvlm"], "still to come"), ([], "Tick <b>physvlm</b>")])
def test_without_an_estimate_the_panel_says_what_to_do(names, words):
    report = make_report({"pos": 72.1})
    assert words in physvlm.panel(report, names)
    assert physvlm.figure(report) is None


def test_without_a_rate_nothing_is_shown():
    report = report_of(rate=None)
    assert "says nothing about this face" in physvlm.panel(report)
    assert physvlm.figure(report) is None


def test_a_network_without_octaves_is_named():
    report = report_of(inside={})
    assert physvlm.MISSING in physvlm.panel(report)
    assert physvlm.figure(report) is None
