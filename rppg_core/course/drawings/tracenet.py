"""The parts of TraceNet in one picture."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import Box, draw_arrow, half_height
from rppg_core.figures.style import ESTIMATE, INK, PALETTE, REFERENCE, empty_figure

if TYPE_CHECKING:
    import plotly.graph_objects

CELLS, TRUNK = PALETTE["green"], PALETTE["blue"]
BOXES = {
    "map": Box(1.1, 0, 1.8, "map of<br>36 cells", REFERENCE),
    "encoder": Box(3.5, 0, 1.9, "CellEncoder", CELLS),
    "attention": Box(6.0, 0, 2.0, "CellAttention", CELLS),
    "widen": Box(8.3, 0, 1.4, "widen", TRUNK),
    "trunk": Box(10.6, 0, 2.0, "six<br>TemporalBlocks", TRUNK),
    "head": Box(12.9, 0, 1.4, "head", ESTIMATE),
}
SHAPES = {
    "map": "T, N, 6",
    "encoder": "N, 20, T",
    "attention": "2 x 20, T",
    "widen": "48, T",
    "trunk": "48, T",
    "head": "pulse: T",
}
NARROW = {name: box._replace(x=3.6, y=-1.3 * k, width=4.4) for k, (name, box) in enumerate(BOXES.items())}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of TraceNet from left to right, and the shape of what leaves each of them.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = _empty_drawing((0, 13.8), (-1.2, 0.8))
    for one, other in pairwise(BOXES.values()):
        draw_arrow(figure, (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y), REFERENCE)
    _draw_boxes(figure, BOXES)
    for name, words in SHAPES.items():
        _write(figure, words, BOXES[name].x, -0.8)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=240, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: from top to bottom, with the shapes on the right."""
    figure = _empty_drawing((0, 10), (-1.3 * len(NARROW) + 0.5, 0.7))
    for one, other in pairwise(NARROW.values()):
        draw_arrow(
            figure, (one.x, one.y - half_height(one)), (other.x, other.y + half_height(other)), REFERENCE
        )
    _draw_boxes(figure, NARROW)
    for name, words in SHAPES.items():
        _write(figure, words, 6.4, NARROW[name].y, xanchor="left", font_size=12)
    figure.update_layout(height=480, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure


def _empty_drawing(x_range: tuple[float, float], y_range: tuple[float, float]) -> Any:
    figure: Any = empty_figure(240)
    figure.update_xaxes(visible=False, range=x_range)
    figure.update_yaxes(visible=False, range=y_range)
    return figure


def _draw_boxes(figure: Any, boxes: Mapping[str, Box]) -> None:
    for box in boxes.values():
        left, half = box.x - box.width / 2, half_height(box)
        corners = {"x0": left, "x1": left + box.width, "y0": box.y - half, "y1": box.y + half}
        figure.add_shape(type="rect", line={"color": box.colour, "width": 2}, **corners)
        _write(figure, box.words, box.x, box.y)


def _write(figure: Any, words: str, x: float, y: float, *, font_size: int = 11, **place: Any) -> None:
    font = {"color": INK, "size": font_size}
    figure.add_annotation(x=x, y=y, text=words, showarrow=False, font=font, **place)
