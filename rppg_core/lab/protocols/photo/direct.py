"""Rates that networks regress, in protocol `photo`, compared with a constant, POS and the ratio of ratios.

These numbers are not checked by the calibration and are not shown in a report, so they are scored on every
clip for which they exist. The middle of the benchmark's distribution is known in advance: a network must be
better than that constant. SpO2 also has a classical competitor, the ratio of ratios of the skin's colour. A
straight line converts it to a percentage; the line is fitted on one half of the clips and tested on the
other, and vice versa (cross-fitting), because no calibration exists and each clip has a different camera.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from rppg_core.lab.protocols.photo.clips import BREATH_S, PULSE_S
from rppg_core.lab.protocols.photo.draws import SPO2_PERCENT
from rppg_core.lab.protocols.photo.scores import BAR, CONSTANT_BPM, CONSTANT_BRPM, PhotoRow, mean_ci
from rppg_core.lab.protocols.table import Criterion, text_table

CONSTANT_SPO2_PERCENT = sum(SPO2_PERCENT) / 2
MAX_RR_MAE_BRPM = 2.5  # largest error of a network that regresses breathing, over all long clips
RATIOS = {"red_over_blue": "ratio of ratios, red/blue", "red_over_green": "ratio of ratios, red/green"}
ABOUT = (
    "Rates that networks regress themselves (SpO2 is not calibrated; a ratio of ratios becomes % by a line fitted "
    "on\nthe other half of the clips; RR of a waveform is counted where it is shown)"
)
HALVES_SEED = 0
MIN_FIT = 3  # fewest clips for the fit of a line


@dataclass(frozen=True)
class DirectLine:
    """The error of one source of a rate, on the clips for which it gives a value."""

    rate: str  # with its unit and the clips
    source: str
    n: int
    mae: dict[str, float]  # mean, low, high
    gain: dict[str, float] | None  # error of the constant minus that error, on the same clips


@dataclass(frozen=True)
class _Rate:
    """One block of the table."""

    name: str
    clips: Callable[[PhotoRow], bool]
    true: Callable[[PhotoRow], float]
    direct: Callable[[PhotoRow], float]
    waveform: Callable[[PhotoRow], float] | None
    constant: float


def _heart(name: str, *, breath: bool) -> _Rate:
    return _Rate(
        name,
        lambda row: row.breath == breath,
        lambda row: row.hr_true_bpm,
        lambda row: row.direct_hr_bpm,
        lambda row: row.hr_bpm,
        CONSTANT_BPM,
    )


BREATHING = _Rate(
    f"RR brpm, {BREATH_S:g} s",
    lambda row: row.breath,
    lambda row: row.rr_true_brpm,
    lambda row: row.direct_rr_brpm,
    lambda row: row.rr_brpm,
    CONSTANT_BRPM,
)
OXYGEN = _Rate(
    "SpO2 %, all",
    lambda row: True,
    lambda row: row.spo2_true_percent,
    lambda row: row.direct_spo2_percent,
    None,
    CONSTANT_SPO2_PERCENT,
)
RATES = (
    _heart(f"HR bpm, {PULSE_S:g} s", breath=False),
    _heart(f"HR bpm, {BREATH_S:g} s", breath=True),
    BREATHING,
    OXYGEN,
)


def direct_lines(rows: Sequence[PhotoRow]) -> list[DirectLine]:
    """Errors of each regressed rate: of networks, waveforms, the ratio of ratios and the constant.

    Args:
        rows: rows of protocol photo.

    Returns:
        Lines, rate by rate; rates that no network regresses are left out.
    """
    lines = []
    for rate in RATES:
        inside = [row for row in rows if rate.clips(row)]
        networks = list(dict.fromkeys(row.method for row in inside if np.isfinite(rate.direct(row))))
        if not networks:
            continue
        said = [(f"{name}, regressed", _pairs(name, inside, rate.true, rate.direct)) for name in networks]
        if rate.waveform is not None:
            said += [
                (f"{name}, waveform", _pairs(name, inside, rate.true, rate.waveform))
                for name in dict.fromkeys([*networks, BAR])
            ]
        else:
            said += [(words, ratio_guesses(inside, field)) for field, words in RATIOS.items()]
        true = np.array([rate.true(row) for row in _each_clip(inside)])
        said.append(
            (f"constant {rate.constant:g}", np.stack([np.full(len(true), rate.constant), true], axis=1))
        )
        lines += [
            line
            for source, pairs in said
            if (line := _line(rate.name, source, pairs, rate.constant)) is not None
        ]
    return lines


def direct_table(lines: Sequence[DirectLine]) -> str:
    """The lines as a table; "" if there are none."""

    def words(found: dict[str, float] | None, sign: str = "") -> str:
        if found is None:
            return ""
        return f"{found['mean']:{sign}.2f} ({found['low']:{sign}.2f} to {found['high']:{sign}.2f})"

    cells = [
        [f"{line.rate}  {line.source}", str(line.n), words(line.mae), words(line.gain, "+")] for line in lines
    ]
    return (
        text_table(["rate, clips, from", "n", "MAE", "better than the constant by"], cells) if cells else ""
    )


def ratio_guesses(rows: Sequence[PhotoRow], field: str) -> Float[np.ndarray, "clip 2"]:
    """SpO2 from a ratio of ratios, and the true SpO2, per clip; NaN without a ratio or a line. Unit: %.

    Args:
        rows: rows of any methods; the ratios of a clip are the same in all of them.
        field: a key of RATIOS.

    Source: cross-fitting on two random halves; our choice: least squares, as in `oximetry`.
    """
    clips = _each_clip(rows)
    ratio = np.array([getattr(row, field) for row in clips], float)
    true = np.array([row.spo2_true_percent for row in clips], float)
    half = np.random.default_rng(HALVES_SEED).permutation(len(clips)) % 2
    guess = np.full(len(clips), np.nan)
    for judged in (0, 1):
        fitted = (half != judged) & np.isfinite(ratio) & np.isfinite(true)
        if fitted.sum() >= MIN_FIT and np.ptp(ratio[fitted]) > 0:
            slope, offset = np.polyfit(ratio[fitted], true[fitted], 1)
            guess[half == judged] = slope * ratio[half == judged] + offset
    return np.stack([guess, true], axis=1)


def breath_criterion(rows: Sequence[PhotoRow], method: str) -> Criterion | None:
    """The criterion for a network that regresses breathing, on all long clips; None if it does not."""
    pairs = _pairs(method, [row for row in rows if row.breath], BREATHING.true, BREATHING.direct)
    errors = np.abs(pairs[:, 0] - pairs[:, 1])
    n_given = int(np.isfinite(errors).sum())
    if not n_given:
        return None
    mae = float(np.nanmean(errors))
    return Criterion(
        f"RR MAE that {method} regresses",
        f"{mae:.2f} brpm, {n_given} of {len(errors)} clips of {BREATH_S:g} s",
        f"below {MAX_RR_MAE_BRPM}, on all of them",
        mae < MAX_RR_MAE_BRPM and n_given == len(errors),
    )


def _pairs(
    method: str,
    rows: Sequence[PhotoRow],
    true: Callable[[PhotoRow], float],
    said: Callable[[PhotoRow], float],
) -> Float[np.ndarray, "clip 2"]:
    """(estimated, true) of each clip."""
    pairs = [(said(row), true(row)) for row in rows if row.method == method]
    return np.array(pairs, float).reshape(-1, 2)


def _each_clip(rows: Sequence[PhotoRow]) -> list[PhotoRow]:
    """One row per clip, of any method."""
    return list({row.clip: row for row in rows}.values())


def _line(rate: str, source: str, pairs: Float[np.ndarray, "clip 2"], constant: float) -> DirectLine | None:
    known = pairs[np.isfinite(pairs).all(axis=1)]
    errors, fixed = np.abs(known[:, 0] - known[:, 1]), np.abs(constant - known[:, 1])
    mae = mean_ci(errors)
    if mae is None:
        return None
    gain = None if source.startswith("constant") else mean_ci(fixed - errors)
    return DirectLine(rate, source, len(known), mae, gain)
