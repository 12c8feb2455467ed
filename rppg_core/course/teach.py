"""Figures with words, and sliders that show relations.

Only the notebooks use it. Everything can be read without interaction: a slider opens on a setting that makes the
point, and it also works on an exported page without a kernel. plotly, IPython and ipywidgets are imported on first
use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.figures.style import ESTIMATE, GRID, INK

if TYPE_CHECKING:
    import plotly.graph_objects

SLIDER_PX = 84  # height that a slider adds below a figure
PLOTLY_MIME, WIDGET_MIME = "application/vnd.plotly.v1+json", "application/vnd.jupyter.widget-view+json"


def show(figure: plotly.graph_objects.Figure, *, alt: str) -> None:
    """Show a figure with a description for people who cannot see it.

    Args:
        figure: from `rppg_core.figures`, `course.figures` or `slider`.
        alt: what the figure shows and what follows from it, in one or two sentences; stored in notebook and pages.
    """
    import plotly.io as pio

    shown = described(figure, alt)
    renderers = str(pio.renderers.default)
    if any(name in renderers for name in ("colab", "kaggle", "azure", "notebook", "iframe")):
        shown.show()
        return
    display_bundle({PLOTLY_MIME: shown.to_dict() | {"config": CONFIG}, "text/plain": alt})


def slider(
    figures: Callable[[Any], plotly.graph_objects.Figure] | Mapping[Any, plotly.graph_objects.Figure],
    values: Sequence[Any],
    *,
    name: str,
    unit: str = "",
    start: Any = None,
) -> plotly.graph_objects.Figure:
    """One figure with a slider through figures computed in advance; needs no kernel.

    Args:
        figures: makes the figure for a value, or maps values to figures. All have the same traces in the same
            order, and fixed axis ranges, so that the eye can compare them.
        values: the stops of the slider, 3 to 25 of them; text or numbers.
        name: of the quantity that the slider changes, such as "window length".
        unit: of this quantity, such as "s".
        start: value at which the figure opens; None is the middle one. Choose the one that makes the point.

    Returns:
        A plotly figure with one frame per value; display it with `show`.

    Raises:
        UsageError: fewer than two values, `start` is not among them, or the figures differ in their traces.
    """
    import plotly.graph_objects as go

    values = list(values)
    start = values[len(values) // 2] if start is None and values else start
    if len(values) < 2 or start not in values:
        raise UsageError(
            f"{len(values)} values, start {start!r}",
            wanted="two or more values that include start",
            do="pass the values at which the slider stops",
        )
    made = [slim(figures[value] if isinstance(figures, Mapping) else figures(value)) for value in values]
    kinds = [[trace["type"] for trace in figure.to_dict()["data"]] for figure in made]
    if any(kind != kinds[0] for kind in kinds):
        raise UsageError(
            f"figures with the traces {kinds}",
            wanted="the same traces for every value",
            do="draw every curve in every figure, with empty lists for one without points",
        )
    labels = [f"{value:g}" if isinstance(value, (float, np.floating)) else str(value) for value in values]
    moving = go.Figure(made[values.index(start)])
    moving.frames = [
        go.Frame(name=label, data=figure.data, layout=_layout_of_frame(figure))
        for label, figure in zip(labels, made, strict=True)
    ]
    return _with_slider(moving, labels, values.index(start), name, unit)


def live(function: Callable[..., plotly.graph_objects.Figure], *, alt: str, **ranges: Any) -> None:
    """A figure with a control for each argument, recomputed at every change; needs a kernel.

    Without ipywidgets and anywidget, and on a page without a kernel, the figure for the initial settings is shown.

    Args:
        function: makes the figure from the named settings, in 0.3 s or less.
        alt: what the initial figure shows; see `show`.
        ranges: for each argument (low, high, step, first), a list of choices (opens on the first one), or a bool.

    Raises:
        UsageError: a range is none of these.
    """
    controls = {name: _control(name, spec) for name, spec in ranges.items()}
    first = described(function(**{name: control["value"] for name, control in controls.items()}), alt)
    bundle: dict[str, Any] = {PLOTLY_MIME: first.to_dict() | {"config": CONFIG}, "text/plain": alt}
    try:
        panel = live_panel(function, first, controls)
    except ImportError:
        print("for live controls: pip install ipywidgets anywidget")
    else:
        bundle[WIDGET_MIME] = {"version_major": 2, "version_minor": 0, "model_id": panel.model_id}
    display_bundle(bundle)


def live_panel(function: Callable[..., Any], first: Any, controls: Mapping[str, Mapping[str, Any]]) -> Any:
    """The ipywidgets box of `live`: its controls above its figure.

    Args:
        function: makes the figure from the named settings.
        first: its figure for the initial settings.
        controls: name -> kind and options of the control, as `live` makes them from its ranges.
    """
    import ipywidgets
    import plotly.graph_objects as go

    figure: Any = go.FigureWidget(first)
    made = {}
    for name, control in controls.items():
        options = {key: value for key, value in control.items() if key != "kind"}
        made[name] = getattr(ipywidgets, control["kind"])(
            description=name.replace("_", " "), style={"description_width": "initial"}, **options
        )

    def redraw(_change: Any) -> None:
        fresh = function(**{name: widget.value for name, widget in made.items()})
        with figure.batch_update():
            for old, new in zip(figure.data, fresh.data, strict=True):
                old.update(new.to_plotly_json(), overwrite=True)
            figure.layout.update(_layout_of_frame(fresh), overwrite=True)

    for widget in made.values():
        widget.observe(redraw, names="value")
    return ipywidgets.VBox([ipywidgets.HBox(list(made.values())), figure])


def display_bundle(bundle: dict[str, Any]) -> None:
    """Show a MIME bundle in a notebook; elsewhere print its text, which is all that a terminal can show."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        print(bundle["text/plain"])
        return
    if get_ipython() is None:
        print(bundle["text/plain"])
    else:
        display(bundle, raw=True)


