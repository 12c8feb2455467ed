"""Questions and known answers for notebook 10, PhysMLE."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from rppg_core.course.answers import Answer, Question

RANK, INSIDE, OUTSIDE, TAPS = 4, 48, 56, 7


def _unexplained(angle_deg: float, weight_b: float) -> tuple[float, float]:
    """Unexplained share of each of two tasks that share the one feature that is best for their weighted sum."""
    angle = np.deg2rad(angle_deg)
    wishes = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    pull = wishes.T @ np.diag([1 - weight_b, weight_b]) @ wishes
    shared = np.linalg.eigh(pull)[1][:, -1]
    of_a, of_b = 1 - (wishes @ shared) ** 2
    return float(of_a), float(of_b)


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
        because="A finger clip gives pulse, heart rate and sometimes oxygen; breathing needs a belt. Nobody wore "
        "everything.",
        wrong={
            "two": "Two of them recorded breathing, but those lack another of the four.",
            "all": "To record everything takes a belt and a finger clip at once, which is rare.",
        },
    ),
    "input_of_a_router": Question(
        asks="What does a router use to set how strongly each expert acts?",
        right="the clip itself",
        because="Labels are not there when the network is used, and the tasks have gates of their own, further "
        "right.",
        wrong={
            "the label": "There is no label when the network is used, and the router has to work all the same.",
            "which task is asked for": "All tasks are answered at once; each has a gate of its own, further right.",
        },
    ),
    "trust_in_a_flicker": Question(
        asks="Two cells of one cheek begin to flicker at random, first finely, then coarsely. What happens to their "
        "trust?",
        right="it rises, then falls",
        because="A little livelier than the neighbours looks like much blood. Coarse jumps are no blood.",
        wrong={
            "nothing: trust depends on skin alone": "Skin is one part of it; what the cell does in this window is "
            "another.",
            "it falls from the start": "To do so, the network would have to tell a fine flicker from much blood.",
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
        asks="Expert 1 starts ahead. Which router ends with both experts at work, one for each population?",
        right="the dense one",
        because="A silenced expert gets no gradient, and a choice between whole experts has none either: who is "
        "ahead stays ahead. Dense gates let everyone learn all the time. The blind one learns as well, but cannot "
        "tell A from B.",
        wrong={
            "the hard choice": "The expert that is silenced gets no gradient, so it never catches up.",
            "the blind one": "Both of its experts work, but it treats A and B alike, because its query does.",
        },
    ),
    "reach_of_eight_layers": Question(
        asks="Every convolution sees 7 samples at 15 Hz. Over which stretch of time can one feature look after all "
        "layers?",
        right="more than 15 s",
        because="Dilated convolutions leave gaps between their taps, so that few taps span much time. Breathing "
        "needs that: at 10 breaths a minute one breath lasts 6 s.",
        wrong={
            "half a second": "That is the reach of a single convolution whose taps are neighbours.",
            "about 4 s": "Eight convolutions would reach about 3 s if their taps were neighbours, and most are not.",
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
    "number_of_task_gates": Question(
        asks="Four tasks: pulse, heart rate, SpO2, breathing. How many gates?",
        right="three",
        because="The pulse shares the gate of the heart rate: one is the rhythm of the other.",
        wrong={
            "four": "Two of the four tasks want the same features, so they share a gate.",
            "one": "With one gate for all, no task could turn down what harms it alone.",
        },
    ),
    "mean_of_two_sines": Question(
        asks="A pulse of 60 and one of 120 beats a minute, both as sines. Which has the larger mean over 17 s?",
        right="both have a mean of about zero",
        because="A mean forgets the rhythm. The network would have to turn rhythm into level before the mean is "
        "taken.",
        wrong={
            "the faster one": "It swings more often, but each time as far down as up.",
            "the slower one": "Its waves are longer, but as long below zero as above.",
        },
    ),
    "line_that_starts_at_zero": Question(
        asks="Suppose the line started at 0. Adam moves a weight by about its learning rate a step, here 0.002. "
        "About how many steps until the answer has climbed to 97?",
        right="50 000",
        because="97 / 0.002 = 48 500: many times the whole training, spent on an offset that every textbook knows. "
        "(Other weights help a little; the point stays.)",
        wrong={
            "100": "A hundred steps of 0.002 make 0.2.",
            "5 000": "Five thousand steps of 0.002 make 10.",
        },
    ),
    "fastest_heart_at_15_hz": Question(
        asks="Features at 15 Hz. Which is the fastest heart that they can carry without mistaking it for another?",
        right="450 beats/min",
        because="Half of 15 Hz is 7.5 Hz, and 7.5 times 60 is 450. Halving the rate costs no heart.",
        wrong={
            "75 beats/min": "Such a heart beats 1.25 times a second and gets twelve samples for each beat.",
            "900 beats/min": "With one sample for each beat, every sample would meet the same point of the wave.",
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
            "pulls a little": "The list above names a gap from which on this prior no longer acts.",
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
    "reading_a_table_of_shares": Question(
        asks="In the next table every row is a face, every column a task and an expert. How will you see whether the "
        "router routes?",
        right="look down the columns",
        because="A router at work shows as numbers that change from row to row. A spread of 0.02 or less is next to "
        "nothing.",
        wrong={
            "look along the rows": "Differences from column to column only say that one expert has larger weights.",
            "look for the largest share": "An expert may be large for every face, and then nobody is routed.",
        },
    ),
    "loss_without_a_part": Question(
        asks="Experts, router, task gates: we leave out one at a time. How much r of the pulse is lost?",
        right="less than 0.01 each time",
        because="Experts are small changes beside a trunk that was trained along with them. Where r hardly falls, "
        "the pulse is the trunk's work.",
        wrong={
            "about 0.05 each time": "Many people guess so, because diagrams draw all boxes alike.",
            "more than 0.2 without the experts": "Experts are small changes beside a trunk, and the trunk is still "
            "there.",
        },
    ),
    "raised_weight": Question(
        asks="The two wishes stand at 60 degrees. You raise the weight of task b. What happens?",
        right="the error of b falls, that of a rises",
        because="There is one feature: what turns towards b turns away from a. The board of a seesaw has two ends.",
        wrong={
            "both errors fall": "For that the two would have to want the same, and they stand at 60 degrees.",
            "only b changes": "Both tasks read the same feature, so nothing can move for b alone.",
        },
    ),
    "restless_loss": Question(
        asks="Pulse, heart rate, breathing: which loss is still restless at the end?",
        right="breathing",
        because="Two thirds of the samples have the waveform, a number for every moment, and all have a heart rate. "
        "A third has a breathing rate, and a breath in 8.5 s is hard to see even for you.",
        wrong={
            "the pulse's waveform": "Two thirds of the samples have it, with a number for every moment.",
            "the heart rate": "Every sample has this label, and 8.5 s hold many beats.",
        },
    ),
    "network_under_a_wrong_clock": Question(
        asks="A file states 30 frames a second, but the camera took 25. The heart beats 60 times a minute. What does "
        "PhysMLE answer?",
        right="72",
        because="The samples are all it sees. 25 frames are taken for 25/30 s, so everything looks faster by 30/25.",
        wrong={
            "60: it has learned what a pulse looks like": "A pulse looks the same at another speed, and the speed "
            "comes from the file.",
            "50": "That is the other direction: do the beats seem to last longer, or shorter?",
        },
    ),
    "people_in_the_training": Question(
        asks="On how many real people were the weights of this notebook trained?",
        right="none",
        because="Datasets of faces may not be handed on, so the package trains on its simulator, and says so "
        "everywhere.",
        wrong={
            "about 400, in six datasets": "The six sources of this notebook only imitate such datasets.",
            "one": "The simulator's pictures begin with a photo of one person, but no pulse of hers was recorded.",
        },
    ),
}

ANSWERS = {
    "numbers_of_an_expert": Answer(
        value=lambda: RANK * (OUTSIDE + INSIDE * TAPS), unit="numbers",
        hint="the matrix has a row for each output channel and a column for each input channel and tap",
        traps=((OUTSIDE * INSIDE * TAPS, "that is the whole convolution"),
               (RANK * (OUTSIDE + INSIDE), "the kernel has 7 taps, and the rows of A run over all of them"),
               (OUTSIDE + INSIDE * TAPS, "that is rank 1, but the rank here is 4: four columns and four rows")),
    ),
    "overlap_at_60_degrees": Answer(
        value=lambda: float(np.cos(np.deg2rad(60)) ** 2), within=0.005,
        hint="a squared norm over the product of two squared norms: which function of the angle is left, squared?",
        traps=((0.5, "that is the cosine; both sides of the fraction are squared"),
               (0.0, "that would be 90 degrees")),
    ),
    "seesaw_at_45_degrees": Answer(
        value=lambda: _unexplained(45.0, 0.25), within=0.002,
        hint="the weights sum to 1: three parts for a, one for b",
        traps=((_unexplained(45.0, 0.75), "the other way round: here a has the larger weight"),
               (_unexplained(45.0, 1 / 3), "the weights sum to 1, and one is three times the other")),
    ),
    "numbers_of_the_routers": Answer(
        value=_numbers_of_the_routers, unit="numbers",
        hint="`replace` copies a config with one switch changed; the task gates are no such routers and stay",
    ),
    "folded_kernel": Answer(
        value=_folded_kernel, within=1e-4,
        hint="a convolution is linear in its kernel, so changes add up; mind the shape of `layer.change`",
    ),
}  # fmt: skip
