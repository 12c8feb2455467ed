"""Strips of recordings: what is drawn for values, refusals and references."""

from __future__ import annotations

from typing import Any

import pytest

from rppg_core.figures.recordings import recording_strip, recording_strips
from rppg_core.figures.style import REFERENCE


def span(start: float, value: float | None, *, seconds: float = 30.0, half: float = 3.0) -> dict[str, Any]:
    low, high = (None, None) if value is None else (value - half, value + half)
    return {"start_s": start, "end_s": start + seconds, "value_bpm": value, "confidence": 0.9, "low_bpm": low,
            "high_bpm": high, "note": "too dark" if value is None else ""}  # fmt: skip


def strip(*spans) -> dict[str, Any]:
    reference = {"times_s": [0.0, 30.0, 60.0], "hr_bpm": [60.0, 61.0, 62.0]}
    return {"recording": "p0_resting", "seconds": 60.0, "reference": reference, "spans": list(spans)}


def traces(fig) -> dict[str, Any]:
    return {trace.name: trace for trace in fig.data}


def test_values_have_intervals_and_refusals_are_hatched_with_their_cause():
    found = traces(recording_strip(strip(span(0, 64.0), span(30, None))))
    hatched = found["refused window"]
    assert hatched.x == (45.0,) and hatched.width == (30.0,) and hatched.marker.pattern.shape == "/"
    assert "too dark" in hatched.customdata[0]
    assert set(found["95 % interval"].y) - {None} == {61.0, 67.0}
    assert found["heart rate of a window"].y == (64.0,)
    assert found["reference"].line.color == REFERENCE


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ((span(0, 64.0), span(30, None)), "a value in 1 of 2 windows"),
        ((span(0, None), span(30, None)), "refused in all 2 windows"),
        ((span(0, None),), "refused in its only window"),
        ((span(0, 64.0),), "a value in its only window"),
    ],
)
def test_the_title_says_how_much_was_shown(spans, words):
    title = recording_strip(strip(*spans)).layout.title.text.replace("<br>", " ")
    assert words in title


def test_everything_lies_inside_the_axis():
    low, high = recording_strip(strip(span(0, 100.0, half=20))).layout.yaxis.range
    assert low < 60 and high > 120


def test_a_page_gets_one_figure_for_each_recording():
    found = list(recording_strips([strip(span(0, 64.0)), strip()]))
    assert [name for _, name, _ in found] == ["strip-1", "strip-2"]
