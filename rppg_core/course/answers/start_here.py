"""Questions and known answers for notebook 00, start here."""

from __future__ import annotations

from functools import cache

import numpy as np

from rppg_core.analysis.pipeline import analyze
from rppg_core.course.answers import Answer, Question
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


QUESTIONS = {
    "swing_of_green": Question(
        asks="By how much does the green of this skin change from the brightest to the darkest moment of a beat?",
        right="by about 2 %",
        because="The simulator was set to 0.5 % (standard deviation; from top to bottom that is three to four times "
        "as much), which is what a good webcam sees in bright light. In dim light or on dark skin it is far less.",
        wrong={
            "by about 20 %": "A change as large as this would be seen with the naked eye, and no face flashes with "
            "its beats.",
            "by about 8 %": "Motion and the light of a room easily change a face by this much; the blood in it "
            "does not.",
        },
    ),
    "sureness_of_a_bent_wave": Question(
        asks="One waveform above, that of pbv, follows the true pulse only roughly. How sure is its rate?",
        right="confidence above 0.95",
        because="A rate needs the beats, not their shape: 20 seconds hold 24 of them, and a bent or shifted one "
        "hardly counts. On this easy clip all methods are right; they part ways when the head moves (notebook 01).",
        wrong={
            "confidence about 0.5": "That would be the toss of a coin, and even this wave rises and falls with the "
            "beats.",
            "confidence about 0.8": "That is for clips in which some beats are lost; here they are bent, and all "
            "there.",
        },
    ),
    "rate_of_a_wall": Question(
        asks="What should a program report as the heart rate of a wall?",
        right="no rate, and the reason",
        because="A band-pass lets only heart-like rates through, so even noise comes out as a smooth wave with some "
        "strongest rate. Only a comparison with something that cannot have a pulse tells the two apart.",
        wrong={
            "72 bpm, a usual rate": "It would be right for many people, and it would be made up: nothing in the "
            "clip says so.",
            "0 bpm": "Zero is a number as well, that of a heart that stands still, and nothing in this clip could "
            "beat.",
        },
    ),
    "weakest_pulse_with_a_number": Question(
        asks="At 0.5 % all is well. Which pulse is the weakest that still gets a number?",
        right="0.05 %",
        because="Averaging thousands of pixels pushes the noise far below one grey level. Real skin in dim light or "
        "after compression often gives less than this, and then the right answer is a refusal.",
        wrong={
            "0.2 %": "That is little in one pixel, but a mean over thousands shows it well, and weaker ones too.",
            "0.01 %": "That is less than the noise that is left after averaging, so the program refuses it.",
        },
    ),
}

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
        hint="three settings, then the two calls of the first cell; read the value from the consensus, unrounded",
        traps=((100.0, "that is the true rate of the simulation; read the value that the program gives"),),
    ),
    "photo_is_refused": Answer(
        value=lambda: _report(PHOTO).consensus.vitals.hr.refused,
        hint="let `analyze` decide: the heart rate of its consensus says whether it was refused",
    ),
    "error_of_methods": Answer(
        value=_error_of_methods,
        within=0.02,
        unit="bpm",
        hint="errors of different sign must not cancel, and a refused reading has no value to compare",
    ),
}
