"""Questions and known answers for notebook 01, pulse from colour."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float

from rppg_core.classical import green, pos
from rppg_core.course.answers import Answer, Question
from rppg_core.lab.protocols.stress.lab import stress_lab
from rppg_core.lab.simulate.portrait import load_portrait
from rppg_core.lab.simulate.scene import tone_curve
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.skin import PULSE_COLOUR, TONES, skin_colour
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import waveform_r
from rppg_core.signals.spectrum import heart_rate_from_bvp
from rppg_core.types import FS, RgbTrace, Truth
from rppg_core.video.prepare import resample

VIEWS = np.array([[3, -2, 0], [1.5, 1, -1.5], [0, 1, -1], [-2, 1, 1]])  # X, Y, S1, S2 of red, green, blue
SKIN, BLOOD = 255 * skin_colour(*TONES[1]), np.array(PULSE_COLOUR) / PULSE_COLOUR[1]
LUMA = np.array([0.2126, 0.7152, 0.0722])
SATURATIONS = (100, 50, 20, 10, 5, 2, 1)
LIGHTS = (1.0, 0.5, 0.2, 0.1, 0.05)


@cache
def _truth() -> Truth:
    return simulate_traces(SimulationSettings(hr_bpm=72.0, seconds=20.0, seed=1))[1]


def _nodding(percent: float, *, nod_bpm: float = 108.0, strength: float = 1.0) -> RgbTrace:
    """The notebook's model of a face that nods, with a pulse of `strength` times 0.5 %."""
    truth = _truth()
    turn = 2 * np.pi * nod_bpm / 60 * truth.times_s
    body = SKIN * (1 - np.outer(0.005 * strength * truth.bvp, BLOOD))
    lamp, gloss = 1 + percent / 100 * np.sin(turn), 10 + 0.5 * percent * np.sin(turn - 1)
    return RgbTrace(lamp[:, None] * (body + gloss[:, None]) + _noise(), FS)


def _noise() -> Float[np.ndarray, "time 3"]:
    return 0.05 * np.random.default_rng(0).standard_normal((len(_truth().times_s), 3))


def _relative(colour: Float[np.ndarray, "time 3"]) -> Float[np.ndarray, "time 3"]:
    return colour / colour.mean(axis=0) - 1


def _lead_of_pos() -> float:
    found = [stress_lab().cell("motion", 12, method) for method in ("pos", "green")]
    return found[0]["r"]["mean"] - found[1]["r"]["mean"]


def _optics() -> Float[np.ndarray, " 3"]:
    """Relative change of red, green and blue for 5 % more blood."""
    melanin, share = TONES[1]
    return skin_colour(melanin, 1.05 * share) / skin_colour(melanin, share) - 1


def _lamp_only() -> Float[np.ndarray, "time 3"]:
    return np.linspace(0.99, 1.01, 5)[:, None] * (SKIN + 10)


def _arrow_of_gloss() -> Float[np.ndarray, " 3"]:
    moved = _relative(SKIN + 10 + 120 * np.linspace(-0.01, 0.01, 5)[:, None])[-1]
    return moved / np.linalg.norm(moved)


def _alpha() -> float:
    x, y = VIEWS[:2] @ _relative(_nodding(2.0).samples[:48]).T
    return float(x.std() / y.std())


def _pulse_of_the_photo() -> float:
    """What 0.5 % of blood takes from green of the finished video. Unit: grey levels."""
    face = load_portrait(size=128)
    weight = face.skin.face / face.skin.face.sum()
    levels = [
        (
            tone_curve(face.body * (1 - blood * BLOOD) + face.highlights[..., None], 1 / 2.4)[..., 1] * weight
        ).sum()
        for blood in (0.0, 0.005)
    ]
    return float(levels[0] - levels[1])


def _colour_for_pos() -> float:
    colourful = _nodding(1.0).samples - _noise()
    grey = (colourful @ LUMA)[:, None]
    for left in sorted(SATURATIONS):
        trace = RgbTrace(grey + left / 100 * (colourful - grey) + _noise(), FS)
        if waveform_r(_truth().bvp, pos(trace), FS) > 0.8:
            return float(left)
    raise AssertionError("POS follows no nodding face")


def _r_of_tone(tone: int, light: float, seed: int) -> float:
    settings = SimulationSettings(
        tone=tone, exposure=light, scale_with_melanin=True, noise=2.0, seconds=10.0, seed=seed
    )
    clip, known = simulate_traces(settings)
    even = resample(clip)
    return waveform_r(
        np.interp(even.times_s, known.times_s, known.bvp), pos(RgbTrace(even.roi("skin"), FS)), FS
    )


def _light_for_pos() -> tuple[float, ...]:
    """The least light with a median r of 0.8 for tones 0, 3 and 5."""
    return tuple(
        min(
            light
            for light in LIGHTS
            if np.median([_r_of_tone(tone, light, seed) for seed in range(5)]) >= 0.8
        )
        for tone in (0, 3, 5)
    )


