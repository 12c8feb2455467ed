"""One page about a training run: its loss terms and its agreement with held-out samples.

It is drawn from the log of the run alone, at every checkpoint, in the style of the other pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.ndimage import median_filter

from rppg_core.figures.page import figure_html, page_html
from rppg_core.figures.style import ESTIMATE, PALETTE, empty_figure, set_title
from rppg_core.lab.protocols.table import text_table

if TYPE_CHECKING:
    import plotly.graph_objects

SMOOTHED_STEPS = 25
Rows = Sequence[Mapping[str, Any]]


def curve_html(title: str, rows: Rows) -> str:
    """The page of a run.

    Args:
        title: title of the page.
        rows: lines of log.jsonl of the run.

    Returns:
        HTML that loads nothing over the network.
    """
    words = "Loss terms and agreement with held-out samples over training steps."
    checks = [row for row in rows if "validation" in row]
    table = ""
    if checks:
        names = list(checks[-1]["validation"])
        cells = [[str(row["step"]), *(f"{row['validation'][name]:.3f}" for name in names)] for row in checks]
        table = (
            f'<div class="scroll" tabindex="0"><pre>{escape(text_table(["step", *names], cells))}</pre></div>'
        )
    note = "<p>Held-out samples come from the training sources, never from a benchmark.</p>"
    return page_html(title, figure_html(training_curves(rows), "curves", words) + note + table)


def training_curves(rows: Rows) -> plotly.graph_objects.Figure:
    """Loss terms above, waveform agreement on held-out samples below, over training steps.

    Args:
        rows: lines of log.jsonl of the run; none if it has just started.

    Returns:
        A plotly figure; a loss term is drawn as its median over SMOOTHED_STEPS steps.
    """
    import plotly.graph_objects as go

    fig = empty_figure(240, 200)
    steps = [row for row in rows if "terms" in row]
    terms = list(dict.fromkeys(name for row in steps for name in row["terms"]))
    colours = cycle(colour for colour in PALETTE.values() if colour != ESTIMATE)
    for colour, name in zip(colours, terms, strict=False):
        part = [row for row in steps if name in row["terms"]]  # a stage may have terms of its own
        fig.add_trace(
            go.Scatter(
                x=[row["step"] for row in part],
                y=_smoothed([row["terms"][name] for row in part]),
                mode="lines",
                name=name,
                line={"color": colour, "width": 1.6},
            ),
            row=1,
            col=1,
        )
    checks = [row for row in rows if "validation" in row]
    series = [name for name in checks[-1]["validation"] if name.endswith("_r")] if checks else []
    for dash, name in zip(("solid", "dot"), series, strict=False):
        fig.add_trace(
            go.Scatter(
                x=[row["step"] for row in checks],
                y=[row["validation"][name] for row in checks],
                mode="lines+markers",
                name=f"held-out {name}",
                line={"color": ESTIMATE, "dash": dash},
            ),
            row=2,
            col=1,
        )
    fig.update_yaxes(title_text="loss term", row=1, col=1)
    fig.update_yaxes(title_text="r with the true wave", range=[-0.05, 1.02], row=2, col=1)
    fig.update_xaxes(title_text="training step", row=2, col=1)
    finding = "No check on held-out samples yet"
    if series:
        best = checks[-1]
        finding = (
            f"{series[0]} {best['validation'][series[0]]:.2f} on held-out samples after {best['step']} steps"
        )
    set_title(fig, finding, f"loss terms: medians over {SMOOTHED_STEPS} steps")
    fig.update_layout(height=620)
    return fig


def _smoothed(values: Sequence[float]) -> Float[np.ndarray, " step"]:
    return median_filter(np.asarray(values), min(SMOOTHED_STEPS, len(values)), mode="nearest").round(4)
