"""The parts of PhysMLE in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rppg_core.course.figures import set_wide_title
from rppg_core.course.network_figures import HEIGHT, Box, dotted_line, draw_arrow
from rppg_core.figures.style import ESTIMATE, INK, PALETTE, REFERENCE, empty_figure

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
ANSWERS = {"pulse": "pulse", "hr": "heart rate", "rr": "breathing", "spo2": "oxygen"}


def idea_picture(*, finding: str, note: str) -> plotly.graph_objects.Figure:
    """The parts of PhysMLE: features flow to the right; the query, drawn above them, controls routers and gates.

    Args:
        finding: the title, a sentence that states what the figure shows.
        note: how to read it.
    """
    figure: Any = empty_figure(320)
    for start, end in FLOWS:
        one, other = BOXES[start], BOXES[end]
        draw_arrow(figure, (one.x + one.width / 2, one.y), (other.x - other.width / 2, other.y), REFERENCE)
    query = 2.5
    figure.add_shape(type="path", path=f"M 2.4 0.4 L 2.4 {query} L 9.6 {query}", line=dotted_line(ROUTING))
    for x, low in ((4.5, 1.91), (7.1, 1.91), (9.6, 1.51)):
        draw_arrow(figure, (x, query), (x, low), ROUTING)
    for x in (4.5, 7.1):
        draw_arrow(figure, (x, 1.29), (x, 0.4), ROUTING)
    figure.add_annotation(x=3.4, y=query, text="query", showarrow=False, yshift=10, font={"color": INK})
    for box in BOXES.values():
        half = (0.8 if "<br>" in box.words else HEIGHT) / 2
        figure.add_shape(
            type="rect",
            x0=box.x - box.width / 2,
            x1=box.x + box.width / 2,
            y0=box.y - half,
            y1=box.y + half,
            line={"color": box.colour, "width": 2},
        )
        figure.add_annotation(
            x=box.x, y=box.y, text=box.words, showarrow=False, font={"color": INK, "size": 11}
        )
    for name, words in ANSWERS.items():
        figure.add_annotation(
            x=13.05,
            y=BOXES[name].y,
            text=words,
            showarrow=False,
            xanchor="left",
            font={"color": INK, "size": 12},
        )
    figure.update_xaxes(visible=False, range=[0, 14.6])
    figure.update_yaxes(visible=False, range=[-1.7, 2.9])
    set_wide_title(figure, finding, note)
    figure.update_layout(height=400, margin_b=20, margin_l=10)
    return figure
