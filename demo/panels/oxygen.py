"""SpO2 for teaching: what networks make of a face, and what that rests on. No gradio here.

A number for SpO2 is never part of the consensus and never coloured good or bad. Beside it stand the same number for
the same face with one thing changed, and the mean that ignores every face.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

import numpy as np
import plotly.graph_objects as go

from rppg_core.analysis.oxygen_audits import AS_IT_IS, AUDITS, audit_saturation, saturation_course
from rppg_core.analysis.pipeline import Analysis
from rppg_core.figures.saturation import SaturationCourse, saturation_figure
from rppg_core.types import FaceClip, Method, Progress, Reading

from .section import lesson_link, paragraphs, table

# mean SpO2 of the people in the training of a network, and 1.96 times its RMSE on simulated people with a camera each
# (`python -m rppg_core.lab.protocols.oxygen`)
TRAINED_ON = MappingProxyType({"physmle": 95.0})
HALF_WIDTHS = MappingProxyType({"physmle": 17.3})
SHOULD = MappingProxyType({
    AS_IT_IS: "",
    "no pulse": "the mean: this is what a photo would get",
    "shuffled frames": "the mean",
    "red pulse 20 % larger": "lower",
    "warmer white balance": "as it is",
})  # fmt: skip
HARDLY = 0.5  # points by which a number changes if it does not follow


@dataclass(frozen=True)
class FaceSaturation:
    """What one method makes of one face."""

    name: str
    shown: Reading  # behind the gate: refused without a pulse
    audits: Mapping[str, float]  # AS_IT_IS and the names of AUDITS -> SpO2. Unit: %
    course: SaturationCourse | None

    @property
    def mean(self) -> float:
        """SpO2 of a predictor that ignores the face. Unit: %."""
        return TRAINED_ON[self.name]


def read_faces(
    clip: FaceClip, methods: Sequence[Method], own: Mapping[str, Method], progress: Progress
) -> list[FaceSaturation]:
    """SpO2 of a clip by every method, after each change, and over time.

    Args:
        clip: with the fields that the methods need.
        methods: that give SpO2.
        own: methods that take the place of those of the same name.
        progress: called with a stage and a fraction.

    Raises:
        RppgError: the clip cannot be analysed.
    """
    analysis = Analysis(clip, own=own)
    found = []
    for k, method in enumerate(methods):
        progress(f"{method.name}: is there a pulse?", k / len(methods))
        shown = analysis.estimate(method.name).vitals.spo2
        progress(f"{method.name}: the same face, changed", (k + 0.4) / len(methods))
        audits = audit_saturation(method, clip)
        times_s, percent = saturation_course(method, clip)
        course = SaturationCourse(
            method.name, times_s, percent, HALF_WIDTHS[method.name], TRAINED_ON[method.name]
        )
        found.append(FaceSaturation(method.name, shown, audits, course if len(times_s) else None))
    return found


def section_html(faces: Sequence[FaceSaturation]) -> str:
    """The numbers in words and as a table."""
    said = [sentence for face in faces for sentence in face_words(face)]
    rows = [
        (name, *(_percent(face.audits[name]) for face in faces), SHOULD[name]) for name in (AS_IT_IS, *AUDITS)
    ]
    rows.append(("always the mean", *(_percent(face.mean) for face in faces), ""))
    head = ("SpO2 (%)", *(face.name for face in faces), "with oxygen it would be")
    numbers = table("SpO2 of this face, and of the same face with one thing changed", head, rows, words=True)
    links = "".join(lesson_link(face.name) for face in faces)
    terms = (
        "Not calibrated: a camera answers red in its own way, and no oximeter was beside yours. These numbers ignore "
        "the gate of the last sentence, so that you can see what it stops."
    )
    return (
        f'<section class="inside" aria-label="SpO2 for teaching">{paragraphs(said)}'
        f'<p class="soft">{escape(terms)}{links}</p>{numbers}</section>'
    )


def face_words(face: FaceSaturation) -> list[str]:
    """How much of a number stays without a pulse, and what the gate did."""
    now, dead = face.audits[AS_IT_IS], face.audits["no pulse"]
    if not np.isfinite(now):
        return [f"{face.name} gives no SpO2 for this clip."]
    apart = abs(now - face.mean)
    if abs(now - dead) < HARDLY:
        rests = "hardly changes when the pulse is taken out: it rests on how the face looks, not on blood"
    elif apart < HARDLY:
        rests = "is the mean of its training, which it would also say without looking"
    else:
        rests = f"becomes {dead:.1f} when the pulse is taken out"
    gate = (
        f"The app shows it, with a confidence of {face.shown.confidence:.1f} at most and the note "
        f"\u201c{face.shown.note}\u201d."
        if face.shown.value is not None
        else f"The app does not show it: {face.shown.note}."
    )
    return [f"{face.name} says {now:.1f} %. The number {rests}. {gate}"]


def figure(faces: Sequence[FaceSaturation]) -> go.Figure | None:
    """SpO2 over time with interval and mean; None without any."""
    courses = [face.course for face in faces if face.course is not None]
    return saturation_figure(courses) if courses else None


def _percent(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else "\u2014"
