"""Estimates against labels: agreement over the range of rates, error by condition, error without each part.

These are the figures of the protocols `mssdg`, `intra` and `cross`. They are drawn from the JSON of the result;
only positions in the figure are computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rppg_core.figures.style import ESTIMATE, GRID, PALETTE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

BAR = "pos"
CONSTANT = "constant"
ROW_PX = 30  # height of one row


def agreement_figure(
    found: Sequence[Mapping[str, Any]], *, beside: Sequence[str] = (BAR, CONSTANT), point: str = "video"
) -> plotly.graph_objects.Figure:
    """Estimate minus label over their mean, after Bland and Altman: the last method, with others in grey.

    Args:
        found: one entry per method, with "method", "unit", "bias", "lower", "upper" and "points" (mean, difference).
        beside: the methods in grey, as far as they are there.
        point: what a point stands for.

    Returns:
        A plotly figure; the solid line is the bias, and 95 % of the differences lie between the dashed lines.
    """
    import plotly.graph_objects as go

    fig = empty_figure(320)
    shown = [entry for entry in found if entry["method"] != CONSTANT or len(found) == 1][-1]
    unit = shown.get("unit", "bpm")
    for entry in [*(one for one in found if one is not shown and one["method"] in beside), shown]:
        colour = ESTIMATE if entry is shown else REFERENCE
        x, y = zip(*entry["points"], strict=True)
        fig.add_trace(
            go.Scatter(
                x=x,
                y=y,
                mode="markers",
                name=entry["method"],
                marker={"color": colour, "size": 7, "opacity": 0.75},
                hovertemplate=f"%{{x:.1f}} {unit}, off by %{{y:+.1f}}",
            )
        )
    for value, dash in ((shown["bias"], "solid"), (shown["lower"], "dash"), (shown["upper"], "dash")):
        fig.add_hline(value, line={"color": ESTIMATE, "dash": dash, "width": 1.4})
    fig.update_xaxes(title_text=f"mean of label and estimate ({unit})")
    fig.update_yaxes(title_text=f"estimate minus label ({unit})", zeroline=True, zerolinecolor=GRID)
    side = "high" if shown["bias"] >= 0 else "low"
    set_title(
        fig,
        f"{shown['method']} reads {abs(shown['bias']):.1f} {unit} {side} on average",
        f"one point per {point}; dashes: 95 % of its differences, "
        f"{shown['lower']:+.1f} to {shown['upper']:+.1f} {unit}",
    )
    fig.update_layout(height=480)
    return fig


def condition_figure(found: Sequence[Mapping[str, Any]]) -> plotly.graph_objects.Figure:
    """Mean absolute error of every method at every level of every condition, worst level first.

    Args:
        found: one entry per level, with "condition", "level", "n_clips" and "mae" (method -> bpm or None).

    Returns:
        A plotly figure; POS and the constant predictor are grey.
    """
    import plotly.graph_objects as go

    methods = list(found[0]["mae"])
    labels = [f"{entry['condition']}: {entry['level']} ({entry['n_clips']})" for entry in found]
    fig = empty_figure(ROW_PX * len(found))
    colours = [colour for colour in PALETTE.values() if colour != ESTIMATE]
    trained = [name for name in methods if name not in (BAR, CONSTANT)]
    for name in methods:
        k = trained.index(name) if name in trained else 0
        last = trained[-1:] == [name]
        colour = REFERENCE if name not in trained else ESTIMATE if last else colours[k % len(colours)]
        symbol = "line-ns-open" if name == CONSTANT else "circle"
        fig.add_trace(
            go.Scatter(
                x=[entry["mae"][name] for entry in found],
                y=labels,
                mode="markers",
                name=name,
                marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2, "color": colour}},
                hovertemplate=f"{name}, %{{x:.1f}} bpm",
            )
        )
    fig.update_yaxes(autorange="reversed", automargin=True, title_text="condition: level (videos)")
    fig.update_xaxes(title_text="mean absolute error of the heart rate (bpm)", rangemode="tozero")
    judged = trained[-1] if trained else methods[0]
    known = [entry for entry in found if entry["mae"][judged] is not None]
    worst = max(known, key=lambda entry: entry["mae"][judged], default=None)
    finding = (
        "No error is known"
        if worst is None
        else (
            f"{judged} is worst at {worst['condition']}: {worst['level']}, off by {worst['mae'][judged]:.1f} bpm"
        )
    )
    set_title(fig, finding, "per window; in brackets the number of videos of a level")
    fig.update_layout(height=ROW_PX * len(found) + 220)
    return fig


def parts_figure(found: Mapping[str, Any]) -> plotly.graph_objects.Figure:
    """Heart-rate error of a network without each of its parts: one bar per variant, one point per seed.

    Args:
        found: the entry of a network, with "network", "target", "steps", "ablations" (the whole network first, each
            with "variant", "minus_whole" and "hr_window") and "beside" (for POS and the constant predictor).

    Returns:
        A plotly figure; the whole network is coloured, the dashed line is POS.
    """
    import plotly.graph_objects as go

    shown = [entry for entry in found["ablations"] if entry["hr_window"] is not None]
    names = [entry["variant"] for entry in shown]
    fig = empty_figure(ROW_PX * len(shown))
    fig.add_trace(
        go.Bar(
            y=names,
            x=[entry["hr_window"]["mean"] for entry in shown],
            orientation="h",
            showlegend=False,
            marker={"color": [ESTIMATE if k == 0 else REFERENCE for k in range(len(shown))]},
            error_x={"type": "data", "array": [entry["hr_window"]["sd"] or 0 for entry in shown]},
            hovertemplate="%{y}, %{x:.1f} bpm",
        )
    )
    points = [(entry["variant"], value) for entry in shown for value in entry["hr_window"]["values"]]
    fig.add_trace(
        go.Scatter(
            y=[name for name, _ in points],
            x=[value for _, value in points],
            mode="markers",
            name="one seed",
            marker={"color": "black", "size": 6, "symbol": "circle-open"},
            hovertemplate="%{y}, %{x:.1f} bpm",
        )
    )
    if (bar := found["beside"][BAR]["hr_window"]) is not None:
        fig.add_vline(bar, line={"color": REFERENCE, "dash": "dash"}, annotation_text=BAR)
    missed = [
        entry for entry in shown if entry["minus_whole"] is not None and _is_missed(entry["minus_whole"])
    ]
    worst = max(missed, key=lambda entry: entry["minus_whole"]["mean"], default=None)
    finding = (
        "No part is missed by more than the seeds differ"
        if worst is None
        else (
            f"{worst['variant']}: off by {worst['minus_whole']['mean']:.1f} bpm more than {found['network']} whole"
        )
    )
    set_title(
        fig, finding, f"{found['target']}, {found['steps']} steps each; bars: mean and deviation over seeds"
    )
    fig.update_yaxes(autorange="reversed", automargin=True)
    fig.update_xaxes(title_text="mean absolute error of the heart rate per window (bpm)", rangemode="tozero")
    fig.update_layout(height=ROW_PX * len(shown) + 220)
    return fig


def _is_missed(minus: Mapping[str, Any]) -> bool:
    """The error is larger without the part, by more than its deviation over the seeds."""
    return minus["mean"] > (minus["sd"] or 0.0)
