"""Questions and known answers for notebook 13, PhysVLM, and the table that the notebook draws."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer, Question

# (HR MAE in bpm, RR MAE in breaths/min, leakage) of each of three seeds on the domain that was left out; printed by
# `rppg evaluate --protocol mssdg --methods physvlm,pos --seeds 1 --part-steps 400 --part-seeds 3`
PARTS_TABLE: dict[str, tuple[tuple[float, float, float], ...]] = {
    "whole": ((8.60, 2.78, 0.0080), (9.81, 2.62, 0.0094), (9.58, 2.67, 0.0074)),
    "no teacher": ((10.58, 2.93, 0.0076), (10.78, 2.46, 0.0073), (10.65, 2.45, 0.0074)),
    "no wavelets": ((8.51, 2.44, 0.0120), (9.74, 2.58, 0.0075), (10.19, 2.39, 0.0060)),
    "no attention": ((7.93, 2.23, 0.0058), (8.01, 2.56, 0.0062), (8.06, 2.28, 0.0049)),
    "no consistency": ((10.09, 1.96, 0.0138), (8.32, 2.73, 0.0223), (9.14, 2.83, 0.0169)),
    "few labels": ((7.57, 2.78, 0.0039), (8.95, 2.14, 0.0055), (7.40, 2.31, 0.0032)),
    "few labels, no teacher": ((11.82, 2.96, 0.0049), (14.81, 2.94, 0.0043), (8.13, 2.69, 0.0041)),
}
PARTS_BESIDE = {"pos": (12.91, 4.22, 0.208), "constant": (14.43, 3.22, 0.0)}  # same windows and videos
PARTS_DATA = "vipl-like, the hardest of six simulated domains; 400 steps; one dot per seed"
LOGITS, TEMPERATURE = (4.0, 2.0, 0.0), 2.0  # of an exercise
VALUES, LEAST = (3.0, -0.5, -2.0, 0.8), 1.0
SHARES = {70: 0.2, 80: 0.6, 90: 0.1}  # the rest is on no pulse


def _third_octave() -> np.ndarray:
    top = 15.0 / 2 / 2**2  # after two halvings
    return np.array([top / 2, top])


def _rate_of_a_posterior() -> float:
    return sum(rate * share for rate, share in SHARES.items()) / sum(SHARES.values())


def _gain_of_the_teacher() -> np.ndarray:
    few, alone = (
        np.array([seed[0] for seed in PARTS_TABLE[name]]) for name in ("few labels", "few labels, no teacher")
    )
    return np.array([alone.mean() - few.mean(), np.ptp(alone)])


def _shares() -> np.ndarray:
    shares = np.exp(np.array(LOGITS) / TEMPERATURE)
    return shares / shares.sum()


def _numbers_at_use() -> float:
    """Per cent of student and teacher."""
    from rppg_core.models.weights import create_model

    def count(part) -> int:
        return sum(p.numel() for p in part.parameters())

    model, teacher = create_model("physvlm"), create_model("physvlm_teacher")
    return 100 * (count(model) - count(model.embedding)) / (count(model) + count(teacher))


QUESTIONS = {
    "peak_below_the_band": Question(
        asks="A wave for the pulse has its strongest line at 15 per minute. Where does that line come from, most "
        "likely?",
        right="from breath",
        because="No heart beats 15 times a minute. Breath changes the brightness of the skin, the size of the beats "
        "and the place of the head, all at its own rate.",
        wrong={
            "from a slow heart": "The slowest hearts of trained people beat about 35 times a minute.",
            "from the frame rate": "That is 30 per second; nothing of it is as slow as 15 per minute.",
            "from the second harmonic of the pulse": "A harmonic lies above the rate that it belongs to.",
        },
    ),
    "teacher_at_use": Question(
        asks="A clip is analysed. Which part of the teacher runs?",
        right="no part",
        because="It is needed in training only. What the student has learned from it is in the student's weights.",
        wrong={
            "its picture tower": "The student replaces this tower; otherwise there would be no need for a student.",
            "its text tower, once for all sentences": "Sentences are needed to compare posteriors, in training.",
            "all of it, but frozen": "Frozen means that its weights do not change. Here it is not even loaded.",
        },
    ),
    "octave_of_the_pulse": Question(
        asks="A heart beats 84 times a minute, 1.4 Hz. Which channel of the mixing desk has its rate?",
        right="the third, 0.94 to 1.9 Hz",
        because="1.4 lies between these edges. The channel above has the second harmonic, 2.8 Hz.",
        wrong={
            "the second, 1.9 to 3.8 Hz": "That is 112 to 225 per minute, where the second harmonic lies.",
            "the fourth, 0.47 to 0.94 Hz": "That is 28 to 56 per minute.",
            "the sixth, below 0.23 Hz": "That is below 14 per minute: drift, and the slowest breaths.",
        },
    ),
    "wavelet_that_leaks": Question(
        asks="A tone in the middle of an octave is split by Haar, db4 and coif6. Which of them keeps most of it in "
        "its octave?",
        right="coif6",
        because="A longer filter has a steeper edge. It costs more, and reaches further beyond the ends of a window.",
        wrong={
            "Haar": "Its two taps are a mean and a difference, so the edge between low and high falls off slowly.",
            "db4": "It keeps more than Haar, but its edge is still not as steep as that of 36 taps.",
            "all the same, as none of them loses anything": "All can be undone, but the energy is in other places.",
        },
    ),
    "lamp_beside_the_face": Question(
        asks="A quarter of the cells beats at 72 a minute, another quarter flickers at 114, a little weaker. The "
        "attention takes the strongest line of all cells together. Which one is it?",
        right="72, because more power lies there",
        because="The powers of all cells are added, and the cells with the pulse have more.",
        wrong={
            "114, because it is faster": "Only the power counts, not the rate.",
            "the mean of both, 93": "It is a choice between lines: next to all of the weight is on a single one.",
            "none, as both are in the band": "One line is always the strongest.",
        },
    ),
    "two_waves_from_the_same_cells": Question(
        asks="Both heads start from the same cells. Why does one of them write a pulse and the other a breath?",
        right="each has its own gates, attention and label",
        because="The features differ by task before they reach a head, and each wave is compared with its own label.",
        wrong={
            "a band-pass behind each head": "The heads write raw waves; nothing filters them.",
            "breath is what is left when the pulse is subtracted": "Drift and motion would be left as well.",
            "the rates are among the inputs": "The inputs are the map and the share of skin in each cell.",
        },
    ),
    "sentence_of_a_rate": Question(
        asks="The rates in the sentences step by ten. A heart beats 74 times a minute. Which posterior is right?",
        right="most on seventy, less on eighty, little beyond",
        because="Both are nearly right, and seventy is nearer. So the labels in training are soft.",
        wrong={
            "all on seventy": "Then 66 and 74 would give the same posterior.",
            "equal shares for all, as no sentence is exact": "Then 74 would give the same posterior as 180.",
            "half on seventy, half on no pulse": "No pulse is for maps in which nothing repeats.",
        },
    ),
    "dark_knowledge": Question(
        asks="A posterior has 0.7 on eighty, 0.2 on ninety and 0.08 on a hundred and sixty. What do the small shares "
        "say that the label 82 does not?",
        right="which other rates this map looks like",
        because="Ninety is near, and a hundred and sixty is about the double. A student can learn both from one map.",
        wrong={
            "that the teacher is badly trained": "A weak pulse does leave doubt, and a posterior should show it.",
            "nothing, they are rounding errors": "Rounding errors would not lie at neighbours and at the double.",
            "that three pulses are in the map": "There is one heart; the shares are about one unknown rate.",
        },
    ),
    "terms_under_a_turn": Question(
        asks="All rows of the student are rotated in the same way. Which of the three terms does not change?",
        right="alike",
        because="It has only cosines between maps of one batch, and a rotation keeps all of them.",
        wrong={
            "opinion": "The sentences are not rotated, so their cosines with the maps change.",
            "embedding": "Each row is compared with that of the teacher, which is not rotated.",
            "none of them": "One of the terms depends on angles within the batch alone.",
        },
    ),
    "heart_at_four_breaths": Question(
        asks="A heart beats 60 times a minute, and its owner breathes 15 times. Should the guard against multiples "
        "of the breathing rate add to the loss?",
        right="no, as this is the rate of the pulse itself",
        because="Four beats to a breath are usual at rest. The guard would push the right rate away.",
        wrong={
            "yes, as 60 is four times 15": "Then a right answer would cost more than a wrong one.",
            "yes, but only at 120": "That is the harmonic of the pulse, and not a multiple that is guarded.",
            "no, as the guard is about the wave for breath": "It is about power of the pulse, at 2, 3 and 4 breaths.",
        },
    ),
    "needed_at_use": Question(
        asks="Which parts of a trained PhysVLM are not needed to analyse a clip?",
        right="the teacher and the student's embedding",
        because="Both are for the comparison in training. The waves come from encoder, octaves, attention and heads.",
        wrong={
            "the teacher alone": "The student's embedding is compared with the teacher's, and with nothing else.",
            "the gates": "They weigh the octaves of every clip.",
            "the head for breath": "Breath is one of the two outputs.",
        },
    ),
    "where_a_prior_shows": Question(
        asks="In which training can a teacher help most?",
        right="in one with few labels",
        because="Where a clip has no label, its posterior is all there is to learn from.",
        wrong={
            "in one with a label for every clip": "A label is more exact than a posterior.",
            "in one without noise": "Without noise the labels are easy to learn from.",
            "in a longer one": "The same clips for longer hold no more than before.",
        },
    ),
    "few_labels": Question(
        asks="Four of 32 faces have a label. What does the teacher add for the other 28?",
        right="posteriors over the sentences",
        because="They follow from the map alone. Some are wrong, and the student learns these, too.",
        wrong={
            "their true heart rates": "It does not have them. It has shares of sentences.",
            "their waves": "Its output is a row of numbers; it writes no wave.",
            "nothing": "Then both students would learn from four faces, and end alike.",
        },
    ),
    "newborn_in_an_adult_band": Question(
        asks="A newborn breathes 48 times a minute. The attention for breath looks for a rate from 6 to 42. Which "
        "one does it take?",
        right="some other line inside its band",
        because="It takes the strongest line in there, which is noise or some slow motion.",
        wrong={
            "48": "That lies outside of its band.",
            "42, the nearest": "It takes the strongest line, not the nearest.",
            "none": "One line of the band is always the strongest.",
        },
    ),
}

ANSWERS = {
    "third_octave": Answer(
        value=_third_octave, within=0.01, unit="Hz",
        hint="halve the edges of the first one twice",
        traps=((np.array([1.875, 3.75]), "that is the second one"),
               (np.array([0.46875, 0.9375]), "that is the fourth one"),
               (np.array([1.875, 0.9375]), "the lower edge first")),
    ),
    "soft_threshold": Answer(
        value=lambda: np.sign(VALUES) * np.maximum(np.abs(VALUES) - LEAST, 0), within=0.01,
        hint="what happens to -0.5?",
        traps=((np.array([3.0, 0.0, -2.0, 0.0]), "that is a hard threshold: what is kept keeps its size"),
               (np.array([2.0, -1.5, -3.0, -0.2]), "sizes get smaller, not values")),
    ),
    "prominence_of_a_cell": Answer(
        value=lambda: 6 / 8, within=0.01,
        hint="which power belongs below the fraction bar?",
        traps=((0.5, "power above 5 Hz does not count"), (3.0, "relative to all power near, its own included")),
    ),
    "reach_of_a_block": Answer(
        value=lambda: 6 * 16 / 15, within=0.02, unit="s",
        hint="how many steps lie between seven taps?",
        traps=((7 * 16 / 15, "seven taps have six steps between them"), (6 * 16 / 30, "features come at 15 Hz"),
               (96.0, "that is in samples")),
    ),
    "rate_of_a_posterior": Answer(
        value=_rate_of_a_posterior, within=0.1, unit="bpm",
        hint="do the shares that you use add up to 1?",
        traps=((sum(rate * share for rate, share in SHARES.items()), "three shares add up to 0.9; divide by that"),
               (80.0, "an average, not the largest share")),
    ),
    "shares_at_a_temperature": Answer(
        value=_shares, within=0.01,
        hint="divide the logits first, then e to the power of each, then divide by the sum",
        traps=((np.exp(LOGITS) / np.exp(LOGITS).sum(), "that is at temperature 1"),
               (np.array([2 / 3, 1 / 3, 0.0]), "a softmax takes e to the power of the logits")),
    ),
    "leak_of_a_wave": Answer(
        value=lambda: 0.25 / 1.25, within=0.01,
        hint="power goes with the square of the amplitude",
        traps=((1 / 3, "those are amplitudes, not powers"), (0.25, "relative to all power, the breath's included")),
    ),
    "numbers_at_use": Answer(
        value=_numbers_at_use, within=0.5, unit="%",
        hint="two of the parts are for training only; which are they?",
        traps=((100.0, "the teacher is not needed at use"),),
    ),
    "gain_of_the_teacher": Answer(
        value=_gain_of_the_teacher, within=0.02, unit="bpm",
        hint="means over the first numbers of the three seeds; then the largest minus the smallest",
        traps=((-_gain_of_the_teacher() * np.array([1, -1]), "error without the teacher minus error with it"),),
    ),
}  # fmt: skip
