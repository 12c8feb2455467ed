"""Rendered clips of the stress lab, one after the other, kept in a folder for the next run.

A worker process renders each case of a sweep. The name of its file is derived from everything that the clip depends
on (settings, simulator version, source of all code that makes a clip), so that an old file is never used for
a new case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rppg_core.lab import RUNS
from rppg_core.lab.datasets.clip_file import KnownClip, load_clip, made_folder
from rppg_core.lab.protocols.kept_clips import AHEAD, KEPT, kept_clip
from rppg_core.lab.protocols.stress.sweeps import SWEEPS, StressCase, stress_case, stress_clip
from rppg_core.lab.workers import WorkerPool, in_order


@dataclass(frozen=True)
class Stop:
    """One value of a sweep, for one person."""

    sweep: str  # a key of SWEEPS
    value: float
    seed: int
    pulsed: bool = True

    @property
    def case(self) -> StressCase:
        return stress_case(SWEEPS[self.sweep], self.value, self.seed, pulsed=self.pulsed)

    @property
    def stem(self) -> str:
        """Start of the file's name."""
        kind = "" if self.pulsed else "-pulse_free"
        return f"{self.sweep.replace(' ', '_')}-{self.value:g}-{self.seed}{kind}"


def stops(sweeps: Sequence[str], seeds: int) -> list[Stop]:
    """Every stop of the sweeps, and for the hard end of each sweep also the clip without a pulse."""
    found = []
    for name in sweeps:
        found += [Stop(name, value, seed) for value in SWEEPS[name].values for seed in range(seeds)]
        found += [Stop(name, SWEEPS[name].hard, seed, pulsed=False) for seed in range(seeds)]
    return found


def stream_stops(
    wanted: Sequence[Stop], needs: frozenset[str], runs: Path | str | None = None, *, workers: int = 2
) -> Iterator[KnownClip]:
    """The clips, in order; rendered anew if crops are needed, otherwise read from the folder.

    Args:
        wanted: the stops to render.
        needs: fields that the clips must hold, names from types.NEEDS.
        runs: folder that keeps rendered clips; None: out/runs.
        workers: processes that render.

    Raises:
        WriteError: the folder cannot be written.
    """
    folder = made_folder(Path(RUNS if runs is None else runs) / "stress") if needs <= KEPT else None
    with WorkerPool(workers) as pool:
        if folder is None:
            yield from in_order(pool, stress_clip, ((stop.case, needs) for stop in wanted), ahead=AHEAD)
        else:
            yield from map(load_clip, pool.map(rendered_into, wanted, [folder] * len(wanted)))


def rendered_into(stop: Stop, folder: Path) -> Path:
    """The file of a stop in a folder, rendered if it is missing, outdated or damaged."""
    return kept_clip(folder, stop.stem, [stop.case.key], lambda: stress_clip(stop.case, KEPT))