def _nod_that_wins() -> float:
    """Smallest nod at which GREEN no longer follows a pulse of 1 %."""
    true_bpm = _truth().hr_bpm.mean()
    for percent in np.arange(0.5, 2.01, 0.25):
        if abs(heart_rate_from_bvp(green(_nodding(percent, strength=2.0)), FS) - true_bpm) > 10:
            return float(percent)
    raise AssertionError("GREEN follows a pulse of 1 % through every nod")


def _green_minus_red() -> Float[np.ndarray, " time"]:
    change = _relative(_nodding(2.0).samples)
    return change[:, 0] - change[:, 1]


QUESTIONS = {
    "channel_of_blood": Question(
        asks="The skin holds a little more blood. Which channel gets darker, relative to its own level?",
        right="green and blue much, red little",
        because="Blood is red because it lets red pass. It swallows green and blue, so these are what it changes.",
        wrong={
            "red only: blood is red": "Blood looks red because it sends red back, so red is what more blood changes "
            "least.",
            "all three alike": "A dimmer lamp does that; a pigment takes some colours and lets others pass.",
        },
    ),
    "brighter_lamp": Question(
        asks="The lamp gets 1 % brighter. Red is about 139, green 96, blue 68. What happens to the three numbers?",
        right="each rises by the same percentage",
        because="Light is a factor. So if we divide each channel by its own mean, the lamp moves all three alike, "
        "whatever the colour of the skin.",
        wrong={
            "each rises by the same number of grey levels": "Then dark channels would gain as much as bright ones, "
            "but more light multiplies what is there.",
            "only the brightest rises": "A white lamp shines in all three colours, so no channel is left out.",
        },
    ),
    "push_of_gloss": Question(
        asks="The lamp pushes along (1, 1, 1). Gloss adds the same number of grey levels to every channel. Where "
        "does it push most?",
        right="blue, the darkest channel of skin",
        because="Ten grey levels are a small part of a red of 139 and a large part of a blue of 68: after the "
        "division white light looks blue on skin.",
        wrong={
            "red, the brightest channel of skin": "Red gets ten levels as well, but beside its own mean of 139 they "
            "are little.",
            "all alike": "In grey levels, yes; but each channel is then divided by its own mean.",
        },
    ),
    "rate_on_a_nod": Question(
        asks="The pulse swings green by half a percent, the nod by two. Which rate does GREEN report?",
        right="108, the nod",
        because="GREEN cannot tell one darkening from another. The heart rate is read from the strongest line, and "
        "the nod is about three times as strong.",
        wrong={
            "72, the heart": "The heart is in the trace, but GREEN reports whatever changes the skin most.",
            "90, between the two": "A spectrum keeps two rhythms apart; it reports one of them, not their mean.",
        },
    ),
    "cause_without_x_and_y": Question(
        asks="X and Y were made so that both miss one cause. Multiply in your head: which one, if light skin's gloss "
        "pushes (R, G, B) by about (0.5, 0.7, 1)?",
        right="gloss",
        because="3 x 0.5 - 2 x 0.7 is close to 0, and so is 1.5 x 0.5 + 0.7 - 1.5 x 1. The lamp, (1, 1, 1), gives 1 "
        "in both: it is seen by both alike.",
        wrong={
            "blood": "Blood is what both have to show; a method that missed it would have nothing to report.",
            "lamp": "Put in (1, 1, 1): X is 3 - 2, and that is not 0.",
        },
    ),
    "weights_that_sum_to_zero": Question(
        asks="Each of the two views has weights that sum to zero: 1 - 1, and 1 + 1 - 2. What follows?",
        right="the lamp is seen by neither",
        because="The lamp pushes all channels alike, and a common push times weights that sum to zero is zero. No "
        "tuning is needed, and no skin colour has to be known.",
        wrong={
            "the mean of the clip is zero": "That comes from the division by the mean, whatever the weights are.",
            "blood is seen by neither": "Blood pushes the three channels by different amounts, and these do not "
            "cancel.",
        },
    ),
    "nod_that_takes_over": Question(
        asks="The pulse has a standard deviation of 0.5 %. At which strength of the nod does GREEN jump to 108?",
        right="between 0.5 and 1 %",
        because="GREEN reports whichever is stronger. A sine of 0.7 % has a standard deviation of 0.5 %: there, nod "
        "and pulse are level.",
        wrong={
            "about 0.1 %": "A nod as small as this is far weaker than the pulse, and the strongest line wins.",
            "only above 5 %": "There the nod is several times as strong as the pulse; the two were level much "
            "earlier.",
        },
    ),
    "channel_in_strong_light": Question(
        asks="The light gets too strong. In which channel does the pulse of skin vanish first?",
        right="red",
        because="Skin is brightest in red, so red reaches 255 first. A pixel at 255 stays at 255 with or without "
        "blood.",
        wrong={
            "green": "Green carries most of the pulse, but another channel of skin is closer to the ceiling of 255.",
            "blue": "Blue is the darkest channel of skin, so it has the most room below 255.",
            "in all at once": "The three channels of skin differ in brightness, so they do not arrive together.",
        },
    ),
    "pos_without_colour": Question(
        asks="What is left of POS when red = green = blue?",
        right="zero",
        because="G - B and G + B - 2R are differences of equal numbers. POS uses nothing but differences.",
        wrong={
            "the same as GREEN": "GREEN looks at one channel; put three equal numbers into the views of POS.",
            "only the gloss": "POS sees gloss because it pushes the channels apart, and here they are equal.",
        },
    ),
    "pulse_of_dark_skin": Question(
        asks="The same blood in the same good light: how does the pulse of very dark skin differ in the video?",
        right="it is smaller, and there is less light to see it by",
        because="Melanin takes light on the way in and again on the way out, so the blood has less light to change. "
        "What the surface reflects stays the same.",
        wrong={
            "it is absent": "Some light still reaches the blood and returns, so there is a pulse to be seen.",
            "it is the same": "The blood is the same, but the light passes the pigment above it twice.",
        },
    ),
    "light_in_the_colour_of_blood": Question(
        asks="Light of 2 % swings at 108 a minute. Its colour goes from white to the colour of the pulse. Which "
        "method falls first, and what does the other do in the end?",
        right="POS falls first, and in the end both are wrong",
        because="POS is blind to white light and to nothing else, and this light is not white any more. Once it has "
        "the very colour of blood, no mixture of three channels can tell the two apart.",
        wrong={
            "POS falls first, and CHROM holds to the end": "The first half is right; now think of the very end, "
            "where the light has the colour of blood.",
            "CHROM falls first, and POS holds to the end": "POS is blind to white light alone, and this light "
            "leaves white with the first step.",
        },
    ),
}

