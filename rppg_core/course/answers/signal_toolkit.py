"""Known answers for notebook 02, signal toolkit."""

from __future__ import annotations

import numpy as np

from rppg_core.course.answers import Answer
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


ANSWERS = {
    "bin_width": Answer(
        value=lambda: 60 / 10, within=0.01, unit="bpm",
        hint="the window must hold a whole number of cycles: how many bpm lie between 10 and 11 cycles?",
        traps=((0.1, "that is the width in Hz; a minute has 60 seconds"),
               (10.0, "that is the length of the window in seconds")),
    ),
    "lamp_rate": Answer(
        value=lambda: 60 * abs(LAMP_HZ - 4 * CAMERA_FPS), within=0.5, unit="per minute",
        hint="how far is 100 Hz from the nearest whole multiple of 24.7 Hz? Then multiply by 60",
        traps=((1.2, "right in Hz; the question asks for a rate per minute"),
               (60 * (LAMP_HZ - 3 * CAMERA_FPS), "take the nearest multiple: 4 x 24.7 is closer to 100")),
    ),
    "mended_rate": Answer(
        value=lambda: 90 * 30 / 25, within=0.1, unit="bpm",
        hint="count the beats in 25 frames, then ask how long these frames really took",
        traps=((75.0, "the other way round: the frames took less time than assumed, so the heart beats faster"),
               (90.0, "the clock was wrong, so the rate is wrong as well")),
    ),
    "rmssd_at_60": Answer(
        value=lambda: _rmssd_at(60.0), within=0.05, unit="ms",
        hint="np.round(calm.beats_s * 60) / 60, then toy_rmssd",
        traps=((18.2, "that is the RMSSD of the true beats: first round them to the frames"),),
    ),
    "noise_of_newborns": Answer(
        value=lambda: _rate_of_noise(1.3, 3.7), within=0.5, unit="bpm",
        hint="heart_rate_from_bvp(part, 30.0, low_hz=1.3, high_hz=3.7) for every part, then np.nanmedian",
        traps=((60 * (1.3 + 3.7) / 2, "the middle of the band is a good guess; now compute it"),),
    ),
    "rate_of_the_minute": Answer(
        value=_rate_of_the_minute, within=0.05, unit="bpm",
        hint="each window is a slice: heart_rate_from_bvp(wave[window], 30.0)",
    ),
    "coverage_and_error": Answer(
        value=_coverage_and_error, within=0.005,
        hint="shown = their_confidence >= 0.8; coverage is shown.mean(), the error a mean of absolute values",
        traps=(((0.625, 3.32), "a reading is shown from 0.8 on, so use >=: 0.80 is shown as well"),
               ((0.75, 13.6 / 6), "errors of different sign cancel in a mean: take absolute values first"),
               ((0.75, 17.2 / 8), "divide by the number of people who got a number, not by all eight")),
    ),
}  # fmt: skip
