"""The parts of PhysVLM in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import (
    Box,
    dotted_line,
    draw_arrow,
    draw_boxes,
    empty_drawing,
    half_height,
    write_words,
)
from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE

if TYPE_CHECKING:
    import plotly.graph_objects

STUDENT, TEACHER, ANSWER = PALETTE["blue"], PALETTE["green"], ESTIMATE
BOXES = {
    "map": Box(0.9, 0.9, 1.6, "face map<br>36 cells", REFERENCE),
    "texts": Box(0.9, -1.6, 1.6, "sentences<br>on rhythm", REFERENCE),
    "encoder": Box(3.2, 0.9, 1.8, "CellEncoder", STUDENT),
    "wavelets": Box(5.5, 0.9, 1.9, "Wavelet<br>TemporalBlock", STUDENT),
    "attention": Box(8.1, 0.9, 2.3, "FrequencyAligned<br>SpatialAttention", STUDENT),
    "heads": Box(10.5, 0.9, 1.5, "WaveHead", STUDENT),
    "teacher": Box(4.4, -1.6, 2.2, "VisionLanguage<br>Teacher", TEACHER),
    "embedding": Box(8.1, -1.6, 2.2, "Student<br>Embedding", STUDENT),
    "pulse": Box(12.5, 1.5, 1.3, "pulse", ANSWER),
    "breath": Box(12.5, 0.3, 1.3, "breath", ANSWER),
}
FLOWS = (
    ("map", "encoder"),
    ("encoder", "wavelets"),
    ("wavelets", "attention"),
    ("attention", "heads"),
    ("heads", "pulse"),
    ("heads", "breath"),
    ("map", "teacher"),
    ("texts", "teacher"),
)
NARROW = {
    name: BOXES[name]._replace(x=x, y=y, width=width)
    for name, x, y, width in (
        ("texts", 1.7, 0, 2.8),
        ("map", 6.6, 0, 2.6),
        ("teacher", 1.9, -1.6, 3.2),
        ("encoder", 6.6, -1.6, 2.8),
        ("wavelets", 6.6, -3.1, 3.2),
        ("embedding", 1.9, -5.4, 2.6),
        ("attention", 6.6, -4.6, 3.8),
        ("heads", 6.6, -6.0, 2.4),
        ("pulse", 5.2, -7.4, 2.0),
        ("breath", 8.2, -7.4, 2.0),
    )
}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The student from left to right; below it the teacher, with which the student's embedding is compared.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = empty_drawing((0, 13.3), (-2.2, 2.0))
    for start, end in FLOWS:
        one, other = BOXES[start], BOXES[end]
        draw_arrow(figure, (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y), REFERENCE)
    heads, own, teacher = (BOXES[name] for name in ("heads", "embedding", "teacher"))
    bottom = heads.y - half_height(heads)
    draw_arrow(figure, (heads.x, bottom), (own.x + own.width / 2, own.y), REFERENCE)
    start, end = teacher.x + teacher.width / 2, own.x - own.width / 2
    figure.add_shape(type="path", path=f"M {start} {own.y} L {end - 0.2} {own.y}", line=dotted_line(TEACHER))
    draw_arrow(figure, (end - 0.25, own.y), (end, own.y), TEACHER)
    write_words(figure, "distillation", (start + end) / 2, own.y + 0.3)
    draw_boxes(figure, BOXES)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: everything flows down."""
    figure = empty_drawing((0, 10), (-7.9, 0.6))
    for start, end in FLOWS:
        one, other = NARROW[start], NARROW[end]
        draw_arrow(
            figure, (one.x, one.y - half_height(one)), (other.x, other.y + half_height(other)), REFERENCE
        )
    heads, own, teacher = (NARROW[name] for name in ("heads", "embedding", "teacher"))
    draw_arrow(figure, (heads.x - heads.width / 2, heads.y), (own.x + own.width / 2, own.y), REFERENCE)
    draw_arrow(
        figure, (teacher.x, teacher.y - half_height(teacher)), (own.x, own.y + half_height(own)), TEACHER
    )
    write_words(figure, "distillation", teacher.x + 0.2, -3.4, xanchor="left")
    draw_boxes(figure, NARROW)
    figure.update_layout(height=600, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
