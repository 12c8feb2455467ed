"""The visitor's video with regions and beats drawn on it, and waveforms in step with it: numbers for a player.

The server has deleted the file by the time there is a result. The player shows the copy in the visitor's own browser;
this file provides one JSON object of numbers, which `static/viewer.js` draws. Without a file, as for the example, the
still picture of the report replaces the video. No gradio here: the page puts the HTML into a `gr.HTML`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from rppg_core.figures.hr_track import (
    Piece,
    rate_range,
    track_finding,
    track_pieces,
    true_rates,
    window_words,
)
from rppg_core.figures.report import display_wave
from rppg_core.figures.style import ESTIMATE, REFERENCE
from rppg_core.types import HR_BAND_HZ, Bvp, Estimate, FaceClip, Report, Truth

STATIC = Path(__file__).parents[1] / "static"
SCRIPTS = ("rate_strip.js", "viewer.js")  # in this order
BOX_FS = 10.0  # Hz; the face itself is detected five to ten times per second
TRUTH_FS = 30.0  # Hz
WAVE_UNIT = 20  # integer steps per standard deviation
MAX_WAVE = 6.0  # standard deviations
OUTLINE_UNIT = 1000  # integer steps per face width


def viewer(report: Report, truth: Truth | None = None, *, upload: str | Path | None = None) -> str:
    """HTML of the player; without the script of `viewer_head` it shows the still picture and the description.

    Args:
        report: result of the analysis.
        truth: truth of a simulated clip, which has no file, so that the still is shown.
        upload: former path of the file on the server, which distinguishes several uploads of one page; None takes
            the newest.
    """
    numbers = json.dumps(viewer_numbers(report, truth, upload=upload), separators=(",", ":"))
    inside = f'{_still_html(report.clip)}<p slot="words">{escape(words(report))}</p>'
    return f'<rppg-viewer clip="{escape(numbers)}">{inside}</rppg-viewer>'


def viewer_head() -> str:
    """The part of `launch(head=...)` that the player needs."""
    return "".join(f"<script>{(STATIC / name).read_text(encoding='utf-8')}</script>" for name in SCRIPTS)


def viewer_numbers(
    report: Report, truth: Truth | None = None, *, upload: str | Path | None = None
) -> dict[str, Any]:
    """The numbers that the player draws; arguments as for `viewer`.

    Returns:
        JSON-ready. Lengths are in pixels of the upright picture, times in seconds since the first frame. Face boxes
        come as centre and width at BOX_FS; outlines as points around that centre, in face widths.
    """
    clip = report.clip
    beats_of, beats_s = beats(report)
    return {
        "file": "none" if truth is not None else Path(upload).parent.name if upload else "newest",
        "seconds": _rounded(clip.times_s[-1] - clip.times_s[0], 3),
        "size": [report.video.width, report.video.height],
        "boxes": _boxes(clip),
        "outlines": _outlines(clip),
        "still": _still_place(clip),
        "lanes": [_lane(estimate) for estimate in report.estimates.values() if estimate.bvp is not None],
        "truth": None if truth is None or not truth.pulsed else _truth_wave(truth),
        "strip": _strip(report, truth),
        "beats": [_rounded(time_s, 3) for time_s in beats_s],
        "beatsOf": beats_of,
        "unit": {"wave": WAVE_UNIT, "outline": OUTLINE_UNIT, "boxHz": BOX_FS},
        "colour": {"estimate": ESTIMATE, "reference": REFERENCE},
    }


def beats(report: Report) -> tuple[str, np.ndarray]:
    """The method whose beats are marked, and their times; none if no heart rate can be trusted.

    Returns:
        The method with the highest SNR among those that share the consensus, "" without one, and the times of its
        beats that have a plausible interval on at least one side. Unit: s since the first frame.
    """
    agree = [report.estimates[name] for name in report.consensus.agree if name in report.estimates]
    sure = [e for e in agree if e.bvp is not None and e.beats is not None and not e.vitals.hr.refused]
    if report.consensus.vitals.hr.refused or not sure:
        return "", np.zeros(0)
    best = max(sure, key=lambda e: -99.0 if e.snr_db is None else e.snr_db)
    assert best.bvp is not None and best.beats is not None
    plausible = np.isfinite(best.beats.ibi_s)
    beside_one = np.append(plausible, False) | np.append(False, plausible)
    return best.method, best.bvp.t0_s + best.beats.times_s[beside_one[: len(best.beats.times_s)]]


def words(report: Report) -> str:
    """A description of the player, also for visitors who cannot see it."""
    name, times_s = beats(report)
    outlined = ", ".join(report.clip.still_outlines) or "nothing"
    marked = "No beats are marked: no heart rate could be trusted."
    if len(times_s):
        marked = f"Marked: {len(times_s)} beats found by {name}."
    low_hz, high_hz = HR_BAND_HZ
    return (
        f"{track_finding(report)}. Outlined: {outlined}. {marked} Beside a method's name: its bpm. "
        f"Waveforms: band-passed to {low_hz}-{high_hz:g} Hz and z-scored for display. "
        "Space plays, the arrow keys move by a second."
    )


def _boxes(clip: FaceClip) -> dict[str, list[float | None]]:
    """Centre and width of the face at BOX_FS, None where the face was lost."""
    if clip.boxes is None:
        return {"x": [], "y": [], "w": []}
    x, y, width, height = clip.boxes.T
    grid_s = np.arange(0, clip.times_s[-1] + 1 / BOX_FS, 1 / BOX_FS)
    tracks = {"x": x + width / 2, "y": y + height / 2, "w": width}
    return {name: _list(np.interp(grid_s, clip.times_s, track), 1) for name, track in tracks.items()}


def _outlines(clip: FaceClip) -> dict[str, list[list[int]]]:
    """Polygons of the still as points around the face's centre, in 1 / OUTLINE_UNIT of its width."""
    if "face" not in clip.still_outlines:
        return {}
    x, y, width = _face_of_still(clip)
    return {
        name: np.round((np.asarray(points) - [x, y]) / width * OUTLINE_UNIT).astype(int).tolist()
        for name, points in clip.still_outlines.items()
    }


