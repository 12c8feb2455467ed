"""Protocol `stress`: one setting at a time, from easy to hopeless, and how every method responds.

Nine sweeps (`sweeps.SWEEPS`) over simulated clips of known truth: head motion, light, flicker, codec, frame rate,
blur, motion blur, noise, skin tone. For every value of a setting, each method's waveform is compared with the true
pulse (r, SNR) and its rate with the true rate, and the readings that the calibration lets pass are counted and
checked, beside the consensus and the constant predictor. At each hard end the same clip without a pulse tests whether
any method shows a number where there is none. The same people appear in all sweeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.analysis.controls import spectra_from_bvp
from rppg_core.analysis.pipeline import Analysis, collect_needs
from rppg_core.errors import FrameRateError, UsageError
from rppg_core.json_form import plain
from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.stress.clips import Stop, stops, stream_stops
from rppg_core.lab.protocols.stress.sweeps import HR_BPM, SECONDS, SWEEPS, Sweep
from rppg_core.lab.protocols.table import Criterion, percent, text_table
from rppg_core.lab.protocols.waveform_scores import waveform_scores
from rppg_core.lab.simulate.settings import SIMULATOR_VERSION
from rppg_core.metrics import bootstrap_ci
from rppg_core.roster import resolve
from rppg_core.types import HR_BAND_HZ, Bvp, FaceClip, Method, Progress, Reading, Truth

BAR = "pos"  # always in the table
CONSENSUS = "consensus"
CONSTANT_BPM = sum(HR_BPM) / 2
CONSTANT = f"constant {CONSTANT_BPM:g}"
SEEDS = 5
WITHIN_BPM = 5.0
BENIGN_R = 0.8
COSTLY = ("motion", "light", "codec", "noise")  # sweeps at whose hard end the r of POS must be lower


@dataclass(frozen=True)
class StressRow:
    """One method (or the consensus, or the constant) on one clip; NaN where it does not give a number."""

    sweep: str
    value: float
    seed: int
    pulsed: bool
    method: str
    r: float
    snr_db: float
    hr_bpm: float  # of the waveform, shown or not
    hr_true_bpm: float
    shown: bool
    confidence: float

    @property
    def hr_error_bpm(self) -> float:
        return abs(self.hr_bpm - self.hr_true_bpm)


def run_stress(
    methods: Sequence[str] | str | None = None,
    *,
    seeds: int = SEEDS,
    runs: Path | str | None = None,
    sweeps: Sequence[str] | None = None,
    weights: Sequence[str | Path] = (),
    progress: Progress | None = None,
    workers: int = 2,
) -> StressResult:
    """The whole protocol.

    Args:
        methods: names; None selects the seven classical ones. POS is always among them.
        seeds: number of people; each appears in every sweep.
        runs: folder that keeps the rendered clips; None: out/runs.
        sweeps: keys of SWEEPS; None: all.
        weights: files of trained networks (other seeds, ablations), each with its own column named after its card.
        progress: called with a stage and a fraction.
        workers: processes that render clips.

    Returns:
        Rows and tables.

    Raises:
        UsageError: a method or sweep is unknown, or `seeds` is below 1.
        WriteError: the folder cannot be written.
    """
    named = list(dict.fromkeys([BAR, *resolve(methods)]))
    own = _own_methods(weights)
    chosen = list(SWEEPS if sweeps is None else sweeps)
    if unknown := [name for name in chosen if name not in SWEEPS]:
        raise UsageError(f"sweep {unknown[0]!r}", wanted=f"one of {', '.join(SWEEPS)}", do="choose one")
    if seeds < 1:
        raise UsageError(f"{seeds} seeds", wanted="1 or more", do=f"leave --seeds out for {SEEDS}")
    wanted = stops(chosen, seeds)
    needs = collect_needs(named).union(*(method.needs for method in own.values())) - {"still"}
    rows: list[StressRow] = []
    for k, (stop, made) in enumerate(
        zip(wanted, stream_stops(wanted, needs, runs, workers=workers), strict=True)
    ):
        rows += judged(stop, *made, named, own)
        if progress is not None:
            progress(f"{stop.sweep} {stop.value:g}, clip {k + 1} of {len(wanted)}", (k + 1) / len(wanted))
    return StressResult(seeds, tuple(chosen), rows)


def _own_methods(weights: Sequence[str | Path]) -> dict[str, Method]:
    """Networks of the user's by name.

    Raises:
        UsageError: one that was trained on maps without the skin weight, which these clips do not hold.
    """
    found = load_networks(weights)
    for one in found:
        if not one.skin_weight:
            raise UsageError(
                f"{one.name} was trained without the skin weight",
                wanted="a network that reads the usual maps",
                do="leave it out, or compare it with --protocol photo",
            )
    return {one.name: one.method for one in found}


def judged(
    stop: Stop, clip: FaceClip, truth: Truth, methods: Sequence[str], own: Mapping[str, Method] | None = None
) -> list[StressRow]:
    """Rows of every method for one clip.

    Args:
        stop: the sweep, value and person of the clip.
        clip: native clip with the fields that the methods need.
        truth: truth of the clip.
        methods: names from the roster; the consensus is theirs.
        own: networks with weights of the user's, by name.
    """
    true_bpm = float(np.mean(truth.hr_bpm)) if truth.pulsed else float("nan")

    def row(method: str, bvp: Bvp | None, hr: Reading | None, hr_bpm: float) -> StressRow:
        r, ratio_db = waveform_scores(bvp, truth) if truth.pulsed else (float("nan"), float("nan"))
        shown = hr is not None and not hr.refused
        return StressRow(stop.sweep, stop.value, stop.seed, stop.pulsed, method, r, ratio_db, hr_bpm, true_bpm, shown,
                   0.0 if hr is None else hr.confidence)  # fmt: skip

    found = []
    try:
        analysis = Analysis(clip, own=own)
        report = analysis.report(methods)
    except FrameRateError:  # refused before any method reads it
        found = [row(name, None, None, float("nan")) for name in (*methods, *(own or ()), CONSENSUS)]
    else:
        for name in (*report.estimates, *(own or ())):
            estimate = analysis.estimate(name)  # computed once
            spectra = spectra_from_bvp(estimate.bvp, HR_BAND_HZ)
            rate_bpm = float("nan") if spectra is None else 60 * spectra.rate_hz
            found.append(row(name, estimate.bvp, estimate.vitals.hr, rate_bpm))
        hr = report.consensus.vitals.hr
        found.append(row(CONSENSUS, None, hr, float("nan") if hr.value is None else hr.value))
    constant = Reading(CONSTANT_BPM, "bpm") if truth.pulsed else None
    return [*found, row(CONSTANT, None, constant, CONSTANT_BPM)]


def summary(rows: Sequence[StressRow]) -> dict[str, Any]:
    """Numbers of one method over all people at one value of a sweep.

    n; r as {"mean", "low", "high"} (mean and range over people); snr_db, hr_mae_bpm and within_5_bpm (0..1) of the
    waveform, shown or not; shown (0..1); shown_mae_bpm of the shown readings. NaN or None if there are no
    values.
    """
    r = np.array([row.r for row in rows])
    known = r[np.isfinite(r)]
    errors = np.array([row.hr_error_bpm for row in rows])
    shown = np.array([row.shown for row in rows])
    return {
        "n": len(rows),
        "r": {"mean": float(known.mean()), "low": float(known.min()), "high": float(known.max())}
        if len(known)
        else None,
        "snr_db": _mean([row.snr_db for row in rows]),
        "hr_mae_bpm": _mean(errors),
        "within_5_bpm": float(np.mean(errors <= WITHIN_BPM)),
        "shown": float(shown.mean()),
        "shown_mae_bpm": _mean(errors[shown]),
    }


@dataclass(frozen=True)
class StressResult:
    """Rows of the protocol, and the tables made from them."""

    seeds: int
    sweeps: tuple[str, ...]
    rows: list[StressRow]

    @property
    def methods(self) -> list[str]:
        """Every method, in the order of the tables."""
        return list(dict.fromkeys(row.method for row in self.rows))

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """Numbers of every method at every stop with a pulse, with "sweep", "value" and "method"."""
        groups: dict[tuple[str, float, str], list[StressRow]] = {}
        for row in self.rows:
            if row.pulsed:
                groups.setdefault((row.sweep, row.value, row.method), []).append(row)
        return [
            {"sweep": sweep, "value": value, "method": method, **summary(rows)}
            for (sweep, value, method), rows in groups.items()
        ]

    def cell(self, sweep: str, value: float, method: str) -> dict[str, Any]:
        """Numbers of one method at one stop."""
        return next(
            cell
            for cell in self.cells
            if (cell["sweep"], cell["value"], cell["method"]) == (sweep, value, method)
        )

    def criteria(self) -> list[Criterion]:
        """The criteria of this protocol."""
        ends = {
            name: (self._r(name, SWEEPS[name].benign), self._r(name, SWEEPS[name].hard))
            for name in self.sweeps
        }
        worst = min(ends, key=lambda name: ends[name][0])
        least = ends[worst][0]
        found = [
            Criterion(
                f"least r of {BAR} at a benign end",
                f"{least:.2f} ({worst})",
                f"at least {BENIGN_R}",
                least >= BENIGN_R,
            )
        ]
        for name in COSTLY:
            if name in ends:
                benign, hard = ends[name]
                found.append(
                    Criterion(
                        f"r of {BAR} at the hard end of {name}",
                        f"{hard:.2f}",
                        f"below {benign:.2f}",
                        hard < benign,
                    )
                )
        estimated = [row for row in self.rows if row.method != CONSTANT]
        shown = [row for row in estimated if row.pulsed and row.shown]
        near = sum(row.hr_error_bpm <= WITHIN_BPM for row in shown)
        found.append(
            Criterion(
                "shown readings within 5 bpm",
                f"{near} of {len(shown)}",
                "at least 97%",
                bool(shown) and near >= 0.97 * len(shown),
            )
        )
        free = [row for row in estimated if not row.pulsed]
        number = sum(row.shown for row in free)
        found.append(
            Criterion("numbers without a pulse, all methods", f"{number} of {len(free)}", "none", not number)
        )
        return found

    def text(self) -> str:
        """All tables."""
        parts = [
            f"stress protocol: {len(self.sweeps)} sweeps, {self.seeds} seeds (people), clips of {SECONDS:g} s, "
            f"simulator version {SIMULATOR_VERSION}\nFirst table: mean r with the true pulse and SNR in dB. "
            "Second: MAE of the waveform's rate in bpm, shown or not; share shown, and its MAE.",
            *(self._sweep_text(SWEEPS[name]) for name in self.sweeps),
            "r lost from the easy end of each sweep on: mean over people, and 95 % interval",
            *(self._lost_text(SWEEPS[name]) for name in self.sweeps),
            f"Shown, and wrong by more than {WITHIN_BPM:g} bpm\n" + self._wrong_text(),
            "\n".join(criterion.line() for criterion in self.criteria()),
        ]
        return "\n\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Rows, numbers, criteria and the data of the figures, ready for JSON."""
        return plain(
            {
                "protocol": "stress",
                "simulator_version": SIMULATOR_VERSION,
                "seeds": self.seeds,
                "criteria": [asdict(c) for c in self.criteria()],
                "stress": {"sweeps": [asdict(SWEEPS[name]) for name in self.sweeps], "cells": self.cells},
                "rows": [asdict(row) for row in self.rows],
            }
        )

    def _r(self, sweep: str, value: float) -> float:
        """Mean r of POS; NaN if every clip was refused."""
        found = self.cell(sweep, value, BAR)["r"]
        return float("nan") if found is None else found["mean"]

    def _sweep_text(self, sweep: Sweep) -> str:
        waves = [m for m in self.methods if m not in (CONSENSUS, CONSTANT)]
        return "\n".join(
            [
                f"{sweep.name}: {sweep.knob}, {sweep.unit}\nexpected: {sweep.expect}",
                self._table(sweep, waves, _wave_words),
                "",
                self._table(sweep, self.methods, _rate_words),
            ]
        )

    def _lost_text(self, sweep: Sweep) -> str:
        """How much of r each method loses along a sweep, person by person."""
        values = [value for value in sweep.values if value != sweep.benign]
        rows = [
            [method, *(self._lost(sweep, value, method) for value in values)]
            for method in self.methods
            if method not in (CONSENSUS, CONSTANT)
        ]
        return text_table([sweep.name, *(f"{value:g}" for value in values)], rows)

    def _lost(self, sweep: Sweep, to: float, method: str) -> str:
        r = {
            value: np.nan_to_num([
                row.r
                for row in self.rows
                if row.pulsed and (row.sweep, row.value, row.method) == (sweep.name, value, method)
            ])
            for value in (sweep.benign, to)
        }  # fmt: skip
        lost = r[sweep.benign] - r[to]
        if len(lost) < 2:
            return f"{lost.mean():.3f}"
        low, high = bootstrap_ci(lost, np.mean, seed=0, n_resamples=2000)
        return f"{lost.mean():.3f} ({low:.3f} to {high:.3f})"

    def _wrong_text(self) -> str:
        """Every clip on which a method shows a wrong rate, with the methods that do."""
        wrong: dict[tuple[str, float, int, float], list[str]] = {}
        for row in self.rows:
            if row.method != CONSTANT and row.shown and row.hr_error_bpm > WITHIN_BPM:
                place = row.sweep, row.value, row.seed, row.hr_true_bpm
                wrong.setdefault(place, []).append(f"{row.method} {row.hr_bpm:.0f}")
        lines = [
            f"{sweep} {value:g}, seed {seed}, true {true_bpm:.0f}: {', '.join(said)}"
            for (sweep, value, seed, true_bpm), said in wrong.items()
        ]
        return "\n".join(lines) or "none"

    def _table(self, sweep: Sweep, methods: Sequence[str], words: Callable[[Mapping[str, Any]], str]) -> str:
        rows = [
            [f"{value:g}", *(words(self.cell(sweep.name, value, method)) for method in methods)]
            for value in sweep.values
        ]
        return text_table([sweep.name, *methods], rows)


def _wave_words(cell: Mapping[str, Any]) -> str:
    return "" if cell["r"] is None else f"{cell['r']['mean']:.2f} {cell['snr_db']:+.1f}"


def _rate_words(cell: Mapping[str, Any]) -> str:
    error, right = cell["hr_mae_bpm"], cell["shown_mae_bpm"]
    parts = ["-" if np.isnan(error) else f"{error:.1f}", percent(cell["shown"], 1)]
    return "; ".join([*parts, *([] if np.isnan(right) else [f"{right:.1f}"])])


def _mean(values: Sequence[float] | np.ndarray) -> float:
    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    return float(known.mean()) if len(known) else float("nan")
