"""Questions and known answers for notebook 02, signal toolkit."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer, Question
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import evaluate
from rppg_core.roster import get_method
from rppg_core.signals.beats import hrv
from rppg_core.signals.spectrum import heart_rate_from_bvp, window_slices
from rppg_core.types import Beats
from rppg_core.video.prepare import resample

LAMP_HZ, CAMERA_FPS = 100.0, 24.7
ERRORS_BPM = np.array([0.4, -1.2, 31.0, 0.8, -2.0, 14.0, 0.2, -0.6])
CONFIDENCE = np.array([0.97, 0.91, 0.35, 0.88, 0.72, 0.81, 0.99, 0.80])


def _rmssd_at(fps: float) -> float:
    """RMSSD of the notebook's calm heart with beats rounded to frames."""
    person = Physiology(hr_bpm=66, rsa=0.02)
    beats_s = simulate_waves(person, np.arange(9000) / 30, np.random.default_rng(2)).beats_s
    rounded_s = np.round(beats_s * fps) / fps
    return hrv(Beats(rounded_s, np.diff(rounded_s))).rmssd_ms


def _rate_of_noise(low_hz: float, high_hz: float) -> float:
    stretches = np.random.default_rng(2).standard_normal((300, 300))
    rates = [heart_rate_from_bvp(part, 30.0, low_hz=low_hz, high_hz=high_hz) for part in stretches]
    return float(np.nanmedian(rates))


def _rate_of_the_minute() -> float:
    settings = SimulationSettings(hr_bpm=76.0, seconds=60.0, amplitude_percent=0.4, seed=3)
    bvp = get_method("pos").estimate(resample(simulate_traces(settings)[0], fs=30.0)).bvp
    assert bvp is not None, "POS gives a waveform"
    windows = window_slices(len(bvp.samples), bvp.fs)
    return float(np.median([heart_rate_from_bvp(bvp.samples[window], bvp.fs) for window in windows]))


def _coverage_and_error() -> tuple[float, float]:
    numbers = evaluate(np.zeros(8), np.where(CONFIDENCE >= 0.8, ERRORS_BPM, np.nan))
    return numbers["coverage"], numbers["mae"]


QUESTIONS = {
    "rates_of_a_plain_fft": Question(
        asks="Which heart rates between 60 and 90 bpm can a plain FFT of 128 frames at 30 fps give?",
        right="70 and 84, nothing else",
        because="128 frames are 4.27 s, and 60 / 4.27 s is 14 bpm. The multiples in this range are 70.3 and 84.4. A "
        "program that always says 70 or 84 has not found a steady heart: it cannot say anything between.",
        wrong={
            "all of them": "The plain FFT tests a fixed list of rates, with gaps between them.",
            "60, 65, 70 and so on": "The rates are evenly spaced, but a step of 5 bpm would take a window of 12 s.",
        },
    ),
    "window_for_a_wandering_heart": Question(
        asks="A heart wanders between 65 and 90 bpm within a minute. Which window is closest to its rate at each "
        "moment?",
        right="10 s",
        because="3 s are a few beats, and noise moves the crest by more than the heart does. 45 s average the "
        "changes away. Between the two lies a best length, and it depends on both the noise and the heart.",
        wrong={
            "3 s": "Three seconds hold three or four beats, and noise moves the crest by more than the heart does.",
            "45 s": "In 45 s the heart speeds up and slows down, and one number cannot say both.",
        },
    ),
    "rate_of_filtered_noise": Question(
        asks="We band-pass white noise to 0.7-1.2 Hz and read its heart rate. What comes out?",
        right="a rate between 42 and 72",
        because="Every segment of noise has some strongest line. If the band lets only resting heart rates through, "
        "the answer is a resting heart rate, every time.",
        wrong={
            "no rate: noise has no peak": "On average over many segments it has none, but each single one has a "
            "strongest rate.",
            "any rate from 0 to 240": "What lies outside the band has been removed, so it cannot be read.",
        },
    ),
    "rate_under_a_wrong_header": Question(
        asks="The header says 25 frames a second, the camera took 30. At what rate is a heart of 72 bpm read?",
        right="60 bpm",
        because="A beat of 0.83 s fills 25 frames at 30 fps. A program that assumes 25 fps takes these for one "
        "second. The error is a factor, claimed rate over true rate: 25 / 30 x 72 = 60.",
        wrong={
            "72 bpm": "The frames carry no time of their own, so the program cannot notice; it believes the header.",
            "86 bpm": "That is the other direction: does the program think that the beats lasted longer, or shorter?",
        },
    ),
    "first_loss_of_a_codec": Question(
        asks="We make an H.264 file coarser, step by step. What goes first?",
        right="the pulse",
        because="A pulse changes the skin by about one grey level or less. An encoder repeats a block of the last "
        "frame unless the change is larger than its step, and its step is larger than that long before edges suffer.",
        wrong={
            "the sharp edges": "Edges are what the eye looks for, so an encoder spends its bits on them.",
            "both at the same setting": "They differ in size: an edge is tens of grey levels, a beat about one.",
        },
    ),
    "breath_faster_than_the_beats": Question(
        asks="A swimmer at rest: 50 beats and 30 breaths a minute. What do intervals between beats say about the "
        "breath?",
        right="both, and nobody can tell which",
        because="One beat is one sample, so there are 50 samples a minute and nothing above 25 a minute can be told "
        "from its mirror image below: 50 - 30 = 20. It is the lamp and the camera again.",
        wrong={
            "30 a minute": "To be sure of this, each breath would need more than two beats, and there are fewer.",
            "20 a minute": "The intervals do look like it, but another rate of breathing gives just the same ones.",
        },
    ),
    "rmssd_of_rounded_beats": Question(
        asks="We know every beat exactly and round it to the nearest frame at 30 fps. The true RMSSD is 18 ms. "
        "What do we get?",
        right="about 30 ms",
        because="Rounding to steps d scatters each time by d / sqrt(12), here 10 ms. Three such times enter each "
        "difference, with weights 1, -2, 1. Their squares add up to 6: sqrt(6) x 10 = 24 ms, and "
        "sqrt(24² + 18²) = 30.",
        wrong={
            "18 ms: errors cancel": "They would in a mean, but RMSSD adds up squares, and squares do not cancel.",
            "about 100 ms": "Rounding moves a beat by 17 ms at most, which is too little for that.",
        },
    ),
    "higher_threshold": Question(
        asks="We raise the confidence that a number needs to be shown. What happens?",
        right="fewer numbers, better ones",
        because="Coverage, the share of people who get a number, can only fall. The error falls too if, and only if, "
        "the confidence knows something. So the two must always be reported together.",
        wrong={
            "fewer numbers, as good as before": "That would be a confidence that knows nothing; this one was fitted "
            "to errors.",
            "as many numbers, better ones": "A stricter gate turns somebody away.",
        },
    ),
    "correlation_with_wrong_clocks": Question(
        asks="What will the correlation between your rates and the true ones be?",
        right="above 0.9",
        because="Correlation asks whether fast hearts are read as faster than slow ones. Over a wide range of rates "
        "they are, even with an error of 17 % in every fifth file. It does not ask whether the numbers are right.",
        wrong={
            "below 0.6": "Four of five files are right, and the others still tell fast hearts from slow ones.",
            "about 0.8": "Compare an error of 17 % in every fifth file with hearts that differ by a factor of two.",
        },
    ),
    "cleanest_waveform": Question(
        asks="What is the cleanest of the 147 waveforms?",
        right="a lamp",
        because="A lamp that flickers 105 times a minute by 8 % of its light is steadier than any heart, and many "
        "times as strong as the pulse. GREEN follows the light, and light is what the lamp changes.",
        wrong={
            "POS on a still face in good light": "It is among the good ones, but a living heart is never quite "
            "regular, and that broadens its line.",
            "GREEN at 30 frames a second": "More frames do not make a heart more regular, so its line stays broad.",
        },
    ),
}

