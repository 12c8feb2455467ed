"""Plain figures for the lessons: curves, points in colour space, pictures and bars, in the style of the project.

A notebook computes values and states the finding; the appearance of a figure is defined here and in
`rppg_core.figures`. The subtitle of every figure says where its data come from. All functions return plotly
figures, which `teach.show` displays.
"""

from __future__ import annotations

import base64
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from rppg_core.figures.report import BAND
from rppg_core.figures.style import ESTIMATE, GRID, INK, PALETTE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

CHANNELS = {"red": PALETTE["vermilion"], "green": PALETTE["green"], "blue": PALETTE["blue"],
            "GREEN": PALETTE["green"], "CHROM": PALETTE["blue"], "POS": ESTIMATE,
            "lamp": PALETTE["orange"], "gloss": PALETTE["sky"], "blood": ESTIMATE}  # fmt: skip
SIMULATED = "simulated"
YARDSTICK = {"color": REFERENCE, "dash": "dash", "width": 1.5}
CAMERA = {
    "eye": {"x": 1.7, "y": 1.5, "z": 1.2},
    "center": {"x": 0, "y": 0, "z": -0.15},
}  # the whole cube is visible
Range = tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """Axis titles with units, and ranges that stay fixed when a slider moves."""

    x: str
    y: str
    x_range: Range | None = None
    y_range: Range | None = None
    band: Range | None = None  # shaded range of the abscissa, such as the heart-rate band


def lines(
    x: Any,
    curves: Mapping[str, Any],
    *,
    finding: str,
    axes: Axes,
    data: str = SIMULATED,
    reference: Sequence[str] = (),
    marks: Mapping[str, float] | None = None,
) -> plotly.graph_objects.Figure:
    """Curves over one abscissa. The last one that is not a reference has the accent colour; see CHANNELS.

    Args:
        x: abscissa for all curves, or {name: abscissa}.
        curves: name -> ordinates.
        finding: the title, a sentence that states what the figure shows.
        axes: titles, ranges, shaded band.
        data: where the data come from, for the subtitle.
        reference: curves that are the truth or a yardstick; drawn first, as broad grey lines.
        marks: name -> abscissa of a vertical dashed line.
    """
    import plotly.graph_objects as go

    figure = empty_figure(320)
    chosen = _colours([name for name in curves if name not in reference])
    for name in sorted(curves, key=lambda name: name not in reference):
        grey = name in reference
        figure.add_trace(go.Scatter(
            x=np.asarray(x[name] if isinstance(x, Mapping) else x), y=np.asarray(curves[name]), name=name,
            mode="lines", opacity=0.7 if grey else 1.0, hovertemplate=name + ", %{x:.4g}: %{y:.4g}",
            line={"color": REFERENCE, "width": 3.5} if grey else {"color": chosen[name], "width": 1.8},
        ))  # fmt: skip
    for name, at in (marks or {}).items():
        figure.add_vline(at, line=YARDSTICK, annotation={"text": name, "font": {"color": INK, "size": 12}})
    return _finished(figure, finding, data, axes)


def dots(
    x: Any,
    groups: Mapping[str, Any],
    *,
    finding: str,
    axes: Axes,
    data: str = SIMULATED,
    levels: Mapping[str, float] | None = None,
) -> plotly.graph_objects.Figure:
    """Points, such as a Bland-Altman plot.

    Args:
        x: abscissa for all groups, or {name: abscissa}.
        groups: name -> ordinates.
        finding: the title, a sentence that states what the figure shows.
        axes: titles, ranges, shaded band.
        data: where the data come from, for the subtitle.
        levels: name -> ordinate of a horizontal dashed line, such as limits of agreement.
    """
    import plotly.graph_objects as go

    figure = empty_figure(320)
    chosen = _colours(list(groups))
    for name, values in groups.items():
        figure.add_trace(go.Scatter(
            x=np.asarray(x[name] if isinstance(x, Mapping) else x), y=np.asarray(values), name=name, mode="markers",
            marker={"color": chosen[name], "size": 9, "line": {"color": INK, "width": 0.5}},
            hovertemplate=name + ", %{x:.4g}: %{y:.4g}"))  # fmt: skip
    for name, at in (levels or {}).items():
        words = {"text": f"{name} {at:.3g}", "font": {"color": INK, "size": 12}, "xanchor": "right"}
        figure.add_hline(at, line=YARDSTICK, annotation=words)
    return _finished(figure, finding, data, axes)


