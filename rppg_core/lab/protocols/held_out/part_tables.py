"""The effect of removing a part of a network, and of training all tasks at once instead of one alone.

The trainings of `parts` give two tables: ablations, and the seesaw for each task. Tasks that the held-out
domain does not label are scored against the simulator's own truth, which the table states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from rppg_core.lab.protocols.held_out.numbers import CONSTANT
from rppg_core.lab.protocols.held_out.parts import list_parts, list_single_task_variants
from rppg_core.lab.protocols.held_out.scores import StretchRow
from rppg_core.lab.protocols.held_out.seed_spread import (
    DIRECT_HR,
    DIRECT_RR,
    DIRECT_SPO2,
    HR_WINDOW,
    LEAK,
    READ_RR,
    WAVE_R,
    Number,
    Spread,
    number_cell,
    spread_from_rows,
    value_from_rows,
)
from rppg_core.lab.protocols.held_out.trained import Trained
from rppg_core.lab.protocols.table import text_table

WHOLE = "whole"
ASKED = (HR_WINDOW, WAVE_R, LEAK, READ_RR, DIRECT_HR, DIRECT_RR, DIRECT_SPO2)
COLUMNS = {
    LEAK: "leakage",
    READ_RR: "RR",
    DIRECT_HR: "HR regressed",
    DIRECT_RR: "RR regressed",
    DIRECT_SPO2: "SpO2 regressed",
}  # heads of the table; r is the first and stands always
OF_TASK = {"bvp": (HR_WINDOW, WAVE_R), "hr": (DIRECT_HR,), "rr": (DIRECT_RR,), "spo2": (DIRECT_SPO2,)}


@dataclass(frozen=True)
class Parts:
    """Rows of all variants of a network on one held-out domain, and the tables made from them."""

    network: str
    target: str
    labelled: frozenset[str]  # tasks that the domain labels
    rows: Sequence[StretchRow]  # of the variants, `bar` and the constant predictor, on the same stretches
    trained: Sequence[Trained]
    bar: str

    @cached_property
    def ablations(self) -> list[dict[str, Any]]:
        """Every variant, the whole network first: {"variant", "n_parameters", "minus_whole", number: spread}."""
        found = []
        for variant in ("", *list_parts(self.network)):
            spreads = {number.key: self._spread(variant, number) for number in ASKED}
            mine, whole = spreads[HR_WINDOW.key], self._spread("", HR_WINDOW)
            minus = mine.minus(whole) if variant and mine is not None and whole is not None else None
            size = next((t.n_parameters for t in self.trained if t.variant == variant), 0)
            found.append(
                {
                    "variant": variant or WHOLE,
                    "n_parameters": size,
                    "minus_whole": _plain(minus),
                    **{key: _plain(spread) for key, spread in spreads.items()},
                }
            )
        return found

    @cached_property
    def seesaw(self) -> list[dict[str, Any]]:
        """Every task, trained alone and with all others.

        Entries hold "task", "number", "words", "unit", "truth", "single", "multi", "difference" (multi minus single),
        "better" (number of seeds for which multi is better) and the value of the constant predictor.
        """
        found = []
        for task, variant in list_single_task_variants(self.network).items():
            for number in OF_TASK[task]:
                single, multi = self._spread(variant, number), self._spread("", number)
                minus = multi.minus(single) if multi is not None and single is not None else None
                better = [v < 0 if number.rate else v > 0 for v in minus.values.values()] if minus else []
                found.append({
                    "task": task, "number": number.key, "words": number.words, "unit": number.unit,
                    "truth": self.name_truth(number), "single": _plain(single), "multi": _plain(multi),
                    "difference": _plain(minus), "better": sum(better), CONSTANT: self._beside(CONSTANT, number),
                })  # fmt: skip
        return found

    def name_truth(self, number: Number) -> str:
        """The reference of a number: "label", "simulator", or "not labelled" if there is no reference."""
        if number.label in self.labelled:
            return "label"
        names = {"bvp": "r", "hr": "hr_true_bpm", "rr": "rr_true_brpm", "spo2": "spo2_true_percent"}
        known = any(
            getattr(row, names[number.label]) == getattr(row, names[number.label]) for row in self.rows
        )
        return "simulator" if known else "not labelled"

    def text(self) -> str:
        """Both tables, each with its title."""
        steps = self.trained[0].steps
        seeds = len({training.seed for training in self.trained})
        about = (
            f"on {self.target}, all trained for {steps} steps with {seeds} seed{'s' if seeds != 1 else ''}"
        )
        parts = (
            f"What the parts of {self.network} are for: HR MAE (bpm) of the waveform per window and what else it "
            f"gives, {about} (mean ± sd over seeds{self._truth_note()})\n{self._ablation_table()}"
        )
        if not self.seesaw:
            return parts
        title = f"The seesaw: {self.network} with one task alone and with all, {about}"
        return f"{parts}\n\n{title}\n{self._seesaw_table()}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "target": self.target,
            "steps": self.trained[0].steps,
            "labelled": sorted(self.labelled),
            "ablations": self.ablations,
            "seesaw": self.seesaw,
            "beside": {
                name: {number.key: self._beside(name, number) for number in ASKED}
                for name in (self.bar, CONSTANT)
            },
            "rows": [asdict(row) for row in self.rows],
        }

    def _ablation_table(self) -> str:
        given = [number for number in COLUMNS if any(entry[number.key] for entry in self.ablations)]
        lines = []
        for entry in self.ablations:
            hr = _spread(entry[HR_WINDOW.key])
            minus = _spread(entry["minus_whole"])
            others = [_spread(entry[number.key]) for number in (WAVE_R, *given)]
            lines.append(
                [
                    entry["variant"],
                    f"{entry['n_parameters']:,}".replace(",", " "),
                    hr.each if hr else "",
                    hr.words() if hr else "",
                    minus.words("+") if minus else "",
                    *(spread.words() if spread else "" for spread in others),
                ]
            )
        for name in (self.bar, CONSTANT):
            hr, *others = (number_cell(self._beside(name, number)) for number in (HR_WINDOW, WAVE_R, *given))
            lines.append([name, "", "", hr, "", *others])
        header = ["variant", "parameters", "HR MAE of each seed", "mean", "minus whole", "r"]
        return text_table([*header, *(COLUMNS[number] for number in given)], lines)

    def _seesaw_table(self) -> str:
        lines = []
        for entry in self.seesaw:
            single, multi, minus = (_spread(entry[name]) for name in ("single", "multi", "difference"))
            lines.append(
                [
                    f"{entry['task']}  {entry['words']}",
                    entry["unit"],
                    entry["truth"],
                    *(spread.words() if spread else "" for spread in (single, multi)),
                    minus.words("+") if minus else "",
                    f"{entry['better']} of {len(minus.values)}" if minus else "",
                    number_cell(entry[CONSTANT]),
                ]
            )
        header = [
            "task  number",
            "unit",
            "truth",
            "alone",
            "with all tasks",
            "all minus alone",
            "seeds better with all",
            CONSTANT,
        ]
        return text_table(header, lines)

    def _truth_note(self) -> str:
        simulated = [number.label for number in ASKED if self.name_truth(number) == "simulator"]
        names = " and ".join(
            dict.fromkeys({"bvp": "r", "hr": "HR", "rr": "RR", "spo2": "SpO2"}[t] for t in simulated)
        )
        return (
            f"; {names} against the simulator's own truth, as they have no labels there" if simulated else ""
        )

    def _spread(self, variant: str, number: Number) -> Spread | None:
        title = f"{self.network} {variant}".rstrip()
        return spread_from_rows([row for row in self.rows if row.method == title], number)

    def _beside(self, name: str, number: Number) -> float:
        return value_from_rows([row for row in self.rows if row.method == name], number, beside=True)


def _plain(spread: Spread | None) -> dict[str, Any] | None:
    return None if spread is None else spread.to_dict()


def _spread(found: dict[str, Any] | None) -> Spread | None:
    return None if found is None else Spread(dict(zip(found["seeds"], found["values"], strict=True)))
