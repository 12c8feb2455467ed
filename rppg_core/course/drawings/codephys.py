"""The parts of CodePhys in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import (
    Box,
    dotted_line,
    draw_arrow,
    draw_boxes,
    draw_flows,
    empty_drawing,
    half_height,
    write_words,
)
from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE

if TYPE_CHECKING:
    import plotly.graph_objects

FIRST, SECOND, ANSWER = PALETTE["blue"], PALETTE["green"], ESTIMATE
BOXES = {
    "ppg": Box(0.9, 1.6, 1.6, "clean PPG", REFERENCE),
    "map": Box(0.9, 0, 1.6, "face map<br>36 cells", REFERENCE),
    "wave": Box(0.9, -1.6, 1.6, "wave of<br>any method", REFERENCE),
    "signal encoder": Box(3.8, 1.6, 2.0, "SignalEncoder", FIRST),
    "encoder": Box(3.8, 0, 2.0, "SpatialAware<br>Encoder", SECOND),
    "plugin": Box(3.8, -1.6, 2.0, "SignalEncoder,<br>the plug-in", SECOND),
    "codebook": Box(7.1, 0, 1.7, "Codebook", FIRST),
    "decoder": Box(9.8, 0, 1.9, "SignalDecoder", FIRST),
    "trust": Box(9.8, -1.6, 1.9, "QueryTrust", SECOND),
    "pulse": Box(12.3, 0, 1.5, "pulse", ANSWER),
    "confidence": Box(12.3, -1.6, 1.5, "confidence", ANSWER),
}
FLOWS = (
    ("ppg", "signal encoder"),
    ("map", "encoder"),
    ("wave", "plugin"),
    ("signal encoder", "codebook"),
    ("encoder", "codebook"),
    ("plugin", "codebook"),
    ("codebook", "decoder"),
    ("codebook", "trust"),
    ("decoder", "pulse"),
    ("trust", "confidence"),
)
NARROW = {
    name: BOXES[name]._replace(x=x, y=y, width=width)
    for name, x, y, width in (
        ("ppg", 1.6, 0, 2.6),
        ("map", 5.0, 0, 2.6),
        ("wave", 8.4, 0, 2.8),
        ("signal encoder", 1.6, -1.6, 2.9),
        ("encoder", 5.0, -1.6, 2.7),
        ("plugin", 8.4, -1.6, 2.9),
        ("codebook", 5.0, -3.3, 2.4),
        ("decoder", 3.0, -4.9, 3.0),
        ("trust", 7.2, -4.9, 2.6),
        ("pulse", 3.0, -6.3, 2.0),
        ("confidence", 7.2, -6.3, 2.6),
    )
}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of CodePhys: PPG, face and wave flow to the right on three lanes, which meet in the codebook.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = empty_drawing((0, 13.2), (-2.2, 2.2))
    draw_flows(figure, BOXES, FLOWS)
    teacher, pupil = BOXES["signal encoder"], BOXES["encoder"]
    top, bottom = teacher.y - half_height(teacher), pupil.y + half_height(pupil)
    figure.add_shape(
        type="path", path=f"M {teacher.x} {top} L {teacher.x} {bottom + 0.2}", line=dotted_line(SECOND)
    )
    draw_arrow(figure, (teacher.x, bottom + 0.25), (teacher.x, bottom), SECOND)
    write_words(figure, "distillation", teacher.x - 0.1, (top + bottom) / 2, xanchor="right")
    draw_boxes(figure, BOXES)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: everything flows down."""
    figure = empty_drawing((0, 10), (-6.8, 0.6))
    draw_flows(figure, NARROW, FLOWS, down=True)
    teacher, pupil = NARROW["signal encoder"], NARROW["encoder"]
    draw_arrow(
        figure, (teacher.x + teacher.width / 2, teacher.y), (pupil.x - pupil.width / 2, pupil.y), SECOND
    )
    write_words(figure, "distillation", (teacher.x + pupil.x) / 2, -0.8)
    draw_boxes(figure, NARROW)
    figure.update_layout(height=560, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
