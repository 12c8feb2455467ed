"""A report in readable form: table cells, refusals in words, and one self-contained HTML file.

Command line, app and page show the same rows. The page loads nothing over the network: plotly.js is inlined once,
from the installed package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from rppg_core.figures.heart_rate import reference_figure, reference_words
from rppg_core.figures.held_out import agreement_figure, condition_figure, parts_figure
from rppg_core.figures.hr_track import shown_track, track_finding, window_words
from rppg_core.figures.light_spread import light_spread_figure
from rppg_core.figures.page import NOT_MEDICAL, figure_html, list_html, page_html
from rppg_core.figures.physiology import physiology_figure
from rppg_core.figures.recordings import recording_strips
from rppg_core.figures.report import (
    pulse_figure,
    r_by_amplitude_figure,
    reliability_figure,
    roi_picture,
    spectrum_figure,
)
from rppg_core.lab.protocols.table import text_table
from rppg_core.tables.reference import Reference
from rppg_core.types import Bvp, Reading, Report, Vitals
from rppg_core.video.trace_gaps import PLAIN

LIMITS = (
    "An estimate from light, never a diagnosis: if you feel unwell, see a doctor whatever this page says.",
    "Confidence and intervals were calibrated on simulated clips; on real video they are a guide.",
    "Motion, dim or flickering light, make-up, filters and strong video compression remove the pulse.",
    "On darker skin a camera sees less of the pulse, so a heart rate is refused more often.",
    "Breathing rate and heart-rate variability from a face are less certain than heart rate.",
)
WITH_PICTURE = "This file contains a picture from the video. Share it only as you would share a photo."
WITHOUT_PICTURE = "This file shows the pulse of a person: share it only with that person's consent."
COLUMNS = ("HR bpm", "95 % interval", "confidence", "breaths/min", "RMSSD ms", "SDNN ms")
MORE_COLUMNS = ("SNR dB", "weights", "seconds")
_VITAL_WORDS = {
    "hr": "heart rate",
    "rr": "breathing rate",
    "sdnn": "SDNN",
    "rmssd": "RMSSD",
    "pnn50": "pNN50",
    "lf_hf": "LF/HF",
    "spo2": "SpO2",
}


@dataclass(frozen=True)
class TableRow:
    """One method or the consensus: its numbers, or why it has no heart rate and hence no other number."""

    name: str
    cells: tuple[str, ...]  # as COLUMNS, "—" where a vital is refused; empty when there is no heart rate
    cause: str
    more: tuple[str, str, str]  # as MORE_COLUMNS


def table_rows(report: Report) -> list[TableRow]:
    """The consensus and each method as text."""
    rows = [_row("consensus", report.consensus.vitals, ("", "", ""))]
    for name, estimate in report.estimates.items():
        snr = "" if estimate.snr_db is None else f"{estimate.snr_db:.1f}"
        seconds = f"{report.seconds[name]:.2f}" if name in report.seconds else ""
        rows.append(_row(name, estimate.vitals, (snr, estimate.weights, seconds)))
    return rows


def remarks(report: Report) -> list[str]:
    """Which values are not shown and why, and notes on shown values; methods with the same note share a line."""
    said: dict[str, dict[str, list[str]]] = {}
    for method, estimate in report.estimates.items():
        for vital, reading in estimate.vitals.readings().items():
            if vital == "spo2" and "spo2" not in estimate.direct:
                continue  # this method does not estimate it
            words = f"not shown: {reading.note}" if reading.refused else reading.note
            if words and not (reading.refused and estimate.vitals.hr.refused):
                said.setdefault(words, {}).setdefault(_VITAL_WORDS[vital], []).append(method)
        for rate, value in estimate.direct.items() if not estimate.vitals.hr.refused else ():
            words = f"the network's own read-out is {value:.1f} {getattr(estimate.vitals, rate).unit}"
            said.setdefault(words, {}).setdefault(_VITAL_WORDS[rate], []).append(method)
    sentences = []
    for words, vitals in said.items():
        methods = list(dict.fromkeys(name for names in vitals.values() for name in names))
        who = "" if len(methods) == len(report.estimates) else f" ({', '.join(methods)})"
        sentences.append(f"{', '.join(vitals)}{who}: {words}")
    return sentences


def facts(report: Report) -> list[tuple[str, str]]:
    """Properties of the clip and how well the face was seen, as label and value."""
    video, face = report.video, report.face
    container = f"; the file says {video.fps_container:.3g}" if video.fps_container else ""
    turned = f", turned by {video.rotation_deg}°" if video.rotation_deg else ""
    hdr = ", HDR" if video.hdr else ""
    density = f", {video.bits_per_pixel:.3f} bits per pixel" if video.bits_per_pixel else ""
    relaxed = ", relaxed" if face.skin_relaxed else ""
    if video.codec == PLAIN:
        return [
            ("length", f"{video.duration_s:.1f} s, {video.n_frames} rows"),
            ("frame rate", f"{video.fps:.4g} per second"),
            ("frame times", f"jitter {video.jitter_percent:.1f} %, {video.dropped_frames} frames missing"),
            ("face", f"a colour in {face.found:.0%} of the rows, brightness {face.brightness:.0f} of 255"),
        ]
    seen = [
        (
            "face",
            f"found in {face.found:.0%} of the frames, {face.width_px:.0f} pixels wide, {face.n_faces} at most",
        ),
        ("motion", f"{face.motion_percent:.1f} % of the face width per second"),
    ]
    if report.clip.region == "whole":
        seen = [("region", "the whole picture is taken as skin")]
    return [
        ("picture", f"{video.width} x {video.height} pixels{turned}"),
        ("length", f"{video.duration_s:.1f} s, {video.n_frames} frames"),
        ("frame rate", f"{video.fps:.4g} per second{container}"),
        (
            "frame times",
            f"jitter {video.jitter_percent:.1f} %, {video.dropped_frames} frames dropped, "
            f"{video.repeated_frames} repeated",
        ),
        ("coding", f"{video.codec} {video.pixel_format}, {video.bit_depth} bit{hdr}{density}"),
        *seen,
        (
            "skin",
            f"{face.skin_fraction:.0%} of the region used{relaxed}, brightness {face.brightness:.0f} of 255, "
            f"{face.clipped_percent:.1f} % over- or underexposed",
        ),
    ]


def table_html(report: Report) -> str:
    """The table, in a box that scrolls by itself on a narrow screen."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in ("method", *COLUMNS, *MORE_COLUMNS))
    lines = []
    for row in table_rows(report):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
        if row.cause:
            cells = f'<td colspan="{len(COLUMNS)}" class="cause"><span>no heart rate: {escape(row.cause)}</span></td>'
        cells += "".join(f"<td>{escape(cell)}</td>" for cell in row.more)
        lines.append(f'<tr><th scope="row">{escape(row.name)}</th>{cells}</tr>')
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Estimates of every method">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def picture_html(report: Report) -> str:
    """The face with the outlines of its regions, and a caption."""
    picture = roi_picture(report)
    if picture is None:
        return "<p>No picture was kept.</p>"
    names = ", ".join(report.clip.still_outlines)
    words = f"Outlined on the first frame with a face: {names}."
    if report.clip.region == "whole":
        words = "First frame; the whole picture is taken as skin."
    return f'<figure><img src="{picture}" alt="{escape(words)}"><figcaption>{escape(words)}</figcaption></figure>'


