"""Known answers for notebook 00, start here."""

from __future__ import annotations

from functools import cache

import numpy as np

from rppg_core.analysis.pipeline import analyze
from rppg_core.course.answers import Answer
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip
from rppg_core.types import HR_BAND_HZ, Report

FAST = SimulationSettings(hr_bpm=100.0, seconds=10.0, seed=2)
PHOTO = SimulationSettings(kind="photo", seconds=10.0, seed=1)


@cache
def _report(settings: SimulationSettings) -> Report:
    return analyze(simulate_clip(settings)[0])


def _error_of_methods() -> float:
    report = _report(SimulationSettings(hr_bpm=72.0, seconds=20.0, seed=1))
    readings = [estimate.vitals.hr for estimate in report.estimates.values()]
    return float(np.mean([abs(hr.value - 72.0) for hr in readings if hr.value is not None]))


ANSWERS = {
    "lowest_rate": Answer(
        value=lambda: 60 * HR_BAND_HZ[0],
        within=0.5,
        unit="bpm",
        hint="a rate in Hz is the number of beats per second, and a minute has 60 seconds",
        traps=((HR_BAND_HZ[0], "that is the lower edge in Hz, not in beats per minute"),),
    ),
    "frames_per_beat": Answer(
        value=lambda: 30 * 60 / 72,
        within=0.1,
        unit="frames",
        hint="how many seconds does a beat last, and how many frames are taken in that time?",
        traps=((36, "that is 1.2 s; at 72 beats per minute a beat is shorter than a second"),),
    ),
    "consensus_at_100": Answer(
        value=lambda: _report(FAST).consensus.vitals.hr.value,
        within=0.05,
        unit="bpm",
        hint="hr_bpm=100.0, seconds=10.0, seed=2, then .consensus.vitals.hr.value",
        traps=((100.0, "that is the true rate of the simulation; read the value that the program gives"),),
    ),
    "photo_is_refused": Answer(
        value=lambda: _report(PHOTO).consensus.vitals.hr.refused,
        hint="a photo has no blood: run the analysis, and look at .consensus.vitals.hr.refused",
    ),
    "error_of_methods": Answer(
        value=_error_of_methods,
        within=0.02,
        unit="bpm",
        hint="the mean of |value - 72| over report.estimates, for the readings that are not refused",
    ),
}
