"""What is given in place of a waveform, a rate, a band or a trace, and good ones beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rppg_core import RgbTrace
from rppg_core.types import Bvp

FS, N = 30.0, 600
NAN = float("nan")
TIMES_S = np.arange(N) / FS
WAVE = np.sin(2 * np.pi * 1.2 * TIMES_S)
RGB = np.array([180.0, 130.0, 110.0]) * (1 - 0.01 * WAVE[:, None] * [0.3, 0.8, 0.5])
BVP = Bvp(WAVE, FS, 0.0, np.ones(N, bool))
GAP = np.where(np.arange(N) == 7, np.nan, WAVE)
PAIRS = np.array([60.0, 70.0, 80.0])
# What is given in place of a waveform, of a rate, of a trace
NO_WAVES: dict[str, Any] = {
    "None": None,
    "text": "abc",
    "a number": 3.0,
    "an empty array": np.zeros(0),
    "two axes": RGB,
    "NaN": GAP,
    "complex": WAVE + 1j,
    "words": np.array(["a", "b"]),
    "objects": np.array([None, 1], object),
    "a dict": {},
}
NO_RATES: dict[str, Any] = {
    "None": None,
    "text": "30",
    "0": 0,
    "negative": -30.0,
    "NaN": NAN,
    "infinite": float("inf"),
    "an array": WAVE,
}
NO_BANDS: dict[str, tuple[Any, Any]] = {
    "turned round": (3.0, 1.0),
    "equal": (1.0, 1.0),
    "negative": (-1.0, 3.0),
    "NaN": (NAN, 3.0),
    "bpm": (40.0, 180.0),
    "text": ("a", 3.0),
}
NO_TRACES: dict[str, Callable[[], Any]] = {
    "an array": lambda: RGB,
    "None": lambda: None,
    "turned": lambda: RgbTrace(RGB.T, FS),
    "one channel": lambda: RgbTrace(WAVE, FS),
    "four channels": lambda: RgbTrace(np.ones((N, 4)), FS),
    "without samples": lambda: RgbTrace(None, FS),  # type: ignore[arg-type]
    "without a rate": lambda: RgbTrace(RGB, 0.0),
    "of a negative rate": lambda: RgbTrace(RGB, -FS),
    "of the rate NaN": lambda: RgbTrace(RGB, NAN),
    "of a rate in words": lambda: RgbTrace(RGB, "30"),  # type: ignore[arg-type]
}
