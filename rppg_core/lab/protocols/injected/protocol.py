"""Protocol `injected`: every method and the consensus on real cameras, light and heads, with a known pulse.

A folder of anybody's face videos, colour traces or stored clips, without labels. A pulse of known rate and strength
is put on the skin (`lab.simulate.injection`), so that everything but the pulse is real. What it cannot show stands
in LIMITS, which the result prints. Results stand beside POS and a constant predictor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.errors import UsageError
from rppg_core.json_form import plain
from rppg_core.lab.protocols.face_clips import clip_files
from rppg_core.lab.protocols.injected.cases import (
    AS_IT_IS,
    BACKGROUND,
    MOVING_LIGHT_PERCENT,
    MOVING_PERCENT,
    PUT_IN,
    STRENGTHS_PERCENT,
    InjectedRow,
    run_file,
)
from rppg_core.lab.protocols.injected.light import LightMatch, LightSpread, drawn_spreads
from rppg_core.lab.protocols.table import Criterion, text_table
from rppg_core.lab.protocols.voices import (
    ABOUT_TALLY,
    CONSENSUS,
    TALLY,
    constant_voice,
    shown_right_criterion,
    tally,
)
from rppg_core.lab.simulate.injection import COURSE_S, COURSES, RATES_BPM
from rppg_core.lab.workers import WorkerPool
from rppg_core.metrics import wilson_interval
from rppg_core.roster import get_method, resolve
from rppg_core.types import Progress

WINDOW_S = 30.0
SHORTEST_S = 5.0  # of a window, as of any clip
BAR = "pos"
READ = frozenset({"rgb", "stmap", "still", "scene", "landmarks"})  # needs that hold no pulse, or ours
CONSTANT_BPM = sum(RATES_BPM) / 2  # of the constant predictor: middle of the drawn range
MAX_ON_BACKGROUND = 0.02
LIMITS = (
    "What this cannot show: the colour and shape of the pulse are ours; its strength over the face follows the share",
    "of skin alone; it is put in after the camera's compression, which would have weakened it. A person's own pulse",
    "stays in the clip: where it is strong, it can be found in place of ours and counts as wrong.",
)


def run_injected(
    data: Path | str,
    methods: Sequence[str] | str | None = None,
    seeds: int = 1,
    *,
    window_s: float = WINDOW_S,
    workers: int = 2,
    progress: Progress | None = None,
) -> InjectedResult:
    """The whole protocol.

    Args:
        data: folder of face videos, colour traces or stored clips.
        methods: names; None selects the seven classical ones. POS is always among them.
        seeds: draws of a person and a rate for every window.
        window_s: length of the windows into which clips are cut. Unit: s.
        workers: processes.
        progress: called with a stage and a fraction.

    Raises:
        UsageError: no clip, no method that reads only colours, or a number that makes no sense.
        RppgError: a file that cannot be read.
    """
    if seeds < 1 or not window_s >= SHORTEST_S:
        raise UsageError(
            f"{seeds} seeds and windows of {window_s:g} s",
            wanted=f"at least 1 and {SHORTEST_S:.0f} s",
            do="leave --seeds and --window-s out",
        )
    asked = list(dict.fromkeys([BAR, *resolve(methods)]))
    names = [name for name in asked if get_method(name).needs <= READ]
    files = clip_files(data, stored=True)
    rows: list[InjectedRow] = []
    spreads: list[LightSpread] = []
    with WorkerPool(workers) as pool:
        jobs = files, [names] * len(files), [seeds] * len(files), [window_s] * len(files)
        for k, (found, own) in enumerate(pool.map(run_file, *jobs)):
            rows += found
            spreads += own
            if progress is not None:
                progress(f"clip {k + 1} of {len(files)}", (k + 1) / len(files))
    left_out = tuple(name for name in asked if name not in names)
    return InjectedResult(seeds, window_s, rows, left_out, LightMatch(spreads, drawn_spreads()))


@dataclass(frozen=True)
class InjectedResult:
    """Rows of the protocol, and the tables made from them."""

    seeds: int
    window_s: float
    rows: list[InjectedRow]
    left_out: tuple[str, ...] = ()  # methods that read pictures, into which no pulse is put
    light: LightMatch = field(default_factory=LightMatch)

    @cached_property
    def put_in(self) -> list[InjectedRow]:
        """Rows with a pulse of ours, and those of the constant predictor."""
        rows = [row for row in self.rows if row.kind == PUT_IN]
        constant = constant_voice(CONSTANT_BPM)
        own = [row for row in rows if row.voice.name == CONSENSUS]
        return rows + [InjectedRow(**{**row.__dict__, "voice": constant, "r": float("nan")}) for row in own]

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """Counts of every voice in every group of clips with a pulse of ours."""
        found = []
        for group, find_level in _GROUPS.items():
            for level in dict.fromkeys(find_level(row) for row in self.put_in):
                inside = [row for row in self.put_in if find_level(row) == level]
                bar = {_case(row): row.r for row in inside if row.voice.name == BAR}
                for name in dict.fromkeys(row.voice.name for row in inside):
                    own = [row for row in inside if row.voice.name == name]
                    gains = [row.r - bar.get(_case(row), np.nan) for row in own]
                    found.append(
                        {
                            "group": group,
                            "level": level,
                            "voice": name,
                            "r": _mean([row.r for row in own]),
                            "r_gain": _mean(gains),
                            "counts": tally((row.voice, row.true_bpm) for row in own),
                        }
                    )
        return found

    def criteria(self) -> list[Criterion]:
        """Values with a pulse of ours are right, and the background gets none."""
        own = [row for row in self.put_in if row.voice.name == CONSENSUS]
        found = [shown_right_criterion(tally((row.voice, row.true_bpm) for row in own))]
        walls = [row for row in self.rows if (row.kind, row.voice.name) == (BACKGROUND, CONSENSUS)]
        if walls:
            shown = sum(row.voice.shown for row in walls)
            found.append(
                Criterion(
                    "values of the consensus on the background",
                    f"{shown} of {len(walls)}",
                    f"{MAX_ON_BACKGROUND:.0%} within the 95 % interval of the share",
                    wilson_interval(shown, len(walls))[0] <= MAX_ON_BACKGROUND,
                )
            )
        return found

    def text(self) -> str:
        """All tables."""
        windows = {(row.clip, row.start_s) for row in self.rows}
        courses = ", ".join(
            f"{name} ({RATES_BPM[0]:.0f} to {RATES_BPM[1]:.0f} bpm)"
            if ends is None
            else f"{name} ({ends[0]:.0f} to {ends[1]:.0f} bpm in {COURSE_S:.0f} s)"
            for name, ends in COURSES.items()
        )
        about = [
            f"injected protocol: {len({row.clip for row in self.rows})} files, {len(windows)} windows of at most "
            f"{self.window_s:g} s, {self.seeds} seeds",
            f"pulses of {', '.join(f'{s:g}' for s in STRENGTHS_PERCENT)} % (standard deviation of green); {courses}",
            f"{ABOUT_TALLY}\nr: mean correlation of the waveform with the pulse that was put in; of a changing rate, "
            "the mean counts",
            *LIMITS,
        ]
        if self.left_out:
            about.append(f"left out, because they read pictures: {', '.join(self.left_out)}")
        parts = [
            "\n".join(about),
            *(
                f"{'All pulses put in' if group == 'all' else f'By {group}'}\n" + self._table(group)
                for group in _GROUPS
            ),
            "Values shown without a pulse of ours (as it is: a person's own pulse may be found)\n"
            + self._plain_table(),
        ]
        if self.light.recorded:
            parts.append(
                "What motion and light do to the skin, before a pulse is put in\n" + self.light.text()
            )
        return "\n\n".join([*parts, "\n".join(criterion.line() for criterion in self.criteria())])

    def to_dict(self) -> dict[str, Any]:
        """Rows, counts and criteria, ready for JSON."""
        return plain(
            {
                "protocol": "injected",
                "seeds": self.seeds,
                "window_s": self.window_s,
                "left_out": list(self.left_out),
                "limits": " ".join(LIMITS),
                "criteria": [asdict(criterion) for criterion in self.criteria()],
                "cells": [{**cell, "counts": asdict(cell["counts"])} for cell in self.cells],
                "light": self.light.to_dict() if self.light.recorded else [],
                "rows": [asdict(row) for row in self.rows],
            }
        )

    def _table(self, group: str) -> str:
        lines = []
        for cell in self.cells:
            if cell["group"] == group:
                name = cell["voice"] if group == "all" else f"{cell['level']}  {cell['voice']}"
                known = ["" if np.isnan(cell[key]) else f"{cell[key]:{form}}" for key, form in _R_COLUMNS]
                lines.append([name, *known, *cell["counts"].cells()])
        return text_table(["" if group == "all" else group, "r", f"r - {BAR}'s", *TALLY], lines)

    def _plain_table(self) -> str:
        lines = []
        voices = list(dict.fromkeys(row.voice.name for row in self.rows))
        for kind in (AS_IT_IS, BACKGROUND):
            for motion in dict.fromkeys(row.motion for row in self.rows):
                part = [row for row in self.rows if (row.kind, row.motion) == (kind, motion)]
                if part:
                    shown = [sum(row.voice.shown for row in part if row.voice.name == v) for v in voices]
                    n = sum(row.voice.name == CONSENSUS for row in part)
                    lines.append([f"{kind}, {motion}", str(n), *map(str, shown)])
        return text_table(["", "n", *voices], lines)


_R_COLUMNS = (("r", ".3f"), ("r_gain", "+.3f"))
_GROUPS: dict[str, Callable[[InjectedRow], str]] = {
    "all": lambda row: "all",
    "strength": lambda row: f"{row.amplitude_percent:g} %",
    f"motion (moving: over {MOVING_PERCENT:.0f} % of the face width a second)": lambda row: row.motion,
    f"light (moving: over {MOVING_LIGHT_PERCENT:.0f} % in 0.7 to 3 Hz)": lambda row: row.light,
    "strength and motion": lambda row: f"{row.amplitude_percent:g} %, {row.motion}",
    "course": lambda row: row.course,
}


def _case(row: InjectedRow) -> tuple[Any, ...]:
    """What two voices have to share to be compared in pairs."""
    return row.clip, row.start_s, row.amplitude_percent, row.course, row.seed


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
