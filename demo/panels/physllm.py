"""Inside PhysLLM: what its three texts weighed for this face, and what the language model made of the rough pulse.

Pure functions from a report to HTML and a figure, no gradio. Nothing is shown if PhysLLM gave no heart rate. The
words themselves are in the tab "PhysLLM prompt".
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import plotly.graph_objects as go

from rppg_core.figures.style import ESTIMATE, REFERENCE, empty_figure, set_title
from rppg_core.models.physllm.cues import CUES
from rppg_core.types import Estimate, Report

from .section import PanelWords, estimate_with_rate, method_section, paragraphs

NAME = "physllm"
TAB = "PhysLLM prompt"
FIGURE_LABEL = (
    "Spectra of PhysLLM's rough pulse and of the pulse it read; their peaks are in the text beside them"
)
NEEDED = ("rates_bpm", "rough_power", "pulse_power")
SAME_BPM = 2.0  # peaks closer than this are one: frequencies of a window of 8.5 s are 7 bpm apart
TERMS = (
    "A <b>cue</b> is a text about the task, the scene or the pulse; its share is that in the size of the tokens that "
    f"the language model reads. The tab <b>{TAB}</b> shows the exact words."
)


WORDS = PanelWords(
    name=NAME,
    called="PhysLLM",
    shows="what its three texts weighed for this face",
    does="What it does",
    terms=TERMS,
)


def _inside(estimate: Estimate) -> tuple[str, str]:
    """Sentences on cues and pulse."""
    return paragraphs(_sentences(estimate)), ""


panel = partial(method_section, words=WORDS, inside=_inside)


def figure(report: Report) -> go.Figure | None:
    """Spectra of the rough pulse and of the pulse read; None if `panel` has nothing to show."""
    estimate = estimate_with_rate(report, NAME)
    if estimate is None or not _has_spectra(estimate):
        return None
    bpm, rough, pulse = _spectra(estimate)
    fig: Any = empty_figure(220)
    for name, power, colour in (("rough pulse", rough, REFERENCE), ("pulse read", pulse, ESTIMATE)):
        fig.add_trace(
            go.Scatter(
                x=bpm, y=power / max(float(power.max()), 1e-12), name=name, line={"color": colour, "width": 2},
                hovertemplate="%{x:.0f} bpm<extra>" + name + "</extra>",
            )
        )  # fmt: skip
    fig.update_xaxes(title_text="rate (bpm)", fixedrange=True)
    fig.update_yaxes(title_text="power (highest = 1)", range=[0, 1.05])
    set_title(fig, _finding(bpm, rough, pulse), "before and after the language model; mean over windows")
    fig.update_layout(height=380)
    return fig


def _sentences(estimate: Estimate) -> list[str]:
    """What the cues weighed, and what became of the rough pulse."""
    found = []
    shares = estimate.inside.get("cue_shares")
    if shares is not None:
        names = CUES if len(shares) == len(CUES) else [f"cue {k + 1}" for k in range(len(shares))]
        each = [f"{name} {100 * share:.0f} %" for name, share in zip(names, shares, strict=True)]
        found.append(f"Of the prompt for this face, the cues make up: {', '.join(each)}.")
    if _has_spectra(estimate):
        found.append(f"{_finding(*_spectra(estimate))}.")
    return found


def _finding(bpm: np.ndarray, rough: np.ndarray, pulse: np.ndarray) -> str:
    before, after = (float(bpm[int(power.argmax())]) for power in (rough, pulse))
    if abs(before - after) < SAME_BPM:
        return f"The language model keeps the rate of the rough pulse, {after:.0f} bpm"
    return f"The language model moves the peak from {before:.0f} to {after:.0f} bpm"


def _has_spectra(estimate: Estimate) -> bool:
    return all(name in estimate.inside for name in NEEDED)


def _spectra(estimate: Estimate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates (bpm), and the power of both waves there."""
    bpm, rough, pulse = (np.asarray(estimate.inside[name], float) for name in NEEDED)
    return bpm, rough, pulse