def facts_html(report: Report) -> str:
    """Properties of the clip, and notes on it."""
    known = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts(report))
    return f"<dl>{known}</dl>{list_html(report.notes)}"


def report_html(report: Report, reference: Reference | None = None) -> str:
    """The whole report page.

    Args:
        report: result of `analyze`.
        reference: heart rate of another device during the clip.
    """
    pulse, spectrum = pulse_figure(report), spectrum_figure(report)
    over_time = f"Pulse waveform of every method, and heart rate, over time. {track_finding(report)}."
    known_limits = list_html(remarks(report))
    body = [
        f'<p class="verdict">{escape(report.consensus.verdict)}</p><p class="small">{NOT_MEDICAL}</p>',
        "<h2>Estimates</h2>" + table_html(report),
        f"<h3>Notes on these numbers</h3>{known_limits}" if known_limits else "",
        "" if reference is None else _reference_html(report, reference),
        "<h2>Pulse</h2>" + figure_html(pulse, "waves", over_time),
        "<h2>Spectrum</h2>" + figure_html(spectrum, "spectrum", "Power over rate; band shaded, peak marked."),
        "<h2>The regions used</h2>" + picture_html(report),
        "<h2>The video</h2>" + facts_html(report),
        "<h2>Limits</h2>" + list_html(LIMITS),
        f'<p class="small">{WITH_PICTURE if report.clip.still is not None else WITHOUT_PICTURE}</p>',
    ]
    return page_html("Pulse from a face video", "\n".join(body))


