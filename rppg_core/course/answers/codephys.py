"""Questions and known answers for notebook 11, CodePhys, and the tables that the notebook draws."""

from __future__ import annotations

import math

import numpy as np

from rppg_core.course.answers import Answer, Question

# numbers of `make codebook-table PPG=...` (docs/results.md)
# r of rebuilt simulated and recorded PPG, perplexity / items, and r on photo-v2 behind POS and CHROM
SIZES_TABLE: dict[str, tuple[float | None, ...]] = {
    "128 items, 4 samples": (0.993, 0.972, 0.71, 0.772, 0.674),
    "no codebook": (0.997, 0.983, None, 0.769, 0.674),
    "16 items": (0.989, 0.950, 0.88, 0.770, 0.674),
    "64 items": (0.993, 0.963, 0.75, 0.775, 0.678),
    "512 items": (0.994, 0.976, 0.57, 0.776, 0.680),
    "2 samples": (0.996, 0.974, 0.76, 0.772, 0.679),
    "8 samples": (0.986, 0.964, 0.62, 0.773, 0.678),
    "16 samples": (0.945, 0.931, 0.73, 0.758, 0.657),
}
SIZES_BESIDE: dict[str, tuple[float | None, ...]] = {
    "itself": (None, None, None, 0.743, 0.650),
    "constant": (None, None, None, 0.100, 0.100),
}
SIZES_DATA = "r on photo-v2, 180 simulated clips; recorded PPG: contact sensors; 600 + 300 steps"
# r on photo-v2 of each variant, one number for each of three seeds, from the same command
QUERIES_TABLE: dict[str, tuple[float, ...]] = {
    "whole": (0.834, 0.834, 0.833),
    "no codebook": (0.839, 0.838, 0.829),
    "no attention": (0.820, 0.818, 0.809),
    "no distillation": (0.823, 0.826, 0.811),
    "distribution": (0.837, 0.835, 0.830),
    "feature": (0.833, 0.829, 0.811),
    "relation": (0.834, 0.831, 0.830),
}
QUERIES_BESIDE = {"pos": 0.743, "constant": 0.100}  # same clips, same command
QUERIES_DATA = "photo-v2, 180 simulated clips; 700 steps; one dot per seed"
ITEMS, FEATURES = ((0.0, 0.0), (2.0, 0.0), (0.0, 3.0)), ((1.2, 0.4), (0.3, 1.4))  # of an exercise
FACES, WALLS = (3.0, 2.0, 1.0), (2.5, 0.5)  # closeness in an exercise


def _entropy_use(shares: tuple[float, ...]) -> float:
    return math.exp(-sum(share * math.log(share) for share in shares))


def _items_of_two() -> tuple[float, ...]:
    from scipy.spatial.distance import cdist

    return tuple(float(code) for code in cdist(FEATURES, ITEMS).argmin(axis=1))


def _windows_of_a_clip() -> float:
    from rppg_core.video.prepare import overlapping_windows

    return float(len(list(overlapping_windows(600, 256))))


def _auroc() -> float:
    return float(np.mean(np.subtract.outer(FACES, WALLS) > 0))


def _price() -> tuple[float, float]:
    other = QUERIES_TABLE["no codebook"]
    return float(np.mean(other) - np.mean(QUERIES_TABLE["whole"])), float(max(other) - min(other))


