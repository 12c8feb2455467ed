"""Errors and their intervals, computed from the rows of a held-out protocol.

The rows come from `scores`; every number is computed by `metrics`. The 95 % intervals come from a bootstrap
over people, because clips and windows of one person are not independent. Below FEWEST_PEOPLE people there is
no interval. Rows of several seeds of one network are pooled, and are resampled together with their person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rppg_core import metrics
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.splits import person_from_clip

CONSTANT = "constant"  # the predictor that sees no clip
FIXED = {"hr_bpm": 70.0, "rr_brpm": 15.0, "spo2_percent": 97.0}  # its values if there are no training labels
WITHIN_BPM, WITHIN_BRPM, WITHIN_PERCENT = 5.0, 2.0, 2.0
N_RESAMPLES = 1000
FEWEST_PEOPLE = 4  # three people give ten different resamples, two give three: too few for an interval
MOST_LEVELS = 12  # a condition with more levels is a number, or a name that differs for each clip
# number -> (true field, estimated field, tolerance of "within")
RATES: dict[str, tuple[str, str, float]] = {
    "hr": ("hr_true_bpm", "hr_bpm", WITHIN_BPM),
    "direct_hr": ("hr_true_bpm", "direct_hr_bpm", WITHIN_BPM),
    "rr": ("rr_true_brpm", "rr_brpm", WITHIN_BRPM),
    "rr_read": ("rr_true_brpm", "rr_read_brpm", WITHIN_BRPM),
    "direct_rr": ("rr_true_brpm", "direct_rr_brpm", WITHIN_BRPM),
    "direct_spo2": ("spo2_true_percent", "direct_spo2_percent", WITHIN_PERCENT),
}
WAVES = ("r", "macc", "snr_db")
Found = dict[str, Any]


@dataclass(frozen=True)
class Constant:
    """The values of the constant predictor in one split, and their origin."""

    hr_bpm: float
    rr_brpm: float
    spo2_percent: float
    why: str


def fit_constant(known: Sequence[tuple[float, float, float]]) -> Constant:
    """The constant predictor of a split.

    Args:
        known: HR, RR and SpO2 labels of every training clip, NaN without a label; empty without training
            clips.

    Returns:
        Means of the known labels; FIXED where no label is known.
    """
    said = []
    for values, fixed in zip(np.reshape(np.array(known, float), (-1, 3)).T, FIXED.values(), strict=True):
        finite = values[np.isfinite(values)]
        said.append(float(finite.mean()) if len(finite) else fixed)
    learned = len(known) > 0 and any(np.isfinite(row[0]) for row in known)
    return Constant(*said, why="mean of the training labels" if learned else "fixed")


def constant_rows(rows: Sequence[StretchRow], constants: Mapping[str, Constant]) -> list[StretchRow]:
    """Rows of the constant predictor for every window and video.

    Args:
        rows: rows of at least one method.
        constants: split -> values of the constant predictor.
    """
    silent = dict.fromkeys(("r", "macc", "snr_db", "leak", "direct_hr_bpm", "direct_rr_brpm"), np.nan)
    found = []
    for row in {(row.split, row.dataset, row.clip, row.unit, row.start_s): row for row in rows}.values():
        said = constants[row.split]
        values = {"hr_bpm": said.hr_bpm, "rr_brpm": said.rr_brpm, "direct_spo2_percent": said.spo2_percent}
        values["rr_read_brpm"] = said.rr_brpm
        about = {"method": CONSTANT, "seed": 0, "steps": 0, "hr_shown": True, "confidence": 0.0}
        found.append(StretchRow(**{**asdict(row), **silent, **values, **about}))
    return found


def numbers_from_rows(rows: Sequence[StretchRow]) -> Found:
    """Numbers of one method over a set of windows or videos.

    Returns:
        n_people, n_clips; for each of RATES the dict of `metrics.evaluate` with "intervals" (of mae, rmse, r, within
        and bias), or None if there are no pairs; "shown" (coverage and errors of the heart rates that the
        calibration lets pass); for each of WAVES {"mean", "low", "high"} or None.
    """
    people: dict[tuple[str, str], list[int]] = {}
    for k, row in enumerate(rows):
        people.setdefault(person_from_clip(row), []).append(k)
    groups = [np.array(found) for found in people.values()]
    shown = np.array([row.hr_shown for row in rows], bool)
    found: Found = {"n_people": len(groups), "n_clips": len({(row.dataset, row.clip) for row in rows})}
    for name, (true, estimated, tolerance) in RATES.items():
        reference, estimates = _column(rows, true), _column(rows, estimated)
        found[name] = _agreement(reference, estimates, groups, tolerance)
    reference, estimates = _column(rows, "hr_true_bpm"), _column(rows, "hr_bpm")
    found["shown"] = _agreement(reference, np.where(shown, estimates, np.nan), groups, WITHIN_BPM)
    for name in WAVES:
        found[name] = _mean(_column(rows, name), groups)
    return found


def by_condition(rows: Sequence[StretchRow]) -> list[Found]:
    """Heart-rate error at every level of every condition, the worst level first.

    Args:
        rows: rows of all methods, in one unit.

    Returns:
        {"condition", "level", "n_clips", "mae": {method: bpm or None}}; conditions with one level, or more than
        MOST_LEVELS, are left out. The worst level has the largest mean error over the methods, without the
        constant predictor.
    """
    found = []
    for name in dict.fromkeys(key for row in rows for key in row.condition):
        levels = list(dict.fromkeys(row.condition.get(name, "unknown") for row in rows))
        if not 2 <= len(levels) <= MOST_LEVELS:
            continue
        cells = [_level(rows, name, level) for level in levels]
        found += sorted(cells, key=lambda cell: -_mean_error(cell["mae"]))
    return found


def bland_altman_from_rows(rows: Sequence[StretchRow], number: str = "hr") -> Found | None:
    """Bias and limits of agreement of one method, with the points; None below three pairs.

    Args:
        rows: of one method.
        number: a key of RATES.
    """
    reference, estimate, _ = RATES[number]
    pairs = np.stack([_column(rows, reference), _column(rows, estimate)], axis=1)
    pairs = pairs[np.isfinite(pairs).all(axis=1)]
    if len(pairs) < 3:
        return None
    agreement = metrics.bland_altman(pairs[:, 0], pairs[:, 1])
    points = np.stack([pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]], axis=1)
    return {"bias": agreement.bias, "lower": agreement.lower, "upper": agreement.upper, "points": points}


def _level(rows: Sequence[StretchRow], name: str, level: str) -> Found:
    inside = [row for row in rows if row.condition.get(name, "unknown") == level]
    errors = {}
    for method in dict.fromkeys(row.method for row in rows):
        mine = [row for row in inside if row.method == method]
        mae = metrics.mae(_column(mine, "hr_true_bpm"), _column(mine, "hr_bpm")) if mine else np.nan
        errors[method] = mae if np.isfinite(mae) else None
    clips = {(row.dataset, row.clip) for row in inside}
    return {"condition": name, "level": level, "n_clips": len(clips), "mae": errors}


def _mean_error(errors: Mapping[str, float | None]) -> float:
    known = [error for name, error in errors.items() if name != CONSTANT and error is not None]
    return float(np.mean(known)) if known else 0.0


def _agreement(
    reference: np.ndarray, estimates: np.ndarray, groups: Sequence[np.ndarray], tolerance: float
) -> Found | None:
    """`metrics.evaluate` with intervals; None without a reference or an estimate."""
    if not len(reference) or not (np.isfinite(reference) & np.isfinite(estimates)).any():
        return None
    statistics: dict[str, Callable[[np.ndarray], float]] = {
        "mae": lambda k: metrics.mae(reference[k], estimates[k]),
        "rmse": lambda k: metrics.rmse(reference[k], estimates[k]),
        "r": lambda k: metrics.pearson_r(reference[k], estimates[k]),
        "within": lambda k: metrics.within(reference[k], estimates[k], tolerance),
        "bias": lambda k: float(np.nanmean(estimates[k] - reference[k])),
    }
    both = np.isfinite(reference) & np.isfinite(estimates)
    paired = [known for group in groups if len(known := group[both[group]])]
    found: Found = metrics.evaluate(reference, estimates, tolerance=tolerance)
    for unfit in ("bias_ci_lower", "bias_ci_upper"):  # these assume that pairs are independent
        del found[unfit]
    return {**found, "intervals": {name: _interval(paired, value) for name, value in statistics.items()}}


def _mean(values: np.ndarray, groups: Sequence[np.ndarray]) -> Found | None:
    finite = [known for group in groups if len(known := group[np.isfinite(values[group])])]
    if not finite:
        return None
    interval = _interval(finite, lambda k: float(values[k].mean()))
    low, high = (np.nan, np.nan) if interval is None else interval
    return {"mean": float(values[np.concatenate(finite)].mean()), "low": low, "high": high}


def _interval(
    groups: Sequence[np.ndarray], statistic: Callable[[np.ndarray], float]
) -> tuple[float, float] | None:
    """95 % interval of a statistic of row indices, by resampling people; None for too few people."""
    if len(groups) < FEWEST_PEOPLE:
        return None
    return metrics.bootstrap_ci(
        np.arange(len(groups), dtype=float),
        lambda drawn: statistic(np.concatenate([groups[int(k)] for k in drawn])),
        seed=0,
        n_resamples=N_RESAMPLES,
    )


def _column(rows: Sequence[StretchRow], name: str) -> np.ndarray:
    return np.array([getattr(row, name) for row in rows], float)
