"""Inside PhysMLE: which experts contributed for this face, in words, in a figure and as a table.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if PhysMLE gave no heart rate, because
the gates for noise say nothing about the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from rppg_core.figures import experts as expert_figure
from rppg_core.types import Estimate, Reading, Report
from rppg_core.video.inspect import NOTEBOOKS

from .inspection import SOURCE

NAME = "physmle"
FIGURE_LABEL = "Heat maps of PhysMLE's experts; the same numbers stand beside them as tables"
RR_S = 17  # shortest segment for its breathing head; PhysMLEConfig.rr_window at 30 Hz
HEADS = {"hr": "heart rate (bpm)", "rr": "breathing (breaths/min)", "spo2": "SpO2 (%)"}  # in `direct`
# The class is written twice so that these rules take precedence over Gradio's rules for tables.
STYLE = """
.physmle.physmle {
  & h3 { font-size: 1.1rem; font-weight: 600; margin: 0 0 .5rem; }
  & p { margin: 0 0 .5rem; line-height: 1.5; max-width: 56rem; text-wrap: pretty; }
  & .soft { color: var(--soft, inherit); font-size: .875rem; }
  & table { border-collapse: collapse; border: 0; width: 100%; margin: .5rem 0; font-size: .875rem;
            font-variant-numeric: tabular-nums; }
  & caption { text-align: left; font-weight: 600; padding: .25rem 0; }
  & :is(tr, th, td) { border: 0; background: none; }
  & :is(th, td) { padding: .3rem .5rem .3rem 0; border-bottom: 1px solid var(--line, #8886); text-align: right;
                  font-weight: 400; vertical-align: top; }
  & :is(th, td):first-child { text-align: left; }
  & thead th { color: var(--soft, inherit); }
  & a { padding: 0; margin: 0; }
  & summary { cursor: pointer; padding: .5rem 0; font-size: .875rem; }
}
"""
TERMS = (
    "An <b>expert</b> is a small change that is added to a layer of the network; its <b>gate</b>, 0 to 2, sets how "
    "strongly it acts for this face."
)


def panel(report: Report, waiting: Sequence[str] = ()) -> str:
    """Sentences, read-outs and numbers; one small line of text if there is nothing to show.

    Args:
        report: result of the analysis.
        waiting: methods that are still to come.

    Returns:
        One HTML section.
    """
    estimate = report.estimates.get(NAME)
    if estimate is None and NAME in waiting:
        return _quiet("PhysMLE is still to come.")
    if estimate is None:
        return _quiet(
            f"Tick <b>{NAME}</b> above and analyse to see which of its experts contribute for this face."
        )
    if estimate.vitals.hr.refused:
        cause = escape(estimate.vitals.hr.note)
        return _quiet(
            f"PhysMLE gave no heart rate ({cause}). What its experts do without a pulse says nothing about "
            "this face, so it is not shown."
        )
    if not expert_figure.has_experts(estimate.inside):
        return _quiet("This PhysMLE has no experts.")
    words = "".join(f"<p>{escape(sentence)}</p>" for sentence in expert_figure.expert_words(estimate.inside))
    about = f'<p class="soft">{TERMS} Weights: {escape(estimate.weights)}.{_lesson()}</p>'
    return _section(words + about + _heads(estimate) + _tables(estimate))


def figure(report: Report) -> go.Figure | None:
    """Tasks by experts above layers by experts; None if `panel` has nothing to show."""
    estimate = report.estimates.get(NAME)
    if estimate is None or estimate.vitals.hr.refused or not expert_figure.has_experts(estimate.inside):
        return None
    return expert_figure.expert_figure(estimate.inside)


def _section(inside: str) -> str:
    return (
        f'<style>{STYLE}</style><section class="physmle" aria-label="Inside PhysMLE"><h3>Inside PhysMLE</h3>'
        f"{inside}</section>"
    )


def _quiet(words: str) -> str:
    return _section(f'<p class="soft">{words}</p>')


def _lesson() -> str:
    """A link to the notebook, like those of the inspection card; empty if there is no notebook."""
    path = next(NOTEBOOKS.glob(f"[0-9][0-9]_{NAME}.ipynb"), None)
    if path is None:
        return ""
    address = escape(f"{SOURCE}{NOTEBOOKS.name}/{path.name}")
    return f' <a href="{address}" target="_blank" rel="noopener">The lesson builds it part by part.</a>'


def _heads(estimate: Estimate) -> str:
    """The rates that PhysMLE regresses, beside those from its waveform, which the page uses."""
    waveform = {"hr": _reading(estimate.vitals.hr), "rr": _reading(estimate.vitals.rr)}
    missing = {"rr": f"— needs {RR_S} s in one piece"}
    rows = []
    for task, name in HEADS.items():
        value = estimate.direct.get(task)
        said = missing.get(task, "—") if value is None else f"{value:.1f}"
        rows.append((name, said, waveform.get(task, "—")))
    table = _table("Read-out of the heads of PhysMLE", ("", "its heads", "its waveform"), rows)
    return (
        f"{table}<p class='soft'>Read-out of its heads, shown for comparison; it is not the estimate above. "
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
    tables = _table("Share of what the experts add", head, by_task) + _table("Mean gate", head, by_layer)
    return f"<details><summary>The figure's numbers as tables</summary>{tables}</details>"


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _reading(reading: Reading) -> str:
    return "not shown" if reading.value is None else f"{reading.value:.1f}"