QUESTIONS = {
    "noise_behind_a_filter": Question(
        asks="A filter from 0.7 to 3 Hz stands behind POS. Which noise does it leave in the wave?",
        right="noise at the rates of a pulse",
        because="It lies in the same band, and no filter that keeps the pulse can remove it. The shape of "
        "a beat may help there, and a codebook holds such shapes.",
        wrong={
            "slow changes of the light": "They take several seconds and lie below 0.7 Hz, so they are "
            "removed.",
            "the flicker from frame to frame": "It lies far above 3 Hz, so the filter removes it.",
            "none": "Noise is spread over all frequencies. What happens to the part inside the band?",
        },
    ),
    "noise_that_reaches_the_output": Question(
        asks="All items were learned from clean PPG. In what way can noise in a video still harm the output?",
        right="by selecting other items",
        because="Each item is clean, but a sequence of wrong ones is a clean wave of somebody who is not "
        "there.",
        wrong={
            "in no way": "The items are clean. But what decides on which of them are taken?",
            "it is added to the output, only weaker": "Nothing of the video goes past the codebook.",
            "by changing the items": "They are frozen when the first video comes.",
        },
    ),
    "reach_of_one_sample": Question(
        asks="One sample in the middle of a window is moved. Which of the 64 features change?",
        right="those within about a second of it, and little else",
        because="Convolutions with 15 taps and the blocks behind them add up to a second or so. That is "
        "about a beat: enough to see which part of a beat it is.",
        wrong={
            "only the one that it belongs to": "Then a feature would see four samples, and could not tell "
            "a peak from a slope.",
            "all of them alike": "That would hold for a layer that joins every sample to every feature.",
        },
    ),
    "gradient_of_a_choice": Question(
        asks="A feature moves a little, and the nearest item stays the same. What does the error behind "
        "the decoder tell the encoder about this move, if nothing is done about it?",
        right="nothing at all",
        because="The output is the same before and after, so the gradient is zero almost everywhere.",
        wrong={
            "that it was too small": "The error is the same whether the feature is near the border to "
            "another item or far from it.",
            "how the feature should move": "For that the output would have to change with the feature.",
        },
    ),
    "item_without_neighbours": Question(
        asks="Does the number of an item fix the four samples that the decoder writes for it?",
        right="no, the items beside it count as well",
        because="The decoder has large kernels, too, so it joins an item to its neighbours. An item is no "
        "snippet that is pasted.",
        wrong={
            "yes, item by item": "Then neighbouring snippets would meet with steps; look at what the "
            "decoder is made of.",
            "only up to its size": "More than the size differs between two places of the same item.",
        },
    ),
    "item_that_is_never_nearest": Question(
        asks="An item is not the nearest of any feature. Where does the next step of training move it?",
        right="nowhere",
        because="Both losses look at chosen items only. It has no gradient, and will not be chosen the "
        "next time either.",
        wrong={
            "to the features that are nearest to it": "That would need a loss that looks from items to "
            "features. Which of the two losses does?",
            "away from the items that are chosen": "Nothing in the losses compares items with each other.",
        },
    ),
    "longer_pieces": Question(
        asks="64 items, and pieces of 2, 4, 8 and 16 samples. As pieces get longer, what happens to r of a "
        "clean wave and to r of a noisy one?",
        right="the clean one falls, the noisy one rises",
        because="64 long pieces cannot hold every detail. But a long piece is chosen by many samples at "
        "once, and their noise averages out.",
        wrong={
            "both fall": "That holds for detail. Does noise decide on a long piece as easily as on a short "
            "one?",
            "both rise": "Then 64 pieces would be as good for long stretches, of which there are far more "
            "kinds.",
            "the clean one rises, the noisy one falls": "Two samples have few shapes, and sixteen many. "
            "How many can 64 items hold?",
        },
    ),
    "same_score_everywhere": Question(
        asks="At some moment all cells get the same score. What does the attention change?",
        right="nothing: it is the mean over the skin",
        because="The budget turns equal scores into 0.5 everywhere, and a mean does not change when all "
        "weights grow alike.",
        wrong={
            "it doubles the features": "The mean is taken relative to that of ones, so a common factor "
            "cancels.",
            "it halves the features": "F + F · 0.5 is one and a half times as much; and then it is divided "
            "by the same.",
        },
    ),
    "queries_that_are_turned": Question(
        asks="All 64 features of a pulse are turned in space in the same way, so that their angles stay. "
        "Which of the three losses stays at zero?",
        right="the relation",
        because="It compares moments with moments of the same sequence, by their angles. Where they lie "
        "among the items does not enter.",
        wrong={
            "the distribution": "Other items are near after the turn, so the shares change.",
            "the feature": "It compares each query with its feature, and both have other numbers now.",
            "none: all three grow": "One of them looks at angles between moments only.",
        },
    ),
    "lamp_behind_the_codebook": Question(
        asks="A lamp flickers 110 times a minute, and POS finds that. What does the codebook behind it "
        "make of it?",
        right="a clean pulse of 110",
        because="Items hold shapes of beats, and 110 is a rate that hearts have. Nothing in a wave shows "
        "where it came from.",
        wrong={
            "a flat line, as it is no PPG": "Every query gets the nearest item, and the decoder makes a "
            "wave of them.",
            "the pulse behind the flicker": "That would need the face; the plug-in gets the wave alone.",
        },
    ),
    "wave_from_noise": Question(
        asks="White noise goes through plug-in, codebook and decoder. What comes out?",
        right="a wave that looks like a pulse",
        because="The decoder was trained on sequences of items of PPG alone. Whatever selects them, beats "
        "come out.",
        wrong={
            "noise that is a little smoother": "For that, noise would have to get past the items.",
            "a flat line": "Some item is the nearest of any query, however far it is.",
        },
    ),
    "way_around_the_codebook": Question(
        asks="What of a face reaches the pulse without passing through the numbers of items?",
        right="nothing",
        because="The decoder gets items, and items follow from their numbers: 64 whole numbers are all "
        "that the decoder gets of the face.",
        wrong={
            "the strength of its pulse": "Two faces with the same numbers get the same wave.",
            "the queries, with a small weight": "In training their gradient passes; their values never do.",
        },
    ),
    "three_seeds_of_two_variants": Question(
        asks="A variant has r of 0.84, 0.86 and 0.85 with three seeds, the whole network 0.85, 0.85 and "
        "0.87. What do these numbers show about the part that the variant lacks?",
        right="not enough: a seed matters as much",
        because="The means differ by 0.007, and seeds of the same network by 0.02. More seeds could decide "
        "it.",
        wrong={
            "it is worth 0.007 of r": "That is the difference of the means. How far are two seeds of the "
            "same network apart?",
            "it is useless": "A difference that is too small to be seen is not shown to be zero.",
        },
    ),
    "choice_in_training": Question(
        asks="Three autoencoders get the same steps. Which one rebuilds PPG best at the end?",
        right="the one without a codebook",
        because="Its decoder gets every detail of the features, while the others have 16 items for it.",
        wrong={
            "the one with a codebook from the start": "At first its features and items are both random, "
            "and neither is where the other needs it.",
            "the one with k-means": "That is a better start, but 16 items still hold less than features do.",
        },
    ),
    "rate_beyond_the_items": Question(
        asks="Training had heart rates up to 180. How good is a copy of a clean pulse of 210?",
        right="clearly worse than at 75, but still a beat",
        because="An item has 133 ms, nearly half of such a beat, and few waves like it were in the "
        "training. The rhythm is kept longer than the detail.",
        wrong={
            "as good as at 75": "Items were placed where training had features. Were there any of such a "
            "beat?",
            "unrelated to the pulse": "Neighbouring items still rise and fall; the nearest sequence has a "
            "similar rhythm.",
        },
    ),
}

