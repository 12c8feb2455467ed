"""Octaves of a face, where its pulse and its breath are, and the rate that goes with an octave that is muted.

Pure functions from the inner arrays of PhysVLM. Axis letters: J octave, N cell, K rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE, empty_figure, set_title
from rppg_core.types import Bvp

if TYPE_CHECKING:
    import plotly.graph_objects

NEEDED = ("octaves", "gates", "attention", "frequency", "muted")
TASKS = {"pulse": ESTIMATE, "breathing": PALETTE["blue"]}  # in the order of the arrays, with their colours
SYMBOLS = ("diamond", "circle-open")  # of their gates
TOP_HZ = 7.5  # upper edge of the first octave
FIRST_BPM, STEP_BPM = 30.0, 3.0  # of the spectra
HOLDS = 0.2  # share of the rate that an octave takes with it, from which it is said to hold the rate
NEAR_BPM = 6.0  # rates from a peak that belong to it
COLOURS = "Cividis"


def has_octaves(inside: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays of PhysVLM are there."""
    return all(name in inside for name in NEEDED)


def octave_names(n: int) -> list[str]:
    """'1.9-3.8 Hz' for each of n octaves, from the highest to what is left below."""
    edges = [TOP_HZ / 2**j for j in range(n)]
    return [*(f"{low:.1f}-{high:.1f} Hz" for high, low in pairwise(edges)),
            f"below {edges[-1]:.1f} Hz"]  # fmt: skip


def octave_words(inside: Mapping[str, np.ndarray]) -> list[str]:
    """Sentences on the octaves of a face."""
    names = octave_names(len(inside["octaves"]))
    lost, where = lost_shares(inside), holding_octave(inside)
    attention = np.asarray(inside["attention"], float)
    alike = float(np.corrcoef(attention)[0, 1]) if attention.std(axis=1).all() else 1.0
    return [
        f"The attention for the pulse is aligned to {60 * float(inside['frequency'][0]):.0f} per minute, that for "
        f"breathing to {60 * float(inside['frequency'][1]):.0f}.",
        "No octave of the face holds the rate alone."
        if where is None
        else f"Without the octave {names[where]} of the face, the rate keeps {100 * (1 - lost[where]):.0f} % of its "
        "share of the spectrum; no other octave takes more of it.",
        f"Pulse and breath are read from {'similar' if alike > 0.5 else 'different'} places (r of the two maps "
        f"{alike:+.2f}).",
    ]


def lost_shares(inside: Mapping[str, np.ndarray]) -> np.ndarray:
    """How much of the rate's share of the pulse's spectrum goes with each octave; (J,), below 0 if it grows."""
    spectra = np.asarray(inside["muted"], float)
    rates = spectrum_rates(spectra.shape[1])
    near = np.abs(rates - rates[spectra[0].argmax()]) <= NEAR_BPM
    kept = spectra[:, near].sum(axis=1)
    return 1 - kept[1:] / max(kept[0], 1e-9)


def holding_octave(inside: Mapping[str, np.ndarray]) -> int | None:
    """Number of the octave that takes most of the rate with it; None if none takes HOLDS of it."""
    lost = lost_shares(inside)
    return int(lost.argmax()) if lost.max() >= HOLDS else None


def spectrum_rates(n: int) -> np.ndarray:
    """The n rates of the spectra. Unit: bpm."""
    return FIRST_BPM + STEP_BPM * np.arange(n)


def octaves_figure(inside: Mapping[str, np.ndarray], resp: Bvp | None) -> plotly.graph_objects.Figure:
    """Energies and gates by octave, attention over the face, the breathing waveform, and spectra without an octave.

    Args:
        inside: arrays of PhysVLM, of which `has_octaves` holds.
        resp: its breathing waveform.
    """
    fig: Any = empty_figure(140, 170, 110, 150)
    names = octave_names(len(inside["octaves"]))
    _draw_gates(fig, inside, names)
    _draw_attention(fig, np.asarray(inside["attention"], float))
    _draw_breath(fig, resp)
    first = len(fig.data)
    _draw_spectra(fig, np.asarray(inside["muted"], float), names)
    _offer_octaves(fig, first, names)
    where = holding_octave(inside)
    set_title(
        fig,
        "No octave holds the rate of this pulse alone"
        if where is None
        else f"The rate of this pulse is in the octave {names[where]}",
        "energies and gates by octave; attention over the face; breath; the pulse's spectrum without an octave",
    )
    fig.update_layout(height=960, margin_b=120)
    return fig


