"""Figures for the lessons on networks: a drawing of the parts, matrices side by side, numbers in cells, small plots.

A notebook computes values and states the finding; the figures look like those of `course.figures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from rppg_core.course.figures import SIMULATED, set_wide_title
from rppg_core.figures.style import GRID, INK, PALETTE, REFERENCE, empty_figure

if TYPE_CHECKING:
    import plotly.graph_objects

AROUND_ZERO = [[0, PALETTE["blue"]], [0.5, "#D9D9D9"], [1, PALETTE["vermilion"]]]
FROM_ZERO = [[0, "#D9D9D9"], [1, PALETTE["orange"]]]  # black numbers are readable on both ends
ON_CELLS = "#1A1A1A"


class Box(NamedTuple):
    """A box of the drawing."""

    x: float  # of its centre
    y: float
    width: float
    words: str
    colour: str


HEIGHT = 0.62  # of a box; 0.8 with two lines of text


def half_height(box: Box) -> float:
    """Half of the height of a box."""
    return (0.8 if "<br>" in box.words else HEIGHT) / 2


def matrices(
    parts: Mapping[str, Float[np.ndarray, "row column"]],
    *,
    finding: str,
    data: str = SIMULATED,
    limit: float | None = None,
    from_zero: bool = False,
    marked: Sequence[tuple[int, int]] = (),
) -> plotly.graph_objects.Figure:
    """Matrices side by side, with cells of equal size and one colour scale, each below its name.

    Args:
        parts: name -> matrix.
        finding: the title, a sentence that states what the figure shows.
        data: where the numbers come from, for the subtitle.
        limit: value of the strongest colour; None is the largest magnitude. Fix it in a slider.
        from_zero: colours for numbers that are never negative; otherwise the colours are centred on zero.
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
        upper = (tallest - rows) / 2
        figure.add_trace(go.Heatmap(
            z=np.asarray(part, np.float32), x=left + np.arange(columns) + 0.5,
            y=upper + np.arange(rows) + 0.5, zmin=0 if from_zero else -top, zmax=top, xgap=1, ygap=1,
            colorscale=FROM_ZERO if from_zero else AROUND_ZERO, hovertemplate=name + ": %{z:.3g}<extra></extra>",
            showscale=not middles or len(middles) == 1,
            colorbar={"outlinewidth": 0, "thickness": 12, "tickcolor": INK}))  # fmt: skip
        for row, column in marked:
            figure.add_shape(
                type="rect",
                x0=left + column,
                x1=left + column + 1,
                y0=upper + row,
                y1=upper + row + 1,
                line={"color": ON_CELLS, "width": 2},
            )
        left += columns + gap
    figure.update_xaxes(tickvals=list(middles.values()), ticktext=list(middles), side="top", showgrid=False,
                        showline=False, constrain="domain", tickfont={"size": 12})  # fmt: skip
    figure.update_yaxes(visible=False, autorange="reversed", scaleanchor="x", constrain="domain")
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 24
    figure.update_layout(
        height=above + 60 + min(300, 640 * tallest / left), margin_t=above, margin_b=60, showlegend=False
    )
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
    """A table of numbers with cells coloured by value, from 0 to `top`; it can also be read without colour.

    Args:
        values: the numbers.
        rows: names of the rows, from top to bottom.
        columns: names of the columns.
        finding: the title, a sentence that states what the figure shows.
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
    """Small plots of one curve each, each with its own scales.

    Args:
        parts: title -> curve.
        finding: the title, a sentence that states what the figure shows.
        data: where the curves come from, for the subtitle.
        columns: number of plots side by side.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    rows = -(-len(parts) // columns)
    plain = empty_figure(100)
    figure: Any = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=list(parts),
        vertical_spacing=0.32 / rows,
        horizontal_spacing=0.07,
    )
    figure.update_layout(plain.layout.to_plotly_json() | {"xaxis": {}, "yaxis": {}})
    colours = cycle(colour for colour in PALETTE.values() if colour != PALETTE["yellow"])
    for k, (name, panel) in enumerate(parts.items()):
        row, column = k // columns + 1, k % columns + 1
        figure.add_trace(
            go.Scatter(
                x=np.asarray(panel.x),
                y=np.asarray(panel.y),
                mode="lines",
                name=name,
                line={"color": next(colours), "width": 2},
                hovertemplate="%{x:.4g}: %{y:.4g}<extra></extra>",
            ),
            row=row,
            col=column,
        )
        figure.update_xaxes(title_text=panel.axis, row=row, col=column)
    axes = {
        "gridcolor": GRID,
        "zeroline": False,
        "showline": True,
        "linecolor": GRID,
        "title_font_size": 11,
        "title_standoff": 4,
        "tickfont_size": 11,
    }
    figure.update_xaxes(**axes)
    figure.update_yaxes(**axes, fixedrange=True)
    figure.update_annotations(font={"color": INK, "size": 12})
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 20
    figure.update_layout(
        height=above + 210 * rows, margin_t=above, margin_b=50, margin_l=40, showlegend=False
    )
    return figure


def empty_drawing(x_range: tuple[float, float], y_range: tuple[float, float]) -> Any:
    """A figure without axes, on which boxes and arrows are drawn."""
    figure: Any = empty_figure(320)
    figure.update_xaxes(visible=False, range=x_range)
    figure.update_yaxes(visible=False, range=y_range)
    return figure


def draw_boxes(figure: Any, boxes: Mapping[str, Box]) -> None:
    """Add boxes with their words."""
    for box in boxes.values():
        left, half = box.x - box.width / 2, half_height(box)
        corners = {"x0": left, "x1": left + box.width, "y0": box.y - half, "y1": box.y + half}
        figure.add_shape(type="rect", line={"color": box.colour, "width": 2}, **corners)
        write_words(figure, box.words, box.x, box.y)


def draw_flows(
    figure: Any, boxes: Mapping[str, Box], flows: Iterable[tuple[str, str]], *, down: bool = False
) -> None:
    """Add an arrow from each box to the next: from its right side to a left one, or down from its bottom."""
    for start, end in flows:
        one, other = boxes[start], boxes[end]
        if down:
            begin, stop = (one.x, one.y - half_height(one)), (other.x, other.y + half_height(other))
        else:
            begin, stop = (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y)
        draw_arrow(figure, begin, stop, REFERENCE)


def write_words(figure: Any, words: str, x: float, y: float, *, font_size: int = 11, **place: Any) -> None:
    """Add words to a drawing; `place` goes to plotly's annotation."""
    font = {"color": INK, "size": font_size}
    figure.add_annotation(x=x, y=y, text=words, showarrow=False, font=font, **place)


def draw_arrow(figure: Any, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
    """An arrow between two points of a drawing."""
    figure.add_annotation(
        x=end[0], y=end[1], ax=start[0], ay=start[1], xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowwidth=1.6, arrowcolor=colour,
    )  # fmt: skip


def dotted_line(colour: str) -> dict[str, Any]:
    """The style of a dotted line in a drawing."""
    return {"color": colour, "width": 1.6, "dash": "dot"}
