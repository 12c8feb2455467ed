"""Questions and known answers for notebook 14, TAST-Net, and the numbers that the notebook cites."""

from __future__ import annotations

import math

import numpy as np

from rppg_core.course.answers import Answer, Question

# molar extinction of haemoglobin with and without oxygen, cm-1/M; bands are means of the values every 10 nm
# Source: compilation of Prahl 1999 (omlc.org/spectra/hemoglobin)
EXTINCTION = {
    "660 nm": (319.6, 3226.56),
    "940 nm": (1214.0, 693.44),
    "red": (1055.7, 6732.9),  # 600 to 660 nm
    "green": (41085.7, 43785.7),  # 520 to 580 nm
    "blue": (29780.0, 18360.0),  # 460 to 500 nm
}
# bias, limits of agreement and RMSE that the authors report, in points of SpO2
REPORTED = {"PURE": (0.16, -0.84, 1.16, 0.53), "VIPL-HR": (0.06, -1.58, 1.71, 0.84)}
RMSE_AND_R = 0.84, 0.82  # on VIPL-HR, as reported

# (RMSE in points of SpO2, r) of each of three seeds; NaN: not trained so far
NOT_YET = ((math.nan, math.nan),) * 3
PARTS_TABLE: dict[str, tuple[tuple[float, float], ...]] = {
    "whole": NOT_YET,
    "cnn only": NOT_YET,
    "vivit only": NOT_YET,
    "no trend": NOT_YET,
    "trend over time": NOT_YET,
    "raw only": NOT_YET,
    "magnified only": NOT_YET,
    "no mask": NOT_YET,
}
PARTS_BESIDE = {"red over green": (math.nan, math.nan), "constant": (math.nan, math.nan)}  # same people
PARTS_DATA = "no numbers so far; simulated people of every camera; one dot per seed"

SATURATION = 0.9  # of an exercise
PULSE, NOISE, FACTOR = 0.5, 0.2, 120.0
FEATURES, GATES = np.array([2.0, -1.0]), np.array([0.0, np.log(3.0)])
TRUE, FOUND = np.array([96.0, 97.0, 98.0]), np.array([90.0, 91.0, 92.0])
TOLD, KNOWN, LATER = np.array([94.0, 95.0]), np.array([97.0, 98.0]), np.array([92.0, 96.0])


def _absorption_at_90() -> float:
    with_oxygen, without = EXTINCTION["660 nm"]
    return SATURATION * with_oxygen + (1 - SATURATION) * without


def _share_of_the_ellipse() -> float:
    from rppg_core.models.tastnet.pictures import FACE_ASPECT
    from rppg_core.video.clip import SQUARE_WIDTHS

    return math.pi * FACE_ASPECT * (0.5 / SQUARE_WIDTHS) ** 2


def _tokens_of_the_paper() -> np.ndarray:
    from rppg_core.models.tastnet.config import TastNetConfig

    config = TastNetConfig.paper()
    return np.array([(config.side / config.tubelet_px) ** 2, config.slots])


def _losses_of_a_shift() -> np.ndarray:
    from rppg_core.models.tastnet.loss import SPREAD

    return np.array([(((FOUND - TRUE) / SPREAD) ** 2).mean(), 1 - np.corrcoef(TRUE, FOUND)[0, 1]])


def _share_of_attention() -> float:
    """Per cent of all numbers."""
    from rppg_core.models.weights import create_model

    model = create_model("tastnet")
    branch = model.get_submodule("branches.vivit")
    return 100 * sum(p.numel() for p in branch.parameters()) / sum(p.numel() for p in model.parameters())


def _spread_of_the_labels() -> float:
    error, r = RMSE_AND_R
    return error / math.sqrt(1 - r**2)