ANSWERS = {
    "lead_of_pos_in_motion": Answer(
        value=_lead_of_pos, within=0.005,
        hint="the same line with another method's name gives the other r; then take the difference",
        traps=((0.93, "that is the r of POS alone"),),
    ),
    "pulse_colour_of_the_optics": Answer(
        value=lambda: _optics() / _optics()[1], within=0.01,
        hint="relative to green means that green itself becomes 1: what must all three be divided by?",
    ),
    "relative_change_of_lamp": Answer(
        value=lambda: _relative(_lamp_only()), within=1e-6,
        hint="the mean over time is one number per channel: which axis of the array is time?",
    ),
    "arrow_of_gloss": Answer(
        value=_arrow_of_gloss, within=0.005,
        hint="a row has three numbers; its length is one number, and -1 is the index of the last row",
    ),
    "green_minus_red": Answer(
        value=_green_minus_red, within=1e-6,
        hint="`relative` gives one column per channel; blood makes green fall more than red, so mind the sign",
    ),
    "alpha_of_the_first_window": Answer(
        value=_alpha, within=0.005,
        hint="cut the first 48 frames before you take `relative`; transposed, they unpack into red, green and blue",
    ),
    "what_views_see_of_lamp": Answer(
        value=lambda: tuple(float(part) for part in VIEWS @ np.ones(3)), within=0.01, unit="%",
        hint="such a lamp changes R, G and B by the same amount; what do the four formulas make of it?",
        traps=(((0, 0, 0, 0), "that is true of POS; what do the weights of X add up to, and those of Y?"),
               ((0, 0, 1, 1), "the other way round: weights that add up to zero cancel the lamp")),
    ),
    "nod_that_beats_a_strong_pulse": Answer(
        value=_nod_that_wins, within=0.01, unit="%",
        hint="read GREEN's rate for each strength in turn, as `at_nod` does, with the stronger blood",
        traps=((0.75, "that is where GREEN loses the pulse of 0.5 %; pass blood=2 * blood"),),
    ),
    "pulse_in_grey_levels": Answer(
        value=_pulse_of_the_photo, within=0.01, unit="grey levels",
        hint="`filmed` gives red, green and blue; call it without blood and with it, and compare the middle ones",
        traps=((0.0, "take more digits: the difference is less than one level"),),
    ),
    "colour_that_pos_needs": Answer(
        value=_colour_for_pos, within=0.1, unit="%",
        hint='go through `saturations` and `r["POS"]` together, and keep those above the limit',
        traps=((10, "there r is already below the limit"), (50, "a smaller one is still above the limit")),
    ),
    "light_that_pos_needs": Answer(
        value=_light_for_pos, within=0.001,
        hint="for each tone, keep the lights whose median reaches the limit, and take the smallest",
    ),
    "r_of_pos_near_the_heart": Answer(
        value=lambda: waveform_r(_truth().bvp, pos(_nodding(4.0, nod_bpm=76.0)), FS), within=0.01,
        hint="`waveform_r` compares two waves: the true pulse, and what POS makes of the slower nod",
    ),
}  # fmt: skip