def _draw_gates(fig: Any, inside: Mapping[str, np.ndarray], names: list[str]) -> None:
    import plotly.graph_objects as go

    energy = np.asarray(inside["octaves"], float)
    fig.add_trace(
        go.Bar(x=names, y=energy, name="share of the energy", marker_color=REFERENCE,
               hovertemplate="%{x}: %{y:.0%} of the energy<extra></extra>"),
        row=1, col=1,
    )  # fmt: skip
    for (task, colour), symbol, gates in zip(
        TASKS.items(), SYMBOLS, np.asarray(inside["gates"], float), strict=True
    ):
        fig.add_trace(
            go.Scatter(x=names, y=gates, name=f"gate, {task}", mode="markers",
                       marker={"color": colour, "size": 11, "symbol": symbol, "line": {"width": 2}},
                       hovertemplate=f"%{{x}}: gate %{{y:.2f}} for {task}<extra></extra>"),
            row=1, col=1,
        )  # fmt: skip
    fig.update_yaxes(range=[0, 1.02], title_text="share / gate", row=1, col=1)


def _draw_attention(fig: Any, attention: np.ndarray) -> None:
    """Both maps side by side, with an empty column between them."""
    import plotly.graph_objects as go

    side = round(attention.shape[1] ** 0.5)
    maps = attention.reshape(2, side, side)
    both = np.concatenate([maps[0], np.full((side, 1), np.nan), maps[1]], axis=1)
    fig.add_trace(
        go.Heatmap(z=both, colorscale=COLOURS, hoverongaps=False,
                   hovertemplate="%{z:.1f} times the mean<extra></extra>",
                   colorbar={"title": "times<br>the mean", "len": 0.2, "y": 0.62, "thickness": 10}),
        row=2, col=1,
    )  # fmt: skip
    fig.update_yaxes(autorange="reversed", showticklabels=False, row=2, col=1)
    middles = [(side - 1) / 2, side + 1 + (side - 1) / 2]
    fig.update_xaxes(tickvals=middles, ticktext=[f"attention for {task}" for task in TASKS], row=2, col=1)


def _draw_breath(fig: Any, resp: Bvp | None) -> None:
    import plotly.graph_objects as go

    if resp is not None and resp.valid.any():
        wave = np.where(resp.valid, resp.samples, np.nan)
        wave = (wave - np.nanmean(wave)) / max(float(np.nanstd(wave)), 1e-9)
        fig.add_trace(
            go.Scatter(x=resp.t0_s + np.arange(len(wave)) / resp.fs, y=wave, name="breathing waveform",
                       line={"color": TASKS["breathing"], "width": 2}, hovertemplate="%{x:.1f} s<extra></extra>"),
            row=3, col=1,
        )  # fmt: skip
    fig.update_xaxes(title_text="time (s)", fixedrange=True, row=3, col=1)
    fig.update_yaxes(showticklabels=False, row=3, col=1)


def _draw_spectra(fig: Any, spectra: np.ndarray, names: list[str]) -> None:
    """The spectrum as it is in grey, and the one without each octave; only one of these is visible at a time."""
    import plotly.graph_objects as go

    rates = spectrum_rates(spectra.shape[1])
    for k, (words, colour) in enumerate(
        [("as it is", REFERENCE), *((f"without {n}", ESTIMATE) for n in names)]
    ):
        fig.add_trace(
            go.Scatter(x=rates, y=spectra[k], name=f"spectrum {words}", line={"color": colour, "width": 2},
                       visible=k == 0, showlegend=True, hovertemplate="%{x:.0f} bpm: %{y:.0%}<extra></extra>"),
            row=4, col=1,
        )  # fmt: skip
    fig.update_xaxes(title_text="rate of the pulse (bpm)", fixedrange=True, row=4, col=1)
    fig.update_yaxes(tickformat=".0%", title_text="share", row=4, col=1)


def _offer_octaves(fig: Any, first: int, names: list[str]) -> None:
    """A list of octaves to mute; each choice shows its spectrum beside the one as it is."""
    always = [True] * (first + 1)

    def seen(octave: int | None) -> list[bool]:
        return always + [k == octave for k in range(len(names))]

    choices = [("nothing muted", None), *((f"mute {name}", k) for k, name in enumerate(names))]
    buttons = [
        {"label": words, "method": "update", "args": [{"visible": seen(octave)}]} for words, octave in choices
    ]
    fig.update_layout(
        updatemenus=[
            {
                "buttons": buttons,
                "x": 1,
                "xanchor": "right",
                "y": 0.2,
                "yanchor": "bottom",
                "font": {"size": 12},
            }
        ]
    )
