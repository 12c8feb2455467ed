"""Windows of fingers on a lens: colours, reference, and what each estimator is a straight line of.

Axis letters: W window, T time, F feature, S second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from rppg_core.metrics import snr_db
from rppg_core.oximetry import (
    CAMERA_FPS,
    FingerRecording,
    OximetryDataError,
    read_finger_recordings,
)
from rppg_core.signals.filters import bandpass
from rppg_core.signals.spectrum import heart_rate_from_bvp

WINDOW_S, HOP_S = 10, 5
LEVELS = (2.0, 250.0)  # grey levels; a channel beyond is dark or saturated
HR_HZ = (0.7, 3.0)
BAND_HZ = 0.15  # half width around the heart rate
PULSE_DB = 1.5  # SNR of green, which 2 of 100 windows of white noise reach
LEAST_PULSE = 0.02  # relative to that of green, below which a colour is no denominator
USUAL = 0.5  # share of the windows with a pulse in which an estimator can be read; less, and it is left out
PAIRS = {"R/G": (0, 1), "R/B": (0, 2), "B/G": (2, 1)}
CONSTANT, TIME, LEVEL, ALL_RATIOS = "constant", "time alone", "DC", "all ratios"  # names, or how they begin


@dataclass(frozen=True)
class FingerWindows:
    """Windows of one or several recordings, a row each; what an estimator cannot read is NaN."""

    names: tuple[str, ...]  # of recordings
    recording: Int[np.ndarray, " window"]  # index of its name
    subject: np.ndarray
    start_s: Float[np.ndarray, " window"]
    spo2_percent: Float[np.ndarray, " window"]
    course: Float[np.ndarray, "window second"]  # SpO2 of each second; NaN where there is none. Unit: %
    colours: Float[np.ndarray, "window time 3"]  # grey levels
    features: dict[str, Float[np.ndarray, "window feature"]]  # of each estimator but the network


def read_windows(folder: Path | str) -> tuple[FingerWindows, list[str]]:
    """Usable windows of all recordings of a folder, and a line on each recording.

    Args:
        folder: as in `oximetry.read_finger_recordings`.

    Raises:
        OximetryDataError: a file is missing or cannot be read, or no recording has a usable window.
    """
    found, lines = [], []
    for recording in read_finger_recordings(folder):
        windows, line = recording_windows(recording)
        lines.append(line)
        if windows is not None:
            found.append(windows)
    if not found:
        raise OximetryDataError(
            f"{folder}: {'; '.join(lines)}",
            wanted=f"windows of {WINDOW_S} s with a reference and a pulse",
            do="use longer recordings, and look at their light",
        )
    return joined_windows(found), lines


def joined_windows(parts: Sequence[FingerWindows]) -> FingerWindows:
    """Windows of several recordings."""
    features = {name: np.concatenate([one.features[name] for one in parts]) for name in parts[0].features}
    return FingerWindows(
        names=tuple(name for one in parts for name in one.names),
        recording=np.concatenate([np.full(len(one.start_s), k) for k, one in enumerate(parts)]),
        subject=np.concatenate([one.subject for one in parts]),
        start_s=np.concatenate([one.start_s for one in parts]),
        spo2_percent=np.concatenate([one.spo2_percent for one in parts]),
        course=np.concatenate([one.course for one in parts]),
        colours=np.concatenate([one.colours for one in parts]),
        features=features,
    )


def recording_windows(recording: FingerRecording) -> tuple[FingerWindows | None, str]:
    """Windows with a reference and with whatever most windows of the recording have; None if there is none.

    Returns:
        Windows, and a line that counts those left out.
    """
    frames = np.asarray(recording.frames.samples, dtype=np.float64)
    n = round(WINDOW_S * CAMERA_FPS)
    starts = np.arange(0, len(frames) - n + 1, round(HOP_S * CAMERA_FPS))
    start_s, colours = starts / CAMERA_FPS, [frames[s : s + n] for s in starts]
    if not len(starts):
        return None, f"{recording.name}: {len(frames) / CAMERA_FPS:.0f} s, too short for a window"
    course = _course(recording, start_s)
    referenced = np.isfinite(course).sum(axis=1) >= WINDOW_S / 2
    each = [window_features(part, s) for part, s in zip(colours, start_s, strict=True)]
    features = {name: np.stack([one[name] for one in each]) for name in each[0]}
    read, missing = _readable(features, referenced)
    kept = referenced & read
    line = (
        f"{recording.name}: {len(frames) / CAMERA_FPS:.0f} s, {kept.sum()} of {len(starts)} windows; left out: "
        f"{(~referenced).sum()} without a reference, {(referenced & ~read).sum()} dark, saturated or without a pulse"
        + (f"; cannot be read here: {', '.join(missing)}" if missing else "")
    )
    if not kept.any():
        return None, line
    number = int(kept.sum())
    return FingerWindows(
        (recording.name,),
        np.zeros(number, int),
        np.full(number, recording.subject),
        start_s[kept],
        np.nanmean(course[kept], axis=1),
        course[kept],
        np.stack(colours)[kept],
        {name: x[kept] for name, x in features.items()},
    ), line


def _course(
    recording: FingerRecording, start_s: Float[np.ndarray, " window"]
) -> Float[np.ndarray, "window second"]:
    last = int(max(start_s[-1], recording.seconds.max(initial=0)))
    seconds = np.full(last + WINDOW_S + 1, np.nan)
    seconds[recording.seconds.astype(int)] = recording.spo2_percent
    return np.stack([seconds[int(s) : int(s) + WINDOW_S] for s in start_s])


def _readable(
    features: dict[str, np.ndarray], referenced: Bool[np.ndarray, " window"]
) -> tuple[Bool[np.ndarray, " window"], list[str]]:
    """Windows with a pulse and every usual feature, and the names of the features that are not usual."""
    finite = {name: np.asarray(np.isfinite(x).all(axis=1)) for name, x in features.items()}
    ratios = [ok for name, ok in finite.items() if name.partition(",")[0] in PAIRS]
    pulsed = np.logical_or.reduce(ratios)
    among = referenced & pulsed
    missing = [name for name, ok in finite.items() if among.any() and ok[among].mean() < USUAL]
    usual = [ok for name, ok in finite.items() if name not in missing]
    return np.logical_and.reduce([pulsed, *usual]), missing


def window_features(
    colours: Float[np.ndarray, "time 3"], start_s: float
) -> dict[str, Float[np.ndarray, " feature"]]:
    """What each estimator is a straight line of; NaN where a channel is dark or saturated, or there is no pulse."""
    level, minutes = colours.mean(axis=0), start_s / 60
    found = {
        CONSTANT: np.zeros(0),
        f"{TIME}, line": np.array([minutes]),
        f"{TIME}, cubic": minutes ** np.arange(1, 4),
        f"{LEVEL} red": level[:1],
        f"{LEVEL} of three colours": level,
    }
    spread, along = narrow_pulses(colours)
    ratios = {f"{name}, std": spread[top] / spread[bottom] for name, (top, bottom) in PAIRS.items()}
    for name, (top, bottom) in PAIRS.items():
        some = abs(along[bottom]) >= LEAST_PULSE
        ratios[f"{name}, lock-in"] = along[top] / along[bottom] if some else np.nan
    found |= {name: np.array([value]) for name, value in ratios.items()}
    found[ALL_RATIOS] = np.array([*ratios.values()])
    return found


def narrow_pulses(
    colours: Float[np.ndarray, "time 3"],
) -> tuple[Float[np.ndarray, " 3"], Float[np.ndarray, " 3"]]:
    """Pulse of each channel relative to its level, around the heart rate: standard deviation, and part along green.

    Returns:
        NaN for channels that are dark or saturated, and for all if green has no pulse.
    """
    level = colours.mean(axis=0)
    seen = (level > LEVELS[0]) & (level < LEVELS[1])
    nothing = np.full(3, np.nan)
    if not seen[1]:
        return nothing, nothing
    low_hz, high_hz = HR_HZ
    wide = bandpass(colours[:, 1], CAMERA_FPS, low_hz=low_hz, high_hz=high_hz) / level[1]
    hr_bpm = heart_rate_from_bvp(wide, CAMERA_FPS, low_hz=low_hz, high_hz=high_hz)
    if wide.std() < 1e-9 or not np.isfinite(hr_bpm) or snr_db(hr_bpm, wide, CAMERA_FPS) < PULSE_DB:
        return nothing, nothing
    hr_hz = hr_bpm / 60
    narrow = bandpass(colours, CAMERA_FPS, low_hz=hr_hz - BAND_HZ, high_hz=hr_hz + BAND_HZ)
    narrow = narrow / np.where(seen, level, np.nan)
    green, spread = narrow[:, 1], narrow.std(axis=0)
    return np.where(spread > 1e-9, spread, np.nan), narrow.T @ green / (green @ green)
