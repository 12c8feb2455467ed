"""Labels at the times of a stored clip: the only place where label streams are resampled onto the clip's clock.

This module turns the streams of a `Record` into the `Truth` that is stored beside a clip. Where a sample's
mask is off, and where the labels end or have a gap, the truth is NaN: nothing is interpolated across gaps and
nothing is guessed. A lag stated by the layout is removed here and noted; nothing else is shifted. Waves,
which have no unit, get zero mean and unit deviation, like those of the simulator; rates keep their unit.

Axis letters: T time. Source: our choice; waves as in `prepare.resample` (box average over 1/30 s where labels are
faster, then cubic Hermite), rates linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.interpolate import CubicHermiteSpline

from rppg_core.lab.datasets.base import KINDS
from rppg_core.signals.filters import moving_average
from rppg_core.types import FS, Truth
from rppg_core.video.prepare import MAX_GAP_S

LABELS = ("bvp", "resp", "hr", "rr", "spo2")  # everything that a clip can be labelled with
GAP_STEPS = 1.5  # samples farther apart than this, in median steps, have a gap between them
KNOWN_SHARE = 0.5  # share of a clip that breathing rates must cover for their mean to be stored


def truth_from_streams(
    streams: Mapping, times_s: Float[np.ndarray, " time"]
) -> tuple[Truth, tuple[str, ...]]:
    """The labels of a record at the times of its clip.

    Args:
        streams: name -> Stream, each on its own clock; streams not in LABELS (blood pressure) are left out.
        times_s: of the clip, 30 Hz. Unit: s on the record's clock.

    Returns:
        The truth, NaN where nothing is known, and notes about what was done.

    Raises:
        DatasetError: a label cannot be read.
    """
    found, notes = {}, []
    for name in streams:
        if name not in LABELS:
            continue
        stream = streams[name]
        at_s = times_s + stream.lag_s
        found[name] = values_at(stream.times_s, stream.values, stream.mask, at_s, is_wave=KINDS[name].is_wave)
        notes += stream.notes
        if stream.lag_s:
            notes.append(f"{name}: the sensor's lag of {stream.lag_s:g} s is removed.")
    nothing = np.full(len(times_s), np.nan)
    rr, spo2 = found.get("rr", nothing), found.get("spo2", nothing)
    truth = Truth(
        times_s=times_s,
        bvp=_standardised(found.get("bvp", nothing)),
        resp=_standardised(found.get("resp", nothing)),
        hr_bpm=found.get("hr", nothing),
        beats_s=np.zeros(0),
        rr_brpm=_mean(rr) if np.isfinite(rr).mean() >= KNOWN_SHARE else float("nan"),
        spo2_percent=_mean(spo2),
        pulsed=True,
        spo2=spo2 if np.isfinite(spo2).any() else None,
        rr_track_brpm=rr if np.isfinite(rr).any() else None,
    )
    return truth, tuple(dict.fromkeys(notes))


def truth_at(truth: Truth, times_s: Float[np.ndarray, " time"]) -> Truth:
    """A truth, which may have gaps, at other times."""
    if np.array_equal(truth.times_s, times_s):
        return truth

    def at(values: np.ndarray, is_wave: bool) -> np.ndarray:
        return values_at(truth.times_s, values, np.isfinite(values), times_s, is_wave=is_wave)

    return replace(
        truth,
        times_s=times_s,
        bvp=at(truth.bvp, True),
        resp=at(truth.resp, True),
        hr_bpm=at(truth.hr_bpm, False),
        spo2=None if truth.spo2 is None else at(truth.spo2, False),
        rr_track_brpm=None if truth.rr_track_brpm is None else at(truth.rr_track_brpm, False),
    )


def known_labels(truth: Truth) -> tuple[str, ...]:
    """Names of the labels that a truth contains, in the order of LABELS."""
    spo2 = np.array(truth.spo2_percent) if truth.spo2 is None else truth.spo2
    values = {
        "bvp": truth.bvp,
        "resp": truth.resp,
        "hr": truth.hr_bpm,
        "rr": np.array(truth.rr_brpm),
        "spo2": spo2,
    }
    return tuple(
        name
        for name in LABELS
        if np.isfinite(values[name]).any() and not (KINDS[name].is_wave and np.nanstd(values[name]) == 0)
    )


def values_at(
    times_s: Float[np.ndarray, " sample"],
    values: Float[np.ndarray, " sample"],
    mask: Bool[np.ndarray, " sample"],
    at_s: Float[np.ndarray, " time"],
    *,
    is_wave: bool,
) -> Float[np.ndarray, " time"]:
    """Samples interpolated at other times; NaN where there is no trusted sample.

    Args:
        times_s: of the samples, increasing. Unit: s.
        values: one per time.
        mask: False where a sample is not to be used.
        at_s: wanted times. Unit: s on the same clock.
        is_wave: cubic, and averaged over 1/30 s where samples are faster; else linear.

    Returns:
        Values at `at_s`. A sample covers half a step to either side; the very last one covers a whole step after it.
    """
    out = np.full(len(at_s), np.nan)
    if len(times_s) < 2:
        return out
    step_s = float(np.median(np.diff(times_s)))
    reach_s = max(step_s, 1 / FS)
    width = round(1 / (FS * step_s))
    for run in _runs(times_s, mask, step_s):
        if is_wave and len(run) < 2:
            continue
        first_s, last_s = times_s[run[[0, -1]]]
        after_s = reach_s if run[-1] == len(times_s) - 1 else reach_s / 2
        covered = (at_s >= first_s - reach_s / 2) & (at_s <= last_s + after_s)
        inside_s = np.clip(at_s[covered], first_s, last_s)
        known_s, known = times_s[run], values[run]
        if not is_wave:
            out[covered] = np.interp(inside_s, known_s, known)
            continue
        smooth = _box_mean(known, width)
        out[covered] = CubicHermiteSpline(known_s, smooth, np.gradient(smooth, known_s))(inside_s)
    return out


def _box_mean(values: np.ndarray, width: int) -> np.ndarray:
    """Mean over `width` samples around each; for an even width, of the boxes half a sample to either side."""
    if width < 2:
        return values
    early = moving_average(values, 1.0, width)
    return early if width % 2 else (early + moving_average(values[::-1], 1.0, width)[::-1]) / 2


def _runs(times_s: np.ndarray, mask: np.ndarray, step_s: float) -> Iterator[Int[np.ndarray, " sample"]]:
    """Runs of trusted samples without a gap, as indices."""
    index = np.flatnonzero(mask)
    holes = (np.diff(index) > 1) | (np.diff(times_s[index]) > max(MAX_GAP_S, GAP_STEPS * step_s))
    return (run for run in np.split(index, np.flatnonzero(holes) + 1) if len(run))


def _standardised(wave: np.ndarray) -> np.ndarray:
    """Zero mean and unit deviation over the known samples; a flat wave becomes NaN."""
    known = wave[np.isfinite(wave)]
    deviation = float(known.std()) if len(known) else 0.0
    return (wave - known.mean()) / deviation if deviation > 0 else np.full(len(wave), np.nan)


def _mean(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
