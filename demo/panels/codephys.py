"""Inside CodePhys: the items of its codebook that make up the pulse of this face, and the distances of a wall.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if CodePhys gave no heart rate.
"""

from __future__ import annotations

from functools import partial

import plotly.graph_objects as go

from rppg_core.figures import codes
from rppg_core.types import Estimate, Report

from .section import PanelWords, estimate_with_rate, method_section, paragraphs, table

NAME = "codephys"
FIGURE_LABEL = (
    "The pulse before and after the codebook, its items over time, and the closeness of face and wall"
)
TERMS = (
    "The <b>codebook</b> holds pieces of clean PPG, about an eighth of a second each, and the pulse can only be made "
    "of these. The network outputs a plausible pulse for anything, even for a wall; only the distance of its queries "
    "to their items tells them apart."
)
SCORES = {"near": "closeness of queries to items", "decided": "certainty between items"}  # evidence


WORDS = PanelWords(
    name=NAME,
    called="CodePhys",
    shows="the items of its codebook that make up the pulse of this face",
    does="What its codebook gives",
    terms=TERMS,
)


def _inside(estimate: Estimate) -> tuple[str, str]:
    """Sentences on the codes, then the evidence."""
    said = codes.code_words(estimate.inside) if codes.has_codes(estimate.inside) else []
    scores = [(words, estimate.evidence.get(name)) for name, words in SCORES.items()]
    rows = [(words, f"{score:.2f}") for words, score in scores if score is not None]
    return paragraphs(said), table("Probability of a pulse, by", ("", "for this face"), rows) if rows else ""


panel = partial(method_section, words=WORDS, inside=_inside)


def figure(report: Report) -> go.Figure | None:
    """Pulse, codes and closeness over time; None if `panel` has nothing to show."""
    estimate = estimate_with_rate(report, NAME)
    if estimate is None or not codes.has_codes(estimate.inside):
        return None
    return codes.codes_figure(estimate.inside)