ANSWERS = {
    "bin_width": Answer(
        value=lambda: 60 / 10, within=0.01, unit="bpm",
        hint="the window must hold a whole number of cycles: how many bpm lie between 10 and 11 cycles?",
        traps=((0.1, "that is the width in Hz; a minute has 60 seconds"),
               (10.0, "that is the length of the window in seconds")),
    ),
    "lamp_rate": Answer(
        value=lambda: 60 * abs(LAMP_HZ - 4 * CAMERA_FPS), within=0.5, unit="per minute",
        hint="a camera sees a lamp at its distance from the nearest whole multiple of the frame rate",
        traps=((1.2, "right in Hz; the question asks for a rate per minute"),
               (60 * (LAMP_HZ - 3 * CAMERA_FPS), "another multiple of 24.7 lies closer to 100")),
    ),
    "mended_rate": Answer(
        value=lambda: 90 * 30 / 25, within=0.1, unit="bpm",
        hint="count the beats in 25 frames, then ask how long these frames really took",
        traps=((75.0, "the other way round: the frames took less time than assumed, so the heart beats faster"),
               (90.0, "the clock was wrong, so the rate is wrong as well")),
    ),
    "rmssd_at_60": Answer(
        value=lambda: _rmssd_at(60.0), within=0.05, unit="ms",
        hint="a frame lasts 1/60 s: how does the figure above round its beats?",
        traps=((18.2, "that is the RMSSD of the true beats: first round them to the frames"),),
    ),
    "noise_of_newborns": Answer(
        value=lambda: _rate_of_noise(1.3, 3.7), within=0.5, unit="bpm",
        hint="the list for `narrow`, with other edges; some parts may have no rate, so use a median that skips these",
        traps=((60 * (1.3 + 3.7) / 2, "the middle of the band is a good guess; now compute it"),),
    ),
    "rate_of_the_minute": Answer(
        value=_rate_of_the_minute, within=0.05, unit="bpm",
        hint="each window is a slice, so it cuts its part out of `wave`; read a rate from each part",
    ),
    "coverage_and_error": Answer(
        value=_coverage_and_error, within=0.005,
        hint="make a mask of who is shown: coverage is about all eight people, the error about those shown",
        traps=(((0.625, 3.32), "a reading is shown from 0.8 on, so use >=: 0.80 is shown as well"),
               ((0.75, 13.6 / 6), "errors of different sign cancel in a mean: take absolute values first"),
               ((0.75, 17.2 / 8), "divide by the number of people who got a number, not by all eight")),
    ),
}  # fmt: skip
