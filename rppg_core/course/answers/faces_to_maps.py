"""Questions and known answers for notebook 03, from faces to maps."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from rppg_core.course.answers import Answer, Question
from rppg_core.lab.simulate.faces import SimulationSettings, simulate_clip, simulate_video
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.signals.filters import bandpass
from rppg_core.signals.projections import pos_projection, relative_change
from rppg_core.types import FaceClip, STMap
from rppg_core.video.pixels import UNITS, resized
from rppg_core.video.pose import ReferenceFace
from rppg_core.video.prepare import overlapping_windows, projections, resample
from rppg_core.video.roi import BOX_HEIGHTS, BOX_WIDTHS, GRID, roi_weights

# clips of the lesson: its first one, the photo at its end, the ride in a train
FIRST = {"hr_bpm": 72.0, "amplitude_percent": 0.8, "seconds": 12.0, "size": 160, "seed": 3}
PHOTO = {"kind": "photo", "seconds": 12.0, "size": 160, "seed": 3}
RIDE = {"motion": "none", "hr_bpm": 72.0, "illumination": 0.25, "seconds": 10.0, "seed": 2, "tone": 2}
NEEDS = frozenset({"rgb", "stmap", "crop36", "landmarks"})


@cache
def _filmed(kind: str) -> FaceClip:
    options: dict[str, Any] = FIRST if kind == "pulse" else PHOTO
    return simulate_clip(SimulationSettings(**options), needs=NEEDS)[0]


def _cells(clip: FaceClip) -> STMap:
    even = resample(clip, 30.0)
    return STMap(even.need("stmap"), 30.0, even.need("stmap_weight"))


def _ride(amplitude_percent: float) -> STMap:
    options: dict[str, Any] = RIDE | {"amplitude_percent": amplitude_percent}
    return _cells(simulate_traces(SimulationSettings(**options))[0])


def _upright_picture() -> np.ndarray:
    options: dict[str, Any] = FIRST
    return simulate_video(SimulationSettings(**options)).frames.rgb(0)


def _colour_of_the_skin() -> np.ndarray:
    native = _filmed("pulse")
    median_face = np.median(resample(native, 30.0).need("crop36"), axis=0).astype(np.float32) / UNITS
    pixels = resized(median_face, GRID)
    face = ReferenceFace(native.need("landmarks")[0])
    skin = roi_weights(pixels, face.points_in_box(BOX_WIDTHS, BOX_HEIGHTS, GRID)).skin
    return np.average(pixels.reshape(-1, 3), axis=0, weights=skin.ravel())


def _light_over_pulse() -> float:
    changes = []
    for amplitude_percent in (0.0, 0.3):
        cells = _ride(amplitude_percent)
        skin = np.average(cells.samples[..., 1], axis=1, weights=cells.weight)
        changes.append(bandpass(skin / skin.mean() - 1, 30.0, low_hz=0.7, high_hz=3.0))
    light, both = changes
    return float(light.std() / (both - light).std())


def _agreement_of_two_halves() -> tuple[float, ...]:
    left, found = np.arange(36) % 6 < 3, []
    for kind in ("pulse", "photo"):
        cells = _cells(_filmed(kind))
        wave = projections(cells, names=["pos"])[..., 0]
        one, other = (np.average(wave[:, half], axis=1, weights=cells.weight[half]) for half in (left, ~left))
        found.append(float(np.corrcoef(one, other)[0, 1]))
    return tuple(found)


def _red_over_green() -> tuple[float, ...]:
    from rppg_core.models.tracenet.model import scaled_map  # torch: slow, so not at import

    hr_bpm = float(np.random.default_rng(7).uniform(50, 110))
    settings = SimulationSettings(seed=7, tone=7 % 6, hr_bpm=hr_bpm, motion="none", seconds=10.0)
    cells = _cells(simulate_traces(settings)[0])
    ratios = []
    for scaling in ("band", "zscore"):
        mean = np.average(scaled_map(cells, scaling), axis=1, weights=cells.weight)
        ratios.append(float(mean[:, 0].std() / mean[:, 1].std()))
    return tuple(ratios)


def _fall_of_a_blinking_mean() -> float:
    before = np.linspace(40, 80, 100_000)
    after = before - 1
    return float(before[before > 60].mean() - after[after > 60].mean())


QUESTIONS = {
    "longer_smoothing": Question(
        asks="Smooth the position of the face over a longer and longer time. For whom does the error fall?",
        right="a still head gains, a moving head loses",
        because="Smoothing removes the tracker's jitter, and it also removes quick movement. A smoothed region lags "
        "behind a head that turns.",
        wrong={
            "everybody": "A long average cannot follow what changes quickly; think of a head that turns.",
            "nobody: the jitter is gone already": "The fit over 468 points removes much of it, and leaves a little.",
        },
    ),
    "grid_of_a_leaning_head": Question(
        asks="Somebody leans the head by 25 degrees. How does the face lie in the grid from which the cells are cut?",
        right="upright",
        because="The grid is drawn in face coordinates: it shifts, turns and grows with the head, so that a cell "
        "stays on the same skin. An upright box around a leaning head would trade cheek for hair.",
        wrong={
            "leaning by 25 degrees": "So it would in a box of the picture; this grid is drawn over the landmarks.",
            "it depends on the tracker": "Any tracker that finds the landmarks gives their angle as well.",
        },
    ),
    "clearest_region": Question(
        asks="Forehead, one cheek, or all the skin: where is the pulse of GREEN clearest?",
        right="all the skin",
        because="When the head moves, one side brightens while another darkens, and over the whole face much of this "
        "cancels. The background is no part of the face: it is the control. A rate that it shows as well is not "
        "blood.",
        wrong={
            "forehead": "It is bare and flat, but what a movement does to it has nothing beside it to cancel with.",
            "one cheek": "It brightens when the head turns to the lamp, and the other cheek is not there to even "
            "this out.",
        },
    ),
    "mean_of_a_blinking_mask": Question(
        asks="When blood darkens the skin and the darkest pixels drop out, what does the mean of the others do?",
        right="it falls less, or even rises",
        because="The pixels that leave are the darkest, and without them the mean is higher. The mask works against "
        "the pulse, and adds the noise of pixels that come and go.",
        wrong={
            "it falls as much as the skin": "It would if the same pixels were averaged before and after.",
        },
    ),
    "noise_of_more_pixels": Question(
        asks="You average 16 times as many pixels. By what factor does independent noise fall?",
        right="4",
        because="Variances of independent noise add, so the mean of N has the variance divided by N, and the noise "
        "divided by the square root of N.",
        wrong={
            "16": "That is the factor for the variance, which is the square of the noise.",
            "2": "Here a square root was taken twice; the variance needs one.",
        },
    ),
    "pulse_in_raw_levels": Question(
        asks="You print this map in grey levels, as the camera gave it. What will you see of the pulse?",
        right="nothing",
        because="Cells differ by tens of grey levels, because light and skin differ from place to place. The pulse "
        "is a change of one or two levels on top of that.",
        wrong={
            "stripes as in the first figure": "That map had been prepared; in this one every cell keeps its own "
            "brightness.",
            "faint stripes": "On a scale that has to show tens of levels, one level is less than the eye can tell.",
        },
    ),
    "information_in_unions": Question(
        asks="Three regions, seven rows. How many of the rows hold information that the others do not?",
        right="3",
        because="Each row is a weighted mean of the three regions. The map repeats them in useful mixtures, from one "
        "noisy region to the calm mean of all; it holds no new information.",
        wrong={
            "7": "The rows of unions are computed from other rows, so they cannot add anything.",
            "1": "The regions are different pieces of skin, and none can be computed from the others.",
        },
    ),
    "fit_on_raw_maps": Question(
        asks="After 1000 steps on raw maps, how well does the network follow the pulse of the faces that it was "
        "fitted to?",
        right="r below 0.3",
        because="Descent follows what is large first. In raw maps that is the look of the faces, which says nothing "
        "about a pulse; the direction of the pulse is so small that a safe step hardly moves along it.",
        wrong={
            "r above 0.9": "A thousand steps sound like many, but what is small in the input is learned slowly.",
            "r about 0.5": "To come half way, the pulse would have to be of the size of the differences between "
            "cells.",
        },
    ),
    "loss_by_z_scores": Question(
        asks="POS reads the mean of a z-scored map. On which clips does it lose most?",
        right="on the quietest ones",
        because="Where movement is large, it sets the scale of all three channels alike, and their ratio survives. "
        "Where the pulse is the largest change, the z-score scales the pulse itself, and its colour is gone.",
        wrong={
            "on those with much movement": "Movement changes the three channels alike, so dividing by it keeps "
            "their ratio.",
            "on all alike": "What a z-score divides by is the largest change, and that differs from clip to clip.",
        },
    ),
    "stripes_in_a_train": Question(
        asks="You prepare the map of this ride in the same four steps. What stripes will it show?",
        right="those of the light",
        because="All cells share the light, and much of it changes too fast for the 1.5 s average. So it fills the "
        "map, and sets the one scale.",
        wrong={
            "those of the heart": "They are there, on a scale that the largest change sets; which change is that?",
            "none: the steps remove the light": "The second step removes how bright a cell is on average, and the "
            "third what is slow; trees pass fast.",
        },
    ),
    "light_of_a_screen": Question(
        asks="A screen beside a still face throws light with a tint of its own. Which of the four follows the pulse "
        "best?",
        right="PBV",
        because="It learns in every window which colours the disturbance has. POS and CHROM expect white light, and "
        "green alone expects none.",
        wrong={
            "POS": "Its two views do not see light that changes all channels alike; think of a light that does not.",
            "CHROM": "Its two views see white light equally, and so it cancels; think of a light that is not white.",
            "green": "It follows every light, whatever its colour, and the screen is brighter than the blood.",
        },
    ),
    "breath_in_the_pulse_band": Question(
        asks="How much of a breath of 6 per minute (0.1 Hz) is left in the pulse band?",
        right="about a thirtieth",
        because="Over 1.5 s a slow wave hardly changes, so the average follows it and takes it away.",
        wrong={
            "about half": "Half is left of a wave of about 2.5 s; this breath lasts 10 s.",
            "about a tenth": "A tenth is left of a breath of about 6 s; this one lasts 10 s.",
        },
    ),
    "map_of_a_photo": Question(
        asks="A photo of a face, moved a little before the camera: no blood. How strong will its prepared map be?",
        right="as strong as that of a living face",
        because="The scale is the map's own size: noise and small movements are blown up until they fill it. Whether "
        "there is a pulse must be decided from something else.",
        wrong={
            "nearly zero": "So it would without the last step, which divides the map by one number: which one?",
            "stronger than that of a living face": "Each map is divided by its own size, so none can stand out.",
        },
    ),
}

ANSWERS = {
    "stripes_per_minute": Answer(
        value=lambda: FIRST["hr_bpm"], within=5.0, unit="bpm",
        hint="count the stripes from the first to the last, divide by the seconds, and go on to a minute",
        traps=((9.5, "that is how many there are in 8 s; how many would there be in a minute?"),
               (1.2, "that is per second")),
    ),
    "width_and_lean": Answer(
        value=lambda: (float(np.abs(57 + 15j)), float(np.degrees(np.angle(57 + 15j)))), within=0.1,
        hint="the length of a complex number scales, its angle rotates",
        traps=(((57.0, 15.0), "these are its two parts, not its length and its angle"),
               ((float(np.abs(57 + 15j)), float(np.angle(57 + 15j))), "the angle is in radians")),
    ),
    "upright_picture": Answer(
        value=_upright_picture, within=0.5,
        hint="each k of np.rot90 turns by a quarter to the left, and a negative one to the right",
    ),
    "colour_of_the_skin": Answer(
        value=_colour_of_the_skin, within=0.5, unit="grey levels",
        hint="multiply each pixel by its weight and add up; by what must the sum be divided?",
    ),
    "cell_of_a_pixel": Answer(
        value=lambda: 20 // 6 * 6 + 9 // 6,
        hint="first the row and the column of the cell, then how many cells come before it",
        traps=((9, "row and column are exchanged: cells are numbered row by row"),
               (20, "counted from 0, not from 1")),
    ),
    "beat_of_two_cells": Answer(
        value=lambda: (-100 * 2 / (200 + 10), -100 * 0.2 / (20 + 10)), within=0.01, unit="%",
        hint="by how many grey levels does each cell fall? then divide by its mean, and something more",
        traps=(((-1.0, -1.0), "without the 10 it would be so"),
               ((2 / 2.1, 0.2 / 0.3), "blood darkens the skin")),
    ),
    "light_over_pulse": Answer(
        value=_light_over_pulse, within=0.5,
        hint="the ride without blood is the light; take it away from the other one first",
        traps=((1.0, "the ride with blood holds the light as well"),),
    ),
    "pos_of_one_window": Answer(
        value=lambda: pos_projection(relative_change(_ride(0.3).samples[:48, 14])), within=1e-4,
        hint="write S1, then S2, then their standard deviations; the formula has a minus in front",
    ),
    "agreement_of_two_halves": Answer(
        value=_agreement_of_two_halves, within=0.02,
        hint="one map and one half at a time: choose its cells in map and weight, then average over the cells",
    ),
    "noise_of_a_far_face": Answer(
        value=lambda: 120 / 40, within=0.01,
        hint="first: how does the number of pixels change? then: how does the noise of a mean depend on it?",
        traps=((9.0, "that is the factor for the number of pixels; the noise changes with its square root"),
               (1 / 3, "the noise grows when the face gets smaller")),
    ),
    "rows_of_seven_rois": Answer(
        value=lambda: 2**7 - 1, unit="rows",
        hint="each ROI is in a union or not, and the empty union has no mean",
        traps=((128, "one of these unions has no pixels"),
               (49, "count unions of any number of ROIs, not pairs")),
    ),
    "windows_of_30_s": Answer(
        value=lambda: len(overlapping_windows(30 * 30, 256)), unit="windows",
        hint="`prepare.overlapping_windows` counts in samples: how many has the clip?",
        traps=((4, "windows overlap by half; without overlap there would be four"),
               (6, "what happens to the samples after the last whole step?")),
    ),
    "red_over_green": Answer(
        value=_red_over_green, within=0.01,
        hint="average over the cells (axis 1) with the map's weight first; then compare two of its columns",
    ),
    "fall_of_a_blinking_mean": Answer(
        value=_fall_of_a_blinking_mean, within=0.01, unit="grey levels",
        hint="choose the pixels anew after the skin has darkened: it is another set",
        traps=((1.0, "that is by how much the skin darkens; the mask also loses its darkest pixels"),),
    ),
}  # fmt: skip