QUESTIONS = {
    "red_of_one_point": Question(
        asks="Somebody's SpO2 falls from 97 to 96 %. By how much does the swing of red, from beat to beat, "
        "change on a cheek of a simulated face? A picture has 256 grey levels.",
        right="by a fiftieth of a grey level",
        because="Red swings by less than half a grey level, and one point changes this by a twentieth.",
        wrong={
            "by half a grey level": "That is about the whole pulse in red.",
            "by five grey levels": "Even the whole pulse of red is smaller than one grey level.",
            "not at all": "Blood with less oxygen does absorb more red.",
        },
    ),
    "carrier_of_oxygen": Question(
        asks="Which quantity of a clip depends on the oxygen in arteries, and on little else?",
        right="the size of the red pulse relative to that of another colour",
        because="Only arterial blood comes in beats, and light, distance and strength of the pulse cancel in a "
        "ratio.",
        wrong={
            "how red the face is": "That is pigment, light and camera, and the blood in veins, which does not beat.",
            "the heart rate": "A heart often beats faster with little oxygen, but also on stairs and before exams.",
            "the size of the pulse": "It follows vessels, temperature and light more than oxygen.",
        },
    ),
    "ratio_when_oxygen_falls": Question(
        asks="R is the relative pulse of red divided by that of green. What does it do when SpO2 falls?",
        right="it grows",
        because="Blood without oxygen absorbs several times more red, and about as much green as before.",
        wrong={
            "it falls": "That would need blood that absorbs less red without oxygen.",
            "it stays, as both pulses shrink": "They do not change alike: red changes most.",
            "that depends on the strength of the pulse": "The strength is the same for both, and cancels.",
        },
    ),
    "gain_of_one_colour": Question(
        asks="White balance multiplies all red values of a clip by 1.12 and all blue ones by 0.88. What "
        "happens to the ratio of ratios?",
        right="nothing",
        because="Pulse and level of a colour grow by the same factor, which cancels.",
        wrong={
            "it grows by 12 %": "The pulse does, but so does the level that it is divided by.",
            "it grows by 27 %": "1.12 / 0.88 would be the change of the ratio of the levels alone.",
            "it cannot be computed any more": "It can, as long as no value is cut off at 255.",
        },
    ),
    "noise_in_a_swing": Question(
        asks="White noise is added to all colours of a clip whose red pulse is weak. The swing of each colour "
        "is taken as a standard deviation in a narrow band. What does the noise do to the swing of red, "
        "on average?",
        right="makes it larger",
        because="Squares add up: noise inside the band counts as swing. A product with green does not do that.",
        wrong={
            "makes it smaller": "A standard deviation of a sum of independent parts is never below that of one part.",
            "nothing, as noise has mean zero": "Its square does not.",
            "nothing, as it is outside the band": "White noise is at all frequencies, inside the band as well.",
        },
    ),
    "part_that_is_left_alone": Question(
        asks="A pyramid of four levels holds the details of a picture; what is left, a small blurred picture, "
        "is the residual. All levels are magnified 120 times and the residual is not. How much does a "
        "pulse grow that is the same all over the picture?",
        right="not at all",
        because="What is the same everywhere has no details. All of it is in the residual.",
        wrong={
            "120 times": "That would need a pulse that lies in the levels.",
            "four fifths of 120 times": "A pulse is not shared out evenly between levels and residual.",
            "121 times, as the picture itself is added": "That is the gain where the residual is magnified, too.",
        },
    ),
    "border_that_moves": Question(
        asks="A mask follows the landmarks of the face, and moves up and down by a tenth of a pixel in the "
        "rhythm of the heart. What does that do?",
        right="it adds a swing in the band of the pulse",
        because="At a border between hair and skin, a little more and a little less hair counts with every beat.",
        wrong={
            "nothing, as it is less than a pixel": "Weights at the border change by a tenth of a pixel's share.",
            "it changes the level, not the swing": "The level moves in the rhythm of the mask: that is a swing.",
            "magnification removes it": "It lies inside the band, so it is magnified with the pulse.",
        },
    ),
    "reach_in_time": Question(
        asks="A window lasts 10 s. One pixel of one frame is changed. In which branch can all moments of the "
        "features change, even without its normalisation?",
        right="only in the one with attention",
        because="Convolutions reach a second or two to either side; attention relates every slot to all others.",
        wrong={
            "only in the one with convolutions": "Each of their layers reaches a few samples, and there are seven.",
            "in both": "Leave the normalisation aside: then a convolution knows its neighbourhood alone.",
            "in none, a pixel is one sample": "A feature that includes this sample changes with it.",
        },
    ),
    "limit_of_the_output": Question(
        asks="The output is 70 + 30 · sigmoid(y). A patient's SpO2 is 62 %. How wrong is the network at least?",
        right="by more than 8 points",
        because="The sigmoid stays above 0, so the output stays above 70, whatever the picture.",
        wrong={
            "not at all, with the right weights": "No weights make the sigmoid negative.",
            "by 30 points": "That would be an output above 90, which is not the nearest possible one.",
            "by the RMSE of the training": "An error on usual people says nothing on values beyond the bound.",
        },
    ),
    "course_without_change": Question(
        asks="SpO2 is the same for all ten seconds of a window. What is the correlation of the ten outputs "
        "with it?",
        right="it is not defined",
        because="A label without change has a standard deviation of 0, and that is divided by.",
        wrong={
            "1, if all outputs are right": "Then both are constant, and it is 0 divided by 0.",
            "0": "0 is what independent courses tend to; here there is no course to compare with.",
            "-1": "That needs outputs that fall where the label rises.",
        },
    ),
    "answer_without_a_pulse": Question(
        asks="TAST-Net writes no waveform. What can therefore not be checked on its answer for a clip?",
        right="whether it rests on a pulse",
        because="A rate or a wave could be compared with other methods. A percentage alone looks the same for a "
        "photo.",
        wrong={
            "whether it lies between 70 and 100": "It always does, by its formula.",
            "whether the clip is long enough": "That is checked before any network runs.",
            "nothing is lost, as SpO2 needs no pulse": "The ratio of ratios is made of two pulses.",
        },
    ),
    "two_small_networks": Question(
        asks="Two equal networks are trained for some seconds. In one set of people the pulse of one camera "
        "tells SpO2. In the other set every camera differs, but SpO2 follows the tone of the skin. Which "
        "of them will have the smaller error on new people of its own set?",
        right="that of the second set",
        because="The brightness of a face is hundreds of times larger than its pulse, and easier to learn.",
        wrong={
            "that of the first set": "It has to find a ratio of two tiny swings; brightness is in every pixel.",
            "both alike, they are the same network": "The same network, but one task is far easier.",
            "neither learns anything in seconds": "Both do; look at the constant beside them.",
        },
    ),
    "average_of_everybody": Question(
        asks="Healthy people have an SpO2 of 97 ± 1.5 %. A limit for oximeters is an RMSE of 4 points. An app "
        "always says 97. Is its RMSE on these people below the limit?",
        right="yes, by far",
        because="Its RMSE is the spread of the people. The limit is meant for tests on people from 70 to 100 %.",
        wrong={
            "no, it has learned nothing": "True, it has not, but the limit does not ask for that.",
            "no, as its correlation is not 1": "It has no correlation at all, but the limit does not ask for one.",
            "only if everybody has exactly 97": "A spread of 1.5 points is still far below 4.",
        },
    ),
    "same_minute_twice": Question(
        asks="Windows are dealt at random into training and test, so that the same minute of the same face is "
        "in both. An estimator knows which face it is and nothing of its colours. How does it do on the "
        "test?",
        right="better than a ratio of ratios on new people",
        because="Within a minute SpO2 hardly moves, so the face alone says what the other windows of it had.",
        wrong={
            "like the constant": "The constant knows no faces; this one knows the mean of each.",
            "worse than the constant": "Means of single people are nearer to their windows than the mean of all.",
            "perfectly": "Within the minute SpO2 rises and falls a little, and it does not know when.",
        },
    ),
    "face_without_its_pulse": Question(
        asks="A network reads 93 % from a clip. Then everything between 30 and 240 per minute is removed from "
        "it, and the network still reads 93 %. What follows?",
        right="its number does not rest on the pulse",
        because="What was removed holds all that a ratio of ratios is made of.",
        wrong={
            "it is robust": "To noise that would be good. But here the signal itself is gone.",
            "the pulse was weak": "A weak pulse that is read still counts; this one was not read at all.",
            "93 % is right": "That may be, and for another reason, such as the mean of everybody.",
        },
    ),
    "variant_beside_the_mean": Question(
        asks="A variant has an RMSE of 5.4 points on other people, the constant has 5.5, and seeds differ by "
        "0.3. What has the variant learned about new people?",
        right="nothing that this shows",
        because="A difference that another seed makes as well is no result.",
        wrong={
            "a little, 0.1 points of oxygen": "Another seed changes more than that.",
            "as much as any method can": "Compare it with an estimator that knows the physics before you say so.",
            "that the part which was left out is useless": "A test in which nothing learns cannot rank parts.",
        },
    ),
    "same_noise_on_dark_skin": Question(
        asks="Two people have the same SpO2, the same relative pulse and the same noise in grey levels. One "
        "has very dark skin. Whose estimates scatter more?",
        right="those of the one with dark skin",
        because="All levels are lower, so the same relative pulse is fewer grey levels, against the same noise.",
        wrong={
            "those of the one with light skin": "More light comes back, so the pulse has more grey levels.",
            "both alike, as levels cancel in a ratio": "They cancel in its value, not in its noise.",
            "neither scatters, as the ratio is known": "Each window has noise of its own.",
        },
    ),
}

