"""The pulse of a face, magnified: the film beside its magnified copy in one video, and words on it. No gradio here.

The video is encoded in memory and sent inside the HTML; `static/magnified.js` plays it. Axis letters: T time, H, W.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from rppg_core.errors import MissingNeedError, UsageError
from rppg_core.types import FaceClip, Progress, Report
from rppg_core.video.film import FaceFilm
from rppg_core.video.magnify import SMALL, MagnifiedPictures, PyramidGains, magnify_pictures
from rppg_core.video.writer import video_bytes

STATIC = Path(__file__).parents[1] / "static"
FACTOR, MOST_FACTOR = 40, 100  # a pulse of half a grey level becomes 20 levels
RATES_BPM = (42, 180)  # magnified where no heart rate was found
LIMITS_BPM = (30, 240)
BESIDE_BPM = 20  # from the heart rate to the limits
SIDE, GAP = 256, 8  # of a picture in the video, and between the two; pixels
GAP_GREY = 128
CRF = 20
MAGNIFIED = 0.8  # share of the progress; the rest is encoding
MOST_CLIPPED = 0.1  # the example has 0.04, a turning head under changing light 0.5
# a picture of the film is 1.5 face widths wide
SPOTS = {"a whole face": 0.8, "a cheek": 0.2, "an eye": 0.1}


def magnified_head() -> str:
    """The part of `launch(head=...)` that the video needs."""
    return f"<script>{(STATIC / 'magnified.js').read_text(encoding='utf-8')}</script>"


def rates_from_report(report: Report) -> tuple[int, int]:
    """Slowest and fastest rate to magnify: around the heart rate, or RATES_BPM without one. Unit: bpm."""
    hr_bpm = report.consensus.vitals.hr.value
    if hr_bpm is None:
        return RATES_BPM
    low, high = LIMITS_BPM
    return max(low, round(hr_bpm) - BESIDE_BPM), min(high, round(hr_bpm) + BESIDE_BPM)


def gain_words(factor: float) -> str:
    """By how much a change of colour grows at this factor, by its size."""
    return PyramidGains.for_picture(SMALL, SMALL, factor).words(SPOTS)


def magnified(
    film: FaceFilm | None,
    clip: FaceClip,
    *,
    factor: float = FACTOR,
    rates_bpm: tuple[float, float] = RATES_BPM,
    progress: Progress | None = None,
) -> str:
    """HTML of the video, paused, with words on it.

    Args:
        film: of the face; None or empty if none was kept.
        clip: which the film is of.
        factor: of a change of the whole face.
        rates_bpm: slowest and fastest rate that is magnified. Unit: bpm.
        progress: called with a stage and a fraction.

    Raises:
        UsageError: rates in the wrong order, or a factor that is impossible.
        MissingNeedError: no film.
        ClipTooShortError: a film of less than 3 s.
    """
    low_bpm, high_bpm = rates_bpm
    if not low_bpm < high_bpm:
        raise UsageError(
            f"the slowest rate is {low_bpm:g} bpm and the fastest {high_bpm:g} bpm",
            wanted="a slowest rate below the fastest",
            do="move one of the two sliders",
        )
    if not film:
        raise MissingNeedError(
            "no pictures of a face were kept",
            wanted="a video that shows a face",
            do="analyse one, then come back",
        )
    tell = progress or (lambda stage, fraction: None)
    made = magnify_pictures(
        film.pictures(),
        film.times_s,
        factor=factor,
        band_hz=(low_bpm / 60, high_bpm / 60),
        progress=lambda stage, fraction: tell(stage, MAGNIFIED * fraction),
    )
    tell("encoding the video", MAGNIFIED)
    file = video_bytes(_side_by_side(made), times_s=made.times_s - made.times_s[0], crf=CRF)
    said = f"Magnified: {low_bpm:g} to {high_bpm:g} bpm, factor {factor:g}. {film_words(made, clip)}"
    return _html(base64.b64encode(file).decode(), said)


def film_words(made: MagnifiedPictures, clip: FaceClip) -> str:
    """Length of the film, frames without a face, and how much of it is too bright or too dark to be right."""
    first_s, last_s = made.times_s[[0, -1]]
    during = (clip.times_s >= first_s) & (clip.times_s <= last_s)
    lost = int((~clip.valid & during).sum())
    held = f" The face was lost in {lost} frames; there the last picture stands still." if lost else ""
    too_much = (
        " Much of this is motion or changing light, not pulse: choose a smaller factor, or record with your head at "
        "rest in steady light."
    )
    return (
        f"{len(made.times_s)} pictures, {last_s - first_s:.1f} s.{held} "
        f"{100 * made.clipped:.1f} % of the pixels reach the end of a colour's range."
        f"{too_much if made.clipped > MOST_CLIPPED else ''}"
    )


def _side_by_side(made: MagnifiedPictures) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    gap = np.full((SIDE, GAP, 3), GAP_GREY, np.uint8)
    for pair in zip(made.before, made.after, strict=True):
        left, right = (cv2.resize(x, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for x in pair)
        yield np.hstack([left, gap, right])


def _html(mp4: str, said: str) -> str:
    name = "One face twice, in step: as recorded on the left, magnified on the right. It flickers."
    return (
        f'<div class="inside"><div class="halves"><span>as recorded</span><span>magnified</span></div>'
        f'<rppg-magnified mp4="{mp4}"><video controls muted loop playsinline width="{2 * SIDE + GAP}" '
        f'height="{SIDE}" aria-label="{escape(name)}"></video></rppg-magnified>'
        f'<p class="soft">{escape(said)}</p></div>'
    )
