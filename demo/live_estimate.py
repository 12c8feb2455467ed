"""The live heart rate: from colour traces that a browser computes from its camera to a value or a refusal.

No picture is received and nothing is kept: each packet holds the last half minute. Since the browser does not
detect faces, three numbers per frame decide whether a face is in the oval; the same panel, controls and
calibration as for a video decide whether it has a pulse. No gradio. Axis letters: T time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.analysis.pipeline import MIN_FPS, Analysis
from rppg_core.analysis.verdict import likely_cause, remedy
from rppg_core.errors import FrameRateError, UsageError
from rppg_core.figures.hr_track import shown_track
from rppg_core.figures.report import display_wave
from rppg_core.roster import PANEL
from rppg_core.signals.filters import segments
from rppg_core.types import FS, Bvp, FaceClip, FaceInfo, Reading, VideoInfo

# One row of a packet per frame. demo/static/live.js sends the columns in this order and documents each of them.
COLUMNS = (
    "time ms", "red", "green", "blue", "background red", "background green", "background blue", "skin", "clipped",
    "motion", "likeness",
)  # fmt: skip
LOWEST = np.array([0.0, *[0.0] * 6, 0.0, 0.0, 0.0, -1.0])
HIGHEST = np.array([1e9, *[255.0] * 6, 1.0, 1.0, 100.0, 1.0])
MAX_ROWS = 2000  # half a minute at 60 frames per second, with a margin
MAX_SPAN_S = 32.0
FIRST_VALUE_S = 10.0
WAVE_S = 10.0  # length of the waveform that is sent back
OVAL_PX = 102.0  # width of the guided oval on the browser's canvas
MIN_SKIN = 0.5  # share of the oval with the colour of skin; 0.8-1 for a face in it, 0 for most walls
MIN_LIKENESS = 0.5  # correlation of the oval with its content in the seconds before
LEAVE_S = 0.3  # a face missing for longer has left; shorter gaps are bridged
MAX_GAP_S = 0.5  # without frames: the page was in the background, or the computer was busy
MOTION_PERCENT = 17.0  # % of the face width, for a change of the oval equal to its brightness


@dataclass(frozen=True)
class LiveTrace:
    """The validated columns of a packet."""

    times_s: Float[np.ndarray, " time"]
    skin: Float[np.ndarray, "time 3"]  # mean colour of forehead and cheeks, grey levels
    background: Float[np.ndarray, "time 3"]  # the same of the picture beside the head
    skin_share: Float[np.ndarray, " time"]  # of the oval, 0..1
    clipped: Float[np.ndarray, " time"]  # share of forehead and cheeks that is over- or underexposed, 0..1
    motion: Float[np.ndarray, " time"]  # mean change of the oval since the frame before / its brightness
    likeness: Float[np.ndarray, " time"]  # correlation of the oval with its last seconds, -1..1

    @property
    def seen(self) -> Bool[np.ndarray, " time"]:
        """Frames that may show the same face as before."""
        return (self.skin_share >= MIN_SKIN) & (self.likeness >= MIN_LIKENESS)

    def part(self, start: int) -> LiveTrace:
        """The trace from frame `start` on."""
        return LiveTrace(**{name: column[start:] for name, column in self.__dict__.items()})


def estimate_live(packet: object) -> dict[str, Any]:
    """The answer to a packet, for the page.

    Args:
        packet: {"rows": [[...], ...]} with the numbers of COLUMNS for each frame of the last half minute.

    Returns:
        "state": "nobody", "collecting", "value", "refused" or "error"; "words" for the visitor; "start_ms", the time
        before which rows no longer count; and, depending on the state, "seconds", "hr" and "wave". JSON-ready.
        "hr" is that of the newest window that shows one; its "ago_s" is above 0 where newer windows show none.
    """
    try:
        trace = read_packet(packet)
    except UsageError as error:
        return _answer("error", str(error))
    start = face_since(trace)
    if start == len(trace.times_s):
        return _answer("nobody", _nobody_words(trace), start_ms=_ms(trace.times_s[-1]))
    face = trace.part(start)
    seconds = float(face.times_s[-1] - face.times_s[0])
    known = {"start_ms": _ms(face.times_s[0]), "seconds": round(seconds, 1), "needed": FIRST_VALUE_S}
    if seconds < FIRST_VALUE_S:
        return _answer("collecting", "Hold still and breathe normally.", **known)
    try:
        return _judged(face, known)
    except FrameRateError:
        rate = 1 / float(np.median(np.diff(face.times_s)))
        words = f"The camera gives {rate:.0f} frames a second; at least {MIN_FPS:.0f} are needed."
        return _answer("refused", f"{words} More light helps, and so does closing other programs.", **known)


def read_packet(packet: object) -> LiveTrace:
    """Validate a packet, which may come from anyone.

    Raises:
        UsageError: not rows of finite numbers within their ranges, too many rows, or times that do not increase.
    """
    rows = packet.get("rows") if isinstance(packet, dict) else None
    if not isinstance(rows, list) or not 2 <= len(rows) <= MAX_ROWS:
        got = f"{len(rows)} rows" if isinstance(rows, list) else "no list of rows"
        raise _bad(f"a packet with {got}", f"2 to {MAX_ROWS} rows")
    if not all(isinstance(row, list) and len(row) == len(COLUMNS) for row in rows):
        raise _bad("rows of the wrong length", f"{len(COLUMNS)} numbers each: {', '.join(COLUMNS)}")
    if not all(type(number) in (int, float) and abs(number) < 1e9 for row in rows for number in row):
        raise _bad("rows with values that are not finite numbers", "numbers below 1e9")
    table = np.array(rows, float)
    beyond = ((table < LOWEST) | (table > HIGHEST)).any(axis=0)
    if beyond.any():
        at = int(np.argmax(beyond))
        raise _bad(
            f"numbers out of range in the column {COLUMNS[at]!r}", f"{LOWEST[at]:g} to {HIGHEST[at]:g}"
        )
    times_s = table[:, 0] / 1000
    if (np.diff(times_s) <= 0).any() or times_s[-1] - times_s[0] > MAX_SPAN_S:
        raise _bad(
            "frame times that do not increase or span too long", f"at most {MAX_SPAN_S:.0f} s, in order"
        )
    return LiveTrace(times_s, table[:, 1:4], table[:, 4:7], *table[:, 7:].T)


def face_since(trace: LiveTrace) -> int:
    """Index of the first frame of the face that is in the oval now; the number of frames if there is none.

    It starts again after each absence of LEAVE_S or more, and after each gap of MAX_GAP_S without frames.
    """
    times_s = trace.times_s
    gaps = np.flatnonzero(np.diff(times_s) > MAX_GAP_S)
    start = int(gaps[-1]) + 1 if len(gaps) else 0
    for away in segments(~trace.seen):
        back_s = times_s[min(away.stop, len(times_s) - 1)]
        if away.stop > start and (away.start <= start or back_s - times_s[away.start] >= LEAVE_S):
            start = away.stop
    return start


def face_clip(trace: LiveTrace) -> FaceClip:
    """The trace as a `FaceClip`; every ROI is forehead and cheeks together."""
    seen = trace.seen
    steps_s = np.diff(trace.times_s)
    step_s = float(np.median(steps_s))
    face = FaceInfo(
        found=float(seen.mean()),
        width_px=OVAL_PX,
        motion_percent=MOTION_PERCENT * float(np.median(trace.motion)) / step_s,
        skin_fraction=float(trace.skin_share.mean()),
        brightness=float(trace.skin[seen].mean()),
        clipped_percent=100 * float(trace.clipped.mean()),
    )
    video = VideoInfo(
        codec="camera",
        n_frames=len(seen),
        duration_s=float(trace.times_s[-1] - trace.times_s[0]) + step_s,
        fps=1 / step_s,
        jitter_percent=100 * float(np.std(steps_s)) / step_s,
    )
    skin = np.where(seen[:, None], trace.skin, np.nan)
    return FaceClip(
        times_s=trace.times_s,
        valid=seen,
        rgb=np.repeat(skin[:, None, :], 4, axis=1),
        background=trace.background,
        video=video,
        face=face,
    )


def _judged(face: LiveTrace, known: dict[str, Any]) -> dict[str, Any]:
    """The panel on the face, with the background beside it as control; the waveform is that of POS."""
    report = Analysis(face_clip(face)).report(PANEL)
    known = {**known, "wave": _wave(report.estimates["pos"].bvp)}
    track = shown_track(report.consensus.vitals)
    shown = [window for window in track if not window.reading.refused]
    cause = likely_cause(report.video, report.face, known["seconds"])
    if not shown:
        hr = report.consensus.vitals.hr
        words = f"No reliable heart rate: {hr.note}. To improve it: {remedy(hr, cause)}."
        return _answer("refused", words, **known)
    newest, ago_s = track[-1].reading, track[-1].end_s - shown[-1].end_s
    reading = _reading(shown[-1].reading, ago_s)
    if newest.refused:
        why = "" if newest.note.startswith("no clear pulse") else f": {newest.note}"
        words = f"No clear pulse now{why}. The number is {ago_s:.0f} s old. To improve it: {remedy(newest, cause)}."
        return _answer("value", words, hr=reading, **known)
    quality = "good" if newest.confidence >= 0.95 else "fair"
    words = f"Quality {quality}: {len(report.consensus.agree)} of {len(PANEL)} methods agree."
    return _answer("value", words, hr=reading, **known)


def _reading(reading: Reading, ago_s: float) -> dict[str, Any]:
    """A shown reading for the page, and how long before now its window ended."""
    assert reading.value is not None and reading.interval is not None
    return {
        "value": round(reading.value, 1),
        "interval": [round(edge, 1) for edge in reading.interval],
        "confidence": round(reading.confidence, 3),
        "ago_s": round(ago_s, 1),
    }


def _wave(bvp: Bvp | None) -> dict[str, Any]:
    """The latest WAVE_S of the POS waveform, in standard deviations; None in gaps."""
    if bvp is None:
        return {"start_ms": 0.0, "fs": FS, "samples": []}
    first = max(0, len(bvp.samples) - round(WAVE_S * bvp.fs))
    return {
        "start_ms": _ms(bvp.t0_s + first / bvp.fs),
        "fs": bvp.fs,
        "samples": [None if np.isnan(z) else round(z, 2) for z in display_wave(bvp)[first:].tolist()],
    }


def _nobody_words(trace: LiveTrace) -> str:
    """What the visitor should change, judged from the latest half second."""
    now = trace.times_s >= trace.times_s[-1] - 0.5
    if trace.skin[now].mean() < 15:
        return "The picture is dark: turn on a light, or open the camera's shutter."
    if trace.skin_share[now].mean() < MIN_SKIN:
        return "No face in the oval: come closer until your face fills it."
    return "The picture in the oval has changed: hold still in it."


def _ms(time_s: float) -> float:
    """Milliseconds, rounded to 0.1 ms like those of the browser, so that the row at this time is kept."""
    return round(1000 * float(time_s), 1)


def _answer(state: str, words: str, **more: Any) -> dict[str, Any]:
    return {"state": state, "words": words, **more}


def _bad(got: str, wanted: str) -> UsageError:
    return UsageError(got, wanted=wanted, do="reload the page")
