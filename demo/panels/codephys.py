"""Inside CodePhys: the items of its codebook that make up the pulse of this face, and the distances of a wall.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if CodePhys gave no heart rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from rppg_core.figures import codes
from rppg_core.types import Report

from .section import lesson_link, quiet, section, table, why_empty

NAME = "codephys"
TITLE = "Inside CodePhys"
FIGURE_LABEL = (
    "The pulse before and after the codebook, its items over time, and how near face and wall came to them"
)
TERMS = (
    "The <b>codebook</b> holds pieces of clean PPG, about an eighth of a second each, and the pulse can only be made "
    "of these. The network outputs a plausible pulse for anything, even for a wall; only the distance of its queries "
    "to their items tells them apart."
)
SCORES = {"near": "closeness of queries to items", "decided": "certainty between items"}  # evidence


def panel(report: Report, waiting: Sequence[str] = ()) -> str:
    """Sentences and evidence; one small line of text if there is nothing to show.

    Args:
        report: result of the analysis.
        waiting: methods that are still to come.

    Returns:
        One HTML section.
    """
    if empty := why_empty(
        report,
        waiting,
        NAME,
        called="CodePhys",
        shows="the items of its codebook that make up the pulse of this face",
        does="What its codebook gives",
    ):
        return quiet(TITLE, empty)
    estimate = report.estimates[NAME]
    words = codes.code_words(estimate.inside) if codes.has_codes(estimate.inside) else []
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in words)
    about = f'<p class="soft">{TERMS} Weights: {escape(estimate.weights)}.{lesson_link(NAME)}</p>'
    rows = [
        (words, f"{estimate.evidence[name]:.2f}")
        for name, words in SCORES.items()
        if name in estimate.evidence
    ]
    scores = table("Probability of a pulse, by", ("", "for this face"), rows) if rows else ""
    return section(TITLE, said + about + scores)


def figure(report: Report) -> go.Figure | None:
    """Pulse, codes and closeness over time; None if `panel` has nothing to show."""
    estimate = report.estimates.get(NAME)
    if estimate is None or estimate.vitals.hr.refused or not codes.has_codes(estimate.inside):
        return None
    return codes.codes_figure(estimate.inside)
