"""The parts of TAST-Net in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import Box, draw_boxes, draw_flows, empty_drawing
from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE

if TYPE_CHECKING:
    import plotly.graph_objects

PICTURE, BRANCH, ANSWER = PALETTE["green"], PALETTE["blue"], ESTIMATE
BOXES = {
    "face": Box(0.9, 0, 1.6, "aligned<br>face", REFERENCE),
    "magnify": Box(3.0, 1.2, 1.5, "magnify", PICTURE),
    "pictures": Box(5.1, 0, 1.7, "raw and<br>magnified", PICTURE),
    "local": Box(7.4, 1.2, 1.8, "LocalBranch", BRANCH),
    "global": Box(7.4, -1.2, 1.8, "GlobalBranch", BRANCH),
    "fusion": Box(9.5, 0, 1.3, "Fusion", BRANCH),
    "head": Box(11.5, 0, 1.7, "Saturation<br>Head", BRANCH),
    "number": Box(13.7, 0.8, 1.6, "SpO2", ANSWER),
    "course": Box(13.7, -0.8, 1.6, "SpO2 of<br>each second", ANSWER),
}
FLOWS = (
    ("face", "magnify"),
    ("face", "pictures"),
    ("magnify", "pictures"),
    ("pictures", "local"),
    ("pictures", "global"),
    ("local", "fusion"),
    ("global", "fusion"),
    ("fusion", "head"),
    ("head", "number"),
    ("head", "course"),
)
NARROW = {
    name: BOXES[name]._replace(x=x, y=y, width=width)
    for name, x, y, width in (
        ("face", 5.0, 0, 2.4),
        ("magnify", 2.2, -1.4, 2.2),
        ("pictures", 5.0, -2.8, 2.8),
        ("local", 2.6, -4.3, 2.9),
        ("global", 7.4, -4.3, 3.0),
        ("fusion", 5.0, -5.7, 2.2),
        ("head", 5.0, -7.0, 2.8),
        ("number", 2.8, -8.5, 2.0),
        ("course", 7.2, -8.5, 2.8),
    )
}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """A face, raw and magnified, flows to the right through two branches.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = empty_drawing((0, 14.7), (-1.8, 1.8))
    draw_flows(figure, BOXES, FLOWS)
    draw_boxes(figure, BOXES)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=360, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: everything flows down."""
    figure = empty_drawing((0, 10), (-9.1, 0.6))
    draw_flows(figure, NARROW, FLOWS, down=True)
    draw_boxes(figure, NARROW)
    figure.update_layout(height=640, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
