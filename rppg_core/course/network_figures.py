"""Figures of the lessons on networks: a drawing of the parts, matrices side by side, numbers in cells, small plots.

Floor 7. A notebook computes and says what was found; the looks are those of `lesson_figures`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from rppg_core.course.figures import SIMULATED, set_wide_title
from rppg_core.figures.report import ESTIMATE, GRID, INK, PALETTE, REFERENCE, empty_figure

if TYPE_CHECKING:
    import plotly.graph_objects

AROUND_ZERO = [[0, PALETTE["blue"]], [0.5, "#D9D9D9"], [1, PALETTE["vermilion"]]]
FROM_ZERO = [[0, "#D9D9D9"], [1, PALETTE["orange"]]]  # black numbers are read on both ends
ON_CELLS = "#1A1A1A"


class Box(NamedTuple):
    """A part of the drawing."""

    x: float  # of its middle
    y: float
    width: float
    words: str
    colour: str


TRUNK, ROUTING, ANSWER = PALETTE["blue"], PALETTE["green"], ESTIMATE
BOXES = {
    "map": Box(0.7, 0, 1.2, "map<br>36 cells", REFERENCE),
    "stem": Box(2.4, 0, 1.2, "Stem", TRUNK),
    "first": Box(4.5, 0, 1.8, "Stage:<br>conv + experts", TRUNK),
    "last": Box(7.1, 0, 1.8, "Stage:<br>conv + experts", TRUNK),
    "router one": Box(4.5, 1.6, 1.3, "Routers", ROUTING),
    "router two": Box(7.1, 1.6, 1.3, "Routers", ROUTING),
    "gate hr": Box(9.6, 1.2, 1.7, "TaskGate hr", ROUTING),
    "gate rr": Box(9.6, 0, 1.7, "TaskGate rr", ROUTING),
    "gate spo2": Box(9.6, -1.2, 1.7, "TaskGate SpO2", ROUTING),
    "pulse": Box(12.1, 1.7, 1.7, "BvpDecoder", ANSWER),
    "hr": Box(12.1, 0.8, 1.7, "SpectralHead", ANSWER),
    "rr": Box(12.1, 0, 1.7, "SpectralHead", ANSWER),
    "spo2": Box(12.1, -1.2, 1.7, "PooledHead", ANSWER),
}
HEIGHT = 0.62  # of a box; with two lines of words 0.8
FLOWS = (
    ("map", "stem"), ("stem", "first"), ("first", "last"), ("last", "gate hr"), ("last", "gate rr"),
    ("last", "gate spo2"), ("gate hr", "pulse"), ("gate hr", "hr"), ("gate rr", "rr"), ("gate spo2", "spo2"),
)  # fmt: skip
ANSWERS = {"pulse": "pulse", "hr": "heart rate", "rr": "breathing", "spo2": "oxygen"}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of PhysMLE: features flow to the right, the query flows above them to whatever opens and closes.

    Args:
        finding: the title, a sentence that says what is to be seen.
        note: how to read it.
    """
    figure: Any = empty_figure(320)
    for start, end in FLOWS:
        one, other = BOXES[start], BOXES[end]
        _arrow(figure, (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y), REFERENCE)
    query = 2.5
    figure.add_shape(type="path", path=f"M 2.4 0.4 L 2.4 {query} L 9.6 {query}", line=_dotted(ROUTING))
    for x, low in ((4.5, 1.91), (7.1, 1.91), (9.6, 1.51)):
        _arrow(figure, (x, query), (x, low), ROUTING)
    for x in (4.5, 7.1):
        _arrow(figure, (x, 1.29), (x, 0.4), ROUTING)
    figure.add_annotation(x=3.4, y=query, text="query", showarrow=False, yshift=10, font={"color": INK})
    for box in BOXES.values():
        half = (0.8 if "<br>" in box.words else HEIGHT) / 2
        figure.add_shape(type="rect", x0=box.x - box.width / 2, x1=box.x + box.width / 2, y0=box.y - half,
                         y1=box.y + half, line={"color": box.colour, "width": 2})  # fmt: skip
        figure.add_annotation(x=box.x, y=box.y, text=box.words, showarrow=False,
                              font={"color": INK, "size": 11})  # fmt: skip
    for name, words in ANSWERS.items():
        figure.add_annotation(x=13.05, y=BOXES[name].y, text=words, showarrow=False, xanchor="left",
                              font={"color": INK, "size": 12})  # fmt: skip
    figure.update_xaxes(visible=False, range=[0, 14.6])
    figure.update_yaxes(visible=False, range=[-1.7, 2.9])
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure


