"""Errors of every estimator of SpO2 on fingers, and the sentence that says what wins.

Axis letters: W window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from rppg_core.lab.protocols.finger.folds import ALL, SUBJECTS, Fold, finger_folds
from rppg_core.lab.protocols.finger.windows import ALL_RATIOS, CONSTANT, LEVEL, TIME, FingerWindows
from rppg_core.lab.protocols.ridge import RIDGE, ridge_fit
from rppg_core.lab.protocols.table import text_table
from rppg_core.lab.training.trend import read_trend, train_trend
from rppg_core.metrics import a_rms, bland_altman, mae, pearson_r
from rppg_core.models.tastnet.trend import trend_input
from rppg_core.oximetry import CAMERA_FPS
from rppg_core.video.magnify import band_of_frames

STEPS, SEEDS = 200, 3
HEAD, HEAD_SHUFFLED, HEAD_LEVEL = "trend head", "trend head, shuffled frames", "trend head, no pulse"
BY_LEVEL = (
    "the level of the light follows SpO2 without any pulse. Darker blood dims red, and so do pressure of the finger "
    "and exposure: one desaturation cannot tell them apart"
)
REASONS = {  # by how the name of the winner begins
    LEVEL: BY_LEVEL,
    TIME: "SpO2 is nearly a function of time here, and whatever drifts looks like it",
    CONSTANT: "nothing that was fitted holds on what was left out",
    HEAD_SHUFFLED: "the network needs level and spread of the colours, and not the order of frames",
    HEAD_LEVEL: BY_LEVEL,
}


@dataclass(frozen=True)
class FingerRow:
    """One estimator in one split of one recording, or of all."""

    recording: str
    split: str
    estimator: str
    true: Float[np.ndarray, " window"]
    found: Float[np.ndarray, "seed window"]  # one seed for all but the network

    @property
    def learned(self) -> bool:
        return self.estimator.startswith(HEAD)

    @property
    def control(self) -> bool:
        """It knows nothing of a pulse, or of the order of frames."""
        return self.estimator.startswith((CONSTANT, TIME, LEVEL)) or (self.learned and self.estimator != HEAD)

    def mean(self, metric: Callable[[np.ndarray, np.ndarray], float]) -> float:
        """A metric, mean over the seeds."""
        return float(np.mean([metric(self.true, one) for one in self.found]))

    @property
    def a_rms(self) -> float:
        return self.mean(a_rms)


def _shuffled(colours: np.ndarray, k: int) -> np.ndarray:
    return colours[np.random.default_rng(k).permutation(len(colours))]


def _without_pulse(colours: np.ndarray, k: int) -> np.ndarray:
    return colours - band_of_frames(colours, CAMERA_FPS)


SEEN: dict[str, Callable[[np.ndarray, int], np.ndarray]] = {
    HEAD: lambda colours, k: colours,
    HEAD_SHUFFLED: _shuffled,
    HEAD_LEVEL: _without_pulse,
}


def finger_rows(
    windows: FingerWindows,
    *,
    seeds: int = SEEDS,
    steps: int = STEPS,
    progress: Callable[[str], None] = lambda words: None,
) -> list[FingerRow]:
    """Every estimator in every split.

    Args:
        windows: of all recordings.
        seeds: trainings of the network in each fold; 0 leaves it out.
        steps: of a training.
        progress: called with what is fitted.

    Returns:
        Rows by recording and split, and those of all recordings last.
    """
    inputs = {
        name: torch.from_numpy(np.stack([trend_input(see(x, k)) for k, x in enumerate(windows.colours)]))
        for name, see in (SEEN.items() if seeds else ())
    }
    parts: dict[tuple[str, str], list[FingerRow]] = {}
    for fold in finger_folds(windows):
        progress(f"{fold.recording}, {fold.split}")
        found = _straight_lines(windows, fold)
        for name, x in inputs.items():
            found[name] = np.stack([_trained(windows, fold, x, steps, seed) for seed in range(seeds)])
        true = windows.spo2_percent[fold.test]
        mine = parts.setdefault((fold.recording, fold.split), [])
        mine += [FingerRow(fold.recording, fold.split, name, true, one) for name, one in found.items()]
    alone = [pooled_rows(rows, *at) for at, rows in parts.items() if at[0] != ALL]
    if len({rows[0].recording for rows in alone}) > 1:
        for split in dict.fromkeys(rows[0].split for rows in alone):
            alone.append(
                pooled_rows([row for rows in alone for row in rows if row.split == split], ALL, split)
            )
    if (ALL, SUBJECTS) in parts:
        alone.append(pooled_rows(parts[ALL, SUBJECTS], ALL, SUBJECTS))
    return [row for rows in alone for row in rows]


def pooled_rows(rows: Sequence[FingerRow], recording: str, split: str) -> list[FingerRow]:
    """One row for each estimator that every fold or recording has."""
    by_name: dict[str, list[FingerRow]] = {}
    for row in rows:
        by_name.setdefault(row.estimator, []).append(row)
    most = max(len(some) for some in by_name.values())
    return [
        FingerRow(
            recording,
            split,
            name,
            np.concatenate([row.true for row in some]),
            np.concatenate([row.found for row in some], axis=1),
        )
        for name, some in by_name.items()
        if len(some) == most
    ]


def _straight_lines(windows: FingerWindows, fold: Fold) -> dict[str, np.ndarray]:
    """Estimates on the windows that test, of every estimator that the whole fold has, but the network."""
    used, found = fold.fit | fold.test, {}
    for name, features in windows.features.items():
        if np.isfinite(features[used]).all():
            ridge = RIDGE if name == ALL_RATIOS else 1e-9
            known = np.where(used[:, None], features, 0)
            found[name] = ridge_fit(known, windows.spo2_percent, fold.fit, ridge=ridge)[None, fold.test]
    return found


def _trained(windows: FingerWindows, fold: Fold, x: torch.Tensor, steps: int, seed: int) -> np.ndarray:
    labels = windows.spo2_percent[fold.fit], windows.course[fold.fit]
    spo2, course = (torch.from_numpy(y.astype(np.float32)) for y in labels)
    model = train_trend(x[fold.fit], spo2, course, steps=steps, seed=seed)
    return read_trend(model, x[fold.test]).numpy().astype(np.float64)


def finger_sentence(rows: Sequence[FingerRow]) -> str:
    """What wins in one split, and which ratio or network beats time alone, DC and constant.

    The network has to beat its own controls, too.
    """
    best = min(rows, key=lambda row: row.a_rms)
    constant = next(row for row in rows if row.estimator == CONSTANT)
    words = f"{best.estimator} is nearest: A_rms {best.a_rms:.2f}, constant {constant.a_rms:.2f}"
    if best.control:
        words += ". Why: " + next(why for start, why in REASONS.items() if best.estimator.startswith(start))
    readers = sorted((row for row in rows if not row.control), key=lambda row: row.a_rms)
    bars = [_bar(row, rows) for row in readers]
    claims = [
        f"{row.estimator} ({row.a_rms:.2f} against {bar.a_rms:.2f} of {bar.estimator})"
        for row, bar in zip(readers, bars, strict=True)
        if row.a_rms < bar.a_rms
    ]
    if claims:
        return f"{words}. Better than time alone, DC and all other controls: {', '.join(claims)}."
    closest = "" if not readers else (
        f"; the best of them, {readers[0].estimator}, has {readers[0].a_rms:.2f} against {bars[0].a_rms:.2f} of "
        f"{bars[0].estimator}"
    )  # fmt: skip
    return f"{words}. No ratio and no network beats time alone, DC and its other controls{closest}."


def _bar(row: FingerRow, rows: Sequence[FingerRow]) -> FingerRow:
    """The best control of an estimator."""
    controls = (one for one in rows if one.control and (row.learned or not one.learned))
    return min(controls, key=lambda one: one.a_rms)


def finger_text(rows: Sequence[FingerRow]) -> str:
    """A table and a sentence for each split of each recording."""
    parts = []
    for recording, split in dict.fromkeys((row.recording, row.split) for row in rows):
        mine = [row for row in rows if (row.recording, row.split) == (recording, split)]
        true = mine[0].true
        parts.append(
            f"{recording}, {split}: {len(true)} windows, SpO2 {true.min():.0f} to {true.max():.0f} %\n"
            f"{_table(mine)}\n{finger_sentence(mine)}"
        )
    return "\n\n".join(parts)


def _table(rows: Sequence[FingerRow]) -> str:
    learned = any(row.learned for row in rows)
    header = ["estimator", "RMSE (A_rms)", *["of seeds"] * learned, "MAE", "r", "bias", "limits of agreement"]
    lines = []
    for row in rows:
        each = [a_rms(row.true, one) for one in row.found]
        seeds = f"{min(each):.2f} to {max(each):.2f}" if row.learned else ""
        bias, low, high = np.mean([_agreement(row.true, one) for one in row.found], axis=0)
        r = np.nan if row.estimator == CONSTANT else row.mean(pearson_r)
        lines.append(
            [row.estimator + (" (control)" if row.control else ""), f"{row.a_rms:.2f}", *[seeds] * learned,
             f"{row.mean(mae):.2f}", "" if np.isnan(r) else f"{r:+.2f}", f"{bias:+.2f}", f"{low:+.1f} to {high:+.1f}"]
        )  # fmt: skip
    return text_table(header, lines)


def _agreement(true: np.ndarray, found: np.ndarray) -> tuple[float, float, float]:
    """Bias, and lower and upper limit of agreement."""
    agreement = bland_altman(true, found)
    return agreement.bias, agreement.lower, agreement.upper


def agreement_entries(rows: Sequence[FingerRow]) -> list[dict[str, Any]]:
    """Rows of one split as `figures.held_out.agreement_figure` takes them; of a network, the first seed."""
    found = []
    for row in rows:
        one = row.found[0]
        bias, lower, upper = _agreement(row.true, one)
        points = np.stack([(row.true + one) / 2, one - row.true], axis=1).tolist()
        found.append(
            {
                "method": row.estimator,
                "unit": "% SpO2",
                "bias": bias,
                "lower": lower,
                "upper": upper,
                "points": points,
            }
        )
    return found
