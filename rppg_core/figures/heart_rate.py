"""The heart rate of another device beside the estimate: as a sentence, and as a figure over time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppg_core.figures.style import ESTIMATE, REFERENCE, empty_figure, set_title
from rppg_core.tables.reference import Reference
from rppg_core.types import Report

if TYPE_CHECKING:
    import plotly.graph_objects

BAND = "rgba(213, 94, 0, 0.16)"  # the colour of an estimate


def reference_words(reference: Reference, report: Report) -> str:
    """The median of the reference during the clip beside the consensus, in one line."""
    hr = report.consensus.vitals.hr
    said = f"reference {reference.median_bpm:.4g} bpm"
    said += (
        ", no estimate"
        if hr.value is None
        else f", estimate {hr.value:.1f}, difference {hr.value - reference.median_bpm:+.1f}"
    )
    return f"{said} ({reference.note})" if reference.note else said


def reference_trace(reference: Reference) -> plotly.graph_objects.Scatter:
    """The rates of another device over time, in grey."""
    import plotly.graph_objects as go

    return go.Scatter(
        x=reference.times_s.astype(np.float32),
        y=reference.hr_bpm.astype(np.float32),
        mode="lines+markers",
        name="reference",
        line={"color": REFERENCE, "width": 1},
        marker={"color": REFERENCE, "size": 5},
        hovertemplate="reference, %{x:.1f} s, %{y:.1f} bpm<extra></extra>",
    )


def reference_figure(report: Report, reference: Reference) -> plotly.graph_objects.Figure:
    """The reference over time, and the consensus of the clip as a line with its interval.

    Args:
        report: result of `analyze`.
        reference: during the clip.
    """
    import plotly.graph_objects as go

    fig = empty_figure(240)
    fig.add_trace(reference_trace(reference))
    hr = report.consensus.vitals.hr
    if hr.value is not None:
        times_s = reference.times_s if reference.note else report.clip.times_s
        ends_s = [float(times_s[0]), float(times_s[-1])]
        low, high = hr.interval if hr.interval is not None else (hr.value, hr.value)
        fig.add_trace(
            go.Scatter(
                x=[*ends_s, *ends_s[::-1]],
                y=[low, low, high, high],
                mode="lines",
                line={"width": 0},
                fill="toself",
                fillcolor=BAND,
                name="95 % interval",
                hoverinfo="skip",
            )
        )
        fig.add_trace(
            go.Scatter(
                x=ends_s,
                y=[hr.value] * 2,
                mode="lines",
                name="estimate",
                line={"color": ESTIMATE, "width": 2.2},
                hovertemplate="estimate of the clip, %{y:.1f} bpm<extra></extra>",
            )
        )
    fig.update_xaxes(title_text="time (s)")
    fig.update_yaxes(title_text="heart rate (beats per minute)")
    words = reference_words(reference, report)
    set_title(
        fig, f"{words[:1].upper()}{words[1:]}", "grey: the other device; colour: one estimate for the clip"
    )
    fig.update_layout(height=400)
    return fig
