from __future__ import annotations

import re

import pytest

from rppg_core.figures.curve_page import SMOOTHED_STEPS, curve_html, training_curves


def log(n: int, checks: tuple[int, ...] = ()) -> list[dict]:
    steps = [
        {"step": k, "loss": 3.0 / k, "terms": {"waveform": 1.0 / k, "rate": 2.0 / k}} for k in range(1, n + 1)
    ]
    found = [{"step": k, "validation": {"bvp_r": 1 - 1 / k, "bvp_hr_mae_bpm": 10 / k}} for k in checks]
    return steps + found


def test_each_loss_term_and_the_held_out_waveform_is_a_curve():
    curves = {trace.name: trace for trace in training_curves(log(40, (20, 40))).data}
    assert set(curves) == {"waveform", "rate", "held-out bvp_r"}
    assert list(curves["rate"].x) == list(range(1, 41))
    assert list(curves["held-out bvp_r"].y) == pytest.approx([0.95, 0.975])


def test_term_of_one_stage_is_drawn_over_the_steps_of_that_stage():
    rows = log(6)
    for row in rows[:2]:
        row["terms"] = {"codebook": 1.0}
    curves = {trace.name: list(trace.x) for trace in training_curves(rows).data}
    assert curves == {"codebook": [1, 2], "waveform": [3, 4, 5, 6], "rate": [3, 4, 5, 6]}


def test_no_two_terms_look_alike():
    rows = [{"step": k, "loss": 1.0, "terms": {f"term {n}": 1.0 for n in range(16)}} for k in (1, 2)]
    looks = {(trace.line.color, trace.line.dash) for trace in training_curves(rows).data}
    assert len(looks) == 16


def test_terms_are_smoothed_against_single_steps():
    rows = log(100)
    rows[50]["terms"]["waveform"] = 1e6
    assert max(training_curves(rows).data[0].y[SMOOTHED_STEPS:]) < 1


def test_title_says_how_far_it_is():
    assert "bvp_r 0.97 on held-out" in re.sub(
        "<.*?>", " ", training_curves(log(40, (20, 40))).layout.title.text
    )


def test_page_needs_no_network_and_lists_the_checks():
    page = curve_html("a <run>", log(40, (20, 40)))
    assert "a &lt;run&gt;" in page
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="https?:', page)
    assert re.search(r"40 +0\.975 +0\.250", page)


@pytest.mark.parametrize("rows", [[], log(1), log(0, (20,))])
def test_run_that_has_just_begun_is_a_page_too(rows):
    assert "Plotly.newPlot" in curve_html("a run", rows)
