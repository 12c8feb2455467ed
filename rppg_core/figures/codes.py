"""Codes of a face over time, how near its queries are to their items, and those of a wall beside them.

Pure functions from the inner arrays of CodePhys. Axis letters: W window, N code in time, T time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from rppg_core.figures.style import ESTIMATE, REFERENCE, empty_figure, set_title

if TYPE_CHECKING:
    import plotly.graph_objects

NEEDED = ("codes", "closeness", "windows_s", "before", "after")
WALL = "wall_closeness"
COLOURS = "Cividis"


@dataclass(frozen=True)
class CodeTimeline:
    """One value per code, in order of time; where windows overlap, that of the window in whose middle it lies."""

    times_s: Float[np.ndarray, " code"]
    codes: Float[np.ndarray, " code"]
    closeness: Float[np.ndarray, " code"]
    wall: Float[np.ndarray, " code"] | None  # closeness of a wall; None without a background

    @property
    def n_codes(self) -> int:
        """Number of different items."""
        return len(np.unique(self.codes))


def has_codes(inside: Mapping[str, np.ndarray]) -> bool:
    """Whether the arrays of CodePhys are there."""
    return all(name in inside for name in NEEDED)


def code_timeline(inside: Mapping[str, np.ndarray]) -> CodeTimeline:
    """Codes of all windows on one axis of time.

    Args:
        inside: arrays of CodePhys, of which `has_codes` holds.
    """
    spans_s, codes = np.asarray(inside["windows_s"], float), np.asarray(inside["codes"], float)
    middles_s = spans_s.mean(axis=1)
    rows = []
    for k, (start_s, stop_s) in enumerate(spans_s):
        n = int(np.isfinite(codes[k]).sum())
        times_s = start_s + (np.arange(n) + 0.5) * (stop_s - start_s) / max(n, 1)
        inside_s = (times_s[:, None] >= spans_s[:, 0]) & (times_s[:, None] < spans_s[:, 1])  # (N, W)
        mine = np.where(inside_s, np.abs(times_s[:, None] - middles_s), np.inf).argmin(axis=1) == k
        values = [codes[k, :n], np.asarray(inside["closeness"], float)[k, :n]]
        values.append(np.asarray(inside[WALL], float)[k, :n] if WALL in inside else np.full(n, np.nan))
        rows.append(np.column_stack([times_s, *values])[mine])
    table = np.concatenate(rows)
    times_s, found, closeness, wall = table[table[:, 0].argsort()].T
    return CodeTimeline(times_s, found, closeness, wall if WALL in inside else None)


def code_words(inside: Mapping[str, np.ndarray]) -> list[str]:
    """Sentences on the codes of a face."""
    line = code_timeline(inside)
    found = [
        f"The pulse of {np.ptp(line.times_s):.0f} s is a sequence of {len(line.codes)} codes, for {line.n_codes} "
        "different items of the codebook."
    ]
    if line.wall is not None:
        nearer = float(np.mean(line.closeness > np.median(line.wall)))
        found.append(
            f"{100 * nearer:.0f} % of its queries are nearer to their item than the median query of the wall beside "
            "the face."
        )
    return found


def codes_figure(inside: Mapping[str, np.ndarray]) -> plotly.graph_objects.Figure:
    """One window before and after the codebook, the codes over time, and how near the queries were.

    Args:
        inside: arrays of CodePhys, of which `has_codes` holds.
    """
    import plotly.graph_objects as go

    line = code_timeline(inside)
    fig: Any = empty_figure(150, 60, 60 if line.wall is None else 90)
    start_s, stop_s = np.asarray(inside["windows_s"], float)[0]
    for name, words, colour in (("before", "queries", REFERENCE), ("after", "their items", ESTIMATE)):
        wave = np.asarray(inside[name], float)[0]
        wave = wave[np.isfinite(wave)]
        times_s = np.linspace(start_s, stop_s, len(wave), endpoint=False)
        fig.add_trace(
            go.Scatter(x=times_s, y=wave, name=f"decoded from {words}", line={"color": colour, "width": 2},
                       hovertemplate="%{x:.1f} s<extra></extra>"),
            row=1, col=1,
        )  # fmt: skip
    strips = [(2, [""], line.codes[None], "item %{z:.0f} at %{x:.1f} s<extra></extra>", False)]
    rows = {"face": line.closeness} | ({} if line.wall is None else {"wall": line.wall})
    near = "%{y}: %{z:.1f} at %{x:.1f} s<extra></extra>"
    strips.append((3, list(rows)[::-1], np.stack(list(rows.values())[::-1]), near, True))
    for row, names, values, hover, scale in strips:
        fig.add_trace(
            go.Heatmap(x=line.times_s, y=names, z=values, colorscale=COLOURS, showscale=scale, hovertemplate=hover,
                       colorbar={"title": "near", "len": 0.3, "y": 0.1, "thickness": 10}),
            row=row, col=1,
        )  # fmt: skip
    fig.update_yaxes(showticklabels=False, row=1, col=1)
    for row, words in ((1, "time (s), first window"), (2, "time (s): item, by its number"), (3, "time (s)")):
        fig.update_xaxes(title_text=words, fixedrange=True, row=row, col=1)
    set_title(
        fig,
        f"This pulse is made of {line.n_codes} items of clean PPG",
        "before and after the codebook; near: -log of the distance",
    )
    fig.update_layout(height=620)
    return fig
