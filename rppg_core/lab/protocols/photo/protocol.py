"""Protocol `photo`: a frozen benchmark, every method on the same 220 clips of known truth.

A pulse is put into the skin of a photographed face that moves. 180 clips of 20 s test waveform and heart rate,
40 clips of 40 s test the breathing rate. The benchmark has two versions, each in a module of its own with what was
measured on it: photo-v1 (`glances`) and photo-v2 (`swings`). Each method is compared with POS on the same clips
(paired) and with the constant predictor. r, SNR and HR errors are those of the waveform itself, whether or not its
reading would be shown; "shown" is the share of readings that the calibration lets pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.json_form import plain
from rppg_core.lab.datasets.clip_file import KnownClip
from rppg_core.lab.protocols.own_weights import load_networks
from rppg_core.lab.protocols.photo.clips import SEEDS, Version, indices, place_from_number, stream_clips
from rppg_core.lab.protocols.photo.direct import (
    ABOUT,
    DirectLine,
    breath_criterion,
    direct_lines,
    direct_table,
)
from rppg_core.lab.protocols.photo.scores import (
    BAR,
    PhotoRow,
    constant_rows,
    paired_gain,
    score,
    summary,
)
from rppg_core.lab.protocols.photo.versions import CURRENT, get_version
from rppg_core.lab.protocols.table import Criterion, percent, text_table
from rppg_core.roster import BEHIND, CLASSICAL, get_method, resolve
from rppg_core.types import Method, Progress

POS_R = (0.65, 0.80)  # what the clips were tuned to
REALISTIC_PERCENT = 0.35
MAX_RATIO = 0.65  # of (1 - r) to that of POS, for a trained method
MOST_LOST_R = 0.01  # at any amplitude, by a network that cleans the waveform of another method
BASELINE = "tracenet"  # our own network, with which the networks of papers are compared
NOT_WORSE_R = -0.02  # bound for the upper end of the interval of the difference in r
MOTIONS = ("stillest third", "middle third", "most moving third")


def run_photo(
    methods: Sequence[str] | str | None = None,
    seeds: int = SEEDS,
    *,
    clips: str = CURRENT.name,
    weights: Sequence[str | Path] = (),
    runs: Path | str | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> PhotoResult:
    """The whole protocol.

    Args:
        methods: names; None selects the seven classical ones. POS is always among them.
        seeds: 10 is the benchmark; fewer for a quick look.
        clips: name of the benchmark's version.
        weights: files of trained networks (other seeds, ablations), each with its own table row named after
            its card. A network trained without the skin weight is scored on maps without it.
        runs: folder that keeps the rendered clips; None: out/runs.
        progress: called with a stage and a fraction.
        workers: processes that render clips.

    Returns:
        Rows and tables.

    Raises:
        UsageError: the number of seeds is not 1-10, or a method or the version is unknown.
        WriteError: the folder cannot be written.
    """
    version = get_version(clips)
    chosen = {name: get_method(name) for name in dict.fromkeys([BAR, *resolve(methods)])}
    plain_maps: dict[str, Method] = {}
    for own in load_networks(weights):
        (chosen if own.skin_weight else plain_maps)[own.name] = own.method
    numbers = indices(seeds)

    def judged(methods: Mapping[str, Method], *, skin_weight: bool) -> list[PhotoRow]:
        needs = frozenset({"rgb"}).union(*(method.needs for method in methods.values()))

        def counted() -> Iterable[KnownClip]:
            stream = stream_clips(version, numbers, needs, runs, skin_weight=skin_weight, workers=workers)
            for k, clip in enumerate(stream):
                yield clip
                if progress is not None:
                    progress(f"clip {k + 1} of {len(numbers)}", (k + 1) / len(numbers))

        return score(methods, counted())

    rows = judged(chosen, skin_weight=True)
    rows += judged(plain_maps, skin_weight=False) if plain_maps else []
    return PhotoResult(seeds, rows, version)


@dataclass(frozen=True)
class PhotoResult:
    """Rows of the protocol, and the tables made from them."""

    seeds: int
    rows: list[PhotoRow]
    version: Version = CURRENT

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(row.method for row in self.rows))

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """Numbers of every method, and of the constant predictor, in every group of clips."""
        rows = [*self.rows, *constant_rows(self.rows)]
        found = []
        for group, find_level in self._groups().items():
            for level in sorted({find_level(row) for row in self.rows}):
                inside = [row for row in rows if find_level(row) == level]
                for method in dict.fromkeys(row.method for row in inside):
                    numbers = summary(inside, method)
                    found.append({"group": group, "level": level, "method": method, **numbers})
        return found

    @cached_property
    def direct(self) -> list[DirectLine]:
        """Errors of the rates that networks regress themselves."""
        return direct_lines(self.rows)

    def select(self, group: str, **wanted: Any) -> list[dict[str, Any]]:
        """Cells of one group whose fields equal the given values."""
        return [
            cell
            for cell in self.cells
            if cell["group"] == group and all(cell[key] == value for key, value in wanted.items())
        ]

    def criteria(self) -> list[Criterion]:
        """The criteria for each trained method with a waveform or, without one, for the clips."""
        overall = {cell["method"]: cell for cell in self.select("all")}
        learned = [name for name in self.methods if name not in CLASSICAL and overall[name]["r"]]
        trained = [name for name in learned if BEHIND not in name]
        if BAR not in overall:
            return []
        bar = overall[BAR]
        if not learned:
            low, high = POS_R
            r = bar["r"]["mean"]
            return [Criterion(f"mean r of {BAR}", f"{r:.3f}", f"{low:.2f} to {high:.2f}", low <= r <= high)]
        found = []
        for name in trained:
            ratio, mae = overall[name]["ratio"], overall[name]["hr_mae_bpm"]["mean"]
            found += [
                Criterion(
                    f"(1 - r) of {name} against {BAR}",
                    _interval(ratio, 2),
                    f"at most {MAX_RATIO}, interval below 1",
                    ratio["mean"] <= MAX_RATIO and ratio["high"] < 1,
                ),
                Criterion(
                    f"HR MAE of {name}",
                    f"{mae:.2f} bpm",
                    f"below {bar['hr_mae_bpm']['mean']:.2f}, the MAE of {BAR}",
                    mae < bar["hr_mae_bpm"]["mean"],
                ),
            ]
            for cell in self.select("amplitude", level=_amplitude(REALISTIC_PERCENT), method=name):
                near = cell["within_5_bpm"]["mean"]
                found.append(
                    Criterion(
                        f"{name} within 5 bpm at {REALISTIC_PERCENT} %",
                        f"{near:.1%}",
                        "at least 95%",
                        near >= 0.95,
                    )
                )
            found += self._research_criteria(name)
        return found + [one for name in learned if BEHIND in name for one in self._cleaner_criteria(name)]

    def _cleaner_criteria(self, name: str) -> list[Criterion]:
        """The criteria for a network behind another method: it improves that method, and harms it at no amplitude."""
        base = name.partition(BEHIND)[0]
        gain = paired_gain(self.rows, name, base)
        if gain is None:
            return []
        amplitudes = sorted({row.amplitude_percent for row in self.rows if not row.breath})
        found = {
            amplitude: paired_gain([r for r in self.rows if r.amplitude_percent == amplitude], name, base)
            for amplitude in amplitudes
        }
        lowest, where = min((one["mean"], amplitude) for amplitude, one in found.items() if one is not None)
        return [
            Criterion(
                f"r of {name} against {base}",
                _interval(gain, 3, sign="+"),
                "interval above 0",
                gain["low"] > 0,
            ),
            Criterion(
                f"the same at {where:g} %, its lowest",
                f"{lowest:+.3f}",
                f"at least {-MOST_LOST_R}",
                lowest >= -MOST_LOST_R,
            ),
        ]

    def _research_criteria(self, name: str) -> list[Criterion]:
        """The criteria for a network of a paper: not worse than our baseline, and a usable breathing rate."""
        if _network_from_name(name) == BASELINE:
            return []
        found = [breath_criterion(self.rows, name)]
        gain = paired_gain(self.rows, name, BASELINE)
        if gain is not None:
            found.insert(
                0,
                Criterion(
                    f"r of {name} against {BASELINE}",
                    _interval(gain, 3, sign="+"),
                    f"upper end above {NOT_WORSE_R}",
                    gain["high"] > NOT_WORSE_R,
                ),
            )
        return [criterion for criterion in found if criterion is not None]

    def text(self) -> str:
        """All tables."""
        clips = {row.clip: row.breath for row in self.rows}.values()
        n_breath = sum(clips)
        parts = [
            f"photo protocol: {self.version.name}, {self.seeds} seeds: {len(clips) - n_breath} clips of 20 s, and "
            f"{n_breath} of 40 s for the RR columns\n(means with 95 % interval over clips; HR errors are of the "
            "waveform, shown or not, RR errors of what is shown)",
            "All clips\n" + self._table("all", first="method"),
            *(
                f"By {group}\n" + self._table(group, first=group)
                for group in self._groups()
                if group != "all"
            ),
        ]
        if self.direct:
            parts.append(f"{ABOUT}\n{direct_table(self.direct)}")
        return "\n\n".join([*parts, "\n".join(criterion.line() for criterion in self.criteria())])

    def to_dict(self) -> dict[str, Any]:
        """Rows, numbers, criteria and the data of the figure, ready for JSON."""
        return plain(
            {
                "protocol": "photo",
                "version": self.version.name,
                "seeds": self.seeds,
                "criteria": [asdict(c) for c in self.criteria()],
                "cells": self.cells,
                "direct": [asdict(line) for line in self.direct],
                "r_by_amplitude": [
                    {"method": cell["method"], "amplitude": cell["level"], **cell["r"]}
                    for cell in self.select("amplitude")
                    if cell["r"]
                ],
                "rows": [
                    asdict(row) | {group: self._planned(group, row) for group in self.version.groups}
                    for row in self.rows
                ],
            }
        )

    def _groups(self) -> dict[str, Callable[[PhotoRow], str]]:
        """Name of a grouping -> function that gives the level of a row."""
        return {
            "all": lambda row: "all",
            "amplitude": lambda row: _amplitude(row.amplitude_percent),
            "tone": lambda row: f"tone {row.tone}",
            "motion": _motion_thirds(self.rows),
            **{group: partial(self._planned, group) for group in self.version.groups},
        }

    def _planned(self, group: str, row: PhotoRow) -> str:
        """Level of a row in a grouping that the version plans."""
        return self.version.groups[group](place_from_number(row.clip - self.version.first_seed))

    def _table(self, group: str, *, first: str) -> str:
        lines = []
        for cell in self.select(group):
            name = cell["method"] if group == "all" else f"{cell['level']}  {cell['method']}"
            lines.append([
                name, str(cell["n"]), _interval(cell["r"], 3), _interval(cell["ratio"], 2),
                _interval(cell["r_gain"], 3, sign="+"), _interval(cell["snr_db"], 1),
                _interval(cell["hr_mae_bpm"], 1), _interval(cell["within_5_bpm"], 0, factor=100),
                _share(cell["shown"]), str(cell["n_breath"]), _share(cell["rr_shown"]),
                _interval(cell["rr_mae_brpm"], 2),
            ])  # fmt: skip
        header = [first, "n", "r", f"(1-r) / {BAR}'s", f"r - {BAR}'s", "SNR dB", "HR MAE bpm", "within 5 bpm %",
                  "shown", "n RR", "RR shown", "RR MAE brpm"]  # fmt: skip
        return text_table(header, lines)


def _motion_thirds(rows: Sequence[PhotoRow]) -> Callable[[PhotoRow], str]:
    """Function that gives the third of a row among the clips, by their measured motion."""
    motions = list({row.clip: row.motion_percent for row in rows}.values())
    edges = np.quantile(motions, [1 / 3, 2 / 3]) if motions else np.zeros(2)

    def third(row: PhotoRow) -> str:
        k = int(np.searchsorted(edges, row.motion_percent, side="left"))
        bounds = (f"to {edges[0]:.2f}", f"{edges[0]:.2f}-{edges[1]:.2f}", f"from {edges[1]:.2f}")
        return f"{k + 1} {MOTIONS[k]}, {bounds[k]} %/s"

    return third


def _network_from_name(name: str) -> str:
    """The network of a name in the table: "physmle, 1800 steps, seed 1" gives "physmle"."""
    return name.replace(",", " ").split()[0]


def _interval(found: Mapping[str, float] | None, digits: int, *, factor: float = 1, sign: str = "") -> str:
    if found is None:
        return ""
    mean, low, high = (factor * found[key] for key in ("mean", "low", "high"))
    return f"{mean:{sign}.{digits}f} ({low:{sign}.{digits}f} to {high:{sign}.{digits}f})"


def _share(found: Mapping[str, float] | None) -> str:
    return "" if found is None else percent(found["mean"], 1)


def _amplitude(value_percent: float) -> str:
    return f"{value_percent:g} %"