def matrices(
    parts: Mapping[str, Float[np.ndarray, "row column"]],
    *,
    finding: str,
    data: str = SIMULATED,
    limit: float | None = None,
    from_zero: bool = False,
    marked: Sequence[tuple[int, int]] = (),
) -> plotly.graph_objects.Figure:
    """Matrices side by side, cells of one size, each under its name, all in the same colours.

    Args:
        parts: name -> matrix.
        finding: the title, a sentence that says what is to be seen.
        data: where the numbers come from, for the subtitle.
        limit: value of the strongest colour; None is the largest size. Fix it in a slider.
        from_zero: colours for numbers that are never negative; otherwise zero is in the middle.
        marked: (row, column) of cells that get a frame, in every matrix.
    """
    import plotly.graph_objects as go

    top = limit if limit is not None else max(float(np.abs(part).max()) for part in parts.values()) or 1.0
    figure: Any = empty_figure(260)
    left, tallest, middles = 0.0, max(len(part) for part in parts.values()), {}
    gap = 0.12 * sum(np.shape(part)[1] for part in parts.values())
    for name, part in parts.items():
        rows, columns = np.shape(part)
        middles[name] = left + columns / 2
        figure.add_trace(go.Heatmap(
            z=np.asarray(part, np.float32), x=left + np.arange(columns) + 0.5,
            y=(tallest - rows) / 2 + np.arange(rows) + 0.5, zmin=0 if from_zero else -top, zmax=top, xgap=1, ygap=1,
            colorscale=FROM_ZERO if from_zero else AROUND_ZERO, hovertemplate=name + ": %{z:.3g}<extra></extra>",
            showscale=not middles or len(middles) == 1,
            colorbar={"outlinewidth": 0, "thickness": 12, "tickcolor": INK}))  # fmt: skip
        for row, column in marked:
            figure.add_shape(type="rect", x0=left + column, x1=left + column + 1, y0=row, y1=row + 1,
                             line={"color": ON_CELLS, "width": 2})  # fmt: skip
        left += columns + gap
    figure.update_xaxes(tickvals=list(middles.values()), ticktext=list(middles), side="top", showgrid=False,
                        showline=False, constrain="domain", tickfont={"size": 12})  # fmt: skip
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain")
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 24
    figure.update_layout(height=above + 60 + min(300, 640 * tallest / left), margin_t=above, margin_b=60,
                         showlegend=False)  # fmt: skip
    return figure


def cells_with_numbers(
    values: Float[np.ndarray, "row column"],
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    finding: str,
    data: str = SIMULATED,
    words: Sequence[Sequence[str]] | None = None,
    top: float = 1.0,
) -> plotly.graph_objects.Figure:
    """A table whose cells are coloured by their numbers, from 0 to `top`, so that it is read without colour as well.

    Args:
        values: what is shown.
        rows: their names, from above.
        columns: their names.
        finding: the title, a sentence that says what is to be seen.
        data: where the numbers come from, for the subtitle.
        words: text in the cells; None writes the numbers with two decimals.
        top: value of the strongest colour.
    """
    import plotly.graph_objects as go

    text = words if words is not None else [[f"{value:.2f}" for value in row] for row in values]
    figure: Any = empty_figure(320)
    figure.add_trace(go.Heatmap(
        z=np.asarray(values, np.float32), x=list(columns), y=list(rows), text=text, texttemplate="%{text}",
        textfont={"color": ON_CELLS, "size": 12}, zmin=0, zmax=top, colorscale=FROM_ZERO, showscale=False, xgap=2,
        ygap=2, hovertemplate="%{y}, %{x}: %{text}<extra></extra>"))  # fmt: skip
    figure.update_xaxes(type="category", side="top", showgrid=False, showline=False)
    figure.update_yaxes(
        type="category", autorange="reversed", showgrid=False, showline=False, automargin=True
    )
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 24
    figure.update_layout(height=above + 20 + 34 * len(rows), margin_t=above, margin_b=20, showlegend=False)
    return figure


class Panel(NamedTuple):
    """One small plot."""

    x: Any
    y: Any
    axis: str  # of the abscissa, with its unit


def panels(
    parts: Mapping[str, Panel], *, finding: str, data: str = SIMULATED, columns: int = 3
) -> plotly.graph_objects.Figure:
    """Small plots of one curve each, every one on scales of its own.

    Args:
        parts: title -> curve.
        finding: the title, a sentence that says what is to be seen.
        data: where the curves come from, for the subtitle.
        columns: plots beside each other.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows = -(-len(parts) // columns)
    plain = empty_figure(100)
    figure: Any = make_subplots(rows=rows, cols=columns, subplot_titles=list(parts), vertical_spacing=0.32 / rows,
                                horizontal_spacing=0.07)  # fmt: skip
    figure.update_layout(plain.layout.to_plotly_json() | {"xaxis": {}, "yaxis": {}})
    colours = cycle(colour for colour in PALETTE.values() if colour != PALETTE["yellow"])
    for k, (name, panel) in enumerate(parts.items()):
        row, column = k // columns + 1, k % columns + 1
        figure.add_trace(
            go.Scatter(x=np.asarray(panel.x), y=np.asarray(panel.y), mode="lines", name=name,
                       line={"color": next(colours), "width": 2}, hovertemplate="%{x:.4g}: %{y:.4g}<extra></extra>"),
            row=row, col=column,
        )  # fmt: skip
        figure.update_xaxes(title_text=panel.axis, row=row, col=column)
    axes = {"gridcolor": GRID, "zeroline": False, "showline": True, "linecolor": GRID, "title_font_size": 11,
            "title_standoff": 4, "tickfont_size": 11}  # fmt: skip
    figure.update_xaxes(**axes)
    figure.update_yaxes(**axes, fixedrange=True)
    figure.update_annotations(font={"color": INK, "size": 12})
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 20
    figure.update_layout(
        height=above + 210 * rows, margin_t=above, margin_b=50, margin_l=40, showlegend=False
    )
    return figure


def _arrow(figure: Any, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    figure.add_annotation(
        x=end[0], y=end[1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowwidth=1.6, arrowcolor=colour,
    )  # fmt: skip


def _dotted(colour: str) -> dict[str, Any]:
    return {"color": colour, "width": 1.6, "dash": "dot"}
