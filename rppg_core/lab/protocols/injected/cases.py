"""What is done with one clip: known pulses put in, the clip as it is, and its background given as skin.

Axis letters: T time, R roi, N cell.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rppg_core.analysis.pipeline import collect_needs
from rppg_core.lab.protocols.face_clips import background_as_skin, motion_percent, read_clip, stretches
from rppg_core.lab.protocols.injected.light import LightSpread, light_spread
from rppg_core.lab.protocols.voices import Voice, voices_on_clip
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.simulate.injection import COURSES, inject, rate_course
from rppg_core.types import FaceClip

STRENGTHS_PERCENT = (0.25, 0.5, 1.0)
PUT_IN, AS_IT_IS, BACKGROUND = "put in", "as it is", "background as skin"
CALM, MOVING, UNKNOWN = "calm", "moving", "unknown"
MOVING_PERCENT = 5.0  # of the face width per second
MOVING_LIGHT_PERCENT = 1.0  # standard deviation in 0.7 to 3 Hz


@dataclass(frozen=True)
class InjectedRow:
    """One voice on one clip."""

    clip: str
    start_s: float
    kind: str  # PUT_IN, AS_IT_IS or BACKGROUND
    amplitude_percent: float  # 0 without a pulse of ours
    course: str  # a key of COURSES; "" without a pulse of ours
    seed: int
    motion_percent: float  # NaN if unknown
    voice: Voice
    true_bpm: float  # mean of the pulse that was put in; NaN without one
    r: float  # of the waveform with that pulse; NaN without one
    light_percent: float = float(
        "nan"
    )  # spread of the skin's light before the pulse was put in; NaN if unknown

    @property
    def light(self) -> str:
        """CALM, MOVING or UNKNOWN: what motion and lamps do to the light on the skin."""
        return _level(self.light_percent, MOVING_LIGHT_PERCENT)

    @property
    def motion(self) -> str:
        """CALM, MOVING or UNKNOWN."""
        return _level(self.motion_percent, MOVING_PERCENT)


def _level(percent: float, most: float) -> str:
    if np.isnan(percent):
        return UNKNOWN
    return MOVING if percent > most else CALM


def run_file(
    path: Path, names: Sequence[str], seeds: int, window_s: float
) -> tuple[list[InjectedRow], LightSpread | None]:
    """Every case on every window of one file, and what motion and light do to its skin.

    Args:
        path: a video, colour traces or a stored clip.
        names: methods that read regions and cells only.
        seeds: draws of a person and a rate for each window.
        window_s: length of the windows. Unit: s.
    """
    clip = read_clip(path, collect_needs(names))
    rows = []
    for part in stretches(clip, window_s):
        rows += _plain_rows(path.stem, AS_IT_IS, part, part, names)
        if part.background is not None:
            wall = background_as_skin(part)
            rows += _plain_rows(path.stem, BACKGROUND, wall, part, names)
        for seed in range(seeds):
            for course in COURSES:
                rows += _put_in_rows(path.stem, part, course, seed, names)
    return rows, light_spread(clip)


def _plain_rows(
    name: str, kind: str, clip: FaceClip, face: FaceClip, names: Sequence[str]
) -> list[InjectedRow]:
    """A clip without a pulse of ours; its motion is that of the face."""
    nothing = float("nan")
    start_s, motion = float(clip.times_s[0]), motion_percent(face)
    return [
        InjectedRow(name, start_s, kind, 0.0, "", 0, motion, voice, nothing, nothing)
        for voice in voices_on_clip(clip, names).voices
    ]


def _put_in_rows(
    name: str, clip: FaceClip, course: str, seed: int, names: Sequence[str]
) -> list[InjectedRow]:
    """One person's pulse in every strength; only the strength differs."""
    rows = []
    start_s, motion, light = float(clip.times_s[0]), motion_percent(clip), light_spread(clip)
    light_percent = float("nan") if light is None else light.first
    for strength in STRENGTHS_PERCENT:
        rng = np.random.default_rng([zlib.crc32(f"{name} {start_s:.0f} {course}".encode()), seed])
        pulsed, truth = inject(clip, strength, rate_course(course, clip.times_s, rng), rng)
        judged = voices_on_clip(pulsed, names)
        for voice in judged.voices:
            r = waveform_scores(judged.waves.get(voice.name), truth)[0]
            true_bpm = float(truth.hr_bpm.mean())
            rows.append(
                InjectedRow(
                    name, start_s, PUT_IN, strength, course, seed, motion, voice, true_bpm, r, light_percent
                )
            )
    return rows
