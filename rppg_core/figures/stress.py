"""Figures of the stress lab: how a setting affects each method, and the waveforms at every value of it.

Nothing is estimated here: curves come from the results of protocol `stress`, waveforms from the packaged lab. Both
can be read without interaction; the slider under the waveforms moves through frames that are stored in the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.figures.report import LANE, display_wave
from rppg_core.figures.style import ESTIMATE, INK, PALETTE, REFERENCE, empty_figure, set_title
from rppg_core.lab.protocols.stress.lab import LabMoment, StressLab
from rppg_core.lab.protocols.stress.sweeps import Sweep, sweep_from_record
from rppg_core.types import FS, Bvp

if TYPE_CHECKING:
    import plotly.graph_objects

COLOURS = {
    "pos": ESTIMATE,
    "chrom": PALETTE["blue"],
    "green": PALETTE["green"],
    "ica": PALETTE["purple"],
    "pbv": PALETTE["orange"],
    "lgi": PALETTE["sky"],
}
DASHES = ("solid", "dash", "dot")
ALIKE_R = 0.1  # if no method loses more r than this, they are not ranked
BROKEN_R = 0.7  # the waveform figure opens where the first method falls below this
SEEN_S = 8.0
Cells = Sequence[Mapping[str, Any]]


def stress_figures(found: Mapping[str, Any]) -> Iterator[tuple[plotly.graph_objects.Figure, str, str]]:
    """Figure, name and description of every sweep of a result, for a page.

    Args:
        found: "stress" of `StressResult.to_dict()`, also after JSON.
    """
    for sweep in map(sweep_from_record, found["sweeps"]):
        words = f"Agreement with the true pulse and share of readings shown, by {sweep.knob}. {sweep.expect}"
        yield stress_curves(sweep, found["cells"]), f"stress-{sweep.name.replace(' ', '-')}", words


def stress_curves(sweep: Sweep, cells: Cells) -> plotly.graph_objects.Figure:
    """Correlation (r) of every method above, share of readings shown below, over the values of one setting.

    Args:
        sweep: the sweep of this setting.
        cells: as `StressResult.cells` or `StressLab.cells`; those of other sweeps are ignored.

    Returns:
        A plotly figure with equally spaced values. Bars are the range over people.
    """
    import plotly.graph_objects as go

    fig = empty_figure(260, 130)
    mine = [cell for cell in cells if cell["sweep"] == sweep.name]
    methods = [m for m in dict.fromkeys(cell["method"] for cell in mine) if not m.startswith("constant")]
    for k, name in enumerate(methods):
        at = {cell["value"]: cell for cell in mine if cell["method"] == name}
        stops = [(x, at[value]) for x, value in enumerate(sweep.values) if value in at]
        beside = 0.3 * ((k + 0.5) / len(methods) - 0.5)  # so that the lines do not hide each other
        line = {"color": COLOURS.get(name, INK), "width": 1.8, "dash": _dash(name, methods)}
        known = [(x + beside, cell["r"]) for x, cell in stops if cell["r"] is not None]
        if known:
            fig.add_trace(go.Scatter(
                x=[x for x, _ in known], y=[r["mean"] for _, r in known], name=name, legendgroup=name,
                error_y={"array": [r["high"] - r["mean"] for _, r in known], "symmetric": False,
                         "arrayminus": [r["mean"] - r["low"] for _, r in known], "thickness": 1, "width": 2},
                mode="lines+markers", line=line, hovertemplate=name + ", r %{y:.2f}"), row=1, col=1)  # fmt: skip
        fig.add_trace(go.Scatter(
            x=[x + beside for x, _ in stops], y=[100 * cell["shown"] for _, cell in stops], name=name,
            legendgroup=name, showlegend=not known, mode="lines+markers", line=line,
            hovertemplate=name + ", %{y:.0f} % shown"), row=2, col=1)  # fmt: skip
    ticks = {"tickvals": list(range(len(sweep.values))), "ticktext": [f"{value:g}" for value in sweep.values]}
    fig.update_xaxes(**ticks)
    fig.update_xaxes(title_text=f"{sweep.knob} ({sweep.unit})", row=2, col=1)
    fig.update_yaxes(title_text="r with the true pulse", range=[-0.1, 1.04], row=1, col=1)
    fig.update_yaxes(title_text="shown (%)", range=[-6, 106], row=2, col=1)
    people = max((cell["n"] for cell in mine), default=0)
    set_title(fig, _finding(sweep, mine), f"simulated clips; mean and range over {people} people")
    fig.update_layout(height=620)
    return fig


def stress_waves(lab: StressLab, sweep: str) -> plotly.graph_objects.Figure:
    """Waveforms of one person at every value of a setting, over the true pulse, with a slider.

    Args:
        lab: from `stress_lab()`.
        sweep: name of the sweep.

    Returns:
        A plotly figure with one frame per value; it opens where the first method fails, or at the hard end.

    Raises:
        UsageError: the sweep does not exist.
    """
    import plotly.graph_objects as go

    found = lab.at(sweep, lab.sweeps[sweep].benign if sweep in lab.sweeps else 0.0)
    knob, names = lab.sweeps[sweep], list(found.waves)
    fig = empty_figure(300)
    first = _opening(lab, knob)
    seen = found.times_s <= SEEN_S
    for lane in range(len(names)):
        fig.add_trace(
            go.Scatter(
                x=found.times_s[seen].astype(np.float32),
                y=(found.bvp[seen] - LANE * lane).astype(np.float32),
                name="truth",
                showlegend=not lane,
                hoverinfo="skip",
                line={"color": REFERENCE, "width": 3.5},
                opacity=0.6,
            )
        )
    fig.add_traces(_wave_traces(lab.at(sweep, first), names, seen))
    fig.update_xaxes(title_text="time (s)")
    fig.update_yaxes(
        showgrid=False,
        tickvals=[-LANE * k for k in range(len(names))],
        automargin=True,
        range=[-LANE * (len(names) - 1) - 3, 3],
        title_text="method and its r",
    )
    fig.frames = [_frame(fig, knob, value, lab.at(sweep, value), seen) for value in knob.values]
    _frame(fig, knob, first, lab.at(sweep, first), seen)
    fig.update_layout(height=520, sliders=[_slider(knob, first)], margin_b=150)
    return fig


def _frame(
    fig: plotly.graph_objects.Figure, knob: Sweep, value: float, moment: LabMoment, seen: np.ndarray
) -> plotly.graph_objects.Frame:
    """The frame for one value; it also sets title and labels of the figure itself to this value."""
    import plotly.graph_objects as go

    names = list(moment.waves)
    worst = min(names, key=lambda name: moment.r[name])
    set_title(
        fig,
        f"{knob.name.capitalize()} {value:g}: {worst} follows least, r {moment.r[worst]:.2f}",
        f"one simulated person at {moment.hr_bpm:.0f} bpm; band-passed for display",
    )
    labels = [f"{name} {moment.r[name]:.2f}" for name in names]
    fig.update_yaxes(ticktext=labels)
    return go.Frame(
        name=f"{value:g}",
        data=_wave_traces(moment, names, seen),
        traces=list(range(len(names), 2 * len(names))),
        layout={"title": fig.to_dict()["layout"]["title"], "yaxis": {"ticktext": labels}},
    )


def _wave_traces(moment: LabMoment, names: Sequence[str], seen: np.ndarray) -> list[Any]:
    import plotly.graph_objects as go

    valid = np.ones(len(moment.times_s), bool)
    waves = [display_wave(Bvp(moment.waves[name], FS, 0.0, valid))[seen] for name in names]
    return [
        go.Scatter(
            x=moment.times_s[seen].astype(np.float32),
            y=(wave - LANE * lane).astype(np.float32),
            name="estimate",
            showlegend=not lane,
            hovertemplate=names[lane] + ", %{x:.2f} s",
            line={"color": ESTIMATE, "width": 1.6},
        )
        for lane, wave in enumerate(waves)
    ]


def _slider(knob: Sweep, first: float) -> dict[str, Any]:
    """A slider with one step per frame, which replaces data, title and labels at once."""
    at_once = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    return {
        "active": knob.values.index(first),
        "currentvalue": {"prefix": f"{knob.knob}: ", "suffix": f" {knob.unit}"},
        "pad": {"t": 46, "b": 6},
        "steps": [
            {"label": f"{value:g}", "method": "animate", "args": [[f"{value:g}"], at_once]}
            for value in knob.values
        ],
    }


def _opening(lab: StressLab, knob: Sweep) -> float:
    for value in knob.values:
        if min(lab.at(knob.name, value).r.values()) < BROKEN_R:
            return value
    return knob.hard


def _dash(name: str, methods: Sequence[str]) -> str:
    """Solid for methods with their own colour; the others share one colour and differ in their dashes."""
    others = [method for method in methods if method not in COLOURS]
    return DASHES[others.index(name) % len(DASHES)] if name in others else "solid"


def _finding(sweep: Sweep, cells: Cells) -> str:
    """Which method keeps and which loses the waveform at the hardest value that has any."""
    known = [cell for cell in cells if cell["r"] is not None]
    if not known:
        return f"{sweep.name}: no waveform to judge"
    last = [value for value in sweep.values if any(cell["value"] == value for cell in known)][-1]
    first_r = {cell["method"]: cell["r"]["mean"] for cell in known if cell["value"] == sweep.benign}
    last_r = {cell["method"]: cell["r"]["mean"] for cell in known if cell["value"] == last}
    loss = {name: first_r[name] - r for name, r in last_r.items() if name in first_r}
    place = f"{sweep.name.capitalize()} {last:g}"
    if loss and max(loss.values()) < ALIKE_R:
        return f"{place} costs nobody more than {max(0.0, *loss.values()):.2f} of r"
    best, worst = max(last_r, key=lambda name: last_r[name]), min(last_r, key=lambda name: last_r[name])
    return f"{place}: {best} keeps r {last_r[best]:.2f}, {worst} {last_r[worst]:.2f}"
