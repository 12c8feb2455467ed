"""Questions and known answers for notebook 02, signal toolkit."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from jaxtyping import Float

from rppg_core.analysis.pipeline import Analysis
from rppg_core.course.answers import Answer, Question
from rppg_core.figures.hr_track import track_pieces, true_rates
from rppg_core.lab.protocols.stress.lab import stress_lab
from rppg_core.lab.simulate.injection import inject
from rppg_core.lab.simulate.physiology import Physiology, simulate_waves
from rppg_core.lab.simulate.settings import SimulationSettings
from rppg_core.lab.simulate.traces import simulate_traces
from rppg_core.metrics import bland_altman, evaluate
from rppg_core.roster import get_method
from rppg_core.signals.spectrum import heart_rate_from_bvp, peak_hz, power_spectrum
from rppg_core.signals.windows import window_spectra
from rppg_core.types import FS, Bvp
from rppg_core.video.prepare import resample

SETTINGS = SimulationSettings(hr_bpm=76.0, seconds=60.0, amplitude_percent=0.4, seed=3)
LAMP_HZ, CAMERA_FPS = 100.0, 24.7
SKIN_LIGHT = np.array([0.45, 0.25, 0.18])
ERRORS_BPM = np.array([0.4, -1.2, 31.0, 0.8, -2.0, 14.0, 0.2, -0.6])
CONFIDENCE = np.array([0.97, 0.91, 0.35, 0.88, 0.72, 0.81, 0.99, 0.80])


def _pos_of(settings: SimulationSettings) -> Bvp:
    bvp = get_method("pos").estimate(resample(simulate_traces(settings)[0], fs=FS)).bvp
    assert bvp is not None, "POS gives a waveform"
    return bvp


def _rate_from_20_s() -> float:
    return heart_rate_from_bvp(_pos_of(SETTINGS).samples[600:900], FS)


def _errors_of_track() -> tuple[float, float]:
    """Of the shown windows of the notebook's heart after stairs: mean error of the track, and of one number."""
    photo, _ = simulate_traces(SimulationSettings(kind="photo", seconds=75.0, seed=8))
    course_bpm = np.interp(photo.times_s, [10, 40], [120, 75])
    alive, truth = inject(photo, 0.5, course_bpm, np.random.default_rng(8))
    held = (photo.times_s >= 40) & (photo.times_s < 60)
    clip = replace(alive, rgb=np.where(held[:, None, None], photo.rgb, alive.rgb))
    report = Analysis(clip).report(["pos"])
    vitals, true_bpm = report.consensus.vitals, true_rates(track_pieces(report), truth)
    assert vitals.hr.value is not None, "the clip has a heart rate"
    shown = [
        (window.reading.value, bpm)
        for window, bpm in zip(vitals.hr_track, true_bpm, strict=True)
        if window.reading.value is not None
    ]
    said, known = np.array(shown).T
    return float(np.abs(said - known).mean()), float(np.abs(vitals.hr.value - known).mean())


def _rate_of_noise(low_hz: float, high_hz: float) -> float:
    stretches = np.random.default_rng(2).standard_normal((300, 300))
    rates = [heart_rate_from_bvp(part, 30.0, low_hz=low_hz, high_hz=high_hz) for part in stretches]
    return float(np.nanmedian(rates))


def _line_at_108() -> float:
    """Power near 108 per minute relative to that near 72, of a heart at 36."""
    spectra = window_spectra(_pos_of(replace(SETTINGS, hr_bpm=36.0, seconds=30.0)))
    assert spectra is not None, "30 s are enough for spectra"
    at_108, at_72 = (spectra.between((bpm - 6) / 60, (bpm + 6) / 60).mean() for bpm in (108, 72))
    return float(at_108 / at_72)


def _hlg(light: Float[np.ndarray, " channel"]) -> Float[np.ndarray, " channel"]:
    """Grey level of hybrid log-gamma, 0..1; white paper at 0.265 of the peak."""
    scene = 0.265 * light
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene < 1 / 12, np.sqrt(3 * scene), log)


def _breath_of_swimmer() -> float:
    person = Physiology(hr_bpm=50, rr_brpm=30, rsa=0.05, mayer=0, drift=0, jitter=0)
    beats_s = simulate_waves(person, np.arange(1800) / 30, np.random.default_rng(1)).beats_s
    middles_s = (beats_s[1:] + beats_s[:-1]) / 2
    rhythm = np.interp(np.arange(2, 58, 0.25), middles_s, 60 / np.diff(beats_s))
    return 60 * peak_hz(power_spectrum(rhythm, 4.0), low_hz=0.1, high_hz=0.5)


def _sdnn_range() -> tuple[float, float]:
    """Lowest and highest SDNN of fifteen pieces of 20 s of the notebook's calm heart. Unit: ms."""
    person = Physiology(hr_bpm=66, rsa=0.02)
    beats_s = simulate_waves(person, np.arange(9000) / 30, np.random.default_rng(2)).beats_s
    pieces = [beats_s[(beats_s >= at_s) & (beats_s < at_s + 20)] for at_s in range(0, 300, 20)]
    sdnn_ms = [1e3 * np.std(np.diff(piece), ddof=1) for piece in pieces]
    return float(min(sdnn_ms)), float(max(sdnn_ms))


def _coverage_and_error() -> tuple[float, float]:
    numbers = evaluate(np.zeros(8), np.where(CONFIDENCE >= 0.8, ERRORS_BPM, np.nan))
    return numbers["coverage"], numbers["mae"]


