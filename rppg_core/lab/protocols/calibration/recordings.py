"""Real faces in the calibration: traces with a reference heart rate, and clips into which a known pulse is put.

A folder holds tables `NAME.csv` (time_s and colours) with `NAME_hr.csv` (time_s, hr_bpm) beside them, or stored clips
NAME.npz without a reference. Tables are cut into stretches of 30 s, and read a second time 1.5 times as fast, so that
fast hearts and slow noise meet. A stored clip gets pulses of 0.25 and 0.5 %, and its background, where it has one, is
added as a clip without a pulse.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.face_clips import (
    REFERENCE,
    STORED,
    background_as_skin,
    clip_files,
    read_clip,
    stretches,
)
from rppg_core.lab.simulate.injection import draw_person, inject
from rppg_core.tables.reference import Reference, read_reference
from rppg_core.types import FaceClip, Truth

SPEEDS = (1.0, 1.5)
STRETCH_S = 30.0  # of the recording, whatever the speed
AMPLITUDES_PERCENT = (0.25, 0.5)
DRAWS = 4
RATES_BPM = (50.0, 120.0)
NEEDS = frozenset({"rgb", "stmap"})
SEED = 3_000_000


@dataclass(frozen=True)
class Recorded:
    """A clip of a real face with a known rate."""

    clip: KnownClip
    kind: str  # "reference", "pulse put in" or "background"
    person: str
    name: str


def recorded_clips(folder: Path) -> Iterator[Recorded]:
    """All examples of a folder.

    Raises:
        UsageError: it holds neither tables with references nor stored clips.
    """
    count = 0
    for path in clip_files(folder, stored=True):
        reference = path.with_name(f"{path.stem}{REFERENCE}.csv")
        if reference.is_file():
            yield from _with_reference(path, read_reference(reference))
        elif path.suffix.lower() == STORED:
            yield from _with_pulse(path, np.random.default_rng(SEED + count))
            count += 1


def _with_reference(path: Path, reference: Reference) -> Iterator[Recorded]:
    whole = read_clip(path, NEEDS)
    for speed in SPEEDS:
        for clip in stretches(whole, STRETCH_S):
            start_s = float(clip.times_s[0])
            faster = replace(clip, times_s=(clip.times_s - start_s) / speed)
            rates = np.interp(clip.times_s, reference.times_s, reference.hr_bpm) * speed
            name = f"{path.stem} from {start_s:.0f} s, speed {speed:g}"
            yield Recorded((faster, _known(faster, rates)), "reference", path.stem.split("_")[0], name)


def _with_pulse(path: Path, rng: np.random.Generator) -> Iterator[Recorded]:
    clip = read_clip(path, NEEDS)
    for _ in range(DRAWS):
        for amplitude in AMPLITUDES_PERCENT:
            person, colour = draw_person(rng)
            rates = np.full(len(clip.times_s), rng.uniform(*RATES_BPM))
            known = inject(clip, amplitude, rates, rng, person=person, colour=colour)
            yield Recorded(known, "pulse put in", path.stem, f"{path.stem}, {amplitude:g} %")
    if clip.background is not None:
        wall = background_as_skin(clip)
        yield Recorded((wall, _known(wall, None)), "background", path.stem, f"{path.stem}, background")


def _known(clip: FaceClip, rates_bpm: np.ndarray | None) -> Truth:
    nothing = np.full(len(clip.times_s), np.nan)
    return Truth(
        times_s=clip.times_s, bvp=nothing, resp=nothing, hr_bpm=nothing if rates_bpm is None else rates_bpm,
        beats_s=np.zeros(0), rr_brpm=np.nan, spo2_percent=np.nan, pulsed=rates_bpm is not None,
    )  # fmt: skip
