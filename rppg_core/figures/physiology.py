"""Simulated and recorded people in one figure: harmonics, spectrum, variation of the intervals.

It is drawn from the JSON of `lab.protocols.beats.physiology_match` alone, in the style of the other figures: recorded
data are grey, simulated data have the accent colour, and the shaded band holds 80 % of the draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rppg_core.figures.report import BAND
from rppg_core.figures.style import ESTIMATE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

BAND_FILL = "rgba(213, 94, 0, 0.18)"  # ESTIMATE
PANELS_PX = (190, 220, 220)


def physiology_figure(match: Mapping[str, Any]) -> plotly.graph_objects.Figure:
    """Three panels: ratios of the harmonics, spectrum over multiples of the heart rate, swing of the intervals.

    Args:
        match: from `PhysiologyMatch.to_dict`; a panel without a recording stays empty, and its title says so.

    Returns:
        A plotly figure; its title and those of the panels state the findings.
    """
    fig: Any = empty_figure(*PANELS_PX)
    in_legend: set[str] = set()
    _add_harmonics(fig, match["harmonics"], in_legend)
    _add_curve(fig, match["spectrum"], in_legend, row=2)
    fig.update_xaxes(title_text="frequency / heart rate", row=2, col=1)
    fig.update_yaxes(title_text="power (dB)", row=2, col=1)
    _add_curve(fig, match["modulation"], in_legend, row=3, factor=100)
    fig.add_vrect(
        *match["breath_hz"],
        fillcolor=BAND,
        line_width=0,
        layer="below",
        row=3,
        col=1,
        exclude_empty_subplots=False,
    )
    fig.update_xaxes(title_text="frequency (Hz); shaded: breathing", row=3, col=1)
    fig.update_yaxes(title_text="swing (% of mean)", rangemode="tozero", row=3, col=1)
    harmonics, intervals = match["harmonics"], match["intervals"]
    breath = intervals[:1]
    words = (
        _verdict("Harmonics", harmonics),
        _spectrum_words(match["spectrum"]),
        _verdict("RSA", breath, 100),
    )
    for row, text in enumerate(words, start=1):
        fig.add_annotation(text=f"<b>{text}</b>", x=0, y=1, xref="x domain", yref="y domain", xanchor="left",
                           xshift=-54, yanchor="bottom", showarrow=False, font_size=12, row=row, col=1)  # fmt: skip
    windows, series = (rows[0]["n_recorded"] if rows else 0 for rows in (harmonics, intervals))
    note = f"grey: recorded ({windows} pulse windows, {series} series of intervals); colour: simulated at the same "
    note += "heart rates, 10 to 90 %"
    set_title(fig, _finding(harmonics, breath), note)
    fig.update_layout(height=sum(PANELS_PX) + 340, margin_t=fig.layout.margin.t + 24)
    return fig


def _add_harmonics(fig: Any, rows: Sequence[Mapping[str, Any]], in_legend: set[str]) -> None:
    import plotly.graph_objects as go

    for name, key, colour, beside in (
        ("recorded", "recorded", REFERENCE, -0.08),
        ("simulated, median", "simulated", ESTIMATE, 0.08),
    ):
        values = [row[key] for row in rows]
        fig.add_trace(go.Scatter(
            x=[k + beside for k in range(len(rows))], y=[value["middle"] for value in values],
            error_y={"array": [value["high"] - value["middle"] for value in values],
                     "arrayminus": [value["middle"] - value["low"] for value in values], "width": 4},
            mode="markers", marker={"size": 10, "color": colour}, name=name, legendgroup=name,
            showlegend=bool(rows)), row=1, col=1)  # fmt: skip
        in_legend |= {name} if rows else set()
    names = [row["quantity"].replace(" : ", "<br>: ") for row in rows]  # short enough for a phone
    fig.update_xaxes(
        tickvals=list(range(len(rows))), ticktext=names, range=[-0.5, max(len(rows), 1) - 0.5], row=1, col=1
    )
    fig.update_yaxes(title_text="amplitude ratio", rangemode="tozero", row=1, col=1)


def _add_curve(
    fig: Any,
    curve: Mapping[str, Sequence[float]] | None,
    in_legend: set[str],
    *,
    row: int,
    factor: float = 1.0,
) -> None:
    """The simulated band and its median, with the recorded spectrum on top."""
    import plotly.graph_objects as go

    if curve is None:
        return
    heights = {key: [factor * value for value in curve[key]] for key in ("recorded", "low", "middle", "high")}
    band = {
        "mode": "lines",
        "line": {"width": 0},
        "showlegend": False,
        "hoverinfo": "skip",
        "name": "10 to 90 %",
    }
    fig.add_trace(go.Scatter(x=curve["x"], y=heights["low"], **band), row=row, col=1)
    fig.add_trace(
        go.Scatter(x=curve["x"], y=heights["high"], fill="tonexty", fillcolor=BAND_FILL, **band),
        row=row,
        col=1,
    )
    for name, key, colour in (("simulated, median", "middle", ESTIMATE), ("recorded", "recorded", REFERENCE)):
        fig.add_trace(go.Scatter(
            x=curve["x"], y=heights[key], mode="lines", name=name, legendgroup=name,
            showlegend=name not in in_legend, line={"color": colour, "width": 2}), row=row, col=1)  # fmt: skip
        in_legend.add(name)


def _finding(harmonics: Sequence[Mapping[str, Any]], breath: Sequence[Mapping[str, Any]]) -> str:
    """The finding of the whole figure."""
    parts = {"pulse shapes": harmonics, "breathing in the intervals": breath}
    held = [name for name, rows in parts.items() if rows and all(row["covered"] for row in rows)]
    missed = [name for name, rows in parts.items() if rows and name not in held]
    words = [f"Simulated people cover recorded {' and '.join(held)}"] if held else []
    words += (
        [f"{'not' if held else 'Simulated people do not cover recorded'} {' or '.join(missed)}"]
        if missed
        else []
    )
    return ", ".join(words)


def _verdict(what: str, rows: Sequence[Mapping[str, Any]], percent: float = 0.0) -> str:
    """'Harmonics 0.40, 0.27: in the simulated range', in percent if a factor is given."""
    if not rows:
        return f"{what}: nothing recorded"
    digits, unit = (1, " %") if percent else (2, "")
    values = ", ".join(f"{(percent or 1) * row['recorded']['middle']:.{digits}f}" for row in rows)
    if all(row["covered"] for row in rows):
        return f"{what} {values}{unit}: in the simulated range"
    high = max((percent or 1) * row["simulated"]["high"] for row in rows)
    low = min((percent or 1) * row["simulated"]["low"] for row in rows)
    return f"{what} {values}{unit}: outside simulated {low:.{digits}f} to {high:.{digits}f}{unit}"


def _spectrum_words(curve: Mapping[str, Sequence[float]] | None) -> str:
    if curve is None:
        return "Spectrum: nothing recorded"
    inside = [
        low <= value <= high
        for value, low, high in zip(curve["recorded"], curve["low"], curve["high"], strict=True)
    ]
    return f"Spectrum: {100 * sum(inside) / len(inside):.0f} % of it in the simulated band"
