"""Known answers for notebook 01, pulse from colour."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float

from rppg_core.classical import green, pos
from rppg_core.course.answers import Answer
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.skin import PULSE_COLOUR, TONES, skin_colour
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import waveform_r
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, RgbTrace, Truth

VIEWS = np.array([[3, -2, 0], [1.5, 1, -1.5], [0, 1, -1], [-2, 1, 1]])  # X, Y, S1, S2 of red, green, blue


@cache
def _truth() -> Truth:
    return simulate_traces(SimulationSettings(hr_bpm=72.0, seconds=20.0, seed=1))[1]


def _nodding(percent: float, *, nod_bpm: float = 108.0, strength: float = 1.0) -> RgbTrace:
    """The notebook's model of a face that nods, with a pulse of `strength` times 0.5 %."""
    truth = _truth()
    turn = 2 * np.pi * nod_bpm / 60 * truth.times_s
    blood = 0.005 * strength * truth.bvp
    body = 255 * skin_colour(*TONES[1]) * (1 - np.outer(blood, np.array(PULSE_COLOUR) / PULSE_COLOUR[1]))
    lamp, gloss = 1 + percent / 100 * np.sin(turn), 10 + 0.5 * percent * np.sin(turn - 1)
    noise = 0.05 * np.random.default_rng(0).standard_normal(body.shape)
    return RgbTrace(lamp[:, None] * (body + gloss[:, None]) + noise, FS)


def _nod_that_wins() -> float:
    """Smallest nod at which GREEN no longer follows a pulse of 1 %."""
    true_bpm = _truth().hr_bpm.mean()
    for percent in np.arange(0.5, 2.01, 0.25):
        if abs(heart_rate_from_bvp(green(_nodding(percent, strength=2.0)), FS) - true_bpm) > 10:
            return float(percent)
    raise AssertionError("GREEN follows a pulse of 1 % through every nod")


def _green_minus_red() -> Float[np.ndarray, " time"]:
    colour = _nodding(2.0).samples
    change = colour / colour.mean(axis=0) - 1
    return change[:, 0] - change[:, 1]


ANSWERS = {
    "pulse_in_grey_levels": Answer(
        value=lambda: 0.005 * 140, within=0.005, unit="grey levels",
        hint="0.5 % of 140",
        traps=((70.0, "that is 50 %; half a percent is 0.005"), (7.0, "that is 5 %; half a percent is 0.005")),
    ),
    "what_views_see_of_lamp": Answer(
        value=lambda: tuple(float(part) for part in VIEWS @ np.ones(3)), within=0.01, unit="%",
        hint="put R = G = B = 1 into the four formulas",
        traps=(((0, 0, 0, 0), "that is true of POS; but the weights of X add up to 3 - 2"),
               ((0, 0, 1, 1), "the other way round: weights that add up to zero cancel the lamp")),
    ),
    "nod_that_beats_a_strong_pulse": Answer(
        value=_nod_that_wins, within=0.01, unit="%",
        hint="heart_rate_from_bvp(green(nodding(percent, blood=2 * blood)), fs), against truth.hr_bpm.mean()",
        traps=((0.75, "that is where GREEN loses the pulse of 0.5 %; pass blood=2 * blood"),),
    ),
    "r_of_pos_near_the_heart": Answer(
        value=lambda: waveform_r(_truth().bvp, pos(_nodding(4.0, nod_bpm=76.0)), FS), within=0.01,
        hint="waveform_r(truth.bvp, pos(nodding(4.0, nod_bpm=76.0)), fs)",
    ),
    "green_minus_red": Answer(
        value=_green_minus_red, within=1e-6,
        hint="red, green_, blue = relative(nodding(2.0).samples).T; blood makes green fall more than red",
    ),
}  # fmt: skip
