"""The style shared by all figures: colours, empty axes, titles that state the finding."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects

PALETTE = {
    "vermilion": "#D55E00",
    "blue": "#0072B2",
    "green": "#009E73",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
}
ESTIMATE = PALETTE["vermilion"]
REFERENCE = "#8C8C8C"
INK = "#767676"  # 4.5:1 on white, 4.3:1 on the darkest page
GRID = "rgba(128, 128, 128, 0.22)"


def empty_figure(*heights_px: int, gap_px: int = 80) -> plotly.graph_objects.Figure:
    """One plot per height, stacked vertically `gap_px` apart, in the common style."""
    from plotly.subplots import make_subplots

    rows = len(heights_px)
    gap = gap_px / (gap_px * (rows - 1) + sum(heights_px))
    fig = make_subplots(rows=rows, cols=1, row_heights=heights_px, vertical_spacing=gap if rows > 1 else 0)
    fig.update_layout(
        template="none", paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13, "color": INK},
        margin={"l": 56, "r": 14, "t": 76, "b": 100}, hovermode="closest", dragmode="pan",
        legend={"orientation": "h", "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"},
    )  # fmt: skip
    axes = {
        "gridcolor": GRID,
        "zeroline": False,
        "showline": True,
        "linecolor": GRID,
        "ticks": "",
        "title_font_size": 12,
        "title_standoff": 6,
    }
    fig.update_xaxes(**axes)
    fig.update_yaxes(**axes, fixedrange=True)
    return fig


def set_title(fig: plotly.graph_objects.Figure, finding: str, note: str) -> None:
    """Set the finding as title and the note on how to read it below, in lines short enough for a phone."""
    title, subtitle = textwrap.wrap(finding, 34), textwrap.wrap(note, 46)
    small = f"<span style='font-size:12px'>{'<br>'.join(subtitle)}</span>"
    fig.update_layout(
        title={
            "text": f"<b>{'<br>'.join(title)}</b><br>{small}",
            "font": {"size": 14},
            "x": 0,
            "xref": "container",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 16, "l": 2},
        },
        margin_t=20 + 20 * (len(title) + len(subtitle)),
    )
