"""The heart rate of another device beside the estimate: as a sentence, and as a figure over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rppg_core.figures.hr_track import Piece, add_refused, add_shown, rate_range, track_pieces
from rppg_core.figures.style import REFERENCE, empty_figure, set_title
from rppg_core.tables.reference import Reference
from rppg_core.types import Report

if TYPE_CHECKING:
    import plotly.graph_objects


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
    """The reference over time beside the windows of the consensus, refused ones hatched.

    Args:
        report: result of `analyze`.
        reference: during the clip. One with another clock is drawn from the start of the clip.
    """
    if reference.note:
        since_s = reference.times_s - reference.times_s[0]
        reference = replace(reference, times_s=since_s + report.clip.times_s[0])
    words = reference_words(reference, report)
    return windows_figure(track_pieces(report), reference, f"{words[:1].upper()}{words[1:]}")


def windows_figure(
    pieces: Sequence[Piece], reference: Reference, finding: str
) -> plotly.graph_objects.Figure:
    """A reference over time beside the windows of an estimate, under a title."""
    limits = rate_range([piece.window.reading for piece in pieces], reference.hr_bpm.tolist())
    fig = empty_figure(240)
    add_refused(fig, [piece for piece in pieces if piece.window.reading.refused], *limits, row=1)
    fig.add_trace(reference_trace(reference))
    add_shown(fig, pieces, row=1)
    fig.update_xaxes(title_text="time (s)")
    fig.update_yaxes(title_text="heart rate (beats per minute)", range=limits)
    set_title(fig, finding, "grey: the other device; colour: this program, band: 95 %; hatched: refused")
    fig.update_layout(height=400, showlegend=False)
    return fig
