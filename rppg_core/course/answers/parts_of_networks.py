"""Questions and known answers for notebook 04, parts of networks."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from rppg_core.course.answers import Answer, Question
from rppg_core.lab.simulate.faces import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import waveform_r
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FaceClip, STMap
from rppg_core.video.prepare import cut, projections, resample

# clips of the lesson: its first one, the photo at its end, and the faces under trees
FIRST = {"seed": 502, "tone": 4, "n": 256, "motion": "large", "motion_scale": 2.0, "shading": 2.0, "lamps": 0.2,
         "amplitude_percent": 0.2}  # fmt: skip
PHOTO = {"seed": 3, "tone": 3, "n": 360, "kind": "photo"}
TREES = {"motion": "none", "amplitude_percent": 0.3, "illumination": 0.2, "n": 256}


def _face(n: int, **options: Any) -> tuple[FaceClip, np.ndarray]:
    """A face as the lesson draws it, at 30 Hz, and its true pulse."""
    hr_bpm = float(np.random.default_rng(options["seed"]).uniform(50, 110))
    clip, truth = simulate_traces(SimulationSettings(hr_bpm=hr_bpm, seconds=n / 30 + 0.5, **options))
    return cut(resample(clip, 30.0), slice(0, n)), truth.bvp[:n]


@cache
def _filmed(kind: str) -> FaceClip:
    options: dict[str, Any] = dict(FIRST if kind == "pulse" else PHOTO)
    return _face(**options)[0]


def _network() -> Any:
    from rppg_core.models.weights import load_model  # torch: slow, so not at import

    return load_model("tracenet")


def _share_of_the_trunk() -> float:
    network = _network()
    trunk, whole = (sum(p.numel() for p in part.parameters()) for part in (network.trunk, network))
    return trunk / whole


def _mean_of_the_skin() -> np.ndarray:
    network = _network()
    inputs = network.inputs_from_clip(_filmed("pulse"), network.config)
    return np.average(inputs["stmap"], axis=1, weights=inputs["weight"])


def _trust_of_two_cells() -> tuple[float, float]:
    size = np.array([0.8, 0.2]) * np.exp([1.0, 2.0])
    one, other = size / size.sum()
    return float(one), float(other)


@cache
def _pos_under_trees() -> float:
    found = []
    for seed in range(1100, 1130):
        options: dict[str, Any] = TREES | {"seed": seed, "tone": seed % 6}
        clip, bvp = _face(**options)
        cells = STMap(clip.need("stmap"), 30.0, clip.need("stmap_weight"))
        pos = np.average(projections(cells, names=["pos"])[..., 0], axis=1, weights=cells.weight)
        found.append(waveform_r(bvp, pos, 30.0))
    return float(np.median(found))


def _rate_of_a_photo() -> float:
    from rppg_core.models.base import run_clip

    wave = run_clip(_network(), _filmed("photo")).bvp
    assert wave is not None
    return heart_rate_from_bvp(wave.samples, 30.0)


QUESTIONS = {
    "mean_beside_the_cell": Question(
        asks="Why does the encoder read the mean of the skin beside every cell?",
        right="so that a cell can be compared with what all cells share",
        because="The filters run along time, and no filter looks from one cell to another. The mean is the only way "
        "by which a cell meets the rest of the face here.",
        wrong={
            "because the mean has less noise and replaces the cell": "The cell's own numbers are read as well; "
            "nothing is replaced.",
            "to know how bright the face is": "The map holds relative changes, so how bright the face is has been "
            "taken out before.",
        },
    ),
    "shuffled_cells": Question(
        asks="The 36 cells of the map change places at random, and their shares of skin with them. What happens to "
        "the pulse?",
        right="nothing",
        because="The filter is the same for all cells, and trust is computed from what each cell does. A sum does "
        "not depend on the order of its terms.",
        wrong={
            "it gets worse, since a cheek is now at the forehead": "For that the network would need to know where a "
            "cell lies; which of its inputs says so?",
            "it is lost": "The order in time is untouched, and every cell still holds what it held before.",
        },
    ),
    "colours_and_a_convolution": Question(
        asks="Under trees, on new faces: which r does the convolution reach that reads colours only?",
        right="about 0.8, between the best fixed sum and POS",
        because="It reads 25 samples around each moment, the fixed sum only one; but its weights are the same in "
        "every window, while POS computes its own.",
        wrong={
            "about 0.2, as the best fixed sum": "The fixed sum reads one sample at a time; how many does "
            "the convolution read?",
            "about 0.98, as POS": "POS divides by what it finds in each window, and that is hard to build from sums "
            "and bends.",
        },
    ),
    "doubled_dilations": Question(
        asks="Why do the dilations double from block to block?",
        right="the reach grows quickly with few weights",
        because="Every block has seven taps and the same number of weights. Blocks with neighbouring taps would need "
        "many more layers for the same seconds.",
        wrong={
            "each block looks for hearts of half the rate": "The taps set how far a block can see; what it looks for "
            "is learned.",
            "so that the signal is sampled less often": "No sample is dropped: every block gives as many samples as "
            "it reads.",
        },
    ),
    "straight_line_on_means": Question(
        asks="Mean errors of the rate on new faces: a constant has about 13 bpm. What about the straight line on the "
        "means?",
        right="far below the constant, above the SpectralHead",
        because="The means of the trunk's features depend on the rate, because the trunk bends and norms. The place "
        "of a peak is still the more direct way.",
        wrong={
            "as bad as the constant: a mean forgets the rhythm": "It would, if the features were nothing but waves "
            "around zero.",
            "better than the SpectralHead": "It has to guess the rate from levels, while the other one looks at the "
            "rhythm itself.",
        },
    ),
    "errors_by_place_in_the_window": Question(
        asks="Where in its window of 8.5 s does the network make the largest errors?",
        right="in the first and the last fraction of a second",
        because="There it sees one side only. Further inside, the nearest second is there on both sides, and that is "
        "where most of the gradient lies.",
        wrong={
            "in the middle, where it has to look furthest": "At the middle it sees both sides as far as it can look.",
            "in the whole outer 3.4 s": "So far reach the convolutions, but which part of this reach has most of the "
            "gradient?",
        },
    ),
    "label_that_is_not_a_number": Question(
        asks="Somebody stores missing labels as NaN, so the loss of such a sample is NaN, and multiplies the losses "
        "by the mask, which is 0 there. What is their sum?",
        right="NaN",
        because="Zero times NaN is NaN, and a sum with one NaN is NaN. One sample without a label spoils the whole "
        "batch.",
        wrong={
            "the sum over the labelled samples": "So it was meant, but computers do not multiply NaN away.",
            "0": "The labelled samples have losses of their own, and the other one is not 0 either.",
        },
    ),
    "score_on_the_card": Question(
        asks="The card gives a held-out r. On whom was it found?",
        right="on simulated faces that were not trained on",
        because="Held out means: not used in training. These faces come from the same simulator, with the same "
        "ranges. No person is among them.",
        wrong={
            "on people who took part in a study": "No recording of a person was used for these weights, and the card "
            "would have to name it.",
            "on the faces of the training": "Those would tell how well they were learned by heart, and they are left "
            "out.",
        },
    ),
    "wave_without_blood": Question(
        asks="What does tracenet return for the photo?",
        right="a wave from which a heart rate can be read",
        because="It was trained on faces with a pulse and returns a wave for any input. Whether to believe it is "
        "decided elsewhere.",
        wrong={
            "zeros, since there is nothing to find": "The map is scaled to size 1 before the network reads it, so "
            "there is always something.",
            "an error": "A network has no such step: it computes a wave from any map.",
        },
    ),
}

ANSWERS = {
    "share_of_the_trunk": Answer(
        value=_share_of_the_trunk, within=0.01,
        hint="add up the `numel` of all arrays of the part, do the same for the whole, and divide",
        traps=((112320, "that is how many the trunk has; which share of all is it?"),
               (95.78, "in per cent; give the share, as a number below 1")),
    ),
    "mean_of_the_skin": Answer(
        value=_mean_of_the_skin, within=1e-4,
        hint="cells are the second axis; `np.average` takes weights",
    ),
    "trust_of_two_cells": Answer(
        value=_trust_of_two_cells, within=0.01,
        hint="e to the power of a sum is a product: which two factors does each cell have?",
        traps=(((0.269, 0.731), "these are the scores alone; each share of skin counts as a factor"),
               ((0.8, 0.2), "these are the shares of skin alone; where are the scores?"),
               ((2.17, 1.48), "right so far; parts of the trust sum to 1"),
               ((59.5, 40.5), "in per cent; parts of the trust sum to 1"),
               ((59.54, 40.46), "in per cent; parts of the trust sum to 1")),
    ),
    "light_in_a_fixed_sum": Answer(
        value=lambda: 20 * (-0.5 + 1.0 - 0.4), within=0.01, unit="%",
        hint="all three changes are equal, so take them out of the sum: what is left in the brackets?",
        traps=((20.0, "that is the change of each colour; the sum gives them different weights"),
               (38.0, "two of the three weights are negative"),
               (0.1, "that is the sum of the weights; what does it do to a change of 20 %?"),
               (0.02, "as a fraction; asked are per cent")),
    ),
    "pos_under_trees": Answer(
        value=_pos_under_trees, within=0.005,
        hint="one r per face, from its pulse and its row of inputs; then the median of thirty",
        traps=((0.95, "close to what PBV reaches; which of the inputs is POS?"),
               (0.872, "that is CHROM; which of the inputs is POS?")),
    ),
    "reach_of_the_trunk": Answer(
        value=lambda: 3 * (1 + 2 + 4 + 8 + 16 + 1) / 30, within=0.02, unit="s",
        hint="reaches of blocks in a row add up; how many samples make a second?",
        traps=((96.0, "that is in samples"), (6.4, "that is from end to end; asked is one side"),
               (1.6, "that is the block with the largest dilation; the others reach on from there")),
    ),
    "rate_between_two_peaks": Answer(
        value=lambda: 0.8 * 70 + 0.2 * 140, within=0.1, unit="bpm",
        hint="a mean of two rates, each counted as often as its share says",
        traps=((70.0, "that is the larger peak; the expected rate is a mean over all of them"),
               (105.0, "the two peaks have different shares")),
    ),
    "two_pieces_one_moment": Answer(
        value=lambda: (0.25 * 0.6 - 0.5 * 0.2) / (0.25 + 0.5), within=0.005,
        hint="multiply each piece by its hill and add; the hills do not sum to 1",
        traps=((0.05, "that is before dividing by the sum of the hills"),
               (0.2, "that is the plain mean of the two; their hills differ")),
    ),
    "mean_of_the_labelled": Answer(
        value=lambda: (4 + 7) / 2, within=0.01, unit="bpm",
        hint="how many samples are in this mean?",
        traps=((2.75, "divided by all four; only two of them have a label"),
               (3.5, "that is the mean of all four, labelled or not")),
    ),
    "share_through_a_codec": Answer(
        value=lambda: 3 / 16 / 3, within=0.004,
        hint="which share of the samples are windows of rendered clips? and which share of those has a codec?",
        traps=((1 / 3, "that would be so if codecs could be applied to traces, too"),
               (3 / 16, "that is the share of rendered clips; not all of them have a codec"),
               (6.25, "in per cent; give the share, as a number below 1"),
               (1 / 13, "count all samples of a step: 13 and 3")),
    ),
    "rate_of_a_photo": Answer(
        value=_rate_of_a_photo, within=0.5, unit="bpm",
        hint="the function reads the whole wave and its sampling rate in Hz; a wave that is constant, or that holds "
        "NaN, has no rate",
        traps=((54.83, "that is the living face; which of the two clips is the photo?"),),
    ),
}  # fmt: skip
