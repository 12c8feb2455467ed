"""Inside PhysVLM: the octaves of this face, where its pulse and its breath are, and what an octave is worth.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if PhysVLM gave no heart rate.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import plotly.graph_objects as go

from rppg_core.figures import octaves
from rppg_core.types import Estimate, Report

from .section import PanelWords, details, estimate_with_rate, method_section, paragraphs, table

NAME = "physvlm"
FIGURE_LABEL = "Octaves with gates, attention over the face, breath, and the spectrum without an octave"
TERMS = (
    "An <b>octave</b> is a band whose upper edge is twice its lower one; its <b>gate</b>, 0 to 1, sets how much of "
    "it reaches a task. The <b>attention</b> of a task is high where the face repeats at the rate of that task. In "
    "training, a vision-language model may serve as its teacher; nothing of such a model ran on this video."
)


MISSING = (
    "No stretch of this video is long enough to take octaves out of it: 8.5 s of face without a gap are needed, "
    "and a PhysVLM with octaves and attention."
)
WORDS = PanelWords(
    name=NAME,
    called="PhysVLM",
    shows="which octaves of this face hold its pulse and its breath",
    does="What its octaves hold",
    terms=TERMS,
)


def _inside(estimate: Estimate) -> tuple[str, str]:
    """Sentences on the octaves, then the numbers as a table."""
    if not octaves.has_octaves(estimate.inside):
        return paragraphs([MISSING]), ""
    return paragraphs(octaves.octave_words(estimate.inside)), _table(estimate)


panel = partial(method_section, words=WORDS, inside=_inside)


def figure(report: Report) -> go.Figure | None:
    """Octaves, attention, breath and spectra; None if `panel` has nothing to show."""
    estimate = estimate_with_rate(report, NAME)
    if estimate is None or not octaves.has_octaves(estimate.inside):
        return None
    return octaves.octaves_figure(estimate.inside, estimate.resp)


def _table(estimate: Estimate) -> str:
    """The figure's octaves as a table, for readers who cannot see it."""
    inside = estimate.inside
    energies, gates = np.asarray(inside["octaves"], float), np.asarray(inside["gates"], float)
    rows = [
        (name, f"{100 * energy:.0f} %", f"{pulse:.2f}", f"{breath:.2f}", f"{100 * lost:.0f} %")
        for name, energy, pulse, breath, lost in zip(
            octaves.octave_names(len(energies)), energies, *gates, octaves.lost_shares(inside), strict=True
        )
    ]
    head = ("", "energy", "gate, pulse", "gate, breathing", "of the rate lost without it")
    return details("The figure's numbers as a table", table("Octaves of this face", head, rows))
