"""Checks of arguments to signal functions: rates, bands and samples, with a message when they are invalid.

A check is far cheaper than a filter: it compares a few numbers and scans the samples once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from rppg_core.errors import UsageError
from rppg_core.types import Bvp, RgbTrace

BAND_HINT = "band_hz is in Hz: (0.67, 3.0) for 40-180 bpm"
NARROWEST_HZ = 0.3  # 18 bpm: a narrower band cannot hold both a line and a background to compare it with
HIGHEST_HZ = 8.0  # upper limit of a power spectrum; 480 bpm
FASTEST_HZ = 1e5  # a higher sampling rate is a mistake
LIKE_BPM = (20.0, 600.0)  # numbers in this range are heart rates in bpm, not frequencies in Hz


def check_band(band_hz: Any, *, fs: float | None = None) -> tuple[float, float]:
    """A band in which to search for a heart rate.

    Args:
        band_hz: two frequencies. Unit: Hz.
        fs: sampling rate, if known. Unit: Hz.

    Returns:
        Both as floats.

    Raises:
        UsageError: not two positive numbers in order, too narrow, above half the sampling rate, or in bpm.
    """
    got, wanted = f"band_hz {band_hz!r}"[:80], "(low, high) in Hz, 0 < low < high"
    try:
        low_hz, high_hz = (float(edge) for edge in band_hz)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(got, wanted=wanted, do=BAND_HINT) from error
    if not (np.isfinite([low_hz, high_hz]).all() and 0 < low_hz < high_hz):
        raise UsageError(got, wanted=wanted, do=BAND_HINT)
    if LIKE_BPM[0] <= low_hz and high_hz <= LIKE_BPM[1]:
        do = f"{BAND_HINT}; for these numbers in bpm write ({low_hz / 60:.3g}, {high_hz / 60:.3g})"
        raise UsageError(got, wanted="a band in Hz, not in bpm", do=do)
    top_hz = HIGHEST_HZ if fs is None else min(HIGHEST_HZ, fs / 2)
    if high_hz > top_hz:
        why = "" if top_hz == HIGHEST_HZ else f" (half of {fs:.4g} frames a second)"
        raise UsageError(got, wanted=f"at most {top_hz:.3g} Hz{why}", do=BAND_HINT)
    if high_hz - low_hz < NARROWEST_HZ - 1e-9:
        raise UsageError(got, wanted=f"a band of {NARROWEST_HZ} Hz (18 bpm) or more", do=BAND_HINT)
    return low_hz, high_hz


def check_pair(band_hz: Any) -> tuple[float, float]:
    """Two frequencies in order, for a band of any kind. Unit: Hz.

    Raises:
        UsageError: it is not such a pair.
    """
    try:
        low_hz, high_hz = band_hz
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"band_hz {band_hz!r}"[:80], wanted="(low, high) in Hz", do="give two numbers"
        ) from error
    check_edges(low_hz, high_hz)
    return float(low_hz), float(high_hz)


def check_positive(value: Any, name: str, unit: str = "Hz") -> float:
    """A positive finite number, as a float.

    Raises:
        UsageError: it is not one.
    """
    checked = number(value)
    if not 0 < checked < np.inf:
        raise UsageError(
            f"{name} is {value!r}"[:80], wanted=f"a positive number, in {unit}", do=f"check {name}"
        )
    return checked


def check_rate(fs: Any, name: str = "fs", *, most: float = FASTEST_HZ) -> float:
    """A sampling rate.

    Raises:
        UsageError: not a positive number, or higher than for any signal of this project.
    """
    if (rate := check_positive(fs, name)) > most:
        raise UsageError(f"{name} is {rate:g}", wanted=f"at most {most:g} Hz", do="give samples per second")
    return rate


def check_number(value: Any, name: str, low: float = -np.inf, high: float = np.inf) -> float:
    """A number within a range, ends included.

    Raises:
        UsageError: it is not one.
    """
    checked = number(value)
    if not low <= checked <= high:
        wanted = "a number" if (low, high) == (-np.inf, np.inf) else f"a number from {low:g} to {high:g}"
        raise UsageError(f"{name} is {value!r}"[:80], wanted=wanted, do=f"check {name}")
    return checked


def check_count(value: Any, name: str, least: int = 0, most: int = 10**9) -> int:
    """A whole number within a range, ends included.

    Raises:
        UsageError: it is not one.
    """
    checked = number(value)
    if not (least <= checked <= most and checked == int(checked)):
        wanted = (
            f"a whole number from {least} to {most}" if most < 10**9 else f"a whole number, {least} or more"
        )
        raise UsageError(f"{name} is {value!r}"[:80], wanted=wanted, do=f"check {name}")
    return int(checked)


def check_edges(low_hz: Any, high_hz: Any, *, fs: float | None = None) -> None:
    """The two corner frequencies of a filter or search band, in order; the lower may be 0.

    Raises:
        UsageError: not numbers, negative, in the wrong order, or both above half the sampling rate `fs`.
    """
    low, high = number(low_hz), number(high_hz)
    if fs is not None and fs / 2 <= low < high:
        raise UsageError(
            f"a band from {low:g} to {high:g} Hz at {fs:g} samples per second",
            wanted=f"low_hz below {fs / 2:g} Hz, half the sampling rate",
            do="give both in Hz (40 bpm is 0.67 Hz), and the true sampling rate",
        )
    if not (0 <= low < high):
        raise UsageError(
            f"low_hz {low_hz!r} and high_hz {high_hz!r}"[:100],
            wanted="0 <= low_hz < high_hz, in Hz",
            do="give both in Hz, the lower one first (40 bpm is 0.67 Hz)",
        )


def check_samples(
    samples: Any, name: str, *, ndim: int | None = 1, least: int = 1, finite: bool = True
) -> Float[np.ndarray, "time ..."]:
    """Samples as an array of floats.

    Args:
        samples: an array, or anything that can be converted to one.
        name: name of the argument, for the message.
        ndim: number of axes; None allows any number above 0.
        least: fewest samples along the first axis.
        finite: whether to refuse NaN and infinity.

    Raises:
        UsageError: wrong shape or dtype, too few samples, or values that are not numbers.
    """
    try:
        array = samples if isinstance(samples, np.ndarray) else np.asarray(_detached(samples))
    except Exception as error:  # whatever the library behind the samples raises
        raise UsageError(
            f"{name} of type {type(samples).__name__}",
            wanted="an array of numbers",
            do="convert it with np.asarray",
        ) from error
    shape = "samples in time" if ndim == 1 else "time first, then channels"
    if array.dtype.kind not in "biuf":
        raise UsageError(
            f"{name} of dtype {array.dtype}", wanted="an array of numbers", do="give the samples"
        )
    if array.ndim == 0 or (ndim is not None and array.ndim != ndim):
        do = (
            "give one waveform; a colour trace goes to rppg_core.classical"
            if ndim == 1
            else "give an array (time, 3)"
        )
        raise UsageError(f"{name} of shape {array.shape}", wanted=shape, do=do)
    if len(array) < least:
        raise UsageError(
            f"{name} of {len(array)} samples", wanted=f"{least} or more", do="give a longer signal"
        )
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if finite and not np.isfinite(array).all():
        raise UsageError(
            f"{name} holds {int((~np.isfinite(array)).sum())} values that are NaN or infinite",
            wanted="numbers without gaps",
            do="cut it at its gaps with signals.filters.segments",
        )
    return array


def check_window(window_s: Any, fs: Any, n: int) -> int:
    """Number of samples in a window; it may be 0.

    Raises:
        UsageError: negative, not a number, or a hundred times as long as the signal.
    """
    width = number(window_s) * check_rate(fs)
    if not 0 <= width <= 100 * n + 100:
        raise UsageError(
            f"window_s is {window_s!r} for {n} samples"[:100],
            wanted="a length in s, within that of the signal",
            do="check window_s and fs",
        )
    return round(width)


def check_valid(valid: Any, n: int) -> Bool[np.ndarray, " time"]:
    """A mask of `n` samples; None selects all of them.

    Raises:
        UsageError: the mask has another length.
    """
    if valid is None:
        return np.ones(n, bool)
    mask = np.asarray(_detached(valid))
    if mask.shape != (n,):
        raise UsageError(
            f"valid of shape {mask.shape}",
            wanted=f"({n},), one per sample",
            do="give a mask as long as the signal",
        )
    return mask.astype(bool)


def check_bvp(bvp: Any) -> None:
    """Check that an object is a Bvp and its fields are consistent.

    Raises:
        UsageError: wrong type, lengths that differ, or a rate that is not positive.
    """
    check_kind(bvp, Bvp, "bvp", do="make it: Bvp(samples, fs, t0_s, valid)")
    check_rate(bvp.fs, "bvp.fs")
    check_valid(bvp.valid, len(check_samples(bvp.samples, "bvp.samples", finite=False)))


def check_trace(trace: Any) -> Float[np.ndarray, "time 3"]:
    """The colours of an RgbTrace; they may hold NaN.

    Raises:
        UsageError: wrong type, wrong shape, or a rate that is not positive.
    """
    check_kind(trace, RgbTrace, "trace", do="make one from colours (time, 3): RgbTrace(samples, fs)")
    check_rate(trace.fs, "trace.fs")
    samples = check_samples(trace.samples, "trace.samples", ndim=2, finite=False)
    if samples.shape[1] != 3:
        do = "transpose it with samples.T" if len(samples) == 3 else "give three colours"
        raise UsageError(
            f"trace.samples of shape {samples.shape}", wanted="(time, 3): R, G and B per sample", do=do
        )
    return samples


def check_kind(value: Any, kind: type, name: str, *, do: str) -> None:
    """Check that an object belongs to one of the project's classes.

    Raises:
        UsageError: it does not.
    """
    if not isinstance(value, kind):
        raise UsageError(f"{name} is of type {type(value).__name__}", wanted=kind.__name__, do=do)


def _detached(values: Any) -> Any:
    """Torch tensors detached and moved to the CPU; anything else unchanged."""
    return values.detach().cpu() if hasattr(values, "detach") else values


def number(value: Any) -> float:
    """A value as a float; NaN if it is not a number."""
    if isinstance(value, (str, bytes)):  # float("30") is a number, but no function here takes text
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return float("nan")
