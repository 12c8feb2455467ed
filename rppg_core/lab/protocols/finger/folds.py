"""Which windows of fingers fit and which test, with a gap of 20 s between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from rppg_core.lab.protocols.finger.windows import WINDOW_S, FingerWindows

BLOCK_S, GAP_S = 60.0, 20.0
FEWEST = 6  # windows of a fit, and of a test
ALL = "all recordings"
BLOCKS, HALVES, SUBJECTS = "interleaved blocks", ("first half fits", "second half fits"), "other subjects fit"


@dataclass(frozen=True)
class Fold:
    """Windows that fit, and windows that test."""

    recording: str  # ALL where windows of several recordings fit
    split: str
    fit: Bool[np.ndarray, " window"]
    test: Bool[np.ndarray, " window"]


def finger_folds(windows: FingerWindows) -> list[Fold]:
    """All folds with enough windows: of each recording, and by subject if there are several."""
    end_s, found = windows.start_s + WINDOW_S, []
    for k, name in enumerate(windows.names):
        here = windows.recording == k
        first_s, last_s = windows.start_s[here].min(), end_s[here].max()
        starts_s = np.arange(0, last_s, BLOCK_S)
        for parity in (1, 0):
            blocks = [(s, s + BLOCK_S) for s in starts_s[parity::2]]
            found.append(Fold(name, BLOCKS, *_around(windows, here, blocks)))
        middle_s = (first_s + last_s) / 2
        for split, half in zip(HALVES, ((middle_s, np.inf), (-np.inf, middle_s)), strict=True):
            found.append(Fold(name, split, *_around(windows, here, [half])))
    subjects = np.unique(windows.subject)
    for subject in subjects if len(subjects) > 1 else []:
        mine = windows.subject == subject
        found.append(Fold(ALL, SUBJECTS, ~mine, mine))
    return [fold for fold in found if fold.fit.sum() >= FEWEST and fold.test.sum() >= FEWEST]


def _around(
    windows: FingerWindows, here: np.ndarray, blocks: Sequence[tuple[float, float]]
) -> tuple[np.ndarray, np.ndarray]:
    """Windows that stay GAP_S away from all blocks, and windows within one."""
    start_s, end_s = windows.start_s, windows.start_s + WINDOW_S
    fit, test = here.copy(), np.zeros_like(here)
    for first_s, last_s in blocks:
        fit &= (end_s <= first_s - GAP_S) | (start_s >= last_s + GAP_S)
        test |= here & (start_s >= first_s) & (end_s <= last_s)
    return fit, test