def described(figure: plotly.graph_objects.Figure, alt: str) -> plotly.graph_objects.Figure:
    """A copy with its description in `layout.meta`, where the pages and pictures find it, and with 32-bit floats.

    Raises:
        UsageError: the description is missing.
    """
    if len(alt.split()) < 5:
        raise UsageError(
            f"alt text {alt!r}", wanted="a sentence", do="say what the figure shows and what follows from it"
        )
    copied = slim(figure)
    copied.update_layout(meta={"alt": alt})
    return copied


def slim(figure: plotly.graph_objects.Figure) -> plotly.graph_objects.Figure:
    """A copy with 32-bit numbers, which take half the bytes in a committed notebook."""
    import plotly.graph_objects as go

    whole: Any = figure
    data, frames = (
        [_narrowed(part.to_plotly_json()) for part in parts] for parts in (whole.data, whole.frames)
    )
    return go.Figure(data=data, frames=frames, layout=whole.layout.to_plotly_json())


# JupyterLab itself fits figures to its width; with "responsive", plotly shrinks a moved figure to zero height there
CONFIG = {"displaylogo": False, "responsive": False, "displayModeBar": False}


def _control(name: str, spec: Any) -> dict[str, Any]:
    if isinstance(spec, bool):
        return {"kind": "Checkbox", "value": spec}
    if isinstance(spec, list) and spec:
        return {"kind": "Dropdown", "options": spec, "value": spec[0]}
    if isinstance(spec, tuple) and len(spec) == 4:
        low, high, step, first = spec
        whole = all(isinstance(number, int) for number in spec)
        return {
            "kind": "IntSlider" if whole else "FloatSlider",
            "min": low,
            "max": high,
            "step": step,
            "value": first,
            "continuous_update": False,
        }
    raise UsageError(
        f"{name} = {spec!r}",
        wanted="(low, high, step, first), a list or a bool",
        do="give the control one of these",
    )


def _layout_of_frame(figure: Any) -> dict[str, Any]:
    """The part of the layout that may change between frames: title, notes and shapes; the axes stay fixed."""
    layout = figure.to_dict()["layout"]
    return {key: layout[key] for key in ("title", "annotations", "shapes") if key in layout}


def _with_slider(figure: Any, labels: list[str], active: int, name: str, unit: str) -> Any:
    still = {"duration": 0}
    steps = [
        {
            "label": label,
            "method": "animate",
            "args": [
                [label],
                {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": still},
            ],
        }
        for label in labels
    ]
    below = figure.layout.margin.b or 80
    height = (figure.layout.height or 450) + SLIDER_PX
    figure.update_layout(
        height=height, margin_b=below + SLIDER_PX,
        sliders=[{
            "active": active, "steps": steps, "x": 0, "len": 1, "xanchor": "left", "y": 0, "yanchor": "top",
            "pad": {"t": max(below - 40, 24)}, "bgcolor": GRID, "activebgcolor": ESTIMATE, "bordercolor": INK,
            "tickcolor": INK, "font": {"color": INK, "size": 12},
            "currentvalue": {"prefix": f"{name}: ", "suffix": f" {unit}".rstrip(), "font": {"size": 15}},
        }],
    )  # fmt: skip
    return figure


def _narrowed(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype == np.float64:
        return value.astype(np.float32)
    if isinstance(value, Mapping):
        return {key: _narrowed(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_narrowed(inner) for inner in value]
    return value
