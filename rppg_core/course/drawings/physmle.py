"""The parts of PhysMLE in one picture."""

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
FLOWS = (
    ("map", "stem"),
    ("stem", "first"),
    ("first", "last"),
    ("last", "gate hr"),
    ("last", "gate rr"),
    ("last", "gate spo2"),
    ("gate hr", "pulse"),
    ("gate hr", "hr"),
    ("gate rr", "rr"),
    ("gate spo2", "spo2"),
)
NARROW = {
    name: BOXES[name]._replace(x=x, y=y, width=width)
    for name, x, y, width in (
        ("map", 3, 0, 2.6),
        ("stem", 3, -1.3, 2.6),
        ("first", 3, -2.6, 3.2),
        ("last", 3, -3.9, 3.2),
        ("router one", 7.6, -2.6, 2.4),
        ("router two", 7.6, -3.9, 2.4),
        ("gate hr", 1.7, -5.6, 3.1),
        ("gate rr", 5.0, -5.6, 3.1),
        ("gate spo2", 8.3, -5.6, 3.1),
        ("pulse", 1.25, -7.0, 2.38),
        ("hr", 3.75, -7.0, 2.38),
        ("rr", 6.25, -7.0, 2.38),
        ("spo2", 8.75, -7.0, 2.38),
    )
}
ANSWERS = {"pulse": "pulse", "hr": "heart rate", "rr": "breathing", "spo2": "oxygen"}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of PhysMLE: features flow to the right; the query, drawn above them, controls routers and gates.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure = empty_drawing((0, 14.6), (-1.7, 2.9))
    draw_flows(figure, BOXES, FLOWS)
    query = 2.5
    figure.add_shape(type="path", path=f"M 2.4 0.4 L 2.4 {query} L 9.6 {query}", line=dotted_line(ROUTING))
    for x, low in ((4.5, 1.91), (7.1, 1.91), (9.6, 1.51)):
        draw_arrow(figure, (x, query), (x, low), ROUTING)
    for x in (4.5, 7.1):
        draw_arrow(figure, (x, 1.29), (x, 0.4), ROUTING)
    write_words(figure, "query", 3.4, query, yshift=10)
    draw_boxes(figure, BOXES)
    for name, words in ANSWERS.items():
        write_words(figure, words, 13.05, BOXES[name].y, xanchor="left", font_size=12)
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure


def narrow_picture() -> plotly.graph_objects.Figure:
    """The same for a narrow page, without a title: features flow down, and the query is on their right."""
    figure = empty_drawing((0, 10), (-8.15, 0.5))
    draw_flows(figure, NARROW, FLOWS, down=True)
    side, above_gates = 9.8, -4.75
    stem = NARROW["stem"]
    path = (
        f"M {stem.x + stem.width / 2} {stem.y} L {side} {stem.y} L {side} {above_gates} L 2.5 {above_gates}"
    )
    figure.add_shape(type="path", path=path, line=dotted_line(ROUTING))
    for name, fed in (("router one", "first"), ("router two", "last")):
        router, stage = NARROW[name], NARROW[fed]
        draw_arrow(figure, (side, router.y), (router.x + router.width / 2, router.y), ROUTING)
        draw_arrow(
            figure, (router.x - router.width / 2, router.y), (stage.x + stage.width / 2, stage.y), ROUTING
        )
    for gate in ("gate hr", "gate rr", "gate spo2"):
        box = NARROW[gate]
        draw_arrow(figure, (box.x + 0.8, above_gates), (box.x + 0.8, box.y + half_height(box)), ROUTING)
    write_words(figure, "query", 7.6, stem.y, yshift=10)
    draw_boxes(figure, NARROW)
    for name, words in ANSWERS.items():
        write_words(figure, words, NARROW[name].x, NARROW[name].y - 0.75, font_size=12)
    figure.update_layout(height=620, margin={"t": 10, "b": 10, "l": 2, "r": 2})
    return figure