def bars(
    heights: Mapping[str, float],
    *,
    finding: str,
    axis: str,
    data: str = SIMULATED,
    accent: Sequence[str] = (),
    y_range: Range | None = None,
) -> plotly.graph_objects.Figure:
    """One bar per name, labelled with its number.

    Args:
        heights: name -> number.
        finding: the title, a sentence that states what the figure shows.
        axis: title of the ordinate, with its unit.
        data: where the data come from, for the subtitle.
        accent: bars in the accent colour; the others are grey.
        y_range: range of the ordinate; fix it in a slider.
    """
    import plotly.graph_objects as go

    figure = empty_figure(280)
    figure.add_trace(go.Bar(
        x=list(heights), y=list(heights.values()), text=[f"{height:.3g}" for height in heights.values()],
        textposition="outside", cliponaxis=False, textfont={"color": INK},
        marker={"color": [ESTIMATE if name in accent else REFERENCE for name in heights]}))  # fmt: skip
    figure.update_xaxes(type="category")  # "0.5 %" is a name; plotly would read it as a number
    return _finished(figure, finding, data, Axes("", axis, y_range=y_range))


def colour_space(
    clouds: Mapping[str, Float[np.ndarray, "point 3"]],
    arrows: Mapping[str, Float[np.ndarray, " 3"]],
    *,
    finding: str,
    axes: tuple[str, str, str] = ("red", "green", "blue"),
    data: str = SIMULATED,
    plane: Float[np.ndarray, " 3"] | None = None,
    side: float | None = None,
) -> plotly.graph_objects.Figure:
    """Colours as points, and directions as arrows from the origin, in three dimensions.

    Args:
        clouds: name -> points; two points or more are joined by a thin line.
        arrows: name -> tip of the arrow from the origin.
        finding: the title, a sentence that states what the figure shows.
        axes: titles of the three axes.
        data: where the data come from, for the subtitle.
        plane: normal of a plane through the origin to draw, such as (1, 1, 1) for the plane of POS.
        side: half the length of the axes; None fits all points. Fix it in a slider.
    """
    import plotly.graph_objects as go

    ends = [np.atleast_2d(points) for points in (*clouds.values(), *arrows.values())]
    half = side if side is not None else 1.1 * max(float(np.abs(end).max()) for end in ends)
    figure = empty_figure(420)
    chosen = _colours([*clouds, *arrows])
    if plane is not None:
        corners = _square_across(np.asarray(plane, float), half)
        figure.add_trace(go.Mesh3d(
            x=corners[:, 0], y=corners[:, 1], z=corners[:, 2], i=[0, 0], j=[1, 2], k=[2, 3], color=REFERENCE,
            opacity=0.25, hoverinfo="skip", name="plane", showlegend=True))  # fmt: skip
    for name, points in clouds.items():
        x, y, z = np.asarray(points).T
        figure.add_trace(go.Scatter3d(
            x=x, y=y, z=z, name=name, mode="lines+markers", line={"color": chosen[name], "width": 2},
            marker={"color": chosen[name], "size": 2.5}, hoverinfo="name"))  # fmt: skip
    for name, end in arrows.items():
        tip, colour = np.asarray(end, float), chosen[name]
        x, y, z = np.outer([0.0, 1.0], tip).T
        figure.add_trace(
            go.Scatter3d(
                x=x, y=y, z=z, name=name, mode="lines", line={"color": colour, "width": 8}, hoverinfo="name"
            )
        )
        x, y, z = tip[:, None]
        u, v, w = (tip / max(float(np.linalg.norm(tip)), 1e-12))[:, None]
        figure.add_trace(go.Cone(
            x=x, y=y, z=z, u=u, v=v, w=w, anchor="tip", sizemode="raw", sizeref=0.2 * half, name=name,
            colorscale=[[0, colour], [1, colour]], showscale=False, hoverinfo="name"))  # fmt: skip
    axis = {
        "range": [-half, half],
        "nticks": 5,
        "color": INK,
        "gridcolor": GRID,
        "backgroundcolor": "rgba(0,0,0,0)",
    }
    scene = {
        key: axis | {"title": {"text": title}}
        for key, title in zip(("xaxis", "yaxis", "zaxis"), axes, strict=True)
    }
    figure.update_layout(
        scene=scene | {"aspectmode": "cube", "dragmode": "orbit", "camera": CAMERA},
        height=560,
        uirevision="kept",
    )
    set_wide_title(figure, finding, data)
    return figure


def heat_map(
    values: Float[np.ndarray, "row column"],
    *,
    finding: str,
    axes: Axes,
    unit: str,
    data: str = SIMULATED,
    x: Any = None,
    limit: float | None = None,
) -> plotly.graph_objects.Figure:
    """A matrix as a picture with colours centred on zero, such as an STMap with one cell per row.

    Args:
        values: the matrix; zero is the middle of the colours.
        finding: the title, a sentence that states what the figure shows.
        axes: titles with units.
        unit: of the values, shown beside the colour bar.
        data: where the data come from, for the subtitle.
        x: abscissa of the columns; None numbers them.
        limit: value of the strongest colour; None takes the 98th percentile. Fix it in a slider.
    """
    import plotly.graph_objects as go

    top = limit if limit is not None else float(np.nanpercentile(np.abs(values), 98)) or 1.0
    figure = empty_figure(320)
    figure.add_trace(go.Heatmap(
        z=np.asarray(values, dtype=np.float32), x=x, zmin=-top, zmax=top, hoverinfo="x+y+z",
        colorscale=[[0, PALETTE["blue"]], [0.5, "#D9D9D9"], [1, PALETTE["vermilion"]]],
        colorbar={"title": {"text": unit}, "outlinewidth": 0, "thickness": 12, "tickcolor": INK}))  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return _finished(figure, finding, data, axes)