def protocol_html(title: str, text: str, found: Mapping[str, Any] | None = None) -> str:
    """A page for the result of `rppg evaluate`.

    Args:
        title: title of the page.
        text: the tables.
        found: the result as JSON; its entries "reliability", "r_by_amplitude", "physiology", "bland_altman",
            "bland_altman_spo2", "error_by_condition", "parts", "light", "strips" and "stress" are drawn if present.
    """
    found, figures = found or {}, []
    if bins := found.get("reliability"):
        words = "Stated confidence against the share of readings within 5 bpm."
        figures.append(figure_html(reliability_figure(bins), "reliability", words))
    if points := found.get("r_by_amplitude"):
        words = "Correlation of every method's waveform with the true pulse, by the strength of the pulse."
        figures.append(figure_html(r_by_amplitude_figure(points), "r-by-amplitude", words))
    if match := found.get("physiology"):
        words = "Harmonics, spectrum and interval modulation of recorded people in grey, of simulated ones in colour."
        figures.append(figure_html(physiology_figure(match), "physiology", words))
    if agreement := found.get("bland_altman"):
        words = (
            "Estimate minus label of every video over the mean of both, with bias and limits of agreement."
        )
        figures.append(figure_html(agreement_figure(agreement), "bland-altman", words))
    if agreement := found.get("bland_altman_spo2"):
        words = "The same for SpO2, which is not calibrated, beside a constant that ignores the video."
        figures.append(figure_html(agreement_figure(agreement), "bland-altman-spo2", words))
    if levels := found.get("error_by_condition"):
        words = "Heart-rate error of every method at every level of every condition, the worst level first."
        figures.append(figure_html(condition_figure(levels), "error-by-condition", words))
    for k, parts in enumerate(found.get("parts", ())):
        words = (
            f"Heart-rate error of {parts['network']} whole and without each of its parts, one point per seed."
        )
        figures.append(figure_html(parts_figure(parts), f"parts-{k + 1}", words))
    if light := found.get("light"):
        words = "Shares of clips whose skin changes less than a value, in these clips and in draws of the simulator."
        figures.append(figure_html(light_spread_figure(light), "light", words))
    if strips := found.get("strips"):
        figures += [figure_html(*parts) for parts in recording_strips(strips)]
    if sweeps := found.get("stress"):
        from rppg_core.figures.stress import (
            stress_figures,
        )  # imports the simulator, which no other page needs

        figures += [figure_html(*parts) for parts in stress_figures(sweeps)]
    table = f'<div class="scroll" tabindex="0"><pre>{escape(text)}</pre></div>'
    return page_html(title, "".join([f'<p class="small">{NOT_MEDICAL}</p>', *figures, table]))


def report_text(report: Report, reference: Reference | None = None) -> str:
    """The report for a terminal: verdict, the reference beside it, table, notes on the numbers."""
    rows = table_rows(report)
    empty = ("",) * len(COLUMNS)
    cells = [[row.name, *(row.cells or empty), *(empty[:3] if row.cause else row.more)] for row in rows]
    lines = text_table(["method", *COLUMNS, *MORE_COLUMNS], cells).splitlines()
    for line, row in enumerate(rows, start=2):
        if row.cause:  # in place of the empty cells, as on the page
            lines[line] = f"{row.name.ljust(lines[1].index(' '))}  no heart rate: {row.cause}"
    about = "\n".join([*remarks(report), *report.notes, NOT_MEDICAL])
    beside = [] if reference is None else [reference_words(reference, report)]
    return "\n".join([report.consensus.verdict, *beside, "", *lines, "", about])


def csv_text(report: Report, reference: Reference | None = None) -> str:
    """Vitals as comments, then one line per sample and one column per waveform, with empty cells without a face."""
    lines = [f"# {NOT_MEDICAL}", f"# verdict: {report.consensus.verdict}"]
    lines += [] if reference is None else [f"# {reference_words(reference, report)}"]
    sources = {"consensus": report.consensus.vitals, **{n: e.vitals for n, e in report.estimates.items()}}
    for source, vitals in sources.items():
        for name, reading in vitals.readings().items():
            shown = f"none ({reading.note})"
            if not reading.refused:
                shown = f"{reading.value:.6g} {reading.unit}, confidence {reading.confidence:.2f}"
            lines.append(f"# {source} {name}: {shown}")
    joint = report.consensus.vitals
    lines += [f"# consensus hr_track {window_words(window)}" for window in shown_track(joint)]
    lines.append(f"# consensus hr_seconds: {joint.hr_seconds:.4g}")
    waves = {name: e.bvp for name, e in report.estimates.items() if e.bvp is not None}
    lines.append(",".join(["time_s", *waves]))
    if waves:
        times_s = _times_s(next(iter(waves.values())))
        columns = [
            np.interp(times_s, _times_s(b), np.where(b.valid, b.samples, np.nan)) for b in waves.values()
        ]
        for time_s, *values in zip(times_s, *columns, strict=True):
            lines.append(",".join([f"{time_s:.4f}", *("" if np.isnan(v) else f"{v:.6g}" for v in values)]))
    return "\n".join(lines) + "\n"


def _reference_html(report: Report, reference: Reference) -> str:
    words = (
        "Heart rate of the other device over time in grey, that of this program with its intervals in colour."
    )
    drawn = figure_html(reference_figure(report, reference), "reference", words)
    return f"<h2>Reference heart rate</h2>{drawn}"


def _row(name: str, vitals: Vitals, more: tuple[str, str, str]) -> TableRow:
    hr = vitals.hr
    if hr.refused:
        return TableRow(name, (), hr.note, more)
    interval = "" if hr.interval is None else f"{hr.interval[0]:.1f}-{hr.interval[1]:.1f}"
    confidence = ">0.99" if hr.confidence > 0.99 else f"{hr.confidence:.2f}"
    cells = (_number(hr, 1), interval, confidence, _number(vitals.rr, 1))
    return TableRow(name, (*cells, _number(vitals.rmssd), _number(vitals.sdnn)), "", more)


def _times_s(bvp: Bvp) -> np.ndarray:
    return bvp.t0_s + np.arange(len(bvp.samples)) / bvp.fs


def _number(reading: Reading, digits: int = 0) -> str:
    return "—" if reading.value is None else f"{reading.value:.{digits}f}"
