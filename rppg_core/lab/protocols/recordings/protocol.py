"""Protocol `recordings`: every method and the consensus on people with a reference heart rate.

A folder of colour traces or videos, each beside its reference (see `reading`). Clips are cut into windows from their
start on, and each window is analysed by itself, as a clip of that length would be. Results stand beside a constant
predictor that knows only other people: the median of their references. The reference's own delay is estimated
(see `lag`); every table has its figures without and with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rppg_core.analysis.pipeline import collect_needs
from rppg_core.errors import UsageError
from rppg_core.json_form import plain
from rppg_core.lab.protocols.face_clips import read_clip, stretches
from rppg_core.lab.protocols.recordings.lag import Course, Lag, estimate_lag, joint_course
from rppg_core.lab.protocols.recordings.reading import Recording, find_recordings, reference_rate
from rppg_core.lab.protocols.table import Criterion, percent, text_table
from rppg_core.lab.protocols.voices import (
    ABOUT_TALLY,
    CONSENSUS,
    TALLY,
    Voice,
    constant_voice,
    shown_right_criterion,
    tally,
    voices_on_clip,
)
from rppg_core.lab.workers import WorkerPool
from rppg_core.roster import resolve
from rppg_core.signals.frame_times import frame_timing
from rppg_core.tables.reference import Reference, read_reference
from rppg_core.types import FaceClip, Progress

WINDOW_S = 30.0
SHORTEST_S = 5.0  # of a window, as of any clip


@dataclass(frozen=True)
class WindowRow:
    """One voice on one window."""

    recording: str
    person: str
    kind: str
    start_s: float
    end_s: float
    full: bool  # False: the clip is shorter than a window
    voice: Voice
    true_bpm: float  # NaN where the reference does not cover the window
    lagged_bpm: float  # the same, from the reference shifted by its own lag


@dataclass(frozen=True)
class RecordingFacts:
    """One recording as a whole."""

    name: str
    person: str
    kind: str
    seconds: float
    found: float  # share of frames with a face
    median_bpm: float  # of the reference
    lag: Lag
    reference: Reference


def run_recordings(
    data: Path | str,
    methods: Sequence[str] | str | None = None,
    *,
    window_s: float = WINDOW_S,
    workers: int = 2,
    progress: Progress | None = None,
) -> RecordingsResult:
    """The whole protocol.

    Args:
        data: folder of recordings.
        methods: names; None selects the seven classical ones.
        window_s: length of the windows. Unit: s.
        workers: processes.
        progress: called with a stage and a fraction.

    Raises:
        UsageError: no recording, one without reference, or a window that is too short.
        RppgError: a clip or a reference that cannot be read.
    """
    if not window_s >= SHORTEST_S:
        raise UsageError(
            f"windows of {window_s:g} s",
            wanted=f"at least {SHORTEST_S:.0f} s",
            do="leave --window-s out for 30 s",
        )
    names = resolve(methods)
    found = find_recordings(data)
    references = [read_reference(recording.reference) for recording in found]  # errors first
    rows: list[WindowRow] = []
    facts: list[RecordingFacts] = []
    with WorkerPool(workers) as pool:
        jobs = found, references, [names] * len(found), [window_s] * len(found)
        for k, (one, windows) in enumerate(pool.map(run_recording, *jobs)):
            facts.append(one)
            rows += windows
            if progress is not None:
                progress(f"recording {k + 1} of {len(found)}", (k + 1) / len(found))
    return RecordingsResult(window_s, rows, facts)


def run_recording(
    recording: Recording, reference: Reference, names: Sequence[str], window_s: float
) -> tuple[RecordingFacts, list[WindowRow]]:
    """Analyse every window of one recording."""
    clip = read_clip(recording.clip, collect_needs(names))
    windows: list[tuple[FaceClip, list[Voice]]] = []
    course: Course = []
    for part in stretches(clip, window_s):
        found = voices_on_clip(part, names)
        windows.append((part, found.voices))
        course += joint_course(found)
    lag = estimate_lag(reference, course)
    rows = []
    for part, voices in windows:
        start_s, end_s = _ends(part)
        true_bpm, lagged_bpm = (
            reference_rate(reference, start_s, end_s, lag_s=by_s) for by_s in (0.0, lag.lag_s)
        )
        full = end_s - start_s >= 0.9 * window_s
        rows += [
            WindowRow(recording.name, recording.person, recording.kind, start_s, end_s, full, voice,
                      true_bpm, lagged_bpm)
            for voice in voices
        ]  # fmt: skip
    start_s, end_s = _ends(clip)
    median = float(np.median(reference.hr_bpm))
    facts = RecordingFacts(
        recording.name, recording.person, recording.kind, end_s - start_s, float(clip.valid.mean()), median,
        lag, reference,
    )  # fmt: skip
    return facts, rows


@dataclass(frozen=True)
class RecordingsResult:
    """Rows of the protocol, and the tables made from them."""

    window_s: float
    rows: list[WindowRow]
    recordings: list[RecordingFacts]

    @cached_property
    def all_rows(self) -> list[WindowRow]:
        """The rows, and those of the constant predictor for every window."""
        own = [row for row in self.rows if row.voice.name == CONSENSUS]
        found = list(self.rows)
        for row in own:
            others = [other.true_bpm for other in own if other.person != row.person]
            known = [rate for rate in others if np.isfinite(rate)]
            voice = constant_voice(float(np.median(known)) if known else float("nan"))
            found.append(WindowRow(**{**row.__dict__, "voice": voice}))
        return found

    def criteria(self) -> list[Criterion]:
        """The criterion of this protocol, on the references as they are."""
        rows = [row for row in self.rows if row.voice.name == CONSENSUS]
        return [shown_right_criterion(tally((row.voice, row.true_bpm) for row in rows))]

    @cached_property
    def cells(self) -> list[dict[str, Any]]:
        """Counts of every voice in every group of windows."""
        found = []
        for group, find_level in self._groups().items():
            levels = dict.fromkeys(find_level(row) for row in self.all_rows)
            for level in levels if group == "all" or len(levels) > 1 else ():
                inside = [row for row in self.all_rows if find_level(row) == level]
                for name in dict.fromkeys(row.voice.name for row in inside):
                    own = [row for row in inside if row.voice.name == name]
                    found.append(
                        {
                            "group": group,
                            "level": level,
                            "voice": name,
                            "plain": tally((row.voice, row.true_bpm) for row in own),
                            "lagged": tally((row.voice, row.lagged_bpm) for row in own),
                        }
                    )
        return found

    def text(self) -> str:
        """All tables."""
        people = len({fact.person for fact in self.recordings})
        windows = {(row.recording, row.start_s) for row in self.rows}
        unknown = {(row.recording, row.start_s) for row in self.rows if np.isnan(row.true_bpm)}
        about = [
            f"recordings protocol: {len(self.recordings)} recordings of {people} people, {len(windows)} windows "
            f"of {self.window_s:g} s",
            ABOUT_TALLY,
            "constant: the median reference of the other people, who are not in the window's recording"
            if people > 1
            else "constant: none, because there is one person only",
            "with lag: against the reference shifted by the lag of the first table, which the consensus chose itself",
        ]
        if unknown:
            about.append(f"{len(unknown)} windows are left out: their reference does not cover them")
        parts = ["\n".join(about), "Recordings, and how late their references are\n" + self._lag_table()]
        parts += [
            ("All windows\n" if group == "all" else f"By {group}\n") + self._table(group)
            for group in dict.fromkeys(cell["group"] for cell in self.cells)
        ]
        parts.append("The consensus over time, in windows of 10 s\n" + self._track_table())
        return "\n\n".join([*parts, "\n".join(criterion.line() for criterion in self.criteria())])

    def to_dict(self) -> dict[str, Any]:
        """Rows, counts, criteria and the strips of the figure, ready for JSON."""
        cells = [
            {**cell, "plain": asdict(cell["plain"]), "lagged": asdict(cell["lagged"])} for cell in self.cells
        ]
        return plain(
            {
                "protocol": "recordings",
                "window_s": self.window_s,
                "criteria": [asdict(criterion) for criterion in self.criteria()],
                "lags": [{"recording": fact.name, **asdict(fact.lag)} for fact in self.recordings],
                "cells": cells,
                "strips": list(self._strips()),
                "rows": [asdict(row) for row in self.rows],
            }
        )

    def _strips(self) -> Iterator[dict[str, Any]]:
        """What the consensus says over each recording, beside the reference."""
        for fact in self.recordings:
            voices = [
                row.voice for row in self.rows if (row.recording, row.voice.name) == (fact.name, CONSENSUS)
            ]
            yield {
                "recording": fact.name,
                "seconds": fact.seconds,
                "reference": {"times_s": fact.reference.times_s, "hr_bpm": fact.reference.hr_bpm},
                "spans": [asdict(span) for voice in voices for span in voice.spans],
            }

    def _groups(self) -> dict[str, Callable[[WindowRow], str]]:
        """Name of a grouping -> function that gives the level of a row."""

        def length(row: WindowRow) -> str:
            return f"{self.window_s:g} s" if row.full else f"under {self.window_s:g} s"

        return {
            "all": lambda row: "all",
            "kind": lambda row: row.kind,
            "length": length,
            "person": lambda row: row.person,
        }

    def _table(self, group: str) -> str:
        lines = []
        for cell in self.cells:
            if cell["group"] != group:
                continue
            counts, lagged = cell["plain"], cell["lagged"]
            name = cell["voice"] if group == "all" else f"{cell['level']}  {cell['voice']}"
            shifted = [percent(lagged.right, lagged.n), f"{lagged.wrong} of {lagged.shown}",
                       lagged.held_share]  # fmt: skip
            lines.append([name, *counts.cells(), *shifted])
        first = "" if group == "all" else group
        return text_table([first, *TALLY, "with lag: right", "wrong", "interval holds"], lines)

    def _track_table(self) -> str:
        """How often the windows of the heart rate over time are right, by kind of recording."""
        pairs: dict[str, list[tuple[Voice, float]]] = {}
        references = {fact.name: fact.reference for fact in self.recordings}
        for row in self.rows:
            for window in row.voice.windows() if row.voice.name == CONSENSUS else ():
                true_bpm = reference_rate(references[row.recording], window.whole.start_s, window.whole.end_s)
                pairs.setdefault(row.kind, []).append((window, true_bpm))
        lines = []
        for kind, found in pairs.items():
            counts = tally(found)
            lines.append([kind, str(counts.n), percent(counts.shown, counts.n),
                          f"{counts.wrong} of {counts.shown}", counts.held_share])  # fmt: skip
        return text_table(["kind", "windows", "shown", "wrong of shown", "interval holds"], lines)

    def _lag_table(self) -> str:
        lines = []
        for fact in self.recordings:
            lag = fact.lag
            errors = [f"{lag.lag_s:+.0f}", f"{lag.error_bpm:.1f}", f"{lag.lagged_error_bpm:.1f}",
                      f"{lag.gain_bpm:.1f}"]  # fmt: skip
            known = ["too short"] + [""] * 3 if np.isnan(lag.error_bpm) else errors
            lines.append(
                [fact.name, f"{fact.seconds:.0f}", f"{fact.found:.0%}", f"{fact.median_bpm:.0f}", *known]
            )
        header = [
            "recording",
            "s",
            "face seen",
            "reference bpm",
            "lag s",
            "difference bpm",
            "with lag",
            "gain",
        ]
        return text_table(header, lines)


def _ends(clip: FaceClip) -> tuple[float, float]:
    """First and last moment of a clip, with the interval of its last frame."""
    return float(clip.times_s[0]), float(clip.times_s[-1] + 1 / frame_timing(clip.times_s).fps)