def pictures(
    images: Mapping[str, np.ndarray],
    *,
    finding: str,
    data: str = SIMULATED,
    outlines: Mapping[str, Mapping[str, np.ndarray]] | None = None,
) -> plotly.graph_objects.Figure:
    """Colour pictures side by side, each below its name.

    Args:
        images: name -> picture (height, width, 3), grey levels 0..255. 256 pixels or less, since they
            are stored in the notebook.
        finding: the title, a sentence that states what the figure shows.
        data: where the data come from, for the subtitle.
        outlines: name of a picture -> name of a region -> its corners (point, 2) in pixels.
    """
    import cv2
    import plotly.graph_objects as go

    figure: Any = empty_figure(320)
    left, lowest, drawn = 0.0, 0.0, {}
    regions = sorted({region for of in (outlines or {}).values() for region in of})
    chosen = _colours(regions)
    for name, image in images.items():
        whole = np.ascontiguousarray(np.clip(np.round(image), 0, 255).astype(np.uint8))
        height, width = whole.shape[:2]
        ok, coded = cv2.imencode(".png", whole[:, :, ::-1])
        assert ok, "OpenCV could not encode a picture"
        drawn[name] = left + width / 2
        figure.add_trace(
            go.Image(
                source="data:image/png;base64," + base64.b64encode(coded.tobytes()).decode(),
                x0=left,
                hoverinfo="skip",
            )
        )
        for region, corners in (outlines or {}).get(name, {}).items():
            closed = np.vstack([corners, corners[:1]]) + np.array([left, 0])
            first = name == next(iter(outlines or {}))
            figure.add_trace(go.Scatter(
                x=closed[:, 0], y=closed[:, 1], name=region, mode="lines", hoverinfo="name", legendgroup=region,
                showlegend=first, line={"color": chosen[region], "width": 2.5}))  # fmt: skip
        left, lowest = left + width * 1.06, max(lowest, height)
    figure.update_xaxes(tickvals=list(drawn.values()), ticktext=list(drawn), showgrid=False, showline=False,
                        side="top", range=[0, left], constrain="domain", tickfont={"size": 12})  # fmt: skip
    figure.update_yaxes(visible=False, range=[lowest, 0], scaleanchor="x", constrain="domain")
    set_wide_title(figure, finding, data)
    above = (figure.layout.margin.t or 76) + 24
    figure.update_layout(height=above + 50 + min(290, 690 * lowest / left), margin_t=above, margin_b=50)
    return figure


def _finished(figure: Any, finding: str, data: str, axes: Axes) -> Any:
    figure.update_xaxes(title_text=axes.x, range=axes.x_range)
    figure.update_yaxes(title_text=axes.y, range=axes.y_range)
    if axes.band is not None:
        figure.add_vrect(*axes.band, fillcolor=BAND, line_width=0, layer="below")
    set_wide_title(figure, finding, data)
    figure.update_layout(height=430, showlegend=len(figure.data) > 1)
    return figure


def set_wide_title(figure: plotly.graph_objects.Figure, finding: str, data: str) -> None:
    """The finding above, the source of the data below; lines are long, as a notebook is wider than a phone."""
    set_title(figure, finding, data)
    title, subtitle = textwrap.wrap(finding, 68), textwrap.wrap(data, 92)
    small = f"<span style='font-size:12px'>{'<br>'.join(subtitle)}</span>"
    figure.update_layout(title_text=f"<b>{'<br>'.join(title)}</b><br>{small}",
                         margin_t=26 + 20 * (len(title) + len(subtitle)))  # fmt: skip


def _colours(names: Sequence[str]) -> dict[str, str]:
    """Names in CHANNELS keep their colour; the last of the others is in the accent, the rest in PALETTE."""
    free = [name for name in names if name not in CHANNELS]
    others = cycle(colour for colour in PALETTE.values() if colour != ESTIMATE)
    chosen = dict(zip(free, others, strict=False)) | dict.fromkeys(free[-1:], ESTIMATE)
    return {name: CHANNELS.get(name) or chosen[name] for name in names}


def _square_across(normal: np.ndarray, half: float) -> Float[np.ndarray, "4 3"]:
    """Corners of a square in the plane with that normal."""
    along = np.linalg.svd(normal[None])[2][1:] * half
    return np.array([along[0] + along[1], along[0] - along[1], -along[0] - along[1], along[1] - along[0]])
