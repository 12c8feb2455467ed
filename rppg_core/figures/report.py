"""Figures of a report: waveforms, heart rate over time, spectrum, the face that was read, reliability.

Nothing is estimated here. Waveforms are band-passed and z-scored for display, and the title says so. Package,
notebooks, report page and app share one palette: Okabe and Ito's (https://jfly.uni-koeln.de/color/), vermilion for
an estimate, grey for a reference. Backgrounds are transparent and text is mid-grey, so that every figure is
readable on a light and on a dark page. plotly is imported inside the functions, so that the command line starts
without it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from rppg_core.figures.hr_track import STRIP_GAP_PX, STRIP_PX, add_track
from rppg_core.figures.style import ESTIMATE, PALETTE, REFERENCE, empty_figure, set_title
from rppg_core.signals.checks import check_kind
from rppg_core.signals.filters import bandpass, segments, standardise
from rppg_core.signals.windows import window_spectra
from rppg_core.types import HR_BAND_HZ, Bvp, Estimate, Report, Truth

if TYPE_CHECKING:
    import plotly.graph_objects

BAND = "rgba(0, 158, 115, 0.10)"

LANE = 4.0  # distance between two methods' waveforms, standard deviations
DRAWN_S = 60.0  # longest segment that is drawn
FIRST_VIEW_S = 12.0  # segment that fits the width of a phone; the rest is reached by dragging
SPECTRUM_BPM = (25.0, 255.0)
PICTURE_PX = 480


def waveform_figure(report: Report, truth: Truth | None = None) -> plotly.graph_objects.Figure:
    """The pulse of every method in its own lane, on one time axis.

    Args:
        report: result of `analyze`.
        truth: truth of a simulated clip; drawn in grey behind each lane.

    Returns:
        A plotly figure that opens on the first 12 s of the longest segment with a face; up to 60 s are drawn.
    """
    figure = empty_figure(240)
    _add_waveforms(figure, report, truth)
    set_title(figure, _waves_finding(report), _waves_note(report))
    return figure


def spectrum_figure(
    report: Report, method: str | None = None, truth: Truth | None = None
) -> plotly.graph_objects.Figure:
    """Power over rate, with the band shaded and the chosen peak marked.

    Args:
        report: result of `analyze`.
        method: method whose spectrum and reading are highlighted; None shows the consensus on its clearest method.
        truth: truth of a simulated clip.

    Returns:
        A plotly figure; the abscissa is in beats per minute.

    Raises:
        KeyError: the method is not in the report.
    """
    figure = empty_figure(240)
    _add_spectrum(figure, report, method, truth)
    finding, note = _spectrum_words(report, method)
    set_title(figure, finding, note)
    figure.update_layout(height=440, margin_b=140)  # on a phone the legend takes three lines
    return figure


def pulse_figure(report: Report, truth: Truth | None = None) -> plotly.graph_objects.Figure:
    """Waveforms above the heart rate over time, on one time axis; arguments as for `waveform_figure`."""
    lanes_px = _lanes_height_px(report)
    both = empty_figure(lanes_px, STRIP_PX, gap_px=STRIP_GAP_PX)
    _add_waveforms(both, report, truth)
    add_track(both, report, truth, row=2)
    set_title(both, _waves_finding(report), _waves_note(report))
    both.update_layout(height=lanes_px + STRIP_GAP_PX + STRIP_PX + 170, margin_b=110)
    return both


def figure(report: Report, truth: Truth | None = None) -> plotly.graph_objects.Figure:
    """Waveforms, heart rate over time and spectrum, in one figure."""
    check_kind(report, Report, "report", do="make it with rppg_core.analyze")
    if truth is not None:
        check_kind(truth, Truth, "truth", do="leave it out, or take that of simulate_clip")
    lanes_px = _lanes_height_px(report)
    all_three = empty_figure(lanes_px, STRIP_PX, 240, gap_px=STRIP_GAP_PX)
    _add_waveforms(all_three, report, truth, row=1)
    add_track(all_three, report, truth, row=2)
    _add_spectrum(all_three, report, None, truth, row=3)
    set_title(all_three, _waves_finding(report), _waves_note(report))
    all_three.update_traces(
        showlegend=False, selector={"name": "truth", "hoverinfo": "x"}
    )  # it is already in the legend
    all_three.update_layout(height=lanes_px + 2 * STRIP_GAP_PX + STRIP_PX + 450, margin_b=150)
    return all_three


def roi_picture(report: Report) -> str | None:
    """The face that was read, with the outlines of its regions, as a data URI (JPEG); None without a picture."""
    still = report.clip.still
    if still is None:
        return None
    ok, encoded = cv2.imencode(".jpg", _outlined(still, report.clip.still_outlines)[:, :, ::-1])
    assert ok, "OpenCV could not encode a picture"
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def reliability_figure(rows: Sequence[Mapping[str, float]]) -> plotly.graph_objects.Figure:
    """Stated confidence against the share of readings that were right.

    Args:
        rows: bins with "confidence" (mean of the bin, 0..1), "observed" (share that was right, 0..1) and "n".

    Returns:
        A plotly figure; points on the grey diagonal are well calibrated, points below it overconfident.
    """
    import plotly.graph_objects as go

    fig = empty_figure(240)
    low = min([0.8, *(row[key] for row in rows for key in ("confidence", "observed"))])
    fig.add_trace(
        go.Scatter(
            x=[low, 1],
            y=[low, 1],
            mode="lines",
            name="as promised",
            line={"color": REFERENCE, "dash": "dash"},
        )
    )
    fig.add_trace(
        go.Scatter(
            x=[row["confidence"] for row in rows],
            y=[row["observed"] for row in rows],
            text=[f"n = {row['n']:.0f}" for row in rows],
            mode="lines+markers+text",
            textposition="bottom right",
            name="observed",
            line={"color": ESTIMATE},
            marker={"size": 9},
        )
    )
    fig.update_xaxes(title_text="confidence given (probability)", range=[low - 0.02, 1.02])
    fig.update_yaxes(title_text="share within 5 bpm", range=[low - 0.04, 1.04])
    n = sum(row["n"] for row in rows)
    gap = sum(row["n"] * (row["observed"] - row["confidence"]) for row in rows) / max(n, 1)
    side = "more often right than promised" if gap >= 0 else "less often right than promised"
    set_title(fig, f"Shown rates are {abs(gap):.1%} {side}", f"{n:.0f} readings on simulated clips")
    fig.update_layout(height=420)
    return fig


def r_by_amplitude_figure(rows: Sequence[Mapping[str, Any]]) -> plotly.graph_objects.Figure:
    """How well the waveform of each method follows the truth, by the strength of the pulse.

    Args:
        rows: points with "method", "amplitude" (as text), "mean", "low" and "high" (r and its 95 % interval).

    Returns:
        A plotly figure; POS, the baseline, is grey.
    """
    import plotly.graph_objects as go

    fig = empty_figure(280)
    methods, levels = (list(dict.fromkeys(row[key] for row in rows)) for key in ("method", "amplitude"))
    colours = [colour for colour in PALETTE.values() if colour != ESTIMATE]
    for k, name in enumerate(methods):
        points = [row for row in rows if row["method"] == name]
        beside = 0.3 * ((k + 0.5) / len(methods) - 0.5)  # so that the intervals do not hide each other
        colour = {"pos": REFERENCE, methods[-1]: ESTIMATE}.get(name, colours[k % len(colours)])
        fig.add_trace(go.Scatter(
            x=[levels.index(row["amplitude"]) + beside for row in points], y=[row["mean"] for row in points],
            error_y={"array": [row["high"] - row["mean"] for row in points],
                     "arrayminus": [row["mean"] - row["low"] for row in points], "thickness": 1.2, "width": 3},
            mode="lines+markers", name=name, line={"color": colour, "width": 2 if name == "pos" else 1.6},
            marker={"size": 8}))  # fmt: skip
    fig.update_xaxes(
        title_text="pulse: std of the relative green change",
        tickvals=list(range(len(levels))),
        ticktext=levels,
    )
    fig.update_yaxes(title_text="r with the true pulse", range=[0, 1.02])
    middle = [row for row in rows if row["amplitude"] == levels[len(levels) // 2]]
    best = max(middle, key=lambda row: row["mean"])
    set_title(
        fig,
        f"At {best['amplitude']} {best['method']} follows the pulse best, r {best['mean']:.2f}",
        "mean over simulated clips with 95 % interval",
    )
    fig.update_layout(height=460)
    return fig


def display_wave(bvp: Bvp) -> Float[np.ndarray, " time"]:
    """A waveform for display: each segment with a face band-passed to 39-240 bpm and z-scored, NaN in between."""
    wave = np.full(len(bvp.samples), np.nan)
    low_hz, high_hz = HR_BAND_HZ
    for part in segments(bvp.valid):
        if part.stop - part.start >= bvp.fs:
            wave[part] = standardise(bandpass(bvp.samples[part], bvp.fs, low_hz=low_hz, high_hz=high_hz))
    return wave


def _lanes_height_px(report: Report) -> int:
    return 60 + 46 * max(2, sum(e.bvp is not None for e in report.estimates.values()))


def _add_waveforms(fig: Any, report: Report, truth: Truth | None, row: int = 1) -> None:
    import plotly.graph_objects as go

    waves = [(name, e.bvp, e) for name, e in report.estimates.items() if e.bvp is not None]
    start_s = _first_view_s(report)
    labels, in_legend = [], set()
    for lane, (name, bvp, estimate) in enumerate(waves):
        base = -LANE * lane
        if truth is not None and truth.pulsed:
            part = _drawn(truth.times_s, start_s)
            fig.add_trace(go.Scatter(
                x=truth.times_s[part].astype(np.float32), y=(truth.bvp[part] + base).astype(np.float32),
                name="truth", legendgroup="truth", showlegend="truth" not in in_legend, hoverinfo="skip",
                line={"color": REFERENCE, "width": 3.5}, opacity=0.6), row=row, col=1)  # fmt: skip
            in_legend.add("truth")
        times_s = bvp.t0_s + np.arange(len(bvp.samples)) / bvp.fs
        part = _drawn(times_s, start_s)
        kind = "no heart rate from it" if estimate.vitals.hr.refused else "estimate"
        fig.add_trace(go.Scatter(
            x=times_s[part].astype(np.float32), y=(display_wave(bvp)[part] + base).astype(np.float32),
            name=kind, legendgroup=kind, showlegend=kind not in in_legend, hovertemplate=name + ", %{x:.2f} s",
            line={"color": ESTIMATE, "width": 1.6, "dash": "dot" if estimate.vitals.hr.refused else "solid"},
            opacity=0.75 if estimate.vitals.hr.refused else 1.0), row=row, col=1)  # fmt: skip
        in_legend.add(kind)
        labels.append(f"{name} {_rate_words(estimate)}")
    fig.update_yaxes(
        title_text="method and its rate (bpm)",
        tickvals=[-LANE * k for k in range(len(waves))],
        ticktext=labels,
        showgrid=False,
        automargin=True,
        range=[-LANE * max(len(waves) - 1, 0) - 3, 3],
        row=row,
        col=1,
    )
    fig.update_xaxes(
        title_text="time (s)", range=[start_s, start_s + min(FIRST_VIEW_S, _clip_s(report))], row=row, col=1
    )
    fig.update_layout(height=_lanes_height_px(report) + 160)


def _add_spectrum(fig: Any, report: Report, method: str | None, truth: Truth | None, row: int = 1) -> None:
    import plotly.graph_objects as go

    low_bpm, high_bpm = (60 * edge for edge in HR_BAND_HZ)
    fig.add_vrect(
        low_bpm,
        high_bpm,
        fillcolor=BAND,
        line_width=0,
        layer="below",
        row=row,
        col=1,
        exclude_empty_subplots=False,
    )
    curves = _spectra(report)
    chosen = method if method is not None else _clearest(report)
    reading = report.consensus.vitals.hr if method is None else report.estimates[method].vitals.hr
    order = [name for name in curves if name != chosen] + [name for name in curves if name == chosen]
    for name in order:
        bpm, power = curves[name]
        first_other = name == order[0] and name != chosen
        fig.add_trace(go.Scatter(
            x=bpm, y=power, hovertemplate=name + ", %{x:.1f} bpm",
            name=chosen if name == chosen else "other methods", legendgroup="own" if name == chosen else "other",
            showlegend=name == chosen or first_other,
            line={"color": ESTIMATE, "width": 2.2} if name == chosen else {"color": REFERENCE, "width": 1},
            opacity=1 if name == chosen else 0.6), row=row, col=1)  # fmt: skip
    if reading.value is not None and reading.interval is not None and chosen in curves:
        fig.add_vrect(*reading.interval, fillcolor=ESTIMATE, opacity=0.16, line_width=0, row=row, col=1)
        height = float(np.interp(reading.value, *curves[chosen]))
        fig.add_trace(go.Scatter(
            x=[reading.value], y=[height], mode="markers+text", text=[f"<b> {reading.value:.0f} bpm </b>"],
            textposition="middle right" if reading.value < 190 else "middle left", name="chosen peak",
            cliponaxis=False, hoverinfo="skip",
            marker={"color": ESTIMATE, "size": 11, "symbol": "diamond"}), row=row, col=1)  # fmt: skip
    if truth is not None and truth.pulsed:
        fig.add_trace(go.Scatter(
            x=[float(np.mean(truth.hr_bpm))] * 2, y=[0, 1.12], mode="lines", name="truth", hoverinfo="x",
            legendgroup="truth", line={"color": REFERENCE, "width": 2, "dash": "dash"}), row=row, col=1)  # fmt: skip
    fig.update_xaxes(title_text="rate (beats per minute)", range=SPECTRUM_BPM, row=row, col=1)
    fig.update_yaxes(
        title_text="power (1 = top of band)", range=[0, 1.12], tickvals=[0, 0.5, 1], row=row, col=1
    )
    fig.update_layout(height=400)


def _spectra(report: Report) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Name -> rates in bpm and mean power of the 10 s windows, from which the readings were computed."""
    curves = {}
    for name, estimate in report.estimates.items():
        spectra = window_spectra(estimate.bvp) if estimate.bvp is not None else None
        if spectra is None:
            continue
        bpm, power = 60 * spectra.freqs_hz, spectra.power.mean(axis=0)
        in_band = (bpm >= 60 * HR_BAND_HZ[0]) & (bpm <= 60 * HR_BAND_HZ[1])
        shown = (bpm >= SPECTRUM_BPM[0]) & (bpm <= SPECTRUM_BPM[1])
        top = float(power[in_band].max()) or 1.0
        curves[name] = (bpm[shown].astype(np.float32), (power[shown] / top).astype(np.float32))
    return curves


