"""Questions and known answers for notebook 13, PhysVLM, and the table that the notebook draws."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer, Question

# placeholder until the trainings have run: numbers below stand in for measured ones (docs/results.md)
# (HR MAE in bpm, RR MAE in breaths/min, leakage) of each of three seeds on the domain that was left out
PARTS_TABLE: dict[str, tuple[tuple[float, float, float], ...]] = {
    "whole": ((7.0, 3.0, 0.02), (7.2, 3.1, 0.02), (6.9, 3.0, 0.02)),
    "no teacher": ((7.1, 3.0, 0.02), (7.0, 3.1, 0.02), (7.2, 3.0, 0.02)),
    "no wavelets": ((7.4, 3.2, 0.03), (7.3, 3.2, 0.03), (7.5, 3.1, 0.03)),
    "no attention": ((7.6, 3.3, 0.03), (7.7, 3.3, 0.03), (7.5, 3.2, 0.03)),
    "no consistency": ((7.1, 3.0, 0.08), (7.2, 3.1, 0.07), (7.0, 3.0, 0.08)),
    "few labels": ((8.5, 3.4, 0.03), (8.8, 3.5, 0.03), (8.4, 3.4, 0.03)),
    "few labels, no teacher": ((9.0, 3.5, 0.03), (9.4, 3.6, 0.03), (8.9, 3.5, 0.03)),
}
PARTS_BESIDE = {"pos": (12.6, 3.6, 0.0), "constant": (10.6, 3.6, 0.0)}  # same windows and videos
PARTS_DATA = "placeholder numbers; the hardest of six simulated domains; 400 steps; one dot per seed"
LOGITS, TEMPERATURE = (4.0, 2.0, 0.0), 2.0  # of an exercise
VALUES, LEAST = (3.0, -0.5, -2.0, 0.8), 1.0


def _third_octave() -> np.ndarray:
    top = 15.0 / 2 / 2**2  # after two halvings
    return np.array([top / 2, top])


def _gain_of_the_teacher() -> np.ndarray:
    few, alone = (
        np.array([seed[0] for seed in PARTS_TABLE[name]])
        for name in ("few labels", "few labels, no teacher")
    )
    return np.array([alone.mean() - few.mean(), np.ptp(few)])


def _shares() -> np.ndarray:
    shares = np.exp(np.array(LOGITS) / TEMPERATURE)
    return shares / shares.sum()


QUESTIONS = {
    "peak_below_the_band": Question(
        asks="A wave for the pulse has its strongest line at 15 per minute. Where does that line come from, most "
        "likely?",
        right="from breath",
        because="No heart beats 15 times a minute. Breath changes the skin's brightness, the size of the beats and "
        "the place of the head, all at its own rate.",
        wrong={
            "from a slow heart": "The slowest hearts of trained people beat about 35 times a minute.",
            "from the frame rate": "That is 30 per second; nothing of it is as slow as 15 per minute.",
            "from the second harmonic of the pulse": "A harmonic lies above the rate that it belongs to.",
        },
    ),
    "teacher_at_home": Question(
        asks="A clip is analysed. What runs of the model that reads sentences?",
        right="nothing",
        because="It taught by what it made of the clips in training. The student's weights hold what is left of that.",
        wrong={
            "its picture tower": "That is what a student is for: it takes the place of the tower.",
            "its text tower, once for all sentences": "The sentences were needed to compare opinions, in training.",
            "all of it, but frozen": "Frozen means that it is not trained. Here it is not even there.",
        },
    ),
    "octave_of_the_pulse": Question(
        asks="A heart beats 84 times a minute, 1.4 Hz. Which octave of the mixing desk holds its rate?",
        right="the third, 0.94 to 1.9 Hz",
        because="1.4 lies between its edges. The octave above holds the second harmonic, 2.8 Hz.",
        wrong={
            "the second, 1.9 to 3.8 Hz": "That holds 112 to 225 per minute, and so the second harmonic.",
            "the fourth, 0.47 to 0.94 Hz": "That holds 28 to 56 per minute.",
            "the lowest": "What is left below 0.23 Hz are changes slower than most breaths.",
        },
    ),
    "wavelet_that_leaks": Question(
        asks="A tone in the middle of an octave is split by Haar, db4 and coif6. Which of them leaves most of it in "
        "its octave?",
        right="coif6",
        because="A longer filter has a steeper edge. It costs more, and reaches further beyond the ends of a window.",
        wrong={
            "Haar": "Its two taps are a mean and a difference; the edge between them falls off slowly.",
            "db4": "It does better than Haar, but eight taps are not thirty-six.",
            "all alike, as all three lose nothing": "All can be undone. Where the energy lies meanwhile differs.",
        },
    ),
    "lamp_beside_the_face": Question(
        asks="A quarter of the cells beats at 72 a minute, another quarter flickers at 114, a little weaker. Which "
        "frequency will an attention choose that takes the strongest line of all cells together?",
        right="72, because more power lies there",
        because="The powers of all cells are added. Nine strong cells beat nine that are a little weaker.",
        wrong={
            "114, because it is faster": "The rate does not count, only the power.",
            "the mean of both, 93": "A soft choice at a low temperature is nearly a hard one: one line wins.",
            "none, as both are in the band": "Then the stronger one wins.",
        },
    ),
    "sentence_of_a_rate": Question(
        asks="The sentences step by ten beats. A heart beats 74 times a minute. How should the belief be divided?",
        right="most on seventy, less on eighty, little beyond",
        because="Labels were soft in training: neighbours are nearly right, and the step between sentences is no "
        "border of nature.",
        wrong={
            "all on seventy": "Then the difference between 66 and 74 would be lost, and both are called seventy.",
            "evenly, as no sentence is exact": "Then 74 would look like 180.",
            "half on seventy, half on none": "None is for maps in which nothing repeats.",
        },
    ),
    "dark_knowledge": Question(
        asks="The belief in one face is 0.7 on eighty, 0.2 on ninety, 0.08 on a hundred and sixty. What do the small "
        "shares tell that the label 82 does not?",
        right="what this map could be mistaken for",
        because="Ninety is near, and a hundred and sixty is about the double: the teacher says which errors are near.",
        wrong={
            "that the teacher is badly trained": "A map with a weak pulse does leave doubt; a sure teacher would lie.",
            "nothing, they are rounding": "Rounding has no reason to lie at the double.",
            "that three hearts beat in it": "One heart, three readings.",
        },
    ),
    "terms_that_are_blind": Question(
        asks="All embeddings of the student are turned in space in the same way. Which of the three terms does not "
        "notice?",
        right="alike",
        because="It compares angles between maps of one batch, and a turn keeps all angles.",
        wrong={
            "opinion": "The texts are not turned, so their cosines with the maps change.",
            "embedding": "It compares each embedding with the teacher's, which is not turned.",
            "none of them": "One of them looks at angles within the batch only.",
        },
    ),
    "heart_at_four_breaths": Question(
        asks="A heart beats 60 times a minute, and its owner breathes 15 times. Should the guard against multiples of "
        "the breath act?",
        right="no, as the line is the pulse's own",
        because="Four breaths to a beat is the usual ratio of people at rest. A guard that acts there would push "
        "healthy pulses away.",
        wrong={
            "yes, 60 is four times 15": "Then it would punish a right answer.",
            "yes, but only at the double of 60": "The double of a pulse is its harmonic, which belongs to it.",
            "no, as the guard acts on breath": "It looks at the pulse's power at multiples of the breath.",
        },
    ),
    "what_is_left_at_use": Question(
        asks="Which parts of a trained PhysVLM are not needed to analyse a clip?",
        right="the teacher and the student's embedding",
        because="Both serve the comparison in training. Waves come from encoder, octaves, attention and heads.",
        wrong={
            "the teacher alone": "What is the student's embedding compared with, once the teacher is gone?",
            "the gates": "They filter the features at use, too.",
            "the head for breath": "Breath is one of the two answers.",
        },
    ),
    "where_a_prior_shows": Question(
        asks="A teacher knows that hearts repeat. In which training can that help most?",
        right="in one with few labels",
        because="Labels say the same, clip by clip. Where most clips have none, the teacher still says something "
        "about each.",
        wrong={
            "in one with a label for every clip": "There the labels say it better.",
            "in one without noise": "Without noise there is little to be in doubt about.",
            "in a longer one": "More steps of the same samples do not make a prior more useful.",
        },
    ),
    "few_labels": Question(
        asks="Four of 32 faces have a label. What does the teacher give for the other 28?",
        right="beliefs over the sentences, which need no label",
        because="It looks at the map alone. Its beliefs may be wrong, and the student then learns that as well.",
        wrong={
            "their true heart rates": "It has not got them. It has beliefs.",
            "their waves": "Its output is an embedding, compared with texts; no wave comes out.",
            "nothing": "Then the two curves would be the same.",
        },
    ),
    "newborn_in_an_adult_band": Question(
        asks="A newborn breathes 48 times a minute. The attention for breath looks from 6 to 42. To which rate is it "
        "aligned?",
        right="to some other line inside its band",
        because="It has to choose inside, and takes what is strongest there: noise, or a half of the rate.",
        wrong={
            "to 48": "That lies outside of what it looks at.",
            "to 42, the nearest": "It takes the strongest line, not the nearest.",
            "to none": "It always takes one.",
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
        hint="every size gets smaller by 1; what would change its sign is 0",
        traps=((np.array([3.0, 0.0, -2.0, 0.0]), "that is a hard threshold: what is kept keeps its size"),
               (np.array([2.0, -1.5, -3.0, -0.2]), "sizes get smaller, not values")),
    ),
    "prominence_of_a_cell": Answer(
        value=lambda: 6 / 8, within=0.01,
        hint="which power counts below the line?",
        traps=((0.5, "power above 5 Hz does not count"), (3.0, "relative to all power near, its own included")),
    ),
    "reach_of_a_block": Answer(
        value=lambda: 6 * 16 / 15, within=0.02, unit="s",
        hint="how many steps lie between seven taps?",
        traps=((7 * 16 / 15, "seven taps have six steps between them"), (6 * 16 / 30, "features come at 15 Hz"),
               (96.0, "that is in samples")),
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
    "gain_of_the_teacher": Answer(
        value=_gain_of_the_teacher, within=0.02, unit="bpm",
        hint="means over the first numbers of the three seeds; then the largest minus the smallest",
        traps=((-_gain_of_the_teacher() * np.array([1, -1]), "error without the teacher minus error with it"),),
    ),
}  # fmt: skip
