"""The parts of PhysLLM in one picture."""

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

FROZEN, TRAINED, ANSWER = PALETTE["blue"], PALETTE["green"], ESTIMATE
BOXES = {
    "map": Box(0.7, 0.7, 1.2, "face map<br>36 cells", REFERENCE),
    "encoder": Box(2.5, 0.7, 1.6, "CellsEncoder", FROZEN),
    "steady": Box(4.8, 1.5, 1.8, "DualDomain<br>Stationary", TRAINED),
    "patches": Box(7.1, 1.5, 1.7, "SignalPatches", TRAINED),
    "vision": Box(7.1, 0, 1.9, "VisionAggregator", TRAINED),
    "guidance": Box(9.4, 0.7, 1.6, "TextPrototype<br>Guidance", TRAINED),
    "texts": Box(2.5, -1.5, 1.6, "three texts", REFERENCE),
    "prompts": Box(7.1, -1.5, 1.9, "AdaptivePrompt<br>Learning", TRAINED),
    "language": Box(11.6, -0.4, 1.8, "LanguageModel", FROZEN),
    "head": Box(13.7, -0.4, 1.4, "PatchHead", TRAINED),
    "pulse": Box(15.3, -0.4, 0.9, "pulse", ANSWER),
}
FLOWS = (
    ("map", "encoder"),
    ("encoder", "steady"),
    ("encoder", "vision"),
    ("steady", "patches"),
    ("patches", "guidance"),
    ("vision", "guidance"),
    ("texts", "prompts"),
    ("prompts", "language"),
    ("guidance", "language"),
    ("language", "head"),
    ("head", "pulse"),
)
NARROW = {
    name: BOXES[name]._replace(x=x, y=y, width=width)
    for name, x, y, width in (
        ("map", 3.4, 0, 2.6),
        ("encoder", 3.4, -1.3, 3.0),
        ("steady", 1.9, -2.8, 3.2),
        ("patches", 1.9, -4.2, 3.2),
        ("vision", 5.3, -4.2, 3.2),
        ("guidance", 3.4, -5.6, 3.2),
        ("texts", 8.4, -2.8, 2.7),
        ("prompts", 8.4, -5.6, 2.9),
        ("language", 5.9, -7.1, 3.0),
        ("head", 5.9, -8.3, 2.6),
        ("pulse", 5.9, -9.5, 2.0),
    )
}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of PhysLLM: signal and face flow to the right on two lanes, the texts on a third below them.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = empty_drawing((0, 15.9), (-2.1, 2.3))
    draw_flows(figure, BOXES, FLOWS)
    texts = BOXES["texts"]
    face, encoder = BOXES["map"], BOXES["encoder"]
    figure.add_shape(
        type="path",
        path=f"M {face.x} {face.y - half_height(face)} L {face.x} {texts.y}",
        line=dotted_line(REFERENCE),
    )
    draw_arrow(figure, (face.x, texts.y), (texts.x - texts.width / 2, texts.y), REFERENCE)
    draw_arrow(
        figure,
        (texts.x, encoder.y - half_height(encoder)),
        (texts.x, texts.y + half_height(texts)),
        REFERENCE,
    )
    write_words(figure, "context", face.x + 0.05, -0.45, xanchor="left")
    write_words(figure, "statistics", texts.x + 0.05, -0.45, xanchor="left")
    draw_boxes(figure, BOXES)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: everything flows down, the texts on the right."""
    figure = empty_drawing((0, 10), (-10, 0.5))
    draw_flows(figure, NARROW, FLOWS, down=True)
    texts, face, encoder = (NARROW[name] for name in ("texts", "map", "encoder"))
    figure.add_shape(
        type="path",
        path=f"M {face.x + face.width / 2} {face.y} L {texts.x + 0.5} {face.y}",
        line=dotted_line(REFERENCE),
    )
    draw_arrow(figure, (texts.x + 0.5, face.y), (texts.x + 0.5, texts.y + half_height(texts)), REFERENCE)
    figure.add_shape(
        type="path",
        path=f"M {encoder.x + encoder.width / 2} {encoder.y} L {texts.x - 0.5} {encoder.y}",
        line=dotted_line(REFERENCE),
    )
    draw_arrow(figure, (texts.x - 0.5, encoder.y), (texts.x - 0.5, texts.y + half_height(texts)), REFERENCE)
    write_words(figure, "context", 6.4, face.y, yshift=9)
    write_words(figure, "statistics", 6.4, encoder.y, yshift=9)
    draw_boxes(figure, NARROW)
    figure.update_layout(height=680, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
