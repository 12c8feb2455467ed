"""A codebook from a user's own pulses: tables of contact PPG as a source, for the stage that looks at no face.

Axis letters: T time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.interpolate import CubicSpline

from rppg_core.data_files import data_files
from rppg_core.errors import UsageError
from rppg_core.lab.training.batches import Share
from rppg_core.lab.training.loop import Result, RunOptions, run_name, train
from rppg_core.lab.training.sources import Sample
from rppg_core.models.recipe import Recipe
from rppg_core.signals.filters import bandpass, standardise
from rppg_core.tables.columns import name_words, read_times, time_column
from rppg_core.tables.table import read_table
from rppg_core.tables.text import TableError
from rppg_core.types import FS, Progress

STAGE = "codebook"  # name of a stage that learns from pulses alone
NAMES = frozenset({"ppg", "bvp", "pleth", "pulse", "wave"})  # words in the name of a column
BAND_HZ = (0.4, 8.0)  # kept of a sensor's wave: no wander, and nothing that 30 samples a second would fold
EXAMPLE = "time_s,ppg\n0.000,0.52\n0.033,0.54"
FASTEST_S, SLOWEST_S = 1 / 5000, 1 / 20  # steps of a sensor


@dataclass(frozen=True)
class PpgSource:
    """Random windows of recorded pulses; there is no face beside them, so the method has no inputs."""

    tables: tuple[Path, ...]
    seed: int
    n_frames: int

    @property
    def name(self) -> str:
        return f"windows of {len(self.tables)} tables of PPG"

    def sample(self, index: int, difficulty: float) -> Sample:
        """One window, standardised; long recordings are drawn as much more often."""
        rng = np.random.default_rng([self.seed, index, 5])
        waves = [_wave(path) for path in self.tables]
        room = np.array([len(wave) - self.n_frames + 1 for wave in waves])
        place = int(rng.integers(room.sum()))
        k = int(np.searchsorted(np.cumsum(room), place, side="right"))
        start = place - int(room[:k].sum())
        window = standardise(waves[k][start : start + self.n_frames])
        return Sample({}, {"bvp": window})


def read_ppg(path: Path, fs: float | None = None) -> Float[np.ndarray, " time"]:
    """A recorded pulse at 30 Hz, without its wander.

    Args:
        path: a table with a column of times and one whose name contains a word of NAMES; at 20 to 5000 samples a
            second.
        fs: rate of a table without times. Unit: Hz.

    Raises:
        TableError: no such table, or times that do not increase.
    """
    table = read_table(path, header=True, example=EXAMPLE)
    times, wave = time_column(table.names), _wave_column(table.names)
    if wave is None or (times is None and fs is None):
        raise TableError(
            path,
            f"has the columns {', '.join(table.names)[:200]}",
            wanted=f"a column of times, and one of {', '.join(sorted(NAMES))}",
            do="name them in the first line, such as time_s,ppg",
        )
    if times is None:
        times_s = np.arange(len(table)) / (fs or FS)
    else:
        table.increasing(times)
        times_s = read_times(table, times, fastest_s=FASTEST_S, slowest_s=SLOWEST_S).times_s
    fs = float(1 / np.median(np.diff(times_s)))
    even_s = np.arange(times_s[0], times_s[-1], 1 / fs)
    even = CubicSpline(times_s, table.complete(wave))(even_s)
    low_hz, high_hz = BAND_HZ
    clean = bandpass(even, fs, low_hz=low_hz, high_hz=min(high_hz, 0.45 * fs))
    return CubicSpline(even_s, clean)(np.arange(even_s[0], even_s[-1], 1 / FS))


def find_tables(sources: Sequence[str], n_frames: int, fs: float | None = None) -> tuple[Path, ...]:
    """Tables of PPG by name, or all in a folder, after a look at each.

    Args:
        sources: files and folders.
        n_frames: fewest samples at 30 Hz.
        fs: rate of tables without times. Unit: Hz.

    Raises:
        UsageError: none, or a recording that is shorter than a window.
        TableError: a file that cannot be read.
    """
    found: list[Path] = []
    for source in map(Path, sources):
        found += data_files(source, "*.csv", "*.txt", "*.tsv") if source.is_dir() else [source]
    if not found:
        raise UsageError(
            f"no table in {', '.join(sources)}",
            wanted="tables of PPG (time_s,ppg)",
            do="name files or their folder",
        )
    for path in found:
        if (n := len(_wave(path, fs))) < n_frames:
            raise UsageError(
                f"{str(path)!r} holds {n / FS:.1f} s of PPG",
                wanted=f"at least {n_frames / FS:.1f} s",
                do="leave it out, or record for longer",
            )
    return tuple(found)


def learn_codebook(
    recipe: Recipe,
    options: RunOptions,
    sources: Sequence[str],
    *,
    progress: Progress | None = None,
) -> tuple[Result, Recipe]:
    """Train the first stage on recorded pulses.

    Args:
        recipe: with its config; its first stage is named STAGE.
        options: the run lies in the folder `codebook` among the others.
        sources: tables of PPG, or folders of them.
        progress: called with a description and the completed share.

    Returns:
        The result, and the recipe of what is left to train, which starts from its weights.

    Raises:
        UsageError: a recipe without such a stage, or no table.
    """
    first, *others = recipe.stages or (None,)
    if first is None or first.name != STAGE:
        raise UsageError(
            f"{recipe.method} learns nothing from PPG alone",
            wanted="a method with a codebook, such as codephys",
            do="leave --ppg out, or name that method",
        )
    tables = find_tables(sources, recipe.n_frames)
    alone = replace(recipe, stages=(first,), steps=first.steps)
    options = replace(options, runs=Path(options.runs) / STAGE)
    weights = Path(options.runs) / run_name(alone) / f"{recipe.method}.safetensors"

    def shares(recipe: Recipe, *, held_out: bool) -> list[Share]:
        size = recipe.traces + recipe.clips
        return [] if held_out else [Share(PpgSource(tables, recipe.seed, recipe.n_frames), size)]

    if options.resume and weights.is_file():
        result = Result(weights.parent, weights, first.steps, float("nan"), {}, 0.0)
    else:
        result = train(
            alone, options, sources=[str(path) for path in tables], shares=shares, progress=progress
        )
    steps = recipe.steps - first.steps
    left = replace(
        recipe,
        steps=steps,
        stages=(replace(others[0], start=str(weights)), *others[1:]),
        easy=max(0.0, (recipe.easy * recipe.steps - first.steps) / steps),
        hard=max(0.0, (recipe.hard * recipe.steps - first.steps) / steps),
    )
    return result, left


def _wave_column(names: Sequence[str]) -> str | None:
    return next((name for name in names if set(name_words(name)) & NAMES), None)


@lru_cache(maxsize=256)
def _wave(path: Path, fs: float | None = None) -> Float[np.ndarray, " time"]:
    return read_ppg(path, fs)
