"""Which experts of a mixture contributed for one clip: two heat maps, and their content in words.

The input is the arrays that a report keeps under `inside` for a network with experts (`models.physmle`), so torch is
not needed. Every cell shows its number; the colour only repeats it and is faint enough for mid-grey text on a light
or dark background. The thresholds below select the sentences; they are our choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from rppg_core.figures.style import empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

TASKS = ("heart rate", "SpO2", "breathing")  # rows of `task_experts`
NEEDED = ("router_gates", "task_experts")
COLLAPSED = 0.9  # collapsed: one expert adds at least this share for every task
MOST = 0.5  # a share above this is most of what the experts add
EQUAL = 0.1  # shares within this distance of 1 / E are about equal
ALIKE = 0.05  # tasks whose shares differ by less use the experts alike
EVEN_GATES = 0.2  # mean gates of a layer (0 to 2) that differ by less favour no expert

ROW_PX = 26
STRONGEST = 0.6  # opacity of the strongest colour
SHARE_COLOURS = [[0, "rgba(213, 94, 0, 0)"], [1, f"rgba(213, 94, 0, {STRONGEST})"]]  # ESTIMATE
GATE_COLOURS = [
    [0, f"rgba(0, 114, 178, {STRONGEST})"],  # PALETTE["blue"]
    [0.5, "rgba(128, 128, 128, 0.04)"],
    [1, f"rgba(213, 94, 0, {STRONGEST})"],
]
WHOLE = "of what the experts of the last layer add"
Inside = Mapping[str, np.ndarray]


def has_experts(inside: Inside) -> bool:
    """Whether a report has the arrays needed here; that of an ablation without experts has not."""
    return all(name in inside for name in NEEDED)


def task_names(shares: Float[np.ndarray, "task expert"]) -> Sequence[str]:
    """Names for the rows of "task_experts"."""
    return TASKS if len(shares) == len(TASKS) else ("all tasks",)


def expert_figure(inside: Inside) -> plotly.graph_objects.Figure:
    """Tasks by experts (share of what the experts add) above layers by experts (mean gates).

    Args:
        inside: "task_experts" (task, expert), shares 0..1 behind each task's gate in the last layer, rows as TASKS,
            or one row of a network without task gates; "router_gates" (layer, expert), means over channels and
            time, 0..2.

    Returns:
        A plotly figure that fits a phone; its title states the finding.
    """
    shares, gates = np.asarray(inside["task_experts"]), np.asarray(inside["router_gates"])
    heights = (ROW_PX * len(shares), ROW_PX * len(gates))
    fig: Any = empty_figure(*heights)
    _add_cells(fig, 100 * shares, task_names(shares), SHARE_COLOURS, (0, 100), "%{z:.0f} %", row=1)
    layers = [f"layer {k + 1}" for k in range(len(gates))]
    _add_cells(fig, gates, layers, GATE_COLOURS, (0, 2), "%{z:.2f}", row=2)
    for row, text in enumerate(
        ("Share of what the experts add", "Mean gate: 0 shut, 1 as it is, 2 double"), start=1
    ):
        fig.add_annotation(
            text=f"<b>{text}</b>", x=0, y=1, xref="x domain", yref="y domain", xanchor="left", xshift=-72, yshift=4,
            yanchor="bottom", showarrow=False, font_size=12, row=row, col=1,
        )  # fmt: skip
    note = "above: last layer, behind each task's gate; below: every layer from the map on, with experts of its own"
    set_title(fig, expert_finding(inside), note)
    fig.update_layout(
        height=sum(heights) + fig.layout.margin.t + 24 + 80 + 44,
        margin_t=fig.layout.margin.t + 24,
        margin_b=44,
        margin_l=76,
    )
    return fig


def expert_finding(inside: Inside) -> str:
    """Which expert does most of the work, in a few words."""
    return _who(np.asarray(inside["task_experts"]))[0]


def expert_words(inside: Inside) -> tuple[str, ...]:
    """Plain sentences: which expert works for which task, whether the router favours one, how much they all add.

    Args:
        inside: as for `expert_figure`.
    """
    shares, gates = np.asarray(inside["task_experts"]), np.asarray(inside["router_gates"])
    who = ": ".join(part for part in _who(shares) if part)
    return f"{who}.", _router_words(shares, gates), *_size_words(inside)


def _who(shares: Float[np.ndarray, "task expert"]) -> tuple[str, str]:
    """The finding, and its numbers."""
    n_tasks, n_experts = shares.shape
    leaders = shares.argmax(axis=1)
    most = int(shares.sum(axis=0).argmax())
    if not shares.any():
        return "The experts add nothing", "the network answers with its trunk alone"
    if n_experts == 1:
        return "There is one expert, and nothing to choose", ""
    if (shares[:, most] >= COLLAPSED).all():
        least = np.floor(100 * shares[:, most].min())
        return f"Collapsed onto expert {most + 1}", f"{least:.0f} % or more {WHOLE}, whatever the task"
    if (np.abs(shares - 1 / n_experts) <= EQUAL).all():
        return "All experts are used about equally", f"{_percent(shares)} {WHOLE}{_tasks_apart(shares)}"
    if (leaders == leaders[0]).all():
        verb = "does most of the work" if shares[:, most].min() > MOST else "adds the largest part"
        whom = "every task" if n_tasks > 1 else "all tasks"
        numbers = f"{_percent(shares[:, most])} {WHOLE}{_tasks_apart(shares)}"
        return f"Expert {most + 1} {verb} for {whom}", numbers
    return "The tasks lean on different experts", f"{_led(shares, leaders.tolist())}, {WHOLE}"


def _led(shares: Float[np.ndarray, "task expert"], leaders: Sequence[int]) -> str:
    """'expert 2 leads for heart rate (48 %), expert 1 for SpO2 (40 %) and breathing (44 %)'."""
    led: dict[int, list[str]] = {}
    for name, leader, row in zip(task_names(shares), leaders, shares, strict=True):
        led.setdefault(leader, []).append(f"{name} ({100 * row[leader]:.0f} %)")
    parts = [f"expert {leader + 1} for {' and '.join(names)}" for leader, names in led.items()]
    return ", ".join(parts).replace(" for", " leads for", 1)


def _router_words(shares: Float[np.ndarray, "task expert"], gates: Float[np.ndarray, "layer expert"]) -> str:
    if (gates == 1).all():
        return "There is no router: every expert is let through as it is."
    between = f"{gates.min():.2f} to {gates.max():.2f}"
    if gates.shape[1] == 1:
        return f"Over the layers its gate is {between} on average."
    apart = gates.max(axis=1) - gates.min(axis=1)
    if apart.max() < EVEN_GATES:
        words = (
            f"On average the router lets all experts through about alike (gates {between}) and favours none"
        )
        uneven = shares.any() and np.ptp(shares, axis=1).max() > EQUAL
        return words + ("; the shares differ mostly by the experts' own weights." if uneven else ".")
    most = int(shares.sum(axis=0).argmax())
    others = np.delete(gates[-1], most)
    if (shares[:, most] >= COLLAPSED).all() and gates[-1, most] - others.max() >= EVEN_GATES:
        words = f"gate {gates[-1, most]:.2f} for it, {others.max():.2f} or less for the others"
        return f"It is the router that has collapsed: {words} in the last layer."
    layer = int(apart.argmax())
    loud, quiet = int(gates[layer].argmax()), int(gates[layer].argmin())
    return (
        f"The router chooses most in layer {layer + 1}: gate {gates[layer, loud]:.2f} for its expert {loud + 1}, "
        f"{gates[layer, quiet]:.2f} for its expert {quiet + 1}."
    )


def _size_words(inside: Inside) -> list[str]:
    """The size of what all experts of a layer add, relative to its trunk; shares alone do not show it."""
    if "expert_size" not in inside or not np.any(inside["expert_size"]):
        return []
    size = _percent(np.asarray(inside["expert_size"]))
    return [f"What all experts of a layer add is {size} of the size of its trunk's output."]


def _add_cells(
    fig: Any,
    values: Float[np.ndarray, "row expert"],
    rows: Sequence[str],
    colours: Sequence[Sequence[Any]],
    limits: tuple[float, float],
    number: str,
    *,
    row: int,
) -> None:
    """One heat map, its first row on top, a number in every cell."""
    import plotly.graph_objects as go

    experts = [f"expert {k + 1}" for k in range(values.shape[1])]
    fig.add_trace(go.Heatmap(
        z=values.astype(np.float32), x=experts, y=list(rows), zmin=limits[0], zmax=limits[1], colorscale=colours,
        showscale=False, xgap=3, ygap=3, texttemplate=f"<b>{number}</b>", textfont={"size": 13},
        hovertemplate=f"%{{y}}, %{{x}}: {number}<extra></extra>"), row=row, col=1)  # fmt: skip
    fig.update_xaxes(showgrid=False, showline=False, fixedrange=True, row=row, col=1)
    fig.update_yaxes(autorange="reversed", showgrid=False, showline=False, row=row, col=1)


def _percent(shares: np.ndarray) -> str:
    """'48 to 50 %', or '48 %' where rounding leaves one number."""
    low, high = round(100 * float(shares.min())), round(100 * float(shares.max()))
    return f"{low} %" if low == high else f"{low} to {high} %"


def _tasks_apart(shares: Float[np.ndarray, "task expert"]) -> str:
    if len(shares) == 1:
        return ""
    alike = np.ptp(shares, axis=0).max() < ALIKE
    return f"; the tasks' gates choose {'almost alike' if alike else 'differently'}"
