"""Inside PhysMLE: which experts contributed for this face, in words, in a figure and as a table.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if PhysMLE gave no heart rate, because
the gates for noise say nothing about the face.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import plotly.graph_objects as go

from rppg_core.figures import experts as expert_figure
from rppg_core.types import Estimate, Reading, Report

from .section import PanelWords, details, estimate_with_rate, method_section, paragraphs, table

NAME = "physmle"
FIGURE_LABEL = "Heat maps of PhysMLE's experts; the same numbers stand beside them as tables"
RR_S = 17  # shortest segment for its breathing head; PhysMLEConfig.rr_window at 30 Hz
HEADS = {"hr": "heart rate (bpm)", "rr": "breathing (breaths/min)", "spo2": "SpO2 (%)"}  # in `direct`
TERMS = (
    "An <b>expert</b> is a small change that is added to a layer of the network; its <b>gate</b>, 0 to 2, sets how "
    "strongly it acts for this face."
)


WORDS = PanelWords(
    name=NAME,
    called="PhysMLE",
    shows="which of its experts contribute for this face",
    does="What its experts do",
    terms=TERMS,
)


def _inside(estimate: Estimate) -> tuple[str, str]:
    """Sentences on the experts, then read-outs and tables."""
    if not expert_figure.has_experts(estimate.inside):
        return paragraphs(["This PhysMLE has no experts."]), ""
    return paragraphs(expert_figure.expert_words(estimate.inside)), _heads(estimate) + _tables(estimate)


panel = partial(method_section, words=WORDS, inside=_inside)


def figure(report: Report) -> go.Figure | None:
    """Tasks by experts above layers by experts; None if `panel` has nothing to show."""
    estimate = estimate_with_rate(report, NAME)
    if estimate is None or not expert_figure.has_experts(estimate.inside):
        return None
    return expert_figure.expert_figure(estimate.inside)


def _heads(estimate: Estimate) -> str:
    """The rates that PhysMLE regresses, beside those from its waveform, which the page uses."""
    waveform = {"hr": _reading(estimate.vitals.hr), "rr": _reading(estimate.vitals.rr)}
    missing = {"rr": f"— needs {RR_S} s in one piece"}
    rows = []
    for task, name in HEADS.items():
        value = estimate.direct.get(task)
        said = missing.get(task, "—") if value is None else f"{value:.1f}"
        rows.append((name, said, waveform.get(task, "—")))
    read_out = table("Read-out of the heads of PhysMLE", ("", "its heads", "its waveform"), rows)
    return (
        f"{read_out}<p class='soft'>Read-out of its heads, shown for comparison; it is not the estimate above. "
        "SpO2 is experimental and not calibrated for your camera.</p>"
    )


def _tables(estimate: Estimate) -> str:
    """Both heat maps as tables, for readers who cannot see them."""
    shares, gates = (np.asarray(estimate.inside[name]) for name in expert_figure.NEEDED[::-1])
    head = ("", *(f"expert {k + 1}" for k in range(gates.shape[1])))
    by_task = [
        (name, *(f"{100 * share:.0f} %" for share in row))
        for name, row in zip(expert_figure.task_names(shares), shares, strict=True)
    ]
    by_layer = [(f"layer {k + 1}", *(f"{gate:.2f}" for gate in row)) for k, row in enumerate(gates)]
    tables = table("Share of what the experts add", head, by_task) + table("Mean gate", head, by_layer)
    return details("The figure's numbers as tables", tables)


def _reading(reading: Reading) -> str:
    return "not shown" if reading.value is None else f"{reading.value:.1f}"
