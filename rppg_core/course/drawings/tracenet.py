"""The parts of TraceNet in one picture."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import (
    Box,
    draw_arrow,
    draw_boxes,
    empty_drawing,
    half_height,
    write_words,
)
from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE

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
    figure = empty_drawing((0, 13.8), (-1.2, 0.8))
    for one, other in pairwise(BOXES.values()):
        draw_arrow(figure, (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y), REFERENCE)
    draw_boxes(figure, BOXES)
    for name, words in SHAPES.items():
        write_words(figure, words, BOXES[name].x, -0.8)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=240, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: from top to bottom, with the shapes on the right."""
    figure = empty_drawing((0, 10), (-1.3 * len(NARROW) + 0.5, 0.7))
    for one, other in pairwise(NARROW.values()):
        draw_arrow(
            figure, (one.x, one.y - half_height(one)), (other.x, other.y + half_height(other)), REFERENCE
        )
    draw_boxes(figure, NARROW)
    for name, words in SHAPES.items():
        write_words(figure, words, 6.4, NARROW[name].y, xanchor="left", font_size=12)
    figure.update_layout(height=480, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
