"""The heart rate over time, as a strip below waveforms and in words.

Windows of 10 s overlap by half, but are drawn side by side. Time that a shown and a refused window share shows the
heart rate, as in the seconds that a report counts; other neighbours meet halfway. Where the clip as a whole has no
heart rate, no window shows one. plotly is imported inside the functions, so that the command line starts without it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from rppg_core.figures.style import ESTIMATE, GRID, REFERENCE
from rppg_core.types import Reading, Report, TrackReading, Truth, Vitals

STRIP_PX = 110
STRIP_GAP_PX = 100  # above the strip: tick labels of the waveforms and the finding
MIN_SPAN_BPM = 20.0  # the axis spans at least this, so that an even rate looks even
MIN_PIECE_S = 1.0  # room of a refused window between two shown ones that cover it
REFUSED = "refused window"
_PATTERN = {"shape": "/", "size": 7, "solidity": 0.2, "fgcolor": REFERENCE, "bgcolor": "rgba(0, 0, 0, 0)"}
_HOVER = "%{customdata}<extra></extra>"


@dataclass(frozen=True)
class Piece:
    """One window, and the part of the time axis that it takes."""

    window: TrackReading
    left_s: float
    right_s: float

    @property
    def middle_s(self) -> float:
        """Middle of the window. Unit: s."""
        return (self.window.start_s + self.window.end_s) / 2

    @property
    def width_s(self) -> float:
        """Length of the part. Unit: s."""
        return self.right_s - self.left_s


def shown_track(vitals: Vitals) -> tuple[TrackReading, ...]:
    """The windows as they may be shown: all are refused where the clip as a whole has no heart rate."""
    if not vitals.hr.refused:
        return vitals.hr_track
    note = f"the clip as a whole has no heart rate: {vitals.hr.note}"
    return tuple(
        window if window.reading.refused else replace(window, reading=_refused(window.reading, note))
        for window in vitals.hr_track
    )


def track_pieces(report: Report) -> list[Piece]:
    """The windows of the consensus from left to right; a clip without any window is one refused piece."""
    windows = shown_track(report.consensus.vitals)
    if not windows:
        start_s, end_s = float(report.clip.times_s[0]), float(report.clip.times_s[-1])
        windows = (TrackReading(start_s, end_s, _refused(report.consensus.vitals.hr)),)
    return pieces_of(windows)


def pieces_of(windows: Sequence[TrackReading]) -> list[Piece]:
    """Windows in the order of time, each with its part of the axis."""
    if not windows:
        return []
    edges_s = [_boundary_s(before, after) for before, after in pairwise(windows)]
    lefts_s = [windows[0].start_s, *(after_s for _, after_s in edges_s)]
    rights_s = [*(before_s for before_s, _ in edges_s), windows[-1].end_s]
    for k, window in enumerate(windows):
        if window.reading.refused and rights_s[k] - lefts_s[k] < MIN_PIECE_S < window.end_s - window.start_s:
            left_s = min((lefts_s[k] + rights_s[k] - MIN_PIECE_S) / 2, windows[-1].end_s - MIN_PIECE_S)
            lefts_s[k] = max(left_s, windows[0].start_s)
            rights_s[k] = lefts_s[k] + MIN_PIECE_S
            if k:
                rights_s[k - 1] = min(rights_s[k - 1], lefts_s[k])
            if k + 1 < len(windows):
                lefts_s[k + 1] = max(lefts_s[k + 1], rights_s[k])
    return [Piece(*piece) for piece in zip(windows, lefts_s, rights_s, strict=True)]


def track_finding(report: Report) -> str:
    """How much of the clip shows a heart rate, and between which rates."""
    vitals = report.consensus.vitals
    clip_s = report.video.duration_s or float(report.clip.times_s[-1] - report.clip.times_s[0])
    rates = [round(w.reading.value) for w in shown_track(vitals) if w.reading.value is not None]
    if not rates:
        return f"None of {clip_s:.0f} s shows a heart rate"
    between = f"{min(rates)} to {max(rates)} bpm" if min(rates) < max(rates) else f"{rates[0]} bpm"
    return f"{vitals.hr_seconds:.0f} of {clip_s:.0f} s show a heart rate, {between}"


def window_words(window: TrackReading) -> str:
    """A window with its value, interval and confidence, or with the reason for its refusal."""
    return f"{window.start_s:.1f}-{window.end_s:.1f} s: {reading_words(window.reading)}"


def reading_words(reading: Reading) -> str:
    """Value, interval and confidence, or the reason for a refusal."""
    if reading.value is None:
        sure = "" if "confidence" in reading.note else f", confidence {reading.confidence:.2f}"
        return f"none ({reading.note}{sure})"
    between = "" if reading.interval is None else ", {:.1f} to {:.1f}".format(*reading.interval)
    return f"{reading.value:.1f} {reading.unit}{between}, confidence {reading.confidence:.2f}"


def add_track(fig: Any, report: Report, truth: Truth | None, row: int) -> None:
    """Draw the windows in a row of a figure whose first row holds the waveforms, and write the finding above it."""
    pieces = track_pieces(report)
    true_bpm = true_rates(pieces, truth)
    low_bpm, high_bpm = rate_range([piece.window.reading for piece in pieces], true_bpm)
    add_refused(fig, [p for p in pieces if p.window.reading.refused], low_bpm, high_bpm, row)
    if truth is not None and true_bpm:
        x, y = outline(pieces, true_bpm)
        fig.add_scatter(
            x=x, y=y, mode="lines", name="true rate", showlegend=False, hoverinfo="skip",
            line={"color": REFERENCE, "width": 2, "dash": "dash"}, row=row, col=1)  # fmt: skip
    add_shown(fig, pieces, row)
    fig.update_xaxes(title_text="time (s)", matches="x", row=row, col=1)
    fig.update_xaxes(title_text="", row=1, col=1)
    fig.update_yaxes(title_text="bpm", range=[low_bpm, high_bpm], nticks=5, automargin=True, row=row, col=1)
    if not true_bpm and all(piece.window.reading.refused for piece in pieces):
        fig.update_yaxes(title_text="", showticklabels=False, showgrid=False, row=row, col=1)
    finding = "<br>".join(textwrap.wrap(track_finding(report), 27))  # beside the axis labels on a phone
    fig.add_annotation(
        text=f"<b>{finding}</b><br><span style='font-size:12px'>{_legend(pieces)}</span>",
        font={"size": 14}, align="left", showarrow=False, x=0, xref="paper", xanchor="left",
        y=1, yref=f"y{row} domain", yanchor="bottom", yshift=4)  # fmt: skip


def rate_range(readings: Sequence[Reading], true_bpm: Sequence[float] = ()) -> tuple[float, float]:
    """Limits of an axis that holds all rates and intervals."""
    shown = [reading for reading in readings if reading.value is not None]
    values = [*true_bpm, *(v for r in shown for v in (r.value, *(r.interval or ())) if v is not None)]
    low_bpm, high_bpm = (min(values), max(values)) if values else (70.0, 70.0)
    margin_bpm = max(2.0, (MIN_SPAN_BPM - (high_bpm - low_bpm)) / 2)
    return low_bpm - margin_bpm, high_bpm + margin_bpm


def true_rates(pieces: Sequence[Piece], truth: Truth | None) -> list[float]:
    """Mean true rate of every window; empty without a pulse."""
    if truth is None or not truth.pulsed:
        return []
    times_s, hr_bpm = truth.times_s, truth.hr_bpm
    inside = [(times_s >= p.window.start_s) & (times_s <= p.window.end_s) for p in pieces]
    return [float(np.mean(hr_bpm[part] if part.any() else hr_bpm)) for part in inside]


def outline(
    pieces: Sequence[Piece], values: Sequence[float]
) -> tuple[list[float | None], list[float | None]]:
    """A line through the middles of the windows, level at the ends of each run and broken between runs."""
    x: list[float | None] = []
    y: list[float | None] = []
    for run in runs(pieces):
        first, last = run[0], run[-1]
        x += [pieces[first].left_s, *(pieces[k].middle_s for k in run), pieces[last].right_s, None]
        y += [values[first], *(values[k] for k in run), values[last], None]
    return x[:-1], y[:-1]


def runs(pieces: Sequence[Piece]) -> list[list[int]]:
    """Indices of the pieces that touch."""
    found: list[list[int]] = []
    for k, piece in enumerate(pieces):
        if k and piece.left_s == pieces[k - 1].right_s:
            found[-1].append(k)
        else:
            found.append([k])
    return found


def add_shown(fig: Any, pieces: Sequence[Piece], row: int) -> None:
    """Values, the line through them and the band of their intervals."""
    shown = [piece for piece in pieces if not piece.window.reading.refused]
    if not shown:
        return
    readings = [piece.window.reading for piece in shown]
    rates = [float(reading.value or 0) for reading in readings]
    limits = [reading.interval or (rate, rate) for reading, rate in zip(readings, rates, strict=True)]
    band = {"x": [], "y": []}
    for run in runs(shown):  # one closed polygon per run
        part = [shown[k] for k in run]
        x, low = outline(part, [limits[k][0] for k in run])
        _, high = outline(part, [limits[k][1] for k in run])
        band["x"] += [*x, *x[::-1], None]
        band["y"] += [*low, *high[::-1], None]
    common = {"showlegend": False, "row": row, "col": 1}
    fig.add_scatter(
        **band, mode="lines", fill="toself", fillcolor="rgba(213, 94, 0, 0.18)", line={"width": 0},
        name="95 % interval", hoverinfo="skip", **common)  # fmt: skip
    x, y = outline(shown, rates)
    fig.add_scatter(
        x=x, y=y, mode="lines", name="heart rate", hoverinfo="skip",
        line={"color": ESTIMATE, "width": 2}, **common)  # fmt: skip
    fig.add_scatter(
        x=[piece.middle_s for piece in shown], y=rates, mode="markers", name="heart rate of a window",
        marker={"color": ESTIMATE, "size": 7}, customdata=[_hover(piece) for piece in shown],
        hovertemplate=_HOVER, **common)  # fmt: skip


def add_refused(fig: Any, pieces: Sequence[Piece], low_bpm: float, high_bpm: float, row: int) -> None:
    """One hatched piece per refused window, with its reason on hover."""
    if not pieces:
        return
    fig.add_bar(
        x=[(piece.left_s + piece.right_s) / 2 for piece in pieces], width=[piece.width_s for piece in pieces],
        base=low_bpm, y=[high_bpm - low_bpm] * len(pieces), name=REFUSED, showlegend=False,
        marker={"color": "rgba(0, 0, 0, 0)", "pattern": _PATTERN, "line": {"color": GRID, "width": 1}},
        customdata=[_hover(piece) for piece in pieces], hovertemplate=_HOVER, row=row, col=1)  # fmt: skip


def _legend(pieces: Sequence[Piece]) -> str:
    refused = [piece.window.reading.refused for piece in pieces]
    if all(refused):
        return "hatched: no heart rate"
    return "band: 95 %; hatched: no heart rate" if any(refused) else "windows of 10 s, band: 95 % interval"


def _boundary_s(before: TrackReading, after: TrackReading) -> tuple[float, float]:
    """Where the piece of a window ends and the next begins; they are apart where the face was lost. Unit: s."""
    if after.start_s > before.end_s:
        return before.end_s, after.start_s
    if before.reading.refused == after.reading.refused:
        at_s = (before.end_s + after.start_s) / 2
    else:
        at_s = after.start_s if before.reading.refused else before.end_s
    return at_s, at_s


def _refused(reading: Reading, note: str = "") -> Reading:
    return replace(reading, value=None, interval=None, note=note or reading.note)


def _hover(piece: Piece) -> str:
    """The words of a window, in lines short enough for a phone."""
    return "<br>".join(textwrap.wrap(window_words(piece.window), 34))