def _clearest(report: Report) -> str:
    """The method with the highest SNR among those that share the consensus, or among all."""
    names = [name for name in report.consensus.agree if name in report.estimates] or list(report.estimates)
    return max(names, key=lambda name: report.estimates[name].snr_db or -99.0)


def _waves_finding(report: Report) -> str:
    hr = report.consensus.vitals.hr
    agree, n = report.consensus.agreement
    if hr.value is None:
        return "No shared pulse in the waveforms"
    return f"{agree} of {n} methods beat at {hr.value:.0f} bpm"


def _waves_note(report: Report) -> str:
    low_hz, high_hz = HR_BAND_HZ
    clip_s = _clip_s(report)
    seen = f"; {FIRST_VIEW_S:.0f} of {clip_s:.0f} s, drag for more" if clip_s > FIRST_VIEW_S + 0.5 else ""
    return f"for display band-passed to {low_hz}-{high_hz:g} Hz and z-scored{seen}"


def _spectrum_words(report: Report, method: str | None) -> tuple[str, str]:
    reading = report.consensus.vitals.hr if method is None else report.estimates[method].vitals.hr
    shown = method if method is not None else _clearest(report)
    low_bpm, high_bpm = (60 * edge for edge in HR_BAND_HZ)
    note = f"{shown}, mean of 10 s windows; shaded: where a pulse is looked for, {low_bpm:.0f}-{high_bpm:.0f} bpm"
    if reading.value is None:
        return "No line that could be trusted", note
    whose = "Clearest shared line:" if method is None else f"Chosen line of {method}:"
    return f"{whose} {reading.value:.0f} bpm", note