def _limits() -> tuple[float, float, float]:
    """Bias and limits of agreement of the notebook's 40 people, a fifth of them with a wrong frame rate."""
    rng, pairs = np.random.default_rng(5), []
    for fps in np.where(np.arange(40) % 5 == 0, 25.0, 30.0):
        guest = simulate_waves(Physiology(hr_bpm=rng.uniform(50, 110)), np.arange(360) / 30, rng)
        signal = guest.bvp + 1.5 * rng.standard_normal(360)
        pairs.append((guest.hr_bpm.mean(), heart_rate_from_bvp(signal, fps)))
    found = bland_altman(*np.array(pairs).T)
    return found.bias, found.lower, found.upper


@cache
def _clean_and_wrong() -> float:
    """How many waveforms of the stress lab have an SNR above 0 dB and are more than 5 bpm off."""
    count = 0
    for moment in stress_lab().moments.values():
        for samples in moment.waves.values():
            spectra = window_spectra(Bvp(samples, FS, 0.0, np.ones(len(samples), bool)))
            assert spectra is not None, "the clips of the lab are long enough"
            off_bpm = abs(60 * spectra.rate_hz - moment.hr_bpm)
            count += spectra.snr_db(spectra.rate_hz) > 0 and off_bpm > 5
    return float(count)


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
    "seven_that_agree": Question(
        asks="Seven methods read 72 on a heart of 36, and all of them agree. Why?",
        right="the pulse has a line at 36 and one at 72, and only the second lies in the band",
        because="A pulse is not a sine wave, so it has lines at 36, 72, 108 and so on. The band begins at 39, and "
        "inside it the second line is the strongest. Agreement is no help: all seven look at the same band.",
        wrong={
            "they count the small second wave of every beat as a beat": "The small wave is there, but nobody counts "
            "waves here: the rate is read from a spectrum.",
            "72 is a usual rate, and they prefer it": "None of the seven knows what is usual; each reports the "
            "strongest line that it may see.",
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
    "stricter_gate": Question(
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
    "r_with_wrong_clocks": Question(
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
        asks="What is the cleanest of the 165 waveforms?",
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
    "rate_from_20_s_on": Answer(
        value=_rate_from_20_s, within=0.05, unit="bpm",
        hint="20 s are 600 samples: which slice of `wave` holds the next ten seconds?",
    ),
    "seconds_to_part_two_rates": Answer(
        value=lambda: 1.5 / (12 / 60), within=0.05, unit="s",
        hint="how many hertz apart are the two? Then solve 1.5 / T for T",
        traps=((1.5 / 12, "12 is in beats a minute; the rule is in hertz"),
               (5.0, "that is 1 / T; under a Hann window it takes half as much again")),
    ),
    "errors_of_the_track": Answer(
        value=_errors_of_track, within=0.02, unit="bpm",
        hint="go through `track` and `true_bpm` together and leave out readings that are None, for both means",
    ),
    "noise_of_newborns": Answer(
        value=lambda: _rate_of_noise(1.3, 3.7), within=0.5, unit="bpm",
        hint="the list of the cell above, with other edges; parts without a rate need a median that skips nan",
        traps=((60 * (1.3 + 3.7) / 2, "the middle of the band is a good guess; now compute it"),),
    ),
    "line_at_108": Answer(
        value=_line_at_108, within=0.005,
        hint="`people` holds the spectra; ask `power_near` twice, and divide",
        traps=((0.0, "that is the heart at 72; take the one at 36"),),
    ),
    "lamp_rate": Answer(
        value=lambda: 60 * abs(LAMP_HZ - 4 * CAMERA_FPS), within=0.5, unit="per minute",
        hint="a camera sees a lamp at its distance from the nearest whole multiple of the frame rate",
        traps=((1.2, "right in Hz; the question asks for a rate per minute"),
               (60 * (LAMP_HZ - 3 * CAMERA_FPS), "another multiple of 24.7 lies closer to 100")),
    ),
    "hlg_of_one_percent": Answer(
        value=lambda: 100 * (_hlg(1.01 * SKIN_LIGHT) / _hlg(SKIN_LIGHT) - 1), within=0.005, unit="%",
        hint="what is the level for 1.01 times the light, relative to the level before?",
    ),
    "breath_of_the_swimmer": Answer(
        value=_breath_of_swimmer, within=0.2, unit="breaths/min",
        hint="`rhythm` has 4 samples a second; the peak comes in Hz, and a minute has 60 seconds",
        traps=((30.0, "that is what the lungs did; read what the rhythm shows"),),
    ),
    "sdnn_of_short_pieces": Answer(
        value=_sdnn_range, within=0.1, unit="ms",
        hint="a mask over `calm.beats_s` cuts out a piece; its intervals are the differences of its beats",
    ),
    "coverage_and_error": Answer(
        value=_coverage_and_error, within=0.005,
        hint="make a mask of who is shown: coverage is about all eight people, the error about those shown",
        traps=(((0.625, 3.32), "a reading is shown from 0.8 on, so use >=: 0.80 is shown as well"),
               ((0.75, 13.6 / 6), "errors of different sign cancel in a mean: take absolute values first"),
               ((0.75, 17.2 / 8), "divide by the number of people who got a number, not by all eight")),
    ),
    "limits_of_agreement": Answer(
        value=_limits, within=0.05, unit="bpm",
        hint="all three come from one array, the differences: its mean, and the mean with 1.96 spreads less and more",
    ),
    "clean_and_wrong": Answer(
        value=_clean_and_wrong, within=0.1,
        hint="two conditions, joined by &, make a mask; how many of it are True?",
    ),
}  # fmt: skip
