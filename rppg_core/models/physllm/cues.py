"""The three texts that the language model reads beside the pulse: task, environmental context, statistics.

A cue is a function of the clip alone, never of labels, and its text is a function of its numbers. The context is
measured in `context.py`. Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from rppg_core.models.physllm.context import CONTEXT, context_words
from rppg_core.types import FS, HR_BAND_HZ

CUES = ("task", "context", "statistics")
N_LAGS = 5
# Content of the paper's cue: what differs between datasets. Own words.
TASK = (
    "Videos of faces carry a weak pulse. Recordings differ in skin colour, ethnicity, gender and age of the people"
    " and in the light around them. Read the pulse estimate and the features of the face, and write the pulse again"
    " without noise."
)


@dataclass(frozen=True)
class Cue:
    """One text, and the numbers that it was made from."""

    name: str  # one of CUES
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)


def task_cue() -> Cue:
    """What the model is asked to do; the same for every clip."""
    return Cue("task", TASK)


def context_cue(numbers: Float[np.ndarray, " quantity"]) -> Cue:
    """What was measured of the face and of its light."""
    return Cue("context", context_words(numbers), dict(zip(CONTEXT, map(float, numbers), strict=True)))


def statistics_cue(wave: Float[np.ndarray, " time"], fs: float = FS, *, released: bool = False) -> Cue:
    """Extremes, median, trend and periods of the encoder's rough pulse.

    Args:
        wave: any scale.
        fs: its sampling rate. Unit: Hz.
        released: as the oldest released code does it (see `statistics_from_wave`).
    """
    numbers = statistics_from_wave(wave, fs, released=released)
    return Cue("statistics", statistics_words(numbers), numbers)


def statistics_from_wave(
    wave: Float[np.ndarray, " time"], fs: float, *, released: bool = False
) -> dict[str, float]:
    """The numbers of the statistics cue.

    Args:
        wave: any scale; it is standardised.
        fs: its sampling rate. Unit: Hz.
        released: take the highest values of the circular autocorrelation, which are lag 0, its neighbours and their
            mirror images, instead of its peaks at lags of the heart-rate band.

    Returns:
        lowest, highest, median, rise (last minus first sample: what the sum of the first differences comes to), all
        in standard deviations; lag_1_frames and so on, the strongest first.

    Source: PhysLLM, released code; our choice: lags are peaks within the heart-rate band.
    """
    x = np.asarray(wave, float)
    x = (x - x.mean()) / max(float(x.std()), 1e-9)
    found = {"lowest": x.min(), "highest": x.max(), "median": np.median(x), "rise": x[-1] - x[0]}
    lags = _released_lags(x) if released else _peak_lags(x, fs)
    return {name: float(value) for name, value in found.items()} | {
        f"lag_{k}_frames": float(lag) for k, lag in enumerate(lags, 1)
    }


def statistics_words(numbers: Mapping[str, float], fs: float = FS) -> str:
    """The text of the statistics cue: three significant digits, lags with the rates that they stand for."""
    lowest, highest, median = (f"{numbers[name]:.3g}" for name in ("lowest", "highest", "median"))
    trend = "higher" if numbers["rise"] > 0 else "lower"
    words = [
        f"The pulse estimate lies between {lowest} and {highest} standard deviations, its median is {median},"
        f" and it ends {trend} than it begins, by {abs(numbers['rise']):.3g}."
    ]
    lags = [value for name, value in numbers.items() if name.startswith("lag_")]
    if lags:
        each = [f"{lag:.0f} frames, {60 * fs / lag:.3g} per minute" if lag else "0 frames" for lag in lags]
        words.append(f"It repeats itself after {'; '.join(each)}.")
    else:
        words.append("It does not repeat itself.")
    return " ".join(words)


def _peak_lags(x: np.ndarray, fs: float) -> list[int]:
    """Lags of the highest peaks of the autocorrelation within the heart-rate band, the highest first."""
    from scipy.signal import find_peaks

    n = len(x)
    r = np.fft.irfft(np.abs(np.fft.rfft(x, 2 * n)) ** 2)[:n]
    peaks = find_peaks(r)[0]
    peaks = peaks[(peaks >= fs / HR_BAND_HZ[1]) & (peaks <= fs / HR_BAND_HZ[0])]
    return [int(lag) for lag in peaks[np.argsort(-r[peaks], kind="stable")][:N_LAGS]]


def _released_lags(x: np.ndarray) -> list[int]:
    """Lags of the highest values of the circular autocorrelation, lag 0 included."""
    r = np.fft.irfft(np.abs(np.fft.rfft(x)) ** 2, len(x))
    return [int(lag) for lag in np.argsort(-r, kind="stable")[:N_LAGS]]
