"""How much motion and light change the skin: clips of a folder beside what the simulator draws for training.

Drawn from the JSON of protocol `injected` alone. One panel a quantity; each curve is the share of clips that change
less than the value below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.figures.style import ESTIMATE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

PANEL_PX = 130
CENTRAL = (0.05, 0.95)


def light_spread_figure(rows: Sequence[Mapping[str, Any]]) -> plotly.graph_objects.Figure:
    """Distribution of every quantity, recorded and drawn.

    Args:
        rows: "light" of the result of protocol `injected`.

    Returns:
        A plotly figure; its title tells how many of the recorded values lie within the central 90 % of the draws.
    """
    import plotly.graph_objects as go

    fig: Any = empty_figure(*[PANEL_PX] * len(rows))
    for row, quantity in enumerate(rows, start=1):
        for name, key, colour in (
            ("these clips", "recorded", REFERENCE),
            ("drawn for training", "drawn", ESTIMATE),
        ):
            values = np.maximum(np.sort(np.asarray(quantity[key], float)), 1e-3)
            share = np.arange(1, len(values) + 1) / max(len(values), 1)
            fig.add_trace(go.Scatter(
                x=values, y=100 * share, mode="lines", line={"color": colour, "width": 2, "shape": "hv"},
                name=name, legendgroup=name, showlegend=row == 1,
                hovertemplate="%{y:.0f} % of clips change less than %{x:.2f} %<extra></extra>"),
                row=row, col=1)  # fmt: skip
        fig.update_xaxes(type="log", title_text=f"{quantity['quantity']} (%)", row=row, col=1)
        fig.update_yaxes(title_text="% of clips", range=[0, 103], row=row, col=1)
    n = max((len(row["recorded"]) for row in rows), default=0)
    note = f"standard deviation in 0.7 to 3 Hz; grey: {n} clips; colour: simulated, without their pulse"
    set_title(fig, _finding(rows), note)
    return fig


def _finding(rows: Sequence[Mapping[str, Any]]) -> str:
    within, total = 0, 0
    for row in rows:
        low, high = np.quantile(row["drawn"], CENTRAL)
        values = np.asarray(row["recorded"], float)
        within += int(((values >= low) & (values <= high)).sum())
        total += len(values)
    return f"{within} of {total} values of these clips lie within 90 % of the draws"