def _rate_words(estimate: Estimate) -> str:
    value = estimate.vitals.hr.value
    return "—" if value is None else f"{value:.0f}"


def _first_view_s(report: Report) -> float:
    """Start of the longest segment with a face."""
    stretches = segments(report.clip.valid)
    longest = max(stretches, key=lambda part: part.stop - part.start, default=slice(0, 0))
    return float(report.clip.times_s[longest.start])


def _clip_s(report: Report) -> float:
    return float(report.clip.times_s[-1] - report.clip.times_s[0])


def _drawn(times_s: np.ndarray, start_s: float) -> slice:
    return slice(*np.searchsorted(times_s, [start_s, start_s + DRAWN_S]).tolist())


def _outlined(
    still: UInt8[np.ndarray, "height width 3"], outlines: Mapping[str, np.ndarray]
) -> UInt8[np.ndarray, "tall wide 3"]:
    """The picture at PICTURE_PX, with regions in the accent colour on a dark rim, visible on any skin."""
    scale = PICTURE_PX / max(still.shape[:2])
    size = round(still.shape[1] * scale), round(still.shape[0] * scale)
    picture = cv2.resize(still, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    accent = tuple(int(ESTIMATE[k : k + 2], 16) for k in (1, 3, 5))
    for points in outlines.values():
        line = [np.round(np.asarray(points) * scale).astype(np.int32).reshape(-1, 1, 2)]
        for colour, width in (((20, 20, 20), 5), (accent, 2)):
            cv2.polylines(picture, line, isClosed=True, color=colour, thickness=width, lineType=cv2.LINE_AA)
    return picture
