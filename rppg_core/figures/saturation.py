"""SpO2 that methods give for a clip over time, with how little that says: interval, and what the mean would say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from rppg_core.figures.style import PALETTE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

LOW, HIGH = 70.0, 102.0  # of the axis. Unit: %
COLOURS = (PALETTE["blue"], PALETTE["purple"])  # never those of good and bad


@dataclass(frozen=True)
class SaturationCourse:
    """SpO2 of one method over time. Unit: %."""

    method: str
    times_s: Float[np.ndarray, " window"]
    percent: Float[np.ndarray, " window"]
    half_width: float  # of the 95 % interval
    mean: float  # of the people that it was trained on


def saturation_figure(courses: Sequence[SaturationCourse]) -> plotly.graph_objects.Figure:
    """Windows of each method with their interval, and its mean of the training as a dashed line."""
    import plotly.graph_objects as go

    fig = empty_figure(320)
    for course, colour in zip(courses, COLOURS, strict=False):
        fig.add_trace(
            go.Scatter(
                x=course.times_s, y=course.percent, name=course.method, mode="lines+markers",
                line={"color": colour, "width": 1.4}, marker={"color": colour, "size": 7},
                error_y={"type": "constant", "value": course.half_width, "color": colour, "thickness": 1},
                hovertemplate="%{x:.0f} s: %{y:.1f} %",
            )
        )  # fmt: skip
        span = [0.0, max(float(course.times_s.max()) * 1.1, 1.0)]
        fig.add_trace(
            go.Scatter(
                x=span, y=[course.mean, course.mean], mode="lines", hoverinfo="skip",
                name=f"always the mean ({course.method})", line={"color": REFERENCE, "dash": "dash", "width": 1.2},
            )
        )  # fmt: skip
    fig.update_xaxes(title_text="time (s)", rangemode="tozero")
    fig.update_yaxes(title_text="SpO2 (%), not calibrated", range=[LOW, HIGH])
    widest = max((course.half_width for course in courses), default=np.nan)
    set_title(
        fig,
        f"Any number within {widest:.0f} points would do as well",
        "10 s a point; bars: 95 % of the errors on simulated people with a camera each",
    )
    return fig
