"""Questions and known answers for notebook 12, PhysLLM, and the table that the notebook draws."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer, Question

# r on photo-v2 of each reader, one number for each of three seeds, by `make language-table` (docs/results.md)
LANGUAGE_TABLE: dict[str, dict[str, tuple[float, ...]]] = {
    "pre-trained": {"all": (0.872, 0.872, 0.872), "none": (0.871, 0.872, 0.870), "shuffled": (0.872, 0.871, 0.872)},
    "random": {"all": (0.875, 0.873, 0.872), "none": (0.872, 0.871, 0.872), "shuffled": (0.875, 0.873, 0.872)},
    "one layer": {"all": (0.873, 0.871, 0.873), "none": (0.872, 0.872, 0.871), "shuffled": (0.873, 0.871, 0.873)},
}  # fmt: skip
TABLE_BESIDE = {"encoder alone": 0.868, "pos": 0.743, "constant": 0.100}  # same clips, same command
TABLE_DATA = "photo-v2, 180 simulated clips; 200 steps; one dot per seed"  # subtitle of the figure
WORDS, WORDS_OF_THE_PAPER, PROTOTYPES = 605, 151_936, 32  # vocabularies of the bundled model and of Qwen
TRUNK = 8  # blocks of the trunk in an exercise
PULSE_BPM = 90.0  # of the pulse whose lags are asked for


def _blocks() -> tuple[float, ...]:
    return tuple(float(-(-TRUNK * k // 3)) for k in (1, 2, 3))


def _lags() -> tuple[float, ...]:
    from rppg_core.models.physllm.cues import statistics_from_wave

    wave = np.sin(2 * np.pi * PULSE_BPM / 60 * np.arange(256) / 30)
    return tuple(value for name, value in statistics_from_wave(wave, 30.0).items() if name.startswith("lag_"))


def _trained_share() -> float:
    """Percentage of all numbers of `small()`, language model included, that the second stage trains."""
    from rppg_core.models.physllm import PhysLLM, PhysLLMConfig  # torch: slow, so not at import

    network = PhysLLM(PhysLLMConfig.small())
    counts = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    trained = sum(counts.values()) - counts["encoder"]
    return 100 * trained / (sum(counts.values()) + sum(p.numel() for p in network.language.body.parameters()))


def _numbers_of_the_changes() -> int:
    from rppg_core.models.physllm import PhysLLM, PhysLLMConfig

    network = PhysLLM(PhysLLMConfig.small())
    return sum(p.numel() for p in network.language.parameters())


def _worth_of_words() -> tuple[float, float]:
    own, other = LANGUAGE_TABLE["pre-trained"]["all"], LANGUAGE_TABLE["pre-trained"]["shuffled"]
    return float(np.mean(own) - np.mean(other)), float(max(own) - min(own))


QUESTIONS = {
    "scene_for_a_network": Question(
        asks="Six faces, filmed in four scenes. Where does a network that was trained on cells of skin lose the "
        "pulse?",
        right="where dark skin meets dim light",
        because="Motion moves cells alike, and the network has projections against that. In dim light few grey "
        "levels "
        "are left to carry the pulse, and noise is as strong as ever.",
        wrong={
            "where the head moves a lot": "That ruins many methods, but this one reads projections, which cancel "
            "most of it.",
            "in all three hard scenes alike": "The scenes differ in kind: only one of them takes the signal "
            "itself away.",
        },
    ),
    "form_of_the_pulse": Question(
        asks="A language model reads words. In which form does it get the pulse here?",
        right="as rows of numbers, as wide as the rows of its words",
        because="Inside, a word is a row of a table. A row of the same width can stand among those of words, "
        "wherever "
        "it comes from.",
        wrong={
            "as numerals, digit by digit": "256 samples would be a thousand words; nothing is written out here.",
            "as a picture of the curve": "This model has no input for pictures.",
            "not at all: it reads only the texts": "Then it could not write a pulse of this very face.",
        },
    ),
    "first_stage_in_the_second": Question(
        asks="While the language part trains, what happens to the weights of the encoder?",
        right="nothing, they are frozen",
        because="The second stage starts from a finished rough pulse. So whatever it gains or loses is due to the "
        "parts behind the encoder.",
        wrong={
            "they follow, with a smaller step": "Then the rough pulse would be a moving target for all that "
            "reads it.",
            "they start anew from random ones": "Then there would be no rough pulse to begin with.",
        },
    ),
    "four_faces_in_another_order": Question(
        asks="In most released files the average runs over the faces of a batch and not over time. The same "
        "four faces "
        "come in another order. What happens to the pulse of each face?",
        right="it becomes another wave",
        because="Each face is mixed with those before it, so its wave depends on who they are. An answer must not "
        "depend on the company it is read in.",
        wrong={
            "it only moves to another row": "That would hold if each face were treated on its own.",
            "its size changes, and nothing else": "What is mixed in is no factor but a piece of somebody else's "
            "pulse.",
        },
    ),
    "weights_behind_the_tokens": Question(
        asks="PatchHead turns each of the 32 signal tokens into its own 16 samples. FlatHead turns 64 tokens at once "
        "into all 256. Tokens are 128 wide. How many times more weights has FlatHead?",
        right="about 900 times",
        because="It has one weight for each pair of a number in 64 x 128 and a sample, 2.1 million; the other has "
        "one set of 128 x 16 for all tokens.",
        wrong={
            "twice, as it reads twice as many tokens": "That would hold if all tokens shared one small set of "
            "weights.",
            "about 16 times": "Count pairs of an input and an output, and mind that one head shares its weights.",
        },
    ),
    "step_behind_two_gates": Question(
        asks="Both gates start at zero, as in the released code. After the first step of the training, which numbers "
        "of the attention blocks and gates have moved?",
        right="those of one gate only",
        because="The gate g2 multiplies everything, so at zero it hides all that stands behind it. Only g2 has a "
        "gradient, and with g1 at zero the second block waits for one step more.",
        wrong={
            "all of them": "A gradient is multiplied by whatever stands between a number and the output.",
            "those of both gates, but not the blocks": "One of the gates stands behind the other.",
        },
    ),
    "names_dealt_anew": Question(
        asks="Each patch of the pulse has a nearest word. Now the names are dealt to other rows of the table at "
        "random. "
        "What happens to the nearness of the nearest?",
        right="it stays what it is, under another name",
        because="Nearness is an angle between rows, and no row has moved. A list of nearest words cannot show that "
        "words mean anything here.",
        wrong={
            "it falls, because wrong words are further off": "The names are labels; which numbers do the angles "
            "depend on?",
            "it falls for some words and rises for others": "No row moves when only its name is exchanged.",
        },
    ),
    "lags_in_the_released_code": Question(
        asks="The released code looks for periods at the highest values of the autocorrelation. Which three "
        "lags does it "
        "find first, for a pulse of 72 beats a minute at 30 frames a second?",
        right="0, and one frame to either side",
        because="A wave resembles itself most when it is not shifted at all, and nearly as much when it is shifted "
        "by a frame.",
        wrong={
            "25, 50 and 75 frames": "Those are peaks, but there are values higher than these.",
            "24, 25 and 26 frames": "A whole beat later the wave is alike; it is still more alike somewhere else.",
        },
    ),
    "who_weighs_the_texts": Question(
        asks="Adaptive Prompt Learning mixes three texts with weights W. Do these weights depend on the face?",
        right="no, they are the same for everybody",
        because="W is a table that the training sets once. Only the attention inside each compressor depends on the "
        "words that it reads.",
        wrong={
            "yes, that is what adaptive means": "Look for an input of W: where would it come from?",
            "only the weight of the context": "One table holds the weights of all three, and it has no input.",
        },
    ),
    "texts_behind_the_pulse": Question(
        asks="The language model looks back only. What would the texts change in the pulse if their tokens "
        "stood behind "
        "those of the signal?",
        right="nothing at all",
        because="The pulse is written from the hidden states of the signal tokens, and these cannot see what comes "
        "after them.",
        wrong={
            "the last patches only": "Even the last patch stands before the first word of the texts.",
            "as much as before": "That holds for a model that looks in both directions.",
        },
    ),
    "way_around_the_reader": Question(
        asks="What of the encoder's pulse reaches the output without passing the language model?",
        right="two numbers, its mean and its size",
        because="They put the written wave back on its old scale. Its shape has to come through the tokens.",
        wrong={
            "the steadied wave, which is added at the end": "There is a switch for that, and it is off.",
            "the language model's errors are corrected by it": "Nothing compares the two inside the network.",
        },
    ),
    "text_of_somebody_else": Question(
        asks="Eight dim, restless faces. The trained network gets the texts of another face instead of their "
        "own: other "
        "light, other rate. How far does the written pulse move?",
        right="far less than a correlation can show",
        because="The wave passes through tokens of its own. A text that only says what the wave shows already has "
        "nothing to add, and training had no reason to use it.",
        wrong={
            "by some beats a minute, towards the other rate": "Then the words would outweigh the wave; look at the "
            "last two columns.",
            "it breaks down": "Texts of another face are as good English as one's own.",
        },
    ),
    "reader_that_learns_faster": Question(
        asks="Two small readers start from random weights behind a trained encoder: one around the frozen language "
        "model, one around a single attention layer. How good do they get in a minute, beside the wave they are "
        "given?",
        right="both stay behind it",
        because="Nothing goes past the reader, so it first has to learn to hand the wave through, and a minute is "
        "hardly enough for that.",
        wrong={
            "both soon beat it": "They begin with noise: the wave has to come out before it can come out cleaner.",
            "only the language model beats it": "What it knows is sentences about light; a wave is new to it, too.",
        },
    ),
    "pulse_of_a_picture": Question(
        asks="A photo of a face, moved before a camera: no blood. What does the program around the network show?",
        right="no rate, and a reason",
        because="The network writes a wave for any tokens. Whether a rate is shown is decided outside, by evidence "
        "that does not ask the network.",
        wrong={
            "a rate with a warning": "Below a confidence of 0.8 no rate is shown at all.",
            "a rate, since the wave is smooth": "Smoothness is the work of the head; it counts for nothing.",
        },
    ),
}

ANSWERS = {
    "blocks_of_the_maps": Answer(
        value=_blocks, within=0.01,
        hint="a third of the trunk, rounded up to a whole block; then two thirds; then all of it",
        traps=(((2.0, 5.0, 8.0), "thirds are rounded up, not down"),
               ((2.0, 4.0, 6.0), "those are the blocks of the trunk that ships; this one is longer")),
    ),
    "average_of_a_spike": Answer(
        value=lambda: (1.0, 0.2, 0.04), within=0.001,
        hint="the newest sample counts 0.8; what is left of the average before it?",
        traps=(((1.0, 0.8, 0.64), "0.8 is the weight of the newest sample, not of the old average"),
               ((0.8, 0.16, 0.032), "the first average is the first sample itself")),
    ),
    "tokens_of_a_wave": Answer(
        value=lambda: (32.0, 38.0), within=0.01, unit="tokens",
        hint="one token begins every hop, as long as there are samples left for it to begin at",
        traps=(((16.0, 19.0), "neighbours overlap by half"), ((31.0, 37.0), "the wave is made longer by one hop"),
               ((32.0, 37.5), "a token that begins is a whole token")),
    ),
    "numbers_of_the_mixture": Answer(
        value=lambda: tuple(float(PROTOTYPES * (words + 1)) for words in (WORDS, WORDS_OF_THE_PAPER)),
        unit="numbers",
        hint="each prototype has one weight for each word, and one number that is added",
        traps=((tuple(float(PROTOTYPES * words) for words in (WORDS, WORDS_OF_THE_PAPER)),
                "nearly: each prototype also has one number that is added"),),
    ),
    "lags_of_a_pulse": Answer(
        value=_lags, within=0.01, unit="frames",
        hint="how long is a beat, and which of its multiples are still slower than nothing in the band?",
        traps=(((20.0,), "a wave is alike again after two beats, too"),
               ((20.0, 40.0, 60.0), "one of these would be a rate below 39")),
    ),
    "numbers_of_the_changes": Answer(
        value=_numbers_of_the_changes, unit="numbers",
        hint="first one projection: its two thin matrices; then count projections, two in each layer",
        traps=((8 * 128 * 8, "each change has two thin matrices"),
               (8 * 128 * 128, "those are the whole matrices, without the saving")),
    ),
    "trained_percentage": Answer(
        value=_trained_share, within=0.5, unit="%",
        hint="the second stage trains everything but two parts; one of the two is not registered as a part",
        traps=((0.0, "a fraction of one is not wanted, and something is trained"),),
    ),
    "worth_of_words": Answer(
        value=_worth_of_words, within=0.0006,
        hint="first means over seeds, then their difference; for the second value one row is enough",
    ),
    "tokens_of_three_seconds": Answer(
        value=lambda: 12.0, within=0.01, unit="tokens",
        hint="three seconds at 30 Hz; a token begins every eight samples",
        traps=((11.0, "the last token begins before the wave ends"), (6.0, "neighbours overlap by half")),
    ),
}  # fmt: skip
