"""What is done with one clip: known pulses put in, the clip as it is, and its background given as skin.

Axis letters: T time, R roi, N cell.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    light_percent: float = np.nan  # spread of the skin's light without a pulse of ours; NaN if unknown

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
) -> tuple[list[InjectedRow], list[LightSpread]]:
    """Every case on every window of one file, and what motion and light do to the skin in each window.

    Args:
        path: a video, colour traces or a stored clip.
        names: methods that read regions and cells only.
        seeds: draws of a person and a rate for each window.
        window_s: length of the windows. Unit: s.
    """
    clip = read_clip(path, collect_needs(names))
    windows = [Window.from_clip(path.stem, part) for part in stretches(clip, window_s)]
    rows = []
    for window in windows:
        rows += _plain_rows(window, AS_IT_IS, window.clip, names)
        if window.clip.background is not None:
            rows += _plain_rows(window, BACKGROUND, background_as_skin(window.clip), names)
        for seed in range(seeds):
            for course in COURSES:
                rows += _put_in_rows(window, course, seed, names)
    return rows, [window.light for window in windows if window.light is not None]


@dataclass(frozen=True)
class Window:
    """One window of one file, and what is known of the face in it."""

    file: str
    clip: FaceClip
    motion_percent: float
    light: LightSpread | None

    @classmethod
    def from_clip(cls, file: str, clip: FaceClip) -> Window:
        """The window that a clip is."""
        return cls(file, clip, motion_percent(clip), light_spread(clip))

    @property
    def start_s(self) -> float:
        """Time of its first frame."""
        return float(self.clip.times_s[0])

    def row(self, kind: str, voice: Voice, **pulse: Any) -> InjectedRow:
        """What a voice says of this window; `pulse` holds the fields of the pulse of ours, if there is one."""
        none = {"amplitude_percent": 0.0, "course": "", "seed": 0, "true_bpm": np.nan, "r": np.nan}
        return InjectedRow(
            clip=self.file,
            start_s=self.start_s,
            kind=kind,
            voice=voice,
            motion_percent=self.motion_percent,
            light_percent=np.nan if self.light is None else self.light.first,
            **none | pulse,
        )


def _plain_rows(window: Window, kind: str, clip: FaceClip, names: Sequence[str]) -> list[InjectedRow]:
    """A clip without a pulse of ours; its motion and light are those of the window's face."""
    return [window.row(kind, voice) for voice in voices_on_clip(clip, names).voices]


def _put_in_rows(window: Window, course: str, seed: int, names: Sequence[str]) -> list[InjectedRow]:
    """One person's pulse in every strength; only the strength differs."""
    rows = []
    for strength in STRENGTHS_PERCENT:
        drawn = zlib.crc32(f"{window.file} {window.start_s:.0f} {course}".encode())
        rng = np.random.default_rng([drawn, seed])
        rates_bpm = rate_course(course, window.clip.times_s, rng)
        pulsed, truth = inject(window.clip, strength, rates_bpm, rng)
        judged = voices_on_clip(pulsed, names)
        for voice in judged.voices:
            pulse = {
                "amplitude_percent": strength,
                "course": course,
                "seed": seed,
                "true_bpm": float(truth.hr_bpm.mean()),
                "r": waveform_scores(judged.waves.get(voice.name), truth)[0],
            }
            rows.append(window.row(PUT_IN, voice, **pulse))
    return rows