ANSWERS = {
    "absorption_at_90": Answer(
        value=_absorption_at_90, within=0.5, unit="cm-1/M",
        hint="nine tenths of one number, and what of the other?",
        traps=((0.1 * 319.6 + 0.9 * 3226.56, "nine tenths have oxygen"),
               ((319.6 + 3226.56) / 2, "the two shares are not equal")),
    ),
    "magnified_noise": Answer(
        value=lambda: np.array([(1 + FACTOR) * PULSE, (1 + FACTOR) * NOISE, PULSE / NOISE]), within=0.05,
        hint="the picture itself stays, and the factor times the band is added to it",
        traps=((np.array([FACTOR * PULSE, FACTOR * NOISE, PULSE / NOISE]), "the picture itself is kept, too"),
               (np.array([(1 + FACTOR) * PULSE, NOISE, (1 + FACTOR) * PULSE / NOISE]), "noise is in the band, too")),
    ),
    "share_of_the_ellipse": Answer(
        value=_share_of_the_ellipse, within=0.005,
        hint="what are the two half axes, in sides of the square?",
        traps=((4 * _share_of_the_ellipse(), "half axes, not axes"),
               (_share_of_the_ellipse() * 1.5**2, "relative to the square, which is 1.5 face widths wide")),
    ),
    "tokens_of_the_paper": Answer(
        value=_tokens_of_the_paper, within=0.1,
        hint="how many cubes lie side by side, in space and in time?",
        traps=((np.array([8.0, 32.0]), "along one side; a picture has two"),
               (np.array([64.0, 128.0]), "a cube lasts several samples")),
    ),
    "gated_features": Answer(
        value=lambda: FEATURES / (1 + np.exp(-GATES)), within=0.01,
        hint="put each number behind the gate through the sigmoid 1 / (1 + exp(-x)) first",
        traps=((FEATURES * GATES, "gates are between 0 and 1"),),
    ),
    "losses_of_a_shift": Answer(
        value=_losses_of_a_shift, within=0.01,
        hint="how far off is each value, in spreads? And do both series rise alike?",
        traps=((np.array([36.0, 0.0]), "in units of the spread, 4 points"),
               (np.array([2.25, 1.0]), "the trend is 1 - r, and here r is 1"),
               (np.array([1.5, 0.0]), "squared")),
    ),
    "share_of_attention": Answer(
        value=_share_of_attention, within=0.5, unit="%",
        hint="which of the entries of `counts` is it, and what is their sum?",
        traps=((_share_of_attention() / 100, "in per cent"),),
    ),
    "spread_of_the_labels": Answer(
        value=_spread_of_the_labels, within=0.02, unit="points",
        hint="solve the formula for the standard deviation, and take a root",
        traps=((0.84 / (1 - 0.82**2), "the formula has squares: take the root of 1 - r²"),
               (0.84 * math.sqrt(1 - 0.82**2), "the labels spread more than the errors")),
    ),
    "two_readings": Answer(
        value=lambda: LATER + (KNOWN - TOLD).mean(), within=0.01, unit="%",
        hint="by how much were the first two outputs too low, on average?",
        traps=((LATER - (KNOWN - TOLD).mean(), "the outputs were too low, so they move up"),
               (np.full(2, KNOWN.mean()), "that forgets what the network says later")),
    ),
}  # fmt: skip
