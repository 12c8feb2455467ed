"""A pulse of known rate and strength, put on the skin of any clip: real camera, light and heads with a known truth.

Real faces without labels serve as noise in this way, in protocol `injected` and wherever examples with the noise of
real video are needed. The pulse is put into the colours that the pass has kept: regions and cells, never the
background. Nothing is added but the pulse, so without a random generator there is no randomness here.

What this cannot give: the pulse's colour and shape are drawn as in the simulator; its strength in a cell depends on
the share of skin alone, without delays over the face; and a person's own pulse stays in the clip.
Axis letters: T time, R roi, N cell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError
from rppg_core.lab.simulate.colour import pulse_colour
from rppg_core.lab.simulate.physiology import Physiology, Waves, simulate_waves
from rppg_core.lab.simulate.settings import random_settings
from rppg_core.types import FaceClip, Truth, marked_rows

RATES_BPM = (45.0, 150.0)  # of the draws with a steady rate
COURSES = {"steady": None, "falling": (120.0, 75.0), "rising": (70.0, 110.0)}  # first and last rate, bpm
COURSE_S = 30.0  # time a changing rate takes; a shorter clip sees the first part of the change
COLOUR_SPREAD = 0.1  # standard deviation of the logarithm of each channel of the pulse's colour
EVERYDAY_SWING = 0.6  # of the swings in training, which go as far as the largest recorded
RSA_FREE_BPM = 75.0  # above this rate, modulation by breathing falls as 1 / rate
MAX_PERCENT = 20.0  # a stronger pulse would be no pulse


def rate_course(
    course: str, times_s: Float[np.ndarray, " time"], rng: np.random.Generator
) -> Float[np.ndarray, " time"]:
    """Heart rate over time before its natural variation.

    Args:
        course: "steady" draws one rate from RATES_BPM; "falling" and "rising" are straight lines.
        times_s: frame times. Unit: s.
        rng: draws the steady rate.

    Returns:
        Rates at `times_s`. Unit: bpm.

    Raises:
        UsageError: an unknown course.

    Source: our choice: 1.5 and 1.3 bpm per second, as in the first half minute after exercise.
    """
    if course not in COURSES:
        raise UsageError(
            f"course {course!r}"[:80], wanted=f"one of {', '.join(COURSES)}", do="choose one of them"
        )
    ends = COURSES[course]
    if ends is None:
        return np.full(len(times_s), rng.uniform(*RATES_BPM))
    return np.interp(times_s - times_s[0], [0.0, COURSE_S], ends)


def draw_person(rng: np.random.Generator) -> tuple[Physiology, Float[np.ndarray, " 3"]]:
    """One person's heart, breath and pulse shape, and the colour of the pulse in one camera.

    Args:
        rng: source of everything random.

    Returns:
        Physiology, whose heart rate `warped_waves` replaces, and the relative change of R, G, B with green at 1.

    Source: the person as in `random_settings`, which states its sources; our choice: a colour between the published
    one and those measured in processed video, and hearts that swing EVERYDAY_SWING times as far. The wider spreads of
    `random_settings` are meant for training: networks have seen them and algebra has not, so a comparison on them
    would favour networks.
    """
    drawn = random_settings(rng, pulsed=True)
    rsa = drawn.rsa / min(1.0, RSA_FREE_BPM / drawn.hr_bpm)
    person = replace(drawn.person, rsa=EVERYDAY_SWING * rsa, mayer=EVERYDAY_SWING * drawn.mayer)
    return person, pulse_colour(rng.uniform(), COLOUR_SPREAD, rng)


def warped_waves(
    person: Physiology,
    times_s: Float[np.ndarray, " time"],
    rates_bpm: Float[np.ndarray, " time"],
    rng: np.random.Generator,
) -> Waves:
    """Beats and breaths of one person whose heart rate follows a given course.

    Args:
        person: strengths and shape; `hr_bpm` is replaced by the mean of the course, and `rsa` is lowered where
            this mean is above RSA_FREE_BPM.
        times_s: increasing; unevenly spaced times are fine. Unit: s.
        rates_bpm: heart rate at these times before its natural variation. Unit: bpm.
        rng: source of everything random.

    Returns:
        Waves at `times_s`. A steady course gives those of `simulate_waves`.

    Raises:
        UsageError: rates that are not positive, or not one for each time.

    Source: our choice: waves at the mean rate on a clock that runs with the rate. Pulses are therefore longer where
    the rate is lower, and breaths slower, by the same factor.
    """
    rates_bpm = np.asarray(rates_bpm, float)
    if rates_bpm.shape != np.shape(times_s) or not (rates_bpm > 0).all():
        raise UsageError(
            f"rates of shape {rates_bpm.shape} for {len(times_s)} times",
            wanted="one rate above 0 bpm for each time",
            do="give the course of the rate at the times of the frames",
        )
    beats = np.concatenate([[0.0], np.cumsum(np.diff(times_s) * (rates_bpm[1:] + rates_bpm[:-1]) / 2)])
    mean_bpm = float(beats[-1] / (times_s[-1] - times_s[0]))
    clock_s = times_s if np.ptp(rates_bpm) == 0 else times_s[0] + beats / mean_bpm
    rsa = person.rsa * min(1.0, RSA_FREE_BPM / mean_bpm)
    waves = simulate_waves(replace(person, hr_bpm=mean_bpm, rsa=rsa), clock_s, rng)
    return replace(
        waves,
        hr_bpm=waves.hr_bpm * rates_bpm / mean_bpm,
        rr_brpm=waves.rr_brpm * rates_bpm / mean_bpm,
        beats_s=np.interp(waves.beats_s, clock_s, times_s),
    )


def inject(
    clip: FaceClip,
    amplitude_percent: float,
    rates_bpm: Float[np.ndarray, " time"],
    rng: np.random.Generator,
    *,
    person: Physiology | None = None,
    colour: Float[np.ndarray, " 3"] | None = None,
) -> tuple[FaceClip, Truth]:
    """Put a pulse of known rate and strength on the skin of a clip.

    Args:
        clip: at native or even times.
        amplitude_percent: standard deviation of the relative change of green on the skin with the pulse, without
            the baseline of breathing that comes on top. Unit: %. 0 changes nothing; the truth is then that of
            a clip without a pulse.
        rates_bpm: heart rate at the frames, as from `rate_course`. Unit: bpm.
        rng: draws the beats, and the person and colour that are not given.
        person: heart, breath and pulse shape; None draws one.
        colour: relative change of R, G, B; None draws it.

    Returns:
        The clip with `rgb` and `stmap` changed, and the truth at its times. Face crops, which would still show
        the face without the pulse, are left out.

    Raises:
        UsageError: an amplitude that is not a number from 0 to MAX_PERCENT, or a colour that is not three numbers.
    """
    if not isinstance(amplitude_percent, (int, float)) or not 0 <= amplitude_percent <= MAX_PERCENT:
        raise UsageError(
            f"an amplitude of {amplitude_percent!r} %"[:80],
            wanted=f"0 to {MAX_PERCENT:g} %",
            do="faces show 0.2 to 1 %",
        )
    drawn_person, drawn_colour = draw_person(rng)
    person = drawn_person if person is None else person
    colour = drawn_colour if colour is None else np.asarray(colour, float)
    waves = warped_waves(person, clip.times_s, rates_bpm, rng)
    truth = _truth(waves, clip.times_s, person, amplitude_percent, colour)
    if not amplitude_percent:
        return clip, truth
    return add_pulse(clip, amplitude_percent / 100 * (waves.bvp + waves.baseline), colour), truth


def add_pulse(clip: FaceClip, blood: Float[np.ndarray, " time"], colour: Float[np.ndarray, " 3"]) -> FaceClip:
    """Multiply the colour of the skin by 1 - blood * colour * strength, in regions and cells.

    Args:
        clip: at native or even times.
        blood: relative change of green, positive where there is more blood and the skin is darker.
        colour: change of R, G, B relative to that of green.

    Returns:
        The clip with `rgb` and `stmap` changed, without crops.

    Raises:
        UsageError: `blood` or `colour` have the wrong shape.

    Source: our choice, as `x = DC * (1 - p * w)` in the simulator, on grey levels. The strength is 1 in regions, and
    in proportion to the share of skin in cells, so that their weighted mean changes as the region does.
    """
    if np.shape(blood) != np.shape(clip.times_s) or np.shape(colour) != (3,):
        raise UsageError(
            f"blood of shape {np.shape(blood)} and colour of shape {np.shape(colour)}",
            wanted=f"({len(clip.times_s)},) and (3,)",
            do="give one value per frame, and R, G, B",
        )
    change = blood[:, None, None] * colour  # (T, 1, 3)
    stmap = clip.stmap
    if stmap is not None:
        stmap = stmap * (1 - change * _cell_skin(clip.stmap_weight, stmap.shape[1])[:, None])
    crops = {name: None for name, rows in marked_rows(clip, "frame").items() if rows.is_crop}
    return replace(clip, rgb=clip.rgb * (1 - change), stmap=stmap, **crops)


def _cell_skin(share: np.ndarray | None, n: int) -> Float[np.ndarray, " cell"]:
    """Strength of the pulse in each cell relative to the region: in proportion to its share of skin.

    The region `skin` is the mean of the cells weighted by their shares, so the same mean of these strengths is 1.
    """
    if share is None or not share.any():
        return np.ones(n) if share is None else np.zeros(n)
    return share * share.sum() / (share**2).sum()


def _truth(
    waves: Waves,
    times_s: np.ndarray,
    person: Physiology,
    amplitude_percent: float,
    colour: Float[np.ndarray, " 3"],
) -> Truth:
    settings = {"amplitude_percent": float(amplitude_percent), "pulse_colour": [float(c) for c in colour]}
    unknown = float("nan")
    if not amplitude_percent:
        nothing = np.zeros(len(times_s))
        return Truth(
            times_s, nothing, nothing, nothing * np.nan, np.zeros(0), unknown, unknown, False, settings
        )
    return Truth(
        times_s=times_s,
        bvp=waves.bvp,
        resp=waves.resp,
        hr_bpm=waves.hr_bpm,
        beats_s=waves.beats_s,
        rr_brpm=person.rr_brpm,
        spo2_percent=unknown,
        pulsed=True,
        settings=settings,
        rr_track_brpm=waves.rr_brpm,
    )
