"""Numbers of a network for each seed: the effect of the seed, and the difference between two networks.

`numbers` gives the spread over people; here each number is computed once per seed over all people, and shown
with its mean and standard deviation over the seeds. Two networks are compared seed by seed, because with the
same seed they are trained on the same samples in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rppg_core import metrics
from rppg_core.lab.protocols.held_out.numbers import CONSTANT, RATES
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.table import text_table


@dataclass(frozen=True)
class Number:
    """The definition of one number computed from rows: an error (MAE), or the mean of a column."""

    key: str
    words: str
    unit: str
    rows: str  # unit of the rows: "window" or "video"
    rate: str = ""  # a key of RATES; "" takes the mean of a column
    beside: str = ""  # key of RATES used for methods that regress nothing
    column: str = "r"  # field of the rows, without a rate

    @property
    def label(self) -> str:
        """The label that the number needs: "bvp", "hr", "rr" or "spo2"."""
        return self.rate.removeprefix("direct_").removesuffix("_read") or "bvp"


HR_WINDOW = Number("hr_window", "HR of the waveform, per window", "bpm", "window", "hr", "hr")
WAVE_R = Number("r", "r of the waveform, per window", "", "window")
LEAK = Number("leak", "share of the waveform's power below 0.5 Hz, per window", "", "window", column="leak")
READ_RR = Number(
    "rr_read", "RR of a waveform, shown or not, per video", "brpm", "video", "rr_read", "rr_read"
)
DIRECT_HR = Number("direct_hr", "HR regressed, per video", "bpm", "video", "direct_hr", "hr")
DIRECT_RR = Number("direct_rr", "RR regressed, per video", "brpm", "video", "direct_rr", "rr")
DIRECT_SPO2 = Number("direct_spo2", "SpO2 regressed, per video", "%", "video", "direct_spo2", "direct_spo2")
NUMBERS = (
    HR_WINDOW,
    Number("hr_video", "HR of the waveform, per video", "bpm", "video", "hr", "hr"),
    WAVE_R,
    LEAK,
    READ_RR,
    DIRECT_HR,
    DIRECT_RR,
    DIRECT_SPO2,
)


@dataclass(frozen=True)
class Spread:
    """One number, with one value per seed."""

    values: Mapping[int, float]  # seed -> number, all finite

    @property
    def mean(self) -> float:
        return float(np.mean(list(self.values.values())))

    @property
    def sd(self) -> float:
        """Sample standard deviation over the seeds; NaN for one seed."""
        return float(np.std(list(self.values.values()), ddof=1)) if len(self.values) > 1 else float("nan")

    def minus(self, other: Spread) -> Spread | None:
        """The difference seed by seed; None if no seed is in both."""
        both = {
            seed: value - other.values[seed] for seed, value in self.values.items() if seed in other.values
        }
        return Spread(both) if both else None

    @property
    def each(self) -> str:
        """'3.10, 2.90, 3.40', in the order of the seeds."""
        return ", ".join(f"{self.values[seed]:.2f}" for seed in sorted(self.values))

    def words(self, sign: str = "") -> str:
        """'3.10 ± 0.20'; without the deviation for one seed."""
        spread = f" ± {self.sd:.2f}" if np.isfinite(self.sd) else ""
        return f"{self.mean:{sign}.2f}{spread}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "seeds": sorted(self.values),
            "values": [self.values[seed] for seed in sorted(self.values)],
            "mean": self.mean,
            "sd": self.sd,
        }


def value_from_rows(rows: Sequence[StretchRow], number: Number, *, beside: bool = False) -> float:
    """A number computed from the rows of one method; NaN without a reference or an estimate.

    Args:
        rows: rows of both units.
        number: which number.
        beside: True if the method regresses nothing; `number.beside` is then used.
    """
    rate = number.beside if beside else number.rate
    mine = [row for row in rows if row.unit == number.rows]
    if not number.rate:
        finite = [value for row in mine if np.isfinite(value := getattr(row, number.column))]
        return float(np.mean(finite)) if finite else float("nan")
    true, estimated, _ = RATES[rate]
    reference, estimates = (
        np.array([getattr(row, name) for row in mine], float) for name in (true, estimated)
    )
    return metrics.mae(reference, estimates)


def spread_from_rows(rows: Sequence[StretchRow], number: Number) -> Spread | None:
    """A number of one network, for each seed; None if no seed has it."""
    seeds = dict.fromkeys(row.seed for row in rows)
    values = {seed: value_from_rows([row for row in rows if row.seed == seed], number) for seed in seeds}
    finite = {seed: value for seed, value in values.items() if np.isfinite(value)}
    return Spread(finite) if finite else None


def seed_entries(rows: Sequence[StretchRow], bar: str) -> list[dict[str, Any]]:
    """Every number of the networks that were trained more than once for a target.

    Args:
        rows: rows of all methods, including the constant predictor.
        bar: method to compare with.

    Returns:
        Entries of "target", "method", "steps", "number", "words", "unit", "seeds", "values", "mean", "sd",
        and the values of `bar` and of the constant predictor, NaN where they have none.
    """
    groups: dict[tuple[str, str, int], list[StretchRow]] = {}
    for row in rows:
        groups.setdefault((row.dataset, row.method, row.steps), []).append(row)
    entries = []
    for (target, method, steps), mine in groups.items():
        if len({row.seed for row in mine}) < 2:
            continue
        others = {
            name: [r for r in rows if (r.dataset, r.method) == (target, name)] for name in (bar, CONSTANT)
        }
        for number in NUMBERS:
            if (spread := spread_from_rows(mine, number)) is not None:
                beside = {name: value_from_rows(them, number, beside=True) for name, them in others.items()}
                about = {
                    "target": target,
                    "method": method,
                    "steps": steps,
                    "number": number.key,
                    "words": number.words,
                    "unit": number.unit,
                }
                entries.append({**about, **spread.to_dict(), **beside})
    return entries


def seed_table(entries: Sequence[Mapping[str, Any]], bar: str) -> str:
    """The entries of `seed_entries` as a table."""
    lines = []
    for entry in entries:
        spread = Spread(dict(zip(entry["seeds"], entry["values"], strict=True)))
        lines.append(
            [
                f"{entry['target']}  {entry['method']}",
                entry["words"],
                entry["unit"],
                spread.each,
                spread.words(),
                number_cell(entry[bar]),
                number_cell(entry[CONSTANT]),
            ]
        )
    header = ["target  network", "number", "unit", "of each seed", "mean ± sd", bar, CONSTANT]
    return text_table(header, lines)


def number_cell(value: float) -> str:
    """The value with two decimals; empty for NaN."""
    return f"{value:.2f}" if np.isfinite(value) else ""
