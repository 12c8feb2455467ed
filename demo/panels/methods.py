"""The panels that show what happened inside a network: NAME.py beside this file is the panel of the network NAME.

It is found by that name; a network without such a file, or without weights, has no panel. The file defines
`panel(report, waiting)`, which returns HTML; `figure(report)`, which returns None if there is nothing to draw; and
FIGURE_LABEL, the figure's name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec

import plotly.graph_objects as go

from rppg_core.roster import get_network, list_networks
from rppg_core.types import Report


@dataclass(frozen=True)
class MethodPanel:
    """The panel of one network.

    Args:
        name: of the network.
        panel: makes one HTML section from a report and the names of the methods still to come.
        figure: makes a figure from a report.
        figure_label: name of the figure.
    """

    name: str
    panel: Callable[[Report, Sequence[str]], str]
    figure: Callable[[Report], go.Figure | None]
    figure_label: str


@cache
def method_panels() -> tuple[MethodPanel, ...]:
    """The existing panels, in the order of the networks; imported on first use."""
    return tuple(
        _load_panel(name)
        for name in list_networks()
        if get_network(name).ready and find_spec(f"{__package__}.{name}") is not None
    )


def _load_panel(name: str) -> MethodPanel:
    module = import_module(f"{__package__}.{name}")
    return MethodPanel(name, module.panel, module.figure, module.FIGURE_LABEL)