ANSWERS = {
    "features_of_a_window": Answer(
        value=lambda: (64.0, 4 / 30 * 1000), within=0.5,
        hint="time is halved twice, so how many samples belong to a feature?",
        traps=(((1024.0, 4 / 30 * 1000), "time gets shorter, not longer"),
               ((128.0, 2 / 30 * 1000), "it is halved twice"),
               ((64.0, 4 / 30), "milliseconds are asked for")),
    ),
    "items_of_two_features": Answer(
        value=_items_of_two, within=0.01,
        hint="three squared distances for each feature; the smallest wins",
        traps=(((2.0, 1.0), "items are counted from 0"), ((1.0, 2.0), "look again at the second one: 0.3² + 1.4²")),
    ),
    "perplexity_of_three": Answer(
        value=lambda: _entropy_use((0.5, 0.25, 0.25)), within=0.01,
        hint="first the entropy, with natural logarithms; then one more step",
        traps=((3.0, "that counts every item alike, however seldom it is used"),
               (1.5 * math.log(2), "that is the entropy; perplexity is e to its power"),
               (1.5, "that is the entropy in bits"),
               (math.exp(1.5), "the base of the logarithm and that of the power must be the same")),
    ),
    "bits_of_a_pulse": Answer(
        value=lambda: 7 * 30 / 4, within=0.1, unit="bits per second",
        hint="how many yes-or-no questions single out one item, and how many codes are there in a second?",
        traps=((210.0, "a code lasts four samples, not one"), (960.0, "one of 128 is not 128 bits"),
               (7.0, "that is one code; how many are there in a second?")),
    ),
    "mask_of_four_cells": Answer(
        value=lambda: np.array([0.9, 0.3, 0.3, 0.1]) * 0.5 / 0.4, within=0.01,
        hint="what is the mean now, and by what is everything multiplied so that it becomes the budget?",
        traps=((np.array([0.9, 0.3, 0.3, 0.1]) / 1.6, "their sum is 1 now; the mean should be the budget"),
               (np.array([0.9, 0.3, 0.3, 0.1]) / 0.4, "their mean is 1 now; the budget is half of that")),
    ),
    "codes_of_a_lag": Answer(
        value=lambda: 0.2 * 30 / 4, within=0.01, unit="codes",
        hint="first samples at 30 Hz, then codes",
        traps=((6.0, "those are samples; a code lasts four of them"),
               (0.2 * 4, "the rate of the samples is missing")),
    ),
    "windows_of_a_clip": Answer(
        value=_windows_of_a_clip, within=0.01, unit="windows",
        hint="where do windows start, and where must the last one end?",
        traps=((3.0, "three of them end before the clip does"), (600 / 256, "they overlap, and each is whole"),
               (600 / 128, "the first one takes 256 samples, and each further one up to 128")),
    ),
    "auroc_of_five": Answer(
        value=_auroc, within=0.01,
        hint="there are six pairs; count those in which the face has the larger number",
        traps=((4.0, "that is the number of pairs; a share is asked for"),
               (1 / 3, "that is the share of walls above faces")),
    ),
    "waves_it_can_write": Answer(
        value=lambda: 64 * math.log10(128), within=0.6,
        hint="one code has 128 choices, two have 128 times 128; logarithms keep the number small",
        traps=((128 * 64, "choices multiply, they do not add up"),
               (math.log10(128 * 64), "choices of one code multiply with those of the next"),
               (128 * math.log10(64), "64 times one out of 128, not the other way round")),
    ),
    "price_of_the_codebook": Answer(
        value=_price, within=0.0006,
        hint="first means over seeds, then their difference; for the second value one row is enough",
    ),
}  # fmt: skip
