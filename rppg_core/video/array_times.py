"""Check frame times given as an array: finite, increasing and in seconds; errors say how to correct them.

`arrays` calls this. Axis letters: T time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from rppg_core.errors import UsageError

LONGEST_STEP_S = 1.0  # times further apart are in another unit
FASTEST_FPS = 2000.0


def checked_times(times: Any) -> Float[np.ndarray, " time"]:
    """Times as float64 seconds from the first frame.

    Raises:
        UsageError: not one finite number per frame, each later than the one before, in seconds.
    """
    array = as_array(times, "the times")
    wanted, do = "one time per frame, in seconds, each later than the one before", "check the times"
    if array.ndim == 0 and array.dtype.kind in "iuf":
        fps = f"{float(array):g}"
        raise UsageError(
            f"one number ({fps}) for the times",
            wanted=wanted,
            do=f"for {fps} frames a second: np.arange(n) / {fps}",
        )
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise UsageError(f"times of shape {array.shape} and dtype {array.dtype}", wanted=wanted, do=do)
    times_s = array.astype(np.float64)
    if len(odd := np.flatnonzero(~np.isfinite(times_s))):
        raise UsageError(f"times[{odd[0]}] is {times_s[odd[0]]:g}", wanted=wanted, do=do)
    steps_s = np.diff(times_s)
    if len(late := np.flatnonzero(steps_s <= 0)):
        k = int(late[0])
        if len(late) == len(steps_s) and steps_s[0] < 0:
            do = "they run backwards: reverse frames and times with [::-1]"
        if array.dtype.kind == "f" and array.dtype.itemsize < 8 and not steps_s[k]:
            do = f"keep times in float64: {array.dtype} cannot hold these apart"
        got = f"times[{k + 1}] is {times_s[k + 1]:.10g} and times[{k}] is {times_s[k]:.10g}"
        raise UsageError(got, wanted=wanted, do=do)
    _check_unit(steps_s)
    return times_s - times_s[:1]


def as_array(values: Any, what: str) -> np.ndarray:
    """Convert to a numpy array, including tensors that require a gradient or lie on another device.

    Raises:
        UsageError: it cannot be converted, or is masked.
    """
    try:
        if hasattr(values, "detach"):  # a torch tensor; torch need not be installed
            values = values.detach().cpu()
            values = values.float() if "bfloat16" in str(values.dtype) else values
        array = np.asanyarray(values)
    except Exception as error:  # any error of the library behind the values
        raise UsageError(
            f"{what} cannot be read as an array ({type(error).__name__}: {error})"[:200],
            wanted="a numpy array",
            do="convert it with np.asarray; all pictures need one size",
        ) from error
    if np.ma.is_masked(array):
        raise UsageError(
            f"{what} with masked values", wanted="a number everywhere", do="fill or remove the masked values"
        )
    return np.asarray(array)


def _check_unit(steps_s: np.ndarray) -> None:
    """Refuse times that are not in seconds: no camera is that slow or that fast."""
    if not len(steps_s):
        return
    step = float(np.median(steps_s))
    if 1 / FASTEST_FPS <= step < LONGEST_STEP_S:
        return
    do = "give seconds; for minutes and hours multiply by 60 and 3600"
    if np.allclose(steps_s, 1.0):
        do = "for frame numbers: divide by the frame rate"
    elif step >= LONGEST_STEP_S:
        units = {"milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
        do = next(
            (f"divide {unit} by {per_s:g}" for unit, per_s in units.items() if 0.001 <= step / per_s < 1), do
        )
    raise UsageError(
        f"times that step by {step:.4g} (so that {len(steps_s) + 1} frames last {steps_s.sum():.4g} s)",
        wanted="times in seconds",
        do=do,
    )
