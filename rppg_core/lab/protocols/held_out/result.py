"""The result of protocols `intra`, `cross` and `mssdg`: text tables, data for JSON, and criteria.

POS and the constant predictor are in every table. A target is the dataset on which a row was tested; if there
are several targets, each has its own lines. If a network was trained with more seeds for some targets than
for others, the tables use the seeds that all targets have; a separate table shows the effect of the further
seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from rppg_core.json_form import plain
from rppg_core.lab.protocols.held_out.numbers import (
    CONSTANT,
    Constant,
    Found,
    bland_altman_from_rows,
    by_condition,
    constant_rows,
    numbers_from_rows,
)
from rppg_core.lab.protocols.held_out.part_tables import Parts
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.seed_spread import seed_entries, seed_table
from rppg_core.lab.protocols.held_out.trained import Trained, training_table
from rppg_core.lab.protocols.table import Criterion, percent, text_table

UNITS = ("window", "video")
ALL = "all"
BAR = "pos"  # in every table
AGREED = {"hr": "bpm", "direct_spo2": "%"}  # numbers whose agreement with the label is shown


@dataclass(frozen=True)
class DatasetResult:
    """Rows of a protocol, and the tables made from them."""

    protocol: str
    about: str  # one or two sentences on the training and test data
    window_s: float
    rows: Sequence[StretchRow]  # of the methods; rows of the constant predictor are added here
    constants: Mapping[str, Constant]  # split -> constant predictor
    trained: Sequence[Trained] = ()
    # computes further criteria of a protocol from its result
    promises: Callable[[DatasetResult], list[Criterion]] | None = None
    parts: Sequence[Parts] = ()  # ablations of networks, trained separately
    scoring_cpu_s: float = 0.0  # processor time of running all methods

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(row.method for row in self.rows))

    @property
    def targets(self) -> list[str]:
        return list(dict.fromkeys(row.dataset for row in self.rows))

    @cached_property
    def all_rows(self) -> list[StretchRow]:
        """Rows of the methods and of the constant predictor."""
        return [*self.rows, *constant_rows(self.rows, self.constants)]

    @cached_property
    def even_rows(self) -> list[StretchRow]:
        """Rows of the seeds that every split has, for each method, so that all splits count equally."""
        seeds: dict[tuple[str, str], set[int]] = {}
        for row in self.all_rows:
            seeds.setdefault((row.method, row.split), set()).add(row.seed)
        shared = {
            method: set.intersection(*(found for (name, _), found in seeds.items() if name == method))
            for method, _ in seeds
        }
        return [row for row in self.all_rows if row.seed in shared[row.method]]

    @cached_property
    def seeds(self) -> list[Found]:
        """Numbers of each training of the networks that were trained more than once."""
        return seed_entries(self.all_rows, BAR)

    @cached_property
    def cells(self) -> list[Found]:
        """Numbers of every method on every target, and on all targets together, per window and per video."""
        found = []
        groups = [*self.targets, ALL] if len(self.targets) > 1 else self.targets
        for target in groups:
            for unit in UNITS:
                for method in [*self.methods, CONSTANT]:
                    rows = [
                        row
                        for row in self.even_rows
                        if row.method == method and row.unit == unit and target in (ALL, row.dataset)
                    ]
                    found.append(
                        {"target": target, "unit": unit, "method": method, **numbers_from_rows(rows)}
                    )
        return found

    def cell(self, method: str, unit: str, target: str | None = None) -> Found:
        """Numbers of one method; `target` None selects everything that was tested."""
        target = (ALL if len(self.targets) > 1 else self.targets[0]) if target is None else target
        wanted = {"target": target, "unit": unit, "method": method}
        return next(cell for cell in self.cells if all(cell[key] == wanted[key] for key in wanted))

    @cached_property
    def conditions(self) -> list[Found]:
        """Heart-rate error per window at every level of every condition; several targets are one, too."""
        rows = [row for row in self.even_rows if row.unit == "window"]
        if len(self.targets) > 1:
            rows = [replace(row, condition={"target": row.dataset, **row.condition}) for row in rows]
        return by_condition(rows)

    @cached_property
    def agreement(self) -> dict[str, list[Found]]:
        """Agreement of every method's heart rate and SpO2 with the label, over videos."""
        found: dict[str, list[Found]] = {}
        for number, unit in AGREED.items():
            found[number] = []
            for method in [*self.methods, *([CONSTANT] if number == "direct_spo2" else [])]:
                mine = [row for row in self.even_rows if row.method == method and row.unit == "video"]
                one = bland_altman_from_rows(mine, number)
                if one is not None:
                    found[number].append({"method": method, "unit": unit, **one})
        return found

    def criteria(self) -> list[Criterion]:
        """The criteria: every trained network beats the constant predictor; and those of the protocol."""
        found = []
        for method in dict.fromkeys(row.method for row in self.rows if row.steps):
            mine, constant = self.cell(method, "video"), self.cell(CONSTANT, "video")
            words, unit, bar = "HR", "bpm", constant["hr"]
            numbers = mine["hr"] or mine["direct_hr"]
            if numbers is None:  # a network that gives SpO2 alone
                words, unit, bar, numbers = "SpO2", "%", constant["direct_spo2"], mine["direct_spo2"]
            if numbers is not None and bar is not None:
                bar = bar["mae"]
                found.append(
                    Criterion(
                        f"{words} MAE of {method} per video",
                        f"{numbers['mae']:.2f} {unit}",
                        f"below {bar:.2f}, the MAE of the constant",
                        numbers["mae"] < bar,
                    )
                )
        return found + (self.promises(self) if self.promises is not None else [])

    def text(self) -> str:
        """All tables."""
        parts = [self._head()]
        if len(self.targets) > 1:
            parts.append(
                "Every target at a glance (MAE; RR and SpO2 per video, where labelled and given)\n"
                + self._overview()
            )
        for unit in UNITS:
            words = f"per {self.window_s:g} s window, half overlapping" if unit == "window" else "per video"
            parts.append(
                f"Heart rate of the waveform, {words}\n" + self._table(unit, _rate_cells, RATE_HEADER)
            )
        parts.append("The waveform, per window\n" + self._table("window", _wave_cells, WAVE_HEADER))
        for number, found in self.agreement.items():
            if found:
                parts.append(
                    "Agreement per video (estimated minus label)\n" + self._agreement_table(number, found)
                )
        if other := self._other_table():
            parts.append("Other numbers, per video (SpO2 is not calibrated)\n" + other)
        if conditions := self._condition_table():
            parts.append("HR MAE (bpm) by condition, per window, worst level first\n" + conditions)
        if self.seeds:
            words = (
                "Networks that were trained more than once for a target (MAE, and r; RR of pos where shown)"
            )
            parts.append(f"{words}\n{seed_table(self.seeds, BAR)}")
        parts += [part.text() for part in self.parts]
        if self.trained:
            rows = [*self.rows, *(row for part in self.parts for row in part.rows)]
            parts.append("What was trained\n" + training_table(self.trained, rows) + "\n" + self._cost())
        if criteria := self.criteria():
            parts.append("\n".join(criterion.line() for criterion in criteria))
        return "\n\n".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Rows, numbers, criteria and the data of the figures, ready for JSON."""
        return plain(
            {
                "protocol": self.protocol,
                "about": self.about,
                "window_s": self.window_s,
                "criteria": [asdict(criterion) for criterion in self.criteria()],
                "constants": {split: asdict(said) for split, said in self.constants.items()},
                "cells": self.cells,
                "bland_altman": self.agreement["hr"],
                "bland_altman_spo2": self.agreement["direct_spo2"],
                "error_by_condition": self.conditions,
                "trained": [asdict(training) for training in self.trained],
                "seeds": self.seeds,
                "parts": [part.to_dict() for part in self.parts],
                "cost": {
                    "training_cpu_s": sum(t.cpu_s for t in self.trained),
                    "scoring_cpu_s": self.scoring_cpu_s,
                },
                "rows": [asdict(row) for row in self.all_rows],
            }
        )

    def _head(self) -> str:
        videos = {(row.dataset, row.clip) for row in self.rows}
        people = {(row.dataset, row.subject) for row in self.rows}
        sources = dict.fromkeys(row.hr_from or "no label" for row in self.rows if row.unit == "video")
        said = dict.fromkeys(f"{c.why}, {c.hr_bpm:.1f} bpm" for c in self.constants.values())
        constant = (
            next(iter(said)) if len(said) == 1 else f"{next(iter(self.constants.values())).why} of each split"
        )
        return (
            f"{self.protocol} protocol: {self.about}\n"
            f"{len(videos)} videos of {len(people)} people tested; true heart rate: {', '.join(sources)}. "
            f"Constant: {constant}.\n(95 % intervals: bootstrap over people; errors are of the waveform, shown or "
            f'not; "shown" is what the calibration lets pass, and its own error{self._left_out()})'
        )

    def _left_out(self) -> str:
        """A note on the seeds used in the tables, if some targets have more."""
        if len(self.even_rows) == len(self.all_rows):
            return ""
        kept = sorted({row.seed for row in self.even_rows if row.steps})
        words = f"seed{'s' if len(kept) != 1 else ''} {', '.join(map(str, kept))}"
        return f"; networks are those of {words}, which every target has"

    def _overview(self) -> str:
        """The overview table: one line per target and method."""
        lines = []
        for window in (cell for cell in self.cells if cell["unit"] == "window"):
            video = self.cell(window["method"], "video", window["target"])
            lines.append(
                [
                    f"{window['target']}  {window['method']}",
                    _number(window["hr"], "mae", 2),
                    _number(video["hr"], "mae", 2),
                    _correlation(window, _number(window["hr"], "r", 2)),
                    _number(window["hr"], "within", 0, factor=100),
                    _number(video["direct_hr"], "mae", 2),
                    _number(video["rr"], "mae", 2),
                    _number(video["direct_rr"], "mae", 2),
                    _number(video["direct_spo2"], "mae", 2),
                ]
            )
        header = ["target  method", "HR window", "HR video", "r", "within 5 bpm %", "HR regressed", "RR brpm",
                  "RR regressed", "SpO2 %"]  # fmt: skip
        return text_table(header, lines)

    def _table(self, unit: str, make_cells: Callable[[Found], list[str]], header: Sequence[str]) -> str:
        several = len(self.targets) > 1
        lines = [
            [f"{cell['target']}  {cell['method']}" if several else cell["method"], *make_cells(cell)]
            for cell in self.cells
            if cell["unit"] == unit
        ]
        return text_table([("target  " if several else "") + "method", *header], lines)

    def _agreement_table(self, number: str, agreements: Sequence[Found]) -> str:
        lines = []
        for found in agreements:
            numbers = self.cell(found["method"], "video")[number]
            lines.append(
                [
                    found["method"],
                    str(len(found["points"])),
                    _with_interval(numbers, "bias", 2, sign="+"),
                    f"{found['lower']:+.1f} to {found['upper']:+.1f}",
                    f"{numbers['rmse']:.2f}",
                    _number(numbers, "r", 2),
                ]
            )
        name, unit = {"hr": "HR", "direct_spo2": "SpO2"}[number], AGREED[number]
        header = [name, "n", f"bias {unit}", f"95 % limits {unit}", f"RMSE {unit}", "r"]
        return text_table(header, lines)

    def _other_table(self) -> str:
        """RR, SpO2 and the rates that networks regress, compared with the constant predictor and POS."""
        asked = [
            ("HR regressed", "bpm", "direct_hr", "hr"),
            ("RR shown", "brpm", "rr", "rr"),
            ("RR regressed", "brpm", "direct_rr", "rr"),
            ("SpO2 regressed", "%", "direct_spo2", "direct_spo2"),
        ]
        lines = []
        for cell in self.cells:
            if cell["unit"] != "video" or cell["method"] == CONSTANT:
                continue
            constant, pos = (self.cell(name, "video", cell["target"]) for name in (CONSTANT, BAR))
            for words, unit, name, beside in asked:
                found, bar = cell[name], constant[beside]
                if found is not None:
                    lines.append([
                        f"{cell['target']}  {cell['method']}", words, str(int(found["n"])),
                        percent(found["coverage"], 1), _with_interval(found, "mae", 2), f"{found['within']:.0%}",
                        _number(bar, "mae", 2), _number(pos[beside], "mae", 2), unit,
                    ])  # fmt: skip
        header = ["target  method", "number", "n", "given", "MAE", "within 5 bpm or 2", "MAE of the constant",
                  f"of {BAR}", "unit"]  # fmt: skip
        return text_table(header, lines) if lines else ""

    def _condition_table(self) -> str:
        methods = [*self.methods, CONSTANT]
        lines = [
            [
                f"{found['condition']} {found['level']}",
                str(found["n_clips"]),
                *("" if found["mae"][m] is None else f"{found['mae'][m]:.1f}" for m in methods),
            ]
            for found in self.conditions
        ]
        return text_table(["condition", "videos", *methods], lines) if lines else ""

    def _cost(self) -> str:
        """Processor time of all trainings, including kept ones, and of scoring; without rendering."""
        training_s, scoring_s = sum(training.cpu_s for training in self.trained), self.scoring_cpu_s
        return (
            f"Cost: {training_s / 60:.1f} CPU-minutes of training and {scoring_s / 60:.1f} of scoring, "
            f"{(training_s + scoring_s) / 3600:.2f} CPU-hours in all"
        )


RATE_HEADER = (
    "n",
    "MAE bpm",
    "RMSE bpm",
    "MAPE %",
    "r",
    "within 5 bpm %",
    "shown",
    "MAE of shown bpm",
)
WAVE_HEADER = ("n", "r", "MACC", "SNR dB")


def _rate_cells(cell: Found) -> list[str]:
    hr, shown = cell["hr"], cell["shown"]
    if hr is None:
        return [""] * len(RATE_HEADER)
    return [
        str(int(hr["n"])),
        _with_interval(hr, "mae", 2),
        _with_interval(hr, "rmse", 2),
        f"{hr['mape']:.1f}",
        _correlation(cell, _with_interval(hr, "r", 2)),
        _with_interval(hr, "within", 0, factor=100),
        percent(0.0 if shown is None else shown["coverage"], 1),
        _with_interval(shown, "mae", 2),
    ]


def _wave_cells(cell: Found) -> list[str]:
    waves = [_mean_cell(cell["r"], 2), _mean_cell(cell["macc"], 2), _mean_cell(cell["snr_db"], 1)]
    return [str(int(cell["hr"]["n"])) if cell["hr"] and any(waves) else "", *waves]


def _mean_cell(found: Found | None, digits: int) -> str:
    if found is None:
        return ""
    return f"{found['mean']:.{digits}f} {_range(found['low'], found['high'], digits)}".rstrip()


def _correlation(cell: Found, words: str) -> str:
    """Empty for the constant predictor, whose correlation over several splits only reflects the splits."""
    return "" if cell["method"] == CONSTANT else words


def _number(found: Found | None, name: str, digits: int, *, factor: float = 1) -> str:
    if found is None or not np.isfinite(found[name]):
        return ""
    return f"{factor * found[name]:.{digits}f}"


def _with_interval(found: Found | None, name: str, digits: int, *, factor: float = 1, sign: str = "") -> str:
    """'3.10 (2.40 to 3.90)'; without brackets if there is no interval, '' if there is no number."""
    if found is None or not np.isfinite(found[name]):
        return ""
    interval = found["intervals"][name]
    low, high = (np.nan, np.nan) if interval is None else (factor * value for value in interval)
    return f"{factor * found[name]:{sign}.{digits}f} {_range(low, high, digits, sign)}".rstrip()


def _range(low: float, high: float, digits: int, sign: str = "") -> str:
    return f"({low:{sign}.{digits}f} to {high:{sign}.{digits}f})" if np.isfinite([low, high]).all() else ""
