"""Questions and known answers for notebook 10, PhysMLE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rppg_core.course.answers import Answer, Question

LEFT_OUT_BPM = {  # errors on the six domains, as in docs/results.md
    "pos": (0.6, 0.9, 8.8, 3.0, 12.9, 12.6),
    "tracenet": (1.4, 0.8, 0.9, 1.9, 4.3, 6.1),
    "physmle": (1.8, 0.9, 0.8, 1.4, 6.9, 8.6),
}
WITH_ALL, CONSTANT = np.array([8.57, 6.39, 2.24, 1.14]), np.array([14.43, 14.36, 3.22, 0.82])  # same file
TAPS, DILATIONS, FS = 7, (1, 1, 4, 8), 15.0


def _medians() -> tuple[float, ...]:
    return tuple(float(np.median(row)) for row in LEFT_OUT_BPM.values())


def _in_view() -> tuple[float, float]:
    """Samples and seconds that one feature sees behind convolutions with these dilations."""
    samples = 1 + (TAPS - 1) * sum(DILATIONS)
    return float(samples), samples / FS


def _cost_of_two_labels() -> float:
    """How much more the label 156 costs by HB than the label 78, for a pulse of 78 with a strong overtone."""
    import torch  # slow, so not at import

    from rppg_core.models.physmle.priors import heart_prior

    time_s = torch.arange(512) / 30.0
    pulse = torch.sin(2 * torch.pi * 1.3 * time_s) + 0.9 * torch.sin(2 * torch.pi * 2.6 * time_s)
    yes = torch.tensor([True])
    low, high = (float(heart_prior(pulse[None], torch.tensor([at]), yes, 30.0)) for at in (78.0, 156.0))
    return high - low


def _numbers_of_the_routers() -> int:
    from rppg_core.models.base import check_model  # torch: slow, so not at import
    from rppg_core.models.physmle import PhysMLEConfig
    from rppg_core.models.weights import create_model

    config = PhysMLEConfig.small()
    sizes = [check_model(create_model("physmle", replace(config, router=router))) for router in (True, False)]
    return sizes[0] - sizes[1]


def _folded_kernel() -> Float[np.ndarray, "out inside row time"]:
    from rppg_core.models.physmle import PhysMLE
    from rppg_core.models.weights import load_model

    network = load_model("physmle")
    assert isinstance(network, PhysMLE)
    layer = network.layers[0]
    kernel = layer.conv.weight.detach()
    for expert in range(layer.experts):
        kernel = kernel + layer.change(expert).detach().reshape(kernel.shape)
    return kernel.numpy()


QUESTIONS = {
    "datasets_with_every_label": Question(
        asks="Six datasets, four vital signs. How many of the six label all four?",
        right="none",
        because="A finger clip gives pulse, heart rate and sometimes oxygen; breathing needs a belt. In the six "
        "that our domains imitate nobody wore everything.",
        wrong={
            "two": "Two of them recorded breathing, but those lack another of the four.",
            "all": "To record everything takes a belt and a finger clip at once, which is rare.",
        },
    ),
    "input_of_a_router": Question(
        asks="What does a router use to set how strongly each expert acts?",
        right="the clip itself",
        because="Labels are not there when the network is used, and the gates of the tasks stand further right. Its "
        "input, the query, is made of the first features of this very clip.",
        wrong={
            "the label": "There is no label when the network is used, and the router has to work all the same.",
            "which task is asked for": "All tasks are answered at once; their gates stand further right.",
        },
    ),
    "numbers_of_rank_4": Question(
        asks="A matrix of 64 x 448 has 28 672 numbers. How many does a change of rank 4 need?",
        right="2 048",
        because="Four columns of 64 and four rows of 448: 4 x (64 + 448).",
        wrong={
            "28 672": "That is every number of the matrix; columns and rows are far fewer.",
            "7 168, a quarter": "A rank is not a share: count the numbers in the columns and rows.",
        },
    ),
    "router_with_two_experts": Question(
        asks="A sparse router lets only the expert with the largest softmax share work, times that share; the only "
        "loss is the error. Expert 1 starts far ahead. Does expert 2 ever learn?",
        right="on most seeds: the share carries a gradient",
        because="Where the favoured expert does badly, its share falls, until the other one is chosen. That works on "
        "most seeds, not on all; a balance loss helps the rest.",
        wrong={
            "no, who is ahead stays ahead": "That holds if nothing gives the choice a gradient, but a softmax share "
            "does.",
            "only if all experts work all the time": "It is enough that the share of the chosen one can be changed.",
        },
    ),
    "path_of_the_query": Question(
        asks="The query reaches the last stage. What has it been through on its way?",
        right="only the 1 x 1 convolutions that change the width",
        because="It stays a summary of the clip's first features. The experts' work never flows back into their own "
        "routers.",
        wrong={
            "everything that the features went through": "Then experts would decide about their own routers.",
            "nothing, it is copied": "The number of channels changes on the way, and a copy would no longer fit.",
        },
    ),
    "gate_of_the_pulse": Question(
        asks="Why does the pulse share the gate of the heart rate?",
        right="both need the same features",
        because="The heart rate is the rhythm of the pulse, so features that help one help the other. Whether a "
        "fourth gate would be better is not tested here.",
        wrong={
            "a fourth gate would be too large": "It would have 8 448 numbers, about 2 % of those of the network.",
            "the pulse needs no gate": "Its decoder reads features behind a gate, too; only the gate is shared.",
        },
    ),
    "far_from_the_label": Question(
        asks="The label is 80. Compare HB for three pulses: of 84, of 96 and of 112 beats a minute. What do you "
        "expect?",
        right="both far ones cost much, and about the same",
        because="The hill around the label is narrow. Outside it a pulse has next to no power there, and less than "
        "nothing does not exist.",
        wrong={
            "the cost grows with the distance": "That would be a difference of two numbers; this one looks at power "
            "near the label.",
            "all three cost the same": "A pulse of 84 still has some of its power on the hill around 80.",
        },
    ),
    "breath_far_from_its_label": Question(
        asks="The breathing prior (BR) pulls the breath in the pulse towards the label 15. What does it do with a "
        "breath of 23?",
        right="nothing",
        because="More than 5 apart: one of the two is plainly wrong, and nobody knows which. The curve drops to "
        "zero.",
        wrong={
            "pulls hardest": "Then the worst mistakes would steer the training.",
            "pulls a little": "If one of the two is plainly wrong, a small pull still goes the wrong way.",
        },
    ),
    "experts_and_their_routers": Question(
        asks="Low-rank experts are there to be cheap. In the paper's sizes, what has more numbers: the experts or "
        "their routers?",
        right="the routers",
        because="A router mixes all channels with all channels, twice, once for each expert: that grows with the "
        "square of the width. The thin experts do not.",
        wrong={
            "the experts": "They are thin: their size grows with the width, not with its square.",
            "about the same": "One of the two grows with the square of the width, and the paper's network is wide.",
        },
    ),
    "loss_without_a_part": Question(
        asks="Experts, router, task gates: one at a time is taken out of the trained network. What happens to "
        "the error of the heart rate?",
        right="next to nothing",
        because="Experts are small changes beside a trunk that was trained along with them, and the heart rate is "
        "mostly the trunk's work.",
        wrong={
            "it grows by some beats a minute each time": "Diagrams draw all boxes alike, but the changes that "
            "these parts make are small.",
            "without experts it is that of a constant": "Experts are small changes beside a trunk, and the trunk is "
            "still there.",
        },
    ),
    "loss_that_falls_furthest": Question(
        asks="Pulse, heart rate, breathing rate: which of the three losses falls furthest below its start?",
        right="that of the pulse",
        because="Two thirds of the samples have the waveform, and it says something about every moment. A rate is "
        "one number for 8.5 s.",
        wrong={
            "that of the heart rate": "Every sample has this label, but it is one number for a window.",
            "that of the breathing rate": "A third of the samples has this label, and 8.5 s hold two breaths.",
        },
    ),
    "rate_of_a_bloodless_face": Question(
        asks="A simulated face without any blood: no colour changes with a heart. What does the network answer when "
        "it is asked for the heart rate?",
        right="some rate between 40 and 184",
        because="It has no way to say nothing: its answer is a mean over those rates, whatever the shares.",
        wrong={
            "nothing: it refuses": "A network fills every output; to refuse is the work of the program around it.",
            "0": "Its answer is a mean over rates, and 0 is not one of them.",
        },
    ),
}

ANSWERS = {
    "median_over_domains": Answer(
        value=_medians, within=0.01, unit="bpm",
        hint="sort the six errors of a method: a median of six is half-way between the third and the fourth",
        traps=((tuple(float(np.mean(row)) for row in LEFT_OUT_BPM.values()), "those are the means"),
               ((6.5, 2.6, 3.4), "those are the means that the cell above prints")),
    ),
    "folded_kernel": Answer(
        value=_folded_kernel, within=1e-4,
        hint="a convolution is linear in its kernel, so changes add up; mind the shape of `layer.change`",
    ),
    "number_behind_a_gate": Answer(
        value=lambda: float(np.log(3)), within=0.005,
        hint="the sigmoid has to be three quarters; turn its formula around",
        traps=((float(np.log(1.5)), "that is the logarithm of the gate; a sigmoid is not an exponential"),
               (float(2 / (1 + np.exp(-1.5))), "that is the gate made by 1.5; the other direction is wanted"),
               (0.75, "that is the sigmoid itself; which number has this sigmoid?")),
    ),
    "samples_and_seconds_in_view": Answer(
        value=_in_view, within=0.01, unit="samples, s",
        hint="one convolution reaches from its first tap to its last; how far is that, and what does the next add?",
        traps=(((84.0, 5.6), "the sample in the middle is seen, too"),
               ((25.0, 25 / FS), "that would be four convolutions without dilation"),
               ((98.0, 98 / FS), "seven taps have six gaps between them")),
    ),
    "log_variance_behind_a_gate": Answer(
        value=lambda: float(np.log(4)), within=0.005,
        hint="a variance is a mean of squares",
        traps=((float(np.log(2)), "that is the rise of the logarithm of the size"), (2.0, "the logarithm is wanted"),
               (4.0, "that is the factor of the variance; take its logarithm")),
    ),
    "cost_of_two_labels": Answer(
        value=_cost_of_two_labels, within=0.01,
        hint="call the toy once for each label, with the same pulse, and subtract",
        traps=((-0.207, "the other way round: is the overtone the stronger one?"),
               (3.42, "that is HB for one label; the difference of the two is wanted"),
               (3.62, "that is HB for one label; the difference of the two is wanted"),
               (78.0, "that is a label; the difference of two values of HB is wanted"),
               (0.105, "power goes with the square of the size")),
    ),
    "breath_two_off": Answer(
        value=lambda: 1.5, within=0.05,
        hint="the gap is above 1 and below 5: which branch of the toy is that?",
        traps=((2.0, "that is the gap itself; BR takes a little off"), (0.0, "the two are less than 5 apart")),
    ),
    "numbers_of_the_routers": Answer(
        value=_numbers_of_the_routers, unit="numbers",
        hint="`replace` copies a config with one switch changed; the task gates are no such routers and stay",
    ),
    "errors_over_their_constants": Answer(
        value=lambda: tuple(float(part) for part in WITH_ALL / CONSTANT), within=0.01,
        hint="middle column over right column, row by row",
        traps=((tuple(float(part) for part in CONSTANT / WITH_ALL), "the other way round"),),
    ),
    "rate_by_a_wrong_clock": Answer(
        value=lambda: 70 * 30 / 24, within=0.05, unit="beats/min",
        hint="24 frames took a second; how long do they seem to take, and how many beats are in them?",
        traps=((56.0, "that is the other direction: does a beat seem to last longer, or shorter?"),
               (70.0, "a method sees samples and the file's clock, nothing else")),
    ),
}  # fmt: skip