def _still_place(clip: FaceClip) -> dict[str, Any] | None:
    """Size of the still, and the position of the face in it."""
    if clip.still is None:
        return None
    x, y, width = _face_of_still(clip)
    size = [clip.still.shape[1], clip.still.shape[0]]
    return {"size": size, "x": _rounded(x, 1), "y": _rounded(y, 1), "w": _rounded(width, 1)}


def _face_of_still(clip: FaceClip) -> tuple[float, float, float]:
    """Centre and width of the face in pixels of the still; the whole still if no face was searched for."""
    assert clip.still is not None
    height, width = clip.still.shape[:2]
    points = np.asarray(clip.still_outlines.get("face", [[0, 0], [width, height]]), float)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2
    return float(x), float(y), float(high[0] - low[0])


def _lane(estimate: Estimate) -> dict[str, Any]:
    assert estimate.bvp is not None
    bvp: Bvp = estimate.bvp
    rate = estimate.vitals.hr.value
    return {
        "name": estimate.method,
        "rate": None if rate is None else round(rate),
        "fs": _rounded(bvp.fs, 4),
        "t0": _rounded(bvp.t0_s, 3),
        "z": _wave(display_wave(bvp)),
    }


def _strip(report: Report, truth: Truth | None) -> dict[str, Any]:
    """The heart rate over time: limits of its axis, and the windows from left to right."""
    pieces = track_pieces(report)
    true_bpm = true_rates(pieces, truth)
    limits = rate_range([piece.window.reading for piece in pieces], true_bpm)
    return {
        "limits": _list(limits, 2),
        "truth": _list(true_bpm, 1),
        "pieces": [_piece(piece) for piece in pieces],
    }


def _piece(piece: Piece) -> dict[str, Any]:
    reading = piece.window.reading
    shown = {"bpm": None}
    if reading.value is not None:
        interval = reading.interval or (reading.value, reading.value)
        shown = {"bpm": _rounded(reading.value, 1), "interval": _list(interval, 1)}
    place = {name: _rounded(getattr(piece, f"{name}_s"), 2) for name in ("left", "middle", "right")}
    return {**place, **shown, "words": window_words(piece.window)}


def _truth_wave(truth: Truth) -> dict[str, Any]:
    grid_s = np.arange(truth.times_s[0], truth.times_s[-1], 1 / TRUTH_FS)
    wave = np.interp(grid_s, truth.times_s, truth.bvp)
    return {"fs": TRUTH_FS, "t0": _rounded(truth.times_s[0], 3), "z": _wave(wave)}


def _wave(z: np.ndarray) -> list[int | None]:
    """A z-scored wave as small integers, None in gaps."""
    units = np.clip(z, -MAX_WAVE, MAX_WAVE) * WAVE_UNIT
    return [None if np.isnan(unit) else round(unit) for unit in units.tolist()]


def _list(values: Sequence[float] | np.ndarray, digits: int) -> list[float | None]:
    return [_rounded(value, digits) if np.isfinite(value) else None for value in values]


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits)


def _still_html(clip: FaceClip) -> str:
    """The still without lines on it: the player draws them."""
    if clip.still is None:
        return ""
    ok, encoded = cv2.imencode(".jpg", clip.still[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    assert ok, "OpenCV could not encode a picture"
    uri = "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()
    what = "The first frame." if clip.region == "whole" else "The face in the first frame that showed it."
    return f'<img slot="still" src="{uri}" alt="{what}" style="max-width:22rem">'
